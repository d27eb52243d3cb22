"""Looking for new filings between refreshes: finds them, writes nothing."""

from datetime import UTC, datetime
from pathlib import Path

from pipelines.edgar import EdgarSettings, fetch, look

from .conftest import FEBRUARY, MAY, awaiting, snapshot
from .server import EdgarServer, Fault
from .world import World, first_filing, quarter_filing


def test_an_empty_home_is_worth_a_first_refresh(world: World, home: Path, settings: EdgarSettings) -> None:
    seen = look(world.companies(2), home, settings)
    assert seen.never_landed == (9_000_001, 9_000_002)
    assert seen.worth_refreshing
    assert seen.reasons() == ("first load of CIK 9000001", "first load of CIK 9000002")
    assert not home.exists()


def test_a_new_filing_is_seen_until_a_refresh_took_it_in(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings, now=FEBRUARY)
    before = snapshot(home)
    server.clear()
    quiet = look(companies, home, settings, now=MAY)
    assert (quiet.worth_refreshing, quiet.reasons(), quiet.requests) == (False, (), 2)
    assert {logged.status for logged in server.log} == {304}

    filing = quarter_filing(9_000_002)
    world.index(9_000_002, [filing, first_filing(9_000_002)])
    world.facts(9_000_002, [first_filing(9_000_002).accession, filing.accession])
    for _ in range(2):
        assert look(companies, home, settings, now=MAY).reasons() == (filing.accession,)
    assert snapshot(home) == before
    fetch(companies, home, settings, now=MAY)
    assert look(companies, home, settings, now=MAY).worth_refreshing is False


def test_an_awaited_filing_is_worth_a_refresh_once_it_arrived(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies, filing = awaiting(world, home, settings, 1)
    waiting = look(companies, home, settings, now=MAY)
    assert ([one.accession for one in waiting.awaited], waiting.worth_refreshing) == (
        [filing.accession],
        False,
    )

    world.facts(9_000_001, [first_filing(9_000_001).accession, filing.accession])
    arrived = look(companies, home, settings, now=MAY)
    assert (arrived.awaited, arrived.reasons()) == ((), (f"{filing.accession} in companyfacts",))


def test_an_overdue_filing_is_worth_a_refresh_once_it_arrived(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies, filing = awaiting(world, home, settings, 2)
    later = datetime(2026, 5, 20, tzinfo=UTC)
    before = snapshot(home)
    overdue = look(companies, home, settings, now=later)
    assert ([one.accession for one in overdue.overdue], overdue.asked_in_vain) == ([filing.accession], (9_000_001,))
    assert overdue.worth_refreshing is False
    assert overdue.requests == 3
    left = look(companies, home, settings, now=later, leave_overdue=overdue.asked_in_vain)
    assert ([one.accession for one in left.overdue], left.asked_in_vain, left.requests) == ([filing.accession], (), 2)
    assert snapshot(home) == before
    # A refresh of the same day has asked as well.
    fetch(companies, home, settings, now=later)
    assert look(companies, home, settings, now=later).requests == 2

    world.facts(9_000_001, [first_filing(9_000_001).accession, filing.accession])
    arrived = look(companies, home, settings, now=datetime(2026, 5, 21, tzinfo=UTC))
    assert (arrived.overdue, arrived.asked_in_vain) == ((), ())
    assert arrived.reasons() == (f"{filing.accession} in companyfacts",)


def test_companyfacts_that_can_not_be_had_do_not_hide_a_newer_filing(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies, filing = awaiting(world, home, settings, 1)
    newer = quarter_filing(9_000_001, "2026-05-20", number=3, form="8-K")
    world.index(9_000_001, [newer, filing, first_filing(9_000_001)])
    server.fail("companyfacts/CIK0009000001.json", Fault("html"))
    seen = look(companies, home, settings, now=datetime(2026, 5, 20, tzinfo=UTC))
    assert seen.reasons() == (newer.accession,)
    assert [failure.cik for failure in seen.failures] == [9_000_001]


def test_a_fault_of_one_company_does_not_hide_the_others(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(2)
    server.fail("submissions/CIK0009000001.json", Fault("html"))
    seen = look(companies, home, settings)
    assert seen.never_landed == (9_000_002,)
    assert [failure.cik for failure in seen.failures] == [9_000_001]
