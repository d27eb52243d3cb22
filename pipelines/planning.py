"""Which steps a refresh needs: a step whose table is current already would only say so again.

What belongs here: the choice of steps. What does not: what makes a table current (`pipelines.workshop`, `pipelines.ingest`) and
running the steps (`pipelines.refreshing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.catalogue import CONFIGURATION_TABLES, SOURCE_TABLES, derived_tables
from pipelines.ingest import ingested_are_current
from pipelines.publishing import DATABASE_KEY
from pipelines.reference_assets import reference_fingerprints
from pipelines.source_assets import configuration_fingerprint
from pipelines.table_assets import asset_key
from pipelines.workshop import Workshop
from schemas.base import TableClass

if TYPE_CHECKING:
    import dagster as dg


def steps_needed(workshop: Workshop) -> Sequence[dg.AssetKey] | None:
    """The assets of a refresh whose sources did not change: ingest, tables that are not current, publication.

    None stands for the whole job: a source changed, or only the run can tell. The ingest is always among the steps, because it
    tells the run what was read; publication refuses tables that do not belong together, should a source change meanwhile.
    Raises what reading a source raises: the caller runs the whole job then, which meets the same error in its own place.
    """
    if not _sources_are_current(workshop):
        return None
    stale: set[TableClass] = set()
    for derived in derived_tables():
        if not stale.isdisjoint(derived.inputs.values()) or not workshop.is_current(derived):
            stale.add(derived.table)
    return [*(asset_key(table) for table in (*SOURCE_TABLES, *stale)), DATABASE_KEY]


def _sources_are_current(workshop: Workshop) -> bool:
    expected = reference_fingerprints(workshop) | {
        table: configuration_fingerprint(workshop, table) for table in CONFIGURATION_TABLES
    }
    unchanged = all(workshop.store.current(table, made_from) for table, made_from in expected.items())
    return unchanged and ingested_are_current(workshop)
