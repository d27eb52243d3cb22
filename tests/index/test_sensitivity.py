"""`mart.composite_sensitivity`: leading tiers over all weights, against a plain loop over the same grid."""

import itertools
import statistics

import pytest

from assets.index_views import composite_sensitivity
from schemas.mart.index_views import NORMALISATION_NAMES, CompositeSensitivity
from tests.index.scoring import TIERS, methodology, variant_row
from tests.tables import Row, compute, keeps_contract, only, pick
from warehouse.engine import Engine

Scores = dict[str, tuple[float, float, float]]
CROSSING: Scores = {"upstream": (90, 10, 40), "midstream": (50, 60, 50), "downstream": (20, 30, 95)}
# Midstream lies below upstream in everything; downstream leads where ROIC weighs enough.
DOMINATED: Scores = {"upstream": (80, 40, 60), "midstream": (79, 39, 59), "downstream": (10, 90, 20)}
EQUAL: Scores = dict.fromkeys(TIERS, (50, 50, 50))


def rows_of(scores: Scores, quarter: str, variant: str = "default") -> list[Row]:
    return [variant_row(tier, quarter, three, variant=variant) for tier, three in scores.items()]


@pytest.fixture(scope="module")
def found(engine: Engine) -> list[Row]:
    rows = [*rows_of(CROSSING, "2025Q1"), *rows_of(DOMINATED, "2025Q2"), *rows_of(EQUAL, "2025Q3")]
    rows += [row for row in rows_of(CROSSING, "2025Q4") if row["entity"] != "upstream"]
    rows += [variant_row("upstream", "2025Q4", (1, 1, 1), composite_score=None)]
    return compute(engine, composite_sensitivity, composite_variants=rows, methodology=methodology())


def expected(scores: Scores, steps: int) -> dict[str, tuple[float, float, float, float]]:
    """Share of leads, mean rank, lowest and highest score of each tier."""
    found: dict[str, list[tuple[float, int]]] = {tier: [] for tier in scores}
    for first, second in itertools.product(range(steps + 1), repeat=2):
        if first + second > steps:
            continue
        weights = (first / steps, second / steps, (steps - first - second) / steps)
        composite = {
            tier: round(sum(weight * score for weight, score in zip(weights, three, strict=True)), 9)
            for tier, three in scores.items()
        }
        for tier, score in composite.items():
            found[tier].append((score, 1 + sum(other > score for other in composite.values())))
    return {
        tier: (
            statistics.mean(rank == 1 for _, rank in points),
            statistics.mean(rank for _, rank in points),
            min(score for score, _ in points),
            max(score for score, _ in points),
        )
        for tier, points in found.items()
    }


def measures(found: list[Row], quarter: str) -> dict[str, tuple[float, ...]]:
    names = ("lead_share_ratio", "mean_rank", "lowest_score", "highest_score")
    return {row["tier"]: tuple(row[name] for name in names) for row in pick(found, quarter=quarter)}


def test_the_table_keeps_its_contract(engine: Engine, found: list[Row]) -> None:
    assert keeps_contract(engine, CompositeSensitivity, found)


def test_a_step_of_a_twentieth_gives_231_combinations(found: list[Row]) -> None:
    assert methodology().index.weight_step == 0.05
    assert {row["grid_count"] for row in found} == {231}


@pytest.mark.parametrize(("quarter", "scores"), [("2025Q1", CROSSING), ("2025Q2", DOMINATED), ("2025Q3", EQUAL)])
def test_shares_ranks_and_bounds_are_those_of_a_plain_loop(found: list[Row], quarter: str, scores: Scores) -> None:
    own = expected(scores, 20)

    for tier, measured in measures(found, quarter).items():
        assert measured == pytest.approx(own[tier])


def test_the_bounds_are_the_smallest_and_the_largest_of_the_three_scores(found: list[Row]) -> None:
    assert measures(found, "2025Q1")["upstream"][2:] == (10, 90)
    assert measures(found, "2025Q1")["downstream"][2:] == (20, 95)


def test_a_dominated_tier_never_leads(found: list[Row]) -> None:
    shares = {tier: measured[0] for tier, measured in measures(found, "2025Q2").items()}

    assert shares["midstream"] == 0
    assert shares["upstream"] > 0
    assert shares["downstream"] > 0


def test_shares_add_up_to_one_and_to_more_with_ties(found: list[Row]) -> None:
    assert sum(measured[0] for measured in measures(found, "2025Q2").values()) >= 1
    assert [measured[0] for measured in measures(found, "2025Q3").values()] == [1, 1, 1]


def test_a_quarter_in_which_a_tier_has_no_score_is_left_out(found: list[Row]) -> None:
    assert pick(found, quarter="2025Q4") == []


def test_a_coarser_step_gives_a_coarser_grid(engine: Engine) -> None:
    rows = rows_of(CROSSING, "2025Q1")
    found = compute(engine, composite_sensitivity, composite_variants=rows, methodology=methodology(weight_step=0.5))

    assert {row["grid_count"] for row in found} == {6}
    assert {tier: measured[0] for tier, measured in measures(found, "2025Q1").items()} == pytest.approx(
        {tier: own[0] for tier, own in expected(CROSSING, 2).items()}
    )


def test_each_normalisation_is_its_variant_and_no_other_variant_is_counted(engine: Engine) -> None:
    names = [variant.name for variant in methodology().index.variants]
    rows = [row for name in names for row in rows_of(CROSSING if name == "tanh" else EQUAL, "2025Q1", name)]
    found = compute(engine, composite_sensitivity, composite_variants=rows, methodology=methodology())

    assert sorted({row["normalisation"] for row in found}) == sorted(NORMALISATION_NAMES)
    assert {row["grid_count"] for row in found} == {231}
    assert only(found, normalisation="tanh", tier="upstream")["lead_share_ratio"] < 1
    assert only(found, normalisation="logistic", tier="upstream")["lead_share_ratio"] == 1
