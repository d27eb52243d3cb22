"""What a pass hands on.

Belongs here: the result types and reading the filings of landed indexes. Does not belong here: making the
result.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .errors import ResponseError
from .ledger import LedgerLine
from .storage import ResponseStore
from .submissions import Filing, FilingIndex, read_index, read_older_page


@dataclass(frozen=True, slots=True)
class LandedResponse:
    """A response in the home folder: `path` is gzipped, `sha256` that of the uncompressed bytes.

    kind is `facts`, `index`, `older_index` or `tickers`; `fetched_at`, in UTC, is when it was last asked for
    and answered as something worth noting.
    """

    cik: int
    kind: str
    url: str
    sha256: str
    path: Path
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """A response that was not obtained or not kept; the company's last good one stays in use."""

    ticker: str
    cik: int
    url: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class FetchResult:
    """A finished pass.

    `facts`: for every CIK that ever landed, successors and predecessors alike, its current companyfacts.
    `indexes`: their filing indexes, newest page of each company first. `tickers`: SEC's list, if it ever
    landed. `changed`: the CIKs whose companyfacts are other ones than before the pass. `new_filings`: filings
    that made the pass ask for companyfacts (none on a company's first load). `awaited`, `overdue`: statement
    filings in the index and not in companyfacts, up to ten days old or older. `requests`: requests sent by
    this process; `resumed`: whether it went on with a pass that was cut off; `wrote`: whether anything was
    written.
    """

    pass_id: str
    resumed: bool
    requests: int
    wrote: bool
    facts: dict[int, LandedResponse]
    indexes: tuple[LandedResponse, ...]
    tickers: LandedResponse | None
    changed: tuple[int, ...]
    new_filings: tuple[Filing, ...]
    awaited: tuple[Filing, ...]
    overdue: tuple[Filing, ...]
    failures: tuple[Failure, ...]


def landed(line: LedgerLine, store: ResponseStore) -> LandedResponse:
    """Return the response that a ledger line is about."""
    return LandedResponse(line.cik, line.kind, line.url, line.sha256, store.path(line.sha256), line.fetched_time())


def failure_of(ticker: str, cik: int, kind: str, error: ResponseError) -> Failure:
    """Return the failure that an error means for a company."""
    return Failure(ticker, cik, error.url, kind, f"{type(error).__name__}: {error.reason}")


def read_filings(indexes: Iterable[LandedResponse]) -> list[Filing]:
    """Return the filings of landed indexes, one per CIK and accession; the first page given wins.

    Raises StorageError when a landed file is damaged.
    """
    found: dict[tuple[int, str], Filing] = {}
    for page, index in read_pages(indexes):
        for filing in index.filings:
            found.setdefault((page.cik, filing.accession), filing)
    return list(found.values())


def read_pages(indexes: Iterable[LandedResponse]) -> Iterator[tuple[LandedResponse, FilingIndex]]:
    """Yield every landed page of an index with what it holds, refused rows included.

    Raises StorageError when a landed file is damaged.
    """
    for page in indexes:
        read = read_index if page.kind == "index" else read_older_page
        body = ResponseStore(page.path.parent.parent).read(page.sha256)
        yield page, read(body, page.cik, page.url)
