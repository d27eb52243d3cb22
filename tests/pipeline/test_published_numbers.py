"""The numbers that must come out, by SQL on the published file; million US dollars, from the filings."""

import duckdb
import pytest

MILLION = 1_000_000

QUARTERS = [
    ("NVDA", "2026-01-25", "revenue", 68_127),
    ("NVDA", "2026-01-25", "capital_expenditure", 1_284),
    ("NVDA", "2026-01-25", "depreciation_amortization", 812),
    ("GOOGL", "2025-12-31", "capital_expenditure", 27_851),
    ("GOOGL", "2026-03-31", "capital_expenditure", 35_674),
    ("MSFT", "2025-06-30", "revenue", 76_441),
    ("MSFT", "2026-03-31", "revenue", 82_886),
    ("MSFT", "2025-06-30", "capital_expenditure", 17_079),
    ("AAPL", "2025-09-27", "revenue", 102_466),
    ("AAPL", "2022-12-31", "revenue", 117_154),
    ("AAPL", "2026-03-28", "capital_expenditure", 1_971),
    ("META", "2025-12-31", "revenue", 59_893),
    ("META", "2025-12-31", "depreciation_amortization", 5_411),
    ("AMZN", "2025-12-31", "capital_expenditure", 39_522),
    ("ORCL", "2026-05-31", "revenue", 19_184),
    ("ORCL", "2026-05-31", "capital_expenditure", 16_493),
]

FUNDAMENTALS = [
    ("NVDA", "2026-01-25", "capital_expenditure_ttm_usd", 6_042 * MILLION),
    ("NVDA", "2026-01-25", "capital_expenditure_fiscal_ytd_usd", 6_042 * MILLION),
    ("GOOGL", "2025-12-31", "revenue_ttm_usd", 402_837 * MILLION),
    ("GOOGL", "2025-12-31", "revenue_fiscal_ytd_usd", 402_836 * MILLION),
    ("NVDA", "2025-07-27", "calendar_quarter", "2025Q2"),
    ("NVDA", "2025-07-27", "report_quarter", "2025Q3"),
    ("AAPL", "2022-12-31", "weeks", 14),
]

# Fiscal-year-to-date revenue growth at report quarter 2026Q1, percent.
GROWTH = {
    "NVDA": 65.47,
    "MSFT": 17.80,
    "GOOGL": 21.79,
    "AMZN": 16.61,
    "META": 33.08,
    "AAPL": 16.06,
    "TSLA": 15.78,
    "upstream": 65.47,
    "midstream": 18.73,
    "downstream": 21.64,
}


@pytest.mark.parametrize(("ticker", "end", "concept", "millions"), QUARTERS)
def test_quarters(published: duckdb.DuckDBPyConnection, ticker: str, end: str, concept: str, millions: int) -> None:
    found = published.execute(
        "SELECT value, unit FROM core.quarters WHERE ticker = ? AND concept = ? AND period_end_date = ?",
        [ticker, concept, end],
    ).fetchall()
    wide = published.execute(
        f"SELECT {concept}_usd FROM core.fundamentals WHERE ticker = ? AND period_end_date = ?", [ticker, end]
    ).fetchall()

    assert found == [(millions * MILLION, "USD")]
    assert wide == [(millions * MILLION,)]


@pytest.mark.parametrize(("ticker", "end", "column", "expected"), FUNDAMENTALS)
def test_fundamentals(
    published: duckdb.DuckDBPyConnection, ticker: str, end: str, column: str, expected: float | str
) -> None:
    found = published.execute(
        f"SELECT {column} FROM core.fundamentals WHERE ticker = ? AND period_end_date = ?", [ticker, end]
    ).fetchall()

    assert found == [(expected,)]


@pytest.mark.parametrize(("entity", "percent"), GROWTH.items())
def test_revenue_growth_since_the_start_of_the_fiscal_year(
    published: duckdb.DuckDBPyConnection, entity: str, percent: float
) -> None:
    found = published.execute(
        """SELECT round(100 * value, 2) FROM mart.sub_indices WHERE entity = ? AND basis = 'fiscal_ytd'
        AND quarter = '2026Q1' AND sub_index = 'revenue_growth'""",
        [entity],
    ).fetchall()

    assert found == [(percent,)]


