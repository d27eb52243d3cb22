"""Core table of the arithmetic between quarters and fiscal years.

What belongs here: the contract of `core.fiscal_year_sums`. What does not: the quarters themselves (`schemas.core.quarters`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column


class FiscalYearSums(Table):
    """Whether four quarters of a flow sum to the fiscal year as filed: company × concept × fiscal year with all four quarters.

    With the bundled filings 138 of 1,057 years (13 %) differ: 130 by rounding, eight by a recast that is listed in raw.known_recasts.
    """

    ticker: str = column("Ticker")
    concept: str = column("Standard concept (a flow)")
    fiscal_year: dt.Int64 = column("Fiscal year")
    quarters_sum_usd: float = column("Sum of the four discrete quarters", unit="US dollars")
    fiscal_year_usd: float = column("The fiscal year as filed", unit="US dollars")
    difference_usd: float = column("Sum less year", unit="US dollars")
    rounding_usd: float = column(
        "Largest difference that rounding explains: half the printed step of every fact used", unit="US dollars", ge=0
    )
    is_within_rounding: bool = column("The difference is not larger than rounding explains")
    is_revised: bool = column("A fact used differs from its first filed version")
    revised_accessions: str = column("Filings that revised a fact used, comma separated", nullable=True)
    is_listed: bool = column("The recast was looked into and is listed in raw.known_recasts")

    class Config:
        unique = ["ticker", "concept", "fiscal_year"]
