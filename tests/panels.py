"""A panel of fundamentals for the derived tables: short rows of `core.fundamentals`.

What belongs here: rows of the wide table. What does not: rows of narrow tables (`tests.tables`).
"""

from __future__ import annotations

from typing import Any

from tests.tables import Row, calendar_quarters

KEYS = (
    "ticker",
    "fiscal_year",
    "fiscal_quarter",
    "quarter_index",
    "period_start_date",
    "period_end_date",
    "calendar_quarter",
    "report_quarter",
    "weeks",
    "fiscal_ytd_weeks",
)


def fundamental(ticker: str, quarter: str, **values: Any) -> Row:
    """A row of `core.fundamentals` for a quarter such as `2025Q1`; what is not given is null or false."""
    year, number = int(quarter[:4]), int(quarter[-1])
    period = next(row for row in calendar_quarters(ticker, year) if row["fiscal_quarter"] == number)
    flags = ("basis_break", "basis_break_ttm", "basis_break_fiscal_ytd", "lease_liabilities_carried_forward")
    return {
        **{name: period[name] for name in KEYS},
        "known_from_date": period["known_from_date"],
        **dict.fromkeys(flags, False),
        **values,
    }
