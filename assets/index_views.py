"""Other views of the prosperity index: variants, contributions, sensitivity, growth by weeks.

What belongs here: tables that answer "why" and "what if" of the default score. What does not: the default method itself
(`assets.prosperity`) and the published figures (`assets.reconciliation`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table

from assets.expressions import QUARTERS_PER_YEAR, first_text, growth, quarter_number, quarters_before
from assets.prosperity import BASIS_COLUMNS, ENTITY, composite_of, scores_of_values
from schemas.core.facts import Companies
from schemas.core.fundamentals import Fundamentals
from schemas.mart.index_views import CompositeContributions, CompositeSensitivity, CompositeVariants, RevenueGrowth
from schemas.mart.prosperity import SubIndices
from warehouse.methodology import IndexVariant, Methodology

COMPARISON_LAGS = {"previous_quarter": 1, "year_before": 4}
WEEK_COLUMNS = {"fiscal_ytd": "fiscal_ytd_weeks", "quarter": "weeks", "ttm": "ttm_weeks"}
# Below this change of the mean the secant has no digits left and the contribution is the share of the change of score.
SMALLEST_CHANGE = 1e-9


def composite_variants(
    sub_indices: Annotated[Table, SubIndices],
    revenue_growth: Annotated[Table, RevenueGrowth],
    companies: Annotated[Table, Companies],
    methodology: Methodology,
) -> Annotated[Table, CompositeVariants]:
    """The composite score by every variant of methodology.yaml, each from the companies' values in `mart.sub_indices`.

    Grain: variant × entity × basis × quarter. `default` repeats `mart.composite_scores`.
    """
    values = _company_values(sub_indices, revenue_growth)
    return ibis.union(*[_variant(values, companies, methodology, variant) for variant in methodology.index.variants])


def _company_values(sub_indices: Table, revenue_growth: Table) -> Table:
    """The companies' values with the revenue of the span as weight."""
    values = sub_indices.filter(sub_indices.entity_kind == "company").drop(
        "z_score", "score", "window_mean", "window_deviation", "window_count"
    )
    weights = revenue_growth.select("basis", "quarter", entity="ticker", weight="revenue_usd")
    key = ["entity", "basis", "quarter"]
    return values.left_join(weights, key).drop(*[f"{name}_right" for name in key])


def _variant(values: Table, companies: Table, methodology: Methodology, variant: IndexVariant) -> Table:
    composite = composite_of(scores_of_values(values, companies, methodology.index, variant), methodology.index)
    return composite.mutate(variant=ibis.literal(variant.name)).select(*CompositeVariants.to_schema().columns)


def composite_contributions(
    sub_indices: Annotated[Table, SubIndices],
    companies: Annotated[Table, Companies],
    methodology: Methodology,
) -> Annotated[Table, CompositeContributions]:
    """The change of each tier's score since the quarter before and the year before, by sub-index and company.

    Grain: tier × basis × quarter × comparison × sub-index × ticker; only where both scores exist. A company that had no value on one of the
    two sides enters with its whole part of the mean.
    """
    members = companies.filter(companies.in_prosperity_index).select("tier", entity="ticker")
    scores = composite_of(sub_indices, methodology.index)
    scored = scores.filter(scores.composite_score.notnull())
    tiers = sub_indices.filter(sub_indices.entity_kind == "tier").semi_join(scored, ENTITY)
    tiers = tiers.mutate(number=quarter_number(tiers.quarter))
    parts = sub_indices.filter(sub_indices.entity_kind == "company").semi_join(members, ["tier", "entity"])
    parts = parts.mutate(number=quarter_number(parts.quarter))
    return ibis.union(*[_contributions(tiers, parts, members, methodology, name) for name in COMPARISON_LAGS])


def _contributions(tiers: Table, parts: Table, members: Table, methodology: Methodology, comparison: str) -> Table:
    changes = _tier_changes(tiers, methodology, COMPARISON_LAGS[comparison])
    now = parts.select("entity", "basis", "sub_index", "number", value="value")
    then = now.rename(value_before="value", number_before="number")
    joined = (
        changes.join(members, "tier")
        .left_join(now, ["entity", "basis", "sub_index", "number"])
        .drop("entity_right", "basis_right", "sub_index_right", "number_right")
        .left_join(then, ["entity", "basis", "sub_index", "number_before"])
        .drop("entity_right", "basis_right", "sub_index_right", "number_before_right")
    )
    moved = joined.value.fill_null(0) / joined.count_now - joined.value_before.fill_null(0) / joined.count_before
    is_flat = joined.mean_change.abs() < SMALLEST_CHANGE
    share = ibis.ifelse(is_flat, 1 / joined.size, moved / ibis.ifelse(is_flat, 1.0, joined.mean_change))
    return joined.select(
        "tier",
        "basis",
        "quarter",
        comparison=ibis.literal(comparison),
        quarter_before=joined.quarter_before,
        sub_index=joined.sub_index,
        ticker=joined.entity,
        value_before=joined.value_before,
        value=joined.value,
        contribution_points=joined.sub_index_points * share,
        composite_change_points=joined.composite_change_points,
        basis_break=joined.break_now | joined.break_before,
    )


