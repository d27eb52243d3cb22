"""Core tables of values per fiscal quarter: current, historical, and missing with the reason.

What belongs here: contracts of the long tables. What does not: the wide table (`schemas.core.fundamentals`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import FactList, Table, column, quarter_column

METHODS = [
    "reported",
    "ytd_difference",
    "year_minus_nine_months",
    "cross_tag_difference",
    "sum",
    "derived",
    "carried_forward",
]
CHANGE_REASONS = ["first_report", "restated", "derived_input_restated", "reclassified_tag", "rounding"]
MISSING_REASONS = [
    "not_applicable",
    "not_reported",
    "before_first_value",
    "not_yet_published",
    "awaiting_source",
    "known_gap",
]
METHOD_MEANING = (
    "reported as filed; ytd_difference (6M−3M, 9M−6M); year_minus_nine_months; cross_tag_difference between two tags of the"
    " concept; sum of tags; derived from other lines; carried_forward from an earlier balance"
)


class QuartersHistory(Table):
    """Every value a fiscal quarter has had, with the days on which it was the known one.

    Grain: company × fiscal quarter × concept × measure × value. The value on a day is the row with
    `known_from_date` <= day < `known_to_date`. A filing that only repeats a value makes no new row.
    """

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    measure: str = column(
        "quarter (discrete flow), fiscal_ytd (flow since the start of the fiscal year), balance",
        isin=["quarter", "fiscal_ytd", "balance"],
    )
    fiscal_year: dt.Int64 = column("Fiscal year")
    fiscal_quarter: dt.Int64 = column("Fiscal quarter", ge=1, le=4)
    period_start_date: dt.Date = column("First day of the fiscal quarter")
    period_end_date: dt.Date = column("Last day of the fiscal quarter")
    calendar_quarter: str = quarter_column("Calendar quarter by midpoint")
    report_quarter: str = quarter_column("Calendar quarter of the period end less seven days")
    value: float = column("Value", unit="as in `unit`")
    unit: str = column("Unit of the value")
    method: str = column(METHOD_MEANING, isin=METHODS)
    basis_break: bool = column("A fact used is on a recast basis that differs from the periods before")
    known_from_date: dt.Date = column("First day on which all facts used were public, see raw.filings")
    reason: str = column(
        "first_report; restated: the filing changed the value itself; derived_input_restated: it changed a fact the value is computed"
        " from; reclassified_tag: another tag gives the value now; rounding: not more than the rounding of the facts",
        isin=CHANGE_REASONS,
    )
    value_before: float = column("Value known before; null for the first", unit="as in `unit`", nullable=True)
    known_to_date: dt.Date = column(
        "First day on which another value was known; null while it is the current one", nullable=True
    )
    facts: FactList = column("The facts used, with their signs")

    class Config:
        unique = ["ticker", "concept", "measure", "fiscal_year", "fiscal_quarter", "known_from_date"]


class Quarters(Table):
    """Discrete quarters and quarter-end balances as known now: company × fiscal quarter × concept.

    A flow is the amount of the quarter alone, a balance the amount at its end. Many flows are differences, see `method`: with the
    bundled filings 30 % of all, 56 % of those of the cash-flow statement, 81 % of fourth quarters. A concept that is not here for a
    quarter is in `core.missing_quarters` with the reason.
    """

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    fiscal_year: dt.Int64 = column("Fiscal year")
    fiscal_quarter: dt.Int64 = column("Fiscal quarter", ge=1, le=4)
    period_start_date: dt.Date = column("First day of the fiscal quarter")
    period_end_date: dt.Date = column("Last day of the fiscal quarter")
    calendar_quarter: str = quarter_column("Calendar quarter by midpoint")
    report_quarter: str = quarter_column("Calendar quarter of the period end less seven days")
    value: float = column("Value", unit="as in `unit`")
    unit: str = column("Unit of the value")
    method: str = column(METHOD_MEANING, isin=METHODS)
    basis_break: bool = column("A fact used is on a recast basis that differs from the periods before")
    known_from_date: dt.Date = column("First day on which all facts used were public")
    facts: FactList = column("The facts used, with their signs")

    class Config:
        unique = ["ticker", "concept", "fiscal_year", "fiscal_quarter"]


class FiscalYearToDate(Table):
    """Flows since the start of the fiscal year as filed: company × fiscal quarter × concept; the fourth quarter holds the year.

    Only spans that a filing reports; sums of quarters stand in for them in `core.fundamentals`.
    """

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    fiscal_year: dt.Int64 = column("Fiscal year")
    fiscal_quarter: dt.Int64 = column("Fiscal quarter", ge=1, le=4)
    period_end_date: dt.Date = column("Last day of the span")
    value: float = column("Value", unit="as in `unit`")
    unit: str = column("Unit of the value")
    method: str = column(METHOD_MEANING, isin=METHODS)
    basis_break: bool = column("A fact used is on a recast basis that differs from the periods before")
    known_from_date: dt.Date = column("First day on which all facts used were public")
    facts: FactList = column("The facts used, with their signs")

    class Config:
        unique = ["ticker", "concept", "fiscal_year", "fiscal_quarter"]


class MissingQuarters(Table):
    """Company × fiscal quarter × concept without a value, and why. Not reported is not zero."""

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    fiscal_year: dt.Int64 = column("Fiscal year")
    fiscal_quarter: dt.Int64 = column("Fiscal quarter", ge=1, le=4)
    period_end_date: dt.Date = column("Last day of the quarter; the expected one where nothing is filed yet")
    calendar_quarter: str = quarter_column("Calendar quarter by midpoint")
    report_quarter: str = quarter_column("Calendar quarter of the period end less seven days")
    reason: str = column(
        "not_applicable: no such line at the company; not_reported: the quarter is filed and the response holds no fact for it, be it"
        " that the filing has none or that the capture left its tag out (raw.company_facts); before_first_value: earlier than the first value"
        " of the concept in the filings at hand; not_yet_published: nothing filed for the"
        " quarter; awaiting_source: filed, but under a company's own tag that has not been read; known_gap: listed and explained",
        isin=MISSING_REASONS,
    )
    explanation: str = column(
        "Why, in words, for not_applicable and known_gap; null for the other reasons, which say it themselves",
        nullable=True,
    )

    class Config:
        unique = ["ticker", "concept", "fiscal_year", "fiscal_quarter"]
