"""`core.quarters_history`, `core.quarters`, `core.fiscal_year_to_date`: one value per quarter, as it was known at any time.

Each ticker below is a situation, named after what it shows. All fiscal years are calendar years.
"""

from collections.abc import Iterator

import pytest

from assets.quarters import fiscal_year_to_date, quarters, quarters_history
from schemas.core.quarters import FiscalYearToDate, Quarters, QuartersHistory
from tests.tables import (
    Row,
    calendar_quarters,
    compute,
    concept_tag,
    day,
    fact,
    keeps_contract,
    only,
    pick,
    quarter_span,
)
from warehouse.engine import Engine

Q1, Q2, Q3, Q4 = (quarter_span(2025, quarter) for quarter in (1, 2, 3, 4))
HALF, NINE_MONTHS, YEAR = (("2025-01-01", end) for end in ("2025-06-30", "2025-09-30", "2025-12-31"))
FILED = {1: "2025-05-01", 2: "2025-08-01", 3: "2025-11-01", 4: "2026-02-01"}


class Situation:
    """The facts and tags of one ticker."""

    def __init__(self, ticker: str) -> None:
        self.ticker = ticker
        self.facts: list[Row] = []
        self.tags: list[Row] = []

    def flow(self, span: tuple[str, str], value: float, filed: str, **changes: object) -> "Situation":
        """Add a fact of a flow."""
        self.facts.append(fact(self.ticker, *span, value, filed, **changes))
        return self

    def balance(self, end: str, value: float, filed: str, **changes: object) -> "Situation":
        """Add a fact of a balance."""
        self.facts.append(fact(self.ticker, None, end, value, filed, **changes))
        return self

    def tag(self, tag: str = "Revenues", **changes: object) -> "Situation":
        """Add a tag."""
        self.tags.append(concept_tag(self.ticker, tag, **changes))
        return self


def reading_situations() -> Iterator[Situation]:
    """How one value is read from facts."""
    yield (
        Situation("YEAR_TO_DATE")
        .tag()
        .flow(Q1, 10, FILED[1])
        .flow(HALF, 25, FILED[2])
        .flow(NINE_MONTHS, 45, FILED[3])
        .flow(YEAR, 70, FILED[4])
    )
    yield (Situation("REPORTED").tag().flow(Q2, 16, FILED[2]).flow(Q1, 10, FILED[1]).flow(HALF, 25, FILED[2]))
    yield (
        Situation("SWITCHED")
        .tag("New")
        .tag("Old", alternative=1)
        .flow(Q1, 10, FILED[1], tag="Old")
        .flow(HALF, 25, FILED[2], tag="New")
    )
    yield (
        Situation("PRIORITY")
        .tag("Line")
        .tag("Note", alternative=1)
        .flow(Q1, 10, FILED[1], tag="Line")
        .flow(HALF, 25, FILED[2], tag="Line")
        .flow(Q2, 14, FILED[2], tag="Note")
        .flow(Q3, 17, FILED[3], tag="Note")
    )
    yield (
        Situation("SUM")
        .tag("One", part_count=2)
        .tag("Two", part=1, part_count=2)
        .flow(Q1, 10, FILED[1], tag="One")
        .flow(Q1, 4, FILED[1], tag="Two")
        .flow(Q2, 11, FILED[2], tag="One")
    )
    yield (
        Situation("DERIVED")
        .tag("GrossProfit")
        .tag("Revenues", alternative=1, part_count=2, is_derived=True)
        .tag("CostOfRevenue", alternative=1, part=1, part_count=2, sign=-1, is_derived=True)
        .flow(Q1, 100, FILED[1])
        .flow(Q1, 60, FILED[1], tag="CostOfRevenue")
        .flow(Q2, 110, FILED[2])
    )
    yield (
        Situation("ENDED")
        .tag("Line", until_date="2025-03-31")
        .flow(Q1, 10, FILED[1], tag="Line")
        .flow(Q2, 11, FILED[2], tag="Line")
    )


