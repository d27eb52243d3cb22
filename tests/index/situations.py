"""Facts of companies that stand for a situation each, and the history that comes of them.

What belongs here: short ways to file facts. What does not: the tests that read the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assets.quarters import quarters_history
from tests.tables import Row, calendar_quarters, compute, concept_tag, fact, pick
from warehouse.engine import Engine

FILED = {1: "2025-05-01", 2: "2025-08-01", 3: "2025-11-01", 4: "2026-02-01"}
SPAN_ENDS = {1: "2025-03-31", 2: "2025-06-30", 3: "2025-09-30", 4: "2025-12-31"}
SPAN_STARTS = {1: "2025-01-01", 2: "2025-04-01", 3: "2025-07-01", 4: "2025-10-01"}
MILLION = 1_000_000


def quarter(ticker: str, number: int, millions: float, filed: str | None = None, **changes: object) -> Row:
    """A fact of a discrete quarter of 2025, in million dollars; filed a month after its end unless the day is given."""
    return fact(ticker, SPAN_STARTS[number], SPAN_ENDS[number], millions * MILLION, filed or FILED[number], **changes)


def to_date(ticker: str, number: int, millions: float, filed: str | None = None, **changes: object) -> Row:
    """A fact of 2025 up to a quarter's end."""
    return fact(ticker, "2025-01-01", SPAN_ENDS[number], millions * MILLION, filed or FILED[number], **changes)


def history_of(engine: Engine, facts: Iterable[Row], tags: Iterable[Row], years: Iterable[int] = (2025,)) -> list[Row]:
    """`core.quarters_history` of facts of companies with calendar fiscal years."""
    facts = list(facts)
    tickers = sorted({row["ticker"] for row in facts})
    return compute(
        engine,
        quarters_history,
        statement_facts=facts,
        fiscal_quarters=[row for ticker in tickers for year in years for row in calendar_quarters(ticker, year)],
        concept_tags=tags,
    )


def one_tag_each(facts: Iterable[Row]) -> list[Row]:
    """A mapping of every ticker's only tag."""
    return [concept_tag(ticker, tag) for ticker, tag in sorted({(row["ticker"], row["tag"]) for row in facts})]


def states(history: Iterable[Row], ticker: str, number: int, measure: str = "quarter") -> list[Row]:
    """The states of a quarter of 2025, in the order in which they were known."""
    found = pick(history, ticker=ticker, fiscal_year=2025, fiscal_quarter=number, measure=measure)
    return sorted(found, key=lambda row: row["known_from_date"])


def brief(rows: Iterable[Mapping[str, object]]) -> list[tuple[float, str]]:
    """Value in million dollars and reason of each state."""
    return [(float(str(row["value"])) / MILLION, str(row["reason"])) for row in rows]
