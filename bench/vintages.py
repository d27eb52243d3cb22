"""Scores as they were known at every month's end: one statement over all vintages against the view of one day.

What belongs here: timing statements of a published file. What does not: what they say (`assets.real_time`).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from bench.measuring import Measured, best_of
from bench.report import markdown, ratio

VINTAGES = "mart.composite_score_vintages"


def section(database: Path, repeats: int) -> str:
    """The section of the report, from a published file."""
    with duckdb.connect(str(database), read_only=True) as connection:

        def run(statement: str) -> Measured:
            return best_of(repeats, lambda: connection.execute(statement).fetchall())

        days = [
            day for (day,) in connection.execute(f"SELECT DISTINCT vintage_date FROM {VINTAGES} ORDER BY 1").fetchall()
        ]
        ((sql,),) = connection.execute("SELECT sql FROM meta.tables WHERE table_name = $1", [VINTAGES]).fetchall()
        now = run("FROM mart.composite_scores_as_of(current_date)")
        every = run(sql)
        one_by_one = best_of(
            1, lambda: [connection.execute("FROM mart.composite_scores_as_of($1)", [day]).fetchall() for day in days]
        )
    rows = [
        _row("current view: scores as of today", now, now, 1),
        _row(f"all {len(days)} month-ends in one statement", every, now, len(days)),
        _row(f"the same {len(days)} days, a view each", one_by_one, now, len(days)),
    ]
    head = ("what", "s", "÷ current view", "÷ current view, per day")
    return f"## Scores as they were known\n\n{markdown(head, rows)}"


def _row(name: str, measured: Measured, now: Measured, days: int) -> tuple[str, ...]:
    per_day = ratio(measured.seconds / days, now.seconds)
    return name, f"{measured.seconds:.2f}", ratio(measured.seconds, now.seconds), per_day
