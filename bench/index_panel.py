"""The seven companies' figures as arrays, read from a published warehouse, for the search of the index's definition.

What belongs here: reading `core` and `raw` tables and laying them out as company × quarter. What does not: definitions of the index.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Label = Literal["report_quarter", "calendar_quarter"]

TIERS = ("upstream", "midstream", "downstream")
WINDOW = ("2024Q1", "2026Q1")
# Growth of 2024Q1 needs 2023Q1, an average over the year before that 2022Q1; the earliest year is reserve.
FIRST_QUARTER = "2021Q1"
FLOWS = (
    "revenue",
    "operating_income",
    "pretax_income",
    "income_tax",
    "depreciation_amortization",
    "capital_expenditure",
)
BALANCES = (
    "equity",
    "debt",
    "cash",
    "marketable_securities",
    "marketable_securities_noncurrent",
    "operating_lease_liability",
    "finance_lease_liability",
)
SPAN_SUFFIX = {"fiscal_ytd": "_fiscal_ytd_usd", "quarter": "_usd", "ttm": "_ttm_usd"}
OTHERS = ("fiscal_quarter", "fiscal_ytd_weeks", "lease_liabilities_carried_forward")


@dataclass(frozen=True)
class Panel:
    """Arrays of shape company × quarter (US dollars; NaN = not filed); `members` gives the rows of each tier."""

    tickers: tuple[str, ...]
    quarters: tuple[str, ...]
    members: dict[str, list[int]]
    values: dict[str, Numbers] = field(repr=False)
    debt_securities: Numbers = field(repr=False)
    recast_depreciation: Numbers = field(repr=False)

    @property
    def window(self) -> slice:
        """The nine quarters of the published index."""
        return slice(self.quarters.index(WINDOW[0]), self.quarters.index(WINDOW[1]) + 1)

    def flow(self, concept: str, span: str) -> Numbers:
        """A flow over the fiscal year to date, the quarter or four quarters."""
        return self.values[concept + SPAN_SUFFIX[span]]

    def balance(self, concept: str) -> Numbers:
        """A balance at the quarter's end; a line the company does not show counts as zero."""
        return np.nan_to_num(self.values[f"{concept}_usd"])


def read_panel(warehouse: Path, label: Label) -> Panel:
    """Read the index members, placed by the given quarter label. Raises FileNotFoundError, ValueError when a member lacks a quarter."""
    if not warehouse.exists():
        raise FileNotFoundError(f"{warehouse} does not exist; `tokenchain refresh` publishes it")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        members = connection.execute(
            "SELECT ticker, tier FROM core.companies WHERE in_prosperity_index ORDER BY tier, ticker"
        ).fetchall()
        columns = [concept + suffix for concept in FLOWS for suffix in SPAN_SUFFIX.values()]
        columns += [f"{concept}_usd" for concept in BALANCES]
        columns += OTHERS
        rows = connection.execute(
            f"SELECT ticker, {label}, period_end_date, {', '.join(columns)} FROM core.fundamentals"
            f" WHERE ticker IN (SELECT ticker FROM core.companies WHERE in_prosperity_index)"
            f" AND {label} BETWEEN ? AND ?",
            [FIRST_QUARTER, WINDOW[1]],
        ).fetchall()
        apart = _facts(connection, "DebtSecuritiesCurrent", "period_start_date IS NULL")
        recast = _facts(connection, "DepreciationAmortizationAndOther", "basis = 'recast'")
    tickers = tuple(ticker for ticker, _ in members)
    quarters = tuple(sorted({row[1] for row in rows}))
    if len(rows) != len(tickers) * len(quarters):
        raise ValueError(f"{warehouse}: core.fundamentals lacks or repeats quarters of {', '.join(tickers)} by {label}")
    grid = {name: np.full((len(tickers), len(quarters)), np.nan) for name in columns}
    debt_securities = np.full((len(tickers), len(quarters)), np.nan)
    recast_depreciation = debt_securities.copy()
    for ticker, quarter, period_end, *figures in rows:
        cell = tickers.index(ticker), quarters.index(quarter)
        for name, figure in zip(columns, figures, strict=True):
            grid[name][cell] = np.nan if figure is None else float(figure)
        debt_securities[cell] = apart.get((ticker, period_end), np.nan)
        recast_depreciation[cell] = recast.get((ticker, period_end), np.nan)
    by_tier = {tier: [row for row, member in enumerate(members) if member[1] == tier] for tier in TIERS}
    return Panel(tickers, quarters, by_tier, grid, debt_securities, recast_depreciation)


def _facts(connection: duckdb.DuckDBPyConnection, tag: str, condition: str) -> dict[tuple[str, dt.date], float]:
    """The latest filed value of a tag per company and period end."""
    rows = connection.execute(
        "SELECT c.ticker, f.period_end_date, arg_max(f.value, f.filed_date) FROM raw.company_facts AS f"
        f" JOIN core.companies AS c USING (cik) WHERE f.tag = ? AND {condition} GROUP BY ALL",
        [tag],
    ).fetchall()
    return {(ticker, period_end): value for ticker, period_end, value in rows}
