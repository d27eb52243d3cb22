"""The days of the score vintages: every month's end since the first month, up to the newest filing."""

import calendar
import datetime as dt

import pytest

from assets.real_time import month_ends
from schemas.core.quarters import QuartersHistory
from tests.tables import day, records, table
from tests.valid_rows import valid_row
from warehouse.engine import Engine


def ends(engine: Engine, newest: str, first: str = "2023-11-01") -> list[dt.date]:
    """Month ends of a history whose newest value became known on a day."""
    rows = [valid_row(QuartersHistory) | {"known_from_date": known} for known in ("1999-05-01", newest)]
    return sorted(row["vintage_date"] for row in records(month_ends(table(engine, QuartersHistory, rows), day(first))))


def test_months_end_across_years_and_in_a_leap_year(engine: Engine) -> None:
    assert ends(engine, "2024-05-30") == [
        day(text) for text in ("2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30")
    ]


def test_a_common_year_has_28_days_in_february(engine: Engine) -> None:
    assert ends(engine, "2025-03-01", "2025-02-01") == [day("2025-02-28")]


@pytest.mark.parametrize(
    ("newest", "count"), [("2024-01-30", 0), ("2024-01-31", 1), ("2024-02-01", 1), ("2024-02-28", 1), ("2024-02-29", 2)]
)
def test_a_month_counts_once_its_end_is_not_after_the_newest_filing(engine: Engine, newest: str, count: int) -> None:
    assert len(ends(engine, newest, "2024-01-01")) == count


def test_before_the_first_month_there_is_none(engine: Engine) -> None:
    assert ends(engine, "2022-05-02", "2024-01-01") == []


def test_twenty_years_are_the_calendar_s(engine: Engine) -> None:
    expected = [
        dt.date(year, month, calendar.monthrange(year, month)[1])
        for year in range(2000, 2020)
        for month in range(1, 13)
    ]

    assert ends(engine, "2019-12-31", "2000-01-01") == expected
