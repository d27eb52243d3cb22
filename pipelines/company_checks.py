"""One asset check per company on the published file: it has reported by the day its form is due.

What belongs here: names and results of these checks. What does not: who is late (`warehouse.lateness`), telling an operator
(`pipelines.notifying`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg

from warehouse.errors import TokenchainError
from warehouse.universe import DEFAULT_UNIVERSE, read_universe


def check_name(ticker: str) -> str:
    """The name of a company's check, in the characters that Dagster allows: BRK.B → brk_b_has_reported."""
    return re.sub(r"[^a-z0-9]", "_", ticker.lower()) + "_has_reported"


def companies_defined() -> list[str]:
    """Tickers of the universe that the environment names when the definitions are loaded.

    A file that can't be read leaves those of the project's own: the run says what is wrong with it, loading must not fail.
    """
    path = Path(os.environ.get("TOKENCHAIN_UNIVERSE") or DEFAULT_UNIVERSE)
    try:
        universe = read_universe(path)
    except (TokenchainError, OSError):
        universe = read_universe()
    return [company.ticker for company in universe.companies]


def company_check_specs(asset: dg.AssetKey, tickers: Iterable[str]) -> list[dg.AssetCheckSpec]:
    """One check for each company; tickers that differ in a sign only share one."""
    shared: dict[str, list[str]] = {}
    for ticker in tickers:
        shared.setdefault(check_name(ticker), []).append(ticker)
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset,
            description=(
                f"{' and '.join(companies)}: has reported within the days that warehouse/watching.yaml gives its form, by its own"
                " fiscal calendar, and companyfacts hold what it filed"
            ),
        )
        for name, companies in shared.items()
    ]


def company_check_results(
    names: Iterable[str], late: Mapping[str, Sequence[str]], universe: Iterable[str], watched: str
) -> Iterator[dg.AssetCheckResult]:
    """A result for each check that is defined, a warning with what is late where something is.

    A company that the run's own universe file leaves out passes: nothing is expected of it. One that only that file names has no check.
    """
    present = {check_name(ticker) for ticker in universe}
    sentences: dict[str, list[str]] = {}
    for ticker, said in late.items():
        sentences.setdefault(check_name(ticker), []).extend(said)
    for name in names:
        found = sentences.get(name, [])
        source = watched if name in present else "not in the universe of this run: not watched"
        metadata = {"source": source, **({"late": "; ".join(found)} if found else {})}
        yield dg.AssetCheckResult(
            check_name=name, passed=not found, severity=dg.AssetCheckSeverity.WARN, metadata=metadata
        )
