"""Cheap writes into Dagster's SQLite storage while a refresh runs.

What belongs here: how this process treats those files. What does not: where they are and what is in them (Dagster's own storage).
With PostgreSQL as the storage nothing here has any effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

# Where Dagster makes an engine anew for each connection to a SQLite file.
STORAGES = (
    "event_log.sqlite.sqlite_event_log",
    "runs.sqlite.sqlite_run_storage",
    "schedules.sqlite.sqlite_schedule_storage",
)


@contextmanager
def cheap_event_log() -> Iterator[None]:
    """Keep one SQLAlchemy engine with open connections per SQLite file of Dagster's, instead of a new one for every event.

    Of its own accord Dagster makes an engine and a connection for each of 1,600 events and disposes of them again. A new engine
    compiles each statement anew, closing the last connection of a file makes SQLite empty the write-ahead log onto the disk, and
    every commit waits for the disk. Here the engines stay until the end and commits do not wait (`synchronous = NORMAL`). A power
    cut can then cost the last events of the run, never the file; what a run did is also in the run log.
    """
    engines: dict[str, Engine] = {}
    with ExitStack() as changed:
        for name in STORAGES:
            module: Any = import_module(f"dagster._core.storage.{name}")
            changed.callback(setattr, module, "create_engine", module.create_engine)
            module.create_engine = _keeping(module.create_engine, engines)
        try:
            yield
        finally:
            for engine in engines.values():
                engine.pool.close()  # type: ignore[attr-defined]


def _keeping(make: Any, engines: dict[str, Engine]) -> Any:
    """A stand-in for `create_engine` that gives back the engine made before for the same file."""
    # Imported late: Dagster brings it, and commands without a run do not need it.
    from sqlalchemy import event
    from sqlalchemy.pool import QueuePool

    class KeptPool(QueuePool):
        """A pool that outlives `Engine.dispose`, which Dagster calls after every event."""

        def dispose(self) -> None:
            """Keep the connections."""

        def recreate(self) -> KeptPool:
            """Stay the engine's pool after it was disposed of."""
            return self

        def close(self) -> None:
            """Close the connections at last."""
            super().dispose()

    def kept(url: str, **options: Any) -> Engine:
        if url not in engines:
            engines[url] = make(url, **{**options, "poolclass": KeptPool})
            event.listen(engines[url], "connect", _do_not_wait)
        return engines[url]

    return kept


def _do_not_wait(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
