"""Capital expenditure of the AI builders as one complete series of quarters.

What belongs here: `mart.ai_capital_expenditure_vintages`: which source gives which quarter. What does not: what part of it is AI and
how it is written off (`assets.ai_depreciation`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table

from assets.expressions import (
    calendar_quarter,
    first_text,
    quarter_label,
    quarter_number,
    shift_days,
)
from assets.quarter_numbers import number_of_quarter, quarters_from_to
from assets.sourced import FILINGS, confidence_name, confidence_rank, used, values_table
from schemas.core.fundamentals import Fundamentals
from schemas.mart.ai_depreciation import AiCapitalExpenditureVintages
from schemas.raw.reference_figures import AiCapitalExpenditure, CapitalExpenditureGuidance, FinanceLeases
from warehouse.methodology import Methodology
from warehouse.methodology_ai import AiParameters

FILED_ROUNDING_USD = 1e6
HALF_A_QUARTER_DAYS = 45
PARTIAL_YEARS = ["quarter", "half_year", "nine_months"]
KEY = ["ticker", "number"]


def ai_capital_expenditure_vintages(
    fundamentals: Annotated[Table, Fundamentals],
    ai_capital_expenditure: Annotated[Table, AiCapitalExpenditure],
    capital_expenditure_guidance: Annotated[Table, CapitalExpenditureGuidance],
    finance_leases: Annotated[Table, FinanceLeases],
    methodology: Methodology,
) -> Annotated[Table, AiCapitalExpenditureVintages]:
    """Builder × calendar quarter, from the model's first quarter (or the builder's first sourced one) to its last.

    What a group total leaves for members that have not filed is divided in proportion to what their guidance leaves for the year.
    Guidance that counts finance leases is reduced by cash and leases known so far, any other by cash alone.
    """
    ai = methodology.ai
    known = _known(fundamentals, ai_capital_expenditure, finance_leases, ai)
    years = _year_totals(ai_capital_expenditure, capital_expenditure_guidance)
    with_rests = _with_group_rests(known, years, ai_capital_expenditure, ai)
    complete = _with_last_known(_with_year_rests(with_rests, years))
    shares = _third_party_shares(complete, ai_capital_expenditure)
    joined = complete.left_join(shares, KEY).drop("ticker_right", "number_right")
    is_missing = joined.amount.isnull()
    return joined.mutate(
        capital_expenditure_usd=joined.amount,
        is_estimated=~joined.origin.isin(["filing", "release"]),
        is_forecast=joined.origin.isin(["guidance", "last_known"]),
        rounding_usd=joined.rounding,
        lowest_confidence=confidence_name(joined.rank),
        is_third_party_estimate=joined.is_third_party.fill_null(False),
        missing_reason=first_text((is_missing, "no filing, release, total or guidance covers the quarter")),
    ).select(*AiCapitalExpenditureVintages.to_schema().columns)


def _grid(ai: AiParameters) -> Table:
    """Every builder in every quarter of the model from its own first one on."""
    builders = [
        ibis.struct({"ticker": builder.ticker, "first": number_of_quarter(builder.first_quarter)})
        for builder in ai.builders
    ]
    quarters = quarters_from_to(ai.depreciation.first_quarter, ai.depreciation.last_quarter)
    grid = quarters.cross_join(values_table("builder", builders).unpack("builder"))
    return grid.filter(grid.number >= grid.first).select(*KEY, "quarter")


def _known(fundamentals: Table, figures: Table, leases: Table, ai: AiParameters) -> Table:
    """The grid with filed quarters, else quarters from releases, and finance leases beside them."""
    filed = fundamentals.filter(fundamentals.capital_expenditure_usd.notnull()).select(
        "ticker", quarter=fundamentals.calendar_quarter, filed=fundamentals.capital_expenditure_usd
    )
    figures = _cash_figures(figures)
    quarters = figures.filter(figures.basis == "quarter", figures.ticker.notnull())
    released = quarters.select(
        "ticker",
        quarter=calendar_quarter(quarters.period_start_date, quarters.period_end_date),
        released=quarters.value,
        released_rounding=quarters.rounding,
        released_rank=confidence_rank(quarters.confidence),
        released_third_party=quarters.is_third_party_estimate,
        released_id=quarters.reference_id,
    )
    leases = used(leases)
    taken = leases.group_by("ticker", quarter=calendar_quarter(leases.period_start_date, leases.period_end_date)).agg(
        leases=leases.value.sum()
    )
    table = _grid(ai)
    for source in (filed, released, taken):
        table = table.left_join(source, ["ticker", "quarter"]).drop("ticker_right", "quarter_right")
    is_filed, is_released = table.filed.notnull(), table.released.notnull()
    return table.mutate(
        year=table.quarter.substr(0, 4).cast("int64"),
        amount=ibis.coalesce(table.filed, table.released),
        origin=ibis.cases((is_filed, "filing"), (is_released, "release"), else_="missing"),
        rounding=ibis.ifelse(is_filed, FILED_ROUNDING_USD, table.released_rounding),
        rank=ibis.ifelse(is_filed, 0, table.released_rank).cast("int64"),
        is_third_party=ibis.ifelse(is_filed, False, table.released_third_party),
        source_ids=ibis.ifelse(is_filed, FILINGS, table.released_id),
        leases=table.leases.fill_null(0.0),
        lease_treatment=ibis.literal("cash"),
    ).select(
        *KEY,
        "quarter",
        "year",
        "amount",
        "leases",
        "origin",
        "lease_treatment",
        "rounding",
        "rank",
        "is_third_party",
        "source_ids",
    )


def _cash_figures(figures: Table) -> Table:
    figures = used(figures)
    return figures.filter(
        figures.metric == "capital_expenditure",
        figures.lease_treatment == "cash",
        ~figures.is_third_party_estimate,
    )


def _year_totals(figures: Table, guidance: Table) -> Table:
    """One total per company and calendar year: a published one, else the latest guidance."""
    figures = _cash_figures(figures)
    published = figures.filter(figures.basis == "calendar_year", figures.ticker.notnull())
    guidance = used(guidance)
    whole_years = guidance.filter(
        guidance.metric == "capital_expenditure",
        guidance.basis == "guidance",
        guidance.ticker.notnull(),
        guidance.period_start_date.month() == 1,
        guidance.period_end_date.month() == 12,
        guidance.period_start_date.year() == guidance.period_end_date.year(),
    )
    totals = ibis.union(
        _year_total(published, "year_total", ibis.literal(False), published.period_end_date),
        _year_total(
            whole_years,
            "guidance",
            whole_years.lease_treatment.startswith("including"),
            whole_years.as_of_date,
        ),
    )
    newest_first = ibis.window(
        group_by=["ticker", "year"], order_by=[totals.total_origin.desc(), totals.day.desc(), totals.total_id]
    )
    ordered = totals.mutate(place=ibis.row_number().over(newest_first))
    return ordered.filter(ordered.place == 0).drop("place", "day")


def _year_total(rows: Table, origin: str, includes_leases: ibis.Value, day: ibis.Value) -> Table:
    return rows.select(
        "ticker",
        year=rows.period_end_date.year().cast("int64"),
        total=rows.value,
        total_origin=ibis.literal(origin),
        includes_leases=includes_leases,
        day=day,
        total_rounding=rows.rounding,
        total_rank=confidence_rank(rows.confidence),
        total_third_party=rows.is_third_party_estimate,
        total_id=rows.reference_id,
    )


def _with_left(table: Table, years: Table) -> Table:
    """Adds what each builder's year total leaves after the quarters known so far, and how many quarters are unknown."""
    key = ["ticker", "year"]
    joined = table.left_join(years, key).drop("ticker_right", "year_right")
    year = ibis.window(group_by=key)
    spent = ibis.ifelse(
        joined.amount.notnull(),
        joined.amount + ibis.ifelse(joined.includes_leases.fill_null(False), joined.leases, 0.0),
        0.0,
    )
    return joined.mutate(
        left_usd=joined.total - spent.sum().over(year),
        unknown_count=joined.amount.isnull().cast("int64").sum().over(year),
    )


