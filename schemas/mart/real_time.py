"""Mart tables of what was known when: score vintages and restatements.

What belongs here: contracts of real-time history. What does not: the history of values itself (`schemas.core.quarters`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.mart.prosperity import BASES, BASIS_MEANING, QUARTER_MEANING


class CompositeScoreVintages(Table):
    """The composite score of each tier and quarter as it was known at each month's end: vintage × tier × basis × quarter.

    Only filings of that day or before, the latest version of each period, and a window filled only with what was known.
    """

    vintage_date: dt.Date = column("The day of knowledge: a month's end")
    tier: str = column("Tier")
    basis: str = column(BASIS_MEANING, isin=BASES)
    quarter: str = quarter_column(QUARTER_MEANING)
    composite_score: float = column("Composite score as known that day", unit="0–100", nullable=True)
    revenue_growth_score: float = column("Score of revenue growth", unit="0–100", nullable=True)
    roic_change_score: float = column("Score of the change of ROIC", unit="0–100", nullable=True)
    capex_depreciation_change_score: float = column(
        "Score of the change of capital expenditure ÷ depreciation", unit="0–100", nullable=True
    )
    company_count: dt.Int64 = column(
        "Companies with all three values that day; 0 leaves no score", unit="companies", ge=0
    )
    is_provisional: bool = column("Not all members had filed by then")
    latest_filed_date: dt.Date = column("Newest day on which a value of an index member became public, by that day")
    basis_break: bool = column("Depreciation in the score touches a recast basis")
    missing_reason: str = column("Why the score is null", nullable=True)

    class Config:
        unique = ["vintage_date", "tier", "basis", "quarter"]


class Restatements(Table):
    """What filings changed of values known before: company × concept × measure × quarter × day of the change.

    Rounding-only changes are left out (they are in `core.quarters_history`); amounts in dollars know no splits. What a change did to
    ROIC and scores compares the day with the one before and includes everything filed on that day.
    """

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    measure: str = column("quarter, fiscal_ytd or balance")
    fiscal_year: dt.Int64 = column("Fiscal year")
    fiscal_quarter: dt.Int64 = column("Fiscal quarter")
    period_end_date: dt.Date = column("Last day of the fiscal quarter")
    report_quarter: str = quarter_column("Calendar quarter of the period end less seven days")
    filed_date: dt.Date = column("First day on which the filing that changed the value was public")
    accession: str = column("Filing that changed the value", nullable=True)
    reason: str = column("restated, derived_input_restated or reclassified_tag")
    value_before: float = column("Value known before", unit="as in `unit`")
    value: float = column("Value known since", unit="as in `unit`")
    difference: float = column("Change", unit="as in `unit`")
    difference_pct: float = column("Change as a share of the value before", unit="percent", nullable=True)
    unit: str = column("Unit of the values")
    roic_ttm_before_pct: float = column("ROIC of four quarters the day before", unit="percent", nullable=True)
    roic_ttm_pct: float = column("ROIC of four quarters on the day", unit="percent", nullable=True)
    composite_score_before: float = column(
        "The company's composite score (fiscal_ytd) the day before", unit="0–100", nullable=True
    )
    composite_score: float = column(
        "The company's composite score (fiscal_ytd) on the day", unit="0–100", nullable=True
    )
    basis_break: bool = column("Depreciation in one of the two scores touches a recast basis")

    class Config:
        unique = ["ticker", "concept", "measure", "fiscal_year", "fiscal_quarter", "filed_date"]
