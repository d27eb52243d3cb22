"""The real captures of February and June 2026, served one after the other: what the second refresh adds, and what stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edgar.server import EdgarServer, serving
from tests.edgar.world import REAL_FILERS, World
from tests.homes import SHARED_FILINGS
from tests.live.forked import Forked
from tests.live.reading import one, query
from tests.live.world import LiveWorld
from warehouse.home import Home
from warehouse.publication import published_files
from warehouse.universe import DEFAULT_UNIVERSE

FACT = "cik, taxonomy, tag, unit, period_start_date, period_end_date, accession, value, filed_date"
# One company's capture stays as of February: the refresh must leave it alone.
UNCHANGED = "ORCL"


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Path, Path, list[str]]]:
    """Home folder, the file published in February, the one in June, and the companies that June asked for."""
    if not SHARED_FILINGS.is_dir():
        pytest.skip("the real captures are not here: this test needs the sibling folder shared/filings")
    folder = tmp_path_factory.mktemp("captures")
    world = World(folder / "served")
    home = Home.resolve(folder / "home")
    world.tickers(list(REAL_FILERS))
    with serving(world.folder) as server:
        environment = LiveWorld.environment(_Universe(), server.url, home.root)  # type: ignore[arg-type]
        refreshes = Forked(environment)
        world.capture("2026-02")
        first = refreshes.run(home.root)
        assert first["outcome"] == "published", first
        oracle = (world.folder / f"api/xbrl/companyfacts/CIK{_cik(UNCHANGED):010d}.json").read_bytes()
        index = (world.folder / f"submissions/CIK{_cik(UNCHANGED):010d}.json").read_bytes()
        world.capture("2026-06")
        world.write(f"api/xbrl/companyfacts/CIK{_cik(UNCHANGED):010d}.json", oracle)
        world.write(f"submissions/CIK{_cik(UNCHANGED):010d}.json", index)
        server.clear()
        second = refreshes.run(home.root)
        assert second["outcome"] == "published", second
        refreshes.close()
        february, june = published_files(home)
        yield home, february, june, _asked(server)


class _Universe:
    """What `LiveWorld.environment` reads of a world: the universe file."""

    universe = DEFAULT_UNIVERSE


def _cik(ticker: str) -> int:
    return next(filer.cik for filer in REAL_FILERS if filer.ticker == ticker)


def _asked(server: EdgarServer) -> list[str]:
    names = {f"CIK{filer.cik:010d}": filer.ticker for filer in REAL_FILERS}
    # Alphabet's predecessor has no capture and is asked for each time.
    asked = {path[-18:-5] for path in server.paths() if "companyfacts" in path}
    return sorted(names[name] for name in asked & set(names))


def both(february: Path, june: Path, sql: str) -> list[tuple[object, ...]]:
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH '{february}' AS february (READ_ONLY)")
        connection.execute(f"ATTACH '{june}' AS june (READ_ONLY)")
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.long
def test_only_changed_companies_are_asked_for(captures: tuple[Home, Path, Path, list[str]]) -> None:
    _, _, _, asked = captures
    assert asked == sorted(filer.ticker for filer in REAL_FILERS if filer.ticker != UNCHANGED)


@pytest.mark.long
def test_exactly_the_new_facts_are_added_and_none_is_removed(captures: tuple[Home, Path, Path, list[str]]) -> None:
    _, february, june, _ = captures
    facts = f"SELECT {FACT} FROM {{}}.raw.company_facts"
    removed = both(february, june, f"{facts.format('february')} EXCEPT ALL {facts.format('june')}")
    assert removed == []
    added = f"({facts.format('june')} EXCEPT ALL {facts.format('february')})"
    ((count, first),) = both(february, june, f"SELECT count(*), min(filed_date) FROM {added}")
    assert count == one(june, "SELECT count(*) FROM raw.company_facts") - one(
        february, "SELECT count(*) FROM raw.company_facts"
    )
    assert int(str(count)) > 1000
    assert str(first) > str(one(february, "SELECT max(filed_date) FROM raw.filings WHERE form = '10-K'"))[:4]
    assert both(february, june, f"SELECT count(*) FROM {added} WHERE cik = {_cik(UNCHANGED)}") == [(0,)]


@pytest.mark.long
def test_restated_values_are_new_versions_with_their_day(captures: tuple[Home, Path, Path, list[str]]) -> None:
    _, february, june, _ = captures
    version = "ticker, concept, tag, period_start_date, period_end_date, accession, value, known_from_date"
    lost = both(
        february,
        june,
        f"SELECT {version} FROM february.core.statement_facts EXCEPT SELECT {version} FROM june.core.statement_facts",
    )
    assert lost == []
    restated = both(
        february,
        june,
        """SELECT b.ticker, b.concept, b.period_end_date, a.value, b.value, b.known_from_date, f.known_from_date,
            (SELECT max(known_from_date) FROM february.core.statement_facts AS c
                WHERE (c.ticker, c.concept, c.tag, c.period_end_date) = (b.ticker, b.concept, b.tag, b.period_end_date)
                    AND c.period_start_date IS NOT DISTINCT FROM b.period_start_date)
        FROM june.core.statement_facts AS b JOIN june.raw.filings AS f USING (accession)
        JOIN february.core.statement_facts AS a
            ON (a.ticker, a.concept, a.tag, a.period_end_date) = (b.ticker, b.concept, b.tag, b.period_end_date)
            AND a.period_start_date IS NOT DISTINCT FROM b.period_start_date AND a.value <> b.value
        ANTI JOIN february.raw.filings AS old ON old.accession = b.accession""",
    )
    assert restated
    for ticker, concept, end, _, _, known_from, public, known_before in restated:
        assert known_from == public, (ticker, concept, end)
        assert str(known_before) < str(known_from), (ticker, concept, end)
    # Every value that changed had been a balance carried forward until the quarter's own filing came.
    assert query(june, "SELECT * FROM meta.changes WHERE kind = 'restated_value'") == []
    carried = both(
        february,
        june,
        """SELECT q.method, f.filed_date, q.known_from_date FROM june.meta.changes AS c
        JOIN february.core.quarters AS q ON q.ticker = c.entity AND q.concept = c.concept
            AND 'FY' || q.fiscal_year || 'Q' || q.fiscal_quarter = c.period
        JOIN june.raw.filings AS f USING (accession) WHERE c.kind = 'filed_balance'""",
    )
    assert carried
    for method, filed, known_before in carried:
        assert method == "carried_forward"
        assert str(filed) > "2026-02-28"
        assert known_before is not None


@pytest.mark.long
def test_the_history_of_quarters_goes_on_where_it_was(captures: tuple[Home, Path, Path, list[str]]) -> None:
    _, february, june, _ = captures
    # Transcribed figures reach up to July in both; what they alone make of later quarters is no part of February.
    newest = one(february, "SELECT max(filed_date) FROM raw.company_facts WHERE source_url IS NULL")
    rows = "ticker, concept, measure, fiscal_year, fiscal_quarter, value, known_from_date"
    lost = both(
        february,
        june,
        f"""SELECT {rows} FROM february.core.quarters_history WHERE known_from_date <= DATE '{newest}'
        EXCEPT SELECT {rows} FROM june.core.quarters_history""",
    )
    assert lost == []
    # These months restate no quarter (AAPL repeats a rounded debt that no quarter rests on): they only add.
    ended = f"known_to_date BETWEEN DATE '{newest}' + 1 AND DATE '2026-06-30'"
    assert query(june, f"SELECT * FROM core.quarters_history WHERE {ended} AND method <> 'carried_forward'") == []
    added = query(
        june, f"SELECT DISTINCT ticker FROM core.quarters_history WHERE known_from_date > DATE '{newest}' ORDER BY 1"
    )
    assert [ticker for (ticker,) in added] == sorted({filer.ticker for filer in REAL_FILERS} - {UNCHANGED})


@pytest.mark.long
def test_changes_name_the_new_quarters_and_filings(captures: tuple[Home, Path, Path, list[str]]) -> None:
    _, february, june, _ = captures
    new = query(june, "SELECT DISTINCT entity FROM meta.changes WHERE kind = 'new_quarter' ORDER BY 1")
    # The figures that MSFT and TSLA report under their own tags are transcribed up to July, so their quarters were there before.
    known = {UNCHANGED, "MSFT", "TSLA"}
    assert {entity for (entity,) in new} | known == {filer.ticker for filer in REAL_FILERS}
    filings = query(june, "SELECT count(*) FROM meta.changes WHERE kind = 'new_filing'")
    added = one(june, "SELECT count(*) FROM raw.filings") - one(february, "SELECT count(*) FROM raw.filings")
    assert filings == [(added,)]
    assert query(february, "SELECT * FROM meta.changes") == []
