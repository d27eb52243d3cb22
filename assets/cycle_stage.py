"""The stage of the cycle, decided per quarter by rules.

What belongs here: `mart.cycle_stage_evidence`, `mart.cycle_stage`. What does not: the index, gap and coverage they read.
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import StructValue, Table

from assets.expressions import quarter_number, whole
from assets.sourced import confidence_name, confidence_rank, listed, used
from schemas.mart.ai_depreciation import AiDepreciationCoverage
from schemas.mart.cycle_stage import STAGES, CycleStage, CycleStageEvidence
from schemas.mart.prosperity import CompositeScores, GrowthGap
from schemas.raw.reference_events import PublishedCycleStages
from warehouse.methodology import Methodology
from warehouse.methodology_debate import StageRule

# The published basis: growth and scores since the start of the fiscal year.
BASIS = "fiscal_ytd"
TIERS = ("upstream", "midstream", "downstream")
SOURCES = {
    "lead": "mart.composite_scores",
    "gap": "mart.growth_gap",
    "coverage": "mart.ai_depreciation_coverage",
}


def cycle_stage_evidence(
    composite_scores: Annotated[Table, CompositeScores],
    growth_gap: Annotated[Table, GrowthGap],
    coverage: Annotated[Table, AiDepreciationCoverage],
    methodology: Methodology,
) -> Annotated[Table, CycleStageEvidence]:
    """Value and verdict of every rule. Grain: quarter × stage × rule."""
    rules = methodology.cycle_stage
    panel = _panel(composite_scores, growth_gap, coverage, rules.first_quarter)
    cells = ibis.array([_cell(panel, rule) for rule in rules.rules])
    table = panel.select("quarter", cell=cells.unnest()).unpack("cell")
    above = table.least.isnull() | (table["value"] >= table.least)
    below = table.most.isnull() | (table["value"] <= table.most)
    is_empty = table["value"].isnull()
    return table.mutate(
        verdict=ibis.cases((is_empty, "no_data"), (above & below, "met"), else_="not_met"),
        is_provisional=table.is_provisional.fill_null(False),
        lowest_confidence=ibis.ifelse(is_empty, ibis.null(dt.string), confidence_name(table.place)),
        is_third_party_estimate=~is_empty & table.is_estimated.fill_null(False),
        source_ids=ibis.ifelse(is_empty, ibis.null(dt.string), table.source_table + ibis.literal("/") + table.quarter),
        missing_reason=ibis.ifelse(
            is_empty,
            ibis.ifelse(table.source_table == SOURCES["lead"], "a tier has no score in ", "no value of the quarter in ")
            + table.source_table,
            ibis.null(dt.string),
        ),
    ).select(*CycleStageEvidence.to_schema().columns)


def _panel(scores: Table, gaps: Table, coverage: Table, first_quarter: str) -> Table:
    """Leads, gaps and coverage of every report quarter in which a tier has a row."""
    tiers = scores.filter(scores.entity_kind == "tier", scores.basis == BASIS, scores.quarter >= first_quarter)
    panel = tiers.group_by("quarter").agg(
        **{tier: tiers.composite_score.max(where=tiers.entity == tier) for tier in TIERS},
        lead_is_provisional=tiers.is_provisional.any(),
        lead_basis_break=tiers.basis_break.any(),
    )
    known = panel.upstream.notnull() & panel.midstream.notnull() & panel.downstream.notnull()
    leads = {}
    for tier in TIERS:
        others = [panel[other] for other in TIERS if other != tier]
        leads[f"{tier}_lead"] = ibis.ifelse(known, panel[tier] - ibis.greatest(*others), ibis.null(dt.float64))
    panel = panel.mutate(**leads)
    gap = gaps.filter(gaps.basis == BASIS).select(
        "quarter",
        upstream_midstream_gap="upstream_midstream_ratio",
        upstream_downstream_gap="upstream_downstream_ratio",
        gap_is_provisional="is_provisional",
    )
    covered = coverage.select(
        "quarter",
        ai_coverage="coverage_ratio",
        coverage_is_provisional=coverage.is_forecast & (coverage.revenue_basis != "published"),
        coverage_place=confidence_rank(coverage.lowest_confidence).cast("int64"),
        coverage_is_estimated="is_third_party_estimate",
    )
    for part in (gap, covered):
        panel = panel.left_join(part, "quarter").drop("quarter_right")
    return panel


def _cell(panel: Table, rule: StageRule) -> StructValue:
    kind = rule.rule.rsplit("_", 1)[-1]
    is_coverage = kind == "coverage"
    return ibis.struct(
        {
            "stage": ibis.literal(rule.stage, "int64"),
            "stage_name": ibis.literal(STAGES[rule.stage - 1]),
            "rule": ibis.literal(rule.rule),
            "value": panel[rule.rule],
            "unit": ibis.literal("points" if kind == "lead" else "ratio"),
            "least": ibis.literal(rule.least, "float64"),
            "most": ibis.literal(rule.most, "float64"),
            "is_provisional": panel[f"{kind}_is_provisional"],
            "basis_break": panel.lead_basis_break if kind == "lead" else ibis.literal(False),
            "place": panel.coverage_place if is_coverage else ibis.literal(0, "int64"),
            "is_estimated": panel.coverage_is_estimated if is_coverage else ibis.literal(False),
            "source_table": ibis.literal(SOURCES[kind]),
        }
    )


def cycle_stage(
    evidence: Annotated[Table, CycleStageEvidence],
    published_stages: Annotated[Table, PublishedCycleStages],
    methodology: Methodology,
) -> Annotated[Table, CycleStage]:
    """The stage with the most rules met, the earliest among equals, beside the published one. Grain: quarter."""
    counted = evidence.group_by("quarter", "stage", "stage_name").agg(
        rules_met=evidence.count(where=evidence.verdict == "met"),
        rules_with_data=evidence.count(where=evidence.verdict != "no_data"),
    )
    best = ibis.window(group_by="quarter", order_by=[ibis.desc("rules_met"), ibis.asc("stage")])
    ranked = counted.mutate(
        turn=ibis.row_number().over(best), most_met=counted.rules_met.max().over(group_by="quarter")
    )
    equals = ranked.group_by("quarter").agg(
        winners=ranked.count(where=ranked.rules_met == ranked.most_met),
        **{f"{name}_rules_met": whole(ranked.rules_met.max(where=ranked.stage_name == name)) for name in STAGES},
    )
    table = _quarters(evidence)
    for part in (ranked.filter(ranked.turn == 0).drop("turn", "most_met"), equals, _published(table, published_stages)):
        table = table.left_join(part, "quarter").drop("quarter_right")
    is_decided = (table.rules_with_data >= methodology.cycle_stage.least_rules_with_data) & (table.rules_met > 0)
    decided = {
        name: ibis.ifelse(is_decided, table[name], ibis.null(table[name].type()))
        for name in ("stage", "stage_name", "rules_met", "rules_with_data")
    }
    return table.mutate(
        **decided,
        is_tie=is_decided & (table.winners > 1),
        agrees_with_published=decided["stage"] == table.published_stage,
        lowest_confidence=confidence_name(table.place),
        missing_reason=ibis.ifelse(is_decided, ibis.null(dt.string), "too few rules have data, or none holds"),
    ).select(*CycleStage.to_schema().columns)


def _quarters(evidence: Table) -> Table:
    """The values behind a quarter's rules, each once."""

    def value(rule: str) -> ibis.Value:
        return evidence["value"].max(where=evidence.rule == rule)

    with_data = evidence.verdict != "no_data"
    grouped = evidence.group_by("quarter").agg(
        **{name: value(name) for name in ("upstream_lead", "upstream_midstream_gap", "ai_coverage")},
        is_provisional=(evidence.is_provisional & with_data).any(),
        basis_break=(evidence.basis_break & with_data).any(),
        place=confidence_rank(evidence.lowest_confidence).max(),
        is_third_party_estimate=evidence.is_third_party_estimate.any(),
    )
    named = evidence.filter(with_data).select("quarter", "source_ids").distinct()
    names = named.group_by("quarter").agg(source_ids=listed(named.source_ids))
    return grouped.left_join(names, "quarter").drop("quarter_right")


def _published(quarters: Table, published: Table) -> Table:
    """The published stage of each quarter; the last one is open."""
    rows = used(published)
    spans = rows.select(
        published_stage="stage",
        published_stage_name="name",
        published_is_forecast="is_forecast",
        first=quarter_number(rows.first_quarter),
        last=quarter_number(rows.last_quarter.fill_null("9999Q4")),
    )
    numbered = quarters.select("quarter", number=quarter_number(quarters.quarter))
    found = numbered.join(spans, [numbered.number >= spans.first, numbered.number <= spans.last])
    return found.drop("number", "first", "last")
