"""Raw tables of sourced figures that stand in long form: one row per entity, metric, period and source.

What belongs here: contracts of the files in `warehouse/reference/` whose rows are figures over time. What does not: policies, deals,
valuations and lists (`schemas.raw.reference_events`), filings (`schemas.raw.filings`).
"""

from __future__ import annotations

from schemas.base import column
from schemas.provenance import LEASE_TREATMENTS, Figure, sourced

_PERIOD = ["entity", "metric", "basis", "period_start_date", "period_end_date", "as_of_date"]
_USE = "Filter on conflict_resolution = 'used'; the other rows are kept to show what sources disagree about."


@sourced
class AiRevenue(Figure):
    """Revenue of generative AI: the market as published studies estimate it, and what model companies are reported to earn.

    Market figures outside China count end-customer dollars once. Run rates annualise one month and are not revenue.
    """

    metric: str = column(
        "What is measured",
        isin=[
            "ai_revenue",
            "ai_revenue_run_rate",
            "ai_revenue_growth",
            "ai_revenue_share_of_us_gdp",
            "ai_revenue_share_of_us_gdp_multiple",
            "days_per_billion_of_cumulative_revenue",
            "company_revenue",
        ],
    )

    class Config:
        unique = ["reference_id"]
        metadata = {"identity": _PERIOD, "usage_warning": _USE}


@sourced
class AiRunRates(Figure):
    """Annualised AI revenue, seats and commitments that companies disclose or that the press reports."""

    metric: str = column(
        "What is measured",
        isin=[
            "ai_run_rate",
            "annualised_revenue",
            "annualised_revenue_as_quoted",
            "cloud_run_rate",
            "custom_silicon_run_rate",
            "custom_silicon_standalone_run_rate",
            "custom_silicon_commitments",
            "advertising_tools_run_rate",
            "paid_seats",
            "generative_ai_product_growth",
            "gpu_revenue_growth",
        ],
    )

    class Config:
        unique = ["reference_id"]
        metadata = {
            "identity": _PERIOD,
            "usage_warning": "Run rates differ in what they count: Anthropic's is gross of cloud resellers, OpenAI's is net. "
            + _USE,
        }


@sourced
class AiCapitalExpenditure(Figure):
    """Capital expenditure and depreciation of AI as published: totals, AI shares, server shares, study lives, builders without bundled filings."""

    metric: str = column(
        "What is measured",
        isin=[
            "ai_capital_expenditure",
            "ai_capital_expenditure_cumulative",
            "ai_share_of_capital_expenditure",
            "ai_depreciation",
            "capital_expenditure",
            "operating_cash_flow",
            "property_depreciation",
            "server_share_of_capital_expenditure",
            "study_life_compute",
            "study_life_other",
            "understated_depreciation",
        ],
    )
    lease_treatment: str = column(
        "Whether leased assets are inside a capital expenditure figure", isin=LEASE_TREATMENTS
    )

    class Config:
        unique = ["reference_id"]
        metadata = {
            "identity": [*_PERIOD, "lease_treatment"],
            "usage_warning": "Perimeters differ: big four, big five and all builders never add up. " + _USE,
        }


@sourced
class FinanceLeases(Figure):
    """Assets taken on under finance leases, and principal paid on them, by quarter: what cash capital expenditure leaves out."""

    metric: str = column(
        "additions: right-of-use assets obtained; principal_paid: principal repaid",
        isin=["additions", "principal_paid"],
    )

    class Config:
        unique = ["reference_id"]
        metadata = {"identity": _PERIOD, "usage_warning": _USE}


@sourced
class Segments(Figure):
    """Revenue, operating income, margins and growth of segments and of chain companies outside the bundled filings."""

    metric: str = column(
        "What is measured",
        isin=[
            "revenue",
            "operating_income",
            "gross_margin",
            "operating_margin",
            "revenue_growth",
            "revenue_growth_constant_currency",
            "compute_revenue",
            "networking_revenue",
        ],
    )
    segment_basis: str = column(
        "Structure of the segment the figure is on; rows of different structures are not comparable",
        isin=["as_reported", "recast", "before_recast"],
    )

    class Config:
        unique = ["reference_id"]
        metadata = {
            "identity": [*_PERIOD, "segment_basis"],
            "usage_warning": "Intelligent Cloud changed its structure: before_recast and recast never join. " + _USE,
        }


