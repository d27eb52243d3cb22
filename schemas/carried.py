"""Columns by which confidence, rounding and source of figures travel into derived tables.

What belongs here: their declarations, each written once. What does not: the columns of the sources (`schemas.provenance`) and how
they are carried (`assets.sourced`).
"""

from __future__ import annotations

from typing import Any

from schemas.base import column
from schemas.provenance import CONFIDENCES


def lowest_confidence_column() -> Any:
    """Kind of the weakest source of a row."""
    return column(
        "Weakest kind of source in the row, best first: " + ", ".join(CONFIDENCES), nullable=True, isin=CONFIDENCES
    )


def third_party_column() -> Any:
    """Whether an outsider's estimate is in a row."""
    return column("An outsider's estimate is in the row; nobody who keeps the books has stated it")


def source_ids_column() -> Any:
    """The rows a row was made from."""
    return column(
        "Rows it was made from, comma separated: table and reference_id, or core.fundamentals/ticker/quarter",
        nullable=True,
    )


def rounding_column(meaning: str, unit: str) -> Any:
    """How far the steps that sources print in can move a figure."""
    return column(meaning, unit=unit, nullable=True, ge=0)
