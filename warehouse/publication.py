"""Publication: all tables into one DuckDB file beside the published one, then one atomic swap.

What belongs here: building, commenting, swapping, keeping and rolling back published files. What does not: computing tables.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from schemas.base import TableClass, columns, qualified_name, table_comment
from schemas.meta import warehouse as meta
from schemas.meta.watching import Changes
from warehouse.changes import changes_since
from warehouse.disk import flush
from warehouse.engine import LAYERS, quoted
from warehouse.errors import TokenchainError
from warehouse.home import Home
from warehouse.raw_tables import arrow_table
from warehouse.run_log import RunRecord
from warehouse.table_store import StoredTable, TableStore

STORAGE_VERSION = "v1.4.0"
KEPT_FILES = 3
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
META_TABLES: tuple[TableClass, ...] = (meta.Tables, meta.Columns, meta.Runs, meta.Checks, Changes)


def publish(
    store: TableStore,
    tables: Sequence[TableClass],
    home: Home,
    runs: Sequence[RunRecord],
    name: str,
    fingerprint: str = "",
    statements: Sequence[str] = (),
) -> Path:
    """Build `published/<name>.duckdb` from the stored tables and make it the published file; returns its path.

    `fingerprint` says what the file is made from and is kept beside it with the file's own hash, written first: a crash can leave
    one without its file, never a published file without one. `statements` (macros, views) are run in the file after its tables are
    there. Nobody is to write to it from then on, so it is made read-only.
    Readers of the old file keep it; a failure before the swap leaves it byte-identical. Raises TokenchainError where a table is
    not stored.
    """
    target = home.published / f"{name}.duckdb"
    temporary = target.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    try:
        _build(temporary, store, tables, runs, home.database, statements)
        temporary.chmod(temporary.stat().st_mode & ~WRITABLE)
        fingerprint_path(target).write_text(f"{fingerprint}\n{_hash_of(temporary)}\n", encoding="utf-8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        temporary.with_name(f"{temporary.name}.wal").unlink(missing_ok=True)
    _swap(target, home)
    _forget_old_files(home)
    return home.database


def _build(
    path: Path,
    store: TableStore,
    tables: Sequence[TableClass],
    runs: Sequence[RunRecord],
    published: Path,
    statements: Sequence[str] = (),
) -> None:
    stored = {table: _require(store, table) for table in tables}
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {quoted(str(path))} AS built (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("USE built")
        for layer in LAYERS:
            connection.execute(f"CREATE SCHEMA {layer}")
        for table in tables:
            source = quoted(str(store.path(table)))
            connection.execute(f"CREATE TABLE {qualified_name(table)} AS FROM read_parquet({source})")
        changes = changes_since(connection, published)
        for meta_table, rows in _meta_rows(stored, runs, changes).items():
            connection.register("meta_rows", rows)
            connection.execute(f"CREATE TABLE {qualified_name(meta_table)} AS FROM meta_rows")
            connection.unregister("meta_rows")
        # One transaction: each comment by itself would wait for the disk.
        connection.execute("BEGIN")
        for table in (*tables, *META_TABLES):
            _comment(connection, table)
        connection.execute("COMMIT")
        for statement in statements:
            connection.execute(statement)
        connection.execute("USE memory")
        connection.execute("DETACH built")
    finally:
        connection.close()
    flush(path)


def _require(store: TableStore, table: TableClass) -> StoredTable:
    stored = store.stored(table)
    if stored is None:
        raise TokenchainError(f"{qualified_name(table)} has no stored file; run a whole refresh first")
    return stored


def _comment(connection: duckdb.DuckDBPyConnection, table: TableClass) -> None:
    name = qualified_name(table)
    connection.execute(f"COMMENT ON TABLE {name} IS {quoted(table_comment(table))}")
    for column in columns(table):
        connection.execute(f'COMMENT ON COLUMN {name}."{column.name}" IS {quoted(column.comment)}')


def _meta_rows(
    stored: Mapping[TableClass, StoredTable], runs: Iterable[RunRecord], changes: pa.Table
) -> dict[TableClass, pa.Table]:
    run_rows = [_run_row(record) for record in runs]
    dictionary = [row for table in (*stored, *META_TABLES) for row in _column_rows(table)]
    checks = [
        {
            **check,
            "table_name": note.name,
            "check_name": check["name"],
            "failing_rows": json.dumps(check["failing_rows"]) if check["failing_rows"] else None,
        }
        for note in stored.values()
        for check in note.checks
    ]
    made_here = {
        meta.Columns: len(dictionary),
        meta.Runs: len(run_rows),
        meta.Checks: len(checks),
        Changes: changes.num_rows,
    }
    made_here[meta.Tables] = len(stored) + len(META_TABLES)
    tables = [_table_row(table, note.rows, note.sql or None, note.run_id) for table, note in stored.items()] + [
        _table_row(table, made_here[table], None, None) for table in META_TABLES
    ]
    return {
        meta.Tables: arrow_table(meta.Tables, tables),
        meta.Columns: arrow_table(meta.Columns, dictionary),
        meta.Runs: arrow_table(meta.Runs, run_rows),
        meta.Checks: arrow_table(meta.Checks, checks),
        Changes: changes,
    }


def _table_row(table: TableClass, rows: int, sql: str | None, run_id: str | None) -> dict[str, Any]:
    return {
        "table_name": qualified_name(table),
        "description": table_comment(table),
        "row_count": rows,
        "sql": sql,
        "run_id": run_id,
    }


def _column_rows(table: TableClass) -> list[dict[str, Any]]:
    return [
        {
            "table_name": qualified_name(table),
            "column_name": column.name,
            "position": position,
            "data_type": column.data_type,
            "unit": column.unit,
            "meaning": column.meaning,
            "nullable": column.nullable,
            "is_key": column.is_key,
        }
        for position, column in enumerate(columns(table), start=1)
    ]


def _run_row(record: RunRecord) -> dict[str, Any]:
    def moment(text: str | None) -> dt.datetime | None:
        return dt.datetime.fromisoformat(text) if text else None

    return {
        "run_id": record.run_id,
        "started_at": moment(record.started_at),
        "finished_at": moment(record.finished_at),
        "outcome": record.outcome,
        "source": record.source,
        "code_version": record.code_version,
        "methodology_hash": record.methodology_hash,
        "responses": json.dumps(record.responses, sort_keys=True),
        "message": record.message,
        "as_of_date": dt.date.fromisoformat(record.as_of) if record.as_of else None,
    }


def _swap(target: Path, home: Home) -> None:
    """Make a published file the current one with one rename; a link, so that the kept file and the current one are the same.

    What a program wrote beside the file before goes with that one: its log would make the next one unreadable.
    """
    link = home.database.with_name(f".{home.database.name}.{os.getpid()}.tmp")
    link.unlink(missing_ok=True)
    os.link(target, link)
    _write_ahead_log(home).unlink(missing_ok=True)
    os.replace(link, home.database)


def _write_ahead_log(home: Home) -> Path:
    """Where DuckDB keeps what was written into the published file and is not in it yet; readers see it as part of the file."""
    return home.database.with_name(f"{home.database.name}.wal")


def published_files(home: Home) -> list[Path]:
    """The kept published files, oldest first."""
    return sorted(home.published.glob("*.duckdb"))


def current_file(home: Home) -> Path | None:
    """The kept file that is published now."""
    if not home.database.exists():
        return None
    return next((path for path in published_files(home) if path.samefile(home.database)), None)


def fingerprint_path(published: Path) -> Path:
    """Where it is noted what a published file was made from."""
    return published.with_suffix(".fingerprint")


def is_made_from(published: Path, fingerprint: str) -> bool:
    """Whether a kept file was made from exactly this."""
    return _noted(published)[:1] == [fingerprint]


def is_altered(home: Home) -> bool:
    """Whether somebody wrote into the published file, or beside it for its readers; what they see then is nobody's figures."""
    current = current_file(home)
    return current is not None and (_write_ahead_log(home).exists() or not _is_as_published(current))


