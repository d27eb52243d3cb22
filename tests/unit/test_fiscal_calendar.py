"""`core.fiscal_years` and `core.fiscal_quarters`: which spans are years and quarters, and where they lie in the calendar."""

import pytest

from assets.facts import fiscal_quarters, fiscal_years
from schemas.core.facts import FiscalQuarters, FiscalYears
from tests.tables import Row, compute, day, fact, keeps_contract, only, pick
from warehouse.engine import Engine

ANNUAL = "10-K"


def calendar_facts() -> list[Row]:
    """A fiscal year that is the calendar year, with trailing-twelve-month spans beside the year to date."""
    name = "CALENDAR"
    annual = fact(name, "2024-01-01", "2024-12-31", 400, "2025-02-01", form=ANNUAL)
    return [
        annual,
        fact(name, "2023-01-01", "2023-12-31", 380, "2025-02-01", form=ANNUAL, accession=annual["accession"]),
        fact(name, "2023-07-01", "2024-06-30", 390, "2025-02-01", form=ANNUAL, accession=annual["accession"]),
        fact(name, "2023-04-01", "2024-03-31", 385, "2024-04-30"),
        fact(name, "2024-04-01", "2025-03-31", 410, "2025-04-30"),
        fact(name, "2024-01-01", "2024-03-31", 95, "2024-04-30"),
        fact(name, "2024-01-01", "2024-06-30", 196, "2024-07-30"),
        fact(name, "2024-01-01", "2024-09-30", 297, "2024-10-30"),
        fact(name, "2025-01-01", "2025-03-31", 105, "2025-04-30"),
    ]


def weeks_facts() -> list[Row]:
    """52 and 53 weeks that end on a weekday; the fourth quarter of the long year has fourteen weeks."""
    name = "WEEKS"
    long_year = fact(name, "2023-01-02", "2024-01-07", 1, "2024-03-01", form=ANNUAL)
    return [
        long_year,
        fact(name, "2022-01-03", "2023-01-01", 1, "2024-03-01", form=ANNUAL, accession=long_year["accession"]),
        fact(name, "2023-01-02", "2023-04-02", 1, "2023-05-01"),
        fact(name, "2023-01-02", "2023-07-02", 1, "2023-08-01"),
        fact(name, "2023-01-02", "2023-10-01", 1, "2023-11-01"),
    ]


def january_facts() -> list[Row]:
    """A year that ends on the last Sunday of January, with a year still running."""
    name = "JANUARY"
    return [
        fact(name, "2024-01-29", "2025-01-26", 1, "2025-02-26", form=ANNUAL),
        fact(name, "2025-01-27", "2025-04-27", 1, "2025-05-28"),
        fact(name, "2025-04-28", "2025-07-27", 1, "2025-08-27"),
    ]


def holes_facts() -> list[Row]:
    """Quarters two and four are never reported; a balance on another day is no quarter end."""
    name = "HOLES"
    return [
        fact(name, "2024-01-01", "2024-12-31", 1, "2025-02-01", form=ANNUAL),
        fact(name, "2025-01-01", "2025-03-31", 1, "2025-04-30"),
        fact(name, "2025-07-01", "2025-09-30", 1, "2025-10-30"),
        fact(name, None, "2025-05-15", 1, "2025-10-30", concept="cash"),
    ]


FACTS = [*calendar_facts(), *weeks_facts(), *january_facts(), *holes_facts()]


@pytest.fixture(scope="module")
def years(engine: Engine) -> list[Row]:
    return compute(engine, fiscal_years, statement_facts=FACTS)


@pytest.fixture(scope="module")
def quarters(engine: Engine, years: list[Row]) -> list[Row]:
    return compute(engine, fiscal_quarters, statement_facts=FACTS, fiscal_years=years)


def test_both_tables_keep_their_contracts(engine: Engine, years: list[Row], quarters: list[Row]) -> None:
    assert keeps_contract(engine, FiscalYears, years)
    assert keeps_contract(engine, FiscalQuarters, quarters)


def test_only_spans_that_end_at_the_year_end_of_an_annual_report_are_years(years: list[Row]) -> None:
    spans = {
        row["fiscal_year"]: (row["start_date"], row["end_date"], row["weeks"]) for row in pick(years, ticker="CALENDAR")
    }

    assert spans == {
        2023: (day("2023-01-01"), day("2023-12-31"), 52),
        2024: (day("2024-01-01"), day("2024-12-31"), 52),
        2025: (day("2025-01-01"), None, None),
    }


