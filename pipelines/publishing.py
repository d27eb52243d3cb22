"""The last asset of a refresh: publication, and the record of how a run ended.

What belongs here: the Dagster side of publishing. What does not: building the file (`warehouse.publication`).
"""

from __future__ import annotations

import datetime as dt

import dagster as dg

from pipelines.catalogue import all_tables
from pipelines.progress import report
from pipelines.table_assets import OWNERS, asset_key
from pipelines.workshop import Workshop, WorkshopResource
from schemas.base import qualified_name
from warehouse.home import Home
from warehouse.publication import current_file, publish
from warehouse.run_log import append, read

DATABASE_KEY = dg.AssetKey("warehouse_duckdb")


def _is_current(workshop: Workshop) -> bool:
    """Whether the published file was made from exactly the tables stored now."""
    mark = workshop.home.published / "fingerprint"
    return current_file(workshop.home) is not None and mark.exists() and mark.read_text() == _fingerprint(workshop)


def _fingerprint(workshop: Workshop) -> str:
    stored = [workshop.store.stored(table) for table in all_tables()]
    return workshop.fingerprint(*[note.fingerprint if note is not None else "none" for note in stored])


@dg.asset(
    key=DATABASE_KEY,
    deps=[asset_key(table) for table in all_tables()],
    group_name="published",
    owners=OWNERS,
    kinds={"duckdb"},
    description=(
        "The published DuckDB file: every table with comments, the data dictionary (meta.columns), the SQL of each table (meta.tables),"
        " runs and checks. Built beside the last one and swapped in with one rename."
    ),
)
def publish_warehouse(tools: WorkshopResource) -> dg.MaterializeResult[None]:
    """Build and swap in the DuckDB file; where nothing changed the published file stays as it is."""
    workshop = tools.workshop
    unchanged = _is_current(workshop)
    record = workshop.record("started").ended("unchanged" if unchanged else "published")
    if not unchanged:
        earlier = [run for run in read(workshop.home.run_log) if run.run_id != workshop.run_id]
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
        name = f"{stamp}-{workshop.run_id[:8]}"
        publish(workshop.store, all_tables(), workshop.home, [*earlier, record], name)
        (workshop.home.published / "fingerprint").write_text(_fingerprint(workshop))
    append(workshop.home.run_log, record)
    report("warehouse_duckdb")
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(workshop.home.database)),
            "tables": [qualified_name(table) for table in all_tables()],
            "outcome": record.outcome,
            "size_bytes": workshop.home.database.stat().st_size,
        }
    )


@dg.failure_hook(required_resource_keys={"tools"})
def record_failure(context: dg.HookContext) -> None:
    """Write into the run log why a refresh failed; the published file is as it was."""
    workshop = context.resources.tools.workshop
    error = context.op_exception
    message = getattr(error, "description", None) or str(error)
    append(Home(workshop.home.root).run_log, workshop.record("started").ended("failed", message))
