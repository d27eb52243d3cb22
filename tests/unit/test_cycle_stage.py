"""`mart.cycle_stage` and its evidence: rules, ties, missing values, the published stage beside."""

from typing import Any

import pytest

from assets.cycle_stage import cycle_stage, cycle_stage_evidence
from schemas.mart.cycle_stage import CycleStage, CycleStageEvidence
from tests.ai_rows import refuses, source
from tests.tables import Row, compute, keeps_contract, only, pick
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology

CONTENT = read_methodology().model_dump()
CONTENT["cycle_stage"] = {
    "first_quarter": "2025Q1",
    "least_rules_with_data": 2,
    "rules": [
        {"stage": 1, "rule": "upstream_lead", "least": 0},
        {"stage": 1, "rule": "upstream_midstream_gap", "least": 6},
        {"stage": 1, "rule": "ai_coverage", "most": 0.5},
        {"stage": 2, "rule": "upstream_lead", "least": 0},
        {"stage": 2, "rule": "upstream_midstream_gap", "least": 3, "most": 6},
        {"stage": 2, "rule": "ai_coverage", "least": 0.5, "most": 1},
        {"stage": 3, "rule": "midstream_lead", "least": 0},
        {"stage": 3, "rule": "upstream_midstream_gap", "least": 0, "most": 3},
        {"stage": 3, "rule": "ai_coverage", "least": 1},
        {"stage": 4, "rule": "downstream_lead", "least": 0},
        {"stage": 4, "rule": "upstream_downstream_gap", "least": 0, "most": 1},
        {"stage": 4, "rule": "ai_coverage", "least": 2},
    ],
}
METHODOLOGY = Methodology.model_validate(CONTENT)


def score(tier: str, quarter: str, value: float | None, **changes: Any) -> Row:
    row = {
        "entity_kind": "tier",
        "entity": tier,
        "tier": tier,
        "basis": "fiscal_ytd",
        "quarter": quarter,
        "composite_score": value,
        "company_count": 1,
        "is_provisional": False,
        "basis_break": False,
    }
    return row | changes


def scores(quarter: str, upstream: float | None, midstream: float, downstream: float) -> list[Row]:
    values = {"upstream": upstream, "midstream": midstream, "downstream": downstream}
    return [score(tier, quarter, value) for tier, value in values.items()]


def gap(quarter: str, midstream: float | None, downstream: float | None) -> Row:
    ratios = {"upstream_midstream_ratio": midstream, "upstream_downstream_ratio": downstream}
    return {"basis": "fiscal_ytd", "quarter": quarter, "is_provisional": False, **ratios}


def coverage(quarter: str, value: float, **changes: Any) -> Row:
    row = {
        "quarter": quarter,
        "revenue_basis": "interpolated",
        "revenue_path_usd": 1.0,
        "coverage_ratio": value,
        "is_interpolated": True,
        "is_forecast": False,
        "lowest_confidence": "secondary_blog",
        "is_third_party_estimate": True,
    }
    return row | changes


SCORES = [
    *scores("2024Q4", 80.0, 20.0, 10.0),
    *scores("2025Q1", 80.0, 40.0, 30.0),
    *scores("2025Q2", 60.0, 50.0, 30.0),
    *scores("2025Q3", 40.0, 50.0, 30.0),
    *scores("2025Q4", None, 50.0, 30.0),
    score("upstream", "2025Q1", 1.0, basis="ttm"),
]
GAPS = [gap("2025Q1", 9.0, 20.0), gap("2025Q2", 4.0, 8.0), gap("2025Q3", 4.0, 8.0), gap("2025Q4", -2.0, -1.0)]
COVERAGE = [coverage("2025Q1", 0.4), coverage("2025Q2", 0.8), coverage("2025Q3", 1.2)]
STAGES = ("innovation", "upstream_boom", "midstream_consolidation", "downstream_monetisation")
FIRST = ("2023Q1", "2025Q2", "2025Q4", "2028Q1")
PUBLISHED = [
    {
        "stage": n + 1,
        "name": STAGES[n],
        "first_quarter": FIRST[n],
        "last_quarter": last,
        "is_forecast": n > 1,
        **source(),
    }
    for n, last in enumerate(("2025Q1", "2025Q3", "2027Q4", None))
]


@pytest.fixture(scope="module")
def evidence(engine: Engine) -> list[Row]:
    return compute(
        engine,
        cycle_stage_evidence,
        composite_scores=SCORES,
        growth_gap=GAPS,
        coverage=COVERAGE,
        methodology=METHODOLOGY,
    )