def test_the_fourth_quarter_of_nvidia_is_the_year_less_nine_months(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        """SELECT method, f.value / 1e6, f.sign, f.tag, f.accession FROM (SELECT method, unnest(facts) AS f FROM core.quarters
        WHERE ticker = 'NVDA' AND concept = 'revenue' AND period_end_date = '2026-01-25')"""
    ).fetchall()

    assert [row[:3] for row in rows] == [
        ("year_minus_nine_months", 215_938.0, 1),
        ("year_minus_nine_months", 147_811.0, -1),
    ]
    assert {row[3] for row in rows} == {"Revenues"}
    assert all(row[4] for row in rows)


def test_complete_to_2026q1_and_ragged_in_2026q2(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        """SELECT quarter, entity, is_provisional, missing_companies FROM mart.sub_indices WHERE entity_kind = 'tier'
        AND basis = 'fiscal_ytd' AND sub_index = 'revenue_growth' AND quarter IN ('2026Q1', '2026Q2')"""
    ).fetchall()
    found = {(quarter, entity): (provisional, missing) for quarter, entity, provisional, missing in rows}

    assert found["2026Q1", "upstream"] == (False, None)
    assert found["2026Q1", "midstream"] == (False, None)
    assert found["2026Q1", "downstream"] == (False, None)
    assert found["2026Q2", "midstream"] == (True, "AMZN")
    assert found["2026Q2", "downstream"] == (True, "AAPL, META")


def test_midstream_has_no_score_while_its_parts_come_from_different_members(
    published: duckdb.DuckDBPyConnection,
) -> None:
    rows = published.execute(
        """SELECT quarter, composite_score IS NULL, company_count, missing_companies, missing_reason FROM mart.composite_scores
        WHERE entity = 'midstream' AND basis = 'fiscal_ytd' AND quarter IN ('2026Q1', '2026Q2') ORDER BY 1"""
    ).fetchall()

    assert rows == [
        ("2026Q1", False, 3, None, None),
        ("2026Q2", True, 0, "AMZN, GOOGL, MSFT", "no member has all three sub-indices"),
    ]


def test_what_rests_on_microsofts_awaited_depreciation_is_provisional(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        """SELECT DISTINCT entity, is_provisional, missing_companies FROM mart.depreciation_coverage
        WHERE entity IN ('MSFT', 'GOOGL') AND quarter = '2026Q2' ORDER BY 1"""
    ).fetchall()

    assert rows == [("GOOGL", False, None), ("MSFT", True, "MSFT")]


def test_alphabets_circular_share_is_open_where_a_later_commitment_is_in_its_backlog(
    published: duckdb.DuckDBPyConnection,
) -> None:
    rows = published.execute(
        """SELECT quarter, round(value, 1), verdict FROM mart.rerating_checklist WHERE ticker = 'GOOGL'
        AND signal = 'circular_share_of_backlog' AND quarter IN ('2025Q4', '2026Q1', '2026Q2') ORDER BY 1"""
    ).fetchall()

    assert rows == [("2025Q4", 0.0, "not_met"), ("2026Q1", None, "no_data"), ("2026Q2", 38.5, "not_met")]


def test_microsofts_new_depreciation_basis_is_flagged_in_every_table_that_uses_it(
    published: duckdb.DuckDBPyConnection,
) -> None:
    flagged = published.execute(
        """SELECT period_end_date::VARCHAR FROM core.quarters WHERE ticker = 'MSFT' AND basis_break
        AND concept = 'depreciation_amortization' ORDER BY 1"""
    ).fetchall()
    marts = published.execute(
        """SELECT 'sub_indices' FROM mart.sub_indices WHERE entity = 'MSFT' AND basis_break AND quarter = '2026Q1'
        UNION SELECT 'composite_scores' FROM mart.composite_scores WHERE entity = 'MSFT' AND basis_break AND quarter = '2026Q1'
        UNION SELECT 'coverage' FROM mart.depreciation_coverage WHERE entity = 'midstream' AND basis_break AND quarter = '2026Q1'"""
    ).fetchall()

    assert flagged == [("2025-12-31",), ("2026-03-31",)]
    assert {row[0] for row in marts} == {"sub_indices", "composite_scores", "coverage"}


