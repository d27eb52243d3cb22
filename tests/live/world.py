"""A small EDGAR for whole refreshes: a few real companies with their bundled filings, served on loopback.

Belongs here: what is served, how it changes, the environment of a refresh from it. Does not belong here: the protocol
(`tests.edgar.server`) and assertions.
"""

from __future__ import annotations

import copy
import datetime as dt
import gzip
import json
import os
from pathlib import Path
from typing import Any

from pipelines.edgar import Filer
from tests.edgar.world import MadeUpFiling, World, filings_of
from tests.homes import CIKS, universe_file
from warehouse.responses import BUNDLED_FILINGS

TICKERS = ["NVDA", "AAPL", "META"]
TODAY = dt.datetime.now(dt.UTC).date()


class LiveWorld:
    """A served folder with real companies, their filing indexes and the ticker list."""

    def __init__(self, folder: Path, tickers: list[str] | None = None) -> None:
        self.world = World(folder / "served")
        self.tickers = tickers or TICKERS
        self.universe = universe_file(folder / "universe.yaml", self.tickers)
        self.bodies: dict[str, dict[str, Any]] = {}
        self.filings: dict[str, list[MadeUpFiling]] = {}
        for ticker in self.tickers:
            body = gzip.decompress((BUNDLED_FILINGS / f"CIK{CIKS[ticker]:010d}.json.gz").read_bytes())
            self.bodies[ticker] = json.loads(body)
            self.filings[ticker] = filings_of(body)
            self.serve(ticker)
        self.world.tickers([Filer(ticker, CIKS[ticker]) for ticker in self.tickers])

    @property
    def folder(self) -> Path:
        """What the server reads."""
        return self.world.folder

    def serve(self, ticker: str) -> None:
        """Serve a company's facts and index as they are now."""
        self.serve_facts(ticker)
        self.serve_index(ticker)

    def serve_facts(self, ticker: str) -> None:
        """Serve a company's facts."""
        self.world.write(facts_path(ticker), json.dumps(self.bodies[ticker]).encode())

    def serve_index(self, ticker: str) -> None:
        """Serve a company's index."""
        self.world.index(CIKS[ticker], self.filings[ticker])

    def file(self, ticker: str, days_ago: int = 0, form: str = "10-Q", items: str = "") -> str:
        """Put a filing into a company's index that its facts do not hold; returns the accession."""
        filed = (TODAY - dt.timedelta(days=days_ago)).isoformat()
        accession = f"{CIKS[ticker]:010d}-26-{900_000 + len(self.filings[ticker]):06d}"
        xbrl = form != "8-K"
        report = (TODAY - dt.timedelta(days=days_ago + 30)).isoformat()
        self.filings[ticker].insert(
            0, MadeUpFiling(accession, form, filed, f"{filed}T00:05:00.000Z", report=report, xbrl=xbrl, items=items)
        )
        self.serve_index(ticker)
        return accession

    def restate(self, ticker: str, accession: str, factor: float = 1.01, tag: str = "NetIncomeLoss") -> dict[str, Any]:
        """Let a filing repeat the newest fact of a tag with another value; returns the fact before."""
        facts = self.bodies[ticker]["facts"]["us-gaap"][tag]["units"]["USD"]
        before: dict[str, Any] = max(facts, key=lambda fact: (fact["end"], fact.get("start", ""), fact["filed"]))
        filed = next(filing.filed for filing in self.filings[ticker] if filing.accession == accession)
        restated = copy.deepcopy(before)
        restated |= {"accn": accession, "filed": filed, "val": round(before["val"] * factor)}
        facts.append(restated)
        self.serve_facts(ticker)
        return before

    def environment(self, url: str, home: Path, **more: str) -> dict[str, str]:
        """The environment in which a refresh asks this world and writes to a home folder."""
        return {
            **os.environ,
            "COLUMNS": "200",
            "SEC_USER_AGENT": "Warehouse Tests tests@example.com",
            "TOKENCHAIN_SOURCE": "edgar",
            "TOKENCHAIN_HOME": str(home),
            "TOKENCHAIN_UNIVERSE": str(self.universe),
            "TOKENCHAIN_EDGAR_DATA_URL": url,
            "TOKENCHAIN_EDGAR_WWW_URL": url,
            "TOKENCHAIN_EDGAR_STATE_DIRECTORY": str(home.parent / "state"),
            "TOKENCHAIN_EDGAR_REQUESTS_PER_SECOND": "10",
            "TOKENCHAIN_EDGAR_RETRY_WAIT_SECONDS": "0.01",
            "TOKENCHAIN_EDGAR_RETRY_WAIT_MAXIMUM_SECONDS": "0.05",
            "TOKENCHAIN_EDGAR_BLOCK_PAUSE_SECONDS": "1",
            "TOKENCHAIN_EDGAR_READ_TIMEOUT_SECONDS": "1",
            **more,
        }


def facts_path(ticker: str) -> str:
    """Where the server has a company's facts."""
    return f"api/xbrl/companyfacts/CIK{CIKS[ticker]:010d}.json"


def index_path(ticker: str) -> str:
    """Where the server has a company's filing index."""
    return f"submissions/CIK{CIKS[ticker]:010d}.json"
