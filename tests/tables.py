"""Small tables for tests: inline rows in, Ibis expressions out.

What belongs here: turning short rows into tables of a declared class, and the rows that many tests write. What does not: the tests.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import ibis
import pyarrow as pa
from ibis.expr.types import Table as IbisTable

from pipelines.catalogue import derived_table
from schemas.base import TableClass, columns, ibis_schema, qualified_name
from warehouse.concepts import FIRST_DAY, LAST_DAY
from warehouse.engine import Engine
from warehouse.validation import check_contract

Row = dict[str, Any]
USD = "USD"
_NUMBERS = itertools.count(1)


def day(text: str) -> dt.date:
    """`2025-07-27` as a date."""
    return dt.date.fromisoformat(text)


def arrow_rows(declared: TableClass, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows with the declared types; nullable columns may be left out, days may be ISO texts.

    Raises KeyError where a row leaves out a column that may not be null, or has one that is not declared.
    """
    schema = ibis.schema(ibis_schema(declared)).to_pyarrow()
    nullable = {column.name for column in columns(declared) if column.nullable}
    return pa.Table.from_pylist([_complete(row, declared, schema, nullable) for row in rows], schema=schema)


def _complete(row: Mapping[str, Any], declared: TableClass, schema: pa.Schema, nullable: set[str]) -> Row:
    unknown = set(row) - set(schema.names)
    missing = set(schema.names) - nullable - set(row)
    if unknown or missing:
        raise KeyError(f"{qualified_name(declared)}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    return {name: _typed(row.get(name), schema.field(name).type) for name in schema.names}


def _typed(value: Any, data_type: pa.DataType) -> Any:
    return day(value) if pa.types.is_date(data_type) and isinstance(value, str) else value


def register(engine: Engine, declared: TableClass, content: pa.Table) -> IbisTable:
    """An Arrow table as an expression of the engine."""
    name = f"inline_{next(_NUMBERS)}"
    engine.sql.register(name, content)
    return engine.named(name, declared)


def compute(engine: Engine, function: Callable[..., IbisTable], **given: Any) -> list[Row]:
    """The rows that an asset function makes of inline rows; tables that are not given are empty, settings are passed on."""
    derived = derived_table(function)
    inputs = {name: table(engine, declared, given.pop(name, ())) for name, declared in derived.inputs.items()}
    return records(function(**inputs, **given))


def keeps_contract(engine: Engine, declared: TableClass, rows: Iterable[Row]) -> bool:
    """Whether computed rows keep the contract of their table."""
    result = check_contract(declared, table(engine, declared, rows))
    assert result.passed, result.sentence()
    return True


def table(engine: Engine, declared: TableClass, rows: Iterable[Mapping[str, Any]]) -> IbisTable:
    """Inline rows as an expression of a table class."""
    return register(engine, declared, arrow_rows(declared, rows))


def records(expression: IbisTable) -> list[Row]:
    """The rows of an expression, computed."""
    rows: list[Row] = expression.to_pyarrow().to_pylist()
    return rows


def pick(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """The rows with the wanted values."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def only(rows: Iterable[Row], **wanted: Any) -> Row:
    """The one row with the wanted values."""
    found = pick(rows, **wanted)
    assert len(found) == 1, f"{len(found)} rows with {wanted}"
    return found[0]


def fact(
    ticker: str,
    start: str | None,
    end: str,
    value: float,
    filed: str,
    *,
    concept: str = "revenue",
    tag: str = "Revenues",
    form: str = "10-Q",
    **changes: Any,
) -> Row:
    """A row of `core.statement_facts`; a balance has no start. Each has an accession of its own unless it is given."""
    row: Row = {
        "ticker": ticker,
        "concept": concept,
        "kind": "balance" if start is None else "flow",
        "taxonomy": "us-gaap",
        "tag": tag,
        "period_start_date": start,
        "period_end_date": end,
        "days": None if start is None else (day(end) - day(start)).days + 1,
        "value": value,
        "unit": USD,
        "accession": f"0000000001-25-{next(_NUMBERS):06d}",
        "form": form,
        "filed_date": filed,
        "known_from_date": filed,
        "basis": "as_first_reported",
    }
    return row | changes


def concept_tag(ticker: str, tag: str, *, concept: str = "revenue", kind: str = "flow", **changes: Any) -> Row:
    """A row of `raw.concept_tags`: by default the only part of the first alternative."""
    row: Row = {
        "ticker": ticker,
        "concept": concept,
        "kind": kind,
        "unit": USD,
        "alternative": 0,
        "part": 0,
        "part_count": 1,
        "taxonomy": "us-gaap",
        "tag": tag,
        "sign": 1,
        "until_date": LAST_DAY,
        "is_derived": False,
        "version": "latest",
        "carry_forward_quarters": 0,
    }
    return row | changes


QUARTER_DAYS = {1: ("01-01", "03-31"), 2: ("04-01", "06-30"), 3: ("07-01", "09-30"), 4: ("10-01", "12-31")}


def quarter_span(year: int, quarter: int) -> tuple[str, str]:
    """First and last day of a calendar quarter, as texts."""
    first, last = QUARTER_DAYS[quarter]
    return f"{year}-{first}", f"{year}-{last}"


def calendar_quarters(ticker: str, year: int, count: int = 4) -> Iterator[Row]:
    """Rows of `core.fiscal_quarters` of a company whose fiscal year is the calendar year; filed a month after the end."""
    for quarter in range(1, count + 1):
        start, end = quarter_span(year, quarter)
        yield {
            "ticker": ticker,
            "fiscal_year": year,
            "fiscal_quarter": quarter,
            "quarter_index": year * 4 + quarter,
            "fiscal_year_start_date": f"{year}-01-01",
            "period_start_date": start,
            "period_end_date": end,
            "weeks": 13,
            "fiscal_ytd_weeks": 13 * quarter,
            "calendar_quarter": f"{year}Q{quarter}",
            "report_quarter": f"{year}Q{quarter}",
            "known_from_date": day(end) + dt.timedelta(days=30),
        }


def company(ticker: str, tier: str, *, is_member: bool = True) -> Row:
    """A row of `core.companies`."""
    return {"ticker": ticker, "cik": 1, "name": ticker, "tier": tier, "in_prosperity_index": is_member}


__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "QUARTER_DAYS",
    "Row",
    "arrow_rows",
    "calendar_quarters",
    "company",
    "compute",
    "concept_tag",
    "day",
    "fact",
    "keeps_contract",
    "only",
    "pick",
    "quarter_span",
    "records",
    "register",
    "table",
]
