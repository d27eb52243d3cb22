"""Small expressions that several assets share: quarter labels, quarter arithmetic and complete sums.

What belongs here: expressions on columns. What does not: tables.
"""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.builders import WindowBuilder
from ibis.expr.types import (
    BooleanValue,
    DateValue,
    FloatingValue,
    IntegerValue,
    NumericValue,
    StringValue,
    TimestampValue,
    Value,
)

QUARTERS_PER_YEAR = 4
REPORT_QUARTER_LAG_DAYS = 7
NEW_YORK_HOURS = 5


def quarter_label(date: DateValue) -> StringValue:
    """`2025Q4` for a day in that calendar quarter."""
    return date.year().cast("string") + ibis.literal("Q") + date.quarter().cast("string")


def shift_days(date: DateValue, days: int | IntegerValue) -> DateValue:
    """A day moved by a number of days, still a date.

    By way of a timestamp: date plus interval is a timestamp in the engine while the expression calls it a date.
    """
    interval = ibis.interval(days=days) if isinstance(days, int) else days.as_interval("D")
    return (date.cast("timestamp") + interval).date()


def public_day(filed: DateValue, accepted_at: TimestampValue) -> DateValue:
    """First day on which a filing was public: the day SEC accepted it, where that is known, else the day of the filing.

    What is accepted after 17:30 in New York carries the next business day as its filing day (in the filing indexes at hand 63 % of
    the 10-Qs of AAPL and AMZN). The day is New York's: five hours are taken off, which is right in summer too because nothing is
    accepted between 22:00 and 6:00, and harmless where the index writes New York's own time as UTC (NVDA).
    """
    accepted = (accepted_at - ibis.interval(hours=NEW_YORK_HOURS)).date()
    return ibis.least(filed, ibis.coalesce(accepted, filed))


def days_between(later: DateValue, earlier: DateValue) -> IntegerValue:
    """Whole days from the earlier to the later day."""
    return later.delta(earlier, unit="day")


def calendar_quarter(start: DateValue, end: DateValue) -> StringValue:
    """The calendar quarter that holds the midpoint of a period (SEC's frame rule)."""
    return quarter_label(shift_days(start, (days_between(end, start) // 2).cast("int64")))


def report_quarter(end: DateValue) -> StringValue:
    """The calendar quarter that holds the period end less seven days."""
    return quarter_label(shift_days(end, -REPORT_QUARTER_LAG_DAYS))


def quarter_number(label: StringValue) -> IntegerValue:
    """A running number of a quarter label: consecutive quarters differ by one."""
    year = label.substr(0, 4).cast("int64")
    return year * QUARTERS_PER_YEAR + label.substr(5, 1).cast("int64")


def quarters_before(count: int, *, group_by: str | list[str], order_by: str) -> WindowBuilder:
    """The window that holds the one row whose quarter number is `count` smaller, or nothing: take its value with `max` or `any`.

    Counting quarters and not rows: where a quarter in between is missing, the one a year before is still the one a year before.
    """
    return ibis.window(group_by=group_by, order_by=order_by, range=(-count, -count))


def last_four_quarters(*, group_by: str | list[str], order_by: str) -> WindowBuilder:
    """The window that holds a row and those of the three quarters before it: four rows only where none of them is missing."""
    return ibis.window(group_by=group_by, order_by=order_by, range=(1 - QUARTERS_PER_YEAR, 0))


def whole(total: NumericValue) -> IntegerValue:
    """A sum of integers as a 64-bit integer.

    By way of a float: the engine sums to 128 bits while the expression says 64, so a direct cast would be dropped.
    """
    return total.cast("float64").cast("int64")


def ratio(numerator: NumericValue, denominator: NumericValue) -> FloatingValue:
    """A quotient that is null where the denominator is zero."""
    return numerator / denominator.nullif(0)


def growth(current: NumericValue, previous: NumericValue) -> FloatingValue:
    """Relative change as a fraction; null where the earlier amount is not positive."""
    return ibis.ifelse(previous > 0, current / previous - 1, ibis.null(dt.float64))


def all_of(*conditions: BooleanValue) -> BooleanValue:
    """The conjunction of conditions."""
    combined = conditions[0]
    for condition in conditions[1:]:
        combined = combined & condition
    return combined


def all_texts(*cases: tuple[BooleanValue, str | Value], separator: str = "; ") -> StringValue:
    """The texts of all conditions that hold, in order; null where none does."""
    joined: StringValue = ibis.literal("")
    for condition, text in cases:
        joined = joined + ibis.ifelse(condition.fill_null(False), ibis.literal(separator) + text, "")
    return joined.substr(len(separator)).nullif("")


def first_text(*cases: tuple[BooleanValue, str | Value]) -> StringValue:
    """The text of the first condition that holds, else null."""
    return ibis.cases(*cases, else_=ibis.null(dt.string))
