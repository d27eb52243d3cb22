"""SEC's ticker list: reading it at most once a week and holding the universe against it.

Belongs here: the list and the comparison. Does not belong here: names and tiers of companies.

Source: `https://www.sec.gov/files/company_tickers.json`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .addresses import tickers_url
from .body import parse_object
from .client import Answer
from .errors import BadIndex, ResponseError, TickerMismatch
from .events import Event
from .ledger import LedgerLine
from .passes import Pass
from .result import Failure, failure_of
from .universe import UniverseCompany

LIST_AGE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ListedCompany:
    """One entry of the list."""

    cik: int
    ticker: str
    title: str


def read_tickers(body: bytes, url: str) -> dict[str, ListedCompany]:
    """Return the list by ticker.

    Raises NotJson, or BadIndex when it holds no usable entry. Entries that are no entries are left out.
    """
    found: dict[str, ListedCompany] = {}
    for entry in parse_object(body, url).values():
        try:
            listed = ListedCompany(int(entry["cik_str"]), _plain(entry["ticker"]), str(entry["title"]))
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError):
            continue
        found.setdefault(listed.ticker, listed)
    if not found:
        raise BadIndex(url, "the ticker list holds no entry with cik_str, ticker and title")
    return found


def _plain(ticker: str) -> str:
    # SEC writes share classes with a hyphen (BRK-B), others with a dot.
    return ticker.strip().upper().replace(".", "-")


def listed_of(universe: Iterable[UniverseCompany], listed: Mapping[str, ListedCompany]) -> dict[str, ListedCompany]:
    """Return the entries of the universe's tickers, by the universe's spelling; a ticker that the list does not have is left out."""
    found = {company.ticker: listed.get(_plain(company.ticker)) for company in universe}
    return {ticker: entry for ticker, entry in found.items() if entry is not None}


def check_tickers(universe: Iterable[UniverseCompany], listed: Mapping[str, ListedCompany]) -> list[str]:
    """Return the tickers of the universe that the list does not have.

    Raises TickerMismatch with both CIKs for every ticker that SEC maps to another one. A CIK that the
    universe names as a predecessor of the company counts as the same.
    """
    unknown: list[str] = []
    different: list[tuple[str, int, int]] = []
    for company in universe:
        entry = listed.get(_plain(company.ticker))
        if entry is None:
            unknown.append(company.ticker)
        elif entry.cik != company.cik and entry.cik not in company.successor_of:
            different.append((company.ticker, company.cik, entry.cik))
    if different:
        raise TickerMismatch(different)
    return unknown


def refresh_tickers(pass_: Pass, universe: Iterable[UniverseCompany], now: datetime) -> list[Failure]:
    """Fetch the list if it is a week old, and check the universe against it.

    Returns the failure when the list could not be had; the check is then made against the one kept, if any.
    """
    url = tickers_url(pass_.settings)
    line = pass_.kept(pass_.ledger.last("tickers", url))
    failures: list[Failure] = []
    if line is None or not timedelta() <= now - line.fetched_time() < LIST_AGE:
        try:
            line = _fetch(pass_, url, line, now)
        except ResponseError as error:
            failures.append(failure_of("", 0, "tickers", error))
            pass_.report(Event("failure", f"ticker list: {error}", url=url))
    if line is not None:
        for ticker in check_tickers(universe, read_tickers(pass_.store.read(line.sha256), url)):
            pass_.report(Event("ticker_unknown", f"{ticker} is not in SEC's ticker list (delisted or renamed?)"))
    return failures


def _fetch(pass_: Pass, url: str, last: LedgerLine | None, now: datetime) -> LedgerLine:
    answer = pass_.ask(url, last)
    if isinstance(answer, Answer):
        read_tickers(answer.body, url)
        return pass_.keep("tickers", 0, answer)
    # The week starts again, so the confirmation is noted although nothing changed.
    line = replace(answer, fetched_at=now.isoformat(), pass_id=pass_.pass_id, status=304)
    pass_.write(line)
    return line
