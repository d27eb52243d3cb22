"""Guidance of capital expenditure: every figure in the order given, and the latest per year.

What belongs here: `mart.capital_expenditure_guidance_history` and what `assets.capital_expenditure` shares with it. What does not:
spending as filed by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table, Value

from assets.expressions import calendar_quarter, days_between, first_text, ratio
from assets.sourced import confidence_name, confidence_rank, used, values_table
from schemas.core.fundamentals import Fundamentals
from schemas.mart.capital_expenditure import CapitalExpenditureGuidanceHistory
from schemas.raw.reference_figures import AiCapitalExpenditure, CapitalExpenditureGuidance, FinanceLeases
from warehouse.methodology import Methodology
from warehouse.methodology_ai import Group

DAYS_PER_QUARTER = 91.3
LONGEST_QUARTER_DAYS = 120
KEY = ["entity_kind", "entity", "period_start_date", "period_end_date"]
AMOUNTS = ["guidance_usd", "guidance_low_usd", "guidance_high_usd"]


def group_members(groups: Sequence[Group]) -> Table:
    """One row per group and member: `group_name`, `member`, `member_count`."""
    members = [
        ibis.struct({"group_name": group.name, "member": member, "member_count": len(group.members)})
        for group in groups
        for member in group.members
    ]
    return values_table("entry", members).unpack("entry")


def company_quarters(fundamentals: Table, leases: Table) -> Table:
    """Companies' filed quarters with finance leases beside them, by calendar quarter."""
    leases = used(leases)
    taken = leases.group_by("ticker", quarter=calendar_quarter(leases.period_start_date, leases.period_end_date)).agg(
        finance_leases_usd=leases.value.sum(),
        lease_measure=leases.metric.max(),
        lease_ids=leases.reference_id.group_concat(", ", order_by=leases.reference_id),
        lease_rank=confidence_rank(leases.confidence).max(),
    )
    filed = fundamentals.select(
        "ticker",
        "period_start_date",
        "period_end_date",
        "capital_expenditure_usd",
        "revenue_usd",
        "operating_cash_flow_usd",
        quarter=fundamentals.calendar_quarter,
        calendar_year=fundamentals.calendar_quarter.substr(0, 4).cast("int64"),
    )
    return filed.left_join(taken, ["ticker", "quarter"]).drop("ticker_right", "quarter_right")


def _stated(figures: Table) -> Table:
    """Guidance on capital expenditure with the day it was given."""
    figures = used(figures)
    return figures.filter(
        figures.metric == "capital_expenditure", figures.basis == "guidance", figures.as_of_date.notnull()
    )


def _guidance_of(rows: Table, entity_kind: str, entity: Value, is_accounting_change: Value) -> Table:
    """Stated guidance in the columns that companies and published groups share."""
    return rows.select(
        "period_start_date",
        "period_end_date",
        "qualifier",
        "lease_treatment",
        "is_third_party_estimate",
        "date_precision",
        is_accounting_change=is_accounting_change,
        entity_kind=ibis.literal(entity_kind),
        entity=entity,
        given_date=rows.as_of_date,
        guidance_usd=rows.value,
        guidance_low_usd=ibis.coalesce(rows.value_low, rows.value),
        guidance_high_usd=ibis.coalesce(rows.value_high, rows.value),
        rounding_usd=rows.rounding,
        rank=confidence_rank(rows.confidence),
        source_ids=rows.reference_id,
    )


def _company_guidance(guidance: Table) -> Table:
    rows = _stated(guidance)
    rows = rows.filter(rows.ticker.notnull(), rows.period_start_date.notnull(), rows.period_end_date.notnull())
    return _guidance_of(rows, "company", rows.ticker, rows.is_accounting_change)


def _is_calendar_year(rows: Table) -> Value:
    return (
        (rows.period_start_date.month() == 1)
        & (rows.period_end_date.month() == 12)
        & (rows.period_start_date.year() == rows.period_end_date.year())
    )


