"""Mart table of profit pools: who keeps the chain's operating profit.

What belongs here: the contract of margins and shares by company, tier and segment. What does not: coverage (`schemas.mart.coverage`).
"""

from __future__ import annotations

from schemas.base import Table, column, quarter_column
from schemas.carried import lowest_confidence_column, rounding_column, source_ids_column, third_party_column

POOL_KINDS = ["company", "tier", "segment"]
SPANS = ["quarter", "ttm"]
METHODS = ["as_filed", "as_disclosed", "margin_times_revenue", "sum_of_members"]


class ProfitPools(Table):
    """Gross and operating margin and share of operating profit: company, tier or segment × span × calendar quarter.

    Companies come from their filings, companies without bundled filings and segments from `raw.segments`. A tier sums the companies
    of the perimeter `chain` (methodology.yaml); it and every share stay null until all members of the perimeter have the amount.
    """

    entity_kind: str = column("company, tier or segment (a part of a company, also product lines)", isin=POOL_KINDS)
    entity: str = column("Ticker, name of the segment, or upstream, midstream, downstream")
    name: str = column("Name in words")
    ticker: str = column("Ticker of the company, or of the segment's company; null for tiers", nullable=True)
    tier: str = column("Place along the chain")
    span: str = column("quarter: the quarter alone; ttm: four quarters", isin=SPANS)
    quarter: str = quarter_column("Calendar quarter by midpoint")
    revenue_usd: float = column("Revenue", unit="US dollars", nullable=True)
    gross_profit_usd: float = column("Revenue less cost of revenue", unit="US dollars", nullable=True)
    operating_income_usd: float = column("Operating income; negative for a loss", unit="US dollars", nullable=True)
    gross_margin_pct: float = column("Gross profit ÷ revenue", unit="percent", nullable=True)
    operating_margin_pct: float = column("Operating income ÷ revenue", unit="percent", nullable=True)
    operating_income_method: str = column(
        "as_filed: structured facts; as_disclosed: stated by a source; margin_times_revenue: stated margin × stated revenue;"
        " sum_of_members",
        isin=METHODS,
    )
    operating_income_rounding_usd: float = rounding_column(
        "Most that the steps the sources print in can move operating income; null for figures as filed", "US dollars"
    )
    is_before_recast: bool = column(
        "On a segment structure that was given up later; not comparable with rows that are not"
    )
    share_of_parent_pct: float = column(
        "Segment's operating income ÷ its company's; above 100 where the rest makes a loss",
        unit="percent",
        nullable=True,
    )
    in_chain: bool = column("A member of the perimeter chain: whole companies")
    share_of_chain_pct: float = column(
        "Operating income ÷ that of all companies of the chain, losses netted", unit="percent", nullable=True
    )
    in_compute_and_cloud: bool = column(
        "A member of the perimeter compute_and_cloud: sellers of compute and cloud segments in place of their companies"
    )
    share_of_compute_and_cloud_pct: float = column(
        "Operating income ÷ that of all members of compute_and_cloud", unit="percent", nullable=True
    )
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why a margin or the share of its perimeter is null; the first reason", nullable=True)

    class Config:
        unique = ["entity_kind", "entity", "span", "quarter"]
        metadata = {
            "usage_warning": "Never sum a segment with its company, nor rows of different entity_kind: use in_chain or"
            " in_compute_and_cloud. A company's profit is all of it, not its AI part."
        }
