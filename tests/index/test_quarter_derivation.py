"""Discrete quarters from whatever spans a company reports: what our rules can derive comes out, and never a wrong value.

A year's quarters are known here, its spans (three, six and nine months, the year, single quarters) are sums of them, and a company files
any subset of the spans, under one tag or two. A quarter can be derived when it is filed itself, or when both the span that ends with it
and the span before it are filed.
"""

import datetime as dt
import itertools
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.quarters import quarters_history
from tests.tables import Row, compute, concept_tag, fact, pick
from warehouse.engine import Engine

# The spans of a year: first and last quarter in them.
SPANS = [(1, 1), (2, 2), (3, 3), (4, 4), (1, 2), (1, 3), (1, 4)]
TAGS = ("New", "Old")


@dataclass(frozen=True)
class Year:
    """A company's fiscal year: the first day, the weeks and the true amount of each quarter, and what is filed of it."""

    starts: dt.date
    weeks: tuple[int, int, int, int]
    amounts: tuple[int, int, int, int]
    # Tag → filed spans → how many days the filing's start is off (filings tag a neighbouring weekend).
    filed: dict[str, dict[tuple[int, int], int]]

    def start(self, quarter: int) -> dt.date:
        """First day of a quarter."""
        return self.starts + dt.timedelta(weeks=sum(self.weeks[: quarter - 1]))

    def end(self, quarter: int) -> dt.date:
        """Last day of a quarter."""
        return self.start(quarter) + dt.timedelta(weeks=self.weeks[quarter - 1], days=-1)

    def amount(self, span: tuple[int, int]) -> int:
        """The true amount of a span."""
        return sum(self.amounts[span[0] - 1 : span[1]])

    def facts(self, ticker: str) -> list[Row]:
        """The filed facts; each span is filed some weeks after its end."""
        return [
            fact(
                ticker,
                str(self.start(span[0]) + dt.timedelta(days=days_off)),
                str(self.end(span[1])),
                float(self.amount(span)),
                str(self.end(span[1]) + dt.timedelta(days=30)),
                tag=tag,
            )
            for tag, spans in self.filed.items()
            for span, days_off in spans.items()
        ]

    def calendar(self, ticker: str) -> list[Row]:
        """Rows of `core.fiscal_quarters`."""
        return [
            {
                "ticker": ticker,
                "fiscal_year": 2025,
                "fiscal_quarter": number,
                "quarter_index": 2025 * 4 + number,
                "fiscal_year_start_date": self.starts,
                "period_start_date": self.start(number),
                "period_end_date": self.end(number),
                "weeks": self.weeks[number - 1],
                "fiscal_ytd_weeks": sum(self.weeks[:number]),
                "calendar_quarter": f"2025Q{number}",
                "report_quarter": f"2025Q{number}",
                "known_from_date": self.end(number) + dt.timedelta(days=30),
            }
            for number in range(1, 5)
        ]

    def derivable(self) -> dict[int, float]:
        """Fiscal quarter → the amount that our rules can derive, whichever tags carry the spans."""
        filed = {span for spans in self.filed.values() for span in spans}
        return {
            number: float(self.amounts[number - 1])
            for number in range(1, 5)
            if (number, number) in filed or {(1, number), (1, number - 1)} <= filed
        }

    def to_date(self) -> dict[int, float]:
        """Fiscal quarter → the amount since the start of the year, where it is filed."""
        filed = {span for spans in self.filed.values() for span in spans}
        return {number: float(self.amount((1, number))) for number in range(1, 5) if (1, number) in filed}


def derived(engine: Engine, years: list[Year]) -> list[tuple[dict[int, float], dict[int, float]]]:
    """For each year the discrete quarters and the sums since the year's start that the filings give."""
    tickers = [f"T{number:03d}" for number in range(len(years))]
    history = compute(
        engine,
        quarters_history,
        statement_facts=[row for ticker, year in zip(tickers, years, strict=True) for row in year.facts(ticker)],
        fiscal_quarters=[row for ticker, year in zip(tickers, years, strict=True) for row in year.calendar(ticker)],
        concept_tags=[
            concept_tag(ticker, tag, alternative=place) for ticker in tickers for place, tag in enumerate(TAGS)
        ],
    )
    current = [row for row in history if row["known_to_date"] is None]
    return [
        (
            {row["fiscal_quarter"]: row["value"] for row in pick(current, ticker=ticker, measure="quarter")},
            {row["fiscal_quarter"]: row["value"] for row in pick(current, ticker=ticker, measure="fiscal_ytd")},
        )
        for ticker in tickers
    ]


WEEKS = st.sampled_from([(13, 13, 13, 13), (14, 13, 13, 13), (13, 13, 13, 14), (12, 12, 12, 16)])
# Amounts that no sum or difference of others can be mistaken for: negative ones and zero are amounts too.
AMOUNTS = st.tuples(*[st.integers(-(10**12), 10**12)] * 4)
FILED = st.dictionaries(
    st.sampled_from(TAGS), st.dictionaries(st.sampled_from(SPANS), st.integers(-3, 3), max_size=7), max_size=2
)
YEARS = st.builds(
    Year, starts=st.dates(dt.date(2023, 1, 1), dt.date(2025, 12, 31)), weeks=WEEKS, amounts=AMOUNTS, filed=FILED
)


def test_every_subset_of_the_spans_gives_back_what_can_be_derived(engine: Engine) -> None:
    subsets = [subset for count in range(8) for subset in itertools.combinations(SPANS, count)]
    years = [
        Year(dt.date(2025, 1, 1), (13, 13, 13, 13), (3, 50, 700, 9_000), {"New": dict.fromkeys(subset, 0)})
        for subset in subsets
    ]

    assert len(subsets) == 2 ** len(SPANS)
    assert derived(engine, years) == [(year.derivable(), year.to_date()) for year in years]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(years=st.lists(YEARS, min_size=10, max_size=40))
def test_any_filings_of_a_year_give_back_its_quarters(engine: Engine, years: list[Year]) -> None:
    """Calendars of 52 and 53 weeks, starts that are off by days, spans spread over two tags: the same rules hold."""
    assert derived(engine, years) == [(year.derivable(), year.to_date()) for year in years]


@pytest.mark.parametrize("spans", [[(1, 1), (1, 2), (1, 3), (1, 4)], [(1, 1), (2, 2), (1, 2), (3, 3), (1, 3), (1, 4)]])
def test_what_companies_really_file_gives_all_four_quarters(engine: Engine, spans: list[tuple[int, int]]) -> None:
    """Cash-flow lines are filed to date only, income lines by quarter and to date; neither files a fourth quarter."""
    year = Year(dt.date(2025, 2, 2), (13, 13, 13, 14), (11, 22, 33, 44), {"Old": dict.fromkeys(spans, 0)})

    assert derived(engine, [year]) == [({1: 11, 2: 22, 3: 33, 4: 44}, {1: 11, 2: 33, 3: 66, 4: 110})]
