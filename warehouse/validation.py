"""Checking a table against its declared contract inside the engine.

What belongs here: running pandera on an expression and telling what failed with sample rows. What does not: the contracts
themselves (`schemas`) and what happens to the table afterwards (`warehouse.table_store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any

import ibis
import pandera.errors
from ibis.expr.types import BooleanColumn
from ibis.expr.types import Column as IbisColumn
from ibis.expr.types import Table as IbisTable
from pandera.api.checks import Check
from pandera.api.ibis.types import IbisData
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
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
            table.validate(expression, lazy=True)
        # pandera asks the engine once per column and check, which takes most of a refresh; so all is asked at once first, and
        # pandera alone only where the answer is no, because it tells what failed.
        if not all_hold(table, expression):
            with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
                table.validate(expression, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        problems = tuple(_problem(error, table, expression) for error in errors.schema_errors)
        count = sum(int(problem["failing_rows"]) for problem in problems)
        return CheckResult(name, "contract", False, "error", description, count, problems[:SAMPLE_ROWS])
    return CheckResult(name, "contract", True, "error", description)


def all_hold(table: TableClass, expression: IbisTable) -> bool:
    """Whether every not-null rule, value check and key of the declaration holds, asked in one statement.

    The conditions are pandera's own: its check functions, applied to the columns. Of an empty table every condition holds, while
    pandera would call its columns null.
    """
    schema = table.to_schema()
    conditions = {}
    for name, column in schema.columns.items():
        if not column.nullable:
            conditions[f"{name} not null"] = _not_null(expression[name])
        for number, check in enumerate(column.checks):
            conditions[f"{name} check {number}"] = _kept(expression, name, check)
    if schema.checks or any(condition is None for condition in conditions.values()):
        return _is_empty(expression)
    asked = {name: condition.all() for name, condition in conditions.items() if condition is not None}
    if key := key_columns(table):
        asked["key"] = ibis.struct({name: expression[name] for name in key}).nunique() == expression.count()
    if not asked:
        return True
    answers = expression.aggregate(**asked).to_pyarrow().to_pylist()[0]
    return all(answer is not False for answer in answers.values())


def _is_empty(expression: IbisTable) -> bool:
    return int(expression.count().execute()) == 0


def _not_null(values: IbisColumn) -> BooleanColumn:
    """Neither null nor NaN, which pandera sees as null too."""
    return values.notnull() & ~values.isnan() if values.type().is_floating() else values.notnull()


def _kept(expression: IbisTable, name: str, check: Check) -> BooleanColumn | None:
    """A value check as a condition on the column; None where pandera's check is more than that."""
    backend: Any = check.get_backend(expression)(check)
    answer = backend.check_fn(IbisData(expression, name))
    if isinstance(answer, IbisTable):
        selection = answer.op()
        if not isinstance(selection, ibis.expr.operations.Project) or selection.parent != expression.op():
            return None
        answer = reduce(and_, (value.to_expr() for value in selection.values.values()))
    if not isinstance(answer, BooleanColumn):
        return None
    return answer | expression[name].isnull() if check.ignore_na else answer


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
