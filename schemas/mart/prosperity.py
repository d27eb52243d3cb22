"""Mart tables of the prosperity index: sub-indices, composite scores, growth gap.

What belongs here: contracts of the index. What does not: coverage (`schemas.mart.coverage`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column

ENTITY_KINDS = ["company", "tier"]
BASES = ["fiscal_ytd", "quarter", "ttm"]
SUB_INDICES = ["revenue_growth", "roic_change", "capex_depreciation_change"]
BASIS_MEANING = "fiscal_ytd: since the start of the fiscal year (the published basis); quarter: the quarter alone; ttm: four quarters"
QUARTER_MEANING = "Report quarter on basis fiscal_ytd, calendar quarter on quarter and ttm"
PROVISIONAL = (
    "A tier's number is provisional while a member has no value: because it has not filed yet, or, in earlier quarters, because the filings"
    " at hand do not hold what the number needs; `missing_companies` names the members."
)


class SubIndices(Table):
    """The three parts of the prosperity score: company or tier × basis × quarter × sub-index.

    A tier's value is the simple mean of its members' values; scores of companies use the mean and deviation of the tiers.
    """

    entity_kind: str = column("company or tier", isin=ENTITY_KINDS)
    entity: str = column("Ticker, or upstream, midstream, downstream")
    tier: str = column("The tier of the company, or the tier itself")
    basis: str = column(BASIS_MEANING, isin=BASES)
    quarter: str = quarter_column(QUARTER_MEANING)
    sub_index: str = column(
        "revenue_growth: against the same span a year before; roic_change: annualised ROIC less that of the quarter before;"
        " capex_depreciation_change: capital expenditure ÷ depreciation against a year before",
        isin=SUB_INDICES,
    )
    value: float = column(
        "Growth or relative change as a fraction; change of ROIC in points as a fraction",
        unit="fraction",
        nullable=True,
    )
    z_score: float = column("Value less the window's mean, in deviations", unit="deviations", nullable=True)
    score: float = column(
        "Normal distribution function of the z-score",
        unit="0–100",
        nullable=True,
        in_range={"min_value": 0, "max_value": 100},
    )
    window_mean: float = column("Mean of the tiers' values in the normalisation window", unit="fraction", nullable=True)
    window_deviation: float = column("Their population standard deviation", unit="fraction", nullable=True, gt=0)
    window_count: dt.Int64 = column("Number of values in the window", unit="values", ge=0)
    company_count: dt.Int64 = column("Companies whose values are in the number", unit="companies", ge=0)
    is_provisional: bool = column("A member has no value: not filed yet, or not in the filings at hand")
    missing_companies: str = column("Members without a value, comma separated", nullable=True)
    basis_break: bool = column("Depreciation in the number touches a recast basis")
    missing_reason: str = column("Why the value or its score is null", nullable=True)

    class Config:
        unique = ["entity_kind", "entity", "basis", "quarter", "sub_index"]
        metadata = {"usage_warning": PROVISIONAL}


class CompositeScores(Table):
    """The composite prosperity score, 0–100: company or tier × basis × quarter, by the default method.

    40 % revenue growth, 30 % change of ROIC, 30 % change of capital expenditure ÷ depreciation (weights in methodology.yaml).
    A tier has a score where at least one member has all three values; else its three scores are those of different companies.
    """

    entity_kind: str = column("company or tier", isin=ENTITY_KINDS)
    entity: str = column("Ticker, or upstream, midstream, downstream")
    tier: str = column("The tier of the company, or the tier itself")
    basis: str = column(BASIS_MEANING, isin=BASES)
    quarter: str = quarter_column(QUARTER_MEANING)
    composite_score: float = column(
        "Weighted mean of the three scores; null where one is missing or no member has all three values",
        unit="0–100",
        nullable=True,
        in_range={"min_value": 0, "max_value": 100},
    )
    revenue_growth_score: float = column("Score of revenue growth", unit="0–100", nullable=True)
    roic_change_score: float = column("Score of the change of ROIC", unit="0–100", nullable=True)
    capex_depreciation_change_score: float = column(
        "Score of the change of capital expenditure ÷ depreciation", unit="0–100", nullable=True
    )
    company_count: dt.Int64 = column("Companies with all three values; 0 leaves no score", unit="companies", ge=0)
    is_provisional: bool = column("A member has no value: not filed yet, or not in the filings at hand")
    missing_companies: str = column("Members without all three values, comma separated", nullable=True)
    basis_break: bool = column("Depreciation in the number touches a recast basis")
    missing_reason: str = column("Why the score is null", nullable=True)

    class Config:
        unique = ["entity_kind", "entity", "basis", "quarter"]
        metadata = {"usage_warning": PROVISIONAL}


class GrowthGap(Table):
    """How many times faster upstream grows than the tiers behind it: basis × quarter."""

    basis: str = column(BASIS_MEANING, isin=BASES)
    quarter: str = quarter_column(QUARTER_MEANING)
    upstream_growth: float = column("Revenue growth of the upstream tier", unit="fraction", nullable=True)
    midstream_growth: float = column("Revenue growth of the midstream tier", unit="fraction", nullable=True)
    downstream_growth: float = column("Revenue growth of the downstream tier", unit="fraction", nullable=True)
    upstream_midstream_ratio: float = column(
        "Upstream ÷ midstream growth; null unless midstream grows", unit="ratio", nullable=True
    )
    upstream_downstream_ratio: float = column(
        "Upstream ÷ downstream growth; null unless downstream grows", unit="ratio", nullable=True
    )
    is_provisional: bool = column("A member has no value: not filed yet, or not in the filings at hand")
    missing_companies: str = column("Members without a value, comma separated", nullable=True)
    missing_reason: str = column("Why a ratio is null", nullable=True)

    class Config:
        unique = ["basis", "quarter"]
        metadata = {"usage_warning": PROVISIONAL}
