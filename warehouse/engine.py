"""The engine: one Ibis connection on DuckDB per process, with every stored table as a view of its own name.

What belongs here: opening the engine and naming tables in it. What does not: files (`warehouse.table_store`) and contracts.
"""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import duckdb
import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table as IbisTable

from schemas.base import TableClass, ibis_schema, schema_name, table_name

LAYERS = ("raw", "core", "mart", "meta")
MEMORY_LIMIT = "768MB"


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


class Engine:
    """An in-memory DuckDB with one schema per layer; tables are views over Parquet files or small in-memory tables."""

    def __init__(self) -> None:
        self.ibis: Backend = ibis.duckdb.connect(memory_limit=MEMORY_LIMIT)
        # What does not fit into memory goes where the system keeps temporary files, not below the current folder.
        spilled = Path(tempfile.gettempdir()) / f"tokenchain-{uuid.uuid4().hex}"
        self.sql.execute(f"SET temp_directory = {quoted(str(spilled))}")
        # Merging nested selections is a third of the time of compiling, and DuckDB does it by itself when it runs a statement.
        ibis.options.sql.fuse_selects = False
        for layer in LAYERS:
            self.sql.execute(f"CREATE SCHEMA {layer}")
        self.sql.execute("SET TimeZone = 'UTC'")
        self._attached: dict[str, Path] = {}

    @property
    def sql(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection below Ibis, for statements that Ibis does not have."""
        connection: duckdb.DuckDBPyConnection = self.ibis.con
        return connection

    def attach(self, table: TableClass, path: Path) -> IbisTable:
        """Make a Parquet file readable under the table's own name and return it as an expression."""
        name = f"{schema_name(table)}.{table_name(table)}"
        # A view reads its file anew in every statement, so a replaced file needs no new one.
        if self._attached.get(name) != path:
            self.sql.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet({quoted(str(path))})")
            self._attached[name] = path
        return self.table(table)

    def table(self, table: TableClass) -> IbisTable:
        """The expression of a table attached before, with the types its class declares."""
        schema = ibis.schema(ibis_schema(table))
        namespace = ibis.expr.operations.Namespace(catalog=None, database=schema_name(table))
        return ibis.expr.operations.DatabaseTable(
            name=table_name(table), schema=schema, source=self.ibis, namespace=namespace
        ).to_expr()

    def named(self, name: str, table: TableClass) -> IbisTable:
        """The expression of a temporary table that has the columns of a table class."""
        schema = ibis.schema(ibis_schema(table))
        return ibis.expr.operations.DatabaseTable(name=name, schema=schema, source=self.ibis).to_expr()

    def statement(self, expression: IbisTable) -> str:
        """The SQL of an expression, laid out for reading."""
        return str(self.ibis.compile(expression, pretty=True))

    def close(self) -> None:
        """Give the memory back."""
        self.ibis.disconnect()
