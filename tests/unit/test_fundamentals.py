"""`core.fundamentals`: four quarters, year to date, invested capital and ROIC, computed by hand.

Each ticker is a situation. The hand-computed company has, in every quarter, operating income 10, pretax income 8 and income tax 2.
"""

from collections.abc import Iterator

import pytest

from assets.fundamentals import fundamentals
from schemas.core.fundamentals import Fundamentals
from tests.tables import Row, calendar_quarters, compute, day, keeps_contract, only
from warehouse.concepts import read_concepts
from warehouse.engine import Engine
from warehouse.methodology import read_methodology

BALANCES = {
    "equity": 100.0,
    "debt": 40.0,
    "operating_lease_liability": 12.0,
    "finance_lease_liability": 8.0,
    "cash": 30.0,
    "liquid_securities": 50.0,
}
INCOME = {"operating_income": 10.0, "pretax_income": 8.0, "income_tax": 2.0}


def long_rows(
    ticker: str, quarter: int, values: dict[str, float], year: int = 2025, **changes: object
) -> Iterator[Row]:
    """Rows of `core.quarters`, one per concept."""
    period = next(row for row in calendar_quarters(ticker, year) if row["fiscal_quarter"] == quarter)
    for concept, value in values.items():
        yield {
            **{name: period[name] for name in ("ticker", "fiscal_year", "fiscal_quarter")},
            **{
                name: period[name]
                for name in ("period_start_date", "period_end_date", "calendar_quarter", "report_quarter")
            },
            "concept": concept,
            "value": value,
            "unit": "USD",
            "method": "reported",
            "basis_break": False,
            "known_from_date": "2026-02-01",
            "facts": [],
            **changes,
        }


def span_row(ticker: str, quarter: int, concept: str, value: float, **changes: object) -> Row:
    """A row of `core.fiscal_year_to_date`."""
    row = next(long_rows(ticker, quarter, {concept: value}, **changes))
    return {name: row[name] for name in row if name not in ("period_start_date", "calendar_quarter", "report_quarter")}


def whole_year(ticker: str, changes: dict[int, dict[str, float | None]] | None = None) -> Iterator[Row]:
    """Four quarters of income and balances; a change of None takes a value away."""
    for quarter in range(1, 5):
        values = {**INCOME, **BALANCES, "revenue": 100.0 * quarter, **(changes or {}).get(quarter, {})}
        yield from long_rows(ticker, quarter, {name: value for name, value in values.items() if value is not None})


CASH_FLOW = {"operating_cash_flow": 9.0, "capital_expenditure": 4.0}
QUARTERS = [
    *whole_year("WHOLE"),
    *(row for quarter in range(1, 5) for row in long_rows("WHOLE", quarter, CASH_FLOW)),
    *({**row, "known_from_date": "2026-07-01"} for row in long_rows("RESTATED", 1, {"equity": 100.0})),
    *({**row, "known_from_date": "2026-05-01"} for row in long_rows("RESTATED", 1, {"revenue": 100.0})),
    *(row for quarter in (2, 3, 4) for row in long_rows("RESTATED", quarter, {"revenue": 100.0})),
    *long_rows("RESTATED", 1, {"revenue": 100.0}, year=2026),
    *whole_year("GAP", {2: {"revenue": None, "operating_income": None}}),
    *whole_year("LOSS", {4: {"pretax_income": -40.0}}),
    *whole_year("BENEFIT", {4: {"income_tax": -20.0}}),
    *whole_year("HIGH_TAX", {4: {"income_tax": 30.0}}),
    *whole_year("NO_LEASES", {quarter: {"finance_lease_liability": None} for quarter in range(1, 5)}),
    *whole_year("UNKNOWN", {4: {"debt": None, "finance_lease_liability": None}}),
    *whole_year("NEITHER", {4: {"debt": None, "pretax_income": None}}),
    *whole_year("NEGATIVE", {4: {"equity": -100.0}}),
    *whole_year("RECAST"),
    *long_rows("RECAST", 2, {"depreciation_amortization": 3.0}, basis_break=True),
    *long_rows("RECAST", 3, {"depreciation_amortization": 3.0}),
    *whole_year("HOLE"),
]
HOLED = [row for row in calendar_quarters("HOLE", 2025) if row["fiscal_quarter"] != 2]


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    names = sorted({row["ticker"] for row in QUARTERS} - {"HOLE"})
    return compute(
        engine,
        fundamentals,
        quarters=[row for row in QUARTERS if (row["ticker"], row["fiscal_quarter"]) != ("HOLE", 2)],
        fiscal_year_to_date=[
            span_row("WHOLE", 4, "revenue", 1001.0),
            span_row("WHOLE", 2, "revenue", 299.0, known_from_date="2026-03-01"),
        ],
        fiscal_quarters=[
            *(row for name in names for row in calendar_quarters(name, 2025)),
            *calendar_quarters("RESTATED", 2026, 1),
            *HOLED,
        ],
        concept_applicability=[
            {"ticker": name, "concept": concept, "kind": "balance", "is_applicable": is_applicable}
            for name in [*names, "HOLE"]
            for concept in BALANCES
            for is_applicable in [(name, concept) != ("NO_LEASES", "finance_lease_liability")]
        ],
        concepts=read_concepts(),
        methodology=read_methodology(),
    )