def test_years_of_52_and_53_weeks_are_named_after_the_end_less_seven_days(years: list[Row]) -> None:
    weeks = {row["fiscal_year"]: row["weeks"] for row in pick(years, ticker="WEEKS")}

    assert weeks == {2022: 52, 2023: 53, 2024: None}


def test_a_year_that_ends_in_january_bears_that_january_s_number(years: list[Row]) -> None:
    ended, running = pick(years, ticker="JANUARY", fiscal_year=2025), pick(years, ticker="JANUARY", fiscal_year=2026)

    assert [row["end_date"] for row in ended] == [day("2025-01-26")]
    assert [(row["start_date"], row["end_date"]) for row in running] == [(day("2025-01-27"), None)]


def test_the_span_that_most_facts_name_is_the_year(engine: Engine) -> None:
    facts = [
        fact("TWICE", "2024-01-01", "2024-12-31", 1, "2025-02-01", form=ANNUAL, accession="0000000001-25-000900"),
        fact("TWICE", "2024-01-01", "2024-12-31", 2, "2025-02-01", form=ANNUAL, accession="0000000001-25-000900"),
        fact("TWICE", "2023-12-28", "2024-12-31", 3, "2025-02-01", form=ANNUAL, accession="0000000001-25-000900"),
    ]
    found = compute(engine, fiscal_years, statement_facts=facts)

    assert only(found, fiscal_year=2024)["start_date"] == day("2024-01-01")


def test_quarters_are_the_reported_spans_and_the_spans_since_the_year_start(quarters: list[Row]) -> None:
    found = pick(quarters, ticker="CALENDAR")
    ends = {(row["fiscal_year"], row["fiscal_quarter"]): row["period_end_date"] for row in found}

    assert ends[2024, 1] == day("2024-03-31")
    assert ends[2024, 2] == day("2024-06-30")
    assert ends[2024, 3] == day("2024-09-30")
    assert ends[2024, 4] == day("2024-12-31")
    assert ends[2025, 1] == day("2025-03-31")
    # Of 2023 the year alone is filed.
    assert [key for key in sorted(ends) if key[0] == 2023] == [(2023, 4)]


def test_a_quarter_starts_the_day_after_the_one_before(quarters: list[Row]) -> None:
    starts = {
        row["fiscal_quarter"]: row["period_start_date"] for row in pick(quarters, ticker="CALENDAR", fiscal_year=2024)
    }

    assert starts == {1: day("2024-01-01"), 2: day("2024-04-01"), 3: day("2024-07-01"), 4: day("2024-10-01")}


def test_after_a_hole_the_start_is_thirteen_weeks_before_the_end(quarters: list[Row]) -> None:
    found = {row["fiscal_quarter"]: row for row in pick(quarters, ticker="HOLES", fiscal_year=2025)}

    assert sorted(found) == [1, 3]
    assert found[3]["period_start_date"] == day("2025-07-02")
    assert found[3]["weeks"] == 13


def test_a_long_year_has_a_quarter_of_fourteen_weeks(quarters: list[Row]) -> None:
    weeks = {row["fiscal_quarter"]: row["weeks"] for row in pick(quarters, ticker="WEEKS", fiscal_year=2023)}
    to_date = {
        row["fiscal_quarter"]: row["fiscal_ytd_weeks"] for row in pick(quarters, ticker="WEEKS", fiscal_year=2023)
    }

    assert weeks == {1: 13, 2: 13, 3: 13, 4: 14}
    assert to_date == {1: 13, 2: 26, 3: 39, 4: 53}


def test_calendar_and_report_quarter_differ_where_a_year_ends_in_january(quarters: list[Row]) -> None:
    second = only(quarters, ticker="JANUARY", fiscal_year=2026, fiscal_quarter=2)

    assert (second["calendar_quarter"], second["report_quarter"]) == ("2025Q2", "2025Q3")
    assert second["quarter_index"] == 2026 * 4 + 2
    assert second["fiscal_year_start_date"] == day("2025-01-27")
    assert second["known_from_date"] == day("2025-08-27")


def test_without_any_annual_report_there_is_no_year_and_no_quarter(engine: Engine) -> None:
    facts = [fact("NEW", "2025-01-01", "2025-03-31", 1, "2025-05-01")]
    found = compute(engine, fiscal_years, statement_facts=facts)

    assert found == []
    assert compute(engine, fiscal_quarters, statement_facts=facts, fiscal_years=found) == []