@sourced
class RemainingPerformanceObligations(Figure):
    """Backlog: contracted revenue not yet recognised, its next-twelve-months share and its concentration."""

    metric: str = column(
        "What is measured",
        isin=[
            "remaining_performance_obligation",
            "share_next_twelve_months",
            "growth",
            "growth_excluding_largest_customer",
            "largest_customer_share",
            "leases_not_commenced",
        ],
    )
    definition: str = column(
        "What the level counts",
        isin=["commercial", "company_total", "cloud_only", "commitments_over_one_year", "contract_backlog", "leases"],
    )
    is_definition_break: bool = column("A growth rate against an earlier row mixes definitions or one giant contract")

    class Config:
        unique = ["reference_id"]
        metadata = {"identity": [*_PERIOD, "definition"], "usage_warning": _USE}


@sourced
class CapitalExpenditureGuidance(Figure):
    """Every capital expenditure guidance with the day it was given: the history, not only the last word."""

    metric: str = column("What is guided", isin=["capital_expenditure", "cloud_infrastructure_revenue"])
    lease_treatment: str = column("Whether leased assets are inside the guided figure", isin=LEASE_TREATMENTS)
    is_accounting_change: bool = column("The guidance moved because of accounting, not because of plans")

    class Config:
        unique = ["reference_id"]
        metadata = {"identity": _PERIOD, "usage_warning": _USE}


@sourced
class UnitEconomics(Figure):
    """Bills, losses and margins of model companies and clouds, and gains their shareholders book, where a source gives them."""

    metric: str = column(
        "What is measured",
        isin=[
            "cloud_bill",
            "inference_bill",
            "revenue_share_paid",
            "operating_loss",
            "net_loss",
            "stock_compensation",
            "cash_burn",
            "total_spending",
            "gross_margin",
            "loss_per_revenue_dollar",
            "compute_cost_per_revenue_dollar",
            "operating_profit",
            "customer_share_of_revenue",
            "equity_method_loss",
            "non_operating_gain",
        ],
    )
    counterparty: str = column("The other side of a bill, share or loss; null where there is none", nullable=True)

    class Config:
        unique = ["reference_id"]
        metadata = {"identity": [*_PERIOD, "counterparty"], "usage_warning": _USE}


@sourced
class PrivateValuations(Figure):
    """Valuation events and multiples of AI units, inside their group and as separate companies, in the currency of the source."""

    metric: str = column(
        "What is measured",
        isin=[
            "valuation",
            "valuation_target",
            "market_capitalisation",
            "increment_to_parent",
            "annualised_revenue",
            "revenue",
            "parent_stake",
            "share_purchase",
            "multiple_range",
        ],
    )
    value: float = column("The figure; null in a row that holds a multiple only", unit="as in `unit`", nullable=True)
    parent_entity: str = column("Group the unit belongs to or left; null where there is none", nullable=True)
    setting: str = column(
        "Where the figure sees the unit", isin=["inside_group", "separate_company", "listed", "sector"]
    )
    money_stage: str = column(
        "Before or after the new money; null where not stated", nullable=True, isin=["pre", "post"]
    )
    multiple_name: str = column(
        "Multiple that goes with the figure; null where none",
        nullable=True,
        isin=[
            "valuation_to_run_rate",
            "price_to_sales",
            "price_to_earnings",
            "forward_price_to_earnings",
            "to_value_inside_group",
            "share_of_parent_market_capitalisation",
            "price_per_share_usd",
        ],
    )
    multiple_value: float = column("The multiple, or the middle of its range", unit="times", nullable=True)
    multiple_low: float = column("Lower end of the multiple", unit="times", nullable=True)
    multiple_high: float = column("Upper end of the multiple", unit="times", nullable=True)
    multiple_is_derived: bool = column("The multiple was divided here from two rows, not printed by the source")

    class Config:
        unique = ["reference_id"]
        metadata = {
            "identity": [*_PERIOD, "setting", "unit"],
            "many_currencies": True,
            "usage_warning": "Amounts are in US dollars, yuan or Hong Kong dollars as the unit says; never sum across units. "
            + _USE,
        }