def version_situations() -> Iterator[Situation]:
    """How later filings change a value, and when they do not."""
    yield (
        Situation("RESTATED")
        .tag()
        .flow(Q1, 10, FILED[1])
        .flow(HALF, 25, FILED[2])
        .flow(Q1, 9, "2026-05-01")
        .flow(HALF, 26, "2026-08-01")
    )
    yield (Situation("REPEATED").tag().flow(Q1, 10, FILED[1]).flow(Q1, 10, "2026-05-01").flow(Q1, 10, "2027-05-01"))
    yield (Situation("RETURNED").tag().flow(Q1, 10, FILED[1]).flow(Q1, 12, "2026-05-01").flow(Q1, 10, "2027-05-01"))
    recast = {"basis": "recast"}
    yield (
        Situation("FIRST")
        .tag(version="first")
        .flow(Q1, 10, FILED[1])
        .flow(Q1, 9, "2026-05-01", **recast)
        .flow(Q2, 12, FILED[2], **recast)
        .flow(NINE_MONTHS, 40, FILED[3])
    )
    yield (
        Situation("TWO_BASES")
        .tag()
        .flow(Q1, 10, FILED[1])
        .flow(HALF, 25, FILED[2], **recast)
        .flow(NINE_MONTHS, 41, FILED[3], **recast)
    )
    yield (
        Situation("SAME_DAY")
        .tag()
        .flow(Q1, 10, FILED[1], accession="0000000001-25-000001")
        .flow(Q1, 11, FILED[1], accession="0000000001-25-000002")
    )


def balance_situations() -> Iterator[Situation]:
    """Balances as reported, summed and carried forward."""
    lease = {"kind": "balance", "carry_forward_quarters": 3}
    yield (
        Situation("CARRIED")
        .tag("Lease", **lease)
        .balance("2024-12-31", 80, "2025-02-01", tag="Lease")
        .balance("2025-06-30", 90, FILED[2], tag="Lease")
    )
    yield (
        Situation("BALANCE_SUM")
        .tag("Debt", kind="balance", alternative=1, part_count=2)
        .tag("Paper", kind="balance", alternative=1, part=1, part_count=2)
        .tag("All", kind="balance")
        .balance(Q1[1], 5, FILED[1], tag="Debt")
        .balance(Q1[1], 2, FILED[1], tag="Paper")
        .balance(Q2[1], 6, FILED[2], tag="Debt")
        .balance(Q3[1], 9, FILED[3], tag="All")
        .balance(Q3[1], 6, FILED[3], tag="Debt")
        .balance(Q3[1], 2, FILED[3], tag="Paper")
        .balance("2025-05-15", 99, FILED[2], tag="All")
    )
    yield (
        Situation("LESS")
        .tag("Total", kind="balance", part_count=2)
        .tag("Leases", kind="balance", part=1, part_count=2, sign=-1)
        .balance(Q1[1], 20, FILED[1], tag="Total")
        .balance(Q1[1], 3, FILED[1], tag="Leases")
    )


SITUATIONS = [*reading_situations(), *version_situations(), *balance_situations()]


@pytest.fixture(scope="module")
def history(engine: Engine) -> list[Row]:
    names = [situation.ticker for situation in SITUATIONS]
    return compute(
        engine,
        quarters_history,
        statement_facts=[fact for situation in SITUATIONS for fact in situation.facts],
        fiscal_quarters=[row for name in names for year in (2024, 2025) for row in calendar_quarters(name, year)],
        concept_tags=[tag for situation in SITUATIONS for tag in situation.tags],
    )


@pytest.fixture(scope="module")
def current(engine: Engine, history: list[Row]) -> list[Row]:
    return compute(engine, quarters, quarters_history=history)


