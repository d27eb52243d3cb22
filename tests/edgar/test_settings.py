"""Settings: the contact SEC asks for, and values that are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.edgar import EdgarSettings, MissingContact, bulk_load, fetch, look, read_settings
from warehouse.errors import ConfigurationError

from .conftest import snapshot
from .server import EdgarServer
from .world import World


@pytest.mark.parametrize(
    "agent", ["", "   ", "A Name Without Address", "Tests tests@example.com\nX-Other: 1", "Größe a@b.org"]
)
@pytest.mark.parametrize("act", [fetch, look, bulk_load])
def test_without_a_contact_there_is_no_request_and_the_remedy_is_named(
    agent: str,
    act: Callable[..., object],
    world: World,
    server: EdgarServer,
    home: Path,
    make_settings: Callable[..., EdgarSettings],
) -> None:
    companies = world.companies(2)
    with pytest.raises(MissingContact, match="export SEC_USER_AGENT="):
        act(companies, home, make_settings(user_agent=agent))
    assert server.log == []
    assert not home.exists()


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEC_USER_AGENT", "Somebody somebody@example.com")
    monkeypatch.setenv("TOKENCHAIN_EDGAR_DATA_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("TOKENCHAIN_EDGAR_REQUESTS_PER_SECOND", "3")
    settings = EdgarSettings()
    assert settings.contact() == "Somebody somebody@example.com"
    assert (settings.data_url, settings.www_url) == ("http://127.0.0.1:1", "https://www.sec.gov")
    assert (settings.requests_per_second, settings.block_pause_seconds) == (3, 600)


def test_the_defaults_are_polite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEC_USER_AGENT", raising=False)
    settings = EdgarSettings()
    assert settings.requests_per_second == 5
    with pytest.raises(MissingContact, match="it is not set"):
        settings.contact()


@pytest.mark.parametrize(
    "bad",
    [
        {"requests_per_second": 11},
        {"requests_per_second": 0},
        {"data_url": "ftp://example.com"},
        {"www_url": "example.com"},
    ],
)
def test_values_out_of_bounds_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EdgarSettings(**bad)


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("TOKENCHAIN_EDGAR_REQUESTS_PER_SECOND", "20", "less than or equal to 10"),
        ("TOKENCHAIN_EDGAR_REQUESTS_PER_SECOND", "many", "valid integer"),
        ("TOKENCHAIN_EDGAR_WWW_URL", "example.com", "must start with https://"),
        ("TOKENCHAIN_EDGAR_FILINGS_SINCE", "long ago", "date"),
    ],
)
@pytest.mark.parametrize("act", [fetch, look, bulk_load])
def test_a_bad_variable_is_named_with_its_value_and_the_remedy(
    act: Callable[..., object], variable: str, value: str, rule: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEC_USER_AGENT", "Somebody somebody@example.com")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"{variable} is '{value}', .*{rule}.*Correct it .* or unset it"):
        act([], home)
    assert not home.exists()


def test_every_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENCHAIN_EDGAR_WORKERS", "0")
    monkeypatch.setenv("TOKENCHAIN_EDGAR_ATTEMPTS", "99")
    with pytest.raises(ConfigurationError, match=r"TOKENCHAIN_EDGAR_WORKERS is '0'.*TOKENCHAIN_EDGAR_ATTEMPTS is '99'"):
        read_settings()


def test_every_request_carries_the_contact_and_accepts_gzip(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    fetch(world.companies(1), home, settings)
    assert {logged.headers["user-agent"] for logged in server.log} == {settings.user_agent}
    assert {logged.headers["accept-encoding"] for logged in server.log} == {"gzip"}
    assert snapshot(home)
