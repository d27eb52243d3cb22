"""What a file about to be published has that the published one has not: `meta.changes`.

What belongs here: the comparisons. What does not: building and swapping files (`warehouse.publication`).
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.meta.watching import NOT_COMPARED, Changes
from warehouse.engine import quoted
from warehouse.raw_tables import arrow_table

# Floating-point sums over the same facts may differ in their last digits when rows come in another order.
DIFFERS = "abs(b.{0} - a.{0}) > 1e-9 * greatest(abs(a.{0}), abs(b.{0}))"
PERIOD = "'FY' || b.fiscal_year || 'Q' || b.fiscal_quarter"
OLD_PERIOD = PERIOD.replace("b.", "a.")
NEWEST_FACT = "list_max(list_transform(b.facts, lambda f: {'filed': f.filed_date, 'accession': f.accession})).accession"
NOTHING = "NULL::DOUBLE"
COLUMNS = list(Changes.to_schema().columns)
EVERYTHING = "all"
READ_BEFORE = re.compile(r"\bbefore\.(\w+\.\w+)")

logger = logging.getLogger("tokenchain.changes")

# Each gives the columns of meta.changes; `a` is the published file (attached as `before`), `b` the one about to be.
COMPARISONS: dict[str, str] = {
    "raw.filings": f"""
        SELECT 'new_filing' AS kind, 'raw.filings' AS table_name, coalesce(u.ticker, p.ticker, b.cik::VARCHAR) AS entity,
            b.form AS concept, b.report_date::VARCHAR AS period, NULL::DOUBLE AS value_before, NULL::DOUBLE AS value_after,
            NULL::DOUBLE AS difference, b.accession
        FROM raw.filings AS b
        LEFT JOIN raw.universe AS u ON u.cik = b.cik LEFT JOIN raw.predecessor_ciks AS p ON p.cik = b.cik
        ANTI JOIN before.raw.filings AS a ON a.accession = b.accession
        UNION ALL
        SELECT 'removed_filing', 'raw.filings', coalesce(u.ticker, p.ticker, a.cik::VARCHAR), a.form, a.report_date::VARCHAR,
            {NOTHING}, {NOTHING}, {NOTHING}, a.accession
        FROM before.raw.filings AS a
        LEFT JOIN before.raw.universe AS u ON u.cik = a.cik LEFT JOIN before.raw.predecessor_ciks AS p ON p.cik = a.cik
        ANTI JOIN raw.filings AS b ON a.accession = b.accession""",
    "core.fiscal_quarters": f"""
        SELECT 'new_quarter', 'core.fiscal_quarters', b.ticker, NULL, {PERIOD}, {NOTHING}, {NOTHING}, {NOTHING}, NULL
        FROM core.fiscal_quarters AS b ANTI JOIN before.core.fiscal_quarters AS a
            ON (a.ticker, a.fiscal_year, a.fiscal_quarter) = (b.ticker, b.fiscal_year, b.fiscal_quarter)""",
    "core.quarters": f"""
        SELECT CASE WHEN a.value IS NULL THEN 'new_value' WHEN a.method = 'carried_forward' THEN 'filed_balance'
                ELSE 'restated_value' END, 'core.quarters', b.ticker, b.concept, {PERIOD},
            a.value, b.value, b.value - a.value, {NEWEST_FACT}
        FROM core.quarters AS b
        LEFT JOIN before.core.quarters AS a USING (ticker, concept, fiscal_year, fiscal_quarter)
        SEMI JOIN before.core.fiscal_quarters AS q
            ON (q.ticker, q.fiscal_year, q.fiscal_quarter) = (b.ticker, b.fiscal_year, b.fiscal_quarter)
        WHERE a.value IS NULL OR {DIFFERS.format("value")}
        UNION ALL
        SELECT 'removed_value', 'core.quarters', a.ticker, a.concept, {OLD_PERIOD}, a.value, NULL, NULL, NULL
        FROM before.core.quarters AS a ANTI JOIN core.quarters AS b USING (ticker, concept, fiscal_year, fiscal_quarter)""",
    "mart.composite_scores": f"""
        SELECT CASE WHEN a.composite_score IS NULL THEN 'new_score' ELSE 'moved_score' END, 'mart.composite_scores', b.entity,
            b.basis, b.quarter, a.composite_score, b.composite_score, b.composite_score - a.composite_score, NULL
        FROM mart.composite_scores AS b
        LEFT JOIN before.mart.composite_scores AS a USING (entity_kind, entity, basis, quarter)
        WHERE b.composite_score IS NOT NULL AND (a.composite_score IS NULL OR {DIFFERS.format("composite_score")})
        UNION ALL
        SELECT 'removed_score', 'mart.composite_scores', a.entity, a.basis, a.quarter, a.composite_score, NULL, NULL, NULL
        FROM before.mart.composite_scores AS a
        LEFT JOIN mart.composite_scores AS b USING (entity_kind, entity, basis, quarter)
        WHERE a.composite_score IS NOT NULL AND b.composite_score IS NULL""",
}


def changes_since(connection: duckdb.DuckDBPyConnection, published: Path) -> pa.Table:
    """Compare the tables of the database in use with the published file; rows of `meta.changes`.

    A table that the published file has in another shape, or not at all, is not compared: its content is not what changed. Where the
    file can't be read the one row says so, with the reason: no rows would mean that nothing changed.
    """
    rows: list[dict[str, object]] = []
    if published.exists():
        try:
            with _attached(connection, published):
                rows = _compared(connection)
        except (duckdb.Error, OSError) as error:
            reason = str(error).strip().splitlines()[0].replace(f"{published.parent}{os.sep}", "")
            logger.warning("%s: not compared with what is published anew: %s", published, reason)
            rows = [_row((NOT_COMPARED, EVERYTHING, EVERYTHING, reason, *[None] * 5))]
    return arrow_table(Changes, sorted(rows, key=lambda row: [str(row[name]) for name in COLUMNS[:5]]))


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, published: Path) -> Iterator[None]:
    """The published file, attached as `before`; a copy of it where it can't be attached itself.

    A program that has it open for writing lets nobody else open it, but its bytes can be read.
    """
    copy = published.with_name(f".{published.name}.{os.getpid()}.before.tmp")
    try:
        try:
            _attach(connection, published)
        except duckdb.Error:
            shutil.copyfile(published, copy)
            _attach(connection, copy)
        try:
            yield
        finally:
            connection.execute("DETACH before")
    finally:
        copy.unlink(missing_ok=True)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(f"ATTACH {quoted(str(path))} AS before (READ_ONLY)")


def _compared(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for table, query in COMPARISONS.items():
        if all(_has_same_shape(connection, name) for name in {table, *READ_BEFORE.findall(query)}):
            rows += map(_row, connection.execute(query).fetchall())
    return rows


def _row(values: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(COLUMNS, values, strict=True))


def _has_same_shape(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    shape = _shape(connection, "built", table)
    return bool(shape) and shape == _shape(connection, "before", table)


def _shape(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> list[tuple[str, str]]:
    schema, name = table.split(".")
    return connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ?"
        " ORDER BY column_index",
        [database, schema, name],
    ).fetchall()
