"""One company's part of a pass.

Belongs here: its index, its older pages, whether companyfacts are worth asking for, its predecessors. Does
not belong here: the order and concurrency of companies.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from .addresses import facts_url, index_url, older_index_url
from .errors import ResponseError, StorageError
from .events import Event
from .facts import summarise_facts
from .ledger import LedgerLine
from .passes import Pass, utc_now
from .result import Failure, failure_of
from .storage import ResponseStore
from .submissions import (
    Filing,
    FilingIndex,
    Outstanding,
    fact_filings,
    missing_filings,
    new_filings,
    outstanding,
    read_index,
    read_older_page,
)
from .universe import UniverseCompany


@dataclass
class CompanyOutcome:
    """What a pass found for one company."""

    company: UniverseCompany
    new: list[Filing] = field(default_factory=list)
    outstanding: Outstanding = field(default=Outstanding((), ()))
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pending:
    """Why companyfacts are worth asking for; `first_load` when the company never landed."""

    first_load: bool
    new: list[Filing]
    outstanding: Outstanding


def pending(facts: LedgerLine | None, index: FilingIndex, index_sha256: str, pass_: Pass) -> Pending:
    """Hold a company's current index against the one under which its facts were last looked at."""
    if facts is None:
        return Pending(True, [], Outstanding((), ()))
    missing = [filing for filing in index.filings if filing.accession in facts.missing]
    late = outstanding(missing, pass_.today)
    if facts.index_sha256 == index_sha256:
        return Pending(False, [], late)
    known = _known_accessions(facts, pass_.store)
    if known is None:
        return Pending(True, [], late)
    return Pending(False, fact_filings(new_filings(index.filings, known)), late)


def is_overdue_due(facts: LedgerLine | None, why: Pending, pass_: Pass) -> bool:
    """Whether companyfacts are to be asked for an overdue filing: it may come yet, but once a day is often enough."""
    return facts is not None and bool(why.outstanding.overdue) and facts.asked_on != pass_.today.isoformat()


def _known_accessions(facts: LedgerLine, store: ResponseStore) -> set[str] | None:
    """Return the accessions of the index the facts were compared with; None when it is no longer there."""
    try:
        body = store.read(facts.index_sha256 or "")
        return {filing.accession for filing in read_index(body, facts.cik, facts.url).filings}
    except (StorageError, ResponseError):
        return None


def fetch_company(pass_: Pass, company: UniverseCompany) -> CompanyOutcome:
    """Bring one company up to date; faults of single responses are returned as failures, not raised."""
    outcome = CompanyOutcome(company)
    step = _Step(pass_, outcome, company.cik)
    index_line = step.attempt("index", lambda: _index(pass_, company.cik))
    if index_line is None:
        summarise_kept(pass_, outcome)
        return outcome
    index = _read_kept(pass_, index_line)
    facts = step.attempt("facts", lambda: _facts(pass_, company, index, index_line.sha256))
    _older_pages(pass_, step, index)
    for cik in company.successor_of:
        _predecessor(pass_, outcome, cik)
    _summarise(pass_, outcome, index, index_line.sha256, is_compared=facts is not None)
    return outcome


def _read_kept(pass_: Pass, line: LedgerLine) -> FilingIndex:
    return read_index(pass_.store.read(line.sha256), line.cik, line.url)


class _Step:
    """Runs the requests of one CIK and notes what fails."""

    def __init__(self, pass_: Pass, outcome: CompanyOutcome, cik: int) -> None:
        self._pass, self._outcome, self._cik = pass_, outcome, cik

    def attempt(self, kind: str, act: Callable[[], LedgerLine | None]) -> LedgerLine | None:
        try:
            return act()
        except ResponseError as error:
            ticker = self._outcome.company.ticker
            self._outcome.failures.append(failure_of(ticker, self._cik, kind, error))
            self._pass.report(Event("failure", f"{ticker}: {error}", cik=self._cik, url=error.url))
            return None


def _index(pass_: Pass, cik: int) -> LedgerLine:
    url = index_url(pass_.settings, cik)
    # Also when a resumed pass landed it before it was cut off: a filing may have come meanwhile.
    answer = pass_.ask(url, pass_.kept(pass_.ledger.last("index", url)))
    if isinstance(answer, LedgerLine):
        return answer
    read_index(answer.body, cik, url)
    return pass_.keep("index", cik, answer)


def _facts(pass_: Pass, company: UniverseCompany, index: FilingIndex, index_sha256: str) -> LedgerLine | None:
    last = pass_.kept(pass_.ledger.facts(company.cik))
    why = pending(last, index, index_sha256, pass_)
    is_overdue = is_overdue_due(last, why, pass_)
    if not (why.first_load or why.new or why.outstanding.awaited or is_overdue):
        return last
    url = facts_url(pass_.settings, company.cik)
    answer = pass_.ask(url, last)
    new = [*_new_so_far(pass_, last), *(filing.accession for filing in why.new)]
    if isinstance(answer, LedgerLine):
        is_known = answer.index_sha256 == index_sha256 and not is_overdue
        return answer if is_known else _confirm(pass_, answer, index, index_sha256, new)
    in_facts = summarise_facts(answer.body, company.cik, url).accessions
    missing = _worth_waiting(missing_filings(index.filings, in_facts), pass_)
    return pass_.keep(
        "facts",
        company.cik,
        answer,
        index_sha256=index_sha256,
        new=new,
        missing=missing,
        asked_on=pass_.today.isoformat(),
    )


