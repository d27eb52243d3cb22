"""The daily pass: ask every company's filing index what is new, and fetch only what can have changed.

Belongs here: `fetch`, the entry point of `tokenchain refresh --source edgar`. Does not belong here: loading
what was landed, and the lock on the home folder, which the caller holds.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from .addresses import tickers_url
from .client import EdgarClient
from .company import CompanyOutcome, fetch_company
from .events import Event, OnEvent, reporter
from .ledger import LedgerLine
from .passes import Pass, begin_pass, utc_now
from .result import Failure, FetchResult, landed
from .settings import EdgarSettings, read_settings
from .tickers import refresh_tickers
from .universe import UniverseCompany
from .workers import for_each_company


def fetch(
    universe: Iterable[UniverseCompany],
    home: Path,
    settings: EdgarSettings | None = None,
    on_event: OnEvent | None = None,
    now: datetime | None = None,
) -> FetchResult:
    """Bring the responses in a home folder up to date with EDGAR.

    A day with nothing new makes one request per company and writes nothing. A company with an overdue filing takes one
    request more on each day, which the ledger notes. A pass that was killed or blocked
    goes on when called again: every index is asked once more, because a filing may have come meanwhile, and
    companyfacts where they did not land under that index. `now`, in UTC, is for tests and decides which filings are
    awaited.

    Raises ConfigurationError or MissingContact before the first request, TickerMismatch, Blocked at the second block, StorageError
    when the home folder cannot be written. A single company's fault is in `failures`; its last good response
    stays.
    """
    companies = list(universe)
    settings = settings or read_settings()
    report = reporter(on_event)
    now = now or utc_now()
    with EdgarClient(settings, report) as client:
        pass_ = begin_pass(home, settings, client, report, now)
        failures = refresh_tickers(pass_, companies, now)
        outcomes = for_each_company(client, companies, lambda company: fetch_company(pass_, company))
        pass_.finish()
        return gather(pass_, companies, outcomes, failures)


def gather(
    pass_: Pass, companies: list[UniverseCompany], outcomes: list[CompanyOutcome], failures: list[Failure]
) -> FetchResult:
    """Put together what a finished pass hands on."""
    ciks = [cik for company in companies for cik in (company.cik, *company.successor_of)]
    facts = {cik: line for cik in ciks if (line := pass_.kept(pass_.ledger.facts(cik))) is not None}
    tickers = pass_.kept(pass_.ledger.last("tickers", tickers_url(pass_.settings)))
    changed = tuple(cik for cik, line in facts.items() if pass_.made_here(line) and line.status != 304)
    result = FetchResult(
        pass_id=pass_.pass_id,
        resumed=pass_.resumed,
        requests=pass_.client.requests,
        wrote=pass_.wrote,
        facts={cik: landed(line, pass_.store) for cik, line in facts.items()},
        indexes=tuple(landed(line, pass_.store) for cik in ciks for line in _index_lines(pass_, cik)),
        tickers=landed(tickers, pass_.store) if tickers else None,
        changed=changed,
        new_filings=tuple(filing for outcome in outcomes for filing in outcome.new),
        awaited=tuple(filing for outcome in outcomes for filing in outcome.outstanding.awaited),
        overdue=tuple(filing for outcome in outcomes for filing in outcome.outstanding.overdue),
        failures=(*failures, *(failure for outcome in outcomes for failure in outcome.failures)),
    )
    pass_.report(Event("pass_finished", _sentence(result, len(companies))))
    return result


def _index_lines(pass_: Pass, cik: int) -> list[LedgerLine]:
    lines = [*pass_.ledger.lines("index", cik), *pass_.ledger.lines("older_index", cik)]
    return [line for line in lines if pass_.kept(line)]


def _sentence(result: FetchResult, company_count: int) -> str:
    return (
        f"EDGAR: {company_count} companies, {result.requests} requests, "
        f"{len(result.changed)} with changed facts, "
        f"{len(result.new_filings)} new filings, {len(result.awaited)} awaited, "
        f"{len(result.overdue)} overdue, "
        f"{len(result.failures)} failures"
    )