@pytest.fixture(scope="module")
def stages(engine: Engine, evidence: list[Row]) -> list[Row]:
    return compute(engine, cycle_stage, evidence=evidence, published_stages=PUBLISHED, methodology=METHODOLOGY)


def test_the_tables_keep_their_contracts_and_refuse_bad_rows(
    engine: Engine, evidence: list[Row], stages: list[Row]
) -> None:
    assert keeps_contract(engine, CycleStageEvidence, evidence)
    assert keeps_contract(engine, CycleStage, stages)
    assert refuses(engine, CycleStageEvidence, evidence, stage=5)
    assert refuses(engine, CycleStage, stages, stage_name="plateau")


def test_every_quarter_from_the_first_has_every_rule(evidence: list[Row]) -> None:
    assert {row["quarter"] for row in evidence} == {"2025Q1", "2025Q2", "2025Q3", "2025Q4"}
    assert len(evidence) == 4 * 12


def test_a_lead_is_the_distance_to_the_best_other_tier(evidence: list[Row]) -> None:
    found = only(evidence, quarter="2025Q1", stage=1, rule="upstream_lead")
    behind = only(evidence, quarter="2025Q1", stage=3, rule="midstream_lead")

    assert (found["value"], found["verdict"], found["unit"]) == (40, "met", "points")
    assert (behind["value"], behind["verdict"]) == (-40, "not_met")
    assert (found["lowest_confidence"], found["is_third_party_estimate"]) == ("filing", False)


def test_the_stage_with_most_rules_met_is_decided(stages: list[Row]) -> None:
    decided = {row["quarter"]: (row["stage"], row["rules_met"]) for row in stages}

    # 2025Q3: the lead and coverage speak for the third stage, the gap for the second.
    assert decided == {"2025Q1": (1, 3), "2025Q2": (2, 3), "2025Q3": (3, 2), "2025Q4": (None, None)}


def test_a_missing_score_gives_no_data_and_no_stage(evidence: list[Row], stages: list[Row]) -> None:
    leads = [row for row in pick(evidence, quarter="2025Q4") if row["rule"].endswith("_lead")]
    found = only(stages, quarter="2025Q4")

    assert {row["verdict"] for row in leads} == {"no_data"}
    assert leads[0]["missing_reason"] == "a tier has no score in mart.composite_scores"
    assert found["missing_reason"] == "too few rules have data, or none holds"
    assert found["agrees_with_published"] is None


def test_a_shrinking_upstream_holds_for_no_stage(evidence: list[Row]) -> None:
    gaps = [row for row in pick(evidence, quarter="2025Q4") if row["rule"].endswith("_gap")]

    assert {row["verdict"] for row in gaps} == {"not_met"}


def test_the_published_stage_stands_beside(stages: list[Row]) -> None:
    agrees = {row["quarter"]: (row["published_stage"], row["agrees_with_published"]) for row in stages}

    assert agrees == {"2025Q1": (1, True), "2025Q2": (2, True), "2025Q3": (2, False), "2025Q4": (3, None)}
    assert only(stages, quarter="2025Q4")["published_is_forecast"] is True


def test_among_equals_the_earliest_stage_wins(engine: Engine) -> None:
    found = compute(
        engine,
        cycle_stage_evidence,
        composite_scores=scores("2025Q1", 60.0, 50.0, 30.0),
        growth_gap=[gap("2025Q1", 2.0, 8.0)],
        coverage=[coverage("2025Q1", 1.5, is_forecast=True, revenue_basis="run_rate_held")],
        methodology=METHODOLOGY,
    )
    # Upstream leads (stages 1 and 2); gap and coverage speak for the third.
    [third] = compute(engine, cycle_stage, evidence=found, published_stages=PUBLISHED, methodology=METHODOLOGY)
    tied = [row | ({"verdict": "not_met"} if row["rule"] == "ai_coverage" else {}) for row in found]
    [first] = compute(engine, cycle_stage, evidence=tied, published_stages=PUBLISHED, methodology=METHODOLOGY)

    assert (third["stage"], third["is_tie"], third["is_provisional"]) == (3, False, True)
    assert (first["stage"], first["is_tie"]) == (1, True)


@pytest.mark.parametrize(
    "rules",
    [
        [{"stage": 1, "rule": "ai_coverage"}],
        [{"stage": 1, "rule": "ai_coverage", "least": 2, "most": 1}],
        [{"stage": 1, "rule": "ai_coverage", "least": 2}],
    ],
)
def test_rules_that_decide_nothing_are_refused(rules: list[dict[str, Any]]) -> None:
    content = read_methodology().model_dump()
    content["cycle_stage"]["rules"] = rules

    with pytest.raises(ValueError, match=r"least|same number"):
        Methodology.model_validate(content)
