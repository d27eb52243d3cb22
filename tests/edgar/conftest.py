"""Fixtures of the EDGAR tests: a world, a server over it, settings that point there, a home folder."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.edgar import EdgarSettings, Event, Filer, fetch

from .server import EdgarServer, serving
from .world import SHARED, MadeUpFiling, World, first_filing, quarter_filing

FEBRUARY = datetime(2026, 2, 20, tzinfo=UTC)
MAY = datetime(2026, 5, 6, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty folder to serve from."""
    return World(tmp_path / "served")


@pytest.fixture
def server(world: World) -> Iterator[EdgarServer]:
    """A running server over the world."""
    with serving(world.folder) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def make_settings(server: EdgarServer, tmp_path: Path) -> Callable[..., EdgarSettings]:
    """Settings for the local server: the highest rate allowed, short waits, a count of its own."""

    def make(**changes: object) -> EdgarSettings:
        values: dict[str, Any] = {
            "user_agent": "Warehouse Tests tests@example.com",
            "data_url": server.url,
            "www_url": server.url,
            "state_directory": tmp_path / "state",
            "requests_per_second": 10,
            "retry_wait_seconds": 0.01,
            "retry_wait_maximum_seconds": 0.05,
            "block_pause_seconds": 1.0,
        }
        return EdgarSettings(**{**values, **changes})

    return make


@pytest.fixture
def settings(make_settings: Callable[..., EdgarSettings]) -> EdgarSettings:
    """The usual settings for the local server."""
    return make_settings()


@pytest.fixture
def events() -> list[Event]:
    """A list to collect events in: pass `events.append`."""
    return []


@pytest.fixture
def real_filings() -> Path:
    """The folder of real captures; skips the test where it is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"the real captures are not at {SHARED.name}: this test needs the sibling folder shared/filings")
    return SHARED


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below a folder with its content and time of change in nanoseconds."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def awaiting(world: World, home: Path, settings: EdgarSettings, count: int) -> tuple[list[Filer], MadeUpFiling]:
    """Return companies fetched in February and in May, and the report of the first one that only the second pass's index holds."""
    companies = world.companies(count)
    fetch(companies, home, settings, now=FEBRUARY)
    filing = quarter_filing(9_000_001)
    world.index(9_000_001, [filing, first_filing(9_000_001)])
    fetch(companies, home, settings, now=MAY)
    return companies, filing
