"""Fixtures of all tests: an engine for inline rows, and one real refresh of the bundled filings for the whole session.

What belongs here: fixtures that several folders use. What does not: rows (`tests.tables`) and homes to break (`tests.homes`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import ibis
import pytest

from tests.homes import copied, refresh_here
from warehouse.engine import Engine
from warehouse.home import Home

ENVIRONMENT = ("DAGSTER_HOME", "TOKENCHAIN_HOME", "TOKENCHAIN_SOURCE", "TOKENCHAIN_UNIVERSE")


def is_setting(name: str) -> bool:
    """Whether an environment variable is a setting of the project: home, source, companies, webhook, EDGAR client, run storage."""
    return name.startswith("TOKENCHAIN_") or name in ("DAGSTER_HOME", "SEC_USER_AGENT")


def pytest_configure() -> None:
    """Forget the user's settings before a test module is read: modules read some when they are imported, and a failing refresh
    would message the user's webhook."""
    for name in list(filter(is_setting, os.environ)):
        del os.environ[name]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """One engine for all inline tables."""
    opened = Engine()
    yield opened
    opened.close()


@pytest.fixture(scope="session", autouse=True)
def _default_backend_closed() -> Iterator[None]:
    """Close the engine that Ibis opens by itself for in-memory tables; left open, it complains at the end of the process."""
    yield
    backend = ibis.options.default_backend
    if backend is not None:
        backend.disconnect()
        ibis.options.default_backend = None


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's home folder or source, nor what a refresh set in the one before."""
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home folder of one refresh of the bundled filings; tests only read it, `home` is a copy to change."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ENVIRONMENT:
            environment.setenv(name, "")
            environment.delenv(name)
        place = Home.resolve(tmp_path_factory.mktemp("refreshed") / "home")
        outcome = refresh_here(place)
        assert outcome.succeeded, outcome.message
    return place


@pytest.fixture(scope="session")
def published(refreshed: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, opened read-only as an analyst would."""
    connection = duckdb.connect(str(refreshed.database), read_only=True)
    yield connection
    connection.close()


@pytest.fixture
def home(refreshed: Home, tmp_path: Path) -> Home:
    """A copy of the refreshed home folder."""
    return copied(refreshed, tmp_path / "home")
