"""The five normalisations and the three windows, on values whose statistics are worked out here."""

import math
import statistics

import pytest

from assets.normalisation import NORMALISATIONS
from schemas.mart.index_views import NORMALISATION_NAMES
from tests.index.scoring import scores_of, value_row
from tests.tables import Row
from warehouse.engine import Engine

# The window is 2025Q1 and 2025Q2: 0.1, 0.1, 0.2, 0.4, 0.6, 1.0 → mean 0.4, smallest 0.1, largest 1.0.
WINDOW = [0.1, 0.1, 0.2, 0.4, 0.6, 1.0]
MEAN, DEVIATION = 0.4, math.sqrt((0.09 + 0.09 + 0.04 + 0.0 + 0.04 + 0.36) / 6)
OUTSIDE = {"LOW": -3.0, "BELOW": 0.05, "TIE": 0.1, "BETWEEN": 0.3, "MEAN": 0.4, "TOP": 1.0, "HIGH": 9.0}


def window_rows() -> list[Row]:
    places = [(tier, quarter) for quarter in ("2025Q1", "2025Q2") for tier in ("upstream", "midstream", "downstream")]
    return [value_row(tier, quarter, value) for (tier, quarter), value in zip(places, WINDOW, strict=True)]


def company_rows() -> list[Row]:
    return [value_row(name, "2025Q1", value) for name, value in OUTSIDE.items()]


def scored_by(engine: Engine, normalisation: str, more: list[Row] | None = None) -> dict[str, Row]:
    rows = [*window_rows(), *company_rows(), *(more or [])]
    found = scores_of(engine, rows, "2025Q1", "2025Q2", normalisation=normalisation)
    return {entity: row for (entity, quarter), row in found.items() if entity in OUTSIDE}


def z_score(value: float) -> float:
    return (value - MEAN) / DEVIATION


def expected(normalisation: str, value: float) -> float:
    if normalisation == "normal_cdf":
        return 100 * statistics.NormalDist().cdf(z_score(value))
    if normalisation == "tanh":
        return 50 * (1 + math.tanh(z_score(value)))
    if normalisation == "logistic":
        return 100 / (1 + math.exp(-z_score(value)))
    return 100 * min(max((value - 0.1) / 0.9, 0), 1)


def test_the_five_names_are_the_five_functions() -> None:
    assert list(NORMALISATIONS) == NORMALISATION_NAMES


def test_the_statistics_are_those_of_the_tiers_in_the_window(engine: Engine) -> None:
    found = scored_by(
        engine, "normal_cdf", [value_row("upstream", "2025Q3", 50.0), value_row("upstream", "2024Q4", -50.0)]
    )

    for row in found.values():
        assert row["window_mean"] == pytest.approx(MEAN)
        assert row["window_deviation"] == pytest.approx(DEVIATION)
        assert (row["window_minimum"], row["window_maximum"], row["window_count"]) == (0.1, 1.0, 6)
        assert row["z_score"] == pytest.approx(z_score(row["value"]))


@pytest.mark.parametrize("normalisation", ["normal_cdf", "tanh", "logistic", "min_max"])
def test_each_score_is_its_formula(engine: Engine, normalisation: str) -> None:
    found = scored_by(engine, normalisation)

    assert {name: row["score"] for name, row in found.items()} == pytest.approx(
        {name: expected(normalisation, value) for name, value in OUTSIDE.items()}, abs=2e-5
    )


def test_the_normal_distribution_is_that_of_the_standard_library(engine: Engine) -> None:
    grid = {f"Z{number}": MEAN + DEVIATION * number / 10 for number in range(-60, 61)}
    rows = [*window_rows(), *(value_row(name, "2025Q1", value) for name, value in grid.items())]
    found = scores_of(engine, rows, "2025Q1", "2025Q2")

    for number in range(-60, 61):
        probability = statistics.NormalDist().cdf(number / 10)
        assert found[f"Z{number}", "2025Q1"]["score"] == pytest.approx(100 * probability, abs=1.6e-5)


def test_the_percentile_counts_half_of_the_equal_values(engine: Engine) -> None:
    scores = {name: row["score"] for name, row in scored_by(engine, "percentile").items()}

    assert scores == pytest.approx(
        {
            "LOW": 0,
            "BELOW": 0,
            "TIE": 100 * (0 + 2 / 2) / 6,
            "BETWEEN": 100 * 3 / 6,
            "MEAN": 100 * (3 + 1 / 2) / 6,
            "TOP": 100 * (5 + 1 / 2) / 6,
            "HIGH": 100,
        }
    )


