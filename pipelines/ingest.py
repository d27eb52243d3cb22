"""From responses to the tables that copy the source: only what is new is read, what is refused keeps its last good data.

What belongs here: the order of landing, loading and merging. What does not: the statements (`warehouse.fact_loading`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.live import Landing, Tell, index_rows, land_from_edgar, public_by
from pipelines.older_source import forget_loaded, older_responses, with_stored_rows
from pipelines.workshop import Workshop
from schemas.base import TableClass, qualified_name, table_name
from schemas.meta.warehouse import Quarantine
from schemas.raw.configuration import Universe
from schemas.raw.filings import CompanyFacts, FilingIndex, ListedCompanies
from warehouse.configuration import content_hash
from warehouse.engine import quoted
from warehouse.errors import ClockSetBack, ConfigurationError, ResponseRefused
from warehouse.fact_loading import FUTURE, FactLoader
from warehouse.raw_tables import arrow_table
from warehouse.responses import BUNDLED_FILINGS, LandedResponse, find_responses, land_response, read_response
from warehouse.table_store import StoredTable

CUSTOM_FACTS = "custom_tag_facts.csv"
# Beside the tables: the day that a refresh `--as-of` ended the stored facts with, or None.
AS_OF_NOTE = "as_of.txt"
# What is accepted on a Friday evening before a holiday is dated four days later.
NEXT_BUSINESS_DAY = dt.timedelta(days=5)
FACT_ORDER = "cik, taxonomy, tag, unit, period_end_date, period_start_date, filed_date, accession"


def ingest(workshop: Workshop, tell: Tell = lambda _: None) -> dict[TableClass, StoredTable]:
    """Bring the tables that copy the source (`pipelines.catalogue.SOURCE_TABLES`) up to it; `tell` gets what a watcher should know.

    Raises ResponseRefused naming company and remedy where a company of the universe has neither a usable response nor earlier data.
    """
    _trust_the_clock(workshop)
    landing = land_from_edgar(workshop, tell) if workshop.is_live else Landing(_land(workshop))
    landed = landing.responses
    before = _stored_responses(workshop) if _is_of_the_same_day(workshop) else {}
    unread = _to_read_again(workshop, before)
    # By company: a response that repeats another company's must be read to be refused.
    new = [response for response in landed if response.sha256 in unread or response.sha256 != before.get(response.cik)]
    loader = FactLoader(workshop.engine, workshop.known_on, _accepted_already(workshop, landing))
    # The statement that reads transcribed figures joins the universe by ticker.
    workshop.store.read(Universe)
    loader.load_responses(new)
    workshop.refused |= loader.report.refused
    landing = _keep_newer(
        workshop, landing, [each for each in new if each.sha256 != before.get(each.cik)], before, tell
    )
    custom = _custom_facts(workshop)
    loader.load_custom_facts(custom)
    current = _current(workshop, landed, before)
    _require_every_company(workshop, current)
    _set_aside(workshop, landing)
    early = _told_of_the_future(workshop, loader, landed, tell)
    workshop.responses = {f"CIK{cik:010d}": sha256 for cik, sha256 in sorted(current.items())}
    fingerprint = _facts_fingerprint(workshop, current, early)
    # A response refused for want of a good row has its rows here all the same; of one refused whole nothing is stored.
    refused = sorted(loader.set_aside_responses() - set(current.values()))
    quarantine_fingerprint = _quarantine_fingerprint(workshop, fingerprint, landing.rejected, refused)
    retained = set(current.values()) - {
        response.sha256 for response in new if response.sha256 in loader.report.parsed_responses
    }
    if workshop.as_of is not None:
        _forget_later_facts(workshop, landing)
    # A response counts as read once its facts are stored, so whatever else comes of it is stored before.
    quarantine = _merged(
        workshop,
        Quarantine,
        "loaded_quarantine",
        "table_name, cik, reason, row_content",
        retained,
        quarantine_fingerprint,
    )
    facts = _merged(workshop, CompanyFacts, "loaded_facts", FACT_ORDER, retained, fingerprint)
    _note_day(workshop, str(workshop.as_of))
    return {
        CompanyFacts: facts,
        Quarantine: quarantine,
        FilingIndex: _store_rows(workshop, FilingIndex, _index_rows(workshop, landing)),
        ListedCompanies: _store_rows(workshop, ListedCompanies, landing.listed),
    }


def ingested_are_current(workshop: Workshop) -> bool:
    """Whether an ingest of the source as it is now would leave every table as it is stored; of EDGAR only an ingest can tell.

    Raises TokenchainError where the source can't be read.
    """
    if workshop.is_live or _day_of_stored_facts(workshop) != str(workshop.as_of):
        return False
    found = find_responses(workshop.source_path, workshop.universe)
    current = {each.cik: hashlib.sha256(read_response(each)).hexdigest() for each in found}
    facts = _facts_fingerprint(workshop, current)
    expected = {
        CompanyFacts: facts,
        Quarantine: _quarantine_fingerprint(workshop, facts, [], []),
        FilingIndex: _rows_fingerprint(workshop, FilingIndex, []),
        ListedCompanies: _rows_fingerprint(workshop, ListedCompanies, []),
    }
    return all(workshop.store.current(table, made_from) for table, made_from in expected.items())


def _facts_fingerprint(workshop: Workshop, current: Mapping[int, str], early: Collection[str] = ()) -> str:
    """What the facts are made from; where rows wait for their filing day (`early`), that is the day too."""
    responses = [f"{cik} {sha256}" for cik, sha256 in sorted(current.items())]
    responses += [f"{sha256} on {workshop.known_on}" for sha256 in sorted(early)]
    return workshop.fingerprint(*responses, content_hash(_custom_facts(workshop)), str(workshop.as_of))


def _quarantine_fingerprint(workshop: Workshop, facts: str, rejected: Iterable[object], refused: Iterable[str]) -> str:
    # Of the same rows in any order: those of a company that is kept come from the table.
    rows = sorted(json.dumps(row, sort_keys=True, default=str) for row in rejected)
    return workshop.fingerprint(facts, _hash_of(rows), *refused)


def _rows_fingerprint(workshop: Workshop, table: TableClass, rows: Iterable[object]) -> str:
    return workshop.fingerprint(qualified_name(table), _hash_of(rows))


def _index_rows(workshop: Workshop, landing: Landing) -> list[dict[str, Any]]:
    named = workshop.engine.sql.execute("SELECT DISTINCT accession FROM raw.company_facts").fetchall()
    in_facts = {accession for (accession,) in named if accession is not None}
    rows = [*index_rows(landing, in_facts, workshop.as_of), *landing.stored_index]
    return sorted(rows, key=lambda row: str(row["accession"]))


def _store_rows(workshop: Workshop, table: TableClass, rows: list[dict[str, Any]]) -> StoredTable:
    """Store a table unless its rows are those stored; rows decide, because index and ticker list change with what is not in them."""
    fingerprint = _rows_fingerprint(workshop, table, rows)
    if (stored := workshop.store.current(table, fingerprint)) is not None:
        workshop.store.read(table)
        return stored
    name = f"loaded_{table_name(table)}"
    workshop.engine.sql.register(name, arrow_table(table, rows))
    return workshop.store.write(
        table, workshop.engine.named(name, table), fingerprint=fingerprint, run_id=workshop.run_id
    )


def _is_of_the_same_day(workshop: Workshop) -> bool:
    """Whether the stored facts end with the same day as this run's; else none of them can stand for its response.

    The note says `changing` while facts of another day are written, so a run that ends in between is not trusted.
    """
    is_same = _day_of_stored_facts(workshop) == str(workshop.as_of)
    if not is_same:
        _note_day(workshop, "changing")
    return is_same


def _note_day(workshop: Workshop, day: str) -> None:
    """Write the note beside the tables, unless it says so already: a day with nothing new writes no file."""
    note = workshop.home.tables / AS_OF_NOTE
    if not note.exists() or note.read_text(encoding="utf-8") != day:
        note.write_text(day, encoding="utf-8")


def _day_of_stored_facts(workshop: Workshop) -> str:
    note = workshop.home.tables / AS_OF_NOTE
    return note.read_text(encoding="utf-8") if note.exists() else "None"


def _trust_the_clock(workshop: Workshop) -> None:
    """Refuse to judge filing days by a clock that was set back: every newer filing would look like one from the future."""
    if not workshop.store.attach(CompanyFacts):
        return
    (newest,) = workshop.engine.sql.execute("SELECT max(filed_date) FROM raw.company_facts").fetchall()[0]
    if newest is not None and newest > workshop.known_on + NEXT_BUSINESS_DAY:
        raise ClockSetBack(
            f"this machine's clock says {workshop.known_on}, but filings up to {newest} are stored; set the clock and refresh again"
        )


def _set_aside(workshop: Workshop, landing: Landing) -> None:
    """Put the index's refused rows into the quarantine."""
    workshop.engine.sql.register("rejected_rows", arrow_table(Quarantine, landing.rejected))
    workshop.engine.sql.execute("INSERT INTO loaded_quarantine BY NAME FROM rejected_rows").fetchall()
    workshop.engine.sql.unregister("rejected_rows")


