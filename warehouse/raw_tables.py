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

from schemas.base import TableClass, ibis_schema
from schemas.raw import configuration
from warehouse.concepts import ConceptMap, concept_applicability, concept_tags
from warehouse.errors import ConfigurationError
from warehouse.universe import Universe

KNOWN_GAPS = Path(__file__).with_name("known_gaps.csv")


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
        configuration.KnownGaps: arrow_table(configuration.KnownGaps, read_known_gaps()),
    }


def read_known_gaps(path: Path = KNOWN_GAPS) -> list[dict[str, Any]]:
    """Rows of `known_gaps.csv`; raises ConfigurationError naming file and row where a date can't be read."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [_gap(path, number, row) for number, row in enumerate(csv.DictReader(lines), start=2)]


def _gap(path: Path, number: int, row: dict[str, str]) -> dict[str, Any]:
    try:
        dates = {name: dt.date.fromisoformat(row[name]) for name in ("first_period_end_date", "last_period_end_date")}
    except (KeyError, ValueError) as error:
        raise ConfigurationError(f"{path}, row {number}: {error}; give dates as YYYY-MM-DD") from error
    return {**row, **dates}
