"""`mart.ai_depreciation_coverage` and `mart.ai_coverage_sensitivity`: ratios computed by hand."""

import math
from typing import Any

import pytest

from assets.ai_coverage import ai_coverage_sensitivity, ai_depreciation_coverage
from schemas.mart.ai_depreciation import AiCoverageSensitivity, AiDepreciationCoverage
from tests.ai_rows import figure, methodology, period, refuses
from tests.tables import Row, compute, keeps_contract, only
from warehouse.engine import Engine

STUDY = "Study"
# The path is 8, 16, 32, 64 around the origin 2025Q3, in billions.
LEVEL, GROWTH = math.log(32e9), math.log(2)
PARAMETERS = methodology(
    depreciation={
        "anchor_entity": STUDY,
        "first_quarter": "2025Q1",
        "last_quarter": "2026Q1",
        "compute_share": 1.0,
        "compute_life_years": 1.0,
        "share_break_quarter": "2025Q1",
        "in_service_lag_quarters": 0,
        "candidate_lags": [0],
    },
    revenue={"anchor_entity": STUDY, "first_quarter": "2025Q1", "origin_quarter": "2025Q3"},
    sensitivity={
        "quarter": "2025Q3",
        "useful_lives_years": [1, 2],
        "shares": [0.5, 1.0],
        "lags": [0, 1],
        "covering_life": {"first": 1, "last": 10, "steps": 900},
    },
)


def fit_row(kind: str, name: str, value: float, **changes: Any) -> Row:
    return {"kind": kind, "name": name, "value": value, "unit": "logarithm", "is_third_party_estimate": True} | changes


REVENUE_FIT = [
    fit_row("parameter", "level", LEVEL),
    fit_row("parameter", "growth", GROWTH),
    fit_row("parameter", "curvature", 0.0),
    fit_row("error", "root_mean_square_pct", 10.0, unit="percent"),
    fit_row("anchor", "ai_revenue", 32e9, unit="usd", lowest_confidence="reputable_press", source_ids="quarter", **period("2025-07-01", "2025-09-30")),
    fit_row("anchor", "ai_revenue_run_rate", 200e9, unit="usd", lowest_confidence="secondary_blog", source_ids="rate", period_end_date="2025-12-31"),
]  # fmt: skip
REVENUE = [
    figure("quarter", STUDY, "ai_revenue", "quarter", 30e9, rounding=1e9, confidence="reputable_press",
           **period("2025-07-01", "2025-09-30")),
    figure("rate", STUDY, "ai_revenue_run_rate", "run_rate", 200e9, as_of_date="2025-12-31"),
]  # fmt: skip
PUBLISHED_DEPRECIATION = figure(
    "depreciation", STUDY, "ai_depreciation", "quarter", 25e9, **period("2025-07-01", "2025-09-30")
) | {"lease_treatment": "not_stated"}


def scheduled(quarter: str, depreciation: float, cumulative: float, paid: float, **changes: Any) -> Row:
    row: Row = {
        "share_path": "two_level",
        "in_service_lag_quarters": 0,
        "quarter": quarter,
        "is_default": True,
        "depreciation_usd": depreciation,
        "cumulative_depreciation_usd": cumulative,
        "cumulative_ai_capital_expenditure_usd": paid,
        "is_forecast": False,
        "is_estimated": False,
        "lowest_confidence": "filing",
        "is_third_party_estimate": True,
    }
    return row | changes


SCHEDULE = [
    scheduled("2025Q1", 10e9, 40e9, 400e9),
    scheduled("2025Q2", 20e9, 60e9, 500e9),
    scheduled("2025Q3", 24e9, 84e9, 600e9),
    scheduled("2025Q4", 32e9, 116e9, 700e9, is_forecast=True),
    scheduled("2026Q1", 40e9, 156e9, 800e9, is_forecast=True),
    scheduled("2025Q3", 1.0, 1.0, 1.0, share_path="constant", is_default=False),
]


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return compute(
        engine,
        ai_depreciation_coverage,
        ai_depreciation_schedule=SCHEDULE,
        ai_revenue_fit=REVENUE_FIT,
        ai_revenue=REVENUE,
        ai_capital_expenditure=[PUBLISHED_DEPRECIATION],
        methodology=PARAMETERS,
    )


def test_the_table_keeps_its_contract(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, AiDepreciationCoverage, rows)
    assert refuses(engine, AiDepreciationCoverage, rows, revenue_basis="guessed")


def test_a_published_quarter_is_used_as_published(rows: list[Row]) -> None:
    found = only(rows, quarter="2025Q3")

    assert (found["revenue_usd"], found["revenue_basis"], found["is_interpolated"]) == (30e9, "published", False)
    assert found["revenue_path_usd"] == pytest.approx(32e9)
    assert found["coverage_ratio"] == 30 / 24
    assert (found["coverage_low_ratio"], found["coverage_high_ratio"]) == (29.5 / 24, 30.5 / 24)
    assert found["published_coverage_ratio"] == 30 / 25
    assert found["lowest_confidence"] == "reputable_press"
    assert found["source_ids"] == "quarter, mart.ai_depreciation_schedule, depreciation"


def test_quarters_between_are_the_path_and_say_so(rows: list[Row]) -> None:
    found = only(rows, quarter="2025Q2")

    assert found["revenue_usd"] == pytest.approx(16e9)
    assert (found["revenue_basis"], found["is_interpolated"], found["is_forecast"]) == ("interpolated", True, False)
    assert found["coverage_low_ratio"] == pytest.approx(0.8 * 0.9)
    assert found["lowest_confidence"] == "secondary_blog"


