"""Mart tables of circular money: deals between companies of the chain, pairs, exposure, and what a dollar of revenue costs.

What belongs here: contracts of what is derived from `raw.circular_commitments` and `raw.unit_economics`. What does not: valuations.
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.carried import lowest_confidence_column, rounding_column, source_ids_column, third_party_column
from schemas.provenance import DATE_PRECISIONS, QUALIFIERS, RESOLUTIONS

FLOWS = ["investment", "purchase", "backstop", "mark"]
FIRMNESS = ["paid", "binding", "not_binding", "lapsed"]
REVENUE_BASES = ["ttm", "calendar_year"]
DOLLARS = "US dollars"
COUNTED = "counted rows only"


class CircularCommitments(Table):
    """Money between companies of the chain, one row per deal or disclosure: who invests or pays, who receives, and what of it counts.

    `counted_usd` is what may be summed: a lapsed deal, a stake's mark, an aggregate or a second mention counts zero, with the reason.
    The lapsed letter of intent between NVIDIA and OpenAI (100 bn) therefore counts nothing; the 30 bn that closed count.
    """

    reference_id: str = column("Row of raw.circular_commitments")
    investor: str = column("Who invests or pays")
    investor_ticker: str = column("Its ticker; null where not listed", nullable=True)
    investee: str = column("Who receives")
    investee_ticker: str = column("Its ticker; null where not listed", nullable=True)
    form: str = column("Form of the money as in raw.circular_commitments")
    flow: str = column(
        "investment: equity, credits, loans; purchase: services, goods, shares of revenue; backstop: paid only if unsold;"
        " mark: value of a stake, no money",
        isin=FLOWS,
    )
    amount_usd: float = column("Amount as stated; null where no value was disclosed", unit=DOLLARS, nullable=True)
    counted_usd: float = column("Part of it that enters sums", unit=DOLLARS, ge=0)
    rounding_usd: float = rounding_column("Step the source prints the amount in", DOLLARS)
    qualifier: str = column("The source's own hedge", isin=QUALIFIERS)
    agreed_date: dt.Date = column("Day of the deal or disclosure", nullable=True)
    date_precision: str = column("How exactly it is dated", isin=DATE_PRECISIONS)
    term_years: float = column("Length of the commitment", unit="years", nullable=True)
    status: str = column("Status as the source gives it")
    firmness: str = column("How firm that status is, by methodology.yaml", isin=FIRMNESS)
    is_circular: bool = column("The receiver spends with the payer, or the payer's product is what the money buys")
    counts_in_totals: bool = column("The row enters sums")
    conflict_resolution: str = column("Outcome of contradictions between sources", isin=RESOLUTIONS)
    not_counted_reason: str = column("Why the row does not count; null where it does", nullable=True)
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why the amount is null", nullable=True)

    class Config:
        unique = ["reference_id"]
        metadata = {
            "usage_warning": "Sum counted_usd, never amount_usd. Upper ends, multi-year terms and cash paid stand side by side: look at"
            " qualifier, term_years and firmness before adding."
        }


class CircularCommitmentPairs(Table):
    """Two companies and the counted money between them, net; the one that invests more is the funder.

    Without investments the one that sells more is called funder. Backstops are paid only if capacity stays unsold and are left out of net.
    """

    funder: str = column("The company of the two that invests more in the other")
    counterparty: str = column("The other one")
    invested_usd: float = column(f"Investments of the funder in the other, {COUNTED}", unit=DOLLARS, ge=0)
    invested_back_usd: float = column(f"Investments of the other in the funder, {COUNTED}", unit=DOLLARS, ge=0)
    purchases_from_funder_usd: float = column(f"What the other buys from the funder, {COUNTED}", unit=DOLLARS, ge=0)
    purchases_by_funder_usd: float = column(f"What the funder buys from the other, {COUNTED}", unit=DOLLARS, ge=0)
    backstops_usd: float = column("Backstops either way, not in net", unit=DOLLARS, ge=0)
    net_usd: float = column(
        "What the funder pays less what it receives; negative where more is to come back than goes out", unit=DOLLARS
    )
    round_trip_usd: float = column("The smaller of the two directions: the most that can go round", unit=DOLLARS, ge=0)
    returned_per_dollar_invested_ratio: float = column(
        "Purchases from the funder ÷ its investments", unit="ratio", nullable=True
    )
    paid_usd: float = column("Part of all counted amounts that is paid", unit=DOLLARS, ge=0)
    rounding_usd: float = rounding_column("Half the steps of all counted amounts", DOLLARS)
    deals: dt.Int64 = column("Counted rows", unit="rows", ge=0)
    deals_without_amount: dt.Int64 = column("Rows whose value was not disclosed", unit="rows", ge=0)
    is_circular: bool = column("At least one row between the two is circular")
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why a ratio is null or the sums are not whole", nullable=True)

    class Config:
        unique = ["funder", "counterparty"]
        metadata = {
            "usage_warning": "Commitments run over years of different length; net is not a cash flow of one year."
        }


class CircularCommitmentExposure(Table):
    """What a company has in such deals, against its revenue and its backlog; one row per company.

    Revenue is that of four quarters for companies with quarters, else of the last calendar year a source reports.
    """

    company: str = column("Company")
    ticker: str = column("Ticker; null where not listed", nullable=True)
    invested_usd: float = column(f"Its investments in others, {COUNTED}", unit=DOLLARS, ge=0)
    received_investment_usd: float = column(f"Investments of others in it, {COUNTED}", unit=DOLLARS, ge=0)
    purchases_owed_usd: float = column(f"What it has committed to buy, {COUNTED}", unit=DOLLARS, ge=0)
    purchases_due_usd: float = column(f"What others have committed to buy from it, {COUNTED}", unit=DOLLARS, ge=0)
    circular_purchases_due_usd: float = column("Part of that from circular deals", unit=DOLLARS, ge=0)
    backstops_given_usd: float = column("Capacity it must buy if unsold", unit=DOLLARS, ge=0)
    revenue_usd: float = column("Revenue of a year", unit=DOLLARS, nullable=True)
    revenue_basis: str = column("ttm: four quarters; calendar_year: as reported", nullable=True, isin=REVENUE_BASES)
    revenue_until_quarter: str = quarter_column("Last quarter of that revenue", nullable=True)
    remaining_performance_obligation_usd: float = column("Newest backlog", unit=DOLLARS, nullable=True)
    backlog_definition: str = column("What that backlog counts", nullable=True)
    backlog_quarter: str = quarter_column("Quarter of that backlog", nullable=True)
    invested_revenue_pct: float = column("Investments ÷ revenue", unit="percent", nullable=True)
    purchases_owed_revenue_pct: float = column("Purchases owed ÷ revenue", unit="percent", nullable=True)
    purchases_due_revenue_pct: float = column("Purchases due ÷ revenue", unit="percent", nullable=True)
    purchases_due_backlog_pct: float = column(
        "Purchases due ÷ backlog; above 100 where deals lie outside the backlog or came after it",
        unit="percent",
        nullable=True,
    )
    circular_purchases_due_backlog_pct: float = column(
        "Purchases due from circular deals ÷ backlog", unit="percent", nullable=True
    )
    rounding_usd: float = rounding_column("Half the steps of all counted amounts of the company", DOLLARS)
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why a percentage is null", nullable=True)

    class Config:
        unique = ["company"]
        metadata = {
            "usage_warning": "Commitments of many years stand against revenue of one: a percentage above 100 is years of revenue."
            " Never sum purchases owed and due over companies: each deal is in both."
        }


class UnitEconomics(Table):
    """Bills and losses against revenue of the same period, where sources give both: company × period.

    A ratio is only computed where bill or loss and revenue cover the same days. What a source prints as a ratio stands beside ours.
    """

    entity: str = column("Company")
    ticker: str = column("Ticker; null where not listed", nullable=True)
    basis: str = column("Kind of period")
    period_start_date: dt.Date = column("First day")
    period_end_date: dt.Date = column("Last day")
    is_forecast: bool = column("Projected, not past")
    revenue_usd: float = column("Revenue of exactly this period", unit=DOLLARS, nullable=True)
    cloud_bill_usd: float = column("Bill for cloud or inference", unit=DOLLARS, nullable=True)
    cloud_bill_kind: str = column(
        "cloud_bill: all; inference_bill: inference at one provider only",
        nullable=True,
        isin=["cloud_bill", "inference_bill"],
    )
    cloud_bill_revenue_ratio: float = column("Bill ÷ revenue", unit="ratio", nullable=True)
    operating_loss_usd: float = column("Operating loss, positive; negative is a profit", unit=DOLLARS, nullable=True)
    stock_compensation_usd: float = column("Part of it paid in shares", unit=DOLLARS, nullable=True)
    net_loss_usd: float = column("Net loss, positive", unit=DOLLARS, nullable=True)
    cash_burn_usd: float = column("Cash used", unit=DOLLARS, nullable=True)
    total_spending_usd: float = column("All spending as reported", unit=DOLLARS, nullable=True)
    operating_loss_revenue_ratio: float = column("Operating loss per dollar of revenue", unit="ratio", nullable=True)
    operating_loss_before_stock_revenue_ratio: float = column(
        "The same before share-based pay", unit="ratio", nullable=True
    )
    net_loss_revenue_ratio: float = column("Net loss per dollar of revenue", unit="ratio", nullable=True)
    published_loss_revenue_ratio: float = column("Loss per dollar of revenue as printed", unit="ratio", nullable=True)
    published_compute_revenue_ratio: float = column(
        "Compute cost per dollar of revenue as printed", unit="ratio", nullable=True
    )
    gross_margin_pct: float = column("Gross margin as printed", unit="percent", nullable=True)
    revenue_share_paid_usd: float = column("Share of revenue paid to a partner", unit=DOLLARS, nullable=True)
    equity_method_loss_usd: float = column(
        "Loss a shareholder books for its stake, positive", unit=DOLLARS, nullable=True
    )
    non_operating_gain_usd: float = column("Gain a shareholder books outside operations", unit=DOLLARS, nullable=True)
    non_operating_gain_revenue_ratio: float = column("That gain ÷ revenue", unit="ratio", nullable=True)
    largest_customer_share_pct: float = column("Largest customer's share of revenue", unit="percent", nullable=True)
    rounding_usd: float = rounding_column("Largest step of the money amounts, without revenue", DOLLARS)
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why no ratio to revenue could be computed", nullable=True)

    class Config:
        unique = ["entity", "period_start_date", "period_end_date"]
        metadata = {
            "usage_warning": "Most rows rest on leaked or quoted papers, not filings: show lowest_confidence beside every number."
        }
