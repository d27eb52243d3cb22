"""Quarter labels, quarter arithmetic, ratios and the normal distribution function, on single values."""

import datetime as dt
import statistics

import ibis
import pytest

from assets.distribution import normal_cdf
from assets.expressions import (
    all_of,
    all_texts,
    calendar_quarter,
    first_text,
    growth,
    quarter_label,
    quarter_number,
    ratio,
    report_quarter,
    shift_days,
    whole,
)
from tests.tables import day
from warehouse.engine import Engine


def value_of(engine: Engine, expression: ibis.Value) -> object:
    return engine.ibis.to_pyarrow(expression.name("value")).as_py()


@pytest.mark.parametrize(
    ("start", "end", "calendar", "report"),
    [
        ("2025-01-01", "2025-03-31", "2025Q1", "2025Q1"),
        ("2025-04-28", "2025-07-27", "2025Q2", "2025Q3"),
        ("2025-10-27", "2026-01-25", "2025Q4", "2026Q1"),
        ("2022-09-25", "2022-12-31", "2022Q4", "2022Q4"),
        ("2023-01-01", "2023-04-01", "2023Q1", "2023Q1"),
        ("2026-03-01", "2026-05-31", "2026Q2", "2026Q2"),
    ],
)
def test_a_quarter_has_its_places_in_the_calendar(
    engine: Engine, start: str, end: str, calendar: str, report: str
) -> None:
    first, last = ibis.date(start), ibis.date(end)

    assert value_of(engine, calendar_quarter(first, last)) == calendar
    assert value_of(engine, report_quarter(last)) == report


@pytest.mark.parametrize(("date", "label"), [("2024-12-31", "2024Q4"), ("2025-01-01", "2025Q1")])
def test_a_label_names_year_and_quarter(engine: Engine, date: str, label: str) -> None:
    assert value_of(engine, quarter_label(ibis.date(date))) == label


def test_quarter_numbers_run_on_over_the_year_end(engine: Engine) -> None:
    last, first = quarter_number(ibis.literal("2024Q4")), quarter_number(ibis.literal("2025Q1"))

    assert value_of(engine, first - last) == 1


def test_a_shifted_day_stays_a_date(engine: Engine) -> None:
    shifted = value_of(engine, shift_days(ibis.date("2024-02-28"), 2))

    assert shifted == day("2024-03-01")
    assert not isinstance(shifted, dt.datetime)
    assert value_of(engine, shift_days(ibis.date("2024-03-01"), ibis.literal(-1))) == day("2024-02-29")


def test_a_ratio_by_zero_is_null(engine: Engine) -> None:
    assert value_of(engine, ratio(ibis.literal(3.0), ibis.literal(2.0))) == 1.5
    assert value_of(engine, ratio(ibis.literal(3.0), ibis.literal(0.0))) is None


@pytest.mark.parametrize(("previous", "expected"), [(80.0, 0.25), (0.0, None), (-80.0, None)])
def test_growth_needs_a_positive_start(engine: Engine, previous: float, expected: float | None) -> None:
    assert value_of(engine, growth(ibis.literal(100.0), ibis.literal(previous))) == expected


def test_a_whole_sum_is_a_64_bit_integer(engine: Engine) -> None:
    total = engine.ibis.to_pyarrow(ibis.memtable({"weeks": [13, 14]}).agg(weeks=whole(ibis._.weeks.sum())))

    assert str(total.schema.field("weeks").type) == "int64"
    assert total["weeks"].to_pylist() == [27]


def test_the_first_condition_that_holds_gives_the_text(engine: Engine) -> None:
    true, false = ibis.literal(True), ibis.literal(False)

    assert value_of(engine, first_text((false, "one"), (true, "two"), (true, "three"))) == "two"
    assert value_of(engine, first_text((false, "one"))) is None
    assert value_of(engine, all_of(true, true, false)) is False
    assert value_of(engine, all_of(true, true)) is True


def test_the_normal_distribution_function_is_exact_to_seven_digits(engine: Engine) -> None:
    points = [step / 50 for step in range(-300, 301)]
    scores = ibis.memtable({"z": points})
    computed = engine.ibis.to_pyarrow(scores.select("z", p=normal_cdf(scores.z))).to_pylist()
    exact = statistics.NormalDist().cdf

    assert max(abs(row["p"] - exact(row["z"])) for row in computed) < 2e-7
    assert value_of(engine, normal_cdf(ibis.null("float64"))) is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(True, True, "a; b"), (True, False, "a"), (None, True, "b"), (False, None, None)],
)
def test_all_texts_joins_what_holds(
    engine: Engine, first: bool | None, second: bool | None, expected: str | None
) -> None:
    cases = [(ibis.literal(held, "boolean"), text) for held, text in ((first, "a"), (second, "b"))]

    assert value_of(engine, all_texts(*cases)) == expected
