"""As it was known on a day: the macros, the vintages and a whole warehouse built as of that day, on the bundled filings."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.ingest import ingest
from pipelines.refreshing import refresh
from pipelines.workshop import Workshop
from schemas.base import qualified_name
from schemas.core.fundamentals import Fundamentals
from schemas.mart.prosperity import CompositeScores
from schemas.raw.filings import CompanyFacts
from tests.homes import copied
from tests.index.real_facts import differences, keyed
from tests.tables import Row
from warehouse.home import Home
from warehouse.reference_files import REFERENCE_TABLES
from warehouse.universe import DEFAULT_UNIVERSE

DAY = dt.date(2025, 6, 30)
QUARTER = ("ticker", "fiscal_year", "fiscal_quarter")
ENTITY = ("entity_kind", "entity", "basis", "quarter")
PAIRS = [
    pytest.param("core.fundamentals", QUARTER, id="fundamentals"),
    pytest.param("mart.composite_scores", ENTITY, id="composite_scores"),
]
MONTH_ENDS = (dt.date(2024, 5, 31), dt.date(2025, 6, 30), dt.date(2026, 2, 28))


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found: list[Row] = connection.sql(query).to_arrow_table().to_pylist()
    return found


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file of a refresh as of the day, into a home of its own."""
    place = Home.resolve(tmp_path_factory.mktemp("past") / "home")
    outcome = refresh(place, "bundled", as_of=DAY)
    assert outcome.succeeded, outcome.message
    with duckdb.connect(str(place.database), read_only=True) as connection:
        yield connection


def test_sources_published_later_are_not_in_the_warehouse_of_a_day(past: duckdb.DuckDBPyConnection) -> None:
    dated = [table for table in REFERENCE_TABLES if "publication_date" in table.to_schema().columns]
    assert dated
    for table in dated:
        later = f"SELECT count(*) FROM {qualified_name(table)} WHERE publication_date > DATE '{DAY}'"
        assert past.execute(later).fetchall() == [(0,)], qualified_name(table)
    # Amazon's quarterly reports give its cloud's figures without the day they were read from: known 90 days after the quarter.
    newest = "SELECT max(period_end_date) FROM raw.segments WHERE entity = 'AWS' AND publication_date IS NULL"
    assert past.execute(newest).fetchall() == [(dt.date(2025, 3, 31),)]
    assert past.execute("SELECT as_of_date FROM meta.runs").fetchall() == [(DAY,)]


@pytest.mark.parametrize(("table", "key"), PAIRS)
@pytest.mark.parametrize("day", ["DATE '2100-01-01'", "'2100-01-01'"], ids=["date", "text"])
def test_as_of_today_is_the_current_table(
    published: duckdb.DuckDBPyConnection, table: str, key: tuple[str, ...], day: str
) -> None:
    current = rows_of(published, f"FROM {table}")

    assert len(current) > 500
    assert differences(keyed(current, *key), keyed(rows_of(published, f"FROM {table}_as_of({day})"), *key)) == []


@pytest.mark.parametrize("declared", [Fundamentals, CompositeScores], ids=["fundamentals", "composite_scores"])
def test_the_macros_give_the_declared_columns(
    published: duckdb.DuckDBPyConnection, declared: type[Fundamentals] | type[CompositeScores]
) -> None:
    name = "core.fundamentals" if declared is Fundamentals else "mart.composite_scores"
    told = published.execute(f"DESCRIBE FROM {name}_as_of('{DAY}')").fetchall()

    assert [row[0] for row in told] == list(declared.to_schema().columns)
    assert [row[:2] for row in told] == [row[:2] for row in published.execute(f"DESCRIBE {name}").fetchall()]


@pytest.mark.parametrize(("table", "key"), PAIRS)
def test_a_warehouse_built_as_of_a_day_is_what_the_macros_answer(
    published: duckdb.DuckDBPyConnection, past: duckdb.DuckDBPyConnection, table: str, key: tuple[str, ...]
) -> None:
    built, answered = rows_of(past, f"FROM {table}"), rows_of(published, f"FROM {table}_as_of('{DAY}')")

    assert len(built) > 500
    assert differences(keyed(built, *key), keyed(answered, *key)) == []


def test_a_warehouse_built_as_of_a_day_holds_nothing_filed_after_it(past: duckdb.DuckDBPyConnection) -> None:
    newest = rows_of(
        past,
        """SELECT max(filed_date) AS day FROM raw.company_facts UNION ALL SELECT max(known_from_date) FROM core.quarters_history
        UNION ALL SELECT max(vintage_date) FROM mart.composite_score_vintages""",
    )

    assert all(dt.date(2025, 4, 30) < row["day"] <= DAY for row in newest)


