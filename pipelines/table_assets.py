"""Dagster assets from pure functions and table declarations.

What belongs here: the factory that turns a derived table into an asset, and what the UI shows of a stored table. What does not:
the functions (`assets`) and the run's resources (`pipelines.workshop`).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any, cast

import dagster as dg

from pipelines.catalogue import DerivedTable
from pipelines.progress import report
from pipelines.workshop import Workshop, WorkshopResource
from schemas.base import TableClass, columns, qualified_name, schema_name, table_comment
from warehouse.data_tests import DataTest, read_data_tests, run_data_test
from warehouse.errors import ContractBroken, TokenchainError
from warehouse.table_store import StoredTable
from warehouse.validation import CheckResult

OWNERS = ["team:tokenchain"]
PREVIEW_ROWS = 5
LONGEST_SQL = 20_000


def asset_key(table: TableClass) -> dg.AssetKey:
    """`core.quarters` → `core/quarters`."""
    return dg.AssetKey(qualified_name(table).split("."))


def column_schema(table: TableClass) -> dg.TableSchema:
    """The declared columns as Dagster shows them before any run."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.data_type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=False),
            )
            for column in columns(table)
        ]
    )


@cache
def _data_tests() -> tuple[DataTest, ...]:
    # Read once, not once per table: a definition load would open several thousand files.
    return tuple(read_data_tests())


def data_tests_of(name: str) -> list[DataTest]:
    """The data tests that run with a table."""
    return [test for test in _data_tests() if test.table == name]


def check_specs(table: TableClass) -> list[dg.AssetCheckSpec]:
    """The contract and the data tests of a table as Dagster checks."""
    key, name = asset_key(table), qualified_name(table)
    contract = dg.AssetCheckSpec(
        "contract", asset=key, description="Columns, types, nulls, value checks and key as declared"
    )
    return [contract, *(dg.AssetCheckSpec(test.name, asset=key, description=test.rule) for test in data_tests_of(name))]


def asset_spec_options(table: TableClass, description: str = "") -> dict[str, Any]:
    """What every table's asset shows: layer, owners, kinds, description, columns."""
    return {
        "group_name": schema_name(table),
        "owners": OWNERS,
        "kinds": {"ibis", "duckdb", "parquet"},
        "description": "\n\n".join(part for part in (table_comment(table), description) if part),
        "metadata": {"dagster/column_schema": column_schema(table)},
    }


def check_event(check: CheckResult, table: TableClass) -> dg.AssetCheckResult:
    """A check's result with its failing rows."""
    severity = dg.AssetCheckSeverity.ERROR if check.severity == "error" else dg.AssetCheckSeverity.WARN
    rows = [json.loads(json.dumps(row, default=str)) for row in check.failing_rows]
    metadata: dict[str, Any] = {"rule": check.description, "failing_count": check.failing_count}
    if rows:
        metadata["failing_rows"] = dg.MetadataValue.json(rows)
    return dg.AssetCheckResult(
        check_name=check.name, asset_key=asset_key(table), passed=check.passed, severity=severity, metadata=metadata
    )


def stored_metadata(workshop: Workshop, table: TableClass, stored: StoredTable, *, is_new: bool) -> dict[str, Any]:
    """Row count, duration, SQL and first rows of a stored table."""
    names = [column.name for column in columns(table) if column.name != "facts"]
    shown = ", ".join(f'"{name}"' for name in names)
    rows = workshop.engine.sql.execute(f"SELECT {shown} FROM {qualified_name(table)} LIMIT {PREVIEW_ROWS}").fetchall()
    return {
        "dagster/row_count": stored.rows,
        "seconds": stored.seconds,
        "computed": "in this run" if is_new else f"unchanged since run {stored.run_id}",
        "preview": dg.MetadataValue.md(_markdown(names, rows)),
        "sql": dg.MetadataValue.md(f"```sql\n{stored.sql[:LONGEST_SQL]}\n```"),
    }


def _markdown(names: list[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def materialise(workshop: Workshop, derived: DerivedTable) -> tuple[StoredTable, bool]:
    """Compute, check and store a derived table unless its file is still current; tells whether it was computed."""
    fingerprint = workshop.fingerprint_of(derived)
    if (stored := workshop.store.current(derived.table, fingerprint)) is not None:
        workshop.store.read(derived.table)
        return stored, False
    sql = workshop.store.compiled(derived.table, workshop.recipe_of(derived), lambda: workshop.expression(derived))
    for table in derived.inputs.values():
        workshop.store.read(table)
    tests = data_tests_of(qualified_name(derived.table))
    if tests:
        workshop.attach()
    written = workshop.store.write_sql(
        derived.table,
        sql,
        fingerprint=fingerprint,
        run_id=workshop.run_id,
        tests=[partial(run_data_test, test, workshop.engine) for test in tests],
    )
    return written, True


def checks_or_failure(table: TableClass, error: ContractBroken) -> Iterator[dg.AssetCheckResult]:
    """The check results of a refused table, then the failure of its step."""
    for check in error.checks:
        yield check_event(check, table)
    raise dg.Failure(description=str(error)) from error


def _tables_needed(derived: DerivedTable) -> list[str]:
    """The tables that a table is made from, and those that its data tests read beside it."""
    own = qualified_name(derived.table)
    read = {table for test in data_tests_of(own) for table in test.tables}
    return sorted({qualified_name(table) for table in derived.inputs.values()} | (read - {own}))


def derived_asset(derived: DerivedTable) -> dg.AssetsDefinition:
    """The Dagster asset of a table made by a pure function."""
    table = derived.table
    # Cleaned of its indentation, which Markdown takes for code.
    rule = inspect.getdoc(derived.function) or ""

    @dg.asset(  # type: ignore[untyped-decorator]
        key=asset_key(table),
        deps=[dg.AssetKey(name.split(".")) for name in _tables_needed(derived)],
        check_specs=check_specs(table),
        **asset_spec_options(table, rule),
    )
    def asset(tools: WorkshopResource) -> Iterable[Any]:
        try:
            stored, is_new = materialise(tools.workshop, derived)
        except ContractBroken as error:
            yield from checks_or_failure(table, error)
            return
        except TokenchainError as error:
            raise dg.Failure(description=str(error)) from error
        yield from (check_event(check, table) for check in stored.check_results())
        report(qualified_name(table))
        yield dg.MaterializeResult(
            asset_key=asset_key(table), metadata=stored_metadata(tools.workshop, table, stored, is_new=is_new)
        )

    return cast("dg.AssetsDefinition", asset)