def _is_as_published(published: Path) -> bool:
    """Whether a kept file has the hash noted of it; a note of an earlier version has none, and such a file is trusted.

    Content decides and not the time of the file, which a copy of the home folder changes.
    """
    noted = _noted(published)[1:]
    return not noted or noted == [_hash_of(published)]


def _noted(published: Path) -> list[str]:
    """What is noted of a published file: what it was made from, and its hash."""
    try:
        return fingerprint_path(published).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _hash_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _forget_old_files(home: Home) -> None:
    """Keep the last files, the current one, and the one that a rollback would go to, which may lie behind rejected ones."""
    kept = {*published_files(home)[-KEPT_FILES:], current_file(home), _earlier_file(home)}
    for path in published_files(home):
        if path not in kept:
            path.unlink()
    stems = {path.stem for path in published_files(home)}
    for pattern in ("*.fingerprint", "*.rejected"):
        for note in home.published.glob(pattern):
            if note.stem not in stems:
                note.unlink()


def _rejected_path(published: Path) -> Path:
    """The note beside a published file that an operator rolled back from."""
    return published.with_suffix(".rejected")


def _earlier_file(home: Home) -> Path | None:
    """The newest kept file before the current one that no operator rolled back from and nobody wrote into."""
    files, current = published_files(home), current_file(home)
    if current is None:
        return None
    earlier = reversed(files[: files.index(current)])
    return next((path for path in earlier if not _rejected_path(path).exists() and _is_as_published(path)), None)


def roll_back(home: Home) -> Path:
    """Publish the newest earlier file that was not rolled back from; returns it. Raises TokenchainError where there is none.

    The file it takes out of place is noted as rejected: no later rollback goes to it. For the holder of the folder's lock.
    """
    current, earlier = current_file(home), _earlier_file(home)
    if current is None or earlier is None:
        raise TokenchainError(
            f"{home.published}: holds no file older than the published one that was neither rolled back from nor written into; nothing to"
            " roll back to"
        )
    # Noted first: a kill before the swap leaves the current file in place, and the next rollback goes to the same one.
    _rejected_path(current).touch()
    _rolled_back_mark(home).write_text(earlier.name, encoding="utf-8")
    _swap(earlier, home)
    return earlier


def _rolled_back_mark(home: Home) -> Path:
    return home.published / "rolled_back"


def rolled_back_from(home: Home) -> Path | None:
    """The newest kept file, where an operator put an earlier one in its place; else None."""
    mark, current, files = _rolled_back_mark(home), current_file(home), published_files(home)
    if current is None or not mark.exists() or mark.read_text(encoding="utf-8") != current.name or files[-1] == current:
        return None
    return files[-1]