@pytest.fixture(scope="module")
def fourth(rows: list[Row]) -> dict[str, Row]:
    """The fourth quarter of each situation."""
    return {row["ticker"]: row for row in rows if row["fiscal_quarter"] == 4}


def test_the_table_keeps_its_contract(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, Fundamentals, rows)


def test_four_quarters_are_summed(fourth: dict[str, Row]) -> None:
    assert fourth["WHOLE"]["revenue_usd"] == 400
    assert fourth["WHOLE"]["revenue_ttm_usd"] == 1000
    assert fourth["WHOLE"]["ttm_weeks"] == 52


def test_fewer_than_four_quarters_are_no_sum(rows: list[Row]) -> None:
    third = only(rows, ticker="WHOLE", fiscal_quarter=3)

    assert third["revenue_ttm_usd"] is None
    assert third["ttm_weeks"] is None
    assert third["missing_reason"] == "NOPAT lacks one of four quarters of operating_income, income_tax, pretax_income"


def test_a_missing_value_among_the_four_leaves_no_sum(fourth: dict[str, Row]) -> None:
    assert fourth["GAP"]["revenue_ttm_usd"] is None
    assert fourth["GAP"]["income_tax_ttm_usd"] == 8
    assert fourth["GAP"]["roic_ttm_pct"] is None
    assert fourth["GAP"]["missing_reason"] == "NOPAT lacks one of four quarters of operating_income"


def test_a_missing_quarter_among_the_four_leaves_no_sum(fourth: dict[str, Row]) -> None:
    assert fourth["HOLE"]["revenue_ttm_usd"] is None
    assert fourth["HOLE"]["ttm_weeks"] is None
    assert fourth["HOLE"]["revenue_fiscal_ytd_usd"] is None


def test_the_year_to_date_is_the_span_as_filed_else_the_sum_of_its_quarters(rows: list[Row]) -> None:
    to_date = {row["fiscal_quarter"]: row["revenue_fiscal_ytd_usd"] for row in rows if row["ticker"] == "WHOLE"}

    assert to_date == {1: 100, 2: 299, 3: 600, 4: 1001}


def test_a_row_is_known_when_its_year_to_date_is_too(rows: list[Row]) -> None:
    known = {row["fiscal_quarter"]: row["known_from_date"] for row in rows if row["ticker"] == "WHOLE"}

    assert known == {1: day("2026-02-01"), 2: day("2026-03-01"), 3: day("2026-02-01"), 4: day("2026-02-01")}


def test_a_row_is_known_when_the_last_quarter_of_its_sums_is(rows: list[Row]) -> None:
    known = {row["quarter_index"] - 8101: row["known_from_date"] for row in rows if row["ticker"] == "RESTATED"}

    # The balance that became known in July belongs to the first row alone.
    assert known == {
        0: day("2026-07-01"),
        1: day("2026-05-01"),
        2: day("2026-05-01"),
        3: day("2026-05-01"),
        4: day("2026-02-01"),
    }


