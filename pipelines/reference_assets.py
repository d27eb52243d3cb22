"""The Dagster asset that reads the sourced figures: all reference files in one step, because they are checked together.

What belongs here: bringing `warehouse/reference` into raw tables. What does not: reading and checking (`warehouse.reference_files`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import dagster as dg
import ibis
from ibis.expr.types import Table as IbisTable

from assets.expressions import shift_days
from pipelines.progress import report
from pipelines.table_assets import (
    asset_key,
    asset_spec_options,
    check_event,
    check_specs,
    checks_or_failure,
    stored_metadata,
)
from pipelines.workshop import Workshop, WorkshopResource
from schemas.base import TableClass, qualified_name
from warehouse.configuration import content_hash
from warehouse.errors import ContractBroken, TokenchainError
from warehouse.reference_files import REFERENCE_FOLDER, REFERENCE_TABLES, load_reference
from warehouse.table_store import StoredTable

# The columns that tell which day or period a sourced figure is about, in the order in which they do.
ABOUT = ("period_end_date", "as_of_date", "agreed_date", "effective_date", "observation_date")
LONGEST_REPORTING_DAYS = 90


def reference_fingerprints(workshop: Workshop) -> dict[TableClass, str]:
    """What the reference tables' files must have been made from to be still current."""
    files = content_hash(*sorted(REFERENCE_FOLDER.glob("*.csv")))
    return {
        table: workshop.fingerprint(qualified_name(table), files, str(workshop.as_of)) for table in REFERENCE_TABLES
    }


def published_by(figures: IbisTable, day: dt.date | None) -> IbisTable:
    """Figures whose source was published by a day, or all of them; tables without sources (names, rules) are the same on every day.

    Where the day of publication is not known (half of the rows), it is taken to be 90 days after the day or period that the row is
    about, by when annual reports are due too; a row that is about no day stays out.
    """
    if day is None or "publication_date" not in figures.columns:
        return figures
    about = [figures[name] for name in ABOUT if name in figures.columns]
    guessed = [shift_days(ibis.coalesce(*about), LONGEST_REPORTING_DAYS)] if about else []
    return figures.filter(ibis.coalesce(figures.publication_date, *guessed) <= day)


def store_reference(workshop: Workshop) -> dict[TableClass, StoredTable]:
    """Read, check and store every reference table; nothing is read again while the files are the same.

    Raises ReferenceDataError naming file, row, column and remedy of everything that is wrong.
    """
    fingerprints = reference_fingerprints(workshop)
    kept = {
        table: stored
        for table, made_from in fingerprints.items()
        if (stored := workshop.store.current(table, made_from)) is not None
    }
    if len(kept) == len(REFERENCE_TABLES):
        for table in REFERENCE_TABLES:
            workshop.store.read(table)
        return kept
    written = {}
    for table, content in load_reference().items():
        name = f"reference_{table.__name__.lower()}"
        workshop.engine.sql.register(name, content)
        written[table] = workshop.store.write(
            table,
            published_by(workshop.engine.named(name, table), workshop.as_of),
            fingerprint=fingerprints[table],
            run_id=workshop.run_id,
        )
    return written


@dg.multi_asset(
    name="reference_tables",
    specs=[dg.AssetSpec(asset_key(table), **asset_spec_options(table)) for table in REFERENCE_TABLES],
    check_specs=[spec for table in REFERENCE_TABLES for spec in check_specs(table)],
)
def reference_tables(tools: WorkshopResource) -> Iterable[Any]:
    """Sourced figures as raw tables, each row with source, date, confidence and the outcome of contradictions."""
    workshop = tools.workshop
    try:
        tables = store_reference(workshop)
    except ContractBroken as error:
        yield from checks_or_failure(REFERENCE_TABLES[0], error)
        return
    except TokenchainError as error:
        raise dg.Failure(description=str(error)) from error
    for table, stored in tables.items():
        yield from (check_event(check, table) for check in stored.check_results())
        report(qualified_name(table))
        is_new = stored.run_id == workshop.run_id
        yield dg.MaterializeResult(
            asset_key=asset_key(table), metadata=stored_metadata(workshop, table, stored, is_new=is_new)
        )
