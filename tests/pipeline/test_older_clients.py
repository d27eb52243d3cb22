"""The macros and views of the published file under DuckDB clients older than the one that wrote it.

What older clients can't read is known and looked for in the stored statements, always. Where older clients are installed they are asked:
`OLDER_DUCKDB_CLIENTS` names folders, each with one older `duckdb` package in it, separated like the folders of PATH.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.index.real_facts import differences, keyed
from warehouse.home import Home

VARIABLE = "OLDER_DUCKDB_CLIENTS"
CLIENTS = [Path(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
QUARTER = ("ticker", "fiscal_year", "fiscal_quarter")
ENTITY = ("entity_kind", "entity", "basis", "quarter")
LINEAGE = (
    "FROM meta.lineage WHERE table_name = 'core.fundamentals' AND entity = 'NVDA' AND column_name = 'roic_ttm_pct'"
)
QUESTIONS = {
    "FROM core.fundamentals_as_of('2025-06-30')": QUARTER,
    "FROM core.fundamentals_as_of(DATE '2100-01-01')": QUARTER,
    "FROM core.fundamentals_as_of((SELECT max(known_from_date) FROM core.quarters_history))": QUARTER,
    "FROM mart.composite_scores_as_of('2025-06-30')": ENTITY,
    "FROM mart.composite_scores_as_of(DATE '2100-01-01')": ENTITY,
    LINEAGE: ("number_key", "input_role", "input_table", "input_column", "input_key"),
}
ASK = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    answers = {}
    for query in json.loads(sys.argv[2]):
        result = connection.execute(query)
        names = [column[0] for column in result.description]
        answers[query] = [dict(zip(names, row)) for row in result.fetchall()]
print(json.dumps([duckdb.__version__, answers], default=str))
"""


def ask(database: Path, client: Path | None) -> tuple[str, dict[str, list[dict[str, object]]]]:
    """The version of a client and its answers; without a folder it is the client that wrote the file."""
    environment = {**os.environ, **({"PYTHONPATH": str(client)} if client else {})}
    command = [sys.executable, "-c", ASK, str(database), json.dumps(list(QUESTIONS))]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stderr
    version, answers = json.loads(answer.stdout)
    return version, answers


def unreadable(statement: str) -> list[str]:
    """What of a stored statement some client since 1.4.0 can't read; texts are left out, they are parsed by the client itself."""
    code = re.sub(r"'(?:[^']|'')*'", "''", statement)
    found = ["common table expression"] if re.search(r"\bWITH\s+(RECURSIVE\s+)?\S+\s+AS\b", code, re.IGNORECASE) else []
    calls = re.finditer(r"\b(lag|lead)\s*\(", code, re.IGNORECASE)
    return found + [f"{call[1].lower()} with an offset" for call in calls if _has_second_argument(code[call.end() :])]


def _has_second_argument(rest: str) -> bool:
    depth = 0
    for character in rest:
        if character == "," and depth == 0:
            return True
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return False


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("WITH t AS (SELECT 1) FROM t", ["common table expression"]),
        ('FROM (WITH "t" AS MATERIALIZED (SELECT 1) FROM t)', ["common table expression"]),
        ("SELECT lag(n, 3) OVER (ORDER BY n) FROM one", ["lag with an offset"]),
        ("SELECT LEAD(coalesce(n, 1), 1) OVER (ORDER BY n) FROM one", ["lead with an offset"]),
        ("SELECT lag(coalesce(n, 1)) OVER (ORDER BY n), 3 FROM one", []),
        ("FROM query('WITH t AS (SELECT lag(n, 3) OVER (ORDER BY n), ''x'' FROM one) FROM t')", []),
    ],
)
def test_what_older_clients_can_not_read_is_found(statement: str, found: list[str]) -> None:
    assert unreadable(statement) == found


def test_no_macro_or_view_holds_what_older_clients_can_not_read(published: duckdb.DuckDBPyConnection) -> None:
    stored = published.execute(
        """SELECT schema_name || '.' || function_name, macro_definition FROM duckdb_functions()
        WHERE function_type LIKE '%macro' AND NOT internal
        UNION ALL SELECT schema_name || '.' || view_name, sql FROM duckdb_views() WHERE NOT internal"""
    ).fetchall()

    assert {name for name, _ in stored} == {
        "core.fundamentals_as_of",
        "mart.composite_scores_as_of",
        "meta.lineage",
    }
    assert {name: unreadable(statement) for name, statement in stored} == {name: [] for name, _ in stored}


@pytest.mark.parametrize("client", CLIENTS or [None], ids=lambda client: client.name if client else "none")
def test_an_older_client_gives_the_same_rows(client: Path | None, refreshed: Home) -> None:
    if client is None:
        pytest.skip(f"no older client is installed: {VARIABLE} names no folder")
    version, answers = ask(refreshed.database, client)
    _, expected = ask(refreshed.database, None)

    assert version != duckdb.__version__, f"{client} holds no other client"
    for query, key in QUESTIONS.items():
        assert len(expected[query]) > 100, query
        assert differences(keyed(expected[query], *key), keyed(answers[query], *key)) == [], query


@pytest.mark.parametrize("day", ["NULL", "DATE '1999-12-31'"])
def test_before_the_first_filing_and_without_a_day_nothing_is_known(
    published: duckdb.DuckDBPyConnection, day: str
) -> None:
    for name in ("core.fundamentals_as_of", "mart.composite_scores_as_of"):
        assert published.execute(f"FROM {name}({day})").fetchall() == []


@pytest.mark.parametrize("day", ["current_date", "getvariable('day')", "TIMESTAMP '2026-01-31 12:00:00'"])
def test_the_day_can_be_any_constant(published: duckdb.DuckDBPyConnection, day: str) -> None:
    with published.cursor() as reader:
        reader.execute("SET VARIABLE day = DATE '2026-01-31'")

        assert len(reader.execute(f"FROM mart.composite_scores_as_of({day})").fetchall()) > 500
        assert len(reader.execute("FROM mart.composite_scores_as_of($1)", ["2026-01-31"]).fetchall()) > 500


def test_what_is_no_day_is_refused_and_never_run(published: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.ConversionException, match="date"):
        published.execute("FROM mart.composite_scores_as_of('2026-01-31'' OR 1 = 1 --')")