def _forget_later_facts(workshop: Workshop, landing: Landing) -> None:
    """Leave out what was not public on the day of `--as-of`: filed later, and not accepted on it already as the index tells.

    Nothing earlier is among the retained rows: those of another day are not used again.
    """
    accepted = [filing.accession for filing in public_by(landing.filings, workshop.as_of)]
    workshop.engine.sql.execute(
        "DELETE FROM loaded_facts WHERE filed_date > ? AND (accession IS NULL OR accession NOT IN (SELECT unnest(?::VARCHAR[])))",
        [workshop.as_of, accepted],
    ).fetchall()
    ((left,),) = workshop.engine.sql.execute("SELECT count(*) FROM loaded_facts").fetchall()
    if left == 0 and _day_of_stored_facts(workshop) != str(workshop.as_of):
        raise ConfigurationError(
            f"--as-of {workshop.as_of}: no filing in {workshop.source} was public by then; give a later day"
        )


def _hash_of(rows: Iterable[object]) -> str:
    return hashlib.sha256(json.dumps(list(rows), sort_keys=True, default=str).encode()).hexdigest()


def _land(workshop: Workshop) -> list[LandedResponse]:
    landed = []
    for found in find_responses(workshop.source_path, workshop.universe):
        try:
            landed.append(land_response(found, workshop.home))
        except ResponseRefused as error:
            workshop.refused[f"CIK{found.cik:010d}"] = str(error)
    return landed


