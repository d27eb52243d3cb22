"""`mart.depreciation_coverage`: ratios of companies and tiers, computed by hand."""

from typing import Any

import pytest

from assets.coverage import depreciation_coverage
from schemas.mart.coverage import DepreciationCoverage
from tests.panels import fundamental
from tests.tables import Row, company, compute, keeps_contract, only, pick
from warehouse.engine import Engine

COMPANIES = [
    company("MID_A", "midstream"),
    company("MID_B", "midstream"),
    company("MID_X", "midstream", is_member=False),
]


def amounts(
    ticker: str,
    quarter: str,
    revenue: float | None,
    depreciation: float | None,
    capex: float,
    income: float,
    **more: Any,
) -> Row:
    values = {
        "revenue": revenue,
        "depreciation_amortization": depreciation,
        "capital_expenditure": capex,
        "operating_income": income,
    }
    discrete = {f"{name}_usd": value for name, value in values.items()}
    four = {f"{name}_ttm_usd": value and 4 * value for name, value in values.items()}
    return fundamental(ticker, quarter, **discrete, **four, **more)


PANEL = [
    amounts("MID_A", "2024Q1", 100.0, 10.0, 30.0, 20.0),
    *(amounts("MID_A", f"2024Q{number}", 100.0, 10.0, 30.0, 20.0) for number in (2, 3, 4)),
    amounts("MID_A", "2025Q1", 160.0, 20.0, 50.0, 40.0),
    amounts("MID_A", "2025Q2", 170.0, 10.0, 50.0, 40.0, basis_break=True, basis_break_ttm=True),
    *(amounts("MID_B", f"2024Q{number}", 50.0, 5.0, 10.0, 10.0) for number in (1, 2, 3, 4)),
    amounts("MID_B", "2025Q1", 60.0, 10.0, 10.0, 10.0),
    amounts("MID_X", "2025Q1", 900.0, 0.0, 10.0, 10.0),
    amounts("MID_X", "2025Q2", 900.0, None, 10.0, 10.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return compute(engine, depreciation_coverage, fundamentals=PANEL, companies=COMPANIES)


def of(rows: list[Row], entity: str, quarter: str, span: str = "quarter") -> Row:
    return only(rows, entity=entity, quarter=quarter, span=span)


def test_the_table_keeps_its_contract(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, DepreciationCoverage, rows)


@pytest.mark.parametrize("span", ["quarter", "ttm"])
def test_ratios_of_a_company(rows: list[Row], span: str) -> None:
    found = of(rows, "MID_A", "2025Q1", span)
    factor = 4 if span == "ttm" else 1

    assert found["revenue_usd"] == 160 * factor
    assert found["revenue_depreciation_ratio"] == 8
    assert found["depreciation_revenue_pct"] == 12.5
    assert found["capex_depreciation_ratio"] == 2.5
    assert found["operating_income_before_depreciation_ratio"] == 3
    assert found["incremental_revenue_usd"] == 60 * factor
    assert found["incremental_depreciation_usd"] == 10 * factor
    assert found["incremental_coverage_ratio"] == 6
    assert found["missing_reason"] is None


def test_a_tier_sums_its_members_and_no_outsider(rows: list[Row]) -> None:
    found = of(rows, "midstream", "2025Q1")

    assert (found["revenue_usd"], found["depreciation_amortization_usd"]) == (220, 30)
    assert found["revenue_depreciation_ratio"] == pytest.approx(220 / 30)
    assert found["incremental_coverage_ratio"] == pytest.approx((220 - 150) / (30 - 15))
    assert (found["is_provisional"], found["missing_companies"]) == (False, None)


def test_a_tier_without_one_of_its_members_is_no_number(rows: list[Row]) -> None:
    found = of(rows, "midstream", "2025Q2")

    assert found["revenue_usd"] is None
    assert found["revenue_depreciation_ratio"] is None
    assert (found["is_provisional"], found["missing_companies"]) == (True, "MID_B")
    assert found["missing_reason"] == "revenue or depreciation is missing at MID_B"


@pytest.mark.parametrize("span", ["quarter", "ttm"])
def test_a_company_is_provisional_without_revenue_or_depreciation(rows: list[Row], span: str) -> None:
    awaits = of(rows, "MID_X", "2025Q2", span)
    whole = of(rows, "MID_X", "2025Q1", span)

    assert (awaits["is_provisional"], awaits["missing_companies"]) == (True, "MID_X")
    assert awaits["missing_reason"] == "depreciation is missing, see core.missing_quarters"
    assert (whole["is_provisional"], whole["missing_companies"]) == (False, None)


def test_a_company_without_revenue_says_so_itself(engine: Engine) -> None:
    panel = [amounts("MID_A", "2025Q1", None, 10.0, 30.0, 20.0)]
    found = of(compute(engine, depreciation_coverage, fundamentals=panel, companies=COMPANIES), "MID_A", "2025Q1")

    assert (found["is_provisional"], found["missing_companies"]) == (True, "MID_A")
    assert found["missing_reason"] == "revenue is missing, see core.missing_quarters"


def test_without_the_year_before_there_is_no_increment(rows: list[Row]) -> None:
    found = of(rows, "MID_A", "2024Q1")

    assert found["incremental_revenue_usd"] is None
    assert found["revenue_depreciation_ratio"] == 10
    assert found["missing_reason"] == "the span a year before is missing"


def test_depreciation_that_did_not_grow_covers_no_increment(rows: list[Row]) -> None:
    found = of(rows, "MID_A", "2025Q2")

    assert found["incremental_depreciation_usd"] == 0
    assert found["incremental_coverage_ratio"] is None
    assert found["missing_reason"] == "depreciation did not grow"


def test_a_ratio_to_no_depreciation_is_null(rows: list[Row]) -> None:
    assert of(rows, "MID_X", "2025Q1")["revenue_depreciation_ratio"] is None
    assert of(rows, "MID_X", "2025Q1")["depreciation_revenue_pct"] == 0
    assert of(rows, "MID_X", "2025Q2")["missing_reason"] == "depreciation is missing, see core.missing_quarters"


def test_every_null_ratio_has_a_reason(rows: list[Row]) -> None:
    names = [name for name in rows[0] if name.endswith(("_ratio", "_pct"))]
    without_reason = [
        (row["entity"], row["quarter"], row["span"])
        for row in rows
        if row["missing_reason"] is None and any(row[name] is None for name in names)
    ]

    assert without_reason == []


def test_a_recast_basis_is_flagged_at_the_company_and_its_tier(rows: list[Row]) -> None:
    flagged = {(row["entity"], row["quarter"]) for row in pick(rows, basis_break=True)}

    assert flagged == {("MID_A", "2025Q2"), ("midstream", "2025Q2")}
