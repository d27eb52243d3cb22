"""A block (403 or 429): all threads and processes pause, the run goes on, and gives up at the second."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from pipelines.edgar import Blocked, EdgarSettings, Event, fetch
from pipelines.edgar.block import Block, BlockGate, block_path, current_block, read_block

from .process import PassProcess
from .server import EdgarServer, Fault
from .world import World

FACTS = "companyfacts/CIK0009000001.json"


def wait_for_block(settings: EdgarSettings) -> None:
    while read_block(block_path(settings)) is None:
        time.sleep(0.005)


@pytest.mark.parametrize("status", [403, 429])
def test_one_block_pauses_all_requests_and_the_pass_goes_on(
    status: int,
    world: World,
    server: EdgarServer,
    home: Path,
    make_settings: Callable[..., EdgarSettings],
    events: list[Event],
) -> None:
    settings = make_settings(workers=1)
    companies = world.companies(2)
    server.fail(FACTS, Fault("block", status=status))
    result = fetch(companies, home, settings, events.append)
    assert (result.changed, result.failures) == ((9_000_001, 9_000_002), ())
    assert server.asked(FACTS) == 2
    block = read_block(block_path(settings))
    assert block is not None
    assert (block.status, block.url) == (status, f"{server.url}/api/xbrl/{FACTS}")
    assert [logged for logged in server.log if block.since < logged.wall < block.until] == []
    kinds = [event.kind for event in events]
    assert (kinds.count("blocked"), kinds.count("block_over")) == (1, 1)
    assert "all requests pause" in next(event.message for event in events if event.kind == "blocked")


def test_refusals_of_requests_under_way_are_the_same_block(
    world: World,
    server: EdgarServer,
    home: Path,
    make_settings: Callable[..., EdgarSettings],
    events: list[Event],
) -> None:
    companies = world.companies(8)
    together = threading.Barrier(4, timeout=20)
    refused = [f"submissions/CIK{company.cik:010d}.json" for company in companies[:4]]
    for path in refused:
        server.fail(path, Fault("block", status=403))

    def meet(path: str) -> None:
        # The first four requests are answered only when all four have been sent.
        if server.asked(path) == 0 and path.lstrip("/") in refused:
            together.wait()

    server.before_answer = meet
    result = fetch(companies, home, make_settings(workers=4), events.append)
    assert len(result.changed) == 8
    assert [event.kind for event in events].count("blocked") == 1


def test_a_second_process_waits_for_the_block_of_the_first(
    world: World, server: EdgarServer, tmp_path: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(2)
    settings = make_settings(block_pause_seconds=2.0)
    second = PassProcess(
        companies[1:], tmp_path / "two", make_settings(block_pause_seconds=2.0, user_agent="B b@example.com")
    )
    server.fail(FACTS, Fault("block", status=403))
    first = threading.Thread(target=fetch, args=(companies[:1], tmp_path / "one", settings))
    first.start()
    wait_for_block(settings)
    block = read_block(block_path(settings))
    second.go()
    report = second.report()
    first.join()
    assert block is not None
    assert report["events"].count("blocked") == 1
    assert report["changed"] == [9_000_002]
    of_second = [logged.wall for logged in server.log if logged.headers["user-agent"] == "B b@example.com"]
    assert len(of_second) == 3
    assert min(of_second) >= block.until


def test_the_second_block_gives_up_and_the_next_run_resumes(
    world: World,
    server: EdgarServer,
    home: Path,
    make_settings: Callable[..., EdgarSettings],
    events: list[Event],
) -> None:
    settings = make_settings(workers=1, block_pause_seconds=1.5)
    companies = world.companies(3)
    server.fail("companyfacts/CIK0009000002.json", Fault("block", status=403), Fault("block", status=429))
    with pytest.raises(Blocked, match=r"a second time \(status 429.*Run the same command again after"):
        fetch(companies, home, settings)
    assert current_block(settings) is not None
    server.clear()
    result = fetch(companies, home, settings, events.append)
    assert [event.kind for event in events][:2] == ["pass_resumed", "blocked"]
    assert (result.resumed, result.changed, result.failures) == (True, (9_000_001, 9_000_002, 9_000_003), ())
    # Every index again, because a filing may have come meanwhile; companyfacts only where they did not land.
    assert server.paths() == [
        "/submissions/CIK0009000001.json",
        "/submissions/CIK0009000002.json",
        "/api/xbrl/companyfacts/CIK0009000002.json",
        "/submissions/CIK0009000003.json",
        "/api/xbrl/companyfacts/CIK0009000003.json",
    ]
    assert current_block(settings) is None


def refuse_another(settings: EdgarSettings, status: int, sent_at: float) -> None:
    """Note a block as another process does whose request was refused."""
    BlockGate(settings, lambda _: None, threading.Event()).declare("http://127.0.0.1/other", status, sent_at)


def test_a_newer_block_of_another_process_is_the_second_of_a_pass_that_waited_for_one(
    world: World,
    server: EdgarServer,
    home: Path,
    make_settings: Callable[..., EdgarSettings],
    events: list[Event],
) -> None:
    settings = make_settings(workers=2, block_pause_seconds=0.5)
    refuse_another(settings, 403, time.time())

    def refuse_during(path: str) -> None:
        if path.endswith("submissions/CIK0009000001.json"):
            refuse_another(settings, 429, time.time())

    server.before_answer = refuse_during
    with pytest.raises(
        Blocked, match=r"a second time \(status 429 on http://127.0.0.1/other.*Run the same command again"
    ):
        fetch(world.companies(3), home, settings, events.append)
    assert [event.kind for event in events].count("blocked") == 1
    server.before_answer = None
    assert fetch(world.companies(3), home, settings).changed == (9_000_001, 9_000_002, 9_000_003)


def test_a_block_that_another_process_prolongs_stays_one(
    world: World,
    home: Path,
    make_settings: Callable[..., EdgarSettings],
    events: list[Event],
) -> None:
    settings = make_settings(block_pause_seconds=1.0)
    began = time.time()
    refuse_another(settings, 403, began)
    prolonging = threading.Timer(0.5, refuse_another, (settings, 403, began))
    prolonging.start()
    assert fetch(world.companies(1), home, settings, events.append).changed == (9_000_001,)
    assert time.time() - began >= 1.5
    assert [event.kind for event in events].count("blocked") == 1


@pytest.mark.parametrize(("since", "is_second"), [(999.9, False), (1_599.0, False), (1_600.0, True), (-6_200.0, True)])
def test_refusals_of_processes_at_once_are_one_block_and_a_clock_set_back_hides_no_second(
    since: float, is_second: bool, make_settings: Callable[..., EdgarSettings], events: list[Event]
) -> None:
    gate = BlockGate(make_settings(block_pause_seconds=600), events.append, threading.Event())
    gate._meet(Block(1_000.0, 1_600.0, "http://127.0.0.1/", 403))
    other = Block(since, since + 600, "http://127.0.0.1/other", 429)
    for _ in range(2):
        with pytest.raises(Blocked) if is_second else nullcontext():
            gate._meet(other)
    assert [event.kind for event in events] == ["blocked"]


def test_giving_up_ends_the_waits_of_all_threads(
    world: World, server: EdgarServer, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(8)
    server.fail(".json", *[Fault("block", status=403)] * 200)
    with pytest.raises(Blocked):
        fetch(companies, home, make_settings(workers=8, block_pause_seconds=0.3))
    assert len(server.log) < 20
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("edgar")] == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"since": "x", "until": 1, "url": "", "status": 403}'])
def test_a_damaged_block_file_is_no_block(content: bytes, world: World, home: Path, settings: EdgarSettings) -> None:
    settings.state_directory.mkdir()
    block_path(settings).write_bytes(content)
    assert fetch(world.companies(1), home, settings).changed == (9_000_001,)


def test_a_block_noted_before_the_clock_was_set_back_does_not_hold_for_hours(
    world: World, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    settings.state_directory.mkdir()
    later = time.time() + 7_200
    noted = {"since": later, "until": later + 1, "url": "http://127.0.0.1/", "status": 403}
    block_path(settings).write_text(json.dumps(noted))
    assert fetch(world.companies(1), home, settings, events.append).changed == (9_000_001,)
    assert "blocked" not in [event.kind for event in events]
