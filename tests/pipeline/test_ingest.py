"""Only what is new is read, what is refused keeps its last good data: the step before all derived tables, on its own."""

import datetime as dt
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.ingest import ingest
from pipelines.source_assets import _store_configuration
from pipelines.workshop import Workshop
from schemas.base import TableClass
from schemas.meta.warehouse import Quarantine
from schemas.raw.configuration import Universe
from schemas.raw.filings import CompanyFacts
from tests.homes import (
    CIKS,
    alter,
    bundled_copy,
    copied,
    files_below,
    read_json,
    response_path,
    universe_file,
    write_json,
)
from warehouse import fact_loading
from warehouse.errors import ResponseRefused
from warehouse.home import Home
from warehouse.responses import LandedResponse
from warehouse.table_store import StoredTable, TableStore
from warehouse.universe import DEFAULT_UNIVERSE

Rows = list[tuple[Any, ...]]


class Ingesting:
    """The step on a copy of the refreshed home folder, with what it did."""

    def __init__(self, home: Home, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.source = source
        self.parsed: list[list[int]] = []
        self.refused: dict[str, str] = {}
        parse = fact_loading.FactLoader._load_batch

        def watched(loader: fact_loading.FactLoader, responses: list[LandedResponse]) -> None:
            self.parsed.append([response.cik for response in responses])
            parse(loader, responses)

        monkeypatch.setattr(fact_loading.FactLoader, "_load_batch", watched)

    def run(self, universe: Path = DEFAULT_UNIVERSE, on: dt.date | None = None) -> Rows:
        """Ingest, on a given day; returns company, response, number and sum of the facts of the mapped taxonomy."""
        with Workshop(self.home, str(self.source), universe, "ingest-run") as workshop:
            workshop.known_on = on or workshop.known_on
            _store_configuration(workshop, Universe)
            ingest(workshop)
            self.refused = workshop.refused
            workshop.store.read(CompanyFacts)
            return workshop.engine.sql.execute(
                """SELECT cik, response_sha256, count(*), sum(value) FROM raw.company_facts WHERE taxonomy = 'us-gaap'
                GROUP BY ALL ORDER BY ALL"""
            ).fetchall()


@pytest.fixture
def ingesting(refreshed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingesting:
    return Ingesting(copied(refreshed, tmp_path / "home"), bundled_copy(tmp_path / "source"), monkeypatch)


def revenue_facts(content: dict[str, Any], tag: str = "Revenues") -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = content["facts"]["us-gaap"][tag]["units"]["USD"]
    return facts


def change_one_value(content: dict[str, Any]) -> None:
    revenue_facts(content)[-1]["val"] += 1_000_000


def test_unchanged_responses_are_not_read_again(ingesting: Ingesting) -> None:
    first = ingesting.run()

    assert ingesting.parsed == []
    assert {row[0] for row in first} == set(CIKS.values())


def test_a_changed_response_is_the_only_one_read(ingesting: Ingesting) -> None:
    before = ingesting.run()
    alter(ingesting.source, "NVDA", change_one_value)
    after = ingesting.run()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

    assert ingesting.parsed == [[CIKS["NVDA"]]]
    assert len(changed) == 1
    old, new = changed[0]
    assert (new[0], new[2], new[3] - old[3]) == (CIKS["NVDA"], old[2], 1_000_000)
    assert new[1] != old[1]


def html(path: Path) -> None:
    path.write_bytes(gzip.compress(b"<!DOCTYPE html><html><body>Request Rate Threshold Exceeded</body></html>"))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def cut_off_inside(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-5000]))


def other_company(path: Path) -> None:
    write_json(path, read_json(path) | {"cik": 320193})


def no_facts(path: Path) -> None:
    write_json(path, read_json(path) | {"facts": {}})


BREAKAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "MSFT": (cut_off, "can't be read"),
    "GOOGL": (cut_off_inside, "not readable as companyfacts"),
    "AMZN": (other_company, "is of CIK 320193 and not of 1018724"),
    "META": (no_facts, "holds no facts"),
    "TSLA": (html, "not readable as companyfacts"),
}


def test_refused_responses_are_named_and_the_last_good_data_stays(ingesting: Ingesting) -> None:
    before = ingesting.run()
    for ticker, (breakage, _) in BREAKAGES.items():
        breakage(response_path(ingesting.source, ticker))
    alter(ingesting.source, "NVDA", change_one_value)
    after = ingesting.run()

    assert set(ingesting.refused) == {f"CIK{CIKS[ticker]:010d}" for ticker in BREAKAGES}
    for ticker, (_, says) in BREAKAGES.items():
        told = ingesting.refused[f"CIK{CIKS[ticker]:010d}"]
        assert says in told
        assert f"CIK{CIKS[ticker]:010d}" in told
    assert [row for row in after if row[0] != CIKS["NVDA"]] == [row for row in before if row[0] != CIKS["NVDA"]]
    assert [row[2] for row in after] == [row[2] for row in before]


def test_a_copy_of_another_company_s_response_is_refused_though_its_content_is_known(ingesting: Ingesting) -> None:
    before = ingesting.run()
    response_path(ingesting.source, "NVDA").write_bytes(response_path(ingesting.source, "AAPL").read_bytes())

    assert ingesting.run() == before
    assert "is of CIK 320193 and not of 1045810" in ingesting.refused["CIK0001045810"]


def test_a_response_refused_whole_changes_nothing_that_is_stored(ingesting: Ingesting) -> None:
    ingesting.run()
    stored = files_below(ingesting.home.tables)
    cut_off_inside(response_path(ingesting.source, "META"))
    other_company(response_path(ingesting.source, "TSLA"))
    ingesting.run()

    assert len(ingesting.refused) == 2
    assert files_below(ingesting.home.tables) == stored


def test_a_refused_response_is_read_once_it_is_good_again(ingesting: Ingesting) -> None:
    path = response_path(ingesting.source, "META")
    good = path.read_bytes()
    before = ingesting.run()
    no_facts(path)
    ingesting.run()
    path.write_bytes(good)

    assert ingesting.run() == before
    assert ingesting.refused == {}


def test_a_company_that_is_missing_from_the_source_keeps_its_last_good_data(ingesting: Ingesting) -> None:
    before = ingesting.run()
    response_path(ingesting.source, "META").unlink()

    assert ingesting.run() == before


def test_a_company_with_neither_response_nor_data_is_named_with_the_remedy(
    ingesting: Ingesting, tmp_path: Path
) -> None:
    added = {"ticker": "TWIN", "cik": 999999, "name": "Twin of AAPL", "tier": "downstream"}
    universe = universe_file(tmp_path / "universe.yaml", list(CIKS), added)

    with pytest.raises(ResponseRefused) as refused:
        ingesting.run(universe)

    assert "TWIN: no usable response and no earlier data" in str(refused.value)
    assert "CIK0000999999.json" in str(refused.value)
    assert "add the response or take TWIN out of the universe file" in str(refused.value)


def test_an_added_company_is_the_only_one_read(ingesting: Ingesting, tmp_path: Path) -> None:
    before = ingesting.run()
    real = read_json(response_path(ingesting.source, "AAPL"))
    (ingesting.source / "CIK0000999999.json").write_text(json.dumps(real | {"cik": 999999}))
    added = {"ticker": "TWIN", "cik": 999999, "name": "Twin of AAPL", "tier": "downstream"}
    after = ingesting.run(universe_file(tmp_path / "universe.yaml", list(CIKS), added))
    twin, copy = (next(row for row in after if row[0] == cik) for cik in (CIKS["AAPL"], 999999))

    assert ingesting.parsed == [[999999]]
    assert [row for row in after if row[0] != 999999] == before
    assert twin[2:] == copy[2:]