def test_the_history_of_a_warehouse_built_as_of_a_day_is_the_history_up_to_it(
    published: duckdb.DuckDBPyConnection, past: duckdb.DuckDBPyConnection
) -> None:
    columns = (
        "ticker, concept, measure, fiscal_year, fiscal_quarter, known_from_date, value, method, reason, value_before"
    )
    query = f"SELECT {columns} FROM core.quarters_history WHERE known_from_date <= DATE '{DAY}'"
    key = ("ticker", "concept", "measure", "fiscal_year", "fiscal_quarter", "known_from_date")

    assert differences(keyed(rows_of(past, query), *key), keyed(rows_of(published, query), *key)) == []


def test_restatements_of_a_warehouse_built_as_of_a_day_are_those_up_to_it(
    published: duckdb.DuckDBPyConnection, past: duckdb.DuckDBPyConnection
) -> None:
    query = f"FROM mart.restatements WHERE filed_date <= DATE '{DAY}'"
    key = ("ticker", "concept", "measure", "fiscal_year", "fiscal_quarter", "filed_date")

    assert differences(keyed(rows_of(past, query), *key), keyed(rows_of(published, query), *key)) == []


@pytest.mark.parametrize("day", MONTH_ENDS, ids=str)
def test_a_vintage_is_what_was_known_at_its_month_s_end(published: duckdb.DuckDBPyConnection, day: dt.date) -> None:
    columns = """basis, quarter, composite_score, revenue_growth_score, roic_change_score, capex_depreciation_change_score,
        company_count, is_provisional, missing_reason"""
    vintage = rows_of(
        published, f"SELECT tier, {columns} FROM mart.composite_score_vintages WHERE vintage_date = DATE '{day}'"
    )
    answered = rows_of(
        published,
        f"""SELECT entity AS tier, {columns} FROM mart.composite_scores_as_of('{day}')
        WHERE entity_kind = 'tier' AND quarter >= '2024Q1'""",
    )
    key = ("tier", "basis", "quarter")

    assert len(vintage) > 3
    assert differences(keyed(vintage, *key), keyed(answered, *key)) == []


def test_there_is_a_vintage_for_every_month_end_since_the_first_score(published: duckdb.DuckDBPyConnection) -> None:
    days = [
        row["vintage_date"]
        for row in rows_of(published, "SELECT DISTINCT vintage_date FROM mart.composite_score_vintages ORDER BY 1")
    ]

    assert days[0] <= dt.date(2024, 2, 29)
    assert all((day + dt.timedelta(days=1)).day == 1 for day in days)
    months = [day.year * 12 + day.month for day in days]
    assert months == list(range(months[0], months[-1] + 1))


def test_no_vintage_looks_ahead(published: duckdb.DuckDBPyConnection) -> None:
    ahead = rows_of(
        published,
        """SELECT v.vintage_date, f.fact.filed_date FROM (SELECT DISTINCT vintage_date FROM mart.composite_score_vintages) AS v
        JOIN core.quarters_history AS h ON h.known_from_date <= v.vintage_date
            AND (h.known_to_date IS NULL OR h.known_to_date > v.vintage_date)
        CROSS JOIN unnest(h.facts) AS f(fact) WHERE f.fact.filed_date > v.vintage_date
        UNION ALL SELECT vintage_date, latest_filed_date FROM mart.composite_score_vintages
        WHERE latest_filed_date > vintage_date""",
    )

    assert ahead == []


def test_what_was_known_on_a_day_is_known_on_every_later_day(published: duckdb.DuckDBPyConnection) -> None:
    """A line of states without an end or a hole: each begins on the day on which the one before ends, and the last stays."""
    broken = rows_of(
        published,
        """WITH states AS (SELECT ticker, concept, measure, fiscal_year, fiscal_quarter, known_from_date, known_to_date,
            lead(known_from_date) OVER (PARTITION BY ticker, concept, measure, fiscal_year, fiscal_quarter
                ORDER BY known_from_date) AS next_date FROM core.quarters_history)
        FROM states WHERE known_to_date IS DISTINCT FROM next_date""",
    )

    assert broken == []


