"""Dagster assets that read sources: configuration files and companyfacts responses.

What belongs here: assets with I/O at the start of the graph. What does not: derived tables (`pipelines.table_assets`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import dagster as dg

from pipelines.catalogue import CONFIGURATION_TABLES, SOURCE_TABLES
from pipelines.ingest import ingest
from pipelines.progress import report, warner
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
from schemas.raw.configuration import Universe
from schemas.raw.filings import CompanyFacts
from warehouse.configuration import content_hash
from warehouse.errors import ContractBroken, TokenchainError
from warehouse.raw_tables import LISTS, configuration_tables, list_path
from warehouse.table_store import StoredTable

REFUSED_CHECK = "responses_accepted"


def configuration_fingerprint(workshop: Workshop, table: TableClass) -> str:
    """What a configuration table's file must have been made from to be still current."""
    return workshop.fingerprint(qualified_name(table), workshop.methodology_hash, content_hash(*map(list_path, LISTS)))


def _store_configuration(workshop: Workshop, table: TableClass) -> StoredTable:
    fingerprint = configuration_fingerprint(workshop, table)
    if (stored := workshop.store.current(table, fingerprint)) is not None:
        workshop.store.read(table)
        return stored
    content = configuration_tables(workshop.concepts, workshop.universe)[table]
    name = f"configuration_{table.__name__.lower()}"
    workshop.engine.sql.register(name, content)
    return workshop.store.write(
        table, workshop.engine.named(name, table), fingerprint=fingerprint, run_id=workshop.run_id
    )


def configuration_asset(table: TableClass) -> dg.AssetsDefinition:
    """The Dagster asset of a table that copies a configuration file."""

    @dg.asset(  # type: ignore[untyped-decorator]
        key=asset_key(table), check_specs=check_specs(table), **asset_spec_options(table)
    )
    def asset(tools: WorkshopResource) -> Iterable[Any]:
        try:
            stored = _store_configuration(tools.workshop, table)
        except ContractBroken as error:
            yield from checks_or_failure(table, error)
            return
        except TokenchainError as error:
            raise dg.Failure(description=str(error)) from error
        yield from (check_event(check, table) for check in stored.check_results())
        report(qualified_name(table))
        is_new = stored.run_id == tools.workshop.run_id
        yield dg.MaterializeResult(
            asset_key=asset_key(table), metadata=stored_metadata(tools.workshop, table, stored, is_new=is_new)
        )

    return cast("dg.AssetsDefinition", asset)


def _refused_result(workshop: Workshop) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=REFUSED_CHECK,
        asset_key=asset_key(CompanyFacts),
        passed=not workshop.refused,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"refused": dg.MetadataValue.json(workshop.refused)},
    )


@dg.multi_asset(
    name="company_facts_and_quarantine",
    specs=[
        dg.AssetSpec(asset_key(table), deps=[asset_key(Universe)], **asset_spec_options(table))
        for table in SOURCE_TABLES
    ],
    check_specs=[
        *(spec for table in SOURCE_TABLES for spec in check_specs(table)),
        dg.AssetCheckSpec(REFUSED_CHECK, asset=asset_key(CompanyFacts), description="No response was refused"),
    ],
)
def company_facts_and_quarantine(tools: WorkshopResource) -> Iterable[Any]:
    """Land responses, load what is new, set aside rows that break the raw contract."""
    workshop = tools.workshop
    try:
        tables = ingest(workshop, warner())
    except ContractBroken as error:
        yield from checks_or_failure(CompanyFacts, error)
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
    yield _refused_result(workshop)


SOURCE_ASSETS = [*(configuration_asset(table) for table in CONFIGURATION_TABLES), company_facts_and_quarantine]