def _tier_changes(tiers: Table, methodology: Methodology, lag: int) -> Table:
    """Change of each sub-index of a tier against the quarter `lag` before, in points of the composite score."""
    weight = ibis.cases(*[(tiers.sub_index == name, value) for name, value in methodology.index.weights.items()])
    now = tiers.select(
        "tier", "basis", "quarter", "sub_index", "number", count_now="company_count", mean_now="value",
        points_now=tiers.score * weight, break_now="basis_break", number_before=tiers.number - lag,
    )  # fmt: skip
    then = tiers.select(
        "tier", "basis", "sub_index", quarter_before="quarter", number_before="number",
        count_before="company_count", mean_before="value", points_before=tiers.score * weight, break_before="basis_break",
    )  # fmt: skip
    joined = now.join(then, ["tier", "basis", "sub_index", "number_before"])
    joined = joined.filter(joined.points_now.notnull(), joined.points_before.notnull())
    per_tier = ibis.window(group_by=["tier", "basis", "quarter"])
    joined = joined.mutate(sub_index_points=joined.points_now - joined.points_before)
    joined = joined.mutate(
        mean_change=joined.mean_now - joined.mean_before,
        composite_change_points=joined.sub_index_points.sum().over(per_tier),
        known_count=joined.count().over(per_tier),
        size=ibis.greatest(joined.count_now, joined.count_before),
    )
    return joined.filter(joined.known_count == len(methodology.index.weights))


def composite_sensitivity(
    composite_variants: Annotated[Table, CompositeVariants],
    methodology: Methodology,
) -> Annotated[Table, CompositeSensitivity]:
    """In which share of all weights each tier leads, for each normalisation.

    Grain: basis × quarter × normalisation × tier, for quarters in which every tier has a score.
    """
    names = {
        variant.name: variant.normalisation
        for variant in methodology.index.variants
        if variant.model_copy(update={"name": "default", "normalisation": "normal_cdf"}) == methodology.index.default
    }
    tiers = composite_variants.filter(
        composite_variants.entity_kind == "tier",
        composite_variants.variant.isin(list(names)),
        composite_variants.composite_score.notnull(),
    )
    grid = _weight_grid(round(1 / methodology.index.weight_step))
    weighted = tiers.cross_join(grid)
    score = sum(
        (weighted[f"{name}_score"] * weighted[f"{name}_weight"] for name in methodology.index.weights),
        ibis.literal(0.0),
    )
    point = ["variant", "basis", "quarter", "grid_point"]
    ranked = weighted.mutate(score=score)
    ranked = ranked.mutate(
        tier_count=ranked.count().over(group_by=point),
        rank=ibis.rank().over(group_by=point, order_by=ibis.desc(ranked.score.round(9))) + 1,
        basis_break=ranked.basis_break.any().over(group_by=point),
    )
    ranked = ranked.filter(ranked.tier_count == len(methodology.index.tiers))
    normalisation = ibis.cases(*[(ranked.variant == name, function) for name, function in names.items()])
    ranked = ranked.mutate(normalisation=normalisation)
    return ranked.group_by("basis", "quarter", "normalisation", tier=ranked.entity).agg(
        grid_count=ranked.count(),
        lead_share_ratio=(ranked["rank"] == 1).mean(),
        mean_rank=ranked["rank"].mean(),
        lowest_score=ranked.score.min(),
        highest_score=ranked.score.max(),
        basis_break=ranked.basis_break.any(),
    )


def _weight_grid(steps: int) -> Table:
    """All weights of the three sub-indices in multiples of 1/steps that sum to one."""
    first = ibis.range(0, steps + 1).unnest().name("first").as_table()
    second = ibis.range(0, steps + 1).unnest().name("second").as_table()
    pairs = first.cross_join(second).filter(lambda pair: pair["first"] + pair["second"] <= steps)
    return pairs.select(
        revenue_growth_weight=pairs["first"] / steps,
        roic_change_weight=pairs["second"] / steps,
        capex_depreciation_change_weight=(steps - pairs["first"] - pairs["second"]) / steps,
        grid_point=pairs["first"] * (steps + 1) + pairs["second"],
    )


def revenue_growth(
    fundamentals: Annotated[Table, Fundamentals],
    companies: Annotated[Table, Companies],
    methodology: Methodology,
) -> Annotated[Table, RevenueGrowth]:
    """Growth against the same span a year before, plain and per week.

    Grain: ticker × basis × quarter. Some 2 % of quarters have 14 weeks on one side: there the two growth rates differ by 9 points (median).
    """
    panel = fundamentals.join(companies.select("ticker", "tier"), "ticker")
    return ibis.union(*[_growth(panel, basis) for basis in methodology.index.bases])


def _growth(panel: Table, basis: str) -> Table:
    suffix, _, quarter, _ = BASIS_COLUMNS[basis]
    year_before = quarters_before(QUARTERS_PER_YEAR, group_by="ticker", order_by="quarter_index")
    revenue, weeks = panel[f"revenue{suffix}"], panel[WEEK_COLUMNS[basis]]
    sides = panel.mutate(
        revenue_now=revenue,
        weeks_now=weeks,
        revenue_then=revenue.max().over(year_before),
        weeks_then=weeks.max().over(year_before),
    )
    plain = growth(sides.revenue_now, sides.revenue_then)
    per_week = growth(sides.revenue_now / sides.weeks_now, sides.revenue_then / sides.weeks_then)
    return sides.select(
        "ticker",
        "tier",
        "period_end_date",
        basis=ibis.literal(basis),
        quarter=sides[quarter],
        revenue_usd=sides.revenue_now,
        revenue_before_usd=sides.revenue_then,
        weeks=sides.weeks_now,
        weeks_before=sides.weeks_then,
        growth=plain,
        week_adjusted_growth=per_week,
        missing_reason=first_text(
            (plain.notnull(), ibis.null(dt.string)),
            (sides.revenue_now.isnull(), "revenue is missing, see core.missing_quarters"),
            (sides.revenue_then.isnull(), "revenue of the span a year before is missing"),
            (ibis.literal(True), "revenue of the span a year before is not positive"),
        ),
    ).select(*RevenueGrowth.to_schema().columns)
