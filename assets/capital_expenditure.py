"""Capital expenditure by builder, quarter and calendar year, in cash and with finance leases.

What belongs here: `mart.capital_expenditure`. What does not: the history of guidance (`assets.capital_expenditure_guidance`) and the
complete series with forecasts (`assets.ai_vintages`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import NumericValue, Table

from assets.capital_expenditure_guidance import calendar_year_guidance, company_quarters, group_members
from assets.expressions import QUARTERS_PER_YEAR, first_text, growth, ratio, whole
from assets.sourced import confidence_name, confidence_rank, listed, used
from schemas.core.fundamentals import Fundamentals
from schemas.mart.capital_expenditure import CapitalExpenditure
from schemas.raw.reference_figures import AiCapitalExpenditure, CapitalExpenditureGuidance, FinanceLeases
from warehouse.methodology import Methodology
from warehouse.methodology_ai import CapitalExpenditureParameters

FLOWS = ["capital_expenditure_usd", "finance_leases_usd", "revenue_usd", "operating_cash_flow_usd"]
PERIOD = ["span", "period", "calendar_year"]


def capital_expenditure(
    fundamentals: Annotated[Table, Fundamentals],
    finance_leases: Annotated[Table, FinanceLeases],
    capital_expenditure_guidance: Annotated[Table, CapitalExpenditureGuidance],
    ai_capital_expenditure: Annotated[Table, AiCapitalExpenditure],
    methodology: Methodology,
) -> Annotated[Table, CapitalExpenditure]:
    """Builder or group × span (quarter, year) × calendar period, from the first year of the parameters to the newest filing or guidance.

    Sums are null unless every quarter of every member has the amount; `filed_so_far_usd` keeps what there is.
    """
    parameters = methodology.ai.capital_expenditure
    quarters = _complete_grid(company_quarters(fundamentals, finance_leases), capital_expenditure_guidance, parameters)
    members = group_members(parameters.groups)
    companies = quarters.mutate(entity_kind=ibis.literal("company"), entity=quarters.ticker)
    groups = quarters.inner_join(members, quarters.ticker == members.member)
    groups = groups.mutate(entity_kind=ibis.literal("group"), entity=groups.group_name)
    both = companies.select(*_LONG).union(groups.select(*_LONG))
    periods = ibis.union(
        _summed(both.mutate(span=ibis.literal("quarter"), period=both.quarter)),
        _summed(both.mutate(span=ibis.literal("year"), period=both.calendar_year.cast("string"))),
    )
    measured = _with_growth(periods)
    guided = _with_guidance(measured, capital_expenditure_guidance, parameters)
    return _finished(_with_published(guided, ai_capital_expenditure)).select(*CapitalExpenditure.to_schema().columns)


_LONG = [
    "entity_kind",
    "entity",
    "ticker",
    "quarter",
    "calendar_year",
    *FLOWS,
    "lease_measure",
    "lease_ids",
    "lease_rank",
]


def _complete_grid(quarters: Table, guidance: Table, parameters: CapitalExpenditureParameters) -> Table:
    """Every builder in every quarter of every year that somebody has filed for or guided, absent ones with nulls."""
    builders = list(parameters.builders)
    quarters = quarters.filter(quarters.ticker.isin(builders), quarters.calendar_year >= parameters.first_year)
    guided = calendar_year_guidance(guidance)
    guided_years = guided.filter(guided.ticker.isin(builders), guided.calendar_year >= parameters.first_year)
    years = ibis.union(quarters.select("calendar_year"), guided_years.select("calendar_year"), distinct=True)
    grid = years.mutate(ticker=ibis.array(builders).unnest())
    grid = grid.mutate(number=ibis.range(1, QUARTERS_PER_YEAR + 1).unnest())
    grid = grid.mutate(quarter=grid.calendar_year.cast("string") + ibis.literal("Q") + grid.number.cast("string"))
    grid = grid.drop("number")
    key = ["ticker", "calendar_year", "quarter"]
    return grid.left_join(quarters, key).drop(*[f"{name}_right" for name in key])


def _summed(rows: Table) -> Table:
    """Sums per entity and period, null while a part is missing."""
    has_cash, has_lease = rows.capital_expenditure_usd.notnull(), rows.finance_leases_usd.notnull()
    summed = rows.group_by("entity_kind", "entity", *PERIOD).agg(
        quarters_filed=whole(has_cash.cast("int64").sum()),
        quarters_needed=rows.count(),
        filed_so_far_usd=rows.capital_expenditure_usd.sum(),
        **{name: _complete_sum(rows[name]) for name in FLOWS},
        finance_lease_measures=rows.lease_measure.min()
        + ibis.ifelse(
            rows.lease_measure.min() == rows.lease_measure.max(), "", ibis.literal(", ") + rows.lease_measure.max()
        ),
        lease_rank=rows.lease_rank.max().fill_null(0),
        lease_ids=rows.lease_ids.group_concat(", ", order_by=rows.lease_ids),
    )
    for name, lacks in (("missing_members", ~has_cash), ("missing_lease_members", ~has_lease)):
        lacking = rows.filter(lacks).select("entity_kind", "entity", "span", "period", "ticker").distinct()
        key = ["entity_kind", "entity", "span", "period"]
        names = lacking.group_by(*key).agg(**{name: listed(lacking.ticker)})
        summed = summed.left_join(names, key).drop(*[f"{column}_right" for column in key])
    return summed.mutate(
        is_complete=summed.quarters_filed == summed.quarters_needed,
        capital_expenditure_with_leases_usd=summed.capital_expenditure_usd + summed.finance_leases_usd,
    )


def _complete_sum(amount: NumericValue) -> NumericValue:
    return ibis.ifelse(amount.isnull().any(), ibis.null(dt.float64), amount.sum())


def _with_growth(periods: Table) -> Table:
    before = periods.select(
        "entity_kind",
        "entity",
        "span",
        period=(periods.calendar_year + 1).cast("string") + periods.period.substr(4),
        cash_before=periods.capital_expenditure_usd,
        with_leases_before=periods.capital_expenditure_with_leases_usd,
    )
    key = ["entity_kind", "entity", "span", "period"]
    rows = periods.left_join(before, key).drop(*[f"{name}_right" for name in key])
    positive = ibis.ifelse(rows.operating_cash_flow_usd > 0, rows.operating_cash_flow_usd, ibis.null(dt.float64))
    return rows.mutate(
        growth_pct=100 * growth(rows.capital_expenditure_usd, rows.cash_before),
        growth_with_leases_pct=100 * growth(rows.capital_expenditure_with_leases_usd, rows.with_leases_before),
        revenue_pct=100 * ratio(rows.capital_expenditure_usd, rows.revenue_usd),
        operating_cash_flow_pct=100 * ratio(rows.capital_expenditure_usd, positive),
    )


def _with_guidance(rows: Table, guidance: Table, parameters: CapitalExpenditureParameters) -> Table:
    """The latest guidance of companies for calendar years; of groups the sum where every member has one."""
    latest = calendar_year_guidance(guidance)
    amounts = ["guidance_usd", "guidance_low_usd", "guidance_high_usd"]
    companies = latest.select(
        "calendar_year",
        *amounts,
        "guidance_given_date",
        "guidance_rank",
        "guidance_ids",
        entity_kind=ibis.literal("company"),
        entity=latest.ticker,
    )
    members = group_members(parameters.groups)
    joined = latest.inner_join(members, latest.ticker == members.member)
    sums = joined.group_by("calendar_year", "group_name", "member_count").agg(
        **{name: joined[name].sum() for name in amounts},
        guidance_given_date=joined.guidance_given_date.max(),
        guidance_rank=joined.guidance_rank.max(),
        guidance_ids=joined.guidance_ids.group_concat(", ", order_by=joined.guidance_ids),
        guided=joined.count(),
    )
    whole_groups = sums.filter(sums.guided == sums.member_count)
    groups = whole_groups.mutate(entity_kind=ibis.literal("group"), entity=whole_groups.group_name)
    guided = companies.union(groups.select(*companies.columns)).mutate(span=ibis.literal("year"))
    key = ["entity_kind", "entity", "span", "calendar_year"]
    return rows.left_join(guided, key).drop(*[f"{name}_right" for name in key])


def _with_published(rows: Table, figures: Table) -> Table:
    """A published total of a group's or company's year, where one is used and nobody's estimate; the with-leases one first."""
    figures = used(figures)
    totals = figures.filter(
        figures.metric == "capital_expenditure", figures.basis == "calendar_year", ~figures.is_third_party_estimate
    )
    totals = totals.select(
        span=ibis.literal("year"),
        period=totals.period_end_date.year().cast("string"),
        entity=ibis.coalesce(totals.ticker, totals.entity),
        published_usd=totals.value,
        published_perimeter=totals.lease_treatment,
        published_id=totals.reference_id,
        published_rank=confidence_rank(totals.confidence),
    )
    order = ibis.window(
        group_by=["entity", "period"], order_by=[(totals.published_perimeter == "cash"), totals.published_id]
    )
    totals = totals.mutate(place=ibis.row_number().over(order))
    totals = totals.filter(totals["place"] == 0).drop("place")
    key = ["entity", "span", "period"]
    return rows.left_join(totals, key).drop(*[f"{name}_right" for name in key])


