"""Mart table of depreciation against revenue.

What belongs here: the contract of coverage as filed. What does not: the model of AI depreciation.
"""

from __future__ import annotations

from schemas.base import Table, column, quarter_column
from schemas.mart.prosperity import ENTITY_KINDS

SPANS = ["quarter", "ttm"]


class DepreciationCoverage(Table):
    """How well revenue covers depreciation: company or tier × span × calendar quarter.

    A tier's amounts are sums over its index members and null unless all of them are there: a partial sum is no number.
    """

    entity_kind: str = column("company or tier", isin=ENTITY_KINDS)
    entity: str = column("Ticker, or upstream, midstream, downstream")
    tier: str = column("The tier of the company, or the tier itself")
    span: str = column("quarter: the quarter alone; ttm: four quarters", isin=SPANS)
    quarter: str = quarter_column("Calendar quarter by midpoint")
    revenue_usd: float = column("Revenue", unit="US dollars", nullable=True)
    depreciation_amortization_usd: float = column(
        "Depreciation and amortisation as the cash-flow statement states it", unit="US dollars", nullable=True
    )
    capital_expenditure_usd: float = column(
        "Cash paid for property, plant and equipment", unit="US dollars", nullable=True
    )
    operating_income_usd: float = column("Operating income", unit="US dollars", nullable=True)
    revenue_depreciation_ratio: float = column("Revenue ÷ depreciation", unit="ratio", nullable=True)
    depreciation_revenue_pct: float = column("Depreciation as a share of revenue", unit="percent", nullable=True)
    capex_depreciation_ratio: float = column("Capital expenditure ÷ depreciation", unit="ratio", nullable=True)
    incremental_revenue_usd: float = column(
        "Revenue less that of the same span a year before", unit="US dollars", nullable=True
    )
    incremental_depreciation_usd: float = column(
        "Depreciation less that of the same span a year before", unit="US dollars", nullable=True
    )
    incremental_coverage_ratio: float = column(
        "Incremental revenue ÷ incremental depreciation; null unless depreciation grew", unit="ratio", nullable=True
    )
    operating_income_before_depreciation_ratio: float = column(
        "(Operating income + depreciation) ÷ depreciation", unit="ratio", nullable=True
    )
    is_provisional: bool = column("Revenue or depreciation of the company, or of a member of the tier, is missing")
    missing_companies: str = column(
        "The company, or the members of the tier, without revenue or depreciation, comma separated", nullable=True
    )
    basis_break: bool = column("Depreciation touches a recast basis")
    missing_reason: str = column("Why a ratio is null; the first reason", nullable=True)

    class Config:
        unique = ["entity_kind", "entity", "span", "quarter"]
        metadata = {
            "usage_warning": "Depreciation lines differ in perimeter between companies: Alphabet's leaves out amortisation, Amazon's"
            " includes leased assets and other amortisation, Microsoft's changed in January 2026 (basis_break)."
        }
