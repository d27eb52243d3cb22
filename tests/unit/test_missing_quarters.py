"""`core.missing_quarters`: every quarter without a value has its reason."""

import pytest

from assets.fundamentals import missing_quarters
from schemas.core.quarters import MissingQuarters
from tests.tables import Row, calendar_quarters, compute, concept_tag, day, keeps_contract, only, pick
from warehouse.engine import Engine


def value(ticker: str, quarter: int, *, concept: str = "revenue", year: int = 2025) -> Row:
    period = next(row for row in calendar_quarters(ticker, year) if row["fiscal_quarter"] == quarter)
    names = ("ticker", "fiscal_year", "fiscal_quarter", "period_start_date", "period_end_date")
    row = {name: period[name] for name in (*names, "calendar_quarter", "report_quarter")}
    return row | {
        "concept": concept,
        "value": 1.0,
        "unit": "USD",
        "method": "reported",
        "basis_break": False,
        "known_from_date": "2025-05-01",
        "facts": [],
    }


def applies(ticker: str, concept: str = "revenue", *, is_applicable: bool = True) -> Row:
    because = None if is_applicable else "there is no such line"
    return {
        "ticker": ticker,
        "concept": concept,
        "kind": "flow",
        "is_applicable": is_applicable,
        "because": because,
    }


GAP = {
    "ticker": "HOLE",
    "concept": "revenue",
    "first_period_end_date": "2025-06-30",
    "last_period_end_date": "2025-06-30",
    "reason": "the filing leaves it out",
}


@pytest.fixture(scope="module")
def missing(engine: Engine) -> list[Row]:
    return compute(
        engine,
        missing_quarters,
        quarters=[
            *(value("HOLE", quarter) for quarter in (1, 4)),
            *(value("LATE", quarter) for quarter in (1, 2, 3)),
            *(value("OWN_TAG", quarter) for quarter in (1, 2, 3)),
            value("STARTS", 3),
            value("STARTS", 4),
        ],
        fiscal_quarters=[
            row
            for name, count in (("HOLE", 4), ("LATE", 3), ("OWN_TAG", 4), ("STARTS", 4), ("NEVER", 2))
            for row in calendar_quarters(name, 2025, count)
        ],
        concept_applicability=[
            *(applies(name) for name in ("HOLE", "LATE", "OWN_TAG", "STARTS", "NEVER")),
            applies("LATE", "gross_profit", is_applicable=False),
        ],
        concept_tags=[
            *(concept_tag(name, "Revenues") for name in ("HOLE", "LATE", "STARTS", "NEVER")),
            concept_tag("OWN_TAG", "OwnRevenues", taxonomy="own"),
            concept_tag("OWN_TAG", "Revenues", alternative=1),
        ],
        known_gaps=[GAP],
    )


def reasons(missing: list[Row], ticker: str, concept: str = "revenue") -> dict[int, str]:
    found = pick(missing, ticker=ticker, concept=concept)
    return {(row["fiscal_year"] - 2025) * 4 + row["fiscal_quarter"]: row["reason"] for row in found}


def test_the_table_keeps_its_contract(engine: Engine, missing: list[Row]) -> None:
    assert keeps_contract(engine, MissingQuarters, missing)


def test_a_known_gap_is_told_from_a_quarter_that_was_filed_without_the_line(missing: list[Row]) -> None:
    assert reasons(missing, "HOLE") == {2: "known_gap", 3: "not_reported"}
    assert only(missing, ticker="HOLE", fiscal_quarter=2)["explanation"] == "the filing leaves it out"
    assert only(missing, ticker="HOLE", fiscal_quarter=3)["explanation"] is None


def test_the_next_quarter_is_not_yet_published_once_another_company_has_filed_it(missing: list[Row]) -> None:
    fourth = only(missing, ticker="LATE", concept="revenue")

    assert fourth["reason"] == "not_yet_published"
    assert (fourth["fiscal_year"], fourth["fiscal_quarter"]) == (2025, 4)
    assert fourth["period_end_date"] == day("2025-12-30")
    assert (fourth["calendar_quarter"], fourth["report_quarter"]) == ("2025Q4", "2025Q4")


def test_a_quarter_that_nobody_has_filed_is_not_missing(missing: list[Row]) -> None:
    assert all(row["fiscal_year"] == 2025 for row in missing)


def test_a_line_that_does_not_exist_is_not_applicable_with_its_reason(missing: list[Row]) -> None:
    found = pick(missing, ticker="LATE", concept="gross_profit")

    assert {row["reason"] for row in found} == {"not_applicable"}
    assert {row["explanation"] for row in found} == {"there is no such line"}
    assert len(found) == 4


def test_the_newest_quarter_of_a_company_s_own_tag_awaits_its_source(missing: list[Row]) -> None:
    assert reasons(missing, "OWN_TAG") == {4: "awaiting_source"}


def test_quarters_before_the_first_value_have_a_reason_of_their_own(missing: list[Row]) -> None:
    assert reasons(missing, "STARTS") == {1: "before_first_value", 2: "before_first_value"}


def test_a_concept_that_was_never_reported_is_missing_from_the_first_quarter_on(missing: list[Row]) -> None:
    assert reasons(missing, "NEVER") == {1: "not_reported", 2: "not_reported", 3: "not_yet_published"}
