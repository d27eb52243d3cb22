"""`mart.ai_depreciation_fit` and `mart.ai_depreciation_schedule`: shares and charges that can be computed by hand."""

from typing import Any

import ibis
import pytest

from assets.ai_depreciation import ai_depreciation_fit, ai_depreciation_schedule, charge_of_quarter
from schemas.mart.ai_depreciation import AiDepreciationFit, AiDepreciationSchedule
from tests.ai_rows import figure, methodology, period, refuses
from tests.tables import Row, compute, keeps_contract, only, pick
from warehouse.engine import Engine

STUDY = "Study"
QUARTERS = {"2020Q1": 100.0, "2020Q2": 200.0, "2020Q3": 400.0}
# One year of life for everything, no lag: a quarter charges an eighth at first, then a quarter.
MODEL = {
    "anchor_entity": STUDY,
    "first_quarter": "2020Q1",
    "last_quarter": "2020Q3",
    "compute_share": 1.0,
    "compute_life_years": 1.0,
    "in_service_lag_quarters": 0,
    "candidate_lags": [0, 1],
    "share_break_quarter": "2020Q2",
}
SECOND = period("2020-04-01", "2020-06-30")
FIRST_TWO = period("2020-01-01", "2020-06-30")


def vintage(quarter: str, amount: float | None, **changes: Any) -> Row:
    row: Row = {
        "ticker": "ONE",
        "quarter": quarter,
        "capital_expenditure_usd": amount,
        "origin": "filing",
        "lease_treatment": "cash",
        "is_estimated": False,
        "is_forecast": False,
        "third_party_share_ratio": 0.25,
        "lowest_confidence": "filing",
        "is_third_party_estimate": False,
    }
    return row | changes


def anchor(metric: str, value: float, span: Row, **changes: Any) -> Row:
    row = figure(f"{metric}-{span['period_end_date']}".replace("_", "-"), STUDY, metric, "forecast", value)
    return row | span | {"lease_treatment": "not_stated", "confidence": "secondary_blog", "rounding": 1.0} | changes


# Shares of 0.5 and 0.8 give these figures: 0.8 × 200; 0.5 × 100 + 0.8 × 200; 50 ÷ 4 + 160 ÷ 8.
ANCHORS = [
    anchor("ai_capital_expenditure", 160.0, SECOND),
    anchor("ai_capital_expenditure_cumulative", 210.0, FIRST_TWO),
    anchor("ai_depreciation", 32.5, SECOND),
]


def fit_of(engine: Engine, anchors: list[Row], vintages: list[Row] | None = None) -> list[Row]:
    return compute(
        engine,
        ai_depreciation_fit,
        ai_capital_expenditure_vintages=vintages or [vintage(*item) for item in QUARTERS.items()],
        ai_capital_expenditure=anchors,
        methodology=methodology(depreciation=MODEL),
    )


@pytest.fixture(scope="module")
def fit(engine: Engine) -> list[Row]:
    return fit_of(engine, ANCHORS)


@pytest.fixture(scope="module")
def schedule(engine: Engine, fit: list[Row]) -> list[Row]:
    return compute(
        engine,
        ai_depreciation_schedule,
        ai_capital_expenditure_vintages=[vintage(*item) for item in QUARTERS.items()],
        ai_depreciation_fit=fit,
        methodology=methodology(depreciation=MODEL),
    )


def item(rows: list[Row], name: str, path: str = "two_level", lag: int = 0) -> Row:
    return only(rows, name=name, share_path=path, in_service_lag_quarters=lag)


def test_the_tables_keep_their_contracts(engine: Engine, fit: list[Row], schedule: list[Row]) -> None:
    assert keeps_contract(engine, AiDepreciationFit, fit)
    assert keeps_contract(engine, AiDepreciationSchedule, schedule)


def test_bad_rows_are_refused(engine: Engine, fit: list[Row], schedule: list[Row]) -> None:
    assert refuses(engine, AiDepreciationFit, fit, origin="invented")
    assert refuses(engine, AiDepreciationSchedule, schedule, quarter="2020")


@pytest.mark.parametrize(
    ("age", "life", "fraction"),
    [(-1, 4.0, 0), (0, 4.0, 0.125), (1, 4.0, 0.25), (3, 4.0, 0.25), (4, 4.0, 0.125), (5, 4.0, 0), (0, 0.4, 1), (4, 4.25, 3 / 17)],
)  # fmt: skip
def test_a_charge_is_straight_line_with_half_quarters_at_both_ends(
    engine: Engine, age: int, life: float, fraction: float
) -> None:
    expression = charge_of_quarter(ibis.literal(age), life)

    assert engine.ibis.to_pyarrow(expression).as_py() == pytest.approx(fraction)


