"""The path of generative-AI revenue between published points.

What belongs here: `mart.ai_revenue_fit` and reading the path off it. What does not: setting it against depreciation
(`assets.ai_coverage`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import DateValue, FloatingValue, NumericValue, Table

from assets.expressions import QUARTERS_PER_YEAR, days_between, first_text, quarter_label, quarter_number, ratio
from assets.quarter_numbers import MONTHS_PER_QUARTER, number_of_quarter, quarters_from_to
from assets.sourced import confidence_name, confidence_rank, used
from schemas.mart.ai_depreciation import AiRevenueFit
from schemas.raw.reference_figures import AiRevenue
from warehouse.methodology import Methodology
from warehouse.methodology_ai import Grid, RevenueParameters

BILLION = 1e9
DAYS_PER_YEAR = 365
PARAMETERS = ["level", "growth", "curvature"]
DAYS_METRIC = "days_per_billion_of_cumulative_revenue"
NO_ANCHOR = "the published figures the path needs are missing from raw.ai_revenue"


def ai_revenue_fit(
    ai_revenue: Annotated[Table, AiRevenue],
    methodology: Methodology,
) -> Annotated[Table, AiRevenueFit]:
    """One row per parameter, anchor, check, and the error.

    For each growth and curvature of the grid the best level is the mean distance of logarithms, so the best point of the grid is the
    one with the smallest variance of these distances. A run rate is four times the path in its month, a number of days per billion
    over a year is that year's revenue.
    """
    model = methodology.ai.revenue
    figures = used(ai_revenue)
    figures = figures.filter(figures.entity == model.anchor_entity)
    anchors = _anchors(figures)
    best = _best_point(_terms(anchors, model), model)
    rows = ibis.union(_parameter_rows(best), _anchor_rows(anchors, best, model), _check_rows(figures, best, model))
    return rows.mutate(
        is_third_party_estimate=ibis.literal(True), missing_reason=first_text((rows.value.isnull(), NO_ANCHOR))
    ).select(*AiRevenueFit.to_schema().columns)


def _anchors(figures: Table) -> Table:
    """Published amounts as a target in dollars: revenue of a period, run rates, and days per billion over a whole year."""
    is_days = (figures.metric == DAYS_METRIC) & (figures.date_precision == "year")
    is_period = (figures.metric == "ai_revenue") & figures.period_start_date.notnull() & (figures.unit == "usd")
    is_run_rate = (figures.metric == "ai_revenue_run_rate") & (figures.basis == "run_rate")
    anchors = figures.filter(is_days | is_period | is_run_rate)
    whole_year = anchors.metric == DAYS_METRIC
    year_start = ibis.date(anchors.as_of_date.year(), 1, 1)
    start = ibis.ifelse(whole_year, year_start, anchors.period_start_date)
    end = ibis.coalesce(anchors.period_end_date, anchors.as_of_date)
    days_in_year = days_between(end, start) + 1
    return anchors.select(
        "reference_id",
        "metric",
        "unit",
        start=start,
        end=end,
        published=anchors.value,
        target=ibis.ifelse(whole_year, days_in_year / anchors.value * BILLION, anchors.value),
        rounding=anchors.rounding,
        rank=confidence_rank(anchors.confidence),
    )


def _month_position(day: DateValue, origin: str) -> FloatingValue:
    """Quarters from the middle of the origin quarter to the middle of a day's month."""
    months = day.year() * 12 + day.month()
    year, quarter = int(origin[:4]), int(origin[5])
    return (months - (year * 12 + (quarter - 1) * MONTHS_PER_QUARTER + 2)) / float(MONTHS_PER_QUARTER)


def _terms(anchors: Table, model: RevenueParameters) -> Table:
    """What the path must add up to each target: `position` in quarters since the origin and `weight`."""
    quarters = ibis.range(
        number_of_quarter(model.first_quarter), number_of_quarter(model.origin_quarter) + 2 * QUARTERS_PER_YEAR
    )
    numbers = quarters.unnest().name("number").as_table()
    periods = anchors.filter(anchors.start.notnull()).inner_join(
        numbers,
        [
            numbers.number >= quarter_number(quarter_label(ibis._.start)),
            numbers.number <= quarter_number(quarter_label(ibis._.end)),
        ],
    )
    origin = number_of_quarter(model.origin_quarter)
    sums = periods.select(
        "reference_id", "target", position=(periods.number - origin).cast(dt.float64), weight=ibis.literal(1.0)
    )
    points = anchors.filter(anchors.start.isnull())
    rates = points.select(
        "reference_id",
        "target",
        position=_month_position(points.end, model.origin_quarter),
        weight=ibis.literal(float(QUARTERS_PER_YEAR)),
    )
    return sums.union(rates)


def _grid_column(grid: Grid, name: str) -> Table:
    steps = ibis.range(0, grid.steps + 1).unnest().name("step").as_table()
    return steps.select(**{name: grid.first + steps.step * grid.step})


