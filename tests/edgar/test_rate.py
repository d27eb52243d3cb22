"""The request rate, judged by the server's own log: no second holds more arrivals than the limit."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.edgar import EdgarSettings, fetch
from pipelines.edgar.errors import StorageError
from pipelines.edgar.rate import IN_FLIGHT_MILLISECONDS, TABLE, RequestRate

from .process import PassProcess
from .server import EdgarServer, Fault, largest_second
from .world import World


def test_eight_workers_and_forty_companies_stay_within_the_limit(
    world: World, server: EdgarServer, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(40)
    result = fetch(companies, home, make_settings(workers=8))
    assert len(result.changed) == 40
    assert len(server.log) == 81
    assert largest_second(server.log) <= 10


def test_two_processes_share_one_limit(
    world: World, server: EdgarServer, tmp_path: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(16)
    settings = make_settings(workers=8)
    halves = [
        PassProcess(companies[:8], tmp_path / "one", settings),
        PassProcess(companies[8:], tmp_path / "two", settings),
    ]
    for half in halves:
        half.go()
    assert [len(half.report()["changed"]) for half in halves] == [8, 8]
    assert len(server.log) == 2 * 17
    assert largest_second(server.log) <= 10


def test_answers_that_take_long_do_not_let_a_second_fill_up(
    world: World, server: EdgarServer, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(4)
    for company in companies:
        server.fail(f"submissions/CIK{company.cik:010d}.json", Fault("slow", seconds=0.7))
    fetch(companies, home, make_settings(workers=8, requests_per_second=4))
    assert len(server.log) == 9
    assert largest_second(server.log) <= 4


def test_an_unanswered_request_keeps_its_permit(tmp_path: Path) -> None:
    rate = RequestRate(tmp_path, 2, threading.Event())
    bucket = rate._bucket
    with rate.permit():
        stamps = [row[0] for row in bucket.conn.execute(f"SELECT item_timestamp FROM {TABLE}")]
        assert stamps[0] > bucket.now() + 1_000
    stamps = [row[0] for row in bucket.conn.execute(f"SELECT item_timestamp FROM {TABLE}")]
    assert stamps[0] <= bucket.now()
    rate.close()


def test_stamps_from_before_the_machine_started_are_forgotten(tmp_path: Path) -> None:
    rate = RequestRate(tmp_path, 1, threading.Event())
    bucket = rate._bucket
    ahead = bucket.now() + IN_FLIGHT_MILLISECONDS + 3_600_000
    bucket.conn.execute(f"INSERT INTO {TABLE} VALUES ('earlier', ?)", (ahead,))
    bucket.conn.commit()
    with rate.permit():
        names = [row[0] for row in bucket.conn.execute(f"SELECT name FROM {TABLE}")]
    assert "earlier" not in names
    rate.close()


def test_a_broken_count_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "requests.sqlite").write_bytes(b"this is no database, but it is long enough to look like a file" * 20)
    rate = RequestRate(tmp_path, 1, threading.Event())
    with rate.permit():
        assert rate._bucket.count() == 1
    rate.close()


def test_a_folder_that_cannot_be_used_is_named_with_its_remedy(
    world: World, server: EdgarServer, tmp_path: Path, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="TOKENCHAIN_EDGAR_STATE_DIRECTORY"):
        fetch(world.companies(1), home, make_settings(state_directory=tmp_path / "file" / "state"))
    assert server.log == []


def test_a_count_that_cannot_be_opened_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "requests.sqlite").mkdir()
    with pytest.raises(StorageError, match=r"requests\.sqlite"):
        RequestRate(tmp_path, 1, threading.Event())


def test_the_count_is_a_plain_sqlite_file(tmp_path: Path) -> None:
    rate = RequestRate(tmp_path, 3, threading.Event())
    for _ in range(3):
        with rate.permit():
            pass
    rate.close()
    with sqlite3.connect(tmp_path / "requests.sqlite") as connection:
        assert connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone() == (3,)
    connection.close()
