"""AI revenue against AI depreciation: coverage by quarter, crossing, payback, and sensitivity to assumptions.

What belongs here: `mart.ai_depreciation_coverage`, `mart.ai_coverage_sensitivity`. What does not: the model of depreciation
(`assets.ai_depreciation`) and the path of revenue (`assets.ai_revenue_path`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import BooleanValue, NumericValue, Table

from assets.ai_depreciation import builder_totals, charge_of_quarter, fitted_shares
from assets.ai_revenue_path import revenue_path
from assets.expressions import QUARTERS_PER_YEAR, days_between, first_text, quarter_label, quarter_number, ratio
from assets.quarter_numbers import first_day, number_of_quarter
from assets.sourced import confidence_name, confidence_rank, used, values_table
from schemas.mart.ai_depreciation import (
    AiCapitalExpenditureVintages,
    AiCoverageSensitivity,
    AiDepreciationCoverage,
    AiDepreciationFit,
    AiDepreciationSchedule,
    AiRevenueFit,
)
from schemas.raw.reference_figures import AiCapitalExpenditure, AiRevenue
from warehouse.methodology import Methodology
from warehouse.methodology_ai import AiParameters, DepreciationParameters, SensitivityParameters

BILLION = 1e9


def ai_depreciation_coverage(
    ai_depreciation_schedule: Annotated[Table, AiDepreciationSchedule],
    ai_revenue_fit: Annotated[Table, AiRevenueFit],
    ai_revenue: Annotated[Table, AiRevenue],
    ai_capital_expenditure: Annotated[Table, AiCapitalExpenditure],
    methodology: Methodology,
) -> Annotated[Table, AiDepreciationCoverage]:
    """One row per calendar quarter from the path's first to the model's last.

    A published quarter is used as published, the path gives the quarters up to the last published point, after that the last
    published run rate is held: nothing is extrapolated along the curve.
    """
    ai = methodology.ai
    revenue = _revenue(ai_revenue_fit, ai_revenue, ai)
    depreciation = ai_depreciation_schedule.filter(ai_depreciation_schedule.is_default)
    depreciation = depreciation.select(
        "quarter",
        "depreciation_usd",
        "cumulative_depreciation_usd",
        "cumulative_ai_capital_expenditure_usd",
        is_forecast_spending=depreciation.is_forecast,
        schedule_rank=confidence_rank(depreciation.lowest_confidence),
    )
    published = _published_depreciation(ai_capital_expenditure, ai)
    rows = revenue.left_join(depreciation, "quarter").drop("quarter_right")
    rows = rows.left_join(published, "quarter").drop("quarter_right")
    measured = _measured(rows)
    return _with_crossings(measured).select(*AiDepreciationCoverage.to_schema().columns)


def _published_quarters(figures: Table, entity: str, metric: str) -> Table:
    figures = used(figures)
    return figures.filter(figures.entity == entity, figures.metric == metric, figures.basis == "quarter")


def _published_depreciation(figures: Table, ai: AiParameters) -> Table:
    rows = _published_quarters(figures, ai.depreciation.anchor_entity, "ai_depreciation")
    return rows.group_by(quarter=quarter_label(rows.period_start_date)).agg(
        published_depreciation_usd=rows.value.max(),
        published_rank=confidence_rank(rows.confidence).max(),
        published_id=rows.reference_id.max(),
    )


def _revenue(fit: Table, figures: Table, ai: AiParameters) -> Table:
    """Quarterly revenue with its basis, error, confidence and sources."""
    model = ai.revenue
    path = revenue_path(fit, model.first_quarter, ai.depreciation.last_quarter, model.origin_quarter)
    published = _published_quarters(figures, model.anchor_entity, "ai_revenue")
    quarters = published.group_by(quarter=quarter_label(published.period_start_date)).agg(
        published_usd=published.value.max(),
        rounding=published.rounding.max(),
        published_revenue_rank=confidence_rank(published.confidence).max(),
        published_revenue_id=published.reference_id.max(),
    )
    anchors = fit.filter(fit.kind == "anchor")
    anchor = anchors.agg(
        anchor_rank=confidence_rank(anchors.lowest_confidence).max(),
        last_number=quarter_number(quarter_label(anchors.period_end_date)).max(),
        anchor_ids=anchors.source_ids.group_concat(", ", order_by=anchors.source_ids),
    )
    rates = used(figures)
    rates = rates.filter(
        rates.entity == model.anchor_entity, rates.metric == "ai_revenue_run_rate", rates.basis == "run_rate"
    )
    rate = rates.agg(
        run_rate=rates.value.argmax(rates.as_of_date),
        run_rate_rank=confidence_rank(rates.confidence).max(),
        run_rate_id=rates.reference_id.argmax(rates.as_of_date),
    )
    rows = path.left_join(quarters, "quarter").drop("quarter_right").cross_join(anchor).cross_join(rate)
    is_published = rows.published_usd.notnull()
    is_held = ~is_published & (rows.number > rows.last_number).fill_null(False)
    held = rows.run_rate / QUARTERS_PER_YEAR
    return rows.select(
        "number",
        "quarter",
        revenue_path_usd=rows.path_usd,
        revenue_basis=ibis.cases((is_published, "published"), (is_held, "run_rate_held"), else_="interpolated"),
        revenue_usd=ibis.cases((is_published, rows.published_usd), (is_held, held), else_=rows.path_usd),
        revenue_error_usd=ibis.cases(
            (is_published, rows.rounding / 2),
            (is_held, ibis.null(dt.float64)),
            else_=rows.path_usd * rows.relative_error,
        ),
        is_held=is_held,
        revenue_rank=ibis.cases(
            (is_published, rows.published_revenue_rank), (is_held, rows.run_rate_rank), else_=rows.anchor_rank
        ),
        revenue_ids=ibis.cases(
            (is_published, rows.published_revenue_id), (is_held, rows.run_rate_id), else_=rows.anchor_ids
        ),
    )


def _measured(rows: Table) -> Table:
    so_far = ibis.window(order_by="number", preceding=None, following=0)
    four = ibis.window(order_by="number", preceding=3, following=0)
    depreciation = rows.depreciation_usd
    has_four = (rows.revenue_usd.count().over(four) == 4) & (depreciation.count().over(four) == 4)
    ttm = ratio(rows.revenue_usd.sum().over(four), depreciation.sum().over(four))
    days = days_between(first_day(rows.number + 1), first_day(rows.number))
    cumulative = rows.mutate(cumulative_revenue_usd=rows.revenue_usd.sum().over(so_far))
    unmatched = cumulative.cumulative_ai_capital_expenditure_usd - cumulative.cumulative_revenue_usd
    return cumulative.mutate(
        coverage_ratio=ratio(rows.revenue_usd, depreciation),
        coverage_low_ratio=ratio(rows.revenue_usd - rows.revenue_error_usd, depreciation),
        coverage_high_ratio=ratio(rows.revenue_usd + rows.revenue_error_usd, depreciation),
        published_coverage_ratio=ibis.ifelse(
            rows.revenue_basis == "published",
            ratio(rows.revenue_usd, rows.published_depreciation_usd),
            ibis.null(dt.float64),
        ),
        coverage_ttm_ratio=ibis.ifelse(has_four, ttm, ibis.null(dt.float64)),
        cumulative_coverage_ratio=ratio(cumulative.cumulative_revenue_usd, cumulative.cumulative_depreciation_usd),
        capital_recovered_ratio=ratio(
            cumulative.cumulative_revenue_usd, cumulative.cumulative_ai_capital_expenditure_usd
        ),
        payback_years=ibis.greatest(unmatched, 0.0) / (rows.revenue_usd * QUARTERS_PER_YEAR).nullif(0),
        days_per_billion=days / (rows.revenue_usd / BILLION).nullif(0),
        is_interpolated=rows.revenue_basis != "published",
        is_forecast=rows.is_held | rows.is_forecast_spending.fill_null(False),
        lowest_confidence=confidence_name(ibis.greatest(rows.revenue_rank, rows.schedule_rank, rows.published_rank)),
        is_third_party_estimate=ibis.literal(True),
        source_ids=rows.revenue_ids
        + ibis.literal(", mart.ai_depreciation_schedule")
        + ibis.ifelse(rows.published_id.notnull(), ibis.literal(", ") + rows.published_id, ""),
        missing_reason=first_text(
            (rows.revenue_usd.isnull(), "the path of revenue could not be fitted, see mart.ai_revenue_fit"),
            (depreciation.isnull(), "depreciation is missing, see mart.ai_depreciation_schedule"),
            (~has_four, "four quarters have not passed since the path's start"),
            (rows.revenue_error_usd.isnull(), "a held run rate has no stated error"),
        ),
    )


def _with_crossings(rows: Table) -> Table:
    is_covered = rows.coverage_ratio >= 1
    crossings = rows.agg(
        first_crossing_quarter=rows.quarter.min(where=is_covered),
        first_published_crossing_quarter=rows.quarter.min(where=is_covered & ~rows.is_interpolated),
        first_cumulative_crossing_quarter=rows.quarter.min(where=rows.cumulative_coverage_ratio >= 1),
    )
    return rows.cross_join(crossings)


def ai_coverage_sensitivity(
    ai_capital_expenditure_vintages: Annotated[Table, AiCapitalExpenditureVintages],
    ai_depreciation_fit: Annotated[Table, AiDepreciationFit],
    ai_revenue: Annotated[Table, AiRevenue],
    methodology: Methodology,
) -> Annotated[Table, AiCoverageSensitivity]:
    """Lag × AI share × life of compute: depreciation and coverage of one quarter, and the shortest life from which revenue covers.

    The shortest covering life is looked for on a grid: one step above the longest life at which coverage is still below 1.
    """
    ai = methodology.ai
    parameters, model = ai.sensitivity, ai.depreciation
    shares = _shares(ai_depreciation_fit, parameters, model)
    revenue = _revenue_of_quarter(ai_revenue, ai)
    totals = builder_totals(ai_capital_expenditure_vintages, model)
    lives = values_table("life", [float(life) for life in parameters.useful_lives_years])
    grid = parameters.covering_life
    steps = ibis.range(0, grid.steps + 1).unnest().name("step").as_table()
    fine = steps.select(life=grid.first + steps.step * grid.step)
    wanted = _covered(_unit_charges(totals, lives, parameters, model), shares, revenue)
    searched = _covered(_unit_charges(totals, fine, parameters, model), shares, revenue)
    longest_short = searched.group_by("lag", "ai_share").agg(
        too_short=searched.life.max(where=searched.coverage_ratio < 1), is_known=searched.coverage_ratio.notnull().all()
    )
    rows = wanted.left_join(longest_short, ["lag", "ai_share"]).drop("lag_right", "ai_share_right")
    never, always = rows.too_short >= grid.last - grid.step / 2, rows.too_short.isnull() & rows.is_known
    return rows.mutate(
        in_service_lag_quarters=rows.lag.cast("int64"),
        useful_life_years=rows.life,
        quarter=ibis.literal(parameters.quarter),
        is_default=(rows.lag == model.in_service_lag_quarters)
        & (rows.ai_share == "fitted")
        & (rows.life == model.compute_life_years),
        shortest_covering_life_years=ibis.ifelse(never, ibis.null(dt.float64), rows.too_short + grid.step),
        lowest_confidence=confidence_name(ibis.greatest(rows["rank"], rows.revenue_rank)),
        is_third_party_estimate=ibis.literal(True),
        missing_reason=first_text(
            (rows.revenue_usd.isnull(), f"no revenue is published for {parameters.quarter}"),
            (rows.depreciation_usd.isnull(), "depreciation is missing, see mart.ai_capital_expenditure_vintages"),
            (rows.depreciation_usd == 0, "nothing is in service yet at this lag"),
            (always, "revenue covers depreciation at every life searched"),
            (never, "revenue covers depreciation at no life searched"),
        ),
    ).select(*AiCoverageSensitivity.to_schema().columns)


def _revenue_of_quarter(figures: Table, ai: AiParameters) -> Table:
    rows = _published_quarters(figures, ai.revenue.anchor_entity, "ai_revenue")
    rows = rows.filter(quarter_label(rows.period_start_date) == ai.sensitivity.quarter)
    return rows.agg(revenue_usd=rows.value.max(), revenue_rank=confidence_rank(rows.confidence).max())


def _shares(fit: Table, parameters: SensitivityParameters, model: DepreciationParameters) -> Table:
    """The fitted path of each lag and the flat shares: `lag`, `ai_share`, `ai_share_ratio`, `share_before`, `share_since`."""
    fitted = fitted_shares(fit)
    fitted = fitted.filter(fitted.share_path == model.share_path, fitted.lag.isin(parameters.lags))
    own = fitted.select(
        "lag",
        ai_share=ibis.literal("fitted"),
        ai_share_ratio=ibis.null(dt.float64),
        share_before="share_before",
        share_since="share_since",
    )
    flat = values_table("flat", [float(share) for share in parameters.shares])
    flat = flat.cross_join(values_table("lag", parameters.lags))
    fixed = flat.select(
        lag=flat.lag.cast("int64"),
        ai_share=(flat.flat * 100).round(0).cast("int64").cast("string") + ibis.literal(" %"),
        ai_share_ratio=flat.flat,
        share_before=flat.flat,
        share_since=flat.flat,
    )
    return own.union(fixed)


def _unit_charges(
    totals: Table, lives: Table, parameters: SensitivityParameters, model: DepreciationParameters
) -> Table:
    """Lag × life: what the quarter is charged for spending before and since the break if all of it were AI."""
    quarter = number_of_quarter(parameters.quarter)
    paid = totals.filter(totals.number <= quarter)
    pairs = paid.cross_join(values_table("lag", parameters.lags)).cross_join(lives)
    age = quarter - pairs.number - pairs.lag
    compute = charge_of_quarter(age, pairs.life * QUARTERS_PER_YEAR) * model.compute_share
    other = charge_of_quarter(age, model.other_life_years * QUARTERS_PER_YEAR) * (1 - model.compute_share)
    charge = compute + other
    has_gap = (pairs.total.isnull() & (age >= 0)).any()
    return pairs.group_by("lag", "life").agg(
        before=_unless(has_gap, (pairs.before * charge).sum()),
        since=_unless(has_gap, (pairs.since * charge).sum()),
        rank=pairs["rank"].max(where=age >= 0),
    )


def _unless(has_gap: BooleanValue, total: NumericValue) -> NumericValue:
    return ibis.ifelse(has_gap, ibis.null(dt.float64), total)


def _covered(charges: Table, shares: Table, revenue: Table) -> Table:
    rows = charges.inner_join(shares, "lag").cross_join(revenue)
    depreciation = rows.before * rows.share_before + rows.since * rows.share_since
    return rows.mutate(depreciation_usd=depreciation, coverage_ratio=ratio(rows.revenue_usd, depreciation))