def test_a_quarter_known_on_a_day_has_its_columns_on_later_days(published: duckdb.DuckDBPyConnection) -> None:
    """The wide table never loses a value either, whichever filings came in between."""
    days = ["2019-03-31", "2022-08-31", "2024-02-29", "2025-06-30", "2026-01-31", "2100-01-01"]
    names = [name for name in Fundamentals.to_schema().columns if name.endswith("_usd") and "_ttm" not in name]
    known_before: set[tuple[object, ...]] = set()
    for day in days:
        rows = rows_of(published, f"FROM core.fundamentals_as_of('{day}')")
        known = {(*(row[name] for name in QUARTER), name) for row in rows for name in names if row[name] is not None}
        assert known_before <= known, sorted(known_before - known)[:5]
        assert len(known) > len(known_before)
        known_before = known


def test_a_row_is_known_on_the_first_day_that_shows_it_as_it_is(published: duckdb.DuckDBPyConnection) -> None:
    """Sums included: META's capital expenditure of 2023 was recast in 2024 and 2025, TSLA's net income of 2024 in 2025."""
    recent = "period_end_date >= '2024-01-01'"
    now = keyed(rows_of(published, f"FROM core.fundamentals WHERE {recent}"), *QUARTER)
    days = {str(row["known_from_date"]) for row in now.values()}
    for day in days:
        then, before = (
            keyed(rows_of(published, f"FROM core.fundamentals_as_of(DATE '{day}' - {lag}) WHERE {recent}"), *QUARTER)
            for lag in (0, 1)
        )
        for place in (place for place, row in now.items() if str(row["known_from_date"]) == day):
            assert differences({place: now[place]}, {place: then[place]}) == []
            assert place not in before or differences({place: now[place]}, {place: before[place]}), (place, day)
    assert len(days) > 40


def test_vintages_are_dated_by_filings_of_the_index(published: duckdb.DuckDBPyConnection) -> None:
    """In June 2024, December 2025 and June 2026 only Oracle filed, which is in no tier of the index."""
    found = published.execute(
        """SELECT DISTINCT vintage_date::VARCHAR, latest_filed_date::VARCHAR FROM mart.composite_score_vintages
        WHERE vintage_date IN ('2024-06-30', '2025-12-31', '2026-06-30') ORDER BY 1"""
    ).fetchall()
    assert found == [("2024-06-30", "2024-05-29"), ("2025-12-31", "2025-11-19"), ("2026-06-30", "2026-05-20")]


@pytest.mark.parametrize(
    "flagged",
    [
        "mart.composite_score_vintages WHERE tier = 'midstream' AND basis = 'fiscal_ytd' AND quarter = '2026Q1' AND company_count = 3",
        "mart.composite_contributions WHERE tier = 'midstream' AND basis = 'fiscal_ytd' AND quarter = '2026Q1'"
        " AND sub_index = 'capex_depreciation_change'",
        "mart.composite_sensitivity WHERE basis = 'fiscal_ytd' AND quarter = '2026Q1'",
        "mart.composite_variants WHERE entity = 'MSFT' AND basis = 'fiscal_ytd' AND quarter = '2026Q1'",
        "mart.cycle_stage_evidence WHERE quarter = '2026Q1' AND rule = 'midstream_lead'",
        "mart.cycle_stage WHERE quarter = '2026Q1'",
        "mart.published_reconciliation WHERE figure_id IN (SELECT figure_id FROM raw.published_figures"
        " WHERE measure = 'composite_score' AND entity = 'midstream' AND first_quarter = '2026Q1')",
    ],
)
def test_the_basis_break_of_microsoft_s_depreciation_reaches_every_table(
    published: duckdb.DuckDBPyConnection, flagged: str
) -> None:
    name, condition = flagged.split(" WHERE ", 1)
    rows = published.execute(f"SELECT basis_break FROM {name} WHERE {condition}").fetchall()
    others = published.execute(f"SELECT DISTINCT basis_break FROM {name} WHERE NOT ({condition})").fetchall()

    assert rows
    assert all(flag for (flag,) in rows)
    assert (False,) in others


def test_a_home_built_as_of_a_day_becomes_current_again(refreshed: Home, tmp_path: Path) -> None:
    """A later refresh without the day has every filing, though the responses themselves have not changed."""
    counts = []
    home = copied(refreshed, tmp_path / "home")
    for day in (DAY, None):
        with Workshop(home, "bundled", DEFAULT_UNIVERSE, "as-of-run", day) as workshop:
            facts = ingest(workshop)[CompanyFacts]
            counts.append(facts.rows)
    with Workshop(refreshed, "bundled", DEFAULT_UNIVERSE, "reading") as workshop:
        whole = workshop.store.stored(CompanyFacts)

    assert whole is not None
    assert counts[0] < counts[1] == whole.rows