def _best_point(terms: Table, model: RevenueParameters) -> Table:
    """One row: level, growth, curvature and the root mean square of the logarithmic distances."""
    grid = _grid_column(model.growth, "growth").cross_join(_grid_column(model.curvature, "curvature"))
    pairs = terms.cross_join(grid)
    shape = (pairs.growth * pairs.position + pairs.curvature * pairs.position * pairs.position).exp()
    sums = pairs.group_by("reference_id", "target", "growth", "curvature").agg(shape=(pairs.weight * shape).sum())
    distance = sums.target.ln() - sums["shape"].ln()
    points = sums.group_by("growth", "curvature").agg(level=distance.mean(), error=distance.var(how="pop"))
    best_first = ibis.window(order_by=[points.error, points.growth, points.curvature])
    ordered = points.mutate(place=ibis.row_number().over(best_first))
    return ordered.filter(ordered.place == 0).select(
        *PARAMETERS, root_mean_square_pct=100 * ibis.greatest(ordered.error, 0.0).sqrt()
    )


def path_value(
    position: NumericValue, level: NumericValue, growth: NumericValue, curvature: NumericValue
) -> FloatingValue:
    """Revenue of a quarter at a position in quarters since the origin."""
    return (level + growth * position + curvature * position * position).exp()


def _item(best: Table, kind: str, name: str, value: NumericValue, unit: str) -> Table:
    return best.select(
        kind=ibis.literal(kind),
        name=ibis.literal(name),
        period_start_date=ibis.null(dt.date),
        period_end_date=ibis.null(dt.date),
        value=value,
        unit=ibis.literal(unit),
        published_value=ibis.null(dt.float64),
        residual_value=ibis.null(dt.float64),
        relative_residual_pct=ibis.null(dt.float64),
        published_rounding=ibis.null(dt.float64),
        lowest_confidence=ibis.null(dt.string),
        source_ids=ibis.null(dt.string),
    )


def _parameter_rows(best: Table) -> Table:
    rows = [_item(best, "parameter", name, best[name], "logarithm") for name in PARAMETERS]
    return ibis.union(*rows, _item(best, "error", "root_mean_square_pct", best.root_mean_square_pct, "percent"))


def _beside(rows: Table, kind: str, ours: NumericValue, unit: ibis.Value) -> Table:
    """Published figures with ours beside them."""
    rows = rows.mutate(ours=ours)
    residual = rows.ours - rows.published
    return rows.select(
        kind=ibis.literal(kind),
        name=rows.metric,
        period_start_date=rows.start,
        period_end_date=rows.end,
        value=rows.ours,
        unit=unit,
        published_value=rows.published,
        residual_value=residual,
        relative_residual_pct=100 * ratio(residual, rows.published),
        published_rounding=rows.rounding,
        lowest_confidence=confidence_name(rows["rank"]),
        source_ids=rows.reference_id,
    )


def _anchor_rows(anchors: Table, best: Table, model: RevenueParameters) -> Table:
    terms = _terms(anchors, model).cross_join(best)
    value = path_value(terms.position, terms.level, terms.growth, terms.curvature)
    sums = terms.group_by("reference_id").agg(amount=(terms.weight * value).sum())
    rows = anchors.inner_join(sums, "reference_id")
    days = (days_between(rows.end, rows.start) + 1) / rows.amount * BILLION
    return _beside(rows, "anchor", ibis.ifelse(rows.metric == DAYS_METRIC, days, rows.amount), rows.unit)


def _check_rows(figures: Table, best: Table, model: RevenueParameters) -> Table:
    """Published statements that are not in the fit: growth over a year, and days per billion at one moment."""
    is_days = (figures.metric == DAYS_METRIC) & (figures.date_precision != "year")
    is_growth = (figures.metric == "ai_revenue_growth") & figures.as_of_date.notnull()
    checks = figures.filter(is_days | is_growth).cross_join(best)
    position = _month_position(checks.as_of_date, model.origin_quarter)
    fitted = (checks.level, checks.growth, checks.curvature)
    now, year_ago = path_value(position, *fitted), path_value(position - QUARTERS_PER_YEAR, *fitted)
    ours = ibis.ifelse(
        checks.metric == DAYS_METRIC, DAYS_PER_YEAR / (QUARTERS_PER_YEAR * now / BILLION), now / year_ago - 1
    )
    rows = checks.mutate(
        start=ibis.null(dt.date),
        end=checks.as_of_date,
        published=checks.value,
        rank=confidence_rank(checks.confidence),
        computed=ours,
    )
    return _beside(rows, "check", rows.computed, rows.unit)


def revenue_path(fit: Table, first: str, last: str, origin: str) -> Table:
    """The fitted path by quarter: `number`, `quarter`, `path_usd`, and the relative error of the fit."""
    parameters = fit.agg(
        **{name: fit.value.max(where=(fit.kind == "parameter") & (fit.name == name)) for name in PARAMETERS},
        relative_error=fit.value.max(where=fit.kind == "error") / 100,
    )
    rows = quarters_from_to(first, last).cross_join(parameters)
    position = (rows.number - number_of_quarter(origin)).cast(dt.float64)
    return rows.select(
        "number",
        "quarter",
        "relative_error",
        path_usd=path_value(position, rows.level, rows.growth, rows.curvature),
    )
