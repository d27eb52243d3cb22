"""`mart.useful_life_policies` and `mart.harmonised_depreciation`: effects and factors computed by hand."""

from typing import Any

import pytest

from assets.useful_lives import harmonised_depreciation, useful_life_policies
from schemas.mart.useful_lives import HarmonisedDepreciation, UsefulLifePolicies
from tests.ai_rows import methodology, refuses, source
from tests.panels import fundamental
from tests.tables import Row, compute, keeps_contract, only, pick
from warehouse.engine import Engine

# Half of the cost is compute, the rest lives ten years: a life of n years is charged 0.5 ÷ n + 0.05 a year.
PARAMETERS = methodology(
    useful_lives={
        "common_lives_years": [4, 5],
        "default_common_life_years": 5,
        "compute_share": 0.5,
        "other_life_years": 10,
        "partial_change_details": ["a part of them"],
        "partial_change_weight": 0.25,
        "first_year": 2024,
    }
)


def rate(life: float) -> float:
    return 0.5 / life + 0.05


def policy(
    reference_id: str, ticker: str, effective: str | None, before: float | None, after: float | None, **changes: Any
) -> Row:
    row: Row = {
        "reference_id": reference_id,
        "entity": ticker.title(),
        "ticker": ticker,
        "asset_kind": "servers",
        "event": "change",
        "effective_date": effective,
        "life_before_years": before,
        "life_after_years": after,
        **source(),
    }
    return row | changes


def effect(measure: str, amount: float, start: str = "2025-01-01", end: str = "2025-12-31") -> Row:
    return {
        "effect_measure": measure,
        "effect_usd": amount,
        "effect_period_start_date": start,
        "effect_period_end_date": end,
        "effect_kind": "expected",
    }


POLICIES = [
    policy("one-2024", "ONE", "2024-01-01", 3, 4, asset_kind="servers_and_network"),
    policy("one-2025", "ONE", "2025-01-01", 4, 5, **effect("operating_income", 8.0)),
    policy("one-halls", "ONE", "2025-01-01", 20, 25, asset_kind="buildings", **effect("depreciation", -2.0)),
    policy("one-old", "ONE", "2025-01-01", 4, 5, conflict_resolution="superseded"),
    policy("two-2025", "TWO", "2025-04-01", 6, 4, asset_detail="a part of them", confidence="company_release", **effect("depreciation", 3.0)),
    policy("three-taxed", "THREE", None, None, None, **effect("net_income", 1.0)),
    policy("three-stock", "THREE", "2026-01-01", None, 4, event="policy"),
]  # fmt: skip


def quarter(ticker: str, name: str, depreciation: float | None, amortization: float | None = None) -> Row:
    return fundamental(
        ticker,
        name,
        property_depreciation_usd=depreciation,
        depreciation_amortization_usd=amortization,
        revenue_usd=100.0,
        operating_income_usd=50.0,
        # The recast concerns the whole line, not the note on property.
        basis_break=name == "2025Q2",
    )


FUNDAMENTALS = [
    quarter("ONE", "2024Q4", 9.0),
    *(quarter("ONE", f"2025Q{place}", 15.0, 20.0) for place in (1, 2, 3, 4)),
    *(quarter("TWO", f"2025Q{place}", None, 10.0) for place in (1, 2)),
    quarter("THREE", "2025Q1", 5.0),
    quarter("ONE", "2023Q4", 9.0),
]


@pytest.fixture(scope="module")
def policies(engine: Engine) -> list[Row]:
    return compute(
        engine,
        useful_life_policies,
        useful_life_policies=POLICIES,
        fundamentals=FUNDAMENTALS,
        methodology=PARAMETERS,
    )


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return compute(
        engine,
        harmonised_depreciation,
        useful_life_policies=POLICIES,
        fundamentals=FUNDAMENTALS,
        methodology=PARAMETERS,
    )


def test_the_tables_keep_their_contracts(engine: Engine, policies: list[Row], rows: list[Row]) -> None:
    assert keeps_contract(engine, UsefulLifePolicies, policies)
    assert keeps_contract(engine, HarmonisedDepreciation, rows)


