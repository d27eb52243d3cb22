"""`mart.private_valuations`: events, paired rows, multiples inside one currency."""

from typing import Any

import pytest

from assets.private_valuations import private_valuations
from schemas.mart.private_valuations import PrivateValuations
from tests.ai_rows import figure, refuses, year
from tests.tables import Row, compute, keeps_contract, only
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology

CONTENT = read_methodology().model_dump()
CONTENT["private_valuations"] = {"longest_distance_days": 60}
METHODOLOGY = Methodology.model_validate(CONTENT)


def valuation(identifier: str, entity: str, value: float | None, day: str, **changes: Any) -> Row:
    row = figure(identifier, entity, "valuation", "point", 0.0, as_of_date=day, rounding=2.0)
    own = {"value": value, "setting": "separate_company", "multiple_is_derived": False}
    return row | own | changes


def run_rate(identifier: str, entity: str, value: float, day: str, **changes: Any) -> Row:
    return figure(identifier, entity, "annualised_revenue", "run_rate", value, as_of_date=day, rounding=2.0) | changes


VALUATIONS = [
    valuation("round", "Model", 300.0, "2026-03-31", multiple_name="valuation_to_run_rate", multiple_value=30.0),
    valuation("early", "Model", 50.0, "2024-01-31"),
    valuation("inside", "Unit", 6.0, "2026-12-31", setting="inside_group", date_precision="year", is_third_party_estimate=True),
    valuation("outside", "Unit", 18.0, "2026-06-30", date_precision="month", parent_entity="Group"),
    valuation("group", "Group", 36.0, "2026-06-30", metric="market_capitalisation", setting="listed"),
    valuation("yuan", "Chips", 21.0, "2025-07-31", unit="cny"),
    valuation("sales", "Chips", 3.5, "2025-12-31", unit="cny", metric="revenue", basis="calendar_year", **year(2025)),
    valuation("norm", "Sector", None, "2026-06-30", unit="ratio", metric="multiple_range", setting="sector",
              multiple_name="price_to_sales", multiple_value=4.0, multiple_low=3.0, multiple_high=5.0),
]  # fmt: skip
RUN_RATES = [
    run_rate("near", "Model", 10.0, "2026-03-01", confidence="secondary_blog"),
    run_rate("nearest-but-unused", "Model", 20.0, "2026-03-31", conflict_resolution="alternative"),
    run_rate("far", "Model", 5.0, "2025-11-30"),
    run_rate("dollars", "Chips", 1.0, "2025-07-31"),
]


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    revenue = figure("model-2026", "Model", "company_revenue", "calendar_year", 60.0) | year(2026)
    return compute(
        engine,
        private_valuations,
        valuations=VALUATIONS,
        ai_run_rates=RUN_RATES,
        ai_revenue=[revenue],
        methodology=METHODOLOGY,
    )


def of(rows: list[Row], identifier: str) -> Row:
    return only(rows, reference_id=identifier)


def test_the_table_keeps_its_contract_and_refuses_bad_rows(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, PrivateValuations, rows)
    assert refuses(engine, PrivateValuations, rows, setting="elsewhere")


def test_revenue_rows_are_inputs_and_no_events(rows: list[Row]) -> None:
    assert {row["reference_id"] for row in rows} == {"round", "early", "inside", "outside", "group", "yuan", "norm"}


def test_a_multiple_uses_the_nearest_used_run_rate(rows: list[Row]) -> None:
    found = of(rows, "round")

    assert (found["run_rate_amount"], found["run_rate_ratio"], found["recomputed_multiple"]) == (10, 30, 30)
    # 299 ÷ 11 and 301 ÷ 9 by the steps of rounding.
    assert found["run_rate_low_ratio"] == pytest.approx(299 / 11)
    assert found["run_rate_high_ratio"] == pytest.approx(301 / 9)
    assert (found["sales_amount"], found["sales_ratio"]) == (60, 5)
    assert found["lowest_confidence"] == "secondary_blog"
    assert found["source_ids"] == "raw.private_valuations/round, raw.ai_run_rates/near, raw.ai_revenue/model-2026"


def test_figures_too_far_apart_are_not_divided(rows: list[Row]) -> None:
    found = of(rows, "early")

    assert found["run_rate_ratio"] is None
    assert found["missing_reason"] == "no revenue or value in the same currency lies near enough in time"


def test_a_unit_outside_its_group_against_the_value_inside(rows: list[Row]) -> None:
    found = of(rows, "outside")

    # A figure dated by the year stands for all of it, so June lies within.
    assert (found["inside_group_ratio"], found["parent_market_ratio"]) == (3, 0.5)
    assert found["is_third_party_estimate"] is True
    assert of(rows, "inside")["inside_group_ratio"] is None


def test_currencies_are_never_mixed(rows: list[Row]) -> None:
    found = of(rows, "yuan")

    assert (found["currency"], found["sales_ratio"], found["run_rate_ratio"]) == ("cny", 6, None)


def test_a_printed_multiple_without_an_amount_stays_beside(rows: list[Row]) -> None:
    found = of(rows, "norm")

    assert (found["valuation_amount"], found["published_multiple"], found["published_multiple_low"]) == (None, 4, 3)
    assert found["missing_reason"] == "the row holds a printed multiple only"
