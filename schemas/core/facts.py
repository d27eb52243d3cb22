"""Core tables of facts and periods: standardised facts and the companies' fiscal calendars.

What belongs here: contracts of cleaned facts. What does not: values chosen among facts (`schemas.core.quarters`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.raw.configuration import TIERS


class Companies(Table):
    """The companies with what their filings say about them."""

    ticker: str = column("Ticker")
    cik: int = column("Central index key at SEC")
    name: str = column("Name by SEC's ticker list where EDGAR is the source, else by the universe file")
    tier: str = column("Place along the chain", isin=TIERS)
    in_prosperity_index: bool = column("Member of the published prosperity index")
    latest_filed_date: dt.Date = column("Day of the newest filing in the warehouse", nullable=True)
    latest_period_end_date: dt.Date = column("End of the newest fiscal quarter in the warehouse", nullable=True)

    class Config:
        unique = ["ticker"]


class StatementFacts(Table):
    """Facts of mapped tags under their standard concept: every version of every period, one row per concept, tag, period and filing.

    A fact that a predecessor's response repeats is there once, as the company's own.
    """

    ticker: str = column("Ticker")
    concept: str = column("Standard concept, see raw.concept_tags")
    kind: str = column("flow or balance", isin=["flow", "balance"])
    taxonomy: str = column("Taxonomy of the tag")
    tag: str = column("XBRL tag")
    period_start_date: dt.Date = column("First day of the period; null for a balance", nullable=True)
    period_end_date: dt.Date = column("Last day of the period, or the day of the balance")
    days: dt.Int64 = column("Length of the period", unit="days", nullable=True, ge=1)
    value: float = column("Value as filed", unit="as in `unit`")
    unit: str = column("Unit of the value")
    accession: str = column("Accession number of the filing; null only for transcribed figures", nullable=True)
    form: str = column("Form of the filing")
    filed_date: dt.Date = column("Day of the filing")
    known_from_date: dt.Date = column("First day on which the fact was public, see raw.filings")
    basis: str = column("as_first_reported or recast", isin=["as_first_reported", "recast"])
    source_url: str = column("Link to the filing, or to the source of a transcribed figure", nullable=True)

    class Config:
        # Basis and filing day tell figures apart that were transcribed without an accession.
        unique = [
            "ticker",
            "concept",
            "taxonomy",
            "tag",
            "period_start_date",
            "period_end_date",
            "accession",
            "basis",
            "filed_date",
        ]


class FiscalYears(Table):
    """Fiscal years as the annual reports span them, with the year still running at the end.

    A span is a fiscal year only if it is filed in an annual report and ends with it: 10-Qs of some companies tag
    trailing-twelve-month spans of the same length.
    """

    ticker: str = column("Ticker")
    fiscal_year: dt.Int64 = column("Calendar year of the year end less seven days", ge=1990, le=2100)
    start_date: dt.Date = column("First day")
    end_date: dt.Date = column("Last day; null while no annual report has been filed", nullable=True)
    weeks: dt.Int64 = column("Length", unit="weeks", nullable=True, ge=50, le=55)

    class Config:
        unique = ["ticker", "fiscal_year"]


class FiscalQuarters(Table):
    """Fiscal quarters for which a filing reports flows, with their places in the calendar."""

    ticker: str = column("Ticker")
    fiscal_year: dt.Int64 = column("Fiscal year")
    fiscal_quarter: dt.Int64 = column("Fiscal quarter", ge=1, le=4)
    quarter_index: dt.Int64 = column("Four times the fiscal year plus the quarter: consecutive quarters differ by one")
    fiscal_year_start_date: dt.Date = column("First day of the fiscal year")
    period_start_date: dt.Date = column("First day of the quarter")
    period_end_date: dt.Date = column("Last day of the quarter")
    weeks: dt.Int64 = column(
        "Length of the quarter; 14 in some quarters of 52/53-week years", unit="weeks", ge=10, le=17
    )
    fiscal_ytd_weeks: dt.Int64 = column("Weeks from the start of the fiscal year", unit="weeks", ge=10, le=55)
    calendar_quarter: str = quarter_column("Calendar quarter that holds the midpoint of the fiscal quarter")
    report_quarter: str = quarter_column("Calendar quarter that holds the period end less seven days")
    known_from_date: dt.Date = column("First day on which a filing with a flow of the quarter was public")

    class Config:
        unique = ["ticker", "fiscal_year", "fiscal_quarter"]
