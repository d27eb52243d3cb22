"""`core.quarters_history`: why a value changed, and on which days which value was the known one."""

from collections.abc import Iterator

import ibis
import pytest

from assets.real_time import known_on
from schemas.core.quarters import QuartersHistory
from tests.index.situations import FILED, MILLION, brief, history_of, quarter, states, to_date
from tests.tables import Row, concept_tag, day, keeps_contract, records, table
from warehouse.engine import Engine

LATER, LAST = "2026-05-01", "2026-08-01"


def facts() -> Iterator[Row]:
    yield from (quarter("RESTATED", 1, 100), quarter("RESTATED", 1, 90, LATER), quarter("RESTATED", 1, 90, LAST))
    # The half year is printed anew: the second quarter changes without a fact of its own.
    yield from (quarter("DERIVED", 1, 100), to_date("DERIVED", 2, 250), to_date("DERIVED", 2, 260, LATER))
    # The first quarter is printed anew: of the second quarter only what is taken away has changed.
    yield from (quarter("DERIVED", 1, 104, LAST),)
    yield from (
        quarter("MOVED", 1, 100, tag="Narrow"),
        quarter("MOVED", 1, 130, LATER, tag="Wide"),
    )
    yield from (
        quarter("ROUNDED", 1, 100),
        quarter("ROUNDED", 1, 101, LATER),
        quarter("ROUNDED", 1, 102.000001, LAST),
    )
    # Four facts, two before and two after: up to two millions may be rounding.
    yield from (quarter("ROUNDED_SUM", 1, 100), to_date("ROUNDED_SUM", 2, 250), to_date("ROUNDED_SUM", 2, 252, LATER))
    yield from (quarter("BEYOND", 1, 100), to_date("BEYOND", 2, 250), to_date("BEYOND", 2, 252.000001, LATER))
    # A difference first and the quarter itself later.
    yield from (quarter("PRINTED", 1, 100), to_date("PRINTED", 2, 250), quarter("PRINTED", 2, 155, LATER))
    yield from (quarter("SAME", 1, 100), quarter("SAME", 1, 100, LATER), quarter("SAME", 1, 100, LAST))


TAGS = [
    *(
        concept_tag(name, "Revenues")
        for name in ("RESTATED", "DERIVED", "ROUNDED", "ROUNDED_SUM", "BEYOND", "PRINTED", "SAME")
    ),
    concept_tag("MOVED", "Wide"),
    concept_tag("MOVED", "Narrow", alternative=1),
]


@pytest.fixture(scope="module")
def history(engine: Engine) -> list[Row]:
    return history_of(engine, facts(), TAGS)


def test_the_history_keeps_its_contract(engine: Engine, history: list[Row]) -> None:
    assert keeps_contract(engine, QuartersHistory, history)


@pytest.mark.parametrize(
    ("ticker", "number", "expected"),
    [
        ("RESTATED", 1, [(100, "first_report"), (90, "restated")]),
        (
            "DERIVED",
            2,
            [(150, "first_report"), (160, "derived_input_restated"), (156, "derived_input_restated")],
        ),
        ("DERIVED", 1, [(100, "first_report"), (104, "restated")]),
        ("MOVED", 1, [(100, "first_report"), (130, "reclassified_tag")]),
        ("ROUNDED", 1, [(100, "first_report"), (101, "rounding"), (102.000001, "restated")]),
        ("ROUNDED_SUM", 2, [(150, "first_report"), (152, "rounding")]),
        ("BEYOND", 2, [(150, "first_report"), (152.000001, "derived_input_restated")]),
        ("PRINTED", 2, [(150, "first_report"), (155, "restated")]),
        ("SAME", 1, [(100, "first_report")]),
    ],
)
def test_each_change_has_its_reason(
    history: list[Row], ticker: str, number: int, expected: list[tuple[float, str]]
) -> None:
    assert brief(states(history, ticker, number)) == expected


def test_a_state_lasts_until_the_next_one_is_known(history: list[Row]) -> None:
    first, second, third = states(history, "DERIVED", 2)

    assert [first["known_from_date"], second["known_from_date"], third["known_from_date"]] == [
        day(FILED[2]),
        day(LATER),
        day(LAST),
    ]
    assert (first["known_to_date"], second["known_to_date"], third["known_to_date"]) == (day(LATER), day(LAST), None)


def test_each_state_knows_the_value_before(history: list[Row]) -> None:
    assert [row["value_before"] for row in states(history, "ROUNDED", 1)] == [None, 100 * MILLION, 101 * MILLION]


def test_the_year_to_date_has_a_history_of_its_own(history: list[Row]) -> None:
    assert brief(states(history, "DERIVED", 2, "fiscal_ytd")) == [(250, "first_report"), (260, "restated")]
    assert brief(states(history, "DERIVED", 1, "fiscal_ytd")) == [(100, "first_report"), (104, "restated")]


@pytest.mark.parametrize(
    ("on", "value"),
    [
        ("2025-07-31", None),
        (FILED[2], 150),
        ("2026-04-30", 150),
        (LATER, 160),
        ("2026-07-31", 160),
        (LAST, 156),
        ("2099-01-01", 156),
    ],
)
def test_of_each_day_there_is_one_known_value(engine: Engine, history: list[Row], on: str, value: float | None) -> None:
    known = records(known_on(table(engine, QuartersHistory, history), ibis.literal(day(on))))
    found = [row["value"] / MILLION for row in states(known, "DERIVED", 2)]

    assert found == ([] if value is None else [value])


def test_a_period_stays_known_when_a_later_filing_leaves_it_without_a_value(engine: Engine) -> None:
    # The half year is recast and the first quarter is not: no difference is possible any more, the value known stays.
    filed = [
        quarter("RECAST", 1, 100),
        to_date("RECAST", 2, 250),
        to_date("RECAST", 2, 240, LATER, basis="recast"),
    ]
    history = history_of(engine, filed, [concept_tag("RECAST", "Revenues")])

    assert brief(states(history, "RECAST", 2)) == [(150, "first_report")]
    assert states(history, "RECAST", 2)[0]["known_to_date"] is None
