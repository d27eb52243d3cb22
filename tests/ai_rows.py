"""Rows of reference tables and small parameter sets for the tests of the AI tables.

What belongs here: what several of these tests write. What does not: the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.base import TableClass
from tests.tables import Row, table
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology
from warehouse.validation import check_contract

BILLION = 1e9


def methodology(**sections: Any) -> Methodology:
    """The real parameters with changes inside sections of `ai`, such as `depreciation={"candidate_lags": [0]}`."""
    real = read_methodology()
    content = real.model_dump()
    for name, changes in sections.items():
        section = content["ai"][name]
        content["ai"][name] = {**section, **changes} if isinstance(section, dict) else changes
    return Methodology.model_validate(content)


def figure(reference_id: str, entity: str, metric: str, basis: str, value: float, **changes: Any) -> Row:
    """A row of a reference table in long form: a used figure from a filing, printed in millions of dollars."""
    row: Row = {
        "reference_id": reference_id,
        "entity": entity,
        "metric": metric,
        "basis": basis,
        "value": value,
        "date_precision": "day",
        "unit": "usd",
        "rounding": 1e6,
        "qualifier": "exact",
        **source(),
    }
    return row | changes


def source(confidence: str = "filing") -> Row:
    """The columns of a source that no other contradicts."""
    return {
        "source_title": "A source",
        "confidence": confidence,
        "is_third_party_estimate": False,
        "conflict_resolution": "used",
    }


def period(start: str, end: str) -> Row:
    """First and last day of a figure's period."""
    return {"period_start_date": start, "period_end_date": end}


def year(number: int) -> Row:
    """A calendar year as the period of a figure."""
    return period(f"{number}-01-01", f"{number}-12-31")


def guidance(ticker: str, value: float, span: Row, given: str, **changes: Any) -> Row:
    """A row of `raw.capital_expenditure_guidance`."""
    row = figure(
        f"{ticker.lower()}-given-{given}-{span['period_end_date']}", ticker, "capital_expenditure", "guidance", value
    )
    own = {"ticker": ticker, "as_of_date": given, "lease_treatment": "cash", "is_accounting_change": False}
    return row | span | own | {"confidence": "company_release"} | changes


def lease(ticker: str, value: float, span: Row, metric: str = "additions") -> Row:
    """A row of `raw.finance_leases`."""
    return (
        figure(f"{ticker.lower()}-lease-{span['period_end_date']}", ticker, metric, "quarter", value, ticker=ticker)
        | span
    )


def refuses(engine: Engine, declared: TableClass, rows: Iterable[Row], **mistake: Any) -> bool:
    """Whether a table's contract refuses computed rows once the first has a mistake."""
    first, *others = rows
    return not check_contract(declared, table(engine, declared, [first | mistake, *others])).passed
