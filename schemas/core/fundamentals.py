"""The wide table of fundamentals: one row per company and fiscal quarter.

What belongs here: the contract of `core.fundamentals`; its per-concept columns follow `concepts.yaml`. What does not: index values.
"""

from __future__ import annotations

from typing import Any, get_type_hints

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from warehouse.concepts import ConceptMap, read_concepts


class _Keys:
    ticker: str = column("Ticker")
    fiscal_year: dt.Int64 = column("Fiscal year")
    fiscal_quarter: dt.Int64 = column("Fiscal quarter", ge=1, le=4)
    quarter_index: dt.Int64 = column("Four times the fiscal year plus the quarter")
    period_start_date: dt.Date = column("First day of the fiscal quarter")
    period_end_date: dt.Date = column("Last day of the fiscal quarter")
    calendar_quarter: str = quarter_column("Calendar quarter by midpoint")
    report_quarter: str = quarter_column("Calendar quarter of the period end less seven days")
    weeks: dt.Int64 = column("Length of the quarter", unit="weeks")
    ttm_weeks: dt.Int64 = column("Length of the four quarters", unit="weeks", nullable=True)
    fiscal_ytd_weeks: dt.Int64 = column("Weeks since the start of the fiscal year", unit="weeks")
    known_from_date: dt.Date = column("First day on which all facts of the row were public, those of the sums included")


def _concept_columns(concepts: ConceptMap) -> dict[str, tuple[Any, Any]]:
    declared: dict[str, tuple[Any, Any]] = {}
    for name, concept in concepts.concepts.items():
        unit = "US dollars"
        if concept.kind == "balance":
            declared[f"{name}_usd"] = (
                float,
                column(f"{concept.meaning}; at the quarter's end", unit=unit, nullable=True),
            )
            continue
        declared[f"{name}_usd"] = (float, column(f"{concept.meaning}; the quarter alone", unit=unit, nullable=True))
        declared[f"{name}_ttm_usd"] = (
            float,
            column(f"{concept.meaning}; four quarters, null when one is missing", unit=unit, nullable=True),
        )
        declared[f"{name}_fiscal_ytd_usd"] = (
            float,
            column(
                f"{concept.meaning}; since the start of the fiscal year as filed, else the sum of its quarters",
                unit=unit,
                nullable=True,
            ),
        )
    return declared


_ROIC = (
    "after-tax operating income (effective tax rate bounded to 0–50 %) ÷ closing invested capital"
    " (equity + debt + lease liabilities − cash and liquid securities, i.e. current marketable securities without"
    " equity securities where a filing shows these apart)"
)


class _Measures:
    basis_break: bool = column("Depreciation of the quarter is on a recast basis")
    basis_break_ttm: bool = column("One of the four quarters of depreciation is on a recast basis")
    basis_break_fiscal_ytd: bool = column("Depreciation since the start of the year touches a recast basis")
    lease_liabilities_carried_forward: bool = column(
        "Lease liabilities stand for an earlier quarter's, disclosed only now and then"
    )
    lease_liabilities_usd: float = column("Operating and finance lease liabilities", unit="US dollars", nullable=True)
    invested_capital_usd: float = column(
        "Equity + debt + operating and finance lease liabilities − cash − liquid securities (current marketable"
        " securities without equity securities where a filing shows these apart)",
        unit="US dollars",
        nullable=True,
    )
    missing_capital_parts: str = column("Parts of invested capital that are missing, comma separated", nullable=True)
    tax_rate_ttm_ratio: float = column(
        "Income tax ÷ pretax income, four quarters, bounded to 0–50 %; 0 when there is no profit",
        unit="ratio",
        nullable=True,
    )
    nopat_ttm_usd: float = column(
        "Operating income after tax at that rate, four quarters", unit="US dollars", nullable=True
    )
    roic_ttm_pct: float = column(f"ROIC of the last four quarters: {_ROIC}", unit="percent", nullable=True)
    tax_rate_fiscal_ytd_ratio: float = column(
        "The same rate since the start of the fiscal year", unit="ratio", nullable=True
    )
    roic_fiscal_ytd_pct: float = column(
        f"Annualised ROIC since the start of the fiscal year: 4 ÷ quarters × {_ROIC}", unit="percent", nullable=True
    )
    tax_rate_quarter_ratio: float = column("The same rate of the quarter alone", unit="ratio", nullable=True)
    roic_quarter_pct: float = column(
        f"Annualised ROIC of the quarter alone: 4 × {_ROIC}", unit="percent", nullable=True
    )
    free_cash_flow_usd: float = column(
        "Operating cash flow − capital expenditure, the quarter alone", unit="US dollars", nullable=True
    )
    free_cash_flow_ttm_usd: float = column(
        "Operating cash flow − capital expenditure, four quarters", unit="US dollars", nullable=True
    )
    missing_reason: str = column(
        "Why ROIC is null, in words: every part of invested capital and every flow of NOPAT that is missing",
        nullable=True,
    )


def _declared(source: type) -> dict[str, tuple[Any, Any]]:
    """Column name → (type, declaration) of a class body, in order."""
    return {name: (annotation, vars(source)[name]) for name, annotation in get_type_hints(source).items()}


def _fundamentals(concepts: ConceptMap) -> type[Table]:
    declared = {**_declared(_Keys), **_concept_columns(concepts), **_declared(_Measures)}
    config = type(
        "Config", (Table.Config,), {"name": "Fundamentals", "unique": ["ticker", "fiscal_year", "fiscal_quarter"]}
    )
    body: dict[str, Any] = {
        "__module__": __name__,
        "__qualname__": "Fundamentals",
        "__doc__": _MEANING,
        "__annotations__": {name: annotation for name, (annotation, _) in declared.items()},
        "Config": config,
        **{name: declaration for name, (_, declaration) in declared.items()},
    }
    return type("Fundamentals", (Table,), body)


_MEANING = """Fundamentals of a company's fiscal quarter, one row each.

Flows of the quarter, of four quarters (TTM) and since the start of the fiscal year; balances at the quarter's end; invested capital,
ROIC and free cash flow. A null of a concept has its reason in `core.missing_quarters`, one of ROIC in `missing_reason`.
"""

Fundamentals = _fundamentals(read_concepts())