@pytest.mark.parametrize("life", [4.0, 10.0, 24.0, 7.3])
def test_the_charges_of_a_life_add_up_to_the_cost(engine: Engine, life: float) -> None:
    ages = ibis.range(-2, 30).unnest().name("age").as_table()

    assert engine.ibis.to_pyarrow(charge_of_quarter(ages.age, life).sum()).as_py() == pytest.approx(1)


def test_shares_that_made_the_anchors_are_found_again(fit: list[Row]) -> None:
    assert item(fit, "share_before")["value"] == pytest.approx(0.5)
    assert item(fit, "share_since")["value"] == pytest.approx(0.8)
    assert item(fit, "root_mean_square_pct")["value"] == pytest.approx(0, abs=1e-5)
    assert item(fit, "share_since")["origin"] == "fitted"


def test_anchors_stand_beside_ours_with_their_source(fit: list[Row]) -> None:
    found = item(fit, "ai_depreciation")

    assert (found["value"], found["published_value"]) == (pytest.approx(32.5), 32.5)
    assert found["is_within_rounding"] is True
    assert found["lowest_confidence"] == "secondary_blog"
    assert found["source_ids"].startswith("ai-depreciation-2020-06-30")


def test_one_share_for_all_time_is_least_squares_of_one_unknown(fit: list[Row]) -> None:
    # Per unit of share: 200, 300, and 100 ÷ 4 + 200 ÷ 8 = 50.
    x = [200 / 160, 300 / 210, 50 / 32.5]
    share = sum(x) / sum(value * value for value in x)

    assert item(fit, "share_since", "constant")["value"] == pytest.approx(share)
    assert item(fit, "ai_capital_expenditure", "constant")["relative_residual_pct"] == pytest.approx(
        100 * (share * x[0] - 1)
    )


def test_an_outsiders_shares_are_compared_and_not_fitted(fit: list[Row]) -> None:
    assert item(fit, "ai_capital_expenditure", "third_party")["value"] == pytest.approx(50)
    assert pick(fit, share_path="third_party", name="share_since") == []


def test_a_share_stays_inside_its_bounds(engine: Engine) -> None:
    fit = fit_of(engine, [anchor("ai_capital_expenditure", 250.0, SECOND), *ANCHORS[1:]])
    since, before = item(fit, "share_since"), item(fit, "share_before")

    assert (since["value"], since["origin"]) == (1, "bound")
    # With the share since held at 1, one unknown is left: x · before + y = 1 for the other two anchors.
    x, y = [100 / 210, 25 / 32.5], [200 / 210, 25 / 32.5]
    best = sum(a * (1 - b) for a, b in zip(x, y, strict=True)) / sum(a * a for a in x)
    assert before["value"] == pytest.approx(best)


def test_a_missing_builder_leaves_no_fit_and_says_why(engine: Engine) -> None:
    gap = [vintage("2020Q1", 100.0), vintage("2020Q2", None, origin="missing"), vintage("2020Q3", 1.0)]
    fit = fit_of(engine, ANCHORS, gap)

    assert item(fit, "share_since")["value"] is None
    assert item(fit, "ai_depreciation")["missing_reason"].startswith("a builder's capital expenditure is missing")


def test_the_schedule_charges_each_vintage(schedule: list[Row]) -> None:
    found = only(schedule, quarter="2020Q3", is_default=True)

    # 50 and 160 in full quarters, 0.8 × 400 in its first half quarter.
    assert found["depreciation_usd"] == pytest.approx(50 / 4 + 160 / 4 + 320 / 8)
    assert found["cumulative_depreciation_usd"] == pytest.approx(50 / 8 + 32.5 + 92.5)
    assert found["ai_share_ratio"] == pytest.approx(0.8)
    assert found["undepreciated_usd"] == pytest.approx(530 - 131.25)
    assert found["other_depreciation_usd"] == 0


def test_a_lag_moves_the_charges(schedule: list[Row]) -> None:
    late = only(schedule, quarter="2020Q1", share_path="third_party", in_service_lag_quarters=1)
    later = only(schedule, quarter="2020Q2", share_path="third_party", in_service_lag_quarters=1)

    assert late["depreciation_usd"] == 0
    assert later["depreciation_usd"] == pytest.approx(25 / 8)
