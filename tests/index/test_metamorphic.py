"""What must not move when the facts change in a way that says nothing new; on real facts of three companies."""

import datetime as dt
import random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from schemas.core.fundamentals import Fundamentals
from schemas.core.quarters import QuartersHistory
from schemas.mart.prosperity import CompositeScores, SubIndices
from schemas.mart.real_time import CompositeScoreVintages
from tests.index.real_facts import TICKERS, Derived, Facts, derive, differences, keyed, real_facts
from tests.tables import Row, keeps_contract
from warehouse.engine import Engine

QUARTER = ("ticker", "fiscal_year", "fiscal_quarter")
STATE = (*QUARTER, "concept", "measure", "known_from_date")
ENTITY = ("entity_kind", "entity", "basis", "quarter")
VINTAGE = ("vintage_date", "tier", "basis", "quarter")
CUT_OFFS = (dt.date(2024, 6, 15), dt.date(2025, 10, 31))


@pytest.fixture(scope="module")
def facts(published: duckdb.DuckDBPyConnection) -> Facts:
    return real_facts(published)


@pytest.fixture(scope="module")
def derived(engine: Engine, facts: Facts) -> Derived:
    return derive(engine, facts, with_vintages=True)


def test_the_small_warehouse_is_a_real_one(engine: Engine, derived: Derived, facts: Facts) -> None:
    assert keeps_contract(engine, QuartersHistory, derived.history)
    assert keeps_contract(engine, Fundamentals, derived.fundamentals)
    assert keeps_contract(engine, SubIndices, derived.sub_indices)
    assert keeps_contract(engine, CompositeScores, derived.composite_scores)
    assert keeps_contract(engine, CompositeScoreVintages, derived.vintages)
    assert {row["ticker"] for row in derived.fundamentals} == set(TICKERS)
    tiers = [row for row in derived.composite_scores if row["entity_kind"] == "tier" and row["quarter"] == "2025Q4"]
    assert len(tiers) == 6
    assert all(row["composite_score"] is not None for row in tiers)
    assert {row["reason"] for row in derived.history} >= {
        "first_report",
        "restated",
        "derived_input_restated",
        "rounding",
    }


@pytest.fixture(scope="module", params=CUT_OFFS, ids=str)
def earlier(engine: Engine, facts: Facts, request: pytest.FixtureRequest) -> tuple[dt.date, Derived]:
    """What the filings up to a day give."""
    day: dt.date = request.param
    assert 0 < facts.filed_by(day).statement_facts.num_rows < facts.statement_facts.num_rows
    return day, derive(engine, facts.filed_by(day), with_vintages=True)


def known_by(history: list[Row], day: dt.date) -> list[Row]:
    """The states known by a day as they looked that day: one that ended later had no end yet."""
    known = [row for row in history if row["known_from_date"] <= day]
    return [
        row | ({"known_to_date": None} if row["known_to_date"] and row["known_to_date"] > day else {}) for row in known
    ]


def test_later_filings_change_no_state_that_was_known(derived: Derived, earlier: tuple[dt.date, Derived]) -> None:
    day, before = earlier

    assert differences(keyed(before.history, *STATE), keyed(known_by(derived.history, day), *STATE)) == []


def test_later_filings_change_no_earlier_vintage(derived: Derived, earlier: tuple[dt.date, Derived]) -> None:
    day, before = earlier
    kept = [row for row in derived.vintages if row["vintage_date"] <= day]
    # The newest month end is a vintage only once something is filed after it.
    at_hand = [row for row in before.vintages if row["vintage_date"] <= day]
    days = {row["vintage_date"] for row in at_hand}

    assert at_hand
    assert (
        differences(keyed(at_hand, *VINTAGE), keyed([row for row in kept if row["vintage_date"] in days], *VINTAGE))
        == []
    )


def test_no_vintage_rests_on_a_filing_after_it(derived: Derived) -> None:
    assert derived.vintages
    assert [row for row in derived.vintages if row["latest_filed_date"] > row["vintage_date"]] == []


def test_a_period_that_was_known_never_vanishes(derived: Derived, earlier: tuple[dt.date, Derived]) -> None:
    _, before = earlier
    key = (*QUARTER, "concept", "measure")

    assert {tuple(row[name] for name in key) for row in before.history} <= {
        tuple(row[name] for name in key) for row in derived.history
    }


def tables(found: Derived) -> dict[str, dict[tuple[object, ...], Row]]:
    return {
        "history": keyed(found.history, *STATE),
        "fundamentals": keyed(found.fundamentals, *QUARTER),
        "sub_indices": keyed(found.sub_indices, *ENTITY, "sub_index"),
        "composite_scores": keyed(found.composite_scores, *ENTITY),
    }


def all_differences(first: Derived, second: Derived, *ignored: str) -> list[tuple[Any, ...]]:
    others = tables(second)
    return [(name, *cell) for name, rows in tables(first).items() for cell in differences(rows, others[name], *ignored)]


def test_the_order_of_the_facts_does_not_matter(engine: Engine, facts: Facts, derived: Derived) -> None:
    order = list(range(facts.statement_facts.num_rows))
    random.Random(1).shuffle(order)
    shuffled = Facts(facts.statement_facts.take(pa.array(order)), facts.configuration)

    assert all_differences(derived, derive(engine, shuffled)) == []


def test_in_thousands_of_dollars_no_ratio_and_no_score_changes(engine: Engine, facts: Facts, derived: Derived) -> None:
    scaled = derive(engine, facts.changed("value", pc.multiply(facts.statement_facts["value"], 1_000.0)))
    money = [name for name in derived.fundamentals[0] if name.endswith("_usd")]
    # What counts as rounding is an amount of dollars.
    amounts = ("reason", "value", "value_before", "facts")

    assert differences(tables(derived)["history"], tables(scaled)["history"], *amounts) == []
    assert differences(tables(derived)["fundamentals"], tables(scaled)["fundamentals"], *money) == []
    for name in ("sub_indices", "composite_scores"):
        assert differences(tables(derived)[name], tables(scaled)[name]) == []
    for key, row in tables(derived)["fundamentals"].items():
        larger = tables(scaled)["fundamentals"][key]
        assert {name: larger[name] for name in money} == pytest.approx(
            {name: None if row[name] is None else 1_000 * row[name] for name in money}
        )


def test_the_name_of_a_company_does_not_matter(engine: Engine, facts: Facts, derived: Derived) -> None:
    # The new names sort the other way round.
    names = dict(zip(sorted(TICKERS), ("ZULU", "MIKE", "ALPHA"), strict=True))
    back = {new: old for old, new in names.items()}
    renamed = derive(engine, facts.renamed(names))

    def original(rows: list[Row]) -> list[Row]:
        columns = ("ticker", "entity", "missing_companies")
        return [
            {name: back.get(value, value) if name in columns else value for name, value in row.items()} for row in rows
        ]

    restored = Derived(
        original(renamed.history),
        original(renamed.fundamentals),
        original(renamed.sub_indices),
        original(renamed.composite_scores),
        [],
    )
    assert {row["ticker"] for row in renamed.fundamentals} == set(back)
    assert all_differences(derived, restored) == []