def _finished(rows: Table) -> Table:
    lacks_before = rows.capital_expenditure_usd.notnull() & rows.growth_pct.isnull()
    return rows.mutate(
        lowest_confidence=confidence_name(
            ibis.greatest(rows.lease_rank, rows.guidance_rank.fill_null(0), rows.published_rank.fill_null(0))
        ),
        is_third_party_estimate=ibis.literal(False),
        source_ids=_joined(rows.lease_ids, rows.guidance_ids, rows.published_id),
        missing_reason=first_text(
            (~rows.is_complete, ibis.literal("not filed for the whole period: ") + rows.missing_members),
            (
                rows.finance_leases_usd.isnull(),
                ibis.literal("no finance leases for the whole period: ") + rows.missing_lease_members,
            ),
            (rows.revenue_usd.isnull() | rows.operating_cash_flow_usd.isnull(), "see core.missing_quarters"),
            (rows.operating_cash_flow_usd <= 0, "operating cash flow is not positive"),
            (lacks_before, "the period a year before is missing"),
            (rows.growth_with_leases_pct.isnull(), "finance leases of the year before are missing"),
        ),
    )


def _joined(*texts: ibis.Value) -> ibis.Value:
    combined = ibis.literal("")
    for text in texts:
        combined = combined + ibis.ifelse(text.isnull(), "", ibis.literal(", ") + text)
    return combined.substr(2).nullif("")
