"""Tables about the warehouse itself: what is in it, where it comes from, what was refused, what was checked.

What belongs here: contracts of the `meta` schema. What does not: figures of companies.
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Microseconds, Table, column

SEVERITIES = ["error", "warning"]


class Tables(Table):
    """Every table and view of this file, with the SQL it is made by."""

    table_name: str = column("Qualified name, such as core.quarters")
    description: str = column("What the table is, with usage warnings")
    row_count: dt.Int64 = column(
        "Rows; null for a view, whose rows are made when it is read", unit="rows", nullable=True, ge=0
    )
    sql: str = column(
        "SQL that the table's expression compiles to; null where the table is read from a source or made with this file",
        nullable=True,
    )
    run_id: str = column("Run that computed the table last; null where it is made with this file", nullable=True)

    class Config:
        unique = ["table_name"]


class Columns(Table):
    """The data dictionary: every column of every table and view with type, unit and meaning."""

    table_name: str = column("Qualified name of the table")
    column_name: str = column("Name of the column")
    position: dt.Int64 = column("Position in the table, 1 first", ge=1)
    data_type: str = column("DuckDB type")
    unit: str = column("Unit of the values; empty where there is none")
    meaning: str = column("What the column says")
    nullable: bool = column("Whether the value may be missing")
    is_key: bool = column("Part of the table's key")

    class Config:
        unique = ["table_name", "column_name"]


class Runs(Table):
    """Refreshes known when this file was made; the last one made it."""

    run_id: str = column("Dagster's run id")
    started_at: Microseconds = column("Start", unit="UTC")
    finished_at: Microseconds = column("End; null while running or when it was interrupted", unit="UTC", nullable=True)
    outcome: str = column(
        "published, unchanged, failed, or started when it never ended",
        isin=["published", "unchanged", "failed", "started"],
    )
    source: str = column("Where the responses came from")
    code_version: str = column("Version and hash of the code")
    methodology_hash: str = column("SHA-256 of methodology, concepts and universe")
    responses: str = column("SHA-256 of each response read, as JSON by CIK", nullable=True)
    message: str = column("What went wrong or was refused", nullable=True)
    as_of_date: dt.Date = column(
        "Last day whose knowledge entered (`refresh --as-of`); null for everything", nullable=True
    )

    class Config:
        unique = ["run_id"]


class Quarantine(Table):
    """Rows of the source that break the raw contract; they are in no other table."""

    table_name: str = column("Table the row was meant for")
    cik: dt.Int64 = column("Central index key of the company", nullable=True)
    reason: str = column("Which rule it breaks")
    row_content: str = column("The whole row as JSON")
    response_sha256: str = column("Response the row came from")


class Checks(Table):
    """Results of the contracts and data tests that ran on the tables before this file was published."""

    table_name: str = column("Table the check was run on")
    check_name: str = column("contract, or the name of the data test")
    severity: str = column("error stops a refresh; warning is listed", isin=SEVERITIES)
    passed: bool = column("Whether no row failed")
    failing_count: dt.Int64 = column("Rows that fail", unit="rows", ge=0)
    description: str = column("The rule in words")
    failing_rows: str = column("The first failing rows as JSON", nullable=True)

    class Config:
        unique = ["table_name", "check_name"]
