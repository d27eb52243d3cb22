"""One refresh at a time: the second one is told who holds the home folder."""

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.locking import LOOKING, HomeLock
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


@contextmanager
def a_holder(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock of a home folder; killed at the end, so that its note is left behind."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(place)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield holder
        finally:
            holder.kill()


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
    with a_holder(tmp_path), pytest.raises(HomeBusy, match="run first-run"):
        HomeLock(home, "second-run").acquire()

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


def test_a_dead_holder_is_told_after_the_sensor_has_looked(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    with a_holder(tmp_path):
        pass
    for _ in range(2):
        look = HomeLock(home, LOOKING)
        look.acquire()
        assert f"run {LOOKING}" in look.holder()
        look.release()

    refresh = HomeLock(home, "next-run")
    refresh.acquire()
    refresh.release()
    assert refresh.left_behind is not None
    assert "run first-run" in refresh.left_behind
    again = HomeLock(home, "run-after")
    again.acquire()
    again.release()
    assert again.left_behind is None


def test_a_look_leaves_no_note_where_there_was_none(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    look = HomeLock(home, LOOKING)
    look.acquire()
    look.release()
    assert not look.holder_path.exists()


def test_a_look_finds_a_living_holder_and_touches_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    lock = HomeLock(home, "")
    assert not lock.is_held()
    assert not lock.path.exists()
    with a_holder(tmp_path):
        note = lock.holder_path.read_bytes()
        assert lock.is_held()
        assert lock.holder_path.read_bytes() == note
    assert not lock.is_held()
    assert lock.holder_path.read_bytes() == note


@pytest.mark.parametrize("machine", [socket.gethostname(), "container-that-is-gone"])
def test_a_note_alone_is_no_holder(tmp_path: Path, machine: str) -> None:
    """A restarted container has another name, and a dead holder's number is soon another process's."""
    home = Home(tmp_path).create()
    lock = HomeLock(home, "")
    lock.path.touch()
    note = {"process": os.getpid(), "machine": machine, "run": "first-run", "since": "2026-01-01"}
    lock.holder_path.write_text(json.dumps(note), encoding="utf-8")
    assert not lock.is_held()


def test_a_holder_is_seen_without_its_note(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    with a_holder(tmp_path):
        lock = HomeLock(home, "")
        lock.holder_path.unlink()
        assert lock.is_held()


def test_where_the_system_has_no_such_lock_the_note_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOSYS, "no locks on this file system")

    home = Home(tmp_path).create()
    lock = HomeLock(home, "")
    lock.path.touch()
    monkeypatch.setattr("fcntl.flock", no_locks)
    assert not lock.is_held()
    note = {"process": os.getpid(), "machine": socket.gethostname(), "run": "first-run", "since": "2026-01-01"}
    lock.holder_path.write_text(json.dumps(note), encoding="utf-8")
    assert lock.is_held()
