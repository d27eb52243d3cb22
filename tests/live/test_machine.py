"""A full disk, a folder that can't be written, a clock that jumps: clear errors, the published file intact."""

from __future__ import annotations

import datetime as dt
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines import publishing, workshop
from pipelines.refreshing import Outcome
from tests.homes import COMMAND, ROOT, copied
from tests.live.reading import digest, one
from tests.live.world import LiveWorld
from warehouse.home import Home
from warehouse.publication import current_file, published_files

Refresh = Callable[..., Outcome]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 60 MB, None where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)]
    mounted = (
        os.geteuid() == 0 and subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0
    )
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(
    small_disk: Path | None, live_base: Home, environment: dict[str, str], world: LiveWorld, tmp_path: Path
) -> None:
    """On a small tmpfs; where none can be mounted, no file may grow over 100 kB, which a refresh meets in the same places."""
    place = copied(live_base, (small_disk or tmp_path) / "home")
    world.restate("AAPL", world.file("AAPL"), 1.05)
    before = digest(place.database)
    if small_disk is not None:
        with (small_disk / "ballast").open("wb") as ballast:
            free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
            ballast.write(b"\0" * max(free - 400_000, 0))
    limit = None if small_disk is not None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    full = _command(environment, place, preexec=limit)
    assert full.returncode == 1, full.stdout
    words = " ".join(full.stderr.split())
    assert "what was published before is unchanged" in words
    assert "free some space" in words.lower(), words
    assert digest(place.database) == before
    if small_disk is not None:
        (small_disk / "ballast").unlink()
    done = _command(environment, place)
    assert done.returncode == 0, done.stderr
    assert digest(place.database) != before


def _command(
    environment: dict[str, str], home: Home, preexec: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "refresh", "--source", "edgar"],
        cwd=ROOT,
        env={**environment, "TOKENCHAIN_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=preexec,
    )


def test_a_folder_that_can_not_be_written(
    small_disk: Path | None, live_base: Home, environment: dict[str, str]
) -> None:
    if small_disk is None:
        pytest.skip("needs a file system that can be mounted read-only, and so the rights of root")
    place = copied(live_base, small_disk / "home")
    before = digest(place.database)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    refused = _command(environment, place)
    assert refused.returncode == 1
    words = " ".join(refused.stderr.split())
    assert "Traceback" not in words
    assert "writable" in words, words
    assert digest(place.database) == before


def test_a_clock_set_back_is_named_and_changes_nothing(
    refresh_live: Refresh, home: Home, world: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.restate("AAPL", world.file("AAPL"), 1.05)
    before = digest(home.database)
    monkeypatch.setattr(workshop, "today", lambda: dt.date(1970, 1, 1))
    outcome = refresh_live()
    assert not outcome.succeeded
    assert outcome.message is not None
    assert "this machine's clock says 1970-01-01" in outcome.message
    assert digest(home.database) == before


def test_a_clock_set_forward_and_back_keeps_the_order_of_published_files(home: Home) -> None:
    future = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    name = publishing.next_name(home, "a" * 36, future)
    os.link(home.database, home.published / f"{name}.duckdb")
    later = publishing.next_name(home, "b" * 36, dt.datetime(2026, 11, 21, tzinfo=dt.UTC))
    assert later > name
    assert published_files(home)[-1].stem == name


def test_a_response_whose_every_row_is_bad_replaces_nothing(
    refresh_live: Refresh, home: Home, world: LiveWorld
) -> None:
    count = "SELECT count(*) FROM raw.company_facts WHERE cik = 320193"
    facts = one(home.database, count)
    for tag in world.bodies["AAPL"]["facts"].values():
        for content in tag.values():
            for rows in content["units"].values():
                for row in rows:
                    row["end"] = None
    world.file("AAPL")
    world.serve_facts("AAPL")
    outcome = refresh_live()
    assert outcome.succeeded, outcome.message
    assert outcome.record is not None
    assert "every fact breaks the raw contract" in str(outcome.record.message)
    assert one(home.database, count) == facts
    assert one(home.database, "SELECT count(*) FROM meta.quarantine WHERE cik = 320193") > 0
    assert current_file(home) is not None
