"""The as-of macros of the published file, compiled from the same expressions as the tables.

What belongs here: turning an expression over a sentinel day into a DuckDB table macro. What does not: the expressions
(`assets.real_time`) and the file (`warehouse.publication`).
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
        *_macro("core.fundamentals_as_of", statement(fundamentals), "core.fundamentals as it was known on a day"),
        *_macro("mart.composite_scores_as_of", statement(scores), "mart.composite_scores as it was known on a day"),
    ]


def _macro(name: str, sql: str, meaning: str) -> list[str]:
    if COMPILED_SENTINEL not in sql:
        raise ValueError(f"{name}: the day has no place in the compiled SQL; the engine spells dates in a new way")
    body = sql.replace(COMPILED_SENTINEL, f"CAST({PARAMETER} AS DATE)")
    text = (
        f"{meaning}: only filings of that day or before, the latest version of each period. Takes a date or its text."
    )
    return [f"CREATE MACRO {name}({PARAMETER}) AS TABLE {body}", f"COMMENT ON MACRO TABLE {name} IS {quoted(text)}"]