def test_nvidias_marketable_securities_are_debt_and_equity_from_january_2026_on(
    published: duckdb.DuckDBPyConnection,
) -> None:
    found = published.execute(
        """SELECT value / 1e6, method, known_from_date::VARCHAR FROM core.quarters
        WHERE ticker = 'NVDA' AND concept = 'marketable_securities' AND period_end_date = '2026-01-25'"""
    ).fetchall()

    assert [row[0] for row in found] == [39_065 + 12_886]
    assert found[0][2] == "2026-05-20"


def test_oracles_return_is_null_with_its_reason_between_year_ends(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        """SELECT fiscal_quarter, roic_ttm_pct IS NULL, missing_reason FROM core.fundamentals
        WHERE ticker = 'ORCL' AND fiscal_year = 2026 ORDER BY 1"""
    ).fetchall()

    assert [row[1] for row in rows[:3]] == [True, True, True]
    assert all("debt" in row[2] for row in rows[:3])
    assert all(row[2].endswith("NOPAT lacks one of four quarters of pretax_income") for row in rows[:3])


def test_every_null_return_and_every_null_value_has_a_reason(published: duckdb.DuckDBPyConnection) -> None:
    without = published.execute(
        """SELECT 'fundamentals', ticker, period_end_date::VARCHAR FROM core.fundamentals
            WHERE roic_ttm_pct IS NULL AND missing_reason IS NULL
        UNION ALL SELECT 'sub_indices', entity, quarter FROM mart.sub_indices WHERE value IS NULL AND missing_reason IS NULL
        UNION ALL SELECT 'composite_scores', entity, quarter FROM mart.composite_scores
            WHERE composite_score IS NULL AND missing_reason IS NULL"""
    ).fetchall()

    assert without == []


def test_nothing_is_both_there_and_missing(published: duckdb.DuckDBPyConnection) -> None:
    both = published.execute(
        """SELECT ticker, concept, fiscal_year, fiscal_quarter FROM core.quarters
        SEMI JOIN core.missing_quarters USING (ticker, concept, fiscal_year, fiscal_quarter)"""
    ).fetchall()

    assert both == []


def test_every_value_is_the_signed_sum_of_its_facts(published: duckdb.DuckDBPyConnection) -> None:
    wrong = published.execute(
        """SELECT ticker, concept, period_end_date, value FROM core.quarters
        WHERE abs(value - list_sum([f.value * f.sign for f in facts])) > 1e-6 * greatest(1, abs(value))"""
    ).fetchall()

    assert wrong == []


def test_every_fact_used_is_a_fact_filed_by_the_day_the_value_is_known(published: duckdb.DuckDBPyConnection) -> None:
    unknown = published.execute(
        """WITH used AS (SELECT ticker, concept, known_from_date, unnest(facts) AS f FROM core.quarters_history)
        SELECT count(*) FROM used ANTI JOIN core.statement_facts AS s ON s.ticker = used.ticker AND s.concept = used.concept
            AND s.tag = f.tag AND s.value = f.value AND s.period_end_date = f.period_end_date AND s.filed_date = f.filed_date
            AND s.accession IS NOT DISTINCT FROM f.accession
        UNION ALL SELECT count(*) FROM used WHERE f.filed_date > known_from_date"""
    ).fetchall()

    assert unknown == [(0,), (0,)]


def test_the_history_of_each_quarter_is_one_line_of_states_that_ends_in_the_current_value(
    published: duckdb.DuckDBPyConnection,
) -> None:
    key = "ticker, concept, measure, fiscal_year, fiscal_quarter"
    broken = published.execute(
        f"""WITH line AS (SELECT {key}, known_from_date, known_to_date, lead(known_from_date) OVER (PARTITION BY {key}
            ORDER BY known_from_date) AS next_date FROM core.quarters_history)
        SELECT * FROM line WHERE known_to_date IS DISTINCT FROM next_date"""
    ).fetchall()
    different = published.execute(
        """SELECT count(*) FROM core.quarters AS q ANTI JOIN (FROM core.quarters_history WHERE known_to_date IS NULL) AS h
        USING (ticker, concept, fiscal_year, fiscal_quarter, value)"""
    ).fetchall()

    assert broken == []
    assert different == [(0,)]
