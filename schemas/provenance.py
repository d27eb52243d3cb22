"""What every sourced figure carries: who says it, when, how sure, how rounded, and what became of a contradiction.

What belongs here: the closed lists and the two bases of the reference tables. What does not: the tables themselves
(`schemas.raw.reference_figures`, `schemas.raw.reference_events`) and reading their files (`warehouse.reference_files`).
"""

from __future__ import annotations

from typing import Any, TypeVar

import ibis.expr.datatypes as dt

from schemas.base import Table, TableClass, column

Declared = TypeVar("Declared", bound=TableClass)

CONFIDENCES = ["filing", "official_statistics", "company_release", "reputable_press", "secondary_blog"]
UNITS = ["usd", "cny", "hkd", "percent", "ratio", "years", "days", "count", "index_points"]
BASES = [
    "quarter",
    "half_year",
    "nine_months",
    "fiscal_year",
    "calendar_year",
    "trailing_twelve_months",
    "cumulative",
    "run_rate",
    "point",
    "guidance",
    "forecast",
]
FORWARD_BASES = ["guidance", "forecast"]
QUALIFIERS = ["exact", "about", "more_than", "less_than", "up_to"]
DATE_PRECISIONS = ["day", "month", "year"]
RESOLUTIONS = ["used", "superseded", "alternative", "repeated"]
LEASE_TREATMENTS = ["cash", "including_leases", "including_lease_principal", "not_stated"]
IDENTIFIER_PATTERN = r"^[a-z0-9][a-z0-9_\-]*$"


class Sourced(Table):
    """The source of a row and the outcome of any contradiction with other rows; a base, not a table."""

    source_title: str = column("Title of the source that was read", str_matches=r"\S")
    source_url: str = column(
        "Link to the source, or to the filer's list of filings where the document's own link is not known; null only for secondary sources",
        nullable=True,
        str_matches=r"^https?://\S+$",
    )
    publication_date: dt.Date = column(
        "Day of publication; last day of the month or year where only that is known", nullable=True
    )
    publication_precision: str = column(
        "Precision of the publication day; null when it is not known", nullable=True, isin=DATE_PRECISIONS
    )
    confidence: str = column("Kind of source, best first: " + ", ".join(CONFIDENCES), isin=CONFIDENCES)
    is_third_party_estimate: bool = column(
        "The figure is an outsider's estimate; nobody who keeps the books has stated it"
    )
    conflict_group: str = column(
        "Name of the contradiction the row is part of; null where no source disagrees",
        nullable=True,
        str_matches=IDENTIFIER_PATTERN,
    )
    conflict_resolution: str = column(
        "used: enters derived tables; superseded: replaced by a better or later figure; alternative: another reading, kept beside; "
        "repeated: a second mention of a used row",
        isin=RESOLUTIONS,
    )
    conflict_rule: str = column(
        "Rule of `raw.conflict_rules` that decided; null where nothing had to be decided",
        nullable=True,
        str_matches=IDENTIFIER_PATTERN,
    )
    note: str = column("What a reader must know about the row, in this project's words", nullable=True)


class Figure(Table):
    """One figure with its period, unit and rounding; a base, not a table."""

    reference_id: str = column("Identifier of the row inside its table", str_matches=IDENTIFIER_PATTERN)
    entity: str = column("Company, segment, group or market the figure is about; listed in `raw.reference_entities`")
    ticker: str = column(
        "Ticker of the listed company the entity is or belongs to; null where there is none", nullable=True
    )
    metric: str = column("What is measured")
    basis: str = column("Kind of period or statement: " + ", ".join(BASES), isin=BASES)
    period_start_date: dt.Date = column("First day of the period; null for a point in time", nullable=True)
    period_end_date: dt.Date = column("Last day of the period; null for a point in time", nullable=True)
    as_of_date: dt.Date = column(
        "Day the figure stands for, or day a guidance was given; null where the period says it", nullable=True
    )
    date_precision: str = column(
        "How exactly the source dates the figure; month and year stand at their last day", isin=DATE_PRECISIONS
    )
    value: float = column("The figure, or the middle of its range", unit="as in `unit`")
    value_low: float = column("Lower end of a stated range", unit="as in `unit`", nullable=True)
    value_high: float = column("Upper end of a stated range", unit="as in `unit`", nullable=True)
    unit: str = column("Unit; money in whole units of its currency, growth, margins and shares as ratios", isin=UNITS)
    rounding: float = column(
        "Step the source prints the figure in, such as 1e9 for whole billions", unit="as in `unit`", gt=0
    )
    qualifier: str = column(
        "exact: as printed; about, more_than, less_than, up_to: the source's own hedge", isin=QUALIFIERS
    )


def sourced(table: Declared) -> Declared:
    """The declared table with the provenance columns after its own, so that a reader meets the figure first."""
    body = {"__module__": table.__module__, "__qualname__": table.__qualname__, "__doc__": table.__doc__}
    make: Any = type(table)
    with_sources: Declared = make(table.__name__, (Sourced, table), {**body, "Config": table.Config})
    return with_sources