def _new_so_far(pass_: Pass, last: LedgerLine | None) -> list[str]:
    """Return the filings for which this pass asked before it was cut off."""
    return last.new if last is not None and pass_.made_here(last) else []


def _confirm(pass_: Pass, last: LedgerLine, index: FilingIndex, index_sha256: str, new: list[str]) -> LedgerLine:
    """Note that unchanged facts were held against an index, and on which day."""
    in_facts = summarise_facts(pass_.store.read(last.sha256), last.cik, last.url).accessions
    line = replace(
        last,
        fetched_at=utc_now().isoformat(),
        pass_id=pass_.pass_id,
        # Facts that changed before the pass was cut off are still a change that it made.
        status=last.status if pass_.made_here(last) else 304,
        index_sha256=index_sha256,
        new=new,
        missing=_worth_waiting(missing_filings(index.filings, in_facts), pass_),
        asked_on=pass_.today.isoformat(),
    )
    pass_.write(line)
    return line


def _worth_waiting(missing: Iterable[Filing], pass_: Pass) -> list[str]:
    late = outstanding(missing, pass_.today)
    return [filing.accession for filing in (*late.awaited, *late.overdue)]


def _older_pages(pass_: Pass, step: _Step, index: FilingIndex) -> None:
    for page in index.older_pages:
        if page.last_filed_date >= pass_.settings.filings_since:
            step.attempt("older_index", partial(_older_page, pass_, index.cik, page.name, page.mark))


def _older_page(pass_: Pass, cik: int, name: str, mark: str) -> LedgerLine:
    url = older_index_url(pass_.settings, name)
    last = pass_.kept(pass_.ledger.last("older_index", url))
    if last is not None and last.mark == mark:
        return last
    # Asked for without conditions: its mark in the index says that it changed.
    answer = pass_.client.get(url)
    read_older_page(answer.body, cik, url)
    return pass_.keep("older_index", cik, answer, mark=mark)


def _predecessor(pass_: Pass, outcome: CompanyOutcome, cik: int) -> None:
    """Land a predecessor's index and facts once: a company that was taken over files no more."""
    step = _Step(pass_, outcome, cik)
    step.attempt(
        "index",
        lambda: pass_.kept(pass_.ledger.last("index", index_url(pass_.settings, cik))) or _index(pass_, cik),
    )
    step.attempt("facts", lambda: pass_.kept(pass_.ledger.facts(cik)) or _predecessor_facts(pass_, cik))


def _predecessor_facts(pass_: Pass, cik: int) -> LedgerLine:
    answer = pass_.client.get(facts_url(pass_.settings, cik))
    summarise_facts(answer.body, cik, answer.url)
    return pass_.keep("facts", cik, answer)


def summarise_kept(pass_: Pass, outcome: CompanyOutcome) -> None:
    """Tell what is outstanding by the index and the companyfacts that are kept, where a current one could not be had."""
    line = pass_.kept(pass_.ledger.last("index", index_url(pass_.settings, outcome.company.cik)))
    if line is not None:
        _summarise(pass_, outcome, _read_kept(pass_, line), line.sha256, is_compared=False)


def _missing(pass_: Pass, facts: LedgerLine, index: FilingIndex, index_sha256: str, is_compared: bool) -> list[Filing]:
    """Return the statement filings of an index that the kept companyfacts lack.

    `is_compared` says that every filing of the index is known to the facts' line. It is not where the request for
    companyfacts failed: then the index is held against the companyfacts of before.
    """
    noted = [filing for filing in index.filings if filing.accession in facts.missing]
    if is_compared or facts.index_sha256 == index_sha256:
        return noted
    try:
        in_facts = summarise_facts(pass_.store.read(facts.sha256), facts.cik, facts.url).accessions
    except (StorageError, ResponseError):
        return noted
    return missing_filings(index.filings, in_facts)


def _summarise(
    pass_: Pass, outcome: CompanyOutcome, index: FilingIndex, index_sha256: str, *, is_compared: bool
) -> None:
    line = pass_.ledger.facts(outcome.company.cik)
    if line is None:
        return
    if pass_.made_here(line):
        outcome.new = [filing for filing in index.filings if filing.accession in line.new]
    missing = _missing(pass_, line, index, index_sha256, is_compared)
    outcome.outstanding = outstanding(missing, pass_.today)
    for kind, filings in (("awaited", outcome.outstanding.awaited), ("overdue", outcome.outstanding.overdue)):
        for filing in filings:
            what = f"{outcome.company.ticker}: {filing.form} of {filing.filed_date} ({filing.accession})"
            message = f"{what} is {kind}: filed, not in companyfacts"
            pass_.report(Event(kind, message, cik=filing.cik, url=filing.filing_url))
