"""Tables about what came and what is still to come: changes of a refresh, filings that are awaited.

What belongs here: contracts of those `meta` tables. What does not: runs and checks (`schemas.meta.warehouse`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Microseconds, Table, column

AWAITED_STATES = ["awaited", "overdue", "awaiting_source"]
NOT_COMPARED = "not_compared"
CHANGE_KINDS = [
    "new_filing",
    "removed_filing",
    "new_quarter",
    "new_value",
    "filed_balance",
    "restated_value",
    "removed_value",
    "new_score",
    "moved_score",
    "removed_score",
    NOT_COMPARED,
]


class AwaitedFilings(Table):
    """Filings whose figures are not here yet, as of the refresh that made this file."""

    ticker: str = column("Ticker")
    accession: str = column("Accession number")
    form: str = column("Form")
    filed_date: dt.Date = column("Day of the filing")
    awaited_since: Microseconds = column(
        "Acceptance of the filing; the start of the filing day where only that is known", unit="UTC"
    )
    state: str = column(
        "awaited: companyfacts do not hold it yet; overdue: the same more than ten days after filing; awaiting_source: held, but"
        " figures under the company's own tags are not read yet",
        isin=AWAITED_STATES,
    )
    concepts: str = column("The concepts that wait for a company's own tags, comma-separated", nullable=True)

    class Config:
        unique = ["ticker", "accession", "state"]


class Changes(Table):
    """What this file has that the one published before had not; empty where there was none before or nothing changed.

    A value counts as changed from a relative difference of one in a billion on.
    """

    kind: str = column(
        "new_filing, removed_filing (its facts and its entry in the filing index are gone), new_quarter (first figures of a"
        " company's quarter), new_value, filed_balance (in the place of one carried"
        " forward), restated_value, removed_value, new_score, moved_score, removed_score (null"
        " here, or its row is gone); not_compared, the only row: the file before could not be read, so what changed is not known",
        isin=CHANGE_KINDS,
    )
    table_name: str = column("Table that changed; all where nothing was compared")
    entity: str = column("Ticker or tier; all where nothing was compared")
    concept: str = column(
        "Concept, form of a filing, or basis of a score; where nothing was compared, why", nullable=True
    )
    period: str = column(
        "Fiscal quarter such as FY2026Q2, quarter of a score, or report date of a filing", nullable=True
    )
    value_before: float = column("Value in the file before", unit="as in the table", nullable=True)
    value_after: float = column("Value in this file", unit="as in the table", nullable=True)
    difference: float = column("Value in this file less value before", unit="as in the table", nullable=True)
    accession: str = column("The filing, or the newest filing that the value comes from", nullable=True)
