"""Which company should have reported by now, by its own fiscal calendar.

What belongs here: the next period of a company, its due day, who is past it. What does not: filings that were made and are awaited
(`assets.watching`) and telling anybody (`pipelines.notifying`).
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from warehouse.configuration import read_model

DEFAULT_RULES = Path(__file__).with_name("watching.yaml")
YEAR_WEEKS = dt.timedelta(weeks=52)
LONG_YEAR_WEEKS = dt.timedelta(weeks=53)
WEEK = dt.timedelta(weeks=1)
QUARTER = dt.timedelta(days=91)

# Per company: its quarters, the forms it reports on, and the newest period a filing of the index reports on, in figures or not.
CALENDAR_QUERY = """
    WITH statements AS (
        SELECT u.ticker, f.form, f.report_date, f.filed_date
        FROM raw.filings AS f JOIN raw.universe AS u USING (cik)
        WHERE f.form IN ('10-Q', '10-QT', '10-K', '10-KT', '20-F', '40-F')
    )
    SELECT q.ticker, q.fiscal_quarter, q.period_end_date,
        (SELECT arg_max(form, filed_date) FROM statements AS s WHERE s.ticker = q.ticker AND form IN ('10-K', '20-F', '40-F')),
        (SELECT bool_or(form = '10-Q') FROM statements AS s WHERE s.ticker = q.ticker),
        (SELECT max(report_date) FROM statements AS s WHERE s.ticker = q.ticker)
    FROM core.fiscal_quarters AS q
    ORDER BY q.ticker, q.period_end_date"""


class DueRules(BaseModel):
    """Days after the end of a period by which a form is due, and the form of the quarters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarterly_form: str
    due_days: dict[str, int] = Field(min_length=1)


@dataclass(frozen=True)
class Quarter:
    """A quarter that a company has reported."""

    fiscal_quarter: int
    end_date: dt.date


@dataclass(frozen=True)
class ExpectedFiling:
    """The next report of a company: the period's expected end by its own calendar, the form, the day it is due."""

    ticker: str
    form: str
    period_end_date: dt.date
    due_date: dt.date

    def sentence(self) -> str:
        """What is late, for people."""
        return f"{self.ticker}: its {self.form} for the period ended about {self.period_end_date} was due on {self.due_date}"


@cache
def due_rules(path: Path = DEFAULT_RULES) -> DueRules:
    """The rules; raises ConfigurationError naming file, entry and remedy."""
    return read_model(path, DueRules)


def is_month_end(day: dt.date) -> bool:
    """Whether a day is the last of its month."""
    return (day + dt.timedelta(days=1)).day == 1


def a_year_later(end: dt.date, ends_with_months: bool) -> dt.date:
    """The end of the same quarter a year on: the month's end, or the same weekday 52 or 53 weeks later.

    A company whose quarter ends on the last such weekday of a month gets a 53rd week when that keeps it so; one that ends on the
    weekday nearest to a month's end is expected up to a week early in its long years.
    """
    if ends_with_months:
        return end.replace(year=end.year + 1, day=calendar.monthrange(end.year + 1, end.month)[1])
    is_last_of_month = (end + WEEK).month != end.month
    longer = end + LONG_YEAR_WEEKS
    return longer if is_last_of_month and longer.month == end.month else end + YEAR_WEEKS


def expected_filing(
    ticker: str, quarters: Iterable[Quarter], annual_form: str, reports_quarters: bool, rules: DueRules
) -> ExpectedFiling | None:
    """The company's next report, None where nothing of it is known or its forms have no rule."""
    known = sorted(quarters, key=lambda quarter: quarter.end_date)
    if not known:
        return None
    last = known[-1]
    number = last.fiscal_quarter % 4 + 1 if reports_quarters else 4
    before = [quarter.end_date for quarter in known if quarter.fiscal_quarter == number]
    # A year of 52 or 53 weeks ends with a month now and then, so one quarter alone does not tell.
    ends_with_months = all(is_month_end(quarter.end_date) for quarter in known)
    end = a_year_later(before[-1], ends_with_months) if before else last.end_date + QUARTER
    if end <= last.end_date:
        end = last.end_date + QUARTER
    form = annual_form if number == 4 else rules.quarterly_form
    days = rules.due_days.get(form)
    if days is None:
        return None
    return ExpectedFiling(ticker, form, end, _business_day(end + dt.timedelta(days=days)))


def _business_day(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)


def expected_filings(connection: duckdb.DuckDBPyConnection, rules: DueRules | None = None) -> list[ExpectedFiling]:
    """The next report of every company in an open warehouse, one that is filed and awaited left out."""
    rules = rules or due_rules()
    quarters: dict[str, list[Quarter]] = {}
    habits: dict[str, tuple[str, bool, dt.date | None]] = {}
    for ticker, number, end, annual_form, quarterly, newest in connection.execute(CALENDAR_QUERY).fetchall():
        quarters.setdefault(ticker, []).append(Quarter(number, end))
        habits[ticker] = (annual_form or "10-K", bool(quarterly), newest)
    found = []
    for ticker, known in quarters.items():
        annual_form, quarterly, newest = habits[ticker]
        expected = expected_filing(ticker, known, annual_form, quarterly, rules)
        # A filing of the index reports on the period already: it is awaited, and the company is not late.
        if expected is not None and not (newest and newest >= expected.period_end_date - WEEK):
            found.append(expected)
    return found


def late_filings(connection: duckdb.DuckDBPyConnection, today: dt.date) -> list[ExpectedFiling]:
    """The reports that were due before today."""
    return [expected for expected in expected_filings(connection) if expected.due_date < today]