def quarantined(home: Home) -> list[str]:
    path = home.tables / "meta" / "quarantine.parquet"
    rows = duckdb.sql(f"SELECT reason FROM read_parquet('{path}') ORDER BY ALL").fetchall()
    return [reason for (reason,) in rows]


def test_what_is_dated_tomorrow_is_read_again_tomorrow(ingesting: Ingesting) -> None:
    """SEC dates what it accepts in the evening with the next business day, and no response changes overnight."""
    before = ingesting.run()
    today = dt.datetime.now(dt.UTC).date()
    tomorrow = today + dt.timedelta(days=1)

    def file_in_the_evening(content: dict[str, Any]) -> None:
        newest = revenue_facts(content)[-1]
        revenue_facts(content).append(newest | {"filed": tomorrow.isoformat(), "accn": "0001045810-26-999999"})

    alter(ingesting.source, "NVDA", file_in_the_evening)
    for _ in range(2):
        assert [row[2] for row in ingesting.run(on=today)] == [row[2] for row in before]
        assert "filing date lies in the future" in quarantined(ingesting.home)
        (sentence,) = ingesting.refused.values()
        assert f"1 facts are dated after {today}" in sentence
        assert "CIK0001045810" in sentence
    after = ingesting.run(on=tomorrow)
    assert [new[2] - old[2] for old, new in zip(before, after, strict=True) if old[2] != new[2]] == [1]
    assert "filing date lies in the future" not in quarantined(ingesting.home)
    assert ingesting.refused == {}


def test_a_company_that_waits_for_tomorrow_and_is_missing_then_keeps_its_data(ingesting: Ingesting) -> None:
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    alter(ingesting.source, "NVDA", lambda content: revenue_facts(content)[-1].update(filed=tomorrow.isoformat()))
    first = ingesting.run()
    response_path(ingesting.source, "NVDA").unlink()

    assert ingesting.run(on=tomorrow) == first


