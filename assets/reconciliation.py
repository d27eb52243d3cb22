"""The published report's figures beside ours.

What belongs here: `mart.published_reconciliation`. What does not: any figure of ours (each is read from its mart table).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table

from schemas.core.facts import Companies
from schemas.mart.cycle_stage import CycleStage
from schemas.mart.index_views import PublishedReconciliation
from schemas.mart.prosperity import CompositeScores, GrowthGap, SubIndices
from schemas.raw.configuration import PublishedFigures
from warehouse.methodology import Methodology

BASIS = "fiscal_ytd"


def published_reconciliation(
    published_figures: Annotated[Table, PublishedFigures],
    composite_scores: Annotated[Table, CompositeScores],
    sub_indices: Annotated[Table, SubIndices],
    growth_gap: Annotated[Table, GrowthGap],
    companies: Annotated[Table, Companies],
    cycle_stage: Annotated[Table, CycleStage],
    methodology: Methodology,
) -> Annotated[Table, PublishedReconciliation]:
    """Every published figure with ours by the default method, the difference and where it comes from.

    Grain: published figure. Over a span of quarters ours is the largest value in it (a peak, as the text speaks of peaks).
    """
    ours = ibis.union(
        _scores(composite_scores),
        _growth(sub_indices),
        _multiples(growth_gap),
        _weights(methodology),
        _company_count(companies),
        _stages(cycle_stage),
    )
    key = ["measure", "entity"]
    paired = published_figures.left_join(ours, key).drop(*[f"{name}_right" for name in key])
    is_in_span = paired.first_quarter.isnull() | paired.quarter.between(paired.first_quarter, paired.last_quarter)
    figures = published_figures.columns
    found = paired.group_by(*figures).agg(
        our_value=paired.our_value.max(where=is_in_span),
        basis_break=paired.basis_break.any(where=is_in_span).fill_null(False),
    )
    return found.mutate(difference=found.our_value - found.published_value).select(
        *PublishedReconciliation.to_schema().columns
    )


def _measure(
    table: Table,
    measure: str,
    entity: ibis.Value,
    quarter: ibis.Value,
    value: ibis.Value,
    basis_break: ibis.Value | None = None,
) -> Table:
    return table.select(
        measure=ibis.literal(measure),
        entity=entity,
        quarter=quarter,
        our_value=value.cast("float64"),
        basis_break=ibis.literal(False) if basis_break is None else basis_break,
    )


def _scores(scores: Table) -> Table:
    tiers = scores.filter(scores.entity_kind == "tier", scores.basis == BASIS)
    return _measure(tiers, "composite_score", tiers.entity, tiers.quarter, tiers.composite_score, tiers.basis_break)


def _growth(values: Table) -> Table:
    tiers = values.filter(values.entity_kind == "tier", values.basis == BASIS, values.sub_index == "revenue_growth")
    return _measure(tiers, "revenue_growth_pct", tiers.entity, tiers.quarter, 100 * tiers.value)


def _multiples(gap: Table) -> Table:
    gap = gap.filter(gap.basis == BASIS)
    return ibis.union(
        *[
            _measure(gap, "upstream_multiple", ibis.literal(tier), gap.quarter, gap[f"upstream_{tier}_ratio"])
            for tier in ("midstream", "downstream")
        ]
    )


def _stages(stages: Table) -> Table:
    chain = ibis.literal("chain")
    return _measure(stages, "cycle_stage", chain, stages.quarter, stages.stage, stages.basis_break)


def _weights(methodology: Methodology) -> Table:
    one = ibis.range(0, 1).unnest().name("one").as_table()
    no_quarter = ibis.null(dt.string)
    return ibis.union(
        *[
            _measure(one, "weight_pct", ibis.literal(name), no_quarter, ibis.literal(100 * weight))
            for name, weight in methodology.index.weights.items()
        ]
    )


def _company_count(companies: Table) -> Table:
    members = companies.agg(members=companies.in_prosperity_index.sum())
    return _measure(members, "company_count", ibis.literal("chain"), ibis.null(dt.string), members.members)
