"""The last asset of a refresh: publication, and the record of how a run ended.

What belongs here: the Dagster side of publishing. What does not: building the file (`warehouse.publication`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from pipelines.catalogue import all_tables, derived_tables
from pipelines.company_checks import check_name, companies_defined, company_check_results, company_check_specs
from pipelines.lineage_view import lineage_statements
from pipelines.macros import macro_statements
from pipelines.notifying import tell_late
from pipelines.progress import report, warner
from pipelines.table_assets import OWNERS, asset_key
from pipelines.workshop import Workshop, WorkshopResource
from schemas.base import qualified_name
from warehouse.configuration import content_hash
from warehouse.home import Home
from warehouse.lateness import late_filings
from warehouse.lineage import DEFAULT_LINEAGE
from warehouse.publication import current_file, is_altered, is_made_from, publish, published_files, rolled_back_from
from warehouse.run_log import append, read

DATABASE_KEY = dg.AssetKey("warehouse_duckdb")
STAMP = "%Y%m%dT%H%M%S%f"
COMPANY_CHECKS = company_check_specs(DATABASE_KEY, companies_defined())
# The weekday schedule runs at 19:30; its run, or one asked for by the sensor after 18:00, must have come by 21:00.
REFRESHED_ON_WEEKDAYS = dg.FreshnessPolicy.cron(
    deadline_cron="0 21 * * 1-5", lower_bound_delta=dt.timedelta(hours=3), timezone="America/New_York"
)


def _is_current(workshop: Workshop) -> bool:
    """Whether the published file was made from exactly the tables stored now.

    An operator who rolled back keeps the earlier file until there is something new to publish. A file that somebody wrote into is
    not what it was made from any more.
    """
    current = current_file(workshop.home)
    if current is None:
        return False
    if is_altered(workshop.home):
        warner()(f"{workshop.home.database}: was written into after its publication; publishing it anew")
        return False
    rolled_back = rolled_back_from(workshop.home)
    return is_made_from(rolled_back or current, _fingerprint(workshop))


def _require_one_state(workshop: Workshop) -> None:
    """Refuse to publish tables of different states: a run of chosen steps may have left some behind their inputs."""
    behind = [qualified_name(derived.table) for derived in derived_tables() if not workshop.is_current(derived)]
    if behind:
        raise dg.Failure(
            description=f"{', '.join(behind)}: made from other inputs than those stored now; run the whole job refresh"
        )


def _fingerprint(workshop: Workshop) -> str:
    stored = [workshop.store.stored(table) for table in all_tables()]
    tables = [note.fingerprint if note is not None else "none" for note in stored]
    # The rules of the view meta.lineage are in no table.
    return workshop.fingerprint(content_hash(DEFAULT_LINEAGE), *tables)


def next_name(home: Home, run_id: str, now: dt.datetime) -> str:
    """The name of the next published file: later than all before, also where the clock was set back."""
    newest = max((path.name.split("-")[0] for path in published_files(home)), default="")
    stamp = now.strftime(STAMP)
    if newest >= stamp:
        stamp = (dt.datetime.strptime(newest, STAMP) + dt.timedelta(microseconds=1)).strftime(STAMP)  # noqa: DTZ007
    return f"{stamp}-{run_id[:8]}"


@dg.asset(
    key=DATABASE_KEY,
    deps=[asset_key(table) for table in all_tables()],
    check_specs=COMPANY_CHECKS,
    freshness_policy=REFRESHED_ON_WEEKDAYS,
    group_name="published",
    owners=OWNERS,
    kinds={"duckdb"},
    description=(
        "The published DuckDB file: every table with comments, the data dictionary (meta.columns), the SQL of each table (meta.tables),"
        " runs and checks. Built beside the last one and swapped in with one rename."
    ),
)
def publish_warehouse(tools: WorkshopResource) -> Iterable[Any]:
    """Build and swap in the DuckDB file; where nothing changed the published file stays as it is."""
    workshop = tools.workshop
    _require_one_state(workshop)
    unchanged = _is_current(workshop)
    record = workshop.record("started").ended("unchanged" if unchanged else "published")
    if not unchanged:
        earlier = [run for run in read(workshop.home.run_log) if run.run_id != workshop.run_id]
        name = next_name(workshop.home, workshop.run_id, dt.datetime.now(dt.UTC))
        statements = [*macro_statements(workshop), *lineage_statements(workshop.concepts, workshop.methodology)]
        publish(
            workshop.store, all_tables(), workshop.home, [*earlier, record], name, _fingerprint(workshop), statements
        )
    try:
        append(workshop.home.run_log, record)
    except OSError as error:
        # The file is out and names its run; a log that can't be written must not call the refresh failed.
        dg.get_dagster_logger().warning(f"{workshop.home.run_log}: {error}; the refresh itself is complete")
    report("warehouse_duckdb")
    yield dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(workshop.home.database)),
            "tables": [qualified_name(table) for table in all_tables()],
            "outcome": record.outcome,
            "size_bytes": workshop.home.database.stat().st_size,
        }
    )
    yield from _company_checks(workshop)


def _company_checks(workshop: Workshop) -> Iterator[dg.AssetCheckResult]:
    """Which companies are late, told to the operator where that is new; a snapshot (bundled, a folder) is never late."""
    workshop.attach()
    late = late_by_company(workshop) if workshop.is_live else {}
    if workshop.is_live:
        tell_late(workshop.home, [sentence for sentences in late.values() for sentence in sentences])
    names = [spec.name for spec in COMPANY_CHECKS]
    for ticker, sentences in late.items():
        if check_name(ticker) not in names:
            # Of a universe file given for this run only.
            dg.get_dagster_logger().warning(f"late, and without a check of its own: {'; '.join(sentences)}")
    watched = "EDGAR" if workshop.is_live else f"{workshop.source}, a snapshot: not watched"
    tickers = [company.ticker for company in workshop.universe.companies]
    yield from company_check_results(names, late, tickers, watched)


def late_by_company(workshop: Workshop) -> dict[str, list[str]]:
    """Companies past their due day and filings that companyfacts should hold by now, from the tables just stored: ticker → sentences."""
    late: dict[str, list[str]] = {}
    for expected in late_filings(workshop.engine.sql, workshop.known_on):
        late.setdefault(expected.ticker, []).append(expected.sentence())
    overdue = workshop.engine.sql.execute(
        "SELECT ticker, form, filed_date, accession FROM meta.awaited_filings WHERE state = 'overdue' ORDER BY ALL"
    ).fetchall()
    for ticker, form, filed, accession in overdue:
        sentence = f"{ticker}: its {form} of {filed} ({accession}) is not in companyfacts after ten days"
        late.setdefault(ticker, []).append(sentence)
    return late


@dg.failure_hook(required_resource_keys={"tools"})
def record_failure(context: dg.HookContext) -> None:
    """Write into the run log why a refresh failed; the published file is as it was."""
    workshop = context.resources.tools.workshop
    error = context.op_exception
    message = getattr(error, "description", None) or str(error)
    append(Home(workshop.home.root).run_log, workshop.record("started").ended("failed", message))
