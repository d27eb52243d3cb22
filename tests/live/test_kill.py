"""SIGKILL at every step and at random moments: the published file is the old one or the new one, and the next refresh goes on."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from pipelines.catalogue import SOURCE_TABLES, all_tables
from schemas.base import qualified_name
from tests.edgar.server import EdgarServer, serving
from tests.live.forked import Forked
from tests.live.reading import digest, newest_income, query
from tests.live.world import LiveWorld
from warehouse.home import Home
from warehouse.reference_files import REFERENCE_TABLES

KILLS = 100
SEED = 20_261_121


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveWorld, EdgarServer, Home]]:
    """A world of one company of its own, and the home folder that all tests of this module go on with."""
    folder = tmp_path_factory.mktemp("killed")
    world = LiveWorld(folder, ["AAPL"])
    with serving(world.folder) as server:
        yield world, server, Home.resolve(folder / "home")


@pytest.fixture(scope="module")
def forked(served: tuple[LiveWorld, EdgarServer, Home]) -> Iterator[Forked]:
    world, server, home = served
    refreshes = Forked(world.environment(server.url, home.root))
    first = refreshes.run(home.root)
    assert first["outcome"] == "published", first
    yield refreshes
    refreshes.close()


def assert_whole(database: Path) -> None:
    """The file opens, and every table holds the rows that the file says of it."""
    connection = duckdb.connect(str(database), read_only=True)
    try:
        told = "SELECT table_name, row_count FROM meta.tables WHERE row_count IS NOT NULL"
        for name, rows in connection.execute(told).fetchall():
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchall() == [(rows,)], name
    finally:
        connection.close()


def boundaries(tables: list[str]) -> list[str]:
    """The last table of each of Dagster's steps: some steps make several and tell of them together."""
    together = [set(map(qualified_name, step)) for step in (REFERENCE_TABLES, SOURCE_TABLES)]
    within = [step - {max(step, key=tables.index)} for step in together]
    return [table for table in tables if not any(table in step for step in within)]


@pytest.fixture
def complete(tmp_path: Path) -> Iterator[tuple[LiveWorld, Home, Forked]]:
    """A world, a refreshed home folder, and refreshes of every table there is."""
    world = LiveWorld(tmp_path, ["AAPL"])
    with serving(world.folder) as server:
        home = Home.resolve(tmp_path / "home")
        refreshes = Forked(world.environment(server.url, home.root), every_table=True)
        first = refreshes.run(home.root)
        assert first["outcome"] == "published", first
        yield world, home, refreshes
        refreshes.close()


@pytest.mark.long
def test_killed_after_every_step(complete: tuple[LiveWorld, Home, Forked]) -> None:
    world, home, forked = complete
    steps = forked.run(home.root)["steps"]
    assert sorted(steps) == sorted([*map(qualified_name, all_tables()), "warehouse_duckdb"])
    assert steps[-1] == "warehouse_duckdb"
    world.restate("AAPL", world.file("AAPL"), 1.01)
    before = digest(home.database)
    for step in boundaries(steps[:-1]):
        ended = forked.run(home.root, kill_after_step=step)
        assert ended["signal"] == signal.SIGKILL, (step, ended)
        assert digest(home.database) == before, step
    # The new file is there under its own name, and not yet in the old one's place.
    assert forked.run(home.root, kill_after_replace=1)["signal"] == signal.SIGKILL
    assert digest(home.database) == before
    # Swapped in, and killed before any record of it was written: the file is the new one.
    income = newest_income(home.database)
    assert forked.run(home.root, kill_after_replace=2)["signal"] == signal.SIGKILL
    assert_whole(home.database)
    assert newest_income(home.database) == pytest.approx(income * 1.01, rel=1e-6)
    assert query(home.database, "SELECT DISTINCT entity FROM meta.changes WHERE kind = 'restated_value'") == [("AAPL",)]
    after = digest(home.database)
    finished = forked.run(home.root)
    assert (finished["outcome"], finished["message"]) == ("unchanged", None)
    assert digest(home.database) == after
    assert leftovers(home) == []


