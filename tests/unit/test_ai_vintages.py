"""`mart.ai_capital_expenditure_vintages`: which source gives which quarter, computed by hand."""

from typing import Any

import pytest

from assets.ai_vintages import ai_capital_expenditure_vintages
from schemas.mart.ai_depreciation import AiCapitalExpenditureVintages
from tests.ai_rows import figure, guidance, lease, methodology, period, refuses, year
from tests.panels import fundamental
from tests.tables import Row, compute, keeps_contract, only, pick
from warehouse.engine import Engine

FIRST_QUARTER = period("2025-01-01", "2025-03-31")
SECOND_QUARTER = period("2025-04-01", "2025-06-30")
HALF_YEAR = period("2025-01-01", "2025-06-30")
BUILDERS = ["ONE", "TWO", "YEARLY", "RELEASE", "SILENT"]


def parameters(builders: list[str], members: list[str]) -> Any:
    return methodology(
        builders=[{"ticker": ticker, "first_quarter": "2025Q1"} for ticker in builders],
        group={"name": "Pair", "members": members},
        depreciation={"first_quarter": "2025Q1", "last_quarter": "2025Q4", "share_break_quarter": "2025Q3"},
    )


def spending(reference_id: str, value: float, basis: str, **changes: Any) -> Row:
    row = figure(reference_id, changes.pop("entity", "Company"), "capital_expenditure", basis, value)
    return row | {"lease_treatment": "cash"} | changes


def filed(ticker: str, quarter: str, value: float) -> Row:
    return fundamental(ticker, quarter, capital_expenditure_usd=value)


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return compute(
        engine,
        ai_capital_expenditure_vintages,
        fundamentals=[filed("ONE", "2025Q1", 10.0), filed("ONE", "2025Q2", 12.0), filed("TWO", "2025Q1", 5.0)],
        ai_capital_expenditure=[
            spending("pair-half", 40.0, "half_year", entity="Pair", **HALF_YEAR),
            spending("yearly-2025", 8.0, "calendar_year", ticker="YEARLY", confidence="company_release", **year(2025)),
            spending("release-q1", 7.0, "quarter", ticker="RELEASE", confidence="secondary_blog", **FIRST_QUARTER),
            figure("share", "ONE", "ai_share_of_capital_expenditure", "calendar_year", 0.4, ticker="ONE", unit="ratio", **year(2025))
            | {"lease_treatment": "not_stated"},
        ],
        capital_expenditure_guidance=[
            guidance("ONE", 50.0, year(2025), "2025-02-01"),
            guidance("ONE", 60.0, year(2025), "2025-07-01"),
            guidance("TWO", 40.0, year(2025), "2025-07-01", lease_treatment="including_leases"),
        ],
        finance_leases=[lease("TWO", 1.0, FIRST_QUARTER), lease("TWO", 2.0, SECOND_QUARTER)],
        methodology=parameters(BUILDERS, ["ONE", "TWO"]),
    )  # fmt: skip


def amounts(rows: list[Row], ticker: str) -> list[float | None]:
    return [row["capital_expenditure_usd"] for row in sorted(pick(rows, ticker=ticker), key=lambda row: row["quarter"])]


def origins(rows: list[Row], ticker: str) -> list[str]:
    return [row["origin"] for row in sorted(pick(rows, ticker=ticker), key=lambda row: row["quarter"])]


def test_the_table_keeps_its_contract(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, AiCapitalExpenditureVintages, rows)
    assert len(rows) == 4 * len(BUILDERS)


def test_an_unknown_origin_is_refused(engine: Engine, rows: list[Row]) -> None:
    assert refuses(engine, AiCapitalExpenditureVintages, rows, origin="guess")


def test_the_latest_guidance_less_filed_quarters_is_spread_evenly(rows: list[Row]) -> None:
    assert amounts(rows, "ONE") == [10, 12, 19, 19]
    assert origins(rows, "ONE") == ["filing", "filing", "guidance", "guidance"]


def test_a_group_total_less_what_is_filed_is_what_the_silent_member_spent(rows: list[Row]) -> None:
    found = only(rows, ticker="TWO", quarter="2025Q2")

    assert found["capital_expenditure_usd"] == 40 - 10 - 12 - 5
    assert (found["origin"], found["is_estimated"], found["is_forecast"]) == ("group_rest", True, False)
    assert found["source_ids"] == "pair-half, core.fundamentals"


def test_guidance_with_leases_is_reduced_by_leases_too(rows: list[Row]) -> None:
    assert amounts(rows, "TWO")[2:] == [(40 - 5 - 13 - 1 - 2) / 2] * 2
    assert only(rows, ticker="TWO", quarter="2025Q3")["lease_treatment"] == "including_leases"


def test_a_published_year_is_spread_and_is_no_forecast(rows: list[Row]) -> None:
    found = only(rows, ticker="YEARLY", quarter="2025Q3")

    assert amounts(rows, "YEARLY") == [2, 2, 2, 2]
    assert (found["is_estimated"], found["is_forecast"], found["lowest_confidence"]) == (True, False, "company_release")


def test_without_guidance_the_last_known_quarter_stands_on(rows: list[Row]) -> None:
    assert amounts(rows, "RELEASE") == [7, 7, 7, 7]
    assert origins(rows, "RELEASE") == ["release", "last_known", "last_known", "last_known"]
    assert only(rows, ticker="RELEASE", quarter="2025Q4")["lowest_confidence"] == "secondary_blog"


def test_a_builder_without_any_source_is_missing_with_a_reason(rows: list[Row]) -> None:
    found = pick(rows, ticker="SILENT")

    assert {row["origin"] for row in found} == {"missing"}
    assert {row["capital_expenditure_usd"] for row in found} == {None}
    assert all(row["missing_reason"] for row in found)


def test_builders_without_an_outsiders_share_get_the_mean_of_the_others(rows: list[Row]) -> None:
    assert {row["third_party_share_ratio"] for row in rows} == {0.4}


def test_two_silent_members_divide_the_rest_by_what_their_guidance_leaves(engine: Engine) -> None:
    rows = compute(
        engine,
        ai_capital_expenditure_vintages,
        fundamentals=[filed("ONE", "2025Q1", 10.0), filed("TWO", "2025Q1", 10.0)],
        ai_capital_expenditure=[spending("pair-half", 40.0, "half_year", entity="Pair", **HALF_YEAR)],
        capital_expenditure_guidance=[
            guidance("ONE", 100.0, year(2025), "2025-07-01"),
            guidance("TWO", 40.0, year(2025), "2025-07-01"),
        ],
        methodology=parameters(["ONE", "TWO"], ["ONE", "TWO"]),
    )

    # 20 is left of the half year; guidance leaves 90 and 30 for three quarters each, so they share it 3 to 1.
    assert amounts(rows, "ONE") == pytest.approx([10, 15, 37.5, 37.5])
    assert amounts(rows, "TWO") == pytest.approx([10, 5, 12.5, 12.5])
