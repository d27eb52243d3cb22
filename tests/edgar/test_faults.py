"""Every fault of a single response: retried where that helps, reported where not, the last good one kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.edgar import EdgarSettings, Event, fetch
from pipelines.edgar.result import FetchResult
from pipelines.edgar.storage import ResponseStore, hash_of

from .conftest import snapshot
from .server import EdgarServer, Fault
from .world import World, facts_body, first_filing, quarter_filing

FACTS = "companyfacts/CIK0009000001.json"
INDEX = "submissions/CIK0009000001.json"
PASSING = [
    Fault("status", status=500),
    Fault("status", status=503),
    Fault("cut"),
    Fault("cut_gzip"),
    Fault("short_length"),
    Fault("long_length"),
    Fault("hang_up"),
    Fault("body", body=b""),
    Fault("body", body=b'{"cik": 9000001, "facts": {"us-gaap": {"Reve'),
]


def good_facts(cik: int = 9_000_001) -> bytes:
    return facts_body(cik, [first_filing(cik).accession])


def stored(result: FetchResult, cik: int) -> bytes:
    landed = result.facts[cik]
    return ResponseStore(landed.path.parent.parent).read(landed.sha256)


@pytest.mark.parametrize("path", [FACTS, INDEX])
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind}{fault.status}{len(fault.body)}")
def test_a_passing_fault_is_retried_and_leaves_no_trace(
    fault: Fault,
    path: str,
    world: World,
    server: EdgarServer,
    home: Path,
    settings: EdgarSettings,
    events: list[Event],
) -> None:
    companies = world.companies(1)
    server.fail(path, fault)
    result = fetch(companies, home, settings, events.append)
    assert result.failures == ()
    assert stored(result, 9_000_001) == good_facts()
    assert server.asked(path) == 2
    assert [event.url for event in events if event.kind == "retry"] == [
        server.url + server.paths()[-1 if path == FACTS else 1]
    ]


@pytest.mark.parametrize("fault", [Fault("slow", seconds=0.6), Fault("drip", seconds=0.05)], ids=["silence", "drip"])
def test_an_answer_that_takes_too_long_is_retried(
    fault: Fault, world: World, server: EdgarServer, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(1)
    server.fail(FACTS, fault)
    result = fetch(companies, home, make_settings(read_timeout_seconds=0.3, response_seconds=0.4, attempts=8))
    assert stored(result, 9_000_001) == good_facts()
    assert server.asked(FACTS) >= 2


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_lasting_fault_is_given_up_after_the_set_number_of_attempts(
    attempts: int, world: World, server: EdgarServer, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(2)
    server.fail(FACTS, *[Fault("status", status=503)] * 10)
    result = fetch(companies, home, make_settings(attempts=attempts))
    assert server.asked(FACTS) == attempts
    assert result.changed == (9_000_002,)
    (failure,) = result.failures
    assert (failure.ticker, failure.cik, failure.kind) == ("T001", 9_000_001, "facts")
    assert failure.reason.startswith(f"Unavailable: given up after {attempts} attempts; the last one: status 503")


LASTING = {
    "html": (Fault("html"), "NotJson: status 200, but the body is HTML or XML instead of JSON"),
    "other company": (
        Fault("body", body=good_facts(77)),
        "WrongCompany: asked for CIK 9000001, the response is for CIK 77",
    ),
    "no company": (
        Fault("body", body=b'{"facts": {}}'),
        "WrongCompany: asked for CIK 9000001, the response is for CIK None",
    ),
    "no facts": (Fault("body", body=b'{"cik": 9000001, "facts": {}}'), "NoFacts:"),
    "facts of no use": (Fault("body", body=b'{"cik": 9000001, "facts": {"us-gaap": [1, null]}}'), "NoFacts:"),
    "list": (Fault("body", body=b"[1, 2]"), "NotJson: status 200, but the body is a JSON list"),
    "text": (Fault("body", body=b"not found"), "NotJson:"),
    "deep nesting": (Fault("body", body=b'{"a":' * 200_000 + b"}" * 200_000), "NotJson:"),
    "bad request": (Fault("status", status=400), "UnexpectedStatus: unexpected status 400"),
    "redirect": (Fault("status", status=302), "UnexpectedStatus: unexpected status 302"),
}


@pytest.mark.parametrize("name", LASTING)
def test_a_wrong_answer_is_refused_by_name_and_not_retried(
    name: str, world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    fault, reason = LASTING[name]
    companies = world.companies(2)
    server.fail(FACTS, fault)
    result = fetch(companies, home, settings)
    assert server.asked(FACTS) == 1
    assert result.changed == (9_000_002,)
    (failure,) = result.failures
    assert failure.reason.startswith(reason)
    assert failure.url == f"{server.url}/api/xbrl/{FACTS}"


def test_a_body_that_unpacks_without_end_is_not_unpacked(
    world: World, server: EdgarServer, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    server.fail(FACTS, Fault("bomb", size=50_000_000))
    result = fetch(world.companies(1), home, make_settings(maximum_response_bytes=1_000_000))
    assert server.asked(FACTS) == 1
    assert "larger than the limit of 1,000,000 bytes" in result.failures[0].reason


def test_a_404_is_never_retried(world: World, server: EdgarServer, home: Path, settings: EdgarSettings) -> None:
    companies = world.companies(2)
    (world.folder / INDEX).unlink()
    result = fetch(companies, home, settings)
    assert server.asked(INDEX) == 1
    assert server.asked(FACTS) == 0
    assert result.failures[0].reason.startswith("NotFound: status 404")
    assert result.changed == (9_000_002,)


def test_a_wrong_answer_leaves_the_last_good_one_and_is_asked_again_the_next_day(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    before = fetch(companies, home, settings)
    newer = quarter_filing(9_000_001)
    world.index(9_000_001, [newer, first_filing(9_000_001)])
    world.facts(9_000_001, [first_filing(9_000_001).accession, newer.accession])
    server.fail(FACTS, Fault("body", body=good_facts(77)))
    failed = fetch(companies, home, settings)
    assert failed.facts[9_000_001].sha256 == before.facts[9_000_001].sha256
    assert (failed.changed, len(failed.failures)) == ((), 1)
    healed = fetch(companies, home, settings)
    assert healed.changed == (9_000_001,)
    assert [filing.accession for filing in healed.new_filings] == [newer.accession]
    assert hash_of(good_facts(77)) not in {path.name.split(".")[0] for path in (home / "responses").iterdir()}


def test_a_server_that_is_down_is_reported_for_every_company(
    world: World, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(2)
    settings = make_settings(data_url="http://127.0.0.1:9", www_url="http://127.0.0.1:9", attempts=2)
    result = fetch(companies, home, settings)
    assert [failure.ticker for failure in result.failures] == ["", "T001", "T002"]
    assert all("the connection failed" in failure.reason for failure in result.failures)
    assert (result.requests, result.facts, snapshot(home)) == (6, {}, {})