def test_bad_rows_are_refused(engine: Engine, policies: list[Row], rows: list[Row]) -> None:
    assert refuses(engine, UsefulLifePolicies, policies, direction="sideways")
    assert refuses(engine, HarmonisedDepreciation, rows, common_life_years=-1.0)


def test_only_used_rows_are_shown_in_order(policies: list[Row]) -> None:
    found = sorted(pick(policies, ticker="ONE"), key=lambda row: row["sequence"])

    assert [row["reference_id"] for row in found] == ["one-2024", "one-2025", "one-halls"]


def test_an_effect_on_income_is_turned_into_one_on_depreciation(policies: list[Row]) -> None:
    found = only(policies, reference_id="one-2025")

    assert (found["direction"], found["change_years"]) == ("longer", 1)
    assert found["depreciation_effect_usd"] == -8
    assert (found["reported_depreciation_usd"], found["depreciation_measure"]) == (60, "property_depreciation")
    assert found["depreciation_effect_pct"] == pytest.approx(100 * -8 / 68)
    # On four years the same property would have been charged 60 × rate(4) ÷ rate(5).
    assert found["formula_effect_usd"] == pytest.approx(60 - 60 * rate(4) / rate(5))


@pytest.mark.parametrize(
    ("reference_id", "reason"),
    [
        ("one-2024", "no effect is disclosed"),
        ("one-halls", "the formula is for servers"),
        ("two-2025", "depreciation of the period is not in the filings at hand"),
        ("three-taxed", "the effect is disclosed after tax"),
        ("three-stock", "a policy in force has no effect"),
    ],
)
def test_a_missing_effect_has_a_reason(policies: list[Row], reference_id: str, reason: str) -> None:
    assert only(policies, reference_id=reference_id)["missing_reason"] == reason


def of(rows: list[Row], ticker: str, name: str, life: float = 5.0) -> Row:
    return only(rows, ticker=ticker, quarter=name, common_life_years=life)


def test_depreciation_on_the_common_life(rows: list[Row]) -> None:
    found = of(rows, "ONE", "2024Q4")

    assert (found["own_life_years"], found["base_measure"]) == (4, "property_depreciation")
    assert found["life_factor_ratio"] == pytest.approx(rate(5) / rate(4))
    assert found["harmonised_depreciation_usd"] == pytest.approx(9 * 0.15 / 0.175)
    assert found["difference_operating_income_pct"] == pytest.approx(2 * (9 * 0.15 / 0.175 - 9))
    assert (found["is_default"], of(rows, "ONE", "2024Q4", 4.0)["difference_usd"]) == (True, 0)


def test_a_new_life_counts_from_its_first_quarter(rows: list[Row]) -> None:
    found = of(rows, "ONE", "2025Q1")

    assert (found["own_life_years"], found["source_ids"]) == (5, "one-2025")
    assert found["harmonised_depreciation_usd"] == 15


def test_a_change_of_a_part_counts_in_part_and_says_so(rows: list[Row]) -> None:
    found = of(rows, "TWO", "2025Q2")

    assert (found["own_life_years"], found["own_life_is_partial"]) == (6 - 0.25 * 2, True)
    assert found["base_measure"] == "depreciation_amortization"
    assert found["lowest_confidence"] == "company_release"


def test_a_recast_line_is_flagged_where_it_is_the_base(rows: list[Row]) -> None:
    assert (of(rows, "TWO", "2025Q2")["basis_break"], of(rows, "TWO", "2025Q1")["basis_break"]) == (True, False)
    assert of(rows, "ONE", "2025Q2")["basis_break"] is False


def test_without_a_dated_life_there_is_no_number(rows: list[Row]) -> None:
    before, undated = of(rows, "TWO", "2025Q1"), of(rows, "THREE", "2025Q1")

    for found in (before, undated):
        assert found["harmonised_depreciation_usd"] is None
        assert found["missing_reason"] == "no dated life of servers is sourced for the company by then"


def test_quarters_before_the_first_year_are_left_out(rows: list[Row]) -> None:
    assert pick(rows, quarter="2023Q4") == []