def discrete(rows: list[Row], ticker: str) -> dict[int, tuple[float, str]]:
    """Fiscal quarter of 2025 → value and method."""
    found = pick(rows, ticker=ticker, fiscal_year=2025)
    return {row["fiscal_quarter"]: (row["value"], row["method"]) for row in found}


def versions(history: list[Row], ticker: str, quarter: int) -> list[tuple[float, str, str | None]]:
    """Value, first day known and first day no longer known of a quarter's states, in order."""
    found = pick(history, ticker=ticker, fiscal_quarter=quarter, fiscal_year=2025)
    found = [row for row in found if row["measure"] != "fiscal_ytd"]
    states = [
        (row["value"], str(row["known_from_date"]), row["known_to_date"] and str(row["known_to_date"])) for row in found
    ]
    return sorted(states, key=lambda state: state[1])


def test_the_tables_keep_their_contracts(engine: Engine, history: list[Row], current: list[Row]) -> None:
    assert keeps_contract(engine, QuartersHistory, history)
    assert keeps_contract(engine, Quarters, current)
    assert keeps_contract(engine, FiscalYearToDate, compute(engine, fiscal_year_to_date, quarters_history=history))


def test_year_to_date_spans_give_discrete_quarters_by_difference(current: list[Row]) -> None:
    assert discrete(current, "YEAR_TO_DATE") == {
        1: (10, "reported"),
        2: (15, "ytd_difference"),
        3: (20, "ytd_difference"),
        4: (25, "year_minus_nine_months"),
    }


def test_the_facts_of_a_difference_are_kept_with_their_signs(current: list[Row]) -> None:
    fourth = only(current, ticker="YEAR_TO_DATE", fiscal_quarter=4)

    assert [(used["value"], used["sign"], used["period_end_date"]) for used in fourth["facts"]] == [
        (70, 1, day("2025-12-31")),
        (45, -1, day("2025-09-30")),
    ]
    assert all(used["accession"] for used in fourth["facts"])
    assert fourth["known_from_date"] == day(FILED[4])
    assert (fourth["period_start_date"], fourth["period_end_date"]) == (day(Q4[0]), day(Q4[1]))
    assert (fourth["calendar_quarter"], fourth["unit"]) == ("2025Q4", "USD")


def test_spans_since_the_year_start_are_kept_as_filed(engine: Engine, history: list[Row]) -> None:
    spans = pick(compute(engine, fiscal_year_to_date, quarters_history=history), ticker="YEAR_TO_DATE")

    assert {row["fiscal_quarter"]: (row["value"], row["method"]) for row in spans} == {
        1: (10, "reported"),
        2: (25, "reported"),
        3: (45, "reported"),
        4: (70, "reported"),
    }


def test_a_reported_quarter_beats_the_difference(current: list[Row]) -> None:
    assert discrete(current, "REPORTED") == {1: (10, "reported"), 2: (16, "reported")}


def test_only_where_no_tag_gives_the_quarter_tags_are_differenced(current: list[Row]) -> None:
    assert discrete(current, "SWITCHED") == {1: (10, "reported"), 2: (15, "cross_tag_difference")}
    assert [used["tag"] for used in only(current, ticker="SWITCHED", fiscal_quarter=2)["facts"]] == ["New", "Old"]


def test_a_tag_of_higher_priority_wins_even_by_difference(current: list[Row]) -> None:
    assert discrete(current, "PRIORITY") == {1: (10, "reported"), 2: (15, "ytd_difference"), 3: (17, "reported")}


def test_a_sum_is_never_partial(current: list[Row]) -> None:
    assert discrete(current, "SUM") == {1: (14, "sum")}


def test_gross_profit_is_derived_where_it_has_no_tag(current: list[Row]) -> None:
    assert discrete(current, "DERIVED") == {1: (40, "derived")}
    assert [used["sign"] for used in only(current, ticker="DERIVED")["facts"]] == [1, -1]


