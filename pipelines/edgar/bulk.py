"""The first load of a large universe from SEC's two nightly archives instead of one request per response.

Belongs here: downloading the archives and landing the universe's members. Does not belong here: daily passes,
which `fetch` makes afterwards; for fewer than some hundred companies `fetch` alone is also the quicker first
load.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from .addresses import bulk_facts_url, bulk_index_url, facts_url, index_url, older_index_url
from .archive import SafeArchive
from .client import Answer, EdgarClient
from .company import CompanyOutcome, summarise_kept
from .errors import BadArchive, NotFound, ResponseError, StorageError
from .events import Event, OnEvent, reporter
from .facts import FactsSummary, summarise_facts
from .fetch import gather
from .ledger import LedgerLine
from .passes import Pass, begin_pass, utc_now
from .result import Failure, FetchResult
from .settings import EdgarSettings, read_settings
from .storage import write_atomic
from .submissions import FilingIndex, goes_beyond, missing_filings, outstanding, read_index, read_older_page
from .tickers import refresh_tickers
from .universe import UniverseCompany, cik_name

# SEC makes the archives anew every night; one that a killed load left behind serves for a day.
ARCHIVE_SECONDS = 86_400


def bulk_load(
    universe: Iterable[UniverseCompany],
    home: Path,
    settings: EdgarSettings | None = None,
    on_event: OnEvent | None = None,
    now: datetime | None = None,
) -> FetchResult:
    """Land index and companyfacts of every company from `submissions.zip` and `companyfacts.zip`.

    The archives (together some 3 GB) go to `<home>/edgar/bulk` and are removed when all is landed. Their
    members are landed under the addresses that `fetch` asks, so daily passes go on from here. The archives are of last
    night: a response that a pass brought since then, with a filing later than any in its member, stays.

    Raises as `fetch` does, and BadArchive when an archive is no whole ZIP file. A refused or missing member
    is in `failures` by name.
    """
    companies = list(universe)
    settings = settings or read_settings()
    report = reporter(on_event)
    now = now or utc_now()
    with EdgarClient(settings, report) as client:
        pass_ = begin_pass(home, settings, client, report, now)
        failures = refresh_tickers(pass_, companies, now)
        folder = home / "edgar" / "bulk"
        indexes = _download(client, bulk_index_url(settings), folder / "submissions.zip", report)
        facts = _download(client, bulk_facts_url(settings), folder / "companyfacts.zip", report)
        limit = settings.maximum_response_bytes
        with SafeArchive(indexes, limit) as index_archive, SafeArchive(facts, limit) as facts_archive:
            _tell_unsafe(index_archive, report)
            _tell_unsafe(facts_archive, report)
            outcomes = [_land(pass_, company, index_archive, facts_archive) for company in companies]
        indexes.unlink(missing_ok=True)
        facts.unlink(missing_ok=True)
        pass_.finish()
        return gather(pass_, companies, outcomes, failures)


def _download(client: EdgarClient, url: str, target: Path, report: OnEvent) -> Path:
    if target.is_file() and 0 <= time.time() - target.stat().st_mtime < ARCHIVE_SECONDS:
        return target
    report(Event("download", f"downloading {url}; this takes some minutes", url=url))
    # Made with the folder, and tells of a read-only home before a gigabyte has travelled.
    temporary = target.with_name(f"{target.name}.part")
    write_atomic(temporary, b"")
    try:
        client.download(url, temporary)
        with SafeArchive(temporary, client.settings.maximum_response_bytes):
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _tell_unsafe(archive: SafeArchive, report: OnEvent) -> None:
    for name in archive.unsafe_names():
        report(Event("failure", f"{archive.path}: member {name!r} leads out of the archive and was not read"))


def _land(pass_: Pass, company: UniverseCompany, indexes: SafeArchive, facts: SafeArchive) -> CompanyOutcome:
    outcome = CompanyOutcome(company)
    for cik in (company.cik, *company.successor_of):
        loader = _Loader(pass_, outcome, cik)
        index = loader.index(indexes)
        if index is not None:
            loader.older_pages(indexes, index)
        loader.facts(facts, index)
    if {(company.cik, "index"), (company.cik, "facts")} & {(failure.cik, failure.kind) for failure in outcome.failures}:
        summarise_kept(pass_, outcome)
    return outcome


class _Loader:
    """Lands the members of one CIK and notes what is refused."""

    def __init__(self, pass_: Pass, outcome: CompanyOutcome, cik: int) -> None:
        self._pass, self._outcome, self._cik = pass_, outcome, cik
        self._index_sha256: str | None = None
        self._is_index_kept = False

    def _read(self, archive: SafeArchive, member: str, url: str, kind: str) -> Answer | None:
        try:
            body = archive.read(member)
        except BadArchive as error:
            self._fail(url, kind, str(error))
            return None
        if body is None:
            if kind != "older_index":
                self._fail(url, kind, f"{archive.path.name} has no member {member}: {NotFound(url).reason}")
            return None
        return Answer(url, 0, body, None, None, utc_now())

    def _fail(self, url: str, kind: str, reason: str) -> None:
        ticker = self._outcome.company.ticker
        self._outcome.failures.append(Failure(ticker, self._cik, url, kind, reason))
        self._pass.report(Event("failure", f"{ticker}: {reason}", cik=self._cik, url=url))

    def index(self, archive: SafeArchive) -> FilingIndex | None:
        url = index_url(self._pass.settings, self._cik)
        answer = self._read(archive, f"{cik_name(self._cik)}.json", url, "index")
        if answer is None:
            return None
        try:
            index = read_index(answer.body, self._cik, url)
        except ResponseError as error:
            self._fail(url, "index", str(error))
            return None
        last = self._pass.kept(self._pass.ledger.last("index", url))
        newer = self._newer_index(last, index)
        if last is not None and newer is not None:
            self._index_sha256, self._is_index_kept = last.sha256, True
            self._tell_kept(url, "filing index")
            return newer
        self._index_sha256 = self._pass.keep("index", self._cik, answer).sha256
        return index

    def _newer_index(self, last: LedgerLine | None, index: FilingIndex) -> FilingIndex | None:
        """Return the index that is kept where it goes beyond the archive's."""
        try:
            kept = read_index(self._pass.store.read(last.sha256), last.cik, last.url) if last is not None else None
        except (StorageError, ResponseError):
            return None
        return kept if kept is not None and goes_beyond(kept.filings, index.filings) else None

    def _tell_kept(self, url: str, what: str) -> None:
        message = (
            f"{self._outcome.company.ticker}: the {what} that is kept has a later filing than the archive's; it stays"
        )
        self._pass.report(Event("kept_newer", message, cik=self._cik, url=url))

    def older_pages(self, archive: SafeArchive, index: FilingIndex) -> None:
        for page in index.older_pages:
            url = older_index_url(self._pass.settings, page.name)
            if page.last_filed_date < self._pass.settings.filings_since:
                continue
            last = self._pass.kept(self._pass.ledger.last("older_index", url))
            if self._is_index_kept and last is not None and last.mark == page.mark:
                continue
            answer = self._read(archive, page.name, url, "older_index")
            try:
                if answer is not None and read_older_page(answer.body, self._cik, url):
                    # By a newer index the archive's page may not be whole: without a mark the next pass asks for it.
                    self._pass.keep("older_index", self._cik, answer, mark=None if self._is_index_kept else page.mark)
            except ResponseError as error:
                self._fail(url, "older_index", str(error))

    def facts(self, archive: SafeArchive, index: FilingIndex | None) -> None:
        url = facts_url(self._pass.settings, self._cik)
        answer = self._read(archive, f"{cik_name(self._cik)}.json", url, "facts")
        if answer is None:
            return
        try:
            found = summarise_facts(answer.body, self._cik, url)
        except ResponseError as error:
            self._fail(url, "facts", str(error))
            return
        last = self._pass.kept(self._pass.ledger.facts(self._cik))
        newer = self._newer_facts(last, found)
        missing = self._note_outstanding(index, newer if newer is not None else found)
        if last is None or newer is None:
            self._pass.keep("facts", self._cik, answer, index_sha256=self._index_sha256, missing=missing)
            return
        self._tell_kept(url, "companyfacts response")
        if self._index_sha256 not in (None, last.index_sha256):
            self._pass.write(
                replace(
                    last,
                    fetched_at=utc_now().isoformat(),
                    pass_id=self._pass.pass_id,
                    status=304,
                    index_sha256=self._index_sha256,
                    new=[],
                    missing=missing,
                )
            )

    def _newer_facts(self, last: LedgerLine | None, found: FactsSummary) -> FactsSummary | None:
        """Return what the companyfacts that are kept hold where they go beyond the archive's."""
        try:
            kept = summarise_facts(self._pass.store.read(last.sha256), last.cik, last.url) if last is not None else None
        except (StorageError, ResponseError):
            return None
        return kept if kept is not None and kept.goes_beyond(found) else None

    def _note_outstanding(self, index: FilingIndex | None, facts: FactsSummary) -> list[str]:
        """Note what is outstanding for the company itself; returns the accessions that companyfacts lack."""
        late = outstanding(missing_filings(index.filings if index else (), facts.accessions), self._pass.today)
        if self._cik == self._outcome.company.cik:
            self._outcome.outstanding = late
        return [filing.accession for filing in (*late.awaited, *late.overdue)]
