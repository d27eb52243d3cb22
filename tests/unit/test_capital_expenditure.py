"""`mart.capital_expenditure` and `mart.capital_expenditure_guidance_history`: sums, growth and changes computed by hand."""

import pytest

from assets.capital_expenditure import capital_expenditure
from assets.capital_expenditure_guidance import capital_expenditure_guidance_history
from schemas.mart.capital_expenditure import CapitalExpenditure, CapitalExpenditureGuidanceHistory
from tests.ai_rows import figure, guidance, lease, methodology, period, refuses, year
from tests.panels import fundamental
from tests.tables import Row, compute, day, keeps_contract, only, pick, quarter_span
from warehouse.engine import Engine

PARAMETERS = methodology(
    capital_expenditure={
        "builders": ["ONE", "TWO"],
        "groups": [{"name": "Pair", "members": ["ONE", "TWO"]}],
        "first_year": 2024,
    }
)


def quarters(ticker: str, number: int, *amounts: float) -> list[Row]:
    return [
        fundamental(
            ticker,
            f"{number}Q{place}",
            capital_expenditure_usd=amount,
            revenue_usd=10 * amount,
            operating_cash_flow_usd=2 * amount,
        )
        for place, amount in enumerate(amounts, 1)
    ]


FUNDAMENTALS = [
    *quarters("ONE", 2024, 10, 10, 10, 10),
    *quarters("ONE", 2025, 15, 15, 15, 15),
    *quarters("ONE", 2026, 30),
    *quarters("TWO", 2025, 1, 2, 3, 4),
]
LEASES = [
    *(lease("ONE", 5.0, period(*quarter_span(2025, place))) for place in (1, 2, 3, 4)),
    *(lease("TWO", 1.0, period(*quarter_span(2025, place)), "principal_paid") for place in (1, 2, 3, 4)),
]
GUIDANCE = [
    guidance("ONE", 70.0, year(2025), "2025-02-01"),
    guidance("ONE", 80.0, year(2025), "2025-07-01", lease_treatment="including_leases"),
    guidance("ONE", 100.0, year(2026), "2026-02-01", value_low=90.0, value_high=110.0),
    guidance("TWO", 50.0, year(2026), "2026-03-01", lease_treatment="including_leases", confidence="secondary_blog"),
    guidance("TWO", 40.0, year(2026), "2026-04-01", lease_treatment="including_leases", is_accounting_change=True),
    guidance("OUTSIDE", 9.0, year(2025), "2025-02-01"),
]
FIGURES = [
    figure("pair-2025", "Pair", "capital_expenditure", "calendar_year", 95.0, lease_treatment="including_leases",
           confidence="secondary_blog", **year(2025)),
    figure("pair-guided", "Pair", "capital_expenditure", "guidance", 160.0, lease_treatment="not_stated",
           as_of_date="2026-05-31", **year(2026)),
    figure("outside-2025", "Outside", "capital_expenditure", "calendar_year", 12.0, ticker="OUTSIDE",
           lease_treatment="cash", **year(2025)),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return compute(
        engine,
        capital_expenditure,
        fundamentals=FUNDAMENTALS,
        finance_leases=LEASES,
        capital_expenditure_guidance=GUIDANCE,
        ai_capital_expenditure=FIGURES,
        methodology=PARAMETERS,
    )


@pytest.fixture(scope="module")
def history(engine: Engine) -> list[Row]:
    return compute(
        engine,
        capital_expenditure_guidance_history,
        fundamentals=FUNDAMENTALS,
        finance_leases=LEASES,
        capital_expenditure_guidance=GUIDANCE,
        ai_capital_expenditure=FIGURES,
        methodology=PARAMETERS,
    )


def of(rows: list[Row], entity: str, period_name: str) -> Row:
    return only(rows, entity=entity, period=period_name)


def test_the_tables_keep_their_contracts(engine: Engine, rows: list[Row], history: list[Row]) -> None:
    assert keeps_contract(engine, CapitalExpenditure, rows)
    assert keeps_contract(engine, CapitalExpenditureGuidanceHistory, history)


def test_bad_rows_are_refused(engine: Engine, rows: list[Row], history: list[Row]) -> None:
    assert refuses(engine, CapitalExpenditure, rows, span="decade")
    assert refuses(engine, CapitalExpenditureGuidanceHistory, history, direction="sideways")


def test_a_year_in_cash_and_with_leases(rows: list[Row]) -> None:
    found = of(rows, "ONE", "2025")

    assert (found["capital_expenditure_usd"], found["finance_leases_usd"]) == (60, 20)
    assert found["capital_expenditure_with_leases_usd"] == 80
    assert found["growth_pct"] == pytest.approx(50)
    assert found["growth_with_leases_pct"] is None
    assert (found["revenue_pct"], found["operating_cash_flow_pct"]) == (10, 50)
    assert (found["guidance_usd"], found["finance_lease_measures"]) == (80, "additions")
    assert found["missing_reason"] == "finance leases of the year before are missing"


def test_a_group_sums_its_members_and_stands_beside_the_published_total(rows: list[Row]) -> None:
    found = of(rows, "Pair", "2025")

    assert (found["capital_expenditure_usd"], found["capital_expenditure_with_leases_usd"]) == (70, 94)
    assert found["finance_lease_measures"] == "additions, principal_paid"
    assert (found["published_usd"], found["published_perimeter"]) == (95, "including_leases")
    assert found["lowest_confidence"] == "secondary_blog"
    assert (found["quarters_filed"], found["quarters_needed"], found["is_complete"]) == (8, 8, True)


def test_an_unfinished_year_is_null_and_keeps_what_is_filed(rows: list[Row]) -> None:
    found = of(rows, "ONE", "2026")

    assert found["capital_expenditure_usd"] is None
    assert (found["filed_so_far_usd"], found["quarters_filed"], found["is_complete"]) == (30, 1, False)
    assert found["missing_reason"] == "not filed for the whole period: ONE"
    assert (found["guidance_low_usd"], found["guidance_usd"], found["guidance_high_usd"]) == (90, 100, 110)


def test_a_group_without_one_of_its_members_is_no_number(rows: list[Row]) -> None:
    found = of(rows, "Pair", "2024")

    assert found["capital_expenditure_usd"] is None
    assert found["missing_reason"] == "not filed for the whole period: TWO"
    assert of(rows, "Pair", "2026")["guidance_usd"] == 140
    assert of(rows, "Pair", "2026")["missing_members"] == "ONE, TWO"


def test_quarters_compare_with_the_year_before(rows: list[Row]) -> None:
    assert of(rows, "ONE", "2026Q1")["growth_pct"] == pytest.approx(100)
    assert of(rows, "ONE", "2026Q2")["capital_expenditure_usd"] is None


def test_every_null_growth_has_a_reason(rows: list[Row]) -> None:
    assert [row for row in rows if row["growth_with_leases_pct"] is None and row["missing_reason"] is None] == []


def test_guidance_is_compared_on_its_own_basis(history: list[Row]) -> None:
    first, second = sorted(
        pick(history, entity="ONE", period_end_date=day("2025-12-31")), key=lambda row: row["sequence"]
    )

    assert (first["direction"], first["actual_usd"], first["actual_basis"]) == ("first", 60, "cash")
    assert (second["direction"], second["change_usd"], second["is_latest"]) == ("raised", 10, True)
    assert (second["actual_usd"], second["actual_basis"]) == (80, "including_leases")
    assert (first["actual_guidance_pct"], second["actual_guidance_pct"]) == (pytest.approx(-100 / 7), 0)


def test_a_change_of_accounting_is_no_cut(history: list[Row]) -> None:
    found = only(history, entity="TWO", sequence=2)

    assert (found["change_usd"], found["direction"], found["is_accounting_change"]) == (-10, "accounting", True)
    assert found["missing_reason"] == "the guided period is not filed to its end"


def test_a_group_starts_when_all_members_have_spoken(history: list[Row]) -> None:
    found = sorted(pick(history, entity_kind="group"), key=lambda row: row["sequence"])

    assert [row["guidance_usd"] for row in found] == [150, 140]
    assert [row["guidance_high_usd"] for row in found] == [160, 150]
    assert [row["direction"] for row in found] == ["first", "accounting"]
    assert {row["lease_treatment"] for row in found} == {"mixed"}
    assert found[0]["lowest_confidence"] == "secondary_blog"


def test_a_printed_group_figure_stands_beside(history: list[Row]) -> None:
    assert only(history, entity_kind="published_group")["guidance_usd"] == 160


def test_a_company_outside_the_filings_has_its_own_published_actual(history: list[Row]) -> None:
    found = only(history, entity="OUTSIDE")

    assert (found["actual_usd"], found["actual_basis"]) == (12, "as_published")
    assert found["actual_guidance_pct"] == pytest.approx(100 / 3)
