"""One refresh at a time: the second one is told who holds the home folder."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.locking import HomeLock
from tests.homes import ROOT
from warehouse.errors import HomeBusy
from warehouse.home import Home

HOLD = """
import sys, time
from pathlib import Path
from pipelines.locking import HomeLock
from warehouse.home import Home
lock = HomeLock(Home(Path(sys.argv[1])), "first-run")
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_the_second_refresh_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    first, second = HomeLock(home, "first-run"), HomeLock(home, "second-run")
    first.acquire()
    try:
        with pytest.raises(HomeBusy) as busy:
            second.acquire()
    finally:
        first.release()

    for part in (str(tmp_path), f"process {os.getpid()}", socket.gethostname(), "run first-run", "wait for it"):
        assert part in str(busy.value)


def test_a_lock_given_back_can_be_taken(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    for run in ("first-run", "second-run"):
        lock = HomeLock(home, run)
        lock.acquire()
        assert run in lock.holder()
        lock.release()

    assert HomeLock(home, "").holder() == "an unknown process"


def test_a_holder_that_died_does_not_block_the_next_refresh(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(HomeBusy, match="run first-run"):
                HomeLock(home, "second-run").acquire()
        finally:
            holder.kill()

    next_lock = HomeLock(home, "next-run")
    next_lock.acquire()
    assert "run next-run" in next_lock.holder()
    next_lock.release()


def test_a_damaged_note_about_the_holder_is_no_obstacle(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    first = HomeLock(home, "first-run")
    first.acquire()
    first.holder_path.write_text("{cut")
    try:
        with pytest.raises(HomeBusy, match="an unknown process"):
            HomeLock(home, "second-run").acquire()
    finally:
        first.release()
