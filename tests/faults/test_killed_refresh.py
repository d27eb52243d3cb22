"""`kill -9` in the middle of a refresh: the published file opens and is the old or the new one, and the next refresh works.

A refresh is killed by itself: at a given replacement of a file, before or after it, or after a random time. Responses are changed for
the early moments; for the late ones the tables are current and only the published file is missing, so that publication starts at once.
"""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import duckdb

from tests.homes import CIKS, ROOT, alter, bundled_copy, command_environment, refresh_here
from warehouse.home import Home
from warehouse.run_log import read

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from warehouse.home import Home

home, source, number, place = Home.resolve(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
replace, count = os.replace, 0

def replace_and_die(source, target, **options):
    global count
    ours = home.root in Path(target).parents and home.dagster not in Path(target).parents
    count += ours
    if ours and count == number and place == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target, **options)
    if ours and count == number:
        os.kill(os.getpid(), signal.SIGKILL)

os.replace = replace_and_die
from pipelines.refreshing import refresh
outcome = refresh(home, source)
sys.exit(f"not killed: {outcome}")
"""
RANDOM = random.Random(20260731)


def start(*arguments: str | int | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", *map(str, arguments)], cwd=ROOT, env=command_environment(None), stdout=subprocess.DEVNULL
    )


def companies(home: Home) -> int:
    with duckdb.connect(str(home.database), read_only=True) as connection:
        found: int = connection.execute("SELECT count(*) FROM core.companies").fetchall()[0][0]
    return found


def change_a_value(source: Path) -> Path:
    def change(content: dict[str, dict[str, dict[str, dict[str, dict[str, list[dict[str, int]]]]]]]) -> None:
        content["facts"]["us-gaap"]["Revenues"]["units"]["USD"][-1]["val"] += 1_000_000

    alter(source, "NVDA", change)
    return source


def assert_the_next_refresh_works(home: Home) -> None:
    outcome = refresh_here(home)

    assert outcome.succeeded, outcome.message
    assert companies(home) == len(CIKS)
    leftovers = [path for path in home.root.rglob("*.tmp*") if home.dagster not in path.parents]
    assert leftovers == []


def kill_at(home: Home, source: str | Path, number: int, place: str) -> None:
    """A refresh that kills itself before or after its n-th replacement of a file in the home folder."""
    with start(KILLED_AT, home.root, source, number, place) as process:
        assert process.wait() == -signal.SIGKILL


def kill_at_a_random_moment(home: Home, source: Path) -> bool:
    """The command as a user starts it, killed after some seconds; tells whether it was done before."""
    arguments = ("from pipelines.cli import main; main()", "refresh", "--source", source, "--home", home.root)
    with start(*arguments) as process:
        try:
            return process.wait(timeout=RANDOM.uniform(1, 6)) == 0
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
    return False


def test_killed_while_it_lands_and_loads(home: Home, tmp_path: Path) -> None:
    source = change_a_value(bundled_copy(tmp_path / "source"))
    published = home.database.read_bytes()
    # The changed response takes its name, then a table's file is there and its note is not.
    for number, place in ((1, "before"), (2, "after")):
        kill_at(home, source, number, place)
        assert home.database.read_bytes() == published
        assert read(home.run_log)[-1].outcome == "started"
    is_done = kill_at_a_random_moment(home, source)
    assert is_done or home.database.read_bytes() == published
    assert companies(home) == len(CIKS)

    assert_the_next_refresh_works(home)
    assert is_done or home.database.read_bytes() == published, "the responses are the old ones again"


def test_killed_while_it_publishes(home: Home) -> None:
    old = home.database.read_bytes()
    for note in home.published.glob("*fingerprint"):
        note.write_text("made from something else")
    # The finished file has its own name, then the published name is swapped.
    kill_at(home, "bundled", 2, "before")
    assert home.database.read_bytes() == old
    kill_at(home, "bundled", 2, "after")
    new = home.database.read_bytes()
    assert new != old
    assert companies(home) == len(CIKS)

    assert_the_next_refresh_works(home)
    assert home.database.read_bytes() == new, "it was complete"
