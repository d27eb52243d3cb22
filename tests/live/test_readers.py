"""Twenty readers query the published file without a pause while refreshes replace it: no error, never a mixture."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edgar.server import serving
from tests.homes import ROOT
from tests.live.forked import Forked
from tests.live.reading import newest_income
from tests.live.world import LiveWorld
from warehouse.home import Home

READERS = 20
REFRESHES = 10

# One connection per look. A state is whole when the value in `core.quarters` is the one that the filing's fact in
# `raw.company_facts` gives, and the run that `meta.runs` ends with computed the table.
READER = """
import json, sys, time
from pathlib import Path
import duckdb
database, stop = sys.argv[1], Path(sys.argv[2])
looks, states, errors = 0, set(), []
while not stop.exists():
    try:
        connection = duckdb.connect(database, read_only=True)
        ((run,),) = connection.execute("SELECT run_id FROM meta.runs ORDER BY rowid DESC LIMIT 1").fetchall()
        ((value, period),) = connection.execute(
            "SELECT max_by(value, period_end_date), max(period_end_date) FROM core.quarters"
            " WHERE ticker = 'AAPL' AND concept = 'net_income'"
        ).fetchall()
        time.sleep(0.3)
        ((fact,),) = connection.execute(
            "SELECT max_by(value, accession) FROM raw.company_facts WHERE cik = 320193 AND tag = 'NetIncomeLoss'"
            f" AND period_end_date = DATE '{period}' AND date_diff('day', period_start_date, period_end_date) < 120"
            " AND accession LIKE '%-26-9%'"
        ).fetchall()
        ((made,),) = connection.execute("SELECT run_id FROM meta.tables WHERE table_name = 'core.quarters'").fetchall()
        connection.close()
        if (fact is not None and fact != value) or made != run:
            errors.append(f"mixture: {run} {made} {value} {fact}")
        states.add(run)
        looks += 1
    except Exception as error:
        errors.append(f"{type(error).__name__}: {error}")
    time.sleep(0.3)
print(json.dumps({"looks": looks, "states": sorted(states), "errors": errors[:3]}))
"""


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[tuple[LiveWorld, Home, Forked]]:
    world = LiveWorld(tmp_path, ["AAPL"])
    with serving(world.folder) as server:
        home = Home.resolve(tmp_path / "home")
        refreshes = Forked(world.environment(server.url, home.root))
        assert refreshes.run(home.root)["outcome"] == "published"
        yield world, home, refreshes
        refreshes.close()


@pytest.mark.long
def test_readers_see_whole_states_only(reading: tuple[LiveWorld, Home, Forked], tmp_path: Path) -> None:
    world, home, refreshes = reading
    stop = tmp_path / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(home.database), str(stop)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(READERS)
    ]
    values = [newest_income(home.database)]
    try:
        for number in range(REFRESHES):
            world.restate("AAPL", world.file("AAPL"), 1.01 + number / 1000)
            assert refreshes.run(home.root)["outcome"] == "published"
            values.append(newest_income(home.database))
    finally:
        stop.touch()
        reports = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]
    assert len(set(values)) == REFRESHES + 1
    assert [report["errors"] for report in reports] == [[]] * READERS
    assert all(report["looks"] > 0 for report in reports)
    # Together they saw the file change again and again, or nothing was put to the test.
    assert len({state for report in reports for state in report["states"]}) >= REFRESHES // 2