@pytest.mark.parametrize("normalisation", NORMALISATION_NAMES)
def test_a_higher_value_never_has_a_lower_score_and_all_lie_between_0_and_100(
    engine: Engine, normalisation: str
) -> None:
    far = [value_row("upstream", "2025Q3", 1e6), value_row("upstream", "2024Q4", -1e6)]
    rows = [*window_rows(), *company_rows(), *far]
    found = scores_of(engine, rows, "2025Q1", "2025Q2", normalisation=normalisation)
    scores = [row["score"] for row in sorted(found.values(), key=lambda row: row["value"])]

    assert scores == sorted(scores)
    assert all(0 <= score <= 100 for score in scores)
    assert (scores[0], scores[-1]) == pytest.approx((0, 100), abs=1e-4)


@pytest.mark.parametrize("normalisation", NORMALISATION_NAMES)
def test_no_value_no_score(engine: Engine, normalisation: str) -> None:
    rows = [*window_rows(), value_row("NOTHING", "2025Q1", None)]
    found = scores_of(engine, rows, "2025Q1", "2025Q2", normalisation=normalisation)

    assert found["NOTHING", "2025Q1"]["score"] is None
    assert found["upstream", "2025Q1"]["window_count"] == 6


@pytest.mark.parametrize("normalisation", ["normal_cdf", "tanh", "logistic", "min_max"])
def test_a_window_without_spread_gives_no_score(engine: Engine, normalisation: str) -> None:
    rows = [value_row(tier, "2025Q1", 0.2) for tier in ("upstream", "midstream", "downstream")]
    found = scores_of(engine, rows, "2025Q1", "2025Q1", normalisation=normalisation)

    assert [row["score"] for row in found.values()] == [None] * 3


# Windows. The fixed window is 2025Q1–Q2; two quarters follow it and one comes before.
EARLIER = [value_row("upstream", "2024Q4", 5.0)]
LATER = [value_row("upstream", "2025Q3", 2.0), value_row("midstream", "2025Q3", 0.0)]
LATEST = [value_row("upstream", "2025Q4", -8.0)]


def by_window(
    engine: Engine, rows: list[Row], name: str, normalisation: str = "normal_cdf"
) -> dict[tuple[str, str], float]:
    found = scores_of(engine, rows, "2025Q1", "2025Q2", window=name, normalisation=normalisation)
    return {place: row["score"] for place, row in found.items()}


@pytest.mark.parametrize("normalisation", NORMALISATION_NAMES)
@pytest.mark.parametrize("name", ["fixed", "expanding"])
def test_later_quarters_change_no_earlier_score(engine: Engine, name: str, normalisation: str) -> None:
    rows = [*EARLIER, *window_rows(), *company_rows()]
    first = by_window(engine, rows, name, normalisation)
    second = by_window(engine, [*rows, *LATER], name, normalisation)
    third = by_window(engine, [*rows, *LATER, *LATEST], name, normalisation)

    assert first == {place: second[place] for place in first}
    assert second == {place: third[place] for place in second}


@pytest.mark.parametrize("normalisation", NORMALISATION_NAMES)
def test_in_the_full_sample_they_do(engine: Engine, normalisation: str) -> None:
    rows = [*EARLIER, *window_rows()]
    before = by_window(engine, rows, "full_sample", normalisation)
    after = by_window(engine, [*rows, *LATER], "full_sample", normalisation)

    assert any(before[place] != after[place] for place in before)


def test_the_expanding_window_is_the_fixed_one_and_what_came_since(engine: Engine) -> None:
    rows = [*EARLIER, *window_rows(), *LATER, *LATEST]
    found = scores_of(engine, rows, "2025Q1", "2025Q2", window="expanding")

    for quarter, values in {
        "2024Q4": WINDOW,
        "2025Q1": WINDOW,
        "2025Q2": WINDOW,
        "2025Q3": [*WINDOW, 2.0, 0.0],
        "2025Q4": [*WINDOW, 2.0, 0.0, -8.0],
    }.items():
        row = found["upstream", quarter]
        assert (row["window_count"], row["window_mean"]) == (len(values), pytest.approx(statistics.mean(values)))
        assert row["window_deviation"] == pytest.approx(statistics.pstdev(values))


def test_the_full_sample_starts_with_the_window_and_ends_with_the_newest_quarter(engine: Engine) -> None:
    rows = [*EARLIER, *window_rows(), *LATER, *LATEST]
    found = scores_of(engine, rows, "2025Q1", "2025Q2", window="full_sample")

    assert {row["window_count"] for row in found.values()} == {9}
    assert found["upstream", "2024Q4"]["window_mean"] == pytest.approx(statistics.mean([*WINDOW, 2.0, 0.0, -8.0]))
