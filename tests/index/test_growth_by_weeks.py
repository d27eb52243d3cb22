"""`mart.revenue_growth`: growth with the weeks of both sides, 13 against 14 weeks and as fiscal years go."""

import pytest

from assets.index_views import revenue_growth
from schemas.mart.index_views import RevenueGrowth
from tests.index.scoring import methodology
from tests.panels import fundamental
from tests.tables import Row, company, compute, keeps_contract, only
from warehouse.engine import Engine

COMPANIES = [company("LONG_BEFORE", "upstream"), company("LONG_NOW", "midstream"), company("GAP", "downstream")]


def row(ticker: str, quarter: str, revenue: float | None, weeks: int = 13, more_weeks: int = 0) -> Row:
    """A quarter; `more_weeks` is what the fiscal year and the four quarters have more than 13 weeks each."""
    return fundamental(
        ticker,
        quarter,
        revenue_usd=revenue,
        revenue_fiscal_ytd_usd=revenue,
        revenue_ttm_usd=revenue,
        weeks=weeks,
        fiscal_ytd_weeks=13 * int(quarter[-1]) + more_weeks,
        ttm_weeks=52 + more_weeks,
    )


def year(ticker: str, before: tuple[float | None, int], now: tuple[float | None, int]) -> list[Row]:
    """2024Q4 and 2025Q4 with revenue and weeks, and the quarters between."""
    between = [row(ticker, quarter, 1.0) for quarter in ("2025Q1", "2025Q2", "2025Q3")]
    sides = [
        row(ticker, quarter, revenue, weeks, weeks - 13)
        for quarter, (revenue, weeks) in (("2024Q4", before), ("2025Q4", now))
    ]
    return [*sides, *between]


ROWS = [
    *year("LONG_BEFORE", (140.0, 14), (143.0, 13)),
    *year("LONG_NOW", (130.0, 13), (154.0, 14)),
    *(line for line in year("GAP", (100.0, 13), (110.0, 13)) if line["calendar_quarter"] != "2025Q2"),
]


@pytest.fixture(scope="module")
def found(engine: Engine) -> list[Row]:
    parameters = methodology(bases=["fiscal_ytd", "quarter", "ttm"])
    return compute(engine, revenue_growth, fundamentals=ROWS, companies=COMPANIES, methodology=parameters)


def test_the_table_keeps_its_contract(engine: Engine, found: list[Row]) -> None:
    assert keeps_contract(engine, RevenueGrowth, found)


def test_thirteen_weeks_against_fourteen(found: list[Row]) -> None:
    shorter = only(found, ticker="LONG_BEFORE", basis="quarter", quarter="2025Q4")

    assert (shorter["weeks"], shorter["weeks_before"]) == (13, 14)
    assert (shorter["revenue_usd"], shorter["revenue_before_usd"]) == (143, 140)
    assert shorter["growth"] == pytest.approx(3 / 140)
    assert shorter["week_adjusted_growth"] == pytest.approx(0.1), "11 a week against 10"


def test_fourteen_weeks_against_thirteen(found: list[Row]) -> None:
    longer = only(found, ticker="LONG_NOW", basis="quarter", quarter="2025Q4")

    assert (longer["weeks"], longer["weeks_before"]) == (14, 13)
    assert longer["growth"] == pytest.approx(24 / 130)
    assert longer["week_adjusted_growth"] == pytest.approx(0.1)


@pytest.mark.parametrize(("basis", "quarter"), [("fiscal_ytd", "2025Q4"), ("ttm", "2025Q4")])
def test_longer_spans_have_weeks_of_their_own(found: list[Row], basis: str, quarter: str) -> None:
    longer = only(found, ticker="LONG_NOW", basis=basis, quarter=quarter)

    assert (longer["weeks"], longer["weeks_before"]) == (53, 52)
    assert longer["week_adjusted_growth"] == pytest.approx((154 / 53) / (130 / 52) - 1)


def test_of_equal_weeks_both_growth_rates_are_the_same(engine: Engine) -> None:
    rows = year("LONG_NOW", (100.0, 13), (125.0, 13))
    found = compute(engine, revenue_growth, fundamentals=rows, companies=COMPANIES, methodology=methodology())
    plain = only(found, quarter="2025Q4")

    assert (plain["growth"], plain["week_adjusted_growth"]) == (pytest.approx(0.25), pytest.approx(0.25))


def test_with_a_missing_quarter_between_no_other_quarter_stands_in_for_the_year_before(found: list[Row]) -> None:
    gap = only(found, ticker="GAP", basis="quarter", quarter="2025Q4")

    assert gap["revenue_before_usd"] in (None, 100.0), "every other quarter has a revenue of 1"
    assert (gap["growth"] is None) == (gap["missing_reason"] is not None)


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ((100.0, 13), (None, 13), "revenue is missing, see core.missing_quarters"),
        ((0.0, 13), (10.0, 13), "revenue of the span a year before is not positive"),
    ],
)
def test_every_missing_growth_has_its_reason(
    engine: Engine, before: tuple[float | None, int], now: tuple[float | None, int], reason: str
) -> None:
    rows = year("LONG_NOW", before, now)
    found = compute(engine, revenue_growth, fundamentals=rows, companies=COMPANIES, methodology=methodology())

    assert only(found, quarter="2025Q4")["growth"] is None
    assert only(found, quarter="2025Q4")["missing_reason"] == reason
    assert all((line["growth"] is None) == (line["missing_reason"] is not None) for line in found)