def test_rows_in_quarantine_survive_an_end_between_the_two_tables(
    ingesting: Ingesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter(ingesting.source, "NVDA", lambda content: revenue_facts(content)[-1].update(end=None))
    stored: list[TableClass] = []
    with monkeypatch.context() as patch:

        def killed(self: TableStore, table: TableClass, *rest: Any, **more: Any) -> StoredTable:
            if stored and table in (CompanyFacts, Quarantine):
                raise KeyboardInterrupt
            stored.append(table)
            return write(self, table, *rest, **more)

        write = TableStore.write
        patch.setattr(TableStore, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            ingesting.run()
    assert len(stored) == 1
    ingesting.run()

    assert "period end is missing or no date" in quarantined(ingesting.home)


def newest_filing(content: dict[str, Any]) -> tuple[str, str]:
    """Day and accession of the newest filing of a response."""
    return max((fact["filed"], fact["accn"]) for fact in all_facts(content))


def all_facts(content: dict[str, Any]) -> list[dict[str, Any]]:
    units = [unit for tags in content["facts"].values() for tag in tags.values() for unit in tag["units"].values()]
    return [fact for unit in units for fact in unit]


def forget(content: dict[str, Any], accessions: set[str]) -> None:
    """Take the facts of filings out of a response."""
    for tags in content["facts"].values():
        for tag in tags.values():
            for unit in tag["units"].values():
                unit[:] = [fact for fact in unit if fact["accn"] not in accessions]


def test_a_response_that_is_older_than_what_is_stored_is_refused_by_name(ingesting: Ingesting) -> None:
    before = ingesting.run()
    stored = files_below(ingesting.home.tables)
    path = response_path(ingesting.source, "NVDA")
    whole = path.read_bytes()
    newest, accession = newest_filing(read_json(path))
    alter(ingesting.source, "NVDA", lambda content: forget(content, {accession}))
    earlier, _ = newest_filing(read_json(path))
    for _ in range(2):
        assert ingesting.run() == before
        assert set(ingesting.refused) == {"CIK0001045810"}
        told = ingesting.refused["CIK0001045810"]
        assert told.startswith(f"NVDA: {path} ends with a filing of {earlier} and lacks 1 of the stored ones")
        assert f"which reach to {newest}" in told
        assert "another folder with --home" in told
        assert str(ingesting.home.tables) in told
        # Nothing of it is left in any table.
        assert files_below(ingesting.home.tables) == stored

    # Beside a company that goes on, the older one's rows stay as well.
    alter(ingesting.source, "AAPL", lambda content: revenue_facts(content, "NetIncomeLoss")[-1].update(val=1))
    changed = [(old, new) for old, new in zip(before, ingesting.run(), strict=True) if old != new]
    assert [new[0] for _, new in changed] == [CIKS["AAPL"]]

    path.write_bytes(whole)
    ingesting.run()
    assert ingesting.refused == {}


def test_without_the_tables_the_older_source_is_taken(ingesting: Ingesting) -> None:
    path = response_path(ingesting.source, "NVDA")
    _, accession = newest_filing(read_json(path))
    alter(ingesting.source, "NVDA", lambda content: forget(content, {accession}))
    shutil.rmtree(ingesting.home.tables)
    ingesting.home.create()
    ingesting.run()
    assert ingesting.refused == {}


def test_an_extract_without_older_filings_and_a_correction_of_single_facts_are_taken(ingesting: Ingesting) -> None:
    ingesting.run()
    content = read_json(response_path(ingesting.source, "NVDA"))
    oldest = min((fact["filed"], fact["accn"]) for fact in all_facts(content))[1]
    alter(ingesting.source, "NVDA", lambda content: forget(content, {oldest}))
    _, newest = newest_filing(read_json(response_path(ingesting.source, "AAPL")))

    def take_one_away(content: dict[str, Any]) -> None:
        unit = next(
            unit
            for tags in content["facts"].values()
            for tag in tags.values()
            for unit in tag["units"].values()
            if any(fact["accn"] == newest for fact in unit)
        )
        unit[:] = [fact for fact in unit if fact["accn"] != newest]

    alter(ingesting.source, "AAPL", take_one_away)
    ingesting.run()
    assert ingesting.refused == {}
    assert sorted(cik for batch in ingesting.parsed for cik in batch) == sorted([CIKS["NVDA"], CIKS["AAPL"]])


def test_the_newest_filing_in_quarantine_is_not_a_lost_one(ingesting: Ingesting) -> None:
    ingesting.run()
    newest = newest_filing(read_json(response_path(ingesting.source, "NVDA")))[1]

    def spoil(content: dict[str, Any]) -> None:
        for fact in all_facts(content):
            if fact["accn"] == newest:
                fact["end"] = "never"

    alter(ingesting.source, "NVDA", spoil)
    ingesting.run()
    assert ingesting.refused == {}
    assert "period end is missing or no date" in quarantined(ingesting.home)


@pytest.mark.parametrize("table", ["raw/company_facts", "meta/quarantine"])
@pytest.mark.parametrize("kept_bytes", [0, 400])
def test_a_damaged_table_is_read_from_the_responses_again(ingesting: Ingesting, table: str, kept_bytes: int) -> None:
    alter(ingesting.source, "NVDA", lambda content: revenue_facts(content)[-1].update(end=None))
    before, set_aside = ingesting.run(), quarantined(ingesting.home)
    path = ingesting.home.tables / f"{table}.parquet"
    path.write_bytes(path.read_bytes()[:kept_bytes])

    assert ingesting.run() == before
    assert set_aside == quarantined(ingesting.home)
    assert "period end is missing or no date" in set_aside


def test_a_company_taken_out_of_the_universe_loses_its_facts(ingesting: Ingesting, tmp_path: Path) -> None:
    after = ingesting.run(universe_file(tmp_path / "universe.yaml", ["NVDA", "META"]))

    assert {row[0] for row in after} == {CIKS["NVDA"], CIKS["META"]}
