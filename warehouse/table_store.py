"""The table store: one Parquet file per table, replaced only by a file that keeps the table's contract.

What belongs here: writing, validating and naming table files, and knowing whether one is still current. What does not: computing
tables (`assets`) and the published DuckDB file (`warehouse.publication`).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ibis.expr.types import Table as IbisTable

from schemas.base import TableClass, qualified_name, schema_name, table_name
from warehouse.disk import flush, write_whole
from warehouse.engine import Engine, quoted
from warehouse.errors import ContractBroken
from warehouse.validation import CheckResult, check_contract

Test = Callable[[], CheckResult]
# A Parquet file ends with it, so one that was cut off does not.
PARQUET_MARK = b"PAR1"


@dataclass(frozen=True)
class StoredTable:
    """What is known of a table's file: kept beside it as JSON. `sql` is empty where the table is read from a source."""

    name: str
    rows: int
    fingerprint: str
    sql: str
    seconds: float
    run_id: str
    checks: list[dict[str, Any]] = field(default_factory=list)
    size_bytes: int | None = None

    def check_results(self) -> list[CheckResult]:
        """The results of the checks that let the file in."""
        return [CheckResult(**{**check, "failing_rows": tuple(check["failing_rows"])}) for check in self.checks]


class TableStore:
    """Table files below one folder, attached to one engine under their own names."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine

    def path(self, table: TableClass) -> Path:
        """Where the table's file is."""
        return self.folder / schema_name(table) / f"{table_name(table)}.parquet"

    def stored(self, table: TableClass) -> StoredTable | None:
        """What is known of the table's file, or None where there is no readable one."""
        note = self._noted(table)
        return note if note is not None and _is_whole(self.path(table), note.size_bytes) else None

    def is_readable(self, table: TableClass) -> bool:
        """Whether the table's file can be read, be something known of it or not: a kill may leave it without its note.

        One that was cut off, emptied or overwritten counts as none, so that it is made anew; reading it would stop every refresh.
        """
        note = self._noted(table)
        return _is_whole(self.path(table), note.size_bytes if note is not None else None)

    def attach(self, table: TableClass) -> bool:
        """Make the table's file readable under its name; False where there is none that can be read."""
        if not self.is_readable(table):
            return False
        self.read(table)
        return True

    def _noted(self, table: TableClass) -> StoredTable | None:
        try:
            return StoredTable(**json.loads(self.path(table).with_suffix(".json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def current(self, table: TableClass, fingerprint: str) -> StoredTable | None:
        """What is known of the table's file if it was made from this, else None."""
        stored = self.stored(table)
        return stored if stored is not None and stored.fingerprint == fingerprint else None

    def read(self, table: TableClass) -> IbisTable:
        """The table's expression."""
        return self.engine.attach(table, self.path(table))

    def write(
        self,
        table: TableClass,
        expression: IbisTable,
        *,
        fingerprint: str,
        run_id: str,
        tests: Sequence[Test] = (),
    ) -> StoredTable:
        """Write an expression over loaded rows; like `write_sql`, which see."""
        sql = self.engine.statement(expression)
        return self.write_sql(table, sql, fingerprint=fingerprint, run_id=run_id, tests=tests, is_portable=False)

    def compiled(self, table: TableClass, recipe: str, build: Callable[[], IbisTable]) -> str:
        """The SQL of a derived table, compiled only when its recipe (code and settings) changed.

        Building and compiling the expressions takes more time than running them, and their SQL does not depend on data.
        """
        return kept_text(self.path(table).with_suffix(".sql"), recipe, lambda: self.engine.statement(build()))

    def write_sql(
        self,
        table: TableClass,
        sql: str,
        *,
        fingerprint: str,
        run_id: str,
        tests: Sequence[Test] = (),
        is_portable: bool = True,
    ) -> StoredTable:
        """Write a query to a temporary file, check it, and only then let it replace the table's file.

        Raises ContractBroken, naming table, check and row, where the contract or a data test of severity error fails; the last
        good file then stays. What is checked is the file as written: types of expressions and files can differ.
        """
        started = time.monotonic()
        path = self.path(table)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        self.engine.sql.execute(f"COPY ({sql}) TO {quoted(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")
        try:
            checks = self._check(table, temporary, tests)
            rows = self.engine.sql.execute(f"SELECT count(*) FROM read_parquet({quoted(str(temporary))})").fetchall()
            stored = StoredTable(
                name=qualified_name(table),
                rows=rows[0][0],
                fingerprint=fingerprint,
                sql=sql if is_portable else "",
                seconds=round(time.monotonic() - started, 3),
                run_id=run_id,
                checks=[asdict(check) for check in checks],
                size_bytes=temporary.stat().st_size,
            )
            flush(temporary)
            # A kill between file and note must leave a file without a note, which is made anew, never one with the note of another.
            path.with_suffix(".json").unlink(missing_ok=True)
            os.replace(temporary, path)
            self._note(path, stored)
        finally:
            temporary.unlink(missing_ok=True)
            self.attach(table)
        return stored

    def _check(self, table: TableClass, temporary: Path, tests: Sequence[Test]) -> list[CheckResult]:
        written = self.engine.ibis.read_parquet(str(temporary))
        checks = [check_contract(table, written)]
        if checks[0].passed:
            self.engine.attach(table, temporary)
            checks.extend(test() for test in tests)
        broken = [check for check in checks if not check.passed and check.severity == "error"]
        if broken:
            raise ContractBroken("; ".join(check.sentence() for check in broken), checks)
        return checks

    def _note(self, path: Path, stored: StoredTable) -> None:
        write_whole(path.with_suffix(".json"), json.dumps(asdict(stored), indent=1).encode())


def _is_whole(path: Path, size: int | None) -> bool:
    """Whether a Parquet file has its end, and its size where that is known; its content is not read, which takes time."""
    try:
        with path.open("rb") as file:
            actual = file.seek(0, os.SEEK_END)
            file.seek(max(actual - len(PARQUET_MARK), 0))
            return file.read() == PARQUET_MARK and size in (None, actual)
    except FileNotFoundError:
        return False


def kept_text(path: Path, recipe: str, build: Callable[[], str]) -> str:
    """A text kept in a file for as long as its recipe is the same, else built anew."""
    mark = f"-- recipe {recipe}\n"
    if path.exists() and (text := path.read_text(encoding="utf-8")).startswith(mark):
        return text.removeprefix(mark)
    text = build()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (mark + text).encode())
    return text
