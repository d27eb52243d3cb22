"""Every figure of `filed_figures.csv`, read from the filings by hand and not from our output, comes out of the published file.

The way of each figure and its accession numbers stand in the file; see `filed_figures.md`.
"""

import csv
from pathlib import Path

import duckdb
import pytest

FIGURES = Path(__file__).with_name("filed_figures.csv")
MEASURES = {"quarter": "quarter", "balance": "balance", "fiscal_ytd": "fiscal_ytd", "fiscal_year": "fiscal_ytd"}


def figures() -> list[dict[str, str]]:
    with FIGURES.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def values(published: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], float]:
    """(ticker, concept, period end, measure) → value known now."""
    rows = published.execute(
        "SELECT ticker, concept, period_end_date::VARCHAR, measure, value FROM core.quarters_history WHERE known_to_date IS NULL"
    ).fetchall()
    return {tuple(row[:4]): row[4] for row in rows}


def test_there_are_more_than_the_two_hundred_asked_for_of_every_company(published: duckdb.DuckDBPyConnection) -> None:
    rows = figures()
    companies = {row[0] for row in published.execute("SELECT ticker FROM core.companies").fetchall()}

    assert len(rows) >= 1600
    assert {row["ticker"] for row in rows} == companies


def test_every_figure_comes_out(values: dict[tuple[str, ...], float]) -> None:
    wrong = []
    for row in figures():
        key = (row["ticker"], row["concept"], row["period_end_date"], MEASURES[row["measure"]])
        expected, found = float(row["value_musd"]) * 1e6, values.get(key)
        if found is None or abs(found - expected) > 0.5:
            wrong.append((*key, expected, found, row["arithmetic"]))

    assert wrong == [], f"{len(wrong)} of {len(figures())} figures differ"


def test_every_figure_lies_in_the_fiscal_quarter_it_was_read_for(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        "SELECT ticker, period_end_date::VARCHAR, fiscal_year, fiscal_quarter FROM core.fiscal_quarters"
    ).fetchall()
    places = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    wrong = [
        row
        for row in figures()
        if places.get((row["ticker"], row["period_end_date"])) != (int(row["fiscal_year"]), int(row["fiscal_quarter"]))
    ]

    assert wrong == []


def test_the_wide_table_holds_the_same_figures(published: duckdb.DuckDBPyConnection) -> None:
    suffixes = {"quarter": "_usd", "balance": "_usd", "fiscal_ytd": "_fiscal_ytd_usd", "fiscal_year": "_fiscal_ytd_usd"}
    result = published.execute("SELECT *, period_end_date::VARCHAR AS end_text FROM core.fundamentals")
    names = [column[0] for column in result.description]
    wide = {
        (row["ticker"], row["end_text"]): row
        for row in (dict(zip(names, row, strict=True)) for row in result.fetchall())
    }
    wrong = []
    for row in figures():
        found = wide[row["ticker"], row["period_end_date"]][row["concept"] + suffixes[row["measure"]]]
        if found is None or abs(found - float(row["value_musd"]) * 1e6) > 0.5:
            wrong.append((row["ticker"], row["concept"], row["period_end_date"], row["measure"], found))

    assert wrong == []


def test_every_accession_named_is_a_filing_of_the_company_in_the_warehouse(
    published: duckdb.DuckDBPyConnection,
) -> None:
    known = set(published.execute("SELECT DISTINCT ticker, accession FROM core.statement_facts").fetchall())
    named = {(row["ticker"], accession) for row in figures() for accession in row["accessions"].split(";") if accession}

    assert len(named) > 200
    assert named - known == set()


def test_every_fact_of_a_value_stands_in_one_of_the_filings_named(published: duckdb.DuckDBPyConnection) -> None:
    fact = "period_start_date, period_end_date, value"
    stated = set(published.execute(f"SELECT ticker, accession, {fact} FROM core.statement_facts").fetchall())
    rows = published.execute(
        """SELECT ticker, concept, period_end_date::VARCHAR, measure,
            [(f.period_start_date, f.period_end_date, f.value) for f in facts]
        FROM core.quarters_history WHERE known_to_date IS NULL"""
    ).fetchall()
    used = {tuple(row[:4]): row[4] for row in rows}
    wrong = []
    for row in (row for row in figures() if row["accessions"]):
        key = (row["ticker"], row["concept"], row["period_end_date"], MEASURES[row["measure"]])
        named = row["accessions"].split(";")
        # A value that a later filing repeats is known from the first one; the file names the last.
        if not all(
            any((row["ticker"], accession, *used_fact) in stated for accession in named) for used_fact in used[key]
        ):
            wrong.append((*key, used[key], named))

    assert wrong == []