def calendar_year_guidance(guidance: Table) -> Table:
    """The latest guidance per company and calendar year."""
    rows = _company_guidance(guidance)
    rows = rows.filter(_is_calendar_year(rows))
    newest = ibis.window(group_by=["entity", "period_end_date"], order_by=[rows.given_date.desc(), rows.source_ids])
    rows = rows.mutate(place=ibis.row_number().over(newest))
    return rows.filter(rows["place"] == 0).select(
        *AMOUNTS,
        ticker="entity",
        calendar_year=ibis._.period_end_date.year().cast("int64"),
        guidance_given_date="given_date",
        guidance_rank="rank",
        guidance_ids="source_ids",
    )


def capital_expenditure_guidance_history(
    capital_expenditure_guidance: Annotated[Table, CapitalExpenditureGuidance],
    ai_capital_expenditure: Annotated[Table, AiCapitalExpenditure],
    fundamentals: Annotated[Table, Fundamentals],
    finance_leases: Annotated[Table, FinanceLeases],
    methodology: Methodology,
) -> Annotated[Table, CapitalExpenditureGuidanceHistory]:
    """Entity × guided period × day given, with the change against the guidance before and the actual where it is known.

    The actual is on the guided basis: cash, plus finance leases where the guidance counts them.
    """
    companies = _company_guidance(capital_expenditure_guidance)
    groups = _group_sums(companies, methodology.ai.capital_expenditure.groups)
    printed = _published_groups(ai_capital_expenditure)
    columns = companies.columns
    rows = ibis.union(companies, groups.select(*columns), printed.select(*columns))
    changed = _with_changes(rows)
    actual = _actuals(
        changed, company_quarters(fundamentals, finance_leases), methodology.ai.capital_expenditure.groups
    )
    complete = _with_published_actuals(actual, ai_capital_expenditure)
    quarter_like = days_between(complete.period_end_date, complete.period_start_date) <= LONGEST_QUARTER_DAYS
    return complete.mutate(
        period_kind=ibis.cases(
            (_is_calendar_year(complete), "calendar_year"), (quarter_like, "quarter"), else_="fiscal_year"
        ),
        actual_guidance_pct=100 * ratio(complete.actual_usd - complete.guidance_usd, complete.guidance_usd),
        lowest_confidence=confidence_name(complete["rank"]),
        missing_reason=first_text((complete.actual_usd.isnull(), "the guided period is not filed to its end")),
    ).select(*CapitalExpenditureGuidanceHistory.to_schema().columns)


def _group_sums(companies: Table, groups: Sequence[Group]) -> Table:
    """On each day a member speaks: the sum of the members' latest guidances for the calendar year, once all have spoken."""
    years = companies.filter(_is_calendar_year(companies))
    members = group_members(groups)
    spoken = years.inner_join(members, years.entity == members.member)
    period = ["group_name", "member_count", "period_start_date", "period_end_date"]
    days = spoken.select(*period, day="given_date").distinct()
    heard = days.inner_join(spoken.drop("member_count"), ["group_name", "period_start_date", "period_end_date"])
    heard = heard.filter(heard.given_date <= heard.day)
    newest = ibis.window(group_by=[*period, "day", "member"], order_by=[heard.given_date.desc(), heard.source_ids])
    latest = heard.mutate(place=ibis.row_number().over(newest))
    latest = latest.filter(latest["place"] == 0)
    sums = latest.group_by(*period, "day").agg(
        **{name: latest[name].sum() for name in AMOUNTS},
        count=latest.count(),
        lowest=latest.lease_treatment.min(),
        highest=latest.lease_treatment.max(),
        is_accounting_change=(latest.is_accounting_change & (latest.given_date == latest.day)).any(),
        is_third_party_estimate=latest.is_third_party_estimate.any(),
        # day, month, year: the last in the alphabet is the coarsest.
        date_precision=latest.date_precision.max(where=latest.given_date == latest.day),
        rounding_usd=latest.rounding_usd.max(),
        rank=latest["rank"].max(),
        source_ids=latest.source_ids.group_concat(", ", order_by=latest.source_ids),
    )
    sums = sums.filter(sums["count"] == sums.member_count)
    return sums.mutate(
        entity_kind=ibis.literal("group"),
        entity=sums.group_name,
        given_date=sums.day,
        qualifier=ibis.literal("about"),
        lease_treatment=ibis.ifelse(sums.lowest == sums.highest, sums.lowest, "mixed"),
    )


