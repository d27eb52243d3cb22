"""`refresh --source edgar` from a local server: quiet days, new filings, contact, blocks, faults."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.display import show_changes, show_status
from pipelines.edgar import Filer
from pipelines.refreshing import Outcome
from tests.edgar.server import EdgarServer, Fault
from tests.edgar.world import facts_body
from tests.homes import CIKS, files_below
from tests.live.reading import digest, newest_income, one, query
from tests.live.world import LiveWorld, facts_path, index_path
from warehouse.home import Home

Refresh = Callable[..., Outcome]


def printed(show: Callable[..., None], *arguments: object) -> str:
    text = io.StringIO()
    show(Console(file=text, width=250, highlight=False), *arguments)
    return text.getvalue()


def outcome_of(outcome: Outcome) -> str | None:
    return outcome.record.outcome if outcome.record is not None else None


def test_a_quiet_day_asks_each_index_once_and_writes_no_file(
    refresh_live: Refresh, live_server: EdgarServer, world: LiveWorld, home: Home
) -> None:
    before, inode = digest(home.database), home.database.stat().st_ino
    files = {path.name for path in home.published.iterdir()}
    tables = {path: path.stat().st_mtime_ns for path in home.tables.rglob("*")}
    outcome = refresh_live()
    assert (outcome.succeeded, outcome_of(outcome)) == (True, "unchanged"), outcome.message
    assert (digest(home.database), home.database.stat().st_ino) == (before, inode)
    assert {path.name for path in home.published.iterdir()} == files
    assert {path: path.stat().st_mtime_ns for path in home.tables.rglob("*")} == tables
    assert sorted(live_server.paths()) == sorted(f"/{index_path(ticker)}" for ticker in world.tickers)


def test_names_come_from_the_ticker_list_and_else_from_the_universe_file(
    refresh_live: Refresh, world: LiveWorld, home: Home
) -> None:
    ledger = home.root / "edgar" / "ledger.jsonl"
    listed = {ticker: f"Company {CIKS[ticker]}" for ticker in world.tickers}
    assert dict(query(home.database, "SELECT ticker, name FROM core.companies")) == listed
    # A company leaves the list, which is asked for again because none is kept.
    lines = [line for line in ledger.read_text(encoding="utf-8").splitlines() if '"tickers"' not in line]
    ledger.write_text("\n".join(lines) + "\n", encoding="utf-8")
    world.world.tickers([Filer(ticker, CIKS[ticker]) for ticker in world.tickers if ticker != "AAPL"])
    assert outcome_of(refresh_live()) == "published"
    (own,) = query(home.database, "SELECT name FROM raw.universe WHERE ticker = 'AAPL'")
    assert dict(query(home.database, "SELECT ticker, name FROM core.companies")) == listed | {"AAPL": own[0]}


def test_a_filing_is_awaited_until_companyfacts_hold_it(
    refresh_live: Refresh, live_server: EdgarServer, world: LiveWorld, home: Home, told: list[str]
) -> None:
    income = newest_income(home.database)
    accession = world.file("AAPL")
    assert outcome_of(refresh_live()) == "published"
    rows = query(home.database, "SELECT ticker, accession, form, state FROM meta.awaited_filings")
    assert rows == [("AAPL", accession, "10-Q", "awaited")]
    (filing,) = query(
        home.database,
        "SELECT fact_count, acceptance_at IS NOT NULL, primary_document, items, filing_url FROM raw.filings"
        f" WHERE accession = '{accession}'",
    )
    assert filing[:4] == (0, True, f"report-{accession[-6:]}.htm", None)
    assert filing[4].endswith(f"/{accession.replace('-', '')}/report-{accession[-6:]}.htm")
    assert query(home.database, "SELECT kind, entity, concept, accession FROM meta.changes") == [
        ("new_filing", "AAPL", "10-Q", accession)
    ]
    status = printed(show_status, home)
    assert f"{accession}: awaited: filed, not in companyfacts yet" in status
    # The index has the report, so the company itself is not late; the two others are, long after the bundled filings.
    assert "late: AAPL" not in status
    assert "late: META: its 10-Q for the period ended about 2026-06-30 was due on 2026-08-14" in status

    live_server.clear()
    world.restate("AAPL", accession, 1.01)
    assert outcome_of(refresh_live()) == "published"
    asked = [path for path in live_server.paths() if "companyfacts" in path]
    assert asked == [f"/{facts_path('AAPL')}"]
    assert query(home.database, "SELECT * FROM meta.awaited_filings") == []
    assert one(home.database, f"SELECT fact_count FROM raw.filings WHERE accession = '{accession}'") == 1
    assert newest_income(home.database) == pytest.approx(income * 1.01, rel=1e-6)
    # Accepted in the evening, so public a day before the day of the filing.
    ((known, filed),) = query(
        home.database,
        f"SELECT DISTINCT known_from_date, filed_date FROM core.statement_facts WHERE accession = '{accession}'",
    )
    assert known == filed - dt.timedelta(days=1)
    versions = query(
        home.database,
        "SELECT value, value_before, known_from_date, known_to_date FROM core.quarters_history WHERE ticker = 'AAPL'"
        " AND concept = 'net_income' AND measure = 'quarter' QUALIFY dense_rank() OVER (ORDER BY period_end_date DESC) = 1"
        " ORDER BY known_from_date DESC LIMIT 2",
    )
    assert versions[0] == (newest_income(home.database), income, known, None)
    assert (versions[1][0], versions[1][3]) == (income, known)
    ((before, after, source),) = query(
        home.database,
        "SELECT value_before, value_after, accession FROM meta.changes WHERE kind = 'restated_value'"
        " AND concept = 'net_income'",
    )
    assert (before, after, source) == (income, newest_income(home.database), accession)
    assert accession in printed(show_changes, home, 10)


def test_an_item_of_a_current_report_and_insider_reports(refresh_live: Refresh, world: LiveWorld, home: Home) -> None:
    world.file("META", form="4")
    assert outcome_of(refresh_live()) == "unchanged"
    accession = world.file("META", form="8-K", items="2.02,9.01")
    assert outcome_of(refresh_live()) == "published"
    assert query(home.database, f"SELECT form, items, fact_count FROM raw.filings WHERE accession = '{accession}'") == [
        ("8-K", "2.02,9.01", 0)
    ]
    assert query(home.database, "SELECT * FROM meta.awaited_filings") == []


def test_without_a_contact_no_request_is_made(
    refresh_live: Refresh, live_server: EdgarServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(home.database)
    monkeypatch.setenv("SEC_USER_AGENT", "")
    outcome = refresh_live()
    assert (outcome.succeeded, live_server.paths()) == (False, [])
    assert outcome.message is not None
    assert "export SEC_USER_AGENT=" in outcome.message
    assert digest(home.database) == before
    assert "failed" in printed(show_status, home)


def test_a_ticker_of_another_company_stops_the_run_with_both_numbers(
    refresh_live: Refresh, live_server: EdgarServer, world: LiveWorld, home: Home
) -> None:
    # The list of the copied home is fresh; without it the run must ask for it again.
    ledger = home.root / "edgar" / "ledger.jsonl"
    lines = [line for line in ledger.read_text(encoding="utf-8").splitlines() if '"tickers"' not in line]
    ledger.write_text("\n".join(lines) + "\n", encoding="utf-8")
    world.world.tickers([Filer("AAPL", 1), Filer("NVDA", CIKS["NVDA"]), Filer("META", CIKS["META"])])
    before = digest(home.database)
    outcome = refresh_live()
    assert outcome.message is not None
    assert "AAPL: universe file CIK 320193, SEC's list CIK 1" in outcome.message
    assert digest(home.database) == before


def test_a_block_pauses_the_run_which_says_so_and_goes_on(
    refresh_live: Refresh, live_server: EdgarServer, home: Home, told: list[str]
) -> None:
    live_server.fail(index_path("AAPL"), Fault("block", status=429))
    outcome = refresh_live()
    assert (outcome.succeeded, outcome_of(outcome)) == (True, "unchanged"), outcome.message
    assert any("has blocked this machine (status 429" in line for line in told)
    assert any("the pause after EDGAR's block is over" in line for line in told)


def test_a_second_block_ends_the_run_and_the_next_one_goes_on(
    refresh_live: Refresh, live_server: EdgarServer, world: LiveWorld, home: Home
) -> None:
    before = digest(home.database)
    live_server.fail(index_path("AAPL"), Fault("block", status=403), Fault("block", status=403))
    outcome = refresh_live()
    assert not outcome.succeeded
    assert outcome.message is not None
    assert "a second time" in outcome.message
    assert digest(home.database) == before
    assert "a second time" in printed(show_status, home)
    assert outcome_of(refresh_live()) == "unchanged"


LASTING = [
    ("slow", Fault("slow", seconds=1.5)),
    ("cut", Fault("cut")),
    ("cut_gzip", Fault("cut_gzip")),
    ("short_length", Fault("short_length")),
    ("long_length", Fault("long_length")),
    ("hang_up", Fault("hang_up")),
    ("html", Fault("html")),
    ("500", Fault("status", status=500)),
    ("503", Fault("status", status=503)),
    ("404", Fault("status", status=404)),
    ("another company", Fault("body", body=facts_body(1, ["0000000001-26-000001"]))),
    ("no facts", Fault("body", body=b'{"cik": 320193, "entityName": "A", "facts": {}}')),
    ("no JSON", Fault("body", body=b'{"cik": 320193, "facts": {"us-gaap"')),
]


def test_every_lasting_fault_leaves_the_last_good_data_and_is_named(
    refresh_live: Refresh, live_server: EdgarServer, world: LiveWorld, home: Home
) -> None:
    """One home folder goes through all faults of a response, then gets well: what is refused must not stick."""
    facts = query(home.database, "SELECT * FROM core.quarters WHERE ticker = 'AAPL' ORDER BY ALL")
    income = newest_income(home.database)
    accession = world.file("AAPL")
    world.restate("AAPL", accession, 1.02)
    outcomes = []
    for name, fault in LASTING:
        live_server.forget_faults()
        live_server.fail(facts_path("AAPL"), *[fault] * 4)
        outcome = refresh_live()
        outcomes.append(outcome_of(outcome))
        assert outcome.record is not None, name
        assert outcome.succeeded, (name, outcome.message)
        assert "AAPL" in str(outcome.record.message), name
        assert facts_path("AAPL") in str(outcome.record.message), name
        status = " ".join(printed(show_status, home).split())
        assert facts_path("AAPL") in status, name
        assert query(home.database, "SELECT * FROM core.quarters WHERE ticker = 'AAPL' ORDER BY ALL") == facts, name
        # The index has the filing although its facts could not be had: never mistaken for none.
        assert query(home.database, "SELECT accession, state FROM meta.awaited_filings") == [(accession, "awaited")], (
            name
        )
        assert f"{accession}: awaited: filed, not in companyfacts yet" in status, name
    # The first brought the filing of the index, the others nothing at all.
    assert outcomes == ["published", *["unchanged"] * (len(LASTING) - 1)]
    live_server.forget_faults()
    outcome = refresh_live()
    assert (outcome_of(outcome), outcome.record and outcome.record.message) == ("published", None)
    assert newest_income(home.database) == pytest.approx(income * 1.02, rel=1e-6)
    assert query(home.database, "SELECT * FROM meta.awaited_filings") == []


def test_faults_that_pass_end_in_the_complete_warehouse(
    refresh_live: Refresh, live_server: EdgarServer, world: LiveWorld, home: Home
) -> None:
    income = newest_income(home.database)
    accession = world.file("AAPL")
    world.restate("AAPL", accession, 1.03)
    live_server.fail(facts_path("AAPL"), Fault("status", status=503), Fault("cut"), Fault("hang_up"))
    live_server.fail(index_path("META"), Fault("cut_gzip"), Fault("slow", seconds=1.5))
    outcome = refresh_live()
    assert (outcome_of(outcome), outcome.record and outcome.record.message) == ("published", None)
    assert newest_income(home.database) == pytest.approx(income * 1.03, rel=1e-6)


def test_a_filing_that_appears_between_two_requests_is_taken_by_the_next_refresh(
    refresh_live: Refresh, live_server: EdgarServer, world: LiveWorld, home: Home
) -> None:
    income = newest_income(home.database)
    first = world.file("AAPL", days_ago=1, form="8-K")
    appeared: list[str] = []

    def appear(path: str) -> None:
        # After the index was answered, before the facts are.
        if path.endswith(facts_path("AAPL")) and not appeared:
            appeared.append(world.file("AAPL", form="10-Q"))
            world.restate("AAPL", appeared[0], 1.04)

    live_server.before_answer = appear
    assert outcome_of(refresh_live()) == "published"
    live_server.before_answer = None
    assert newest_income(home.database) == pytest.approx(income * 1.04, rel=1e-6)
    known = f"SELECT count(*) FROM raw.filings WHERE accession IN ('{first}', '{appeared[0]}')"
    assert one(home.database, known) == 2
    assert one(home.database, f"SELECT acceptance_at FROM raw.filings WHERE accession = '{appeared[0]}'") is None
    # The index of the next refresh has it; its facts are here already, so nothing is awaited.
    assert outcome_of(refresh_live()) == "published"
    assert one(home.database, f"SELECT acceptance_at FROM raw.filings WHERE accession = '{appeared[0]}'") is not None
    assert query(home.database, "SELECT * FROM meta.awaited_filings") == []


def test_a_row_of_the_index_that_breaks_its_contract_is_in_quarantine(
    refresh_live: Refresh, world: LiveWorld, home: Home
) -> None:
    accession = world.file("NVDA", form="8-K")
    world.filings["NVDA"].insert(0, world.filings["NVDA"][0].__class__("not-an-accession", "8-K", "2026-07-01", ""))
    world.serve_index("NVDA")
    assert outcome_of(refresh_live()) == "published"
    rows = query(
        home.database, "SELECT table_name, cik, reason FROM meta.quarantine WHERE table_name = 'raw.filing_index'"
    )
    assert [(name, cik) for name, cik, _ in rows] == [("raw.filing_index", CIKS["NVDA"])]
    assert "not-an-accession" in rows[0][2]
    assert one(home.database, f"SELECT count(*) FROM raw.filings WHERE accession = '{accession}'") == 1
    assert outcome_of(refresh_live()) == "unchanged"


@pytest.mark.parametrize("is_awaited", [False, True])
def test_an_older_source_changes_nothing_and_is_told_by_company(
    is_awaited: bool, refresh_live: Refresh, world: LiveWorld, home: Home, told: list[str]
) -> None:
    """The bundled filings after EDGAR: an extract, without filing index and ticker list, that ends months earlier."""
    accessions = {ticker: world.file(ticker, days_ago=1) for ticker in world.tickers}
    world.file("META", form="8-K", items="2.02")
    if not is_awaited:
        for ticker, accession in accessions.items():
            world.restate(ticker, accession)
    world.filings["NVDA"].insert(0, world.filings["NVDA"][0].__class__("not-an-accession", "8-K", "2026-07-01", ""))
    world.serve_index("NVDA")
    assert outcome_of(refresh_live()) == "published"
    before, tables = digest(home.database), files_below(home.tables)
    outcome = refresh_live("bundled")
    assert (outcome.succeeded, outcome_of(outcome)) == (True, "unchanged"), outcome.message
    assert digest(home.database) == before
    assert files_below(home.tables) == tables
    status = " ".join(printed(show_status, home).split())
    for ticker in world.tickers:
        assert outcome.record is not None
        (sentence,) = [line for line in told if line.startswith(f"{ticker}: ") and "ends with a filing of" in line]
        assert f"which reach to {max(each.filed for each in world.filings[ticker])}" in sentence
        assert sentence in str(outcome.record.message)
        assert f"{ticker}: " in status
    # EDGAR goes on where it was.
    assert outcome_of(refresh_live()) == "unchanged"


def test_a_filing_that_the_source_has_no_more_is_told_as_removed(
    refresh_live: Refresh, world: LiveWorld, home: Home
) -> None:
    accession = world.file("AAPL", days_ago=3)
    world.restate("AAPL", accession)
    later = world.file("AAPL", days_ago=1)
    world.restate("AAPL", later, 1.02)
    assert outcome_of(refresh_live()) == "published"
    newest = world.file("AAPL", form="8-K")
    world.filings["AAPL"] = [filing for filing in world.filings["AAPL"] if filing.accession != accession]
    world.serve_index("AAPL")
    for tags in world.bodies["AAPL"]["facts"].values():
        for tag in tags.values():
            for facts in tag["units"].values():
                facts[:] = [fact for fact in facts if fact["accn"] != accession]
    world.serve_facts("AAPL")
    assert outcome_of(refresh_live()) == "published"
    filings = query(
        home.database,
        "SELECT kind, entity, concept, accession FROM meta.changes WHERE table_name = 'raw.filings' ORDER BY 1",
    )
    assert filings == [("new_filing", "AAPL", "8-K", newest), ("removed_filing", "AAPL", "10-Q", accession)]
    assert accession in printed(show_changes, home, 10)


def test_the_command_tells_the_same(environment: dict[str, str], world: LiveWorld, home: Home, tmp_path: Path) -> None:
    import subprocess

    from tests.homes import COMMAND, ROOT

    finished = subprocess.run(
        [*COMMAND, "refresh", "--source", "edgar"],
        cwd=ROOT,
        env={**environment, "SEC_USER_AGENT": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 1
    assert "SEC_USER_AGENT" in finished.stderr
    assert "what was published before is unchanged" in finished.stderr
