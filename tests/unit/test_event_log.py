"""Dagster's SQLite storage during a refresh: no waiting for the disk at each event, and everything is there afterwards."""

from pathlib import Path

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy.pool import NullPool

from pipelines.event_log import cheap_event_log

NORMAL = 1


def engine(path: Path) -> sqlalchemy.Engine:
    made = sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with made.connect() as connection:
        connection.execute(sqlalchemy.text("PRAGMA journal_mode = WAL"))
    return made


def write(made: sqlalchemy.Engine) -> int:
    """Write in a connection of its own; how a commit waits for the disk."""
    with made.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE IF NOT EXISTS events (id INTEGER)"))
        connection.execute(sqlalchemy.text("INSERT INTO events VALUES (1)"))
        found = connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar_one()
    assert isinstance(found, int)
    return found


def test_the_write_ahead_log_is_emptied_once_at_the_end_and_not_at_each_connection(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    log = path.with_name("index.db-wal")
    with cheap_event_log():
        made = engine(path)
        assert [write(made), write(made)] == [NORMAL, NORMAL]
        assert log.stat().st_size > 0
    assert not log.exists()
    with made.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM events")).scalar_one() == 2


def test_connections_outside_of_it_are_as_they_were(tmp_path: Path) -> None:
    with cheap_event_log():
        pass
    made = engine(tmp_path / "other.db")

    assert write(made) != NORMAL
    assert not (tmp_path / "other.db-wal").exists()
    assert vars(sqlite_event_log)["create_engine"] is sqlalchemy.create_engine


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