def _published_groups(figures: Table) -> Table:
    rows = _stated(figures)
    rows = rows.filter(rows.ticker.isnull())
    return _guidance_of(rows, "published_group", rows.entity, ibis.literal(False))


def _with_changes(rows: Table) -> Table:
    order = ibis.window(group_by=KEY, order_by="given_date")
    before = rows.guidance_usd.lag().over(order)
    later = rows.guidance_usd.lead().over(order)
    change = rows.guidance_usd - before
    return rows.mutate(
        sequence=(ibis.row_number().over(order) + 1).cast("int64"),
        is_latest=later.isnull(),
        change_usd=change,
        change_pct=100 * ratio(change, before),
        direction=ibis.cases(
            (before.isnull(), "first"),
            (rows.is_accounting_change, "accounting"),
            (change > 0, "raised"),
            (change < 0, "lowered"),
            else_="unchanged",
        ),
    )


def _actuals(rows: Table, quarters: Table, groups: Sequence[Group]) -> Table:
    """Adds what was spent in the guided period, null unless every quarter in it is filed."""
    members = group_members(groups)
    own = rows.filter(rows.entity_kind == "company").select("entity_kind", "entity").distinct()
    own = own.mutate(member=own.entity, member_count=ibis.literal(1).cast("int64"))
    several = members.select(
        entity_kind=ibis.literal("group"),
        entity="group_name",
        member="member",
        member_count=members.member_count.cast("int64"),
    )
    who = own.union(several, several.mutate(entity_kind=ibis.literal("published_group")))
    # Guidance of several lease treatments is compared with cash: the common part.
    periods = rows.select(*KEY, counts_leases=rows.lease_treatment.startswith("including")).distinct()
    spans = periods.inner_join(who, ["entity_kind", "entity"])
    filed = quarters.select(
        "ticker", "capital_expenditure_usd", "finance_leases_usd", begins="period_start_date", ends="period_end_date"
    )
    inside = spans.inner_join(
        filed,
        [
            spans.member == filed.ticker,
            filed.begins >= spans.period_start_date,
            filed.ends <= spans.period_end_date,
        ],
    )
    key = [*KEY, "counts_leases"]
    spent = ibis.ifelse(
        inside.counts_leases,
        inside.capital_expenditure_usd + inside.finance_leases_usd,
        inside.capital_expenditure_usd,
    )
    sums = inside.group_by(*key, "member_count").agg(spent=spent.sum(), filed=spent.count())
    length = days_between(sums.period_end_date, sums.period_start_date) + 1
    needed = (length / DAYS_PER_QUARTER).round(0).cast("int64") * sums.member_count
    sums = sums.filter(sums.filed == needed).select(*key, "spent")
    joined = rows.mutate(counts_leases=rows.lease_treatment.startswith("including"))
    joined = joined.left_join(sums, key).drop(*[f"{name}_right" for name in key])
    return joined.mutate(
        actual_usd=joined.spent,
        actual_basis=ibis.ifelse(
            joined.spent.isnull(),
            ibis.null(dt.string),
            ibis.ifelse(joined.counts_leases, "including_leases", "cash"),
        ),
    )


def _with_published_actuals(rows: Table, figures: Table) -> Table:
    """Where filings do not hold the company: its own published figure of the same period."""
    figures = used(figures)
    own = figures.filter(
        figures.metric == "capital_expenditure",
        figures.basis.isin(["calendar_year", "fiscal_year", "quarter"]),
        figures.ticker.notnull(),
        ~figures.is_third_party_estimate,
    )
    own = own.group_by(
        "period_start_date", "period_end_date", entity=own.ticker, entity_kind=ibis.literal("company")
    ).agg(published=own.value.max())
    joined = rows.left_join(own, KEY).drop(*[f"{name}_right" for name in KEY])
    return joined.mutate(
        actual_usd=ibis.coalesce(joined.actual_usd, joined.published),
        actual_basis=ibis.ifelse(
            joined.actual_usd.isnull() & joined.published.notnull(), "as_published", joined.actual_basis
        ),
    )
