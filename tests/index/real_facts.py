"""A small warehouse made of real facts: three companies of the bundled filings, derived in this process from inline rows.

What belongs here: taking the facts and deriving the tables that a change of the facts could move. What does not: the changes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
from ibis.expr.types import Table as IbisTable

from assets.facts import fiscal_quarters, fiscal_years
from assets.fundamentals import fundamentals
from assets.prosperity import composite_scores, sub_indices
from assets.quarters import fiscal_year_to_date, quarters, quarters_history
from assets.real_time import composite_score_vintages
from schemas.base import TableClass, qualified_name
from schemas.core.facts import Companies, FiscalQuarters, FiscalYears, StatementFacts
from schemas.core.fundamentals import Fundamentals
from schemas.core.quarters import FiscalYearToDate, Quarters, QuartersHistory
from schemas.mart.prosperity import SubIndices
from schemas.raw.configuration import ConceptApplicability, ConceptTags
from tests.tables import Row, register
from warehouse.concepts import read_concepts
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology

# One company per tier. NVIDIA's years have 52 or 53 weeks; Tesla restates, and its cash-flow lines are partly transcribed.
TICKERS = ("NVDA", "GOOGL", "TSLA")
FIRST_FILED = dt.date(2022, 6, 1)
CONFIGURATION: tuple[TableClass, ...] = (ConceptTags, ConceptApplicability, Companies)


@dataclass(frozen=True)
class Facts:
    """Statement facts and the configuration that belongs to them, as Arrow tables."""

    statement_facts: pa.Table
    configuration: dict[TableClass, pa.Table]

    def changed(self, column: str, values: pa.Array | pa.ChunkedArray) -> Facts:
        """The same facts with one column replaced."""
        place = self.statement_facts.column_names.index(column)
        return replace(self, statement_facts=self.statement_facts.set_column(place, column, values))

    def filed_by(self, day: dt.date) -> Facts:
        """Only what was filed by a day."""
        kept = [filed <= day for filed in self.statement_facts["filed_date"].to_pylist()]
        return replace(self, statement_facts=self.statement_facts.filter(pa.array(kept)))

    def renamed(self, names: dict[str, str]) -> Facts:
        """The same companies under other tickers."""
        tables = {kind: _renamed(content, names) for kind, content in self.configuration.items()}
        return Facts(_renamed(self.statement_facts, names), tables)


def _renamed(content: pa.Table, names: dict[str, str]) -> pa.Table:
    tickers = pa.array([names.get(ticker, ticker) for ticker in content["ticker"].to_pylist()], pa.string())
    return content.set_column(content.column_names.index("ticker"), "ticker", tickers)


def real_facts(published: duckdb.DuckDBPyConnection) -> Facts:
    """The facts of three companies filed since the middle of 2022."""

    def read(declared: TableClass, condition: str = "true") -> pa.Table:
        query = f"SELECT * FROM {qualified_name(declared)} WHERE ticker IN {TICKERS} AND {condition}"
        return published.sql(query).to_arrow_table()

    facts = read(StatementFacts, f"filed_date >= DATE '{FIRST_FILED}'")
    return Facts(facts, {declared: read(declared) for declared in CONFIGURATION})


@dataclass(frozen=True)
class Derived:
    """The rows that come of facts."""

    history: list[Row]
    fundamentals: list[Row]
    sub_indices: list[Row]
    composite_scores: list[Row]
    vintages: list[Row]


def derive(engine: Engine, facts: Facts, *, with_vintages: bool = False) -> Derived:
    """Derive history, fundamentals and scores, each step stored so that the next reads a table."""

    def stored(declared: TableClass, expression: IbisTable) -> IbisTable:
        return register(engine, declared, expression.to_pyarrow())

    def rows(expression: IbisTable) -> list[Row]:
        found: list[Row] = expression.to_pyarrow().to_pylist()
        return found

    given = register(engine, StatementFacts, facts.statement_facts)
    tags, applicability, companies = (
        register(engine, declared, facts.configuration[declared]) for declared in CONFIGURATION
    )
    concepts, methodology = read_concepts(), parameters()
    calendar = stored(FiscalQuarters, fiscal_quarters(given, stored(FiscalYears, fiscal_years(given))))
    history = stored(QuartersHistory, quarters_history(given, calendar, tags))
    discrete, to_date = stored(Quarters, quarters(history)), stored(FiscalYearToDate, fiscal_year_to_date(history))
    panel = stored(Fundamentals, fundamentals(discrete, to_date, calendar, applicability, concepts, methodology))
    parts = stored(SubIndices, sub_indices(panel, companies, methodology))
    scores = rows(composite_scores(parts, methodology))
    vintages = composite_score_vintages(history, calendar, applicability, companies, concepts, methodology)
    return Derived(rows(history), rows(panel), rows(parts), scores, rows(vintages) if with_vintages else [])


def parameters() -> Methodology:
    """The methodology on two bases, which see every kind of span between them."""
    content = read_methodology().model_dump()
    content["index"] |= {"bases": ["fiscal_ytd", "ttm"]}
    return Methodology.model_validate(content)


def keyed(rows: Iterable[Row], *key: str) -> dict[tuple[object, ...], Row]:
    """Rows by their key, which must not repeat."""
    listed = list(rows)
    found = {tuple(row[name] for name in key): row for row in listed}
    assert len(found) == len(listed), f"{key} repeats"
    return found


def same(first: object, second: object, tolerance: float = 1e-9) -> bool:
    """Whether two cells agree: numbers within a relative tolerance, all else exactly."""
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second) <= tolerance * max(1.0, abs(first), abs(second))
    return first == second


def differences(
    first: dict[tuple[object, ...], Row], second: dict[tuple[object, ...], Row], *ignored: str
) -> list[tuple[object, ...]]:
    """Key, column and both values of every cell that differs; a row that only one side has differs as a whole."""
    found: list[tuple[object, ...]] = [
        (key, "only on one side") for key in sorted(first.keys() ^ second.keys(), key=str)
    ]
    for key in first.keys() & second.keys():
        found += [
            (key, column, first[key][column], second[key].get(column))
            for column in first[key]
            if column not in ignored and not same(first[key][column], second[key].get(column))
        ]
    return found
