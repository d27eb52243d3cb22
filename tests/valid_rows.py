"""Rows that keep a table's contract, and rows that break each of its checks, made from the declaration alone.

What belongs here: generating rows from pandera classes. What does not: real rows (`tests.conftest.published`).
"""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import schemas.core
import schemas.mart
import schemas.meta
from schemas.base import QUARTER_PATTERN, Table, TableClass
from schemas.raw import configuration, filings
from tests.tables import Row

TEXTS = {
    QUARTER_PATTERN: "2025Q4",
    r"^\d{10}-\d{2}-\d{6}$": "0001045810-26-000021",
    r"^[0-9a-f]{64}$": "a" * 64,
    r"\S": "text",
    r"^https?://\S+$": "https://example.com/source",
    r"^[a-z0-9][a-z0-9_\-]*$": "identifier",
}
NOT_IN_ANY_LIST = "no such value"


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def declared_tables() -> list[TableClass]:
    """Every table class of the core, mart and meta layers, of filings and of configuration."""
    packages = (schemas.core, schemas.mart, schemas.meta)
    modules = [*(module for package in packages for module in _modules(package)), filings, configuration]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Table) and value.__module__ == module.__name__
    ]


@dataclass(frozen=True)
class DeclaredCheck:
    """One check of one column: its name, its bounds or list, and a value that breaks it."""

    column: str
    name: str
    statistics: dict[str, Any]

    def breaking_value(self) -> Any:
        """A value of the right type that the check must refuse."""
        limits = self.statistics
        if self.name == "isin":
            return 97 if isinstance(limits["allowed_values"][0], int) else NOT_IN_ANY_LIST
        if self.name == "str_matches":
            assert not re.match(limits["pattern"], " "), (
                f"{limits['pattern']}: a blank matches, name another value here"
            )
            return " "
        if self.name in ("greater_than", "greater_than_or_equal_to", "in_range"):
            return limits["min_value"] - (0 if self.name == "greater_than" else 1)
        if self.name in ("less_than", "less_than_or_equal_to"):
            return limits["max_value"] + (0 if self.name == "less_than" else 1)
        raise AssertionError(f"{self.column}: add a value that breaks the check {self.name}")


def declared_checks(table: TableClass) -> list[DeclaredCheck]:
    """The value checks of all columns."""
    return [
        DeclaredCheck(name, check.name, check.statistics)
        for name, column in table.to_schema().columns.items()
        for check in column.checks
    ]


def valid_row(table: TableClass) -> Row:
    """A row without nulls that keeps all checks."""
    checks: dict[str, list[DeclaredCheck]] = {}
    for check in declared_checks(table):
        checks.setdefault(check.column, []).append(check)
    return {
        name: _valid_value(column.dtype.type, {check.name: check.statistics for check in checks.get(name, [])})
        for name, column in table.to_schema().columns.items()
    }


def _valid_value(data_type: Any, checks: dict[str, dict[str, Any]]) -> Any:
    if "isin" in checks:
        return checks["isin"]["allowed_values"][0]
    if data_type.is_string():
        return TEXTS[checks["str_matches"]["pattern"]] if "str_matches" in checks else "text"
    if data_type.is_boolean():
        return False
    if data_type.is_date():
        return dt.date(2025, 12, 31)
    if data_type.is_timestamp():
        return dt.datetime(2025, 12, 31, 12)  # noqa: DTZ001 — the tables hold UTC without a zone
    if data_type.is_array():
        return []
    return _valid_number(checks, whole=data_type.is_integer())


def _valid_number(checks: dict[str, dict[str, Any]], *, whole: bool) -> float:
    low = max((limits["min_value"] for limits in checks.values() if "min_value" in limits), default=0)
    high = min((limits["max_value"] for limits in checks.values() if "max_value" in limits), default=low + 2)
    middle = (low + high) / 2
    return int(middle) if whole else float(middle)
