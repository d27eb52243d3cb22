"""Dagster's SQLite storage during a refresh: no waiting for the disk at each event, and everything is there afterwards."""

import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from pipelines.event_log import STORAGES, cheap_event_log

NORMAL = 1


def engine_of(storage: str, path: Path) -> sqlalchemy.Engine:
    """An engine as Dagster's storage makes it for every connection."""
    module: Any = import_module(f"dagster._core.storage.{storage}")
    made: sqlalchemy.Engine = module.create_engine(f"sqlite:///{path}", poolclass=NullPool)
    return made


def write(storage: str, path: Path) -> int:
    """Write in an engine of its own, disposed of afterwards; how a commit waits for the disk."""
    made = engine_of(storage, path)
    with made.begin() as connection:
        connection.execute(sqlalchemy.text("PRAGMA journal_mode = WAL"))
        connection.execute(sqlalchemy.text("CREATE TABLE IF NOT EXISTS events (id INTEGER)"))
        connection.execute(sqlalchemy.text("INSERT INTO events VALUES (1)"))
        found = connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar_one()
    made.dispose()
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("storage", STORAGES)
def test_the_write_ahead_log_is_emptied_once_at_the_end_and_not_at_each_connection(
    storage: str, tmp_path: Path
) -> None:
    path = tmp_path / "index.db"
    log = path.with_name("index.db-wal")
    with cheap_event_log():
        assert [write(storage, path), write(storage, path)] == [NORMAL, NORMAL]
        assert log.stat().st_size > 0
    assert not log.exists()
    with engine_of(storage, path).connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM events")).scalar_one() == 2


@pytest.mark.parametrize("storage", STORAGES)
def test_engines_outside_of_it_are_as_they_were(storage: str, tmp_path: Path) -> None:
    with cheap_event_log():
        pass

    assert write(storage, tmp_path / "other.db") != NORMAL
    assert not (tmp_path / "other.db-wal").exists()


def test_others_read_the_events_while_the_run_goes_on(tmp_path: Path) -> None:
    seen: list[int] = []

    @dg.asset
    def one() -> None:
        """An asset."""

    @dg.asset(deps=[one])
    def two() -> None:
        """Look past Dagster at what is in the file, as the UI's process would."""
        index = sqlite3.connect(tmp_path / "history" / "runs" / "index.db")
        query = "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        seen.extend(index.execute(query).fetchone())
        index.close()

    with cheap_event_log(), dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert dg.materialize([one, two], instance=instance).success

    assert seen == [1]


def test_an_instance_has_the_run_and_its_events_afterwards(tmp_path: Path) -> None:
    @dg.asset
    def one() -> None:
        """An asset."""

    with cheap_event_log(), dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = dg.materialize([one], instance=instance)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        events = [record.dagster_event_type for record in instance.all_logs(result.run_id) if record.is_dagster_event]

    assert dg.DagsterEventType.ASSET_MATERIALIZATION in events
    assert dg.DagsterEventType.RUN_SUCCESS in events
    assert not list(tmp_path.rglob("*.db-wal"))
