"""Configuration as raw tables: universe, concept map and known gaps as rows.

What belongs here: turning configuration models and files into Arrow tables of their declared types. What does not: filings.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from schemas.base import ColumnDeclaration, TableClass, columns, ibis_schema, table_name
from schemas.raw import configuration
from warehouse.concepts import ConceptMap, concept_applicability, concept_tags
from warehouse.errors import ConfigurationError
from warehouse.universe import Universe

# Lists kept by hand: the file's name is the table's.
LISTS: tuple[TableClass, ...] = (
    configuration.KnownGaps,
    configuration.ExcludedFacts,
    configuration.KnownRecasts,
    configuration.PublishedFigures,
)


def arrow_table(table: TableClass, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table with exactly the declared columns and types."""
    schema = ibis.schema(ibis_schema(table)).to_pyarrow()
    return pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema=schema)


def configuration_tables(concepts: ConceptMap, universe: Universe) -> dict[TableClass, pa.Table]:
    """The raw tables that copy configuration, by their class."""
    companies = [company.model_dump() for company in universe.companies]
    predecessors = [
        {"cik": cik, "ticker": company.ticker} for company in universe.companies for cik in company.successor_of
    ]
    return {
        configuration.Universe: arrow_table(configuration.Universe, companies),
        configuration.PredecessorCiks: arrow_table(configuration.PredecessorCiks, predecessors),
        configuration.ConceptTags: arrow_table(
            configuration.ConceptTags, map(asdict, concept_tags(concepts, universe))
        ),
        configuration.ConceptApplicability: arrow_table(
            configuration.ConceptApplicability, map(asdict, concept_applicability(concepts, universe))
        ),
        **{table: arrow_table(table, read_list(table)) for table in LISTS},
    }


def list_path(table: TableClass) -> Path:
    """The CSV file of a list kept by hand."""
    return Path(__file__).with_name(f"{table_name(table)}.csv")


def read_list(table: TableClass) -> list[dict[str, Any]]:
    """Rows of a list kept by hand, typed as declared; raises ConfigurationError naming file, row, column and remedy."""
    path = list_path(table)
    declared = list(columns(table))
    types = ibis_schema(table)
    with path.open(encoding="utf-8", newline="") as lines:
        rows = enumerate(csv.DictReader(lines), start=2)
        return [
            {column.name: _cell(path, number, row, column, types[column.name]) for column in declared}
            for number, row in rows
        ]


def _cell(path: Path, number: int, row: Mapping[str, str | None], column: ColumnDeclaration, data_type: Any) -> Any:
    text = row.get(column.name)
    try:
        if text:
            return _parse(text, data_type)
        if column.nullable and text is not None:
            return None
        raise ValueError("is empty")
    except ValueError as error:
        raise ConfigurationError(f"{path}, row {number}, column {column.name}: {error}; correct the cell") from error


def _parse(text: str, data_type: Any) -> Any:
    if data_type.is_date():
        return dt.date.fromisoformat(text)
    if data_type.is_floating():
        return float(text)
    return int(text) if data_type.is_integer() else text
