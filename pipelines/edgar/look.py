"""Looking for new filings without fetching them: what a sensor does between refreshes.

Belongs here: `look`, which reads the home folder and asks EDGAR but never writes. Does not belong here:
cursors and run requests.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from .addresses import facts_url, index_url
from .client import Answer, EdgarClient
from .company import Pending, is_overdue_due, pending
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

    `new`: filings that a refresh would ask companyfacts for. `arrived`: awaited and overdue filings that companyfacts
    hold by now. `awaited`, `overdue`: those they do not. `never_landed`: CIKs that were never fetched. A
    refresh is worth running when `new`, `arrived` or `never_landed` is not empty. `asked_in_vain`: CIKs whose
    companyfacts were asked for overdue filings and brought none of them, to be left alone until tomorrow.
    """

    new: tuple[Filing, ...]
    arrived: tuple[Filing, ...]
    awaited: tuple[Filing, ...]
    overdue: tuple[Filing, ...]
    never_landed: tuple[int, ...]
    failures: tuple[Failure, ...]
    requests: int
    asked_in_vain: tuple[int, ...] = ()

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
class _Facts:
    """What companyfacts were asked for and brought; `failure` where they could not be had."""

    arrived: tuple[Filing, ...] = ()
    is_in_vain: bool = False
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    cik: int
    why: Pending | None
    facts: _Facts = field(default_factory=_Facts)
    failure: Failure | None = None


def look(
    universe: Iterable[UniverseCompany],
    home: Path,
    settings: EdgarSettings | None = None,
    on_event: OnEvent | None = None,
    now: datetime | None = None,
    leave_overdue: Collection[int] = (),
) -> Look:
    """Ask every company's index, and the companyfacts of companies with awaited filings, and write nothing.

    Companyfacts are asked for overdue filings too, unless a refresh has done so today or the CIK is in `leave_overdue`: a look
    remembers nothing, so its caller gives those that were asked in vain today.

    Raises ConfigurationError or MissingContact before the first request, and Blocked at the second block; a single company's fault
    is in `failures`.
    """
    companies = list(universe)
    settings = settings or read_settings()
    report = reporter(on_event)
    with EdgarClient(settings, report) as client:
        today = (now or utc_now()).date()
        pass_ = Pass(settings, client, ResponseStore(home), Ledger(home), report, "look", False, today)
        seen = for_each_company(
            client, companies, lambda company: _look_at(pass_, company, company.cik not in leave_overdue)
        )
        return _put_together(seen, client.requests)


def _put_together(seen: list[_Seen], requests: int) -> Look:
    found = [(one.cik, one.why, one.facts) for one in seen if one.why is not None]
    whys = [why for _, why, _ in found]
    arrived = tuple(filing for _, _, facts in found for filing in facts.arrived)
    return Look(
        new=tuple(filing for why in whys for filing in why.new),
        arrived=arrived,
        awaited=tuple(filing for why in whys for filing in why.outstanding.awaited if filing not in arrived),
        overdue=tuple(filing for why in whys for filing in why.outstanding.overdue if filing not in arrived),
        never_landed=tuple(cik for cik, why, _ in found if why.first_load),
        failures=tuple(failure for one in seen for failure in (one.failure, one.facts.failure) if failure is not None),
        requests=requests,
        asked_in_vain=tuple(cik for cik, _, facts in found if facts.is_in_vain),
    )


def _look_at(pass_: Pass, company: UniverseCompany, may_ask_overdue: bool) -> _Seen:
    try:
        url = index_url(pass_.settings, company.cik)
        last = pass_.kept(pass_.ledger.last("index", url))
        answer = pass_.ask(url, last)
        body = answer.body if isinstance(answer, Answer) else pass_.store.read(answer.sha256)
        index = read_index(body, company.cik, url)
        kept = pass_.kept(pass_.ledger.facts(company.cik))
        why = pending(kept, index, hash_of(body), pass_)
    except ResponseError as error:
        return _Seen(company.cik, None, failure=failure_of(company.ticker, company.cik, "look", error))
    asks_overdue = may_ask_overdue and is_overdue_due(kept, why, pass_)
    return _Seen(company.cik, why, _look_at_facts(pass_, company, why, asks_overdue))


def _look_at_facts(pass_: Pass, company: UniverseCompany, why: Pending, asks_overdue: bool) -> _Facts:
    """Ask for companyfacts where filings are outstanding; a fault here must not hide what the index has."""
    if not (why.outstanding.awaited or asks_overdue):
        return _Facts()
    try:
        arrived = _arrived(pass_, company.cik, why)
    except ResponseError as error:
        return _Facts((), asks_overdue, failure_of(company.ticker, company.cik, "look", error))
    return _Facts(arrived, asks_overdue and not arrived)


def _arrived(pass_: Pass, cik: int, why: Pending) -> tuple[Filing, ...]:
    url = facts_url(pass_.settings, cik)
    answer = pass_.ask(url, pass_.ledger.facts(cik))
    if isinstance(answer, LedgerLine):
        return ()
    in_facts = summarise_facts(answer.body, cik, url).accessions
    missing = (*why.outstanding.awaited, *why.outstanding.overdue)
    return tuple(filing for filing in missing if filing.accession in in_facts)