def test_after_the_last_published_point_the_run_rate_is_held(rows: list[Row]) -> None:
    found = only(rows, quarter="2026Q1")

    assert (found["revenue_usd"], found["revenue_basis"]) == (50e9, "run_rate_held")
    assert found["coverage_low_ratio"] is None
    assert found["missing_reason"] == "a held run rate has no stated error"
    assert (found["is_interpolated"], found["is_forecast"]) == (True, True)


def test_cumulative_coverage_payback_and_days(rows: list[Row]) -> None:
    found = only(rows, quarter="2025Q3")

    assert found["cumulative_revenue_usd"] == pytest.approx((8 + 16 + 30) * 1e9)
    assert found["cumulative_coverage_ratio"] == pytest.approx(54 / 84)
    assert found["capital_recovered_ratio"] == pytest.approx(54 / 600)
    assert found["payback_years"] == pytest.approx((600 - 54) / 120)
    assert found["days_per_billion"] == pytest.approx(92 / 30)
    assert found["coverage_ttm_ratio"] is None
    assert only(rows, quarter="2025Q4")["coverage_ttm_ratio"] == pytest.approx((8 + 16 + 30 + 64) / 86)


def test_the_first_crossings_stand_in_every_row(rows: list[Row]) -> None:
    names = ("first_crossing_quarter", "first_published_crossing_quarter", "first_cumulative_crossing_quarter")

    assert {tuple(row[name] for name in names) for row in rows} == {("2025Q3", "2025Q3", "2025Q4")}


def test_every_row_is_labelled_an_outsiders_estimate(rows: list[Row]) -> None:
    assert all(row["is_third_party_estimate"] for row in rows)


def test_without_depreciation_there_is_no_coverage_and_a_reason(engine: Engine) -> None:
    rows = compute(
        engine, ai_depreciation_coverage, ai_revenue_fit=REVENUE_FIT, ai_revenue=REVENUE, methodology=PARAMETERS
    )

    assert keeps_contract(engine, AiDepreciationCoverage, rows)
    assert {row["coverage_ratio"] for row in rows} == {None}
    assert {row["missing_reason"] for row in rows} == {"depreciation is missing, see mart.ai_depreciation_schedule"}


def vintage(quarter: str, amount: float) -> Row:
    return {
        "ticker": "ONE",
        "quarter": quarter,
        "capital_expenditure_usd": amount,
        "origin": "filing",
        "lease_treatment": "cash",
        "is_estimated": False,
        "is_forecast": False,
        "lowest_confidence": "filing",
        "is_third_party_estimate": False,
    }


def share(name: str, value: float) -> Row:
    return {
        "share_path": "two_level",
        "in_service_lag_quarters": 0,
        "is_default": True,
        "kind": "parameter",
        "name": name,
        "value": value,
        "unit": "ratio",
        "origin": "fitted",
        "is_third_party_estimate": True,
    }


@pytest.fixture(scope="module")
def sensitivity(engine: Engine) -> list[Row]:
    return compute(
        engine,
        ai_coverage_sensitivity,
        ai_capital_expenditure_vintages=[vintage("2025Q1", 96e9), vintage("2025Q2", 120e9), vintage("2025Q3", 80e9)],
        ai_depreciation_fit=[share("share_before", 0.0), share("share_since", 0.75)],
        ai_revenue=REVENUE,
        methodology=PARAMETERS,
    )


def assumed(rows: list[Row], lag: int, name: str, life: float) -> Row:
    return only(rows, in_service_lag_quarters=lag, ai_share=name, useful_life_years=life)


def test_sensitivity_keeps_its_contract(engine: Engine, sensitivity: list[Row]) -> None:
    assert keeps_contract(engine, AiCoverageSensitivity, sensitivity)
    assert refuses(engine, AiCoverageSensitivity, sensitivity, useful_life_years=0.0)


def test_depreciation_follows_life_share_and_lag(sensitivity: list[Row]) -> None:
    # Two full quarters of 96 and 120, half a quarter of 80: 256 times share over life in quarters.
    assert assumed(sensitivity, 0, "100 %", 1.0)["depreciation_usd"] == pytest.approx(256e9 / 4)
    assert assumed(sensitivity, 0, "50 %", 2.0)["depreciation_usd"] == pytest.approx(256e9 / 16)
    assert assumed(sensitivity, 0, "fitted", 1.0)["coverage_ratio"] == pytest.approx(30 / 48)
    # One quarter later: 96 in a full quarter, 120 in its first half.
    assert assumed(sensitivity, 1, "100 %", 1.0)["depreciation_usd"] == pytest.approx(156e9 / 4)


def test_the_shortest_covering_life_is_where_coverage_is_one(sensitivity: list[Row]) -> None:
    # 256 ÷ (4 × life) = 30 at a life of 2.133 years; the grid has steps of a hundredth.
    assert assumed(sensitivity, 0, "100 %", 1.0)["shortest_covering_life_years"] == pytest.approx(2.14)
    assert assumed(sensitivity, 0, "fitted", 2.0)["shortest_covering_life_years"] == pytest.approx(1.60)
    assert assumed(sensitivity, 0, "fitted", 1.0)["is_default"] is True


def test_where_every_life_covers_the_row_says_so(sensitivity: list[Row]) -> None:
    found = assumed(sensitivity, 1, "50 %", 1.0)

    assert found["coverage_ratio"] == pytest.approx(30 / 19.5)
    assert found["shortest_covering_life_years"] is None
    assert found["missing_reason"] == "revenue covers depreciation at every life searched"
