"""Data tests: SQL queries that return the rows which break a rule.

What belongs here: reading `data_tests/*.sql` and running them. What does not: contracts of single tables (`warehouse.validation`).

A file starts with comment lines: `-- table:` names the table it is run with (all others it reads lie upstream of that),
`-- severity:` is error (fails the refresh) or warning (is listed), `-- rule:` says in one sentence what must hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from warehouse.engine import Engine
from warehouse.errors import ConfigurationError
from warehouse.validation import SAMPLE_ROWS, CheckResult

DATA_TESTS = Path(__file__).with_name("data_tests")
LISTED_ROWS = 50


@dataclass(frozen=True)
class DataTest:
    """One query and what it stands for."""

    name: str
    table: str
    severity: str
    rule: str
    query: str

    @property
    def tables(self) -> set[str]:
        """The tables that the query reads."""
        return set(re.findall(r"(?:FROM|JOIN)\s+((?:raw|core|mart|meta)\.\w+)", self.query))


def read_data_tests(folder: Path = DATA_TESTS) -> list[DataTest]:
    """All data tests of the folder; raises ConfigurationError where a header line is missing."""
    return [_read(path) for path in sorted(folder.glob("*.sql"))]


def _read(path: Path) -> DataTest:
    text = path.read_text(encoding="utf-8")
    header = dict(re.findall(r"^-- (table|severity|rule): (.+)$", text, flags=re.MULTILINE))
    missing = {"table", "severity", "rule"} - header.keys()
    if missing or header["severity"] not in ("error", "warning"):
        raise ConfigurationError(f"{path}: needs the comment lines table, severity (error or warning) and rule")
    return DataTest(path.stem, header["table"], header["severity"], header["rule"], text.strip().rstrip(";"))


def run_data_test(test: DataTest, engine: Engine) -> CheckResult:
    """Run a query on the engine's tables; a returned row is a failure."""
    listed = LISTED_ROWS if test.severity == "warning" else SAMPLE_ROWS
    failing = engine.sql.sql(f"SELECT * FROM ({test.query}\n) AS failing").to_arrow_table()
    assert failing is not None, "a query gives a table"
    rows = tuple({key: str(value) for key, value in row.items()} for row in failing.slice(0, listed).to_pylist())
    return CheckResult(test.table, test.name, failing.num_rows == 0, test.severity, test.rule, failing.num_rows, rows)
