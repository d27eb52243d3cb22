"""`mart.unit_economics`: bills and losses per dollar of revenue of the same period."""

from typing import Any

import pytest

from assets.unit_economics import unit_economics
from schemas.mart.circular_money import UnitEconomics
from tests.ai_rows import figure, period, refuses
from tests.panels import fundamental
from tests.tables import Row, compute, keeps_contract, only
from warehouse.engine import Engine

QUARTER = period("2026-01-01", "2026-03-31")
NINE_MONTHS = period("2025-01-01", "2025-09-30")


def amount(metric: str, value: float, span: Row = QUARTER, basis: str = "quarter", **changes: Any) -> Row:
    identifier = f"{metric.replace('_', '-')}-{span['period_end_date']}"
    return figure(identifier, "Model", metric, basis, value, rounding=1.0) | span | changes


FIGURES = [
    amount("operating_loss", 93.0, confidence="secondary_blog"),
    amount("stock_compensation", 23.0),
    amount("net_loss", 213.0),
    amount("loss_per_revenue_dollar", 1.22, unit="ratio", rounding=0.01),
    amount("gross_margin", 0.39, unit="ratio", rounding=0.01),
    amount("inference_bill", 87.0, NINE_MONTHS, "nine_months"),
    amount("operating_profit", 8.0, period("2026-04-01", "2026-06-30"), "forecast"),
    amount("cash_burn", 999.0, conflict_resolution="alternative"),
    amount("non_operating_gain", 60.0, entity="Listed", ticker="LST", reference_id="gain"),
]
REVENUE = [
    figure("revenue-quarter", "Model", "company_revenue", "quarter", 57.0) | QUARTER,
    figure("revenue-half", "Model", "company_revenue", "half_year", 43.0) | period("2025-01-01", "2025-06-30"),
]


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    filed = [fundamental("LST", "2026Q1", revenue_usd=120.0)]
    return compute(engine, unit_economics, figures=FIGURES, ai_revenue=REVENUE, fundamentals=filed)


def test_the_table_keeps_its_contract_and_refuses_bad_rows(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, UnitEconomics, rows)
    assert refuses(engine, UnitEconomics, rows, cloud_bill_kind="invoice")


def test_losses_per_dollar_of_revenue(rows: list[Row]) -> None:
    found = only(rows, entity="Model", basis="quarter")

    assert found["operating_loss_revenue_ratio"] == pytest.approx(93 / 57)
    assert found["operating_loss_before_stock_revenue_ratio"] == pytest.approx(70 / 57)
    assert found["net_loss_revenue_ratio"] == pytest.approx(213 / 57)
    assert found["published_loss_revenue_ratio"] == 1.22
    assert (found["gross_margin_pct"], found["rounding_usd"]) == (39, 1)
    assert found["lowest_confidence"] == "secondary_blog"


def test_a_figure_that_is_not_used_does_not_enter(rows: list[Row]) -> None:
    assert only(rows, entity="Model", basis="quarter")["cash_burn_usd"] is None


def test_a_bill_is_never_set_against_revenue_of_other_days(rows: list[Row]) -> None:
    found = only(rows, basis="nine_months")

    assert (found["cloud_bill_usd"], found["cloud_bill_kind"]) == (87, "inference_bill")
    assert (found["revenue_usd"], found["cloud_bill_revenue_ratio"]) == (None, None)
    assert found["missing_reason"] == "no revenue is known for exactly this period"


def test_a_profit_is_a_negative_loss(rows: list[Row]) -> None:
    found = only(rows, basis="forecast")

    assert (found["operating_loss_usd"], found["is_forecast"]) == (-8, True)


def test_a_listed_company_takes_its_filed_revenue(rows: list[Row]) -> None:
    found = only(rows, entity="Listed")

    assert (found["revenue_usd"], found["non_operating_gain_revenue_ratio"]) == (120, 0.5)
    assert found["source_ids"] == "raw.unit_economics/gain, core.fundamentals/LST/2026Q1"