def _stored_responses(workshop: Workshop) -> dict[int, str]:
    """CIK → SHA-256 of the response whose rows are stored now; transcribed figures have rows of their own and don't count."""
    if not workshop.store.attach(CompanyFacts):
        return {}
    rows = workshop.engine.sql.execute(
        "SELECT DISTINCT cik, response_sha256 FROM raw.company_facts WHERE source_url IS NULL AND confidence = 'filing'"
    ).fetchall()
    return {cik: sha256 for cik, sha256 in rows if (workshop.home.responses / f"{sha256}.json.gz").exists()}


def _to_read_again(workshop: Workshop, before: Mapping[int, str]) -> set[str]:
    """Responses with stored rows that waited for their filing day; all of them where what was set aside is lost."""
    if not workshop.store.attach(Quarantine):
        return set(before.values())
    rows = workshop.engine.sql.execute(
        "SELECT DISTINCT response_sha256 FROM meta.quarantine WHERE reason = ?", [FUTURE]
    ).fetchall()
    return {sha256 for (sha256,) in rows}


def _accepted_already(workshop: Workshop, landing: Landing) -> list[str]:
    """Filings that EDGAR's index lists although their filing day is still to come."""
    return [filing.accession for filing in landing.filings if filing.filed_date > workshop.known_on]


