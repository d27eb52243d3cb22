"""Checking a table against its declared contract inside the engine.

What belongs here: running pandera on an expression and telling what failed with sample rows. What does not: the contracts
themselves (`schemas`) and what happens to the table afterwards (`warehouse.table_store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandera.errors
from ibis.expr.types import Table as IbisTable
from pandera.config import ValidationDepth, config_context

from schemas.base import TableClass, key_columns, qualified_name

SAMPLE_ROWS = 5


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a contract or data test on a table."""

    table: str
    name: str
    passed: bool
    severity: str
    description: str
    failing_count: int = 0
    failing_rows: tuple[Mapping[str, Any], ...] = field(default=())

    def sentence(self) -> str:
        """One line that names table, check, number and first failing row."""
        sample = f"; first: {dict(self.failing_rows[0])}" if self.failing_rows else ""
        return f"{self.table}: {self.name} fails with {self.failing_count} rows ({self.description}){sample}"


def check_contract(table: TableClass, expression: IbisTable) -> CheckResult:
    """Check columns, types, nulls, value ranges and the key; never raises for a broken contract, the result says so."""
    name = qualified_name(table)
    description = "columns, types, nulls, value checks and key as declared"
    # pandera calls every column of an empty table null, so only names and types are checked of one.
    is_empty = int(expression.count().execute()) == 0
    depth = ValidationDepth.SCHEMA_ONLY if is_empty else ValidationDepth.SCHEMA_AND_DATA
    try:
        with config_context(validation_depth=depth):
            table.validate(expression, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        problems = tuple(_problem(error, table, expression) for error in errors.schema_errors)
        count = sum(int(problem["failing_rows"]) for problem in problems)
        return CheckResult(name, "contract", False, "error", description, count, problems[:SAMPLE_ROWS])
    return CheckResult(name, "contract", True, "error", description)


def _problem(error: Any, table: TableClass, expression: IbisTable) -> dict[str, Any]:
    """What failed, how often, and the first failing rows: their key and the column concerned."""
    column = str(getattr(error.schema, "name", ""))
    failing = _failing_rows(error, column, expression)
    rows: list[dict[str, Any]] = []
    count = 1
    if failing is not None:
        shown = [name for name in dict.fromkeys([*key_columns(table), column]) if name in failing.columns]
        count = int(failing.count().execute())
        rows = failing.select(*(shown or failing.columns)).limit(SAMPLE_ROWS).to_pyarrow().to_pylist()
    return {
        "column": column,
        "check": str(error.check),
        "failing_rows": max(count, 1),
        "sample": [{key: str(value) for key, value in row.items()} for row in rows] or str(error)[:300],
    }


def _failing_rows(error: Any, column: str, expression: IbisTable) -> IbisTable | None:
    cases: Any = error.failure_cases
    if isinstance(cases, IbisTable):
        return cases
    if column not in expression.columns or not hasattr(cases, "to_dict"):
        return None
    # Of a value check pandera gives back the refused values alone, in a data frame.
    values = {case[column] for case in cases["failure_case"] if isinstance(case, dict)}
    return expression.filter(expression[column].isin(list(values))) if values else None
