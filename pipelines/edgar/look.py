"""Looking for new filings without fetching them: what a sensor does between refreshes.

Belongs here: `look`, which reads the home folder and asks EDGAR but never writes. Does not belong here:
cursors and run requests.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .addresses import facts_url, index_url
from .client import Answer, EdgarClient
from .company import Pending, pending
from .errors import ResponseError
from .events import OnEvent, reporter
from .facts import summarise_facts
from .ledger import Ledger, LedgerLine
from .passes import Pass, utc_now
from .result import Failure, failure_of
from .settings import EdgarSettings, read_settings
from .storage import ResponseStore, hash_of
from .submissions import Filing, read_index
from .universe import UniverseCompany
from .workers import for_each_company


@dataclass(frozen=True, slots=True)
class Look:
    """What EDGAR has that the home folder does not.

    `new`: filings that a refresh would ask companyfacts for. `arrived`: awaited filings that companyfacts
    hold by now. `awaited`, `overdue`: those they do not. `never_landed`: CIKs that were never fetched. A
    refresh is worth running when `new`, `arrived` or `never_landed` is not empty.
    """

    new: tuple[Filing, ...]
    arrived: tuple[Filing, ...]
    awaited: tuple[Filing, ...]
    overdue: tuple[Filing, ...]
    never_landed: tuple[int, ...]
    failures: tuple[Failure, ...]
    requests: int

    @property
    def worth_refreshing(self) -> bool:
        """Whether a refresh would find something."""
        return bool(self.new or self.arrived or self.never_landed)

    def reasons(self) -> tuple[str, ...]:
        """Return what makes a refresh worthwhile as sorted text, the same for the same filings.

        A filing that was new and is awaited gives another reason when companyfacts hold it, so that it is worth a refresh twice.
        """
        new = {filing.accession for filing in self.new}
        arrived = {f"{filing.accession} in companyfacts" for filing in self.arrived}
        return tuple(sorted(new | arrived | {f"first load of CIK {cik}" for cik in self.never_landed}))


@dataclass(frozen=True, slots=True)
class _Seen:
    cik: int
    why: Pending | None
    arrived: tuple[Filing, ...]
    failure: Failure | None


def look(
    universe: Iterable[UniverseCompany],
    home: Path,
    settings: EdgarSettings | None = None,
    on_event: OnEvent | None = None,
    now: datetime | None = None,
) -> Look:
    """Ask every company's index, and the companyfacts of companies with awaited filings, and write nothing.

    Raises ConfigurationError or MissingContact before the first request, and Blocked at the second block; a single company's fault
    is in `failures`.
    """
    companies = list(universe)
    settings = settings or read_settings()
    report = reporter(on_event)
    with EdgarClient(settings, report) as client:
        today = (now or utc_now()).date()
        pass_ = Pass(settings, client, ResponseStore(home), Ledger(home), report, "look", False, today)
        seen = for_each_company(client, companies, lambda company: _look_at(pass_, company))
        return _put_together(seen, client.requests)


def _put_together(seen: list[_Seen], requests: int) -> Look:
    found = [(one.cik, one.why, one.arrived) for one in seen if one.why is not None]
    whys = [why for _, why, _ in found if why is not None]
    arrived = tuple(filing for _, _, filings in found for filing in filings)
    return Look(
        new=tuple(filing for why in whys for filing in why.new),
        arrived=arrived,
        awaited=tuple(filing for why in whys for filing in why.outstanding.awaited if filing not in arrived),
        overdue=tuple(filing for why in whys for filing in why.outstanding.overdue),
        never_landed=tuple(cik for cik, why, _ in found if why is not None and why.first_load),
        failures=tuple(one.failure for one in seen if one.failure is not None),
        requests=requests,
    )


def _look_at(pass_: Pass, company: UniverseCompany) -> _Seen:
    try:
        url = index_url(pass_.settings, company.cik)
        last = pass_.kept(pass_.ledger.last("index", url))
        answer = pass_.ask(url, last)
        body = answer.body if isinstance(answer, Answer) else pass_.store.read(answer.sha256)
        index = read_index(body, company.cik, url)
        facts = pass_.kept(pass_.ledger.facts(company.cik))
        why = pending(facts, index, hash_of(body), pass_)
        return _Seen(company.cik, why, _arrived(pass_, company.cik, why), None)
    except ResponseError as error:
        return _Seen(company.cik, None, (), failure_of(company.ticker, company.cik, "look", error))


def _arrived(pass_: Pass, cik: int, why: Pending) -> tuple[Filing, ...]:
    if not why.outstanding.awaited:
        return ()
    url = facts_url(pass_.settings, cik)
    answer = pass_.ask(url, pass_.ledger.facts(cik))
    if isinstance(answer, LedgerLine):
        return ()
    in_facts = summarise_facts(answer.body, cik, url).accessions
    return tuple(filing for filing in why.outstanding.awaited if filing.accession in in_facts)