def _told_of_the_future(
    workshop: Workshop, loader: FactLoader, landed: Iterable[LandedResponse], tell: Tell
) -> list[str]:
    """Responses with rows that wait for their filing day, each told by name: it is a snapshot of an evening, or the clock is wrong."""
    waiting = loader.from_the_future()
    for response in landed:
        if count := waiting.get(response.sha256):
            sentence = (
                f"{response.origin}: {count} facts are dated after {workshop.known_on}, this machine's day; they are in"
                " meta.quarantine and read again by the next refresh; check the clock if it is wrong"
            )
            workshop.refused[f"CIK{response.cik:010d} dates"] = sentence
            tell(sentence)
    return sorted(waiting)


def _keep_newer(
    workshop: Workshop, landing: Landing, new: Iterable[LandedResponse], before: Mapping[int, str], tell: Tell
) -> Landing:
    """Refuse responses that are older than what is stored of their company, each told by name; returns the landing with what is kept."""
    read = [each for each in new if each.cik in before and f"CIK{each.cik:010d}" not in workshop.refused]
    older = older_responses(workshop, landing, read) if read else {}
    for cik, sentence in older.items():
        workshop.refused[f"CIK{cik:010d}"] = sentence
        tell(sentence)
    forget_loaded(workshop, [each.sha256 for each in read if each.cik in older])
    return with_stored_rows(workshop, landing, older)


def _custom_facts(workshop: Workshop) -> Path:
    own = workshop.source_path / CUSTOM_FACTS
    return own if own.is_file() else BUNDLED_FILINGS / CUSTOM_FACTS


def _current(workshop: Workshop, landed: Iterable[LandedResponse], before: dict[int, str]) -> dict[int, str]:
    """CIK → SHA-256 of the response each company's rows shall come from: the landed one, or the last good one."""
    current = {}
    accepted = {
        response.cik: response.sha256 for response in landed if f"CIK{response.cik:010d}" not in workshop.refused
    }
    for company in workshop.universe.companies:
        for cik in (company.cik, *company.successor_of):
            sha256 = accepted.get(cik) or before.get(cik)
            if sha256 is not None:
                current[cik] = sha256
    return current


def _require_every_company(workshop: Workshop, current: dict[int, str]) -> None:
    for company in workshop.universe.companies:
        if company.cik not in current:
            reasons = [text for name, text in workshop.refused.items() if name.startswith(company.response_name)]
            reason = "; ".join(reasons) or f"{workshop.source_path} holds no {company.response_name}.json"
            raise ResponseRefused(
                f"{company.ticker}: no usable response and no earlier data ({reason}); add the response or take {company.ticker}"
                " out of the universe file"
            )


def _merged(
    workshop: Workshop, table: TableClass, loaded: str, order: str, retained: set[str], fingerprint: str
) -> StoredTable:
    """Add the stored rows of unchanged responses to the loaded ones and write both; unchanged tables stay as they are."""
    if (stored := workshop.store.current(table, fingerprint)) is not None:
        workshop.store.read(table)
        return stored
    if retained and workshop.store.is_readable(table):
        hashes = ", ".join(quoted(sha256) for sha256 in sorted(retained))
        path = quoted(str(workshop.store.path(table)))
        workshop.engine.sql.execute(
            f"INSERT INTO {loaded} BY NAME SELECT * FROM read_parquet({path}) WHERE response_sha256 IN ({hashes})"
        )
    expression = workshop.engine.named(loaded, table).order_by(*[name.strip() for name in order.split(",")])
    return workshop.store.write(table, expression, fingerprint=fingerprint, run_id=workshop.run_id)
