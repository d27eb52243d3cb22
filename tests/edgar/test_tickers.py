"""SEC's ticker list: read at most once a week, held against the universe."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.edgar import EdgarSettings, Event, Filer, TickerMismatch, fetch
from pipelines.edgar.errors import BadIndex, NotJson
from pipelines.edgar.tickers import ListedCompany, check_tickers, read_tickers

from .conftest import snapshot
from .server import EdgarServer, Fault
from .world import World

LIST = "company_tickers.json"


def test_the_list_is_asked_for_once_a_week(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    start = datetime.now(UTC)
    for day, asked in [(0, 1), (1, 1), (6, 1), (8, 2), (9, 2), (14, 2), (15, 3)]:
        fetch(companies, home, settings, now=start + timedelta(days=day))
        assert (day, server.asked(LIST)) == (day, asked)


def test_a_clock_that_was_set_back_does_not_stop_the_list_from_being_asked_for(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    fetch(companies, home, settings)
    fetch(companies, home, settings, now=datetime.now(UTC) - timedelta(days=400))
    assert server.asked(LIST) == 2


def test_a_ticker_of_another_cik_stops_the_run_with_both_values(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    wrong = [companies[0], Filer("T002", 9_000_777)]
    with pytest.raises(TickerMismatch, match="T002: universe file CIK 9000777, SEC's list CIK 9000002") as caught:
        fetch(wrong, home, settings)
    assert caught.value.differences == [("T002", 9_000_777, 9_000_002)]
    assert server.paths() == ["/files/company_tickers.json"]
    with pytest.raises(TickerMismatch):
        fetch(wrong, home, settings)
    assert len(server.paths()) == 1


def test_a_predecessor_counts_as_the_same_company() -> None:
    listed = {"T002": ListedCompany(9_000_001, "T002", "Company")}
    assert check_tickers([Filer("T002", 9_000_002, successor_of=(9_000_001,))], listed) == []


def test_share_classes_are_written_with_a_hyphen_or_a_dot() -> None:
    body = b'{"0": {"cik_str": 5, "ticker": "AB-C", "title": "x"}}'
    assert check_tickers([Filer("ab.c", 5)], read_tickers(body, "u")) == []


def test_a_ticker_that_is_not_listed_is_told_and_does_not_stop_the_run(
    world: World, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    companies = world.companies(2)
    world.tickers(companies[:1])
    assert len(fetch(companies, home, settings, events.append).changed) == 2
    assert [event.message for event in events if event.kind == "ticker_unknown"] == [
        "T002 is not in SEC's ticker list (delisted or renamed?)"
    ]


@pytest.mark.parametrize("fault", [Fault("html"), Fault("body", body=b"{}"), Fault("status", status=404)])
def test_without_the_list_the_pass_goes_on_and_says_so(
    fault: Fault, world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    server.fail(LIST, fault)
    result = fetch(companies, home, settings)
    assert result.changed == (9_000_001,)
    assert [failure.kind for failure in result.failures] == ["tickers"]
    assert (result.tickers, fetch(companies, home, settings).tickers is None) == (None, False)


def test_entries_that_are_no_entries_are_left_out() -> None:
    body = b"""{"0": null, "1": {"cik_str": "x", "ticker": "A", "title": "t"},
        "2": {"cik_str": 7, "ticker": null}, "3": {"cik_str": 8, "ticker": "GOOD", "title": "Good"},
        "4": {"cik_str": 9, "ticker": "good", "title": "Second"}}"""
    assert read_tickers(body, "u") == {"GOOD": ListedCompany(8, "GOOD", "Good")}
    with pytest.raises(BadIndex):
        read_tickers(b'{"fields": []}', "u")
    with pytest.raises(NotJson):
        read_tickers(b"[]", "u")


def test_an_unchanged_list_is_confirmed_without_a_second_copy(
    world: World, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    fetch(companies, home, settings)
    before = {name for name in snapshot(home) if name.startswith("responses")}
    result = fetch(companies, home, settings, now=datetime.now(UTC) + timedelta(days=8))
    assert result.wrote is True
    assert {name for name in snapshot(home) if name.startswith("responses")} == before