def _with_group_rests(table: Table, years: Table, figures: Table, ai: AiParameters) -> Table:
    """Fills members' unknown quarters from published group totals of less than a year."""
    figures = _cash_figures(figures)
    totals = figures.filter(figures.entity == ai.group.name, figures.basis.isin(PARTIAL_YEARS)).select(
        group_id="reference_id",
        first=quarter_number(quarter_label(ibis._.period_start_date)),
        last=quarter_number(quarter_label(ibis._.period_end_date)),
        group_total="value",
        group_rounding="rounding",
        group_rank=confidence_rank(ibis._.confidence),
    )
    members = _with_left(table.filter(table.ticker.isin(ai.group.members)), years)
    inside = members.inner_join(totals, [members.number >= totals.first, members.number <= totals.last])
    group = ibis.window(group_by="group_id")
    is_unknown = inside.amount.isnull()
    # Members without guidance have no claim to measure: then all unknown quarters get the same.
    claim = ibis.ifelse(is_unknown, inside.left_usd / inside.unknown_count, 0.0)
    has_all = ((is_unknown & ~(inside.left_usd > 0).fill_null(False)).cast("int64").sum().over(group)) == 0
    weighed = inside.mutate(
        weight=ibis.ifelse(has_all, claim, is_unknown.cast("float64")),
        rest=inside.group_total - inside.amount.fill_null(0.0).sum().over(group),
    )
    part = weighed.rest * weighed.weight / weighed.weight.sum().over(group).nullif(0)
    shortest = ibis.window(group_by=KEY, order_by=[weighed.last - weighed.first, weighed.group_id])
    filled = weighed.mutate(part=part, place=ibis.row_number().over(shortest))
    filled = filled.filter(filled.place == 0, filled.amount.isnull(), filled.part > 0)
    parts = filled.select(*KEY, "part", "group_id", "group_rounding", "group_rank")
    joined = table.left_join(parts, KEY).drop("ticker_right", "number_right")
    has_part = joined.part.notnull()
    return joined.mutate(
        amount=ibis.coalesce(joined.amount, joined.part),
        origin=ibis.ifelse(has_part, "group_rest", joined.origin),
        rounding=ibis.coalesce(joined.rounding, joined.group_rounding),
        rank=ibis.coalesce(joined.rank, joined.group_rank),
        is_third_party=ibis.ifelse(has_part, False, joined.is_third_party),
        source_ids=ibis.ifelse(has_part, joined.group_id + ibis.literal(", " + FILINGS), joined.source_ids),
    ).select(*table.columns)


