"""Fixtures of the live tests: one server, one refreshed home folder of a small world, and copies of both for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines import workshop
from pipelines.refreshing import Outcome, refresh
from tests.edgar.server import EdgarServer, serving
from tests.homes import copied
from tests.live.world import LiveWorld
from warehouse.home import Home

Refresh = Callable[..., Outcome]


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgarServer]:
    """One server for the session: addresses are part of what a home folder remembers, so its port must stay."""
    with serving(tmp_path_factory.mktemp("nothing")) as server:
        yield server


@pytest.fixture(scope="session")
def live_base(live_server: EdgarServer, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home folder after one refresh from the small world; tests only copy it."""
    folder = tmp_path_factory.mktemp("live")
    world = LiveWorld(folder)
    live_server.folder = world.folder
    home = Home.resolve(folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        steady_code(patch)
        for name, value in world.environment(live_server.url, home.root).items():
            patch.setenv(name, value)
        outcome = refresh(home, "edgar", world.universe)
    assert outcome.succeeded, outcome.message
    return home


def steady_code(patch: pytest.MonkeyPatch) -> None:
    """Let tables depend on the data alone: a source or configuration file saved while tests run must not make them anew."""
    patch.setattr(workshop, "code_hash", lambda: "0" * 64)
    patch.setattr(workshop, "content_hash", lambda *_: "0" * 64)


@pytest.fixture
def world(live_base: Home, live_server: EdgarServer, tmp_path: Path) -> LiveWorld:
    """A world of the test's own, at the state of the refreshed home folder."""
    made = LiveWorld(tmp_path)
    # The universe file is part of what tables are made from, so its path may change and its content not.
    live_server.folder = made.folder
    live_server.before_answer = None
    live_server.forget_faults()
    live_server.clear()
    return made


@pytest.fixture
def home(live_base: Home, tmp_path: Path) -> Home:
    """A copy of the refreshed home folder."""
    return copied(live_base, tmp_path / "home")


@pytest.fixture
def environment(
    world: LiveWorld, live_server: EdgarServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of a refresh, set in this process too."""
    steady_code(monkeypatch)
    values = world.environment(live_server.url, home.root)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def told() -> list[str]:
    """The lines that refreshes tell a watcher."""
    return []


@pytest.fixture
def refresh_live(environment: dict[str, str], world: LiveWorld, home: Home, told: list[str]) -> Refresh:
    """Refresh the home folder from the world, in this process."""

    def run(source: str = "edgar") -> Outcome:
        return refresh(home, source, world.universe, teller=told.append)

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that begin with whole refreshes from the server take minutes: they are long."""
    for item in items:
        if "live_base" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)
