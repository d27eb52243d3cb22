"""The as-of macros of the published file, compiled from the same expressions as the tables.

What belongs here: turning an expression over a sentinel day into a DuckDB table macro. What does not: the expressions
(`assets.real_time`) and the file (`warehouse.publication`).

A macro is stored parsed, and DuckDB 2.0 writes two things so that older clients read them wrongly, whatever the storage version: `lag` with
an offset (every client before 2.0 gets a third argument) and common table expressions (clients before 1.4.2 lose them). Fundamentals hold neither.
Scores need common table expressions, without them the fundamentals would be computed a hundredfold; so their statement is stored as a text that the
client parses itself. The price: the engine takes a constant there, no subquery and no column of another table.
"""

from __future__ import annotations

import datetime as dt
import json

import ibis

from assets.real_time import composite_scores_as_of, fundamentals_as_of
from pipelines.workshop import Workshop
from schemas.core.facts import Companies, FiscalQuarters
from schemas.core.quarters import QuartersHistory
from schemas.raw.configuration import ConceptApplicability
from warehouse.engine import quoted
from warehouse.table_store import kept_text

# A day that stands in no data: its place in the compiled SQL becomes the macro's parameter.
SENTINEL = dt.date(1234, 5, 6)
COMPILED_SENTINEL = "MAKE_DATE(1234, 5, 6)"
PARAMETER = "as_of_date"
DAY = f"CAST({PARAMETER} AS DATE)"
# The day as SQL text; null gives no rows, as it does where the day is compared directly. Casting to a date first refuses any other text.
DAY_TEXT = f"coalesce('DATE ''' || CAST({DAY} AS VARCHAR) || '''', 'CAST(NULL AS DATE)')"


def macro_statements(workshop: Workshop) -> list[str]:
    """The statements that create and describe `core.fundamentals_as_of(day)` and `mart.composite_scores_as_of(day)`.

    Compiled once per code and settings: they do not depend on data.
    """
    path = workshop.store.folder / "macros.json"
    recipe = workshop.fingerprint("macros", workshop.methodology_hash)
    statements: list[str] = json.loads(kept_text(path, recipe, lambda: json.dumps(_statements(workshop))))
    return statements


def _statements(workshop: Workshop) -> list[str]:
    table, statement = workshop.engine.table, workshop.engine.statement
    history, quarters = table(QuartersHistory), table(FiscalQuarters)
    applicability, companies = table(ConceptApplicability), table(Companies)
    settings = (workshop.concepts, workshop.methodology)
    day = ibis.literal(SENTINEL)
    fundamentals = fundamentals_as_of(history, quarters, applicability, *settings, day)
    scores = composite_scores_as_of(history, quarters, applicability, companies, *settings, day)
    return [
        *_macro(
            "core.fundamentals_as_of",
            _parsed(statement(fundamentals)),
            "core.fundamentals as it was known on a day",
            "Takes a date or its text. Any client since DuckDB 1.4.0 can call it.",
        ),
        *_macro(
            "mart.composite_scores_as_of",
            _as_text(statement(scores)),
            "mart.composite_scores as it was known on a day",
            "Takes a date or its text: a constant, a parameter or a variable, not a subquery and not a column. "
            "Any client since DuckDB 1.4.0 can call it.",
        ),
    ]


def _parsed(sql: str) -> str:
    """The body of a macro that is stored parsed."""
    return sql.replace(COMPILED_SENTINEL, DAY)


def _as_text(sql: str) -> str:
    """The body of a macro that keeps its statement as a text, for each client to parse."""
    text = quoted(sql).replace(COMPILED_SENTINEL, f"' || {DAY_TEXT} || '")
    return f"FROM query({text})"


def _macro(name: str, body: str, meaning: str, use: str) -> list[str]:
    if PARAMETER not in body:
        raise ValueError(f"{name}: the day has no place in the compiled SQL; the engine spells dates in a new way")
    text = f"{meaning}: only filings of that day or before, the latest version of each period. {use}"
    return [f"CREATE MACRO {name}({PARAMETER}) AS TABLE {body}", f"COMMENT ON MACRO TABLE {name} IS {quoted(text)}"]