def _with_year_rests(table: Table, years: Table) -> Table:
    """Fills unknown quarters with even parts of what a year's total or guidance leaves."""
    joined = _with_left(table, years)
    part = joined.left_usd / joined.unknown_count
    fills = joined.amount.isnull() & (part > 0).fill_null(False)
    return joined.mutate(
        amount=ibis.ifelse(fills, part, joined.amount),
        origin=ibis.ifelse(fills, joined.total_origin, joined.origin),
        lease_treatment=ibis.ifelse(fills & joined.includes_leases, "including_leases", joined.lease_treatment),
        rounding=ibis.ifelse(fills, joined.total_rounding, joined.rounding),
        rank=ibis.ifelse(fills, joined.total_rank, joined.rank),
        is_third_party=ibis.ifelse(fills, joined.total_third_party, joined.is_third_party),
        source_ids=ibis.ifelse(fills, joined.total_id, joined.source_ids),
    ).select(*table.columns)


def _with_last_known(table: Table) -> Table:
    """Fills quarters after a builder's last known one with that one."""
    known = table.filter(table.amount.notnull())
    names = ["amount", "rounding", "rank", "is_third_party", "source_ids", "lease_treatment"]
    last = known.group_by("ticker").agg(
        last_number=known.number.max(), **{f"last_{name}": known[name].argmax(known.number) for name in names}
    )
    joined = table.left_join(last, "ticker").drop("ticker_right")
    fills = joined.amount.isnull() & (joined.number > joined.last_number).fill_null(False)
    filled = {name: ibis.ifelse(fills, joined[f"last_{name}"], joined[name]) for name in names}
    return joined.mutate(**filled, origin=ibis.ifelse(fills, "last_known", joined.origin)).select(*table.columns)


def _third_party_shares(table: Table, figures: Table) -> Table:
    """An outsider's AI share per builder and quarter: the latest period begun by then, else the first there is, else the others' mean."""
    figures = used(figures)
    shares = figures.filter(
        figures.metric == "ai_share_of_capital_expenditure",
        figures.ticker.notnull(),
        figures.period_start_date.notnull(),
    ).select(
        share_ticker="ticker",
        share="value",
        share_number=quarter_number(quarter_label(shift_days(ibis._.period_start_date, HALF_A_QUARTER_DAYS))),
    )
    pairs = table.select(*KEY).left_join(shares, table.ticker == shares.share_ticker)
    has_begun = pairs.share_number <= pairs.number
    own = pairs.group_by(*KEY).agg(
        begun=pairs.share.argmax(pairs.share_number, where=has_begun), first=pairs.share.argmin(pairs.share_number)
    )
    own = own.mutate(own_share=ibis.coalesce(own.begun, own.first))
    mean = own.own_share.mean().over(ibis.window(group_by="number"))
    return own.select(*KEY, third_party_share_ratio=ibis.coalesce(own.own_share, mean).cast(dt.float64))
