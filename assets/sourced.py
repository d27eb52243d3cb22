"""Expressions on sourced figures: choosing the rows that count, and carrying confidence and sources into derived rows.

What belongs here: what several tables built on `raw` reference tables need. What does not: a table of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
from ibis.expr.types import IntegerValue, StringColumn, StringValue, Table

from schemas.provenance import CONFIDENCES

FILINGS = "core.fundamentals"


def used(table: Table) -> Table:
    """The rows that enter derived tables: contradictions are decided."""
    return table.filter(table.conflict_resolution == "used")


def confidence_rank(confidence: StringValue) -> IntegerValue:
    """Place of a kind of source in the list, 0 the best; the largest of several is the lowest confidence."""
    return ibis.cases(*[(confidence == name, index) for index, name in enumerate(CONFIDENCES)])


def confidence_name(rank: IntegerValue) -> StringValue:
    """The kind of source of a place in the list."""
    return ibis.cases(*[(rank == index, name) for index, name in enumerate(CONFIDENCES)])


def listed(names: StringColumn) -> StringValue:
    """The names sorted, comma separated."""
    return names.group_concat(", ", order_by=names)


def values_table(name: str, values: Sequence[object]) -> Table:
    """A one-column table of constants."""
    return ibis.array(list(values)).unnest().name(name).as_table()
