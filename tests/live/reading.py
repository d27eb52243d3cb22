"""Reading a published file as an analyst does, and telling whether it is one whole state.

Belongs here: queries that several tests use. Does not belong here: refreshing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb


def query(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on a published file, opened read-only."""
    connection = duckdb.connect(str(database), read_only=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def one(database: Path, sql: str) -> Any:
    """The single value of a query."""
    ((value,),) = query(database, sql)
    return value


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def newest_income(database: Path, ticker: str = "AAPL") -> float:
    """Net income of a company's newest quarter, which `LiveWorld.restate` changes."""
    value: float = one(
        database,
        f"SELECT arg_max(value, period_end_date) FROM core.quarters WHERE ticker = '{ticker}' AND concept = 'net_income'",
    )
    return value
