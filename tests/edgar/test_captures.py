"""The real captures, served one after the other, and the real filing indexes; skipped where absent."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipelines.edgar import EdgarSettings, Filer, fetch, read_filings
from pipelines.edgar.storage import ResponseStore
from pipelines.edgar.submissions import FilingIndex, missing_filings, read_index
from pipelines.edgar.tickers import check_tickers, read_tickers

from .conftest import snapshot
from .server import EdgarServer
from .world import REAL_FILERS, World

JULY_FILERS = {789019, 1318605, 1652044}


def facts_asked(server: EdgarServer) -> set[int]:
    return {int(path[-15:-5]) for path in server.paths() if "companyfacts" in path}


def test_february_june_july_fetches_only_what_changed(
    real_filings: Path, world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    world.tickers(list(REAL_FILERS))
    everyone = {company.cik for company in REAL_FILERS}
    world.capture("2026-02")
    february = fetch(REAL_FILERS, home, settings, now=datetime(2026, 2, 28, tzinfo=UTC))
    assert (set(february.changed), february.failures, february.new_filings) == (everyone, (), ())

    world.capture("2026-06")
    server.clear()
    june = fetch(REAL_FILERS, home, settings, now=datetime(2026, 6, 30, tzinfo=UTC))
    assert facts_asked(server) == set(june.changed) == everyone
    filed = {filing.accession for filing in june.new_filings}
    assert {
        "0000320193-26-000013",
        "0001193125-26-191507",
        "0001018724-26-000014",
        "0001193125-26-277521",
    } <= filed
    assert all(date(2026, 2, 1) < filing.filed_date <= date(2026, 6, 30) for filing in june.new_filings)

    world.capture("2026-07")
    server.clear()
    july = fetch(REAL_FILERS, home, settings, now=datetime(2026, 7, 31, tzinfo=UTC))
    assert facts_asked(server) == set(july.changed) == JULY_FILERS
    # Eight indexes, three companyfacts, and the ticker list, which is more than a week old.
    assert len(server.log) == 8 + 3 + 1
    assert {cik for cik in everyone if july.facts[cik] == june.facts[cik]} == everyone - JULY_FILERS
    assert (july.awaited, july.overdue, july.failures) == ((), (), ())

    before = snapshot(home)
    server.clear()
    assert fetch(REAL_FILERS, home, settings, now=datetime(2026, 8, 1, tzinfo=UTC)).wrote is False
    assert (snapshot(home) == before, len(server.log)) == (True, 8)
    served = gzip.decompress((real_filings / "companyfacts/2026-07/CIK0000789019.json.gz").read_bytes())
    assert ResponseStore(home).read(july.facts[789019].sha256) == served


def real_index(folder: Path, cik: int) -> FilingIndex:
    body = gzip.decompress((folder / f"submissions/CIK{cik:010d}.json.gz").read_bytes())
    return read_index(body, cik, f"CIK {cik}")


@pytest.mark.parametrize(
    ("cik", "count", "clock", "accession", "accepted"),
    [
        (320193, 1000, "utc", "0000320193-26-000006", datetime(2026, 1, 30, 11, 1, 32, tzinfo=UTC)),
        (789019, 1009, "utc", "0001193125-26-027207", datetime(2026, 1, 28, 21, 7, 34, tzinfo=UTC)),
        (1018724, 1002, "utc", "0001018724-26-000004", datetime(2026, 2, 5, 23, 44, 31, tzinfo=UTC)),
        (1652044, 1023, "utc", "0001652044-26-000018", datetime(2026, 2, 5, 2, 56, 3, tzinfo=UTC)),
        # Served as 16:42:19 under the mark of UTC, which is New York time in this index.
        (1045810, 1000, "eastern", "0001045810-26-000021", datetime(2026, 2, 25, 21, 42, 19, tzinfo=UTC)),
    ],
)
def test_the_real_indexes_are_read_whole(
    real_filings: Path, cik: int, count: int, clock: str, accession: str, accepted: datetime
) -> None:
    index = real_index(real_filings, cik)
    assert (len(index.filings), index.rejected, index.acceptance_clock) == (count, (), clock)
    (filing,) = [filing for filing in index.filings if filing.accession == accession]
    assert filing.acceptance_datetime == accepted
    assert filing.is_xbrl
    assert filing.filing_url.startswith(f"https://www.sec.gov/Archives/edgar/data/{cik}/{accession.replace('-', '')}/")


@pytest.mark.parametrize("cik", [320193, 789019, 1018724, 1045810, 1652044])
def test_every_statement_in_the_real_indexes_is_in_the_real_facts(real_filings: Path, cik: int) -> None:
    body = gzip.decompress((real_filings / f"companyfacts/2026-06/CIK{cik:010d}.json.gz").read_bytes())
    facts = json.loads(body)["facts"]
    found = {
        fact["accn"]
        for tags in facts.values()
        for tag in tags.values()
        for unit in tag["units"].values()
        for fact in unit
    }
    assert missing_filings(real_index(real_filings, cik).filings, found) == []


def test_the_real_indexes_and_ticker_list_are_served_and_fetched(
    real_filings: Path, world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    world.write("files/company_tickers.json", gzip.decompress((real_filings / "company_tickers.json.gz").read_bytes()))
    apple = [Filer("AAPL", 320193)]
    for folder, kind in (("submissions", "submissions"), ("api/xbrl/companyfacts", "companyfacts/2026-02")):
        content = (real_filings / kind / "CIK0000320193.json.gz").read_bytes()
        world.write(f"{folder}/CIK0000320193.json.gz", content)
    result = fetch(apple, home, settings, now=datetime(2026, 4, 25, tzinfo=UTC))
    assert result.changed == (320193,)
    # The index lists an older page that is not among the captures.
    assert [failure.kind for failure in result.failures] == ["older_index"]
    assert len(read_filings(result.indexes)) == 1000


def test_the_universe_agrees_with_the_real_ticker_list(real_filings: Path) -> None:
    body = gzip.decompress((real_filings / "company_tickers.json.gz").read_bytes())
    listed = read_tickers(body, "company_tickers.json")
    assert check_tickers(REAL_FILERS, listed) == []
    assert len(listed) > 10_000
