"""SEC's filing index (submissions API): parsing it and deciding what follows from it.

Belongs here: typed rows of an index, which filings are new, which make companyfacts worth asking for, which
are awaited. Does not belong here: requests, storage, the table `raw.filings`.

Source: `https://data.sec.gov/submissions/CIK##########.json` and the older pages it lists under
`filings.files`.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from .body import parse_object
from .errors import BadIndex, WrongCompany
from .universe import cik_name, same_cik

ARCHIVES_URL = "https://www.sec.gov/Archives/edgar/data"
EASTERN = ZoneInfo("America/New_York")
# Forms that bring financial statements. The T forms are reports for the short period when a fiscal year is
# moved.
STATEMENT_FORMS = frozenset({"10-Q", "10-QT", "10-K", "10-KT", "20-F", "40-F"})
# Forms after which companyfacts may change: statements, and current reports (recast years come as an 8-K or
# 6-K).
FACT_FORMS = STATEMENT_FORMS | {"8-K", "6-K"}
AWAITED_DAYS = 10
# A filing that never reached companyfacts is reported until about the next one is due, not for ever.
OVERDUE_REPORT_DAYS = 100

_ACCESSION = re.compile(r"\d{10}-\d{2}-\d{6}")
_OLDER_PAGE = re.compile(r"(CIK\d{10})-submissions-\d{3}\.json")
_DOCUMENT = re.compile(r"[^\\/\x00-\x1f]+(/[^\\/\x00-\x1f]+)*")


@dataclass(frozen=True, slots=True)
class Filing:
    """One accession of an index. Dates are the calendar's, `acceptance_datetime` is in UTC.

    `report_date` is the end of the period reported on; `items` the items of an 8-K as served,
    comma-separated. `is_xbrl_numeric` is None where the index does not say (before April 2026).
    """

    cik: int
    accession: str
    form: str
    filed_date: date
    report_date: date | None
    acceptance_datetime: datetime | None
    primary_document: str
    items: str
    is_xbrl: bool
    is_inline_xbrl: bool
    is_xbrl_numeric: bool | None
    filing_url: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of an index that breaks its contract: its number from 0, the reason, and the row as served."""

    row: int
    reason: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OlderPage:
    """A further page of an index, named under `filings.files`."""

    name: str
    filing_count: int
    last_filed_date: date

    @property
    def mark(self) -> str:
        """A text that changes whenever the page does."""
        return f"{self.filing_count}:{self.last_filed_date}"


