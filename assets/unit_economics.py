"""Bills and losses per dollar of revenue.

What belongs here: `mart.unit_economics`. What does not: deals between companies (`assets.circular_money`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table

from assets.expressions import first_text, ratio
from assets.sourced import FILINGS, confidence_name, confidence_rank, listed, used
from schemas.core.fundamentals import Fundamentals
from schemas.mart import circular_money
from schemas.raw import reference_figures

PERIOD = ["entity", "period_start_date", "period_end_date"]
MONEY = {
    "operating_loss_usd": "operating_loss",
    "stock_compensation_usd": "stock_compensation",
    "net_loss_usd": "net_loss",
    "cash_burn_usd": "cash_burn",
    "total_spending_usd": "total_spending",
    "revenue_share_paid_usd": "revenue_share_paid",
    "equity_method_loss_usd": "equity_method_loss",
    "non_operating_gain_usd": "non_operating_gain",
}


def unit_economics(
    figures: Annotated[Table, reference_figures.UnitEconomics],
    ai_revenue: Annotated[Table, reference_figures.AiRevenue],
    fundamentals: Annotated[Table, Fundamentals],
) -> Annotated[Table, circular_money.UnitEconomics]:
    """Bills, losses and gains beside revenue of exactly the same period. Grain: company × period.

    A profit enters as a negative loss. Revenue comes from sources for private companies and from filings for companies with them.
    """
    wide = _wide(figures)
    revenue = _revenue(ai_revenue, fundamentals, wide)
    joined = wide.left_join(revenue, PERIOD).drop(*[f"{name}_right" for name in PERIOD])
    return _with_ratios(joined).select(*circular_money.UnitEconomics.to_schema().columns)


def _wide(figures: Table) -> Table:
    rows = used(figures)
    rows = rows.filter(rows.period_start_date.notnull(), rows.period_end_date.notnull())
    rows = rows.mutate(reference=ibis.literal("raw.unit_economics/") + rows.reference_id)

    def figure(metric: str) -> ibis.Value:
        return rows["value"].max(where=rows.metric == metric)

    amounts = {name: figure(metric) for name, metric in MONEY.items()}
    amounts["operating_loss_usd"] = ibis.coalesce(amounts["operating_loss_usd"], -figure("operating_profit"))
    whole_bill, inference = figure("cloud_bill"), figure("inference_bill")
    return rows.group_by(*PERIOD).agg(
        **amounts,
        ticker=rows.ticker.max(),
        basis=rows.basis.max(),
        is_forecast=(rows.basis == "forecast").any(),
        cloud_bill_usd=ibis.coalesce(whole_bill, inference),
        cloud_bill_kind=ibis.cases((whole_bill.notnull(), "cloud_bill"), (inference.notnull(), "inference_bill")),
        published_loss_revenue_ratio=figure("loss_per_revenue_dollar"),
        published_compute_revenue_ratio=figure("compute_cost_per_revenue_dollar"),
        gross_margin_pct=100 * figure("gross_margin"),
        largest_customer_share_pct=100 * figure("customer_share_of_revenue"),
        rounding_usd=rows.rounding.max(where=rows.unit == "usd"),
        place=confidence_rank(rows.confidence).max().cast("int64"),
        estimated=rows.is_third_party_estimate.any(),
        references=listed(rows.reference),
    )


def _revenue(ai_revenue: Table, fundamentals: Table, wide: Table) -> Table:
    rows = used(ai_revenue).filter(ai_revenue.metric == "company_revenue")
    sourced = rows.filter(rows.period_start_date.notnull()).select(
        *PERIOD,
        revenue_usd="value",
        revenue_place=confidence_rank(rows.confidence).cast("int64"),
        revenue_estimated="is_third_party_estimate",
        revenue_id=ibis.literal("raw.ai_revenue/") + rows.reference_id,
    )
    periods = wide.filter(wide.ticker.notnull()).select(*PERIOD, "ticker")
    filed = periods.join(
        fundamentals.select("ticker", "period_start_date", "period_end_date", "revenue_usd", "calendar_quarter"),
        ["ticker", "period_start_date", "period_end_date"],
    )
    return sourced.union(
        filed.select(
            *PERIOD,
            "revenue_usd",
            revenue_place=ibis.literal(0, "int64"),
            revenue_estimated=ibis.literal(False),
            revenue_id=ibis.literal(f"{FILINGS}/") + filed.ticker + ibis.literal("/") + filed.calendar_quarter,
        )
    )


def _with_ratios(table: Table) -> Table:
    revenue = table.revenue_usd
    before_stock = table.operating_loss_usd - table.stock_compensation_usd
    parts = [table.cloud_bill_usd, table.operating_loss_usd, table.net_loss_usd, table.non_operating_gain_usd]
    nothing = ibis.coalesce(*parts).isnull()
    return table.mutate(
        cloud_bill_revenue_ratio=ratio(table.cloud_bill_usd, revenue),
        operating_loss_revenue_ratio=ratio(table.operating_loss_usd, revenue),
        operating_loss_before_stock_revenue_ratio=ratio(before_stock, revenue),
        net_loss_revenue_ratio=ratio(table.net_loss_usd, revenue),
        non_operating_gain_revenue_ratio=ratio(table.non_operating_gain_usd, revenue),
        lowest_confidence=confidence_name(ibis.greatest(table.place, table.revenue_place.fill_null(0))),
        is_third_party_estimate=table.estimated | table.revenue_estimated.fill_null(False),
        source_ids=ibis.ifelse(
            table.revenue_id.isnull(), table.references, table.references + ibis.literal(", ") + table.revenue_id
        ),
        missing_reason=first_text(
            (nothing, "the period has no bill, own loss or gain to set against revenue"),
            (revenue.isnull(), "no revenue is known for exactly this period"),
            (ibis.literal(True), ibis.null(dt.string)),
        ),
    )
