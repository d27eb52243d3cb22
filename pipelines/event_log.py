"""Cheap writes into Dagster's SQLite storage while a refresh runs.

What belongs here: how this process treats those files. What does not: where they are and what is in them (Dagster's own storage).
With PostgreSQL as the storage nothing here has any effect.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def cheap_event_log() -> Iterator[None]:
    """Let Dagster's events reach SQLite's write-ahead log without waiting for the disk each time.

    Dagster opens and closes a connection for every event, 1,600 in a refresh. Closing the last connection of a file makes SQLite
    empty the write-ahead log onto the disk, and every commit waits for the disk too: on a busy disk that is most of a refresh
    in which nothing changed. One idle connection per file, kept until the end, prevents the first, `synchronous = NORMAL` the
    second. A power cut can then cost the last events of the run, never the file; what a run did is also in the run log.
    """
    # Imported late: Dagster brings it, and commands without a run do not need it.
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    kept: dict[str, sqlite3.Connection] = {}

    def connected(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = NORMAL")
            _keep(connection, kept)

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)
        for connection in kept.values():
            connection.close()


def _keep(connection: sqlite3.Connection, kept: dict[str, sqlite3.Connection]) -> None:
    """Have an idle connection to the same file that takes part in its write-ahead log."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    if not path:
        return
    if path not in kept:
        # Dagster may connect from other threads; only one at a time comes here, and the idle connection is never written to.
        kept[path] = sqlite3.connect(path, check_same_thread=False)
    # A connection takes part from its first read after the file was switched to a write-ahead log.
    kept[path].execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
