"""EDGAR as the source of a refresh: one pass of the client, handed on as landed responses and rows of the filing index.

What belongs here: translating between the client and the ingest. What does not: the client (`pipelines.edgar`), loading
(`pipelines.ingest`), the sensor (`pipelines.watching`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets.expressions import NEW_YORK_HOURS
from pipelines.edgar import Event, Failure, FetchResult, Filing, bulk_load, fetch, read_pages
from pipelines.edgar.storage import ResponseStore
from pipelines.edgar.submissions import FACT_FORMS, base_form
from pipelines.edgar.tickers import listed_of, read_tickers
from pipelines.workshop import EDGAR_BULK, Workshop
from warehouse.responses import LandedResponse
from warehouse.universe import Universe

TOLD = frozenset({"blocked", "block_over", "failure", "overdue", "pass_resumed", "ticker_unknown", "download"})
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Landing:
    """What a source brought: responses, and what EDGAR's filing index and ticker list say beside them (nothing from other sources).

    `stored_index`: rows of the filing index that stay as they are stored.
    """

    responses: list[LandedResponse]
    filings: list[Filing] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    listed: list[dict[str, Any]] = field(default_factory=list)
    stored_index: list[dict[str, Any]] = field(default_factory=list)


def land_from_edgar(workshop: Workshop, tell: Tell) -> Landing:
    """Ask EDGAR what is new and hand on what is kept.

    A company's fault goes to `workshop.refused` by name, its last good data stays. Raises EdgarError where the pass must stop.
    """
    load = bulk_load if workshop.source == EDGAR_BULK else fetch
    result = load(workshop.universe.companies, workshop.home.root, on_event=lambda event: _tell(event, tell))
    for failure in result.failures:
        workshop.refused[_failure_name(failure)] = _failure_sentence(failure)
    pages = list(read_pages(result.indexes))
    return Landing(
        responses=[
            LandedResponse(
                cik,
                landed.sha256,
                landed.path,
                _unpacked_size(landed.path),
                landed.url,
                landed.fetched_at.replace(tzinfo=None),
            )
            for cik, landed in result.facts.items()
        ],
        filings=[filing for _, index in pages for filing in index.filings],
        rejected=[
            {
                "table_name": "raw.filing_index",
                "cik": page.cik,
                "reason": row.reason,
                "row_content": json.dumps(row.content, sort_keys=True, default=str),
                "response_sha256": page.sha256,
            }
            for page, index in pages
            for row in index.rejected
        ],
        states=_states(result),
        listed=_listed(result, workshop.universe),
    )


def _listed(result: FetchResult, universe: Universe) -> list[dict[str, Any]]:
    """Rows of `raw.listed_companies`; none where SEC's list could not be had yet."""
    if result.tickers is None:
        return []
    body = ResponseStore(result.tickers.path.parent.parent).read(result.tickers.sha256)
    entries = listed_of(universe.companies, read_tickers(body, result.tickers.url))
    return [
        {"ticker": ticker, "cik": entry.cik, "name": entry.title.strip()}
        for ticker, entry in sorted(entries.items())
        if entry.title.strip()
    ]


def _tell(event: Event, tell: Tell) -> None:
    if event.kind in TOLD:
        tell(event.message)


def _failure_name(failure: Failure) -> str:
    return f"CIK{failure.cik:010d} {failure.kind}" if failure.cik else failure.kind


def _failure_sentence(failure: Failure) -> str:
    whose = f"{failure.ticker}: " if failure.ticker else ""
    return f"{whose}{failure.url}: {failure.reason}"


def _states(result: FetchResult) -> dict[str, str]:
    return {filing.accession: "awaited" for filing in result.awaited} | {
        filing.accession: "overdue" for filing in result.overdue
    }


def _unpacked_size(path: Path) -> int:
    """The size that a gzip file written by ourselves states in its last four bytes."""
    with path.open("rb") as packed:
        packed.seek(-4, 2)
        return int.from_bytes(packed.read(4), "little")


def public_by(filings: Iterable[Filing], day: dt.date | None) -> list[Filing]:
    """The filings that SEC had accepted by the end of a day in New York, or all of them."""
    return [filing for filing in filings if day is None or _public_date(filing) <= day]


def _public_date(filing: Filing) -> dt.date:
    """As `assets.expressions.public_day`, which see."""
    if filing.acceptance_datetime is None:
        return filing.filed_date
    accepted = filing.acceptance_datetime.astimezone(dt.UTC) - dt.timedelta(hours=NEW_YORK_HOURS)
    return min(filing.filed_date, accepted.date())


def index_rows(landing: Landing, in_facts: Collection[str], as_of: dt.date | None = None) -> Iterator[dict[str, Any]]:
    """Rows of `raw.filing_index`, one per accession: filings that bring figures and those that facts name, public by `as_of`.

    Insider reports and the like are left out, so that a day with only such filings changes nothing.
    """
    seen: set[str] = set()
    for filing in public_by(landing.filings, as_of):
        if filing.accession in seen or not (base_form(filing.form) in FACT_FORMS or filing.accession in in_facts):
            continue
        seen.add(filing.accession)
        yield {
            "accession": filing.accession,
            "cik": filing.cik,
            "form": filing.form,
            "filed_date": filing.filed_date,
            "report_date": filing.report_date,
            "acceptance_at": _utc(filing.acceptance_datetime),
            "primary_document": filing.primary_document or None,
            "items": filing.items or None,
            "is_xbrl": filing.is_xbrl,
            "filing_url": filing.filing_url,
            "facts_state": landing.states.get(filing.accession),
        }


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment is not None else None
