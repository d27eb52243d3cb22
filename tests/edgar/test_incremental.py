"""What a pass asks for and writes: nothing on a quiet day, and only what can have changed on any other."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.edgar import EdgarSettings, Event, Filer, fetch, read_filings

from .conftest import FEBRUARY, MAY, awaiting, snapshot
from .process import PassProcess
from .server import EdgarServer, Fault, serving
from .world import MadeUpFiling, World, accession, columns, first_filing, quarter_filing


def index_path(cik: int) -> str:
    return f"/submissions/CIK{cik:010d}.json"


def facts_path(cik: int) -> str:
    return f"/api/xbrl/companyfacts/CIK{cik:010d}.json"


@pytest.mark.parametrize("validators", [True, False])
def test_a_quiet_day_makes_one_request_per_company_and_writes_nothing(
    validators: bool, world: World, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(5)
    with serving(world.folder, validators) as server:
        settings = make_settings(data_url=server.url, www_url=server.url)
        first = fetch(companies, home, settings)
        before = snapshot(home)
        server.clear()
        second = fetch(companies, home, settings)
        assert sorted(server.paths()) == sorted(index_path(company.cik) for company in companies)
        assert {logged.status for logged in server.log} == {304 if validators else 200}
    assert snapshot(home) == before
    assert (second.wrote, second.changed, second.failures) == (False, (), ())
    assert second.facts == first.facts
    assert (len(second.indexes), second.tickers) == (5, first.tickers)


def test_the_first_load_keeps_each_response_once_under_its_hash(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(3)
    result = fetch(companies, home, settings)
    names = {f"responses/{landed.sha256}.json.gz" for landed in (*result.facts.values(), *result.indexes)}
    assert result.tickers is not None
    assert set(snapshot(home)) == names | {f"responses/{result.tickers.sha256}.json.gz", "edgar/ledger.jsonl"}
    assert (result.changed, result.new_filings, result.wrote) == ((9_000_001, 9_000_002, 9_000_003), (), True)


@pytest.mark.parametrize("form", ["10-Q", "10-K", "8-K", "20-F", "6-K", "40-F", "10-Q/A", "10-K/A", "8-K/A", "6-K/A"])
def test_a_new_filing_of_a_form_that_matters_fetches_that_company_only(
    form: str, world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings, now=FEBRUARY)
    filing = quarter_filing(9_000_002, form=form)
    world.index(9_000_002, [filing, first_filing(9_000_002)])
    world.facts(9_000_002, [first_filing(9_000_002).accession, filing.accession])
    world.facts(9_000_001, [first_filing(9_000_001).accession], value=999)
    server.clear()
    result = fetch(companies, home, settings, now=MAY)
    # The facts of the first changed too, but without a filing: that is not looked for.
    assert [path for path in server.paths() if "companyfacts" in path] == [facts_path(9_000_002)]
    assert result.changed == (9_000_002,)
    assert [(filing.form, filing.accession) for filing in result.new_filings] == [(form, filing.accession)]
    assert (result.awaited, result.overdue) == ((), ())


@pytest.mark.parametrize("form", ["4", "144", "SC 13G", "DEF 14A", "424B5", "S-8"])
def test_a_new_filing_of_another_form_lands_the_index_only(
    form: str, world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings)
    world.index(9_000_001, [quarter_filing(9_000_001, form=form), first_filing(9_000_001)])
    server.clear()
    result = fetch(companies, home, settings)
    assert sorted(server.paths()) == [index_path(9_000_001), index_path(9_000_002)]
    assert (result.wrote, result.changed, result.new_filings) == (True, (), ())
    assert form in {filing.form for filing in read_filings(result.indexes)}


def test_a_filing_that_companyfacts_lacks_is_awaited_asked_for_again_and_found(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings, now=FEBRUARY)
    filing = quarter_filing(9_000_001)
    world.index(9_000_001, [filing, first_filing(9_000_001)])
    first = fetch(companies, home, settings, events.append, now=MAY)
    assert [one.accession for one in first.awaited] == [filing.accession]
    assert (first.changed, [one.accession for one in first.new_filings]) == ((), [filing.accession])
    assert "T001: 10-Q of 2026-05-05" in next(event.message for event in events if event.kind == "awaited")

    server.clear()
    before = snapshot(home)
    still = fetch(companies, home, settings, now=MAY)
    assert server.asked(facts_path(9_000_001)) == 1
    assert (len(still.awaited), still.wrote) == (1, False)
    assert snapshot(home) == before

    world.facts(9_000_001, [first_filing(9_000_001).accession, filing.accession])
    found = fetch(companies, home, settings, now=MAY)
    assert (found.changed, found.awaited, found.overdue) == ((9_000_001,), (), ())
    server.clear()
    assert fetch(companies, home, settings, now=MAY).wrote is False
    assert server.asked(facts_path(9_000_001)) == 0


def test_after_ten_days_an_awaited_filing_is_overdue_and_asked_for_once_a_day(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    companies, filing = awaiting(world, home, settings, 1)
    tenth = fetch(companies, home, settings, now=datetime(2026, 5, 15, 23, tzinfo=UTC))
    assert (len(tenth.awaited), tenth.overdue) == (1, ())
    server.clear()
    eleventh = fetch(companies, home, settings, events.append, now=datetime(2026, 5, 16, tzinfo=UTC))
    assert (eleventh.awaited, [one.accession for one in eleventh.overdue]) == ((), [filing.accession])
    assert "overdue" in [event.kind for event in events]
    assert (server.asked(facts_path(9_000_001)), eleventh.changed, eleventh.wrote) == (1, (), True)
    before = snapshot(home)
    again = fetch(companies, home, settings, now=datetime(2026, 5, 16, 23, tzinfo=UTC))
    assert (len(again.overdue), server.asked(facts_path(9_000_001)), again.wrote) == (1, 1, False)
    assert snapshot(home) == before
    fetch(companies, home, settings, now=datetime(2026, 5, 17, tzinfo=UTC))
    assert server.asked(facts_path(9_000_001)) == 2
    later = fetch(companies, home, settings, now=datetime(2026, 9, 1, tzinfo=UTC))
    assert (later.awaited, later.overdue) == ((), ())
    assert server.asked(facts_path(9_000_001)) == 2


def test_a_filing_that_companyfacts_brought_while_no_pass_ran_is_taken_by_the_next_however_late(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings, now=FEBRUARY)
    filing = quarter_filing(9_000_001)
    world.index(9_000_001, [filing, first_filing(9_000_001)])
    assert len(fetch(companies, home, settings, now=MAY).awaited) == 1
    world.facts(9_000_001, [first_filing(9_000_001).accession, filing.accession])
    twelfth = datetime(2026, 5, 17, tzinfo=UTC)
    found = fetch(companies, home, settings, now=twelfth)
    assert (found.changed, found.awaited, found.overdue) == ((9_000_001,), (), ())
    server.clear()
    assert fetch(companies, home, settings, now=twelfth).wrote is False
    assert sorted(server.paths()) == [index_path(9_000_001), index_path(9_000_002)]


def test_an_overdue_filing_noted_by_an_earlier_version_is_asked_for(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies, filing = awaiting(world, home, settings, 1)
    ledger = home / "edgar" / "ledger.jsonl"
    lines = [json.loads(line) for line in ledger.read_bytes().splitlines()]
    earlier = [{name: value for name, value in line.items() if name != "asked_on"} for line in lines]
    ledger.write_text("".join(f"{json.dumps(line)}\n" for line in earlier))
    world.facts(9_000_001, [first_filing(9_000_001).accession, filing.accession])
    found = fetch(companies, home, settings, now=datetime(2026, 5, 17, tzinfo=UTC))
    assert (found.changed, found.overdue) == ((9_000_001,), ())


@pytest.mark.parametrize("form", ["10-Q", "10-K/A", "20-F", "40-F"])
def test_a_filing_whose_companyfacts_could_not_be_had_is_awaited(
    form: str, world: World, server: EdgarServer, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings, now=FEBRUARY)
    filing = quarter_filing(9_000_001, form=form)
    event = quarter_filing(9_000_001, number=3, form="8-K")
    paper = replace(quarter_filing(9_000_001, number=4), xbrl=False)
    world.index(9_000_001, [paper, event, filing, first_filing(9_000_001)])
    for _ in range(2):
        server.fail(facts_path(9_000_001), *[Fault("status", status=503)] * settings.attempts)
        events.clear()
        failed = fetch(companies, home, settings, events.append, now=MAY)
        assert [failure.kind for failure in failed.failures] == ["facts"]
        assert [one.accession for one in failed.awaited] == [filing.accession]
        assert [event.kind for event in events].count("awaited") == 1

    world.facts(9_000_001, [first_filing(9_000_001).accession, filing.accession])
    found = fetch(companies, home, settings, now=MAY)
    assert (found.changed, found.awaited, found.failures) == ((9_000_001,), (), ())


def test_a_filing_stays_awaited_while_the_index_can_not_be_had(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies, filing = awaiting(world, home, settings, 2)
    server.fail(index_path(9_000_001), *[Fault("status", status=503)] * settings.attempts)
    failed = fetch(companies, home, settings, now=MAY)
    assert [failure.kind for failure in failed.failures] == ["index"]
    assert [one.accession for one in failed.awaited] == [filing.accession]


def test_a_first_load_that_fails_awaits_nothing(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    server.fail(facts_path(9_000_001), *[Fault("status", status=503)] * settings.attempts)
    failed = fetch(companies, home, settings, now=FEBRUARY)
    assert ([failure.kind for failure in failed.failures], failed.awaited) == (["facts"], ())


def test_a_filing_that_appears_during_a_pass_is_found_by_the_next(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    filing = quarter_filing(9_000_001)

    def file_now(path: str) -> None:
        if "companyfacts" in path:
            world.index(9_000_001, [filing, first_filing(9_000_001)])

    server.before_answer = file_now
    fetch(companies, home, settings, now=FEBRUARY)
    server.before_answer = None
    world.facts(9_000_001, [first_filing(9_000_001).accession, filing.accession])
    result = fetch(companies, home, settings, now=MAY)
    assert [one.accession for one in result.new_filings] == [filing.accession]
    assert (result.changed, result.awaited) == ((9_000_001,), ())


def test_a_lost_response_is_fetched_again(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    first = fetch(companies, home, settings)
    first.facts[9_000_001].path.unlink()
    first.indexes[1].path.unlink()
    server.clear()
    result = fetch(companies, home, settings)
    assert result.facts[9_000_001].path.is_file()
    assert {landed.path.is_file() for landed in result.indexes} == {True}
    assert sorted(server.paths()) == [facts_path(9_000_001), index_path(9_000_001), index_path(9_000_002)]


def test_older_pages_are_read_once_and_again_when_they_grow(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    cik = 9_000_001
    name, ancient = f"CIK{cik:010d}-submissions-001.json", f"CIK{cik:010d}-submissions-002.json"
    entry = {"name": name, "filingCount": 1, "filingFrom": "2010-01-01", "filingTo": "2015-03-01"}
    too_old = {"name": ancient, "filingCount": 9, "filingFrom": "1994-01-01", "filingTo": "2008-12-31"}
    tricks: list[Any] = [
        {"name": "../../secret.json", "filingCount": 1, "filingTo": "2015-01-01"},
        None,
        {"name": ancient},
    ]
    world.index(cik, [first_filing(cik)], files=[entry, too_old, *tricks])
    old = [quarter_filing(cik, "2015-02-01", number=7)]
    write_page(world, name, old)
    result = fetch(companies, home, settings)
    assert [landed.kind for landed in result.indexes] == ["index", "older_index"]
    assert {filing.accession for filing in read_filings(result.indexes)} == {
        accession(cik, 1),
        accession(cik, 7),
    }
    assert [path for path in server.paths() if "-submissions-" in path or "secret" in path] == [f"/submissions/{name}"]

    server.clear()
    assert fetch(companies, home, settings).wrote is False
    assert server.asked(name) == 0

    write_page(world, name, [*old, quarter_filing(cik, "2015-03-02", number=8)])
    world.index(cik, [first_filing(cik)], files=[entry | {"filingCount": 2, "filingTo": "2015-03-02"}, too_old])
    grown = fetch(companies, home, settings)
    assert server.asked(name) == 1
    assert accession(cik, 8) in {filing.accession for filing in read_filings(grown.indexes)}


def write_page(world: World, name: str, filings: list[MadeUpFiling]) -> None:
    world.write(f"submissions/{name}", json.dumps(columns(filings)).encode())


def test_predecessors_are_landed_once(world: World, server: EdgarServer, home: Path, settings: EdgarSettings) -> None:
    world.companies(2)
    merged = [Filer("T002", 9_000_002, successor_of=(9_000_001,))]
    result = fetch(merged, home, settings)
    assert set(result.facts) == {9_000_001, 9_000_002}
    assert {landed.cik for landed in result.indexes} == {9_000_001, 9_000_002}
    server.clear()
    assert fetch(merged, home, settings).wrote is False
    assert server.paths() == [index_path(9_000_002)]


def test_a_company_added_to_the_universe_is_loaded_beside_the_others(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(3)
    fetch(companies[:2], home, settings)
    server.clear()
    result = fetch(companies, home, settings)
    assert result.changed == (9_000_003,)
    assert len(server.log) == 4
    assert set(fetch(companies[2:], home, settings).facts) == {9_000_003}


@pytest.mark.parametrize("moment", [0, 9])
def test_a_killed_pass_goes_on_without_asking_again_for_the_facts_it_landed(
    moment: int, world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(8)
    process = PassProcess(companies, home, settings)

    def kill(_: str) -> None:
        if len(server.log) == moment:
            process.process.kill()
            process.process.wait()

    server.before_answer = kill
    process.go()
    assert process.report() == {}
    server.before_answer = None
    ledger = home / "edgar" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines() if ledger.exists() else []
    kept = [path for path in server.paths() if any(path.encode() + b'"' in line for line in lines)]
    assert bool(kept) == (moment > 0)
    server.clear()
    result = fetch(companies, home, settings)
    again = set(kept) & set(server.paths())
    assert again == {path for path in kept if "/submissions/" in path}
    assert {logged.status for logged in server.log if logged.path in again} <= {304}
    assert result.failures == ()
    assert result.changed == tuple(company.cik for company in companies)
    assert result.resumed == bool(lines)
    server.clear()
    assert fetch(companies, home, settings).wrote is False
    assert len(server.log) == 8


def test_a_pass_cut_off_long_ago_is_not_continued(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings)
    ledger = home / "edgar" / "ledger.jsonl"
    unfinished = ledger.read_bytes().splitlines(keepends=True)[:-1]
    ledger.write_bytes(b"".join(unfinished))
    server.clear()
    later = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    result = fetch(companies, home, settings, now=later)
    assert result.resumed is False
    assert server.asked(index_path(9_000_001)) == 1
    ledger.write_bytes(b"".join(unfinished))
    server.clear()
    soon = fetch(companies, home, settings)
    assert soon.resumed is True
    assert [(logged.path, logged.status) for logged in sorted(server.log, key=lambda logged: logged.path)] == [
        (index_path(9_000_001), 304),
        (index_path(9_000_002), 304),
    ]
    assert soon.changed == (9_000_001, 9_000_002)


def cut_off(home: Path, *, kinds: set[str]) -> None:
    """Make the newest pass look as if it had ended after its lines of these kinds."""
    ledger = home / "edgar" / "ledger.jsonl"
    lines = [json.loads(line) for line in ledger.read_bytes().splitlines()]
    newest = lines[-1]["pass_id"]
    kept = [line for line in lines if line["pass_id"] != newest or line["kind"] in kinds]
    ledger.write_text("".join(json.dumps(line) + "\n" for line in kept))


@pytest.mark.parametrize("kinds", [{"index"}, {"index", "facts"}])
def test_a_filing_that_appears_after_a_pass_was_cut_off_is_taken_by_the_resumed_pass(
    kinds: set[str], world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings)
    event = quarter_filing(9_000_001, form="8-K")
    world.index(9_000_001, [event, first_filing(9_000_001)])
    world.facts(9_000_001, [first_filing(9_000_001).accession, event.accession])
    fetch(companies, home, settings)
    cut_off(home, kinds=kinds)

    quarter = quarter_filing(9_000_001, number=3)
    world.index(9_000_001, [quarter, event, first_filing(9_000_001)])
    world.facts(9_000_001, [filing.accession for filing in (first_filing(9_000_001), event, quarter)])
    server.clear()
    result = fetch(companies, home, settings)
    assert (result.resumed, result.changed) == (True, (9_000_001,))
    assert {filing.accession for filing in result.new_filings} == {event.accession, quarter.accession}
    assert server.asked(facts_path(9_000_001)) == 1
    assert (result.awaited, result.overdue) == ((), ())


def test_facts_that_changed_before_a_pass_was_cut_off_are_told_of_by_the_resumed_pass(
    world: World, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    fetch(companies, home, settings)
    quarter = quarter_filing(9_000_001)
    world.index(9_000_001, [quarter, first_filing(9_000_001)])
    world.facts(9_000_001, [first_filing(9_000_001).accession, quarter.accession])
    fetch(companies, home, settings)
    cut_off(home, kinds={"index", "facts"})

    # An event that changes no facts: the server confirms what the first part of the pass landed.
    event = quarter_filing(9_000_001, number=3, form="8-K")
    world.index(9_000_001, [event, quarter, first_filing(9_000_001)])
    result = fetch(companies, home, settings)
    assert (result.resumed, result.changed) == (True, (9_000_001,))
    assert {filing.accession for filing in result.new_filings} == {event.accession, quarter.accession}


def test_an_awaited_filing_that_arrives_after_a_pass_was_cut_off_is_taken_by_the_resumed_pass(
    world: World, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    fetch(companies, home, settings, now=FEBRUARY)
    today = datetime.now(UTC).date().isoformat()
    quarter = quarter_filing(9_000_001, filed=today)
    world.index(9_000_001, [quarter, first_filing(9_000_001)])
    assert len(fetch(companies, home, settings).awaited) == 1
    cut_off(home, kinds={"index", "facts"})

    world.facts(9_000_001, [first_filing(9_000_001).accession, quarter.accession])
    result = fetch(companies, home, settings)
    assert (result.resumed, result.changed, result.awaited) == (True, (9_000_001,), ())