@pytest.mark.long
def test_killed_at_random_moments(served: tuple[LiveWorld, EdgarServer, Home], forked: Forked) -> None:
    import time

    world, _, home = served
    randomness = random.Random(SEED)
    started = time.monotonic()
    assert forked.run(home.root)["outcome"] in ("published", "unchanged")
    whole = time.monotonic() - started
    percent, kills, published = 1.0, 0, 0
    old, new = state(home.database), None
    seen = digest(home.database)
    while kills < KILLS:
        if new is None:
            # What was there to publish is published: let there be something new.
            percent += 0.001
            new = restated(world, 1 + percent / 100, old)
        ended = forked.run_and_kill(home.root, randomness.uniform(0, whole * 1.5))
        kills += ended["signal"] == signal.SIGKILL
        assert ended["signal"] == signal.SIGKILL or ended["outcome"] in ("published", "unchanged"), ended
        now = digest(home.database)
        if now == seen:
            assert state(home.database) == old
            continue
        # Another file than before is in place, so it must be the whole new one.
        assert_whole(home.database)
        assert state(home.database) == new
        old, new, seen, published = new, None, now, published + 1
    finished = forked.run(home.root)
    assert finished["message"] is None
    assert published > 0
    assert_whole(home.database)
    assert state(home.database) == (new or old)
    assert forked.run(home.root)["outcome"] == "unchanged"
    assert leftovers(home) == []


def state(database: Path) -> tuple[float, int]:
    """What tells one state of the world from the next: the newest income and the number of filings."""
    ((filings,),) = query(database, "SELECT count(*) FROM raw.filings")
    return newest_income(database), filings


def restated(world: LiveWorld, factor: float, old: tuple[float, int]) -> tuple[float, int]:
    """Serve a filing that restates the newest income; returns the state that a refresh must publish, worked out from what is served."""
    before = world.restate("AAPL", world.file("AAPL"), factor)
    new = float(round(before["val"] * factor)), old[1] + 1
    assert new[0] != old[0]
    return new


def leftovers(home: Home) -> list[str]:
    return [str(path) for path in home.root.rglob("*.tmp*") if "dagster" not in path.parts]


def test_runs_of_killed_processes_do_not_block_the_queue(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.instance import close_dead_runs
    from warehouse.run_log import RunRecord, append, now

    dead, ended, alive = (str(number) * 8 for number in (1, 2, 3))
    with dg.DagsterInstance.ephemeral() as instance:
        for run_id in (dead, ended, alive):
            instance.add_run(dg.DagsterRun("refresh", run_id=run_id, status=dg.DagsterRunStatus.STARTED))
        append(home.run_log, RunRecord(dead, now(), "started", "edgar", "0", "0"))
        append(home.run_log, RunRecord(ended, now(), "started", "edgar", "0", "0"))
        append(home.run_log, RunRecord(ended, now(), "published", "edgar", "0", "0"))
        append(home.run_log, RunRecord(alive, now(), "started", "edgar", "0", "0"))
        assert close_dead_runs(instance, home, own_run_id=alive) == [dead]
        found = instance.get_run_by_id(dead)
        assert found is not None
        assert found.status == dg.DagsterRunStatus.FAILURE


def test_a_run_that_waited_in_the_queue_for_hours_and_is_just_starting_is_not_dead(tmp_path: Path) -> None:
    from pipelines.instance import close_dead_runs

    now = dt.datetime.now(dt.UTC)
    starting = dg.DagsterEvent(dg.DagsterEventType.RUN_STARTING.value, job_name="refresh")
    with dg.DagsterInstance.ephemeral() as instance:
        for run_id, started_at in (("waited", now), ("dead", now - dt.timedelta(hours=2))):
            run = dg.DagsterRun("refresh", run_id=run_id, status=dg.DagsterRunStatus.NOT_STARTED)
            instance.run_storage.add_historical_run(run, now - dt.timedelta(hours=3))
            instance.run_storage.handle_run_event(run_id, starting, started_at)
        assert close_dead_runs(instance, Home.resolve(tmp_path)) == ["dead"]


def test_a_second_refresh_says_who_holds_the_folder_and_a_dead_holder_is_recognised(
    refresh_live: object, home: Home, told: list[str]
) -> None:
    import subprocess
    import sys

    from pipelines.locking import HomeLock
    from tests.homes import ROOT

    assert callable(refresh_live)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from pipelines.locking import HomeLock; from warehouse.home import Home;"
            "lock = HomeLock(Home(Path(sys.argv[1])), 'the-run'); lock.acquire(); print('held', flush=True); time.sleep(600)",
            str(home.root),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert HomeLock(home, "").is_held()
        outcome = refresh_live()
        assert not outcome.succeeded
        # The sentence as it stands, without the name of an exception.
        assert outcome.message.startswith(f"{home.root}: another refresh holds this home folder")
        assert f"process {holder.pid} on " in outcome.message
        assert "run the-run" in outcome.message
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert not HomeLock(home, "").is_held()
    outcome = refresh_live()
    assert (outcome.succeeded, outcome.record.outcome) == (True, "unchanged"), outcome.message
    assert any(f"process {holder.pid} " in line and "going on" in line for line in told)
