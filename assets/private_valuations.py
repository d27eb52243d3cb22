"""Valuations of AI units, inside their group and as separate companies.

What belongs here: `mart.private_valuations`. What does not: stakes and deals (`assets.circular_money`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import DateValue, StringValue, Table

from assets.expressions import days_between, first_text, ratio
from assets.sourced import confidence_name, confidence_rank, used
from schemas.mart import private_valuations as mart
from schemas.raw import reference_figures
from warehouse.methodology import Methodology


def private_valuations(
    valuations: Annotated[Table, reference_figures.PrivateValuations],
    ai_run_rates: Annotated[Table, reference_figures.AiRunRates],
    ai_revenue: Annotated[Table, reference_figures.AiRevenue],
    methodology: Methodology,
) -> Annotated[Table, mart.PrivateValuations]:
    """Every valuation event with the multiples that paired rows give. Grain: row of the reference file.

    Days known to the month or year stand for the whole of it; the row nearest in time is paired, ties go to the better source.
    """
    longest = methodology.private_valuations.longest_distance_days
    rows = used(valuations)
    events = _events(rows)
    run_rates = _dated(rows.filter(rows.metric == "annualised_revenue"), "raw.private_valuations").union(
        _dated(used(ai_run_rates).filter(ai_run_rates.metric == "annualised_revenue"), "raw.ai_run_rates")
    )
    inside = _dated(rows.filter(rows.metric == "valuation", rows.setting == "inside_group"), "raw.private_valuations")
    markets = _dated(rows.filter(rows.metric == "market_capitalisation"), "raw.private_valuations")
    table = events
    for part in (
        _nearest(events, run_rates, "entity", "run_rate", longest),
        _nearest(events, inside, "entity", "inside_group", longest),
        _nearest(events, markets, "parent_entity", "parent_market", longest),
        _sales(events, rows, ai_revenue),
    ):
        table = table.left_join(part, "reference_id").drop("reference_id_right")
    return _with_multiples(_carried(table)).select(*mart.PrivateValuations.to_schema().columns)


def _first_day(date: DateValue, precision: StringValue) -> DateValue:
    """The first day a date can mean: of its month or year where only that is known."""
    month, year = date.truncate("M").cast("date"), date.truncate("Y").cast("date")
    return ibis.cases((precision == "month", month), (precision == "year", year), else_=date)


def _events(rows: Table) -> Table:
    chosen = rows.filter(rows.metric.isin(mart.EVENTS))
    return chosen.select(
        "reference_id",
        "entity",
        "ticker",
        "parent_entity",
        "setting",
        "money_stage",
        "date_precision",
        "qualifier",
        "multiple_value",
        "is_third_party_estimate",
        event=chosen.metric,
        valuation_date=chosen.as_of_date,
        first_date=_first_day(chosen.as_of_date, chosen.date_precision),
        valuation_amount=ibis.ifelse(chosen.metric == "multiple_range", ibis.null(dt.float64), chosen["value"]),
        currency=chosen.unit,
        rounding_amount=chosen.rounding,
        published_multiple_name=chosen.multiple_name,
        published_multiple=chosen.multiple_value,
        published_multiple_low=chosen.multiple_low,
        published_multiple_high=chosen.multiple_high,
        place=confidence_rank(chosen.confidence).cast("int64"),
        source_ids=ibis.literal("raw.private_valuations/") + chosen.reference_id,
    )


def _dated(rows: Table, name: str) -> Table:
    """Rows that may be paired with an event: the span of days they stand for, amount, step and source."""
    return rows.filter(rows.as_of_date.notnull()).select(
        other_entity=rows.entity,
        other_currency=rows.unit,
        other_amount=rows["value"],
        other_step=rows.rounding,
        other_first=_first_day(rows.as_of_date, rows.date_precision),
        other_last=rows.as_of_date,
        other_place=confidence_rank(rows.confidence).cast("int64"),
        other_estimate=rows.is_third_party_estimate,
        other_id=ibis.literal(f"{name}/") + rows.reference_id,
    )


def _nearest(events: Table, others: Table, key: str, name: str, longest: int) -> Table:
    """Per event the other row of the same name and currency nearest in time; none beyond the longest distance."""
    pairs = events.select(
        "reference_id", "first_date", "valuation_date", "currency", "valuation_amount", named=events[key]
    ).join(others, [ibis._.named == others.other_entity, ibis._.currency == others.other_currency])
    pairs = pairs.filter(pairs.valuation_amount.notnull())
    apart = ibis.greatest(
        days_between(pairs.first_date, pairs.other_last), days_between(pairs.other_first, pairs.valuation_date), 0
    )
    pairs = pairs.mutate(apart=apart).filter(ibis._.apart <= longest)
    order = ibis.window(group_by="reference_id", order_by=["apart", "other_place", "other_last", "other_id"])
    pairs = pairs.mutate(turn=ibis.row_number().over(order))
    return pairs.filter(pairs.turn == 0).select(
        "reference_id",
        **{
            f"{name}_amount": pairs.other_amount,
            f"{name}_date": pairs.other_last,
            f"{name}_step": pairs.other_step,
            f"{name}_place": pairs.other_place,
            f"{name}_estimate": pairs.other_estimate,
            f"{name}_id": pairs.other_id,
        },
    )


def _sales(events: Table, rows: Table, ai_revenue: Table) -> Table:
    """Per event the revenue of the calendar year in which it lies, same currency."""
    own = rows.filter(rows.metric == "revenue", rows.basis.isin(["calendar_year", "forecast"]))
    models = used(ai_revenue).filter(ai_revenue.metric == "company_revenue", ai_revenue.basis == "calendar_year")
    years = ibis.union(
        *[
            chosen.select(
                entity=chosen.entity,
                currency=chosen.unit,
                year=chosen.period_end_date.year(),
                sales_amount=chosen["value"],
                sales_place=confidence_rank(chosen.confidence).cast("int64"),
                sales_estimate=chosen.is_third_party_estimate,
                sales_id=ibis.literal(f"{name}/") + chosen.reference_id,
            )
            for chosen, name in ((own, "raw.private_valuations"), (models, "raw.ai_revenue"))
        ]
    )
    keyed = events.filter(events.valuation_amount.notnull()).select(
        "reference_id", "entity", "currency", year=events.valuation_date.year()
    )
    found = keyed.join(years, ["entity", "currency", "year"])
    return found.select("reference_id", "sales_amount", "sales_place", "sales_estimate", "sales_id")


def _carried(table: Table) -> Table:
    """Take over confidence, estimate mark and source of the paired rows; an event paired with itself is named once."""
    place, estimate, text = table.place, table.is_third_party_estimate, table.source_ids
    for name in ("run_rate", "inside_group", "parent_market", "sales"):
        other = table[f"{name}_id"]
        is_new = other.notnull() & (other != table.source_ids)
        place = ibis.greatest(place, table[f"{name}_place"].fill_null(0))
        estimate = estimate | table[f"{name}_estimate"].fill_null(False)
        text = text + ibis.ifelse(is_new, ibis.literal(", ") + other, "").fill_null("")
    return table.mutate(place=place, is_third_party_estimate=estimate, source_ids=text)


def _with_multiples(table: Table) -> Table:
    step = table.rounding_amount / 2
    low = (table.valuation_amount - step) / (table.run_rate_amount + table.run_rate_step / 2)
    # A run rate below half its step has no upper bound.
    floor = table.run_rate_amount - table.run_rate_step / 2
    high = ibis.ifelse(floor > 0, (table.valuation_amount + step) / floor, ibis.null(dt.float64))
    is_itself = table.setting == "inside_group"
    inside = ibis.ifelse(is_itself, ibis.null(dt.float64), ratio(table.valuation_amount, table.inside_group_amount))
    table = table.mutate(
        run_rate_ratio=ratio(table.valuation_amount, table.run_rate_amount),
        run_rate_low_ratio=low,
        run_rate_high_ratio=high,
        sales_ratio=ratio(table.valuation_amount, table.sales_amount),
        inside_group_amount=ibis.ifelse(is_itself, ibis.null(dt.float64), table.inside_group_amount),
        inside_group_ratio=inside,
        parent_market_ratio=ratio(table.valuation_amount, table.parent_market_amount),
        lowest_confidence=confidence_name(table.place),
    )
    name = table.published_multiple_name
    any_multiple = ibis.coalesce(
        table.run_rate_ratio, table.sales_ratio, table.inside_group_ratio, table.parent_market_ratio
    )
    return table.mutate(
        recomputed_multiple=ibis.cases(
            (name == "valuation_to_run_rate", table.run_rate_ratio),
            (name == "price_to_sales", table.sales_ratio),
            (name == "to_value_inside_group", table.inside_group_ratio),
            (name == "share_of_parent_market_capitalisation", table.parent_market_ratio),
        ),
        missing_reason=first_text(
            (table.valuation_amount.isnull(), "the row holds a printed multiple only"),
            (any_multiple.isnull(), "no revenue or value in the same currency lies near enough in time"),
        ),
    )