def test_a_tag_that_ended_gives_no_value_afterwards(current: list[Row]) -> None:
    assert discrete(current, "ENDED") == {1: (10, "reported")}


def test_a_restatement_is_a_second_row_with_its_days(history: list[Row], current: list[Row]) -> None:
    assert versions(history, "RESTATED", 1) == [(10, "2025-05-01", "2026-05-01"), (9, "2026-05-01", None)]
    assert only(current, ticker="RESTATED", fiscal_quarter=1)["value"] == 9


def test_a_difference_is_taken_anew_whenever_one_of_its_facts_changes(history: list[Row]) -> None:
    assert versions(history, "RESTATED", 2) == [
        (15, "2025-08-01", "2026-05-01"),
        (16, "2026-05-01", "2026-08-01"),
        (17, "2026-08-01", None),
    ]


def test_a_repeated_value_makes_no_new_row(history: list[Row]) -> None:
    assert versions(history, "REPEATED", 1) == [(10, "2025-05-01", None)]


def test_a_value_that_comes_back_is_a_state_of_its_own(history: list[Row]) -> None:
    assert versions(history, "RETURNED", 1) == [
        (10, "2025-05-01", "2026-05-01"),
        (12, "2026-05-01", "2027-05-01"),
        (10, "2027-05-01", None),
    ]


def test_of_one_day_the_filing_with_the_higher_accession_counts(history: list[Row]) -> None:
    assert versions(history, "SAME_DAY", 1) == [(11, "2025-05-01", None)]


def test_where_the_first_version_wins_later_ones_change_nothing(history: list[Row], current: list[Row]) -> None:
    first = only(current, ticker="FIRST", fiscal_quarter=1)

    assert versions(history, "FIRST", 1) == [(10, "2025-05-01", None)]
    assert first["basis_break"] is False


def test_a_quarter_that_exists_on_the_new_basis_only_is_flagged(current: list[Row]) -> None:
    second = only(current, ticker="FIRST", fiscal_quarter=2)

    assert (second["value"], second["basis_break"]) == (12, True)


def test_spans_of_two_bases_are_never_differenced(current: list[Row]) -> None:
    found = discrete(current, "TWO_BASES")

    assert 2 not in found, "the half year is recast, the first quarter is not"
    assert found[3] == (16, "ytd_difference")
    assert only(current, ticker="TWO_BASES", fiscal_quarter=3)["basis_break"] is True


def test_a_balance_disclosed_now_and_then_is_carried_forward_three_quarters(
    history: list[Row], current: list[Row]
) -> None:
    assert discrete(current, "CARRIED") == {
        1: (80, "carried_forward"),
        2: (90, "reported"),
        3: (90, "carried_forward"),
        4: (90, "carried_forward"),
    }
    # A carried balance is known only when its own quarter is filed, 30 days after the end here.
    assert versions(history, "CARRIED", 1) == [(80, "2025-04-30", None)]


def test_a_carried_balance_ends_after_its_quarters(engine: Engine) -> None:
    situation = Situation("OLD").tag("Lease", kind="balance", carry_forward_quarters=1)
    situation.balance("2024-12-31", 80, "2025-02-01", tag="Lease")
    rows = compute(
        engine,
        quarters_history,
        statement_facts=situation.facts,
        fiscal_quarters=[row for year in (2024, 2025) for row in calendar_quarters("OLD", year)],
        concept_tags=situation.tags,
    )

    assert [(row["fiscal_year"], row["fiscal_quarter"]) for row in rows] == [(2024, 4), (2025, 1)]


def test_a_balance_is_a_single_tag_first_and_a_whole_sum_else(current: list[Row]) -> None:
    assert discrete(current, "BALANCE_SUM") == {1: (7, "sum"), 3: (9, "reported")}


def test_a_part_may_be_taken_away(current: list[Row]) -> None:
    assert discrete(current, "LESS") == {1: (17, "sum")}
