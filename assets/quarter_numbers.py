"""Quarters as running numbers: laying out every quarter of a span, for models that need quarters without a filing.

What belongs here: labels to numbers and back. What does not: dates (`assets.expressions`).
"""

from __future__ import annotations

import ibis
from ibis.expr.types import DateValue, IntegerValue, StringValue, Table

from assets.expressions import QUARTERS_PER_YEAR

MONTHS_PER_QUARTER = 3


def number_of_quarter(label: str) -> int:
    """The running number of a label, as `assets.expressions.quarter_number` gives it for a column."""
    return int(label[:4]) * QUARTERS_PER_YEAR + int(label[5])


def label_of_quarter(number: IntegerValue) -> StringValue:
    """The label of a running number."""
    before = number - 1
    year = (before // QUARTERS_PER_YEAR).cast("int64").cast("string")
    return year + ibis.literal("Q") + (before % QUARTERS_PER_YEAR + 1).cast("int64").cast("string")


def first_day(number: IntegerValue) -> DateValue:
    """The first day of a running number's quarter."""
    before = (number - 1).cast("int64")
    month = before % QUARTERS_PER_YEAR * MONTHS_PER_QUARTER + 1
    return ibis.date(before // QUARTERS_PER_YEAR, month, 1)


def quarters_from_to(first: str, last: str) -> Table:
    """One row per quarter from the first to the last label: `number`, `quarter`."""
    numbers = ibis.range(number_of_quarter(first), number_of_quarter(last) + 1).unnest().name("number").as_table()
    return numbers.select(number=numbers.number.cast("int64")).mutate(quarter=label_of_quarter(ibis._.number))
