"""Companies for which a source is older than what is stored: their data stays, and is told by name.

What belongs here: finding them, and what is kept of theirs beside the facts. What does not: landing, loading and merging
(`pipelines.ingest`), archives that are older than a single pass (`pipelines.edgar.bulk`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from pipelines.live import Landing
from pipelines.workshop import Workshop
from schemas.base import TableClass, qualified_name
from schemas.meta.warehouse import Quarantine
from schemas.raw.filings import CompanyFacts, FilingIndex, ListedCompanies
from warehouse.responses import LandedResponse

# Accession → day of the filing; the first of all days where only the number can be read.
Filings = dict[str, dt.date]
NO_DAY = dt.date.min


def older_responses(workshop: Workshop, landing: Landing, new: Iterable[LandedResponse]) -> dict[int, str]:
    """CIK → sentence for each response just read that ends earlier than the stored data of its company and lacks filings of it.

    Both are required: an extract holds fewer filings than a whole response without being older, and a correction by SEC may take
    away single ones. Filings count by the facts and by the filing index, so that one that is awaited is not lost either.
    """
    if not workshop.store.attach(CompanyFacts):
        return {}
    stored = _stored_filings(workshop)
    landed = _landed_filings(workshop, landing)
    sentences = {}
    for response in new:
        ours, theirs = stored.get(response.cik, {}), landed.get(response.cik, {})
        lacking = ours.keys() - theirs.keys()
        if lacking and _newest(theirs) < _newest(ours):
            sentences[response.cik] = _sentence(workshop, response, len(lacking), _newest(theirs), _newest(ours))
    return sentences


def forget_loaded(workshop: Workshop, sha256s: Collection[str]) -> None:
    """Take the rows of responses out of what was just read."""
    for table in ("loaded_facts", "loaded_quarantine"):
        workshop.engine.sql.execute(
            f"DELETE FROM {table} WHERE response_sha256 IN (SELECT unnest(?::VARCHAR[]))", [sorted(sha256s)]
        ).fetchall()


def with_stored_rows(workshop: Workshop, landing: Landing, kept: Collection[int]) -> Landing:
    """A landing with what is stored of EDGAR's index and ticker list for companies that are kept; EDGAR itself brings both anew."""
    if workshop.is_live or not kept:
        return landing
    rejected = f"table_name = '{qualified_name(FilingIndex)}'"
    return replace(
        landing,
        stored_index=_rows(workshop, FilingIndex, kept),
        rejected=[*landing.rejected, *_rows(workshop, Quarantine, kept, rejected)],
        listed=[*landing.listed, *_rows(workshop, ListedCompanies, kept)],
    )


def _rows(
    workshop: Workshop, table: TableClass, ciks: Collection[int], condition: str = "true"
) -> list[dict[str, Any]]:
    """Stored rows of some companies."""
    if not workshop.store.attach(table):
        return []
    names = list(table.to_schema().columns)
    rows = workshop.engine.sql.execute(
        f"SELECT {', '.join(names)} FROM {qualified_name(table)}"
        f" WHERE cik IN (SELECT unnest(?::BIGINT[])) AND {condition} ORDER BY ALL",
        [sorted(ciks)],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _stored_filings(workshop: Workshop) -> dict[int, Filings]:
    statement = (
        "SELECT cik, accession, max(filed_date) FROM raw.company_facts WHERE source_url IS NULL AND confidence = 'filing'"
        " AND accession IS NOT NULL GROUP BY ALL"
    )
    if workshop.store.attach(FilingIndex):
        statement += " UNION ALL SELECT cik, accession, filed_date FROM raw.filing_index"
    return _by_company(workshop.engine.sql.execute(statement).fetchall())


def _landed_filings(workshop: Workshop, landing: Landing) -> dict[int, Filings]:
    """Filings that the source has: those of facts that were set aside too, and all of EDGAR's index."""
    rows = workshop.engine.sql.execute(
        """SELECT cik, accession, NULL::DATE FROM (
            SELECT cik, row_content ->> 'accession' AS accession FROM loaded_quarantine
        ) WHERE accession IS NOT NULL GROUP BY ALL
        UNION ALL
        SELECT cik, accession, max(filed_date) FROM loaded_facts WHERE accession IS NOT NULL GROUP BY ALL"""
    ).fetchall()
    return _by_company([*rows, *((each.cik, each.accession, each.filed_date) for each in landing.filings)])


def _by_company(rows: Iterable[tuple[int, str, dt.date | None]]) -> dict[int, Filings]:
    found: dict[int, Filings] = {}
    for cik, accession, filed in rows:
        filings = found.setdefault(cik, {})
        filings[accession] = max(filed or NO_DAY, filings.get(accession, NO_DAY))
    return found


def _newest(filings: Filings) -> dt.date:
    return max(filings.values(), default=NO_DAY)


def _sentence(
    workshop: Workshop, response: LandedResponse, lacking: int, newest: dt.date, stored_newest: dt.date
) -> str:
    names = {
        cik: company.ticker for company in workshop.universe.companies for cik in (company.cik, *company.successor_of)
    }
    return (
        f"{names[response.cik]}: {response.origin} ends with a filing of {newest} and lacks {lacking} of the stored ones, which reach to"
        f" {stored_newest}; the newer data stays (to take the older source give another folder with --home, or remove"
        f" {workshop.home.tables} first)"
    )
