"""`mart.ai_revenue_fit`: a path is found again from figures it made."""

import math

import pytest

from assets.ai_revenue_path import ai_revenue_fit
from schemas.mart.ai_depreciation import AiRevenueFit
from tests.ai_rows import figure, methodology, period, refuses
from tests.tables import Row, compute, keeps_contract, only
from warehouse.engine import Engine

STUDY = "Study"
GROWTH = 0.3
MODEL = {
    "anchor_entity": STUDY,
    "first_quarter": "2024Q1",
    "origin_quarter": "2026Q1",
    "growth": {"first": 0.2, "last": 0.4, "steps": 20},
    "curvature": {"first": -0.01, "last": 0.01, "steps": 2},
}
ORIGIN_REVENUE = 25e9


def revenue(position: float) -> float:
    """The path the figures are made of: exponential, without curvature."""
    return ORIGIN_REVENUE * math.exp(GROWTH * position)


YEAR_2024 = sum(map(revenue, range(-8, -4)))
FIGURES = [
    figure("quarter", STUDY, "ai_revenue", "quarter", ORIGIN_REVENUE, **period("2026-01-01", "2026-03-31")),
    figure("ttm", STUDY, "ai_revenue", "trailing_twelve_months", sum(map(revenue, range(-2, 2))),
           **period("2025-07-01", "2026-06-30")),
    # The middle of June lies four months after the middle of February.
    figure("rate", STUDY, "ai_revenue_run_rate", "run_rate", 4 * revenue(4 / 3), as_of_date="2026-06-30"),
    figure("days-2024", STUDY, "days_per_billion_of_cumulative_revenue", "point", 366 / (YEAR_2024 / 1e9),
           as_of_date="2024-12-31", date_precision="year", unit="days"),
    figure("days-2026", STUDY, "days_per_billion_of_cumulative_revenue", "point", 2.0, as_of_date="2026-06-30",
           date_precision="month", unit="days"),
    figure("growth", STUDY, "ai_revenue_growth", "point", 2.0, as_of_date="2026-06-30", unit="ratio"),
    figure("other", "Another study", "ai_revenue", "quarter", 1.0, **period("2026-01-01", "2026-03-31")),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return compute(engine, ai_revenue_fit, ai_revenue=FIGURES, methodology=methodology(revenue=MODEL))


def test_the_table_keeps_its_contract(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, AiRevenueFit, rows)


def test_a_bad_kind_is_refused(engine: Engine, rows: list[Row]) -> None:
    assert refuses(engine, AiRevenueFit, rows, kind="guess")


def test_the_parameters_are_found_again(rows: list[Row]) -> None:
    assert only(rows, name="growth")["value"] == pytest.approx(GROWTH)
    assert only(rows, name="curvature")["value"] == pytest.approx(0)
    assert only(rows, name="level")["value"] == pytest.approx(math.log(ORIGIN_REVENUE))
    assert only(rows, kind="error")["value"] == pytest.approx(0, abs=1e-5)


def test_anchors_of_every_kind_are_met(rows: list[Row]) -> None:
    anchors = [row for row in rows if row["kind"] == "anchor"]

    assert len(anchors) == 4
    for row in anchors:
        assert row["value"] == pytest.approx(row["published_value"])
        assert row["residual_value"] == pytest.approx(0, abs=1e3)


def test_checks_are_computed_and_not_fitted(rows: list[Row]) -> None:
    growth, days = (only(rows, kind="check", unit=unit) for unit in ("ratio", "days"))

    assert growth["value"] == pytest.approx(math.exp(4 * GROWTH) - 1)
    assert growth["relative_residual_pct"] == pytest.approx(100 * ((math.exp(4 * GROWTH) - 1) / 2 - 1))
    assert days["value"] == pytest.approx(365 / (4 * revenue(4 / 3) / 1e9))


def test_without_figures_there_is_no_path(engine: Engine) -> None:
    rows = compute(engine, ai_revenue_fit, ai_revenue=FIGURES[-1:], methodology=methodology(revenue=MODEL))

    assert rows == []
