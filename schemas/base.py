"""How a table is declared: one pandera class per table, one `column(...)` per column.

What belongs here: the base class, the column helper and what is derived from a declaration (name, DuckDB comments, data
dictionary rows). What does not: any actual table (see `raw`, `core`, `mart`, `meta`) and any validation run
(see `warehouse.validation`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import ibis.expr.datatypes as dt

# Checks are bound to the engine's functions when a schema is made, so these must be known before the first one is.
import pandera.backends.ibis.builtin_checks  # noqa: F401
import pandera.ibis as pa
from pandera.dtypes import immutable
from pandera.engines import ibis_engine

QUARTER_PATTERN = r"^\d{4}Q[1-4]$"

FACTS_TYPE = dt.Array(
    dt.Struct(
        {
            "accession": dt.string,
            "taxonomy": dt.string,
            "tag": dt.string,
            "period_start_date": dt.date,
            "period_end_date": dt.date,
            "value": dt.float64,
            "filed_date": dt.date,
            "sign": dt.int64,
        }
    )
)


@ibis_engine.Engine.register_dtype(equivalents=[dt.Timestamp(scale=6)])
@immutable
class Microseconds(ibis_engine.DataType):
    """A UTC timestamp with the precision that Parquet and DuckDB give back."""

    type = dt.Timestamp(scale=6)


@ibis_engine.Engine.register_dtype(equivalents=[FACTS_TYPE])
@immutable
class FactList(ibis_engine.DataType):
    """The facts a value was computed from: list of (accession, taxonomy, tag, period, value, filed_date, sign).

    pandera knows no list of structs by itself; registering the type makes it checkable like any other.
    """

    type = FACTS_TYPE


@dataclass(frozen=True)
class ColumnDeclaration:
    """A column as declared: the single source of type, unit and meaning."""

    name: str
    data_type: str
    unit: str
    meaning: str
    nullable: bool
    is_key: bool

    @property
    def comment(self) -> str:
        """The text stored as DuckDB column comment and shown in Dagster."""
        return f"{self.meaning} [{self.unit}]" if self.unit else self.meaning


class Table(pa.DataFrameModel):
    """Base of every table's contract; the docstring of a subclass is the table's comment.

    The name of the table is the class name in snake case, its DuckDB schema the folder that declares it. `Config.unique`
    holds the key, `Config.metadata["usage_warning"]` what a reader must know before using the numbers.
    """

    class Config:
        strict = True


TableClass = type[Table]


def column(
    meaning: str,
    *,
    unit: str = "",
    nullable: bool = False,
    **checks: Any,
) -> Any:
    """Declare a column: its meaning in one sentence, its unit, whether it may be null, and pandera's value checks."""
    return pa.Field(nullable=nullable, description=meaning, metadata={"unit": unit}, **checks)


def quarter_column(meaning: str, **options: Any) -> Any:
    """Declare a column that holds a quarter label such as '2025Q4'."""
    return column(meaning, str_matches=QUARTER_PATTERN, **options)


def table_name(table: TableClass) -> str:
    """`CompositeScores` → `composite_scores`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", table.__name__).lower()


def schema_name(table: TableClass) -> str:
    """The layer: the folder below `schemas` whose module declares the class (`raw`, `core`, `mart`, `meta`)."""
    return table.__module__.split(".")[1]


def qualified_name(table: TableClass) -> str:
    """`core.quarters`: the name used for the asset, the file, the DuckDB table and the documentation anchor."""
    return f"{schema_name(table)}.{table_name(table)}"


def table_comment(table: TableClass) -> str:
    """The declaration's docstring with its usage warning, as stored in DuckDB and shown in Dagster."""
    text = inspect.cleandoc(table.__doc__ or "")
    # pandera keeps the metadata of a schema on some backends only.
    warning = (getattr(table.Config, "metadata", None) or {}).get("usage_warning")
    return f"{text}\n\nUsage warning: {warning}" if warning else text


def key_columns(table: TableClass) -> tuple[str, ...]:
    """The columns that identify a row; empty where a table has no key."""
    unique = table.to_schema().unique
    return (unique,) if isinstance(unique, str) else tuple(unique or ())


def columns(table: TableClass) -> Iterator[ColumnDeclaration]:
    """The declared columns in order."""
    return iter(_declared(table))


@cache
def _declared(table: TableClass) -> tuple[ColumnDeclaration, ...]:
    return tuple(_declarations(table))


def _declarations(table: TableClass) -> Iterator[ColumnDeclaration]:
    keys = key_columns(table)
    for name, declared in table.to_schema().columns.items():
        metadata = declared.metadata or {}
        yield ColumnDeclaration(
            name=name,
            data_type=sql_type(declared.dtype.type),
            unit=str(metadata.get("unit") or ""),
            meaning=str(declared.description or ""),
            nullable=bool(declared.nullable),
            is_key=name in keys,
        )


def ibis_schema(table: TableClass) -> dict[str, dt.DataType]:
    """Column name → Ibis type, for reading, casting and empty tables."""
    return {name: declared.dtype.type for name, declared in table.to_schema().columns.items()}


@cache
def sql_type(data_type: dt.DataType) -> str:
    """The name of an Ibis type as DuckDB itself spells it, such as VARCHAR for what Ibis writes as TEXT."""
    from ibis.backends.sql.compilers import duckdb as compilers

    written = compilers.compiler.type_mapper.to_string(data_type)
    with duckdb.connect(config={"threads": 1}) as engine:
        return str(engine.execute(f"SELECT typeof(NULL::{written})").fetchall()[0][0])