def test_a_year_to_date_needs_all_its_quarters(rows: list[Row]) -> None:
    to_date = {row["fiscal_quarter"]: row["revenue_fiscal_ytd_usd"] for row in rows if row["ticker"] == "GAP"}

    assert to_date == {1: 100, 2: None, 3: None, 4: None}


def test_invested_capital_is_equity_and_debt_and_leases_less_liquidity(fourth: dict[str, Row]) -> None:
    whole = fourth["WHOLE"]

    assert whole["lease_liabilities_usd"] == 20
    assert whole["invested_capital_usd"] == 80
    assert whole["missing_capital_parts"] is None
    assert whole["missing_reason"] is None


def test_roic_is_income_after_tax_over_invested_capital(rows: list[Row], fourth: dict[str, Row]) -> None:
    whole = fourth["WHOLE"]
    second = only(rows, ticker="WHOLE", fiscal_quarter=2)

    assert whole["tax_rate_ttm_ratio"] == 0.25
    assert whole["nopat_ttm_usd"] == 30
    assert whole["roic_ttm_pct"] == pytest.approx(37.5)
    assert whole["roic_quarter_pct"] == pytest.approx(37.5), "7.5 of one quarter, annualised"
    assert second["roic_fiscal_ytd_pct"] == pytest.approx(37.5), "15 of two quarters, annualised"
    assert second["roic_ttm_pct"] is None


@pytest.mark.parametrize(
    ("ticker", "rate"),
    [("LOSS", 0.0), ("BENEFIT", 0.0), ("HIGH_TAX", 0.5)],
    ids=["no profit", "a tax benefit", "more tax than half the profit"],
)
def test_the_tax_rate_is_bounded(fourth: dict[str, Row], ticker: str, rate: float) -> None:
    assert fourth[ticker]["tax_rate_quarter_ratio"] == rate
    assert fourth[ticker]["roic_quarter_pct"] == pytest.approx(100 * 10 * (1 - rate) * 4 / 80)


def test_a_part_that_does_not_exist_counts_zero(fourth: dict[str, Row]) -> None:
    assert fourth["NO_LEASES"]["finance_lease_liability_usd"] is None
    assert fourth["NO_LEASES"]["invested_capital_usd"] == 72
    assert fourth["NO_LEASES"]["missing_capital_parts"] is None


def test_a_part_that_is_missing_leaves_no_capital_and_is_named(fourth: dict[str, Row]) -> None:
    unknown = fourth["UNKNOWN"]

    assert unknown["invested_capital_usd"] is None
    assert unknown["roic_ttm_pct"] is None
    assert unknown["missing_capital_parts"] == "debt, finance_lease_liability"
    assert unknown["missing_reason"] == "invested capital lacks debt, finance_lease_liability"


def test_everything_that_a_return_lacks_is_named(fourth: dict[str, Row]) -> None:
    assert fourth["NEITHER"]["roic_ttm_pct"] is None
    assert fourth["NEITHER"]["missing_reason"] == (
        "invested capital lacks debt; NOPAT lacks one of four quarters of pretax_income"
    )


def test_capital_that_is_not_positive_gives_no_return(fourth: dict[str, Row]) -> None:
    negative = fourth["NEGATIVE"]

    assert negative["invested_capital_usd"] == -120
    assert negative["roic_ttm_pct"] is None
    assert negative["missing_reason"] == "invested capital is not positive"


def test_free_cash_flow_is_cash_flow_less_capital_expenditure(fourth: dict[str, Row]) -> None:
    assert fourth["WHOLE"]["free_cash_flow_usd"] == 5
    assert fourth["WHOLE"]["free_cash_flow_ttm_usd"] == 20
    assert fourth["GAP"]["free_cash_flow_usd"] is None


def test_a_recast_quarter_flags_every_span_that_holds_it(rows: list[Row]) -> None:
    flags = {
        row["fiscal_quarter"]: (row["basis_break"], row["basis_break_ttm"], row["basis_break_fiscal_ytd"])
        for row in rows
        if row["ticker"] == "RECAST"
    }

    assert flags[1] == (False, False, False)
    assert flags[2] == (True, True, True)
    assert flags[3] == (False, True, True)
    assert flags[4] == (False, True, True)