@dataclass(frozen=True, slots=True)
class FilingIndex:
    """A parsed index or older page; an older page has no name, tickers or pages of its own.

    `acceptance_clock` is `utc` or `eastern`: see `acceptance_clock`.
    """

    cik: int
    name: str
    tickers: tuple[str, ...]
    fiscal_year_end: str
    acceptance_clock: str
    filings: tuple[Filing, ...]
    rejected: tuple[RejectedRow, ...]
    older_pages: tuple[OlderPage, ...]


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Statement filings in the index and not in companyfacts: awaited for ten days, then overdue.

    Companyfacts are asked for awaited ones by every pass, for overdue ones once a day.
    """

    awaited: tuple[Filing, ...]
    overdue: tuple[Filing, ...]


def read_index(body: bytes, cik: int, url: str) -> FilingIndex:
    """Parse an index.

    Raises NotJson, WrongCompany with both CIKs, or BadIndex when its columns cannot be read; a single bad row
    does not raise but is in `rejected`.
    """
    content = parse_object(body, url)
    found = content.get("cik")
    if not same_cik(found, cik):
        raise WrongCompany(url, cik, found)
    filings = content.get("filings")
    if not isinstance(filings, dict) or not isinstance(filings.get("recent"), dict):
        raise BadIndex(url, "the filing index has no filings.recent; refresh again later, the last good one stays")
    rows = _rows(filings["recent"], url)
    clock, parsed, rejected = _filings(rows, cik)
    tickers = content.get("tickers")
    return FilingIndex(
        cik=cik,
        name=str(content.get("name") or ""),
        tickers=tuple(str(ticker) for ticker in tickers) if isinstance(tickers, list) else (),
        fiscal_year_end=str(content.get("fiscalYearEnd") or ""),
        acceptance_clock=clock,
        filings=parsed,
        rejected=rejected,
        older_pages=_older_pages(filings.get("files"), cik),
    )


def read_older_page(body: bytes, cik: int, url: str) -> FilingIndex:
    """Parse an older page, whose columns are at the top. Raises NotJson or BadIndex."""
    clock, parsed, rejected = _filings(_rows(parse_object(body, url), url), cik)
    return FilingIndex(cik, "", (), "", clock, parsed, rejected, ())


def _rows(columns: Mapping[str, Any], url: str) -> list[dict[str, Any]]:
    lists = {name: values for name, values in columns.items() if isinstance(values, list)}
    missing = {"accessionNumber", "form", "filingDate"} - lists.keys()
    if missing:
        raise BadIndex(url, f"the filing index lacks the columns {', '.join(sorted(missing))}")
    lengths = {len(values) for values in lists.values()}
    if len(lengths) > 1:
        raise BadIndex(url, f"the columns of the filing index have different lengths: {sorted(lengths)}")
    names = list(lists)
    return [dict(zip(names, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _filings(rows: list[dict[str, Any]], cik: int) -> tuple[str, tuple[Filing, ...], tuple[RejectedRow, ...]]:
    clock = acceptance_clock([row.get("acceptanceDateTime") for row in rows])
    parsed: list[Filing] = []
    rejected: list[RejectedRow] = []
    for number, row in enumerate(rows):
        try:
            parsed.append(_filing(row, cik, clock))
        except (ValueError, TypeError, OverflowError) as error:
            rejected.append(RejectedRow(number, str(error), row))
    return clock, tuple(parsed), tuple(rejected)


def _filing(row: Mapping[str, Any], cik: int, clock: str) -> Filing:
    accession, form = row["accessionNumber"], row["form"]
    if not isinstance(accession, str) or not _ACCESSION.fullmatch(accession):
        raise ValueError(f"accession number {accession!r} is not of the form 0000000000-00-000000")
    if not isinstance(form, str) or not form.strip():
        raise ValueError(f"form {form!r} is no name of a form")
    document = row.get("primaryDocument") or ""
    return Filing(
        cik=cik,
        accession=accession,
        form=form.strip(),
        filed_date=_date(row["filingDate"], "filing date"),
        report_date=_date(row["reportDate"], "report date") if row.get("reportDate") else None,
        acceptance_datetime=_acceptance(row.get("acceptanceDateTime"), clock),
        primary_document=str(document),
        items=str(row.get("items") or ""),
        is_xbrl=bool(row.get("isXBRL")),
        is_inline_xbrl=bool(row.get("isInlineXBRL")),
        is_xbrl_numeric=None if row.get("isXBRLNumeric") is None else bool(row["isXBRLNumeric"]),
        filing_url=filing_url(cik, accession, document),
    )


def filing_url(cik: int, accession: str, primary_document: object) -> str:
    """Return the public address of a filing's main document, or of its contents page where none is named.

    Raises ValueError for a document name that would lead out of the filing's folder.
    """
    folder = f"{ARCHIVES_URL}/{cik}/{accession.replace('-', '')}"
    if not primary_document:
        return f"{folder}/{accession}-index.htm"
    name = str(primary_document)
    if not isinstance(primary_document, str) or not _DOCUMENT.fullmatch(name) or ".." in name.split("/"):
        raise ValueError(f"primary document {primary_document!r} is no file name")
    return f"{folder}/{quote(name)}"


def _date(value: object, what: str) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{what} {value!r} is no date") from error


def _wall_time(value: object) -> datetime | None:
    """Return the digits of an acceptance time without reading its zone; None where there is none."""
    if value in (None, ""):
        return None
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "").replace(tzinfo=None)
    except ValueError as error:
        raise ValueError(f"acceptance time {value!r} is no time") from error


def _acceptance(value: object, clock: str) -> datetime | None:
    wall = _wall_time(value)
    if wall is None:
        return None
    return wall.replace(tzinfo=UTC if clock == "utc" else EASTERN).astimezone(UTC)


def acceptance_clock(values: Sequence[object]) -> str:
    """Return `utc` or `eastern`: the clock in which an index gives its acceptance times.

    All are marked `Z` for UTC, yet some indexes hold New York time under that mark (seen: NVDA's in April
    2026, while four others captured with it were right). EDGAR takes filings on weekdays from 6:00 to 22:00
    in New York; the reading under which fewer of an index's times fall outside is the right one. Undecided
    means UTC, as marked.
    """
    outside_utc = outside_eastern = 0
    for value in values:
        try:
            wall = _wall_time(value)
            if wall is None:
                continue
            outside_eastern += _is_closed(wall)
            outside_utc += _is_closed(wall.replace(tzinfo=UTC).astimezone(EASTERN))
        except (ValueError, OverflowError):
            continue
    return "eastern" if outside_eastern < outside_utc else "utc"


def _is_closed(new_york: datetime) -> bool:
    return not 6 <= new_york.hour < 22 or new_york.weekday() >= 5


def _older_pages(files: object, cik: int) -> tuple[OlderPage, ...]:
    pages: list[OlderPage] = []
    for entry in files if isinstance(files, list) else []:
        name = entry.get("name") if isinstance(entry, dict) else None
        match = _OLDER_PAGE.fullmatch(name) if isinstance(name, str) else None
        # A name of any other form is never put into an address.
        if match is None or match[1] != cik_name(cik):
            continue
        try:
            pages.append(OlderPage(match[0], int(entry["filingCount"]), _date(entry["filingTo"], "last filing date")))
        except (ValueError, TypeError, KeyError):
            continue
    return tuple(pages)


def base_form(form: str) -> str:
    """Return the form an amendment amends, such as `10-K` for `10-K/A`; any other form as it is."""
    return form.removesuffix("/A")


def new_filings(filings: Iterable[Filing], known: Collection[str]) -> list[Filing]:
    """Return the filings whose accession is not among the known ones."""
    return [filing for filing in filings if filing.accession not in known]


def goes_beyond(filings: Iterable[Filing], others: Iterable[Filing]) -> bool:
    """Whether some filing was filed later than any of the others."""
    newest = max((filing.filed_date for filing in others), default=date.min)
    return any(filing.filed_date > newest for filing in filings)


def fact_filings(filings: Iterable[Filing]) -> list[Filing]:
    """Return the filings after which companyfacts may hold something new."""
    return [filing for filing in filings if base_form(filing.form) in FACT_FORMS]


def missing_filings(filings: Iterable[Filing], in_facts: Collection[str]) -> list[Filing]:
    """Return the filings that must appear in companyfacts and have not.

    Those are statement filings that the index marks as carrying XBRL (and does not mark as carrying no
    numbers).
    """
    return [
        filing
        for filing in filings
        if filing.is_xbrl
        and filing.is_xbrl_numeric is not False
        and base_form(filing.form) in STATEMENT_FORMS
        and filing.accession not in in_facts
    ]


def outstanding(missing: Iterable[Filing], today: date) -> Outstanding:
    """Divide missing filings by age: awaited up to and on the tenth day after filing, then overdue.

    Those missing for longer than `OVERDUE_REPORT_DAYS` are in neither: companyfacts will not bring them, and are not asked
    for them any more.
    """
    awaited: list[Filing] = []
    overdue: list[Filing] = []
    for filing in missing:
        age = today - filing.filed_date
        if age <= timedelta(days=AWAITED_DAYS):
            awaited.append(filing)
        elif age <= timedelta(days=OVERDUE_REPORT_DAYS):
            overdue.append(filing)
    return Outstanding(tuple(awaited), tuple(overdue))
