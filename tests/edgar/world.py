"""What the local server serves: small made-up companies, and the real captures where they are.

Belongs here: writing EDGAR's responses into a server's folder. Does not belong here: the protocol
(`server.py`).
"""

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.edgar import Filer

SHARED = Path(__file__).resolve().parents[3] / "shared" / "filings"
REAL_FILERS = (
    Filer("NVDA", 1045810),
    Filer("MSFT", 789019),
    Filer("GOOGL", 1652044),
    Filer("AMZN", 1018724),
    Filer("META", 1326801),
    Filer("AAPL", 320193),
    Filer("TSLA", 1318605),
    Filer("ORCL", 1341439),
)


@dataclass(frozen=True)
class MadeUpFiling:
    """A filing to put into a made-up index; `acceptance` in UTC."""

    accession: str
    form: str
    filed: str
    acceptance: str
    report: str = ""
    xbrl: bool = True
    items: str = ""
    numeric: bool | None = None


class World:
    """The folder a server reads from, and the ways to change it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writes = 0

    def write(self, path: str, body: bytes) -> None:
        """Serve a body at a path, whole at once, with a time of change later than any before."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(file.name + ".new")
        temporary.write_bytes(body)
        self._writes += 1
        os.utime(temporary, (1_700_000_000 + self._writes, 1_700_000_000 + self._writes))
        temporary.replace(file)

    def index(self, cik: int, filings: list[MadeUpFiling], files: list[dict[str, Any]] | None = None) -> None:
        """Serve a filing index."""
        self.write(f"submissions/CIK{cik:010d}.json", index_body(cik, filings, files))

    def facts(self, cik: int, accessions: list[str], value: int = 100) -> None:
        """Serve companyfacts with one fact for each accession."""
        self.write(f"api/xbrl/companyfacts/CIK{cik:010d}.json", facts_body(cik, accessions, value))

    def tickers(self, companies: list[Filer]) -> None:
        """Serve the ticker list."""
        entries = {
            str(number): {"cik_str": company.cik, "ticker": company.ticker, "title": f"Company {company.cik}"}
            for number, company in enumerate(companies)
        }
        self.write("files/company_tickers.json", json.dumps(entries).encode())

    def companies(self, count: int) -> list[Filer]:
        """Serve this many companies with one 10-K each, and the ticker list; return them."""
        companies = [Filer(f"T{number:03d}", 9_000_000 + number) for number in range(1, count + 1)]
        for company in companies:
            filing = first_filing(company.cik)
            self.index(company.cik, [filing])
            self.facts(company.cik, [filing.accession])
        self.tickers(companies)
        return companies

    def capture(self, name: str) -> None:
        """Serve a real capture of companyfacts, with indexes made of the filings its facts come from."""
        for source in sorted((SHARED / "companyfacts" / name).glob("CIK*.json.gz")):
            body = gzip.decompress(source.read_bytes())
            cik = int(source.name[3:13])
            self.write(f"api/xbrl/companyfacts/CIK{cik:010d}.json", body)
            self.index(cik, filings_of(body))


def accession(cik: int, number: int, year: int = 26) -> str:
    """Return an accession number of a made-up company."""
    return f"{cik:010d}-{year:02d}-{number:06d}"


def first_filing(cik: int) -> MadeUpFiling:
    """Return the 10-K every made-up company has filed."""
    return MadeUpFiling(accession(cik, 1), "10-K", "2026-02-10", "2026-02-10T21:05:00.000Z", "2025-12-31")


def quarter_filing(cik: int, filed: str = "2026-05-05", number: int = 2, form: str = "10-Q") -> MadeUpFiling:
    """Return a later filing of a made-up company."""
    return MadeUpFiling(accession(cik, number), form, filed, f"{filed}T20:05:00.000Z", "2026-03-31")


def columns(filings: list[MadeUpFiling]) -> dict[str, list[Any]]:
    """Return filings in the index's columns."""
    return {
        "accessionNumber": [filing.accession for filing in filings],
        "filingDate": [filing.filed for filing in filings],
        "reportDate": [filing.report for filing in filings],
        "acceptanceDateTime": [filing.acceptance for filing in filings],
        "form": [filing.form for filing in filings],
        "items": [filing.items for filing in filings],
        "isXBRL": [int(filing.xbrl) for filing in filings],
        "isInlineXBRL": [int(filing.xbrl) for filing in filings],
        "isXBRLNumeric": [None if filing.numeric is None else int(filing.numeric) for filing in filings],
        "primaryDocument": [f"report-{filing.accession[-6:]}.htm" for filing in filings],
    }


def index_body(cik: int, filings: list[MadeUpFiling], files: list[dict[str, Any]] | None = None) -> bytes:
    """Return a filing index."""
    content = {
        "cik": f"{cik:010d}",
        "name": f"Company {cik}",
        "tickers": [],
        "fiscalYearEnd": "1231",
        "filings": {"recent": columns(filings), "files": files or []},
    }
    return json.dumps(content).encode()


def facts_body(cik: int, accessions: list[str], value: int = 100) -> bytes:
    """Return companyfacts with one fact for each accession."""
    facts = [
        {
            "start": "2025-01-01",
            "end": "2025-12-31",
            "val": value + number,
            "accn": name,
            "form": "10-K",
            "filed": "2026-02-10",
        }
        for number, name in enumerate(accessions)
    ]
    tag = {"label": "Revenues", "description": None, "units": {"USD": facts}}
    return json.dumps({"cik": cik, "entityName": f"Company {cik}", "facts": {"us-gaap": {"Revenues": tag}}}).encode()


def filings_of(body: bytes) -> list[MadeUpFiling]:
    """Return the filings that a companyfacts response's facts come from, newest first."""
    found: dict[str, MadeUpFiling] = {}
    for taxonomy in json.loads(body)["facts"].values():
        for tag in taxonomy.values():
            for facts in tag["units"].values():
                for fact in facts:
                    name, filed = fact["accn"], fact["filed"]
                    found.setdefault(name, MadeUpFiling(name, fact["form"], filed, f"{filed}T20:00:00.000Z"))
    return sorted(found.values(), key=lambda filing: (filing.filed, filing.accession), reverse=True)
