"""`tokenchain explain` and `meta.lineage` on the bundled filings: trees end in real facts and every formula is computed again."""

from __future__ import annotations

import json
from collections import Counter

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.explaining import Address, LineageSource, Node, explain, explain_all
from pipelines.lineage_view import TableShape, key_text, table_shapes
from pipelines.numbers import Question, find_number
from warehouse.concepts import read_concepts
from warehouse.engine import quoted
from warehouse.errors import TokenchainError
from warehouse.home import Home
from warehouse.lineage import read_lineage

LINEAGE = read_lineage()
SHAPES = table_shapes(LINEAGE)
SAMPLE = 25
COMPUTED_TABLES = (
    "core.quarters",
    "core.quarters_history",
    "core.fiscal_year_to_date",
    "core.fundamentals",
    "mart.sub_indices",
    "mart.composite_scores",
    "mart.growth_gap",
    "mart.depreciation_coverage",
    "mart.revenue_growth",
    "mart.composite_contributions",
)


def _find(published: duckdb.DuckDBPyConnection, *words: str | None, **options: object) -> Node:
    return find_number(published, Question(*words, **options), LINEAGE, read_concepts())  # type: ignore[arg-type]


def _source(published: duckdb.DuckDBPyConnection) -> LineageSource:
    return LineageSource(published)


def _numbers(published: duckdb.DuckDBPyConnection, shape: TableShape, column: str) -> list[Node]:
    """A sample of a column's numbers that does not change between runs."""
    key = key_text("number", shape)
    rows = published.execute(
        f'SELECT {key}, CAST(number."{column}" AS DOUBLE) FROM {shape.name} AS number WHERE number."{column}" IS NOT NULL'
        f" ORDER BY hash({key}), 1 LIMIT {SAMPLE}"
    ).fetchall()
    return [Node(Address(shape.name, column, row_key), None, None, value) for row_key, value in rows]


def test_a_quarter_by_difference_leads_to_its_two_filings(published: duckdb.DuckDBPyConnection) -> None:
    root = explain(_source(published), _find(published, "NVDA", "capital_expenditure", "2025Q4"))
    assert (root.value, root.check, root.note) == (1_284_000_000, "agrees", "year_minus_nine_months")
    year, nine_months = sorted(root.children, key=lambda fact: -(fact.value or 0))
    assert (year.value, year.factor, year.accession) == (6_042_000_000, None, "0001045810-26-000021")
    assert (nine_months.value, nine_months.factor, nine_months.accession) == (4_758_000_000, -1, "0001045810-25-000230")
    assert year.tag == "us-gaap:PaymentsToAcquireProductiveAssets"
    assert str(year.period_start_date) == "2025-01-27"
    assert str(year.period_end_date) == "2026-01-25"
    assert str(year.filed_date) == "2026-02-25"
    assert year.filing_url is not None
    assert year.filing_url.startswith("https://www.sec.gov/Archives/edgar/data/1045810/")


def test_a_composite_score_leads_through_its_formulas_to_facts(published: duckdb.DuckDBPyConnection) -> None:
    root = explain(_source(published), _find(published, "upstream", "composite_score", "2026Q1"))
    assert root.address.key == "tier|upstream|fiscal_ytd|2026Q1"
    assert [child.role for child in root.children] == [
        "revenue_growth_score",
        "roic_change_score",
        "capex_depreciation_change_score",
    ]
    checks = Counter(node.check for node in root.walk() if node.formula is not None)
    assert checks["differs"] == 0
    assert checks["agrees"] >= 40
    assert {"Revenues", "OperatingIncomeLoss", "StockholdersEquity"} <= {
        (fact.tag or "").split(":")[1] for fact in root.facts()
    }


def test_facts_of_a_tree_are_facts_of_filings(published: duckdb.DuckDBPyConnection) -> None:
    root = explain(_source(published), _find(published, "midstream", "composite_score", "2025Q3"))
    facts = root.facts()
    assert len(facts) > 50
    known = set(
        published.execute(
            "SELECT accession, taxonomy || ':' || tag, period_start_date, period_end_date, value, filed_date FROM core.statement_facts"
        ).fetchall()
    )
    shown = {
        (fact.accession, fact.tag, fact.period_start_date, fact.period_end_date, fact.value, fact.filed_date)
        for fact in facts
    }
    assert shown - known == set()
    links = dict(published.execute("SELECT accession, filing_url FROM raw.filings").fetchall())
    assert all(fact.filing_url == links[fact.accession] for fact in facts if fact.accession)


@pytest.mark.parametrize("table", COMPUTED_TABLES)
def test_every_column_computes_again_from_its_inputs(published: duckdb.DuckDBPyConnection, table: str) -> None:
    nodes = [node for column in SHAPES[table].numbers for node in _numbers(published, SHAPES[table], column)]
    explain_all(_source(published), nodes, depth=1)
    assert {node.address.column for node in nodes} == set(SHAPES[table].numbers)
    assert [(node.address, node.value, node.computed) for node in nodes if node.check != "agrees"] == []


def test_variants_compute_again_where_their_values_are_published(published: duckdb.DuckDBPyConnection) -> None:
    nodes = [
        node
        for column in SHAPES["mart.composite_variants"].numbers
        for node in _numbers(published, SHAPES["mart.composite_variants"], column)
    ]
    explain_all(_source(published), nodes, depth=1)
    checks = Counter(node.check for node in nodes)
    assert checks["differs"] == 0
    assert checks["agrees"] > len(nodes) / 2
    assert {node.address.key.split("|")[0] for node in nodes if node.check is None} <= {
        "revenue_weighted",
        "extended_members",
    }


def test_every_number_of_core_and_mart_has_inputs(published: duckdb.DuckDBPyConnection) -> None:
    # Weights and the count of companies of the report are parameters, not numbers made of rows.
    nodes = [
        node
        for name, shape in SHAPES.items()
        if name.startswith(("core.", "mart.")) and name != "mart.published_reconciliation"
        for column in shape.numbers
        for node in _numbers(published, shape, column)[:2]
    ]
    explain_all(_source(published), nodes, depth=1)
    assert len(nodes) > 300
    assert [node.address for node in nodes if not node.children] == []


def test_a_changed_number_is_shown_to_differ(published: duckdb.DuckDBPyConnection) -> None:
    node = _find(published, "NVDA", "revenue_ttm_usd", "2025Q4")
    node.value = (node.value or 0) + 1_000_000
    explain(_source(published), node, depth=1)
    assert node.check == "differs"


@pytest.mark.parametrize(
    ("entity", "name", "period"),
    [
        ("NVDA", "capital_expenditure", "2025Q4"),
        ("MSFT", "roic_ttm_pct", "2025Q3"),
        ("downstream", "revenue_depreciation_ratio", "2025Q3"),
        ("upstream", "composite_score", "2026Q1"),
    ],
)
def test_the_tree_is_the_view(published: duckdb.DuckDBPyConnection, entity: str, name: str, period: str) -> None:
    root = explain(_source(published), _find(published, entity, name, period))
    pairs = {
        (node.address, child.address, child.role, child.value, child.accession)
        for node in root.walk()
        for child in node.children
    }
    # Literals let the engine leave out the parts of the view that can't match; with parameters it would read them all.
    numbers = sorted(
        {(node.address.table, node.address.column, node.address.key) for node in root.walk() if node.children}
    )
    literals = [", ".join(sorted({quoted(number[place]) for number in numbers})) for place in range(3)]
    rows = published.execute(
        "SELECT table_name, column_name, number_key, input_table, coalesce(input_column, ''), coalesce(input_key, ''), input_role,"
        f" input_value, accession FROM meta.lineage WHERE table_name IN ({literals[0]}) AND column_name IN ({literals[1]})"
        f" AND number_key IN ({literals[2]})"
    ).fetchall()
    expected = {(Address(*row[:3]), Address(*row[3:6]), *row[6:]) for row in rows if row[:3] in numbers}
    assert pairs == expected
    assert len(pairs) > 1


def test_the_view_is_commented(published: duckdb.DuckDBPyConnection) -> None:
    found = published.execute("SELECT comment FROM duckdb_views() WHERE view_name = 'lineage'").fetchall()
    assert "one row per number and input" in found[0][0]
    comments = published.execute(
        "SELECT count(comment), count(*) FROM duckdb_columns() WHERE schema_name = 'meta' AND table_name = 'lineage'"
    ).fetchall()
    assert comments == [(24, 24)]


def test_each_number_is_followed_once(published: duckdb.DuckDBPyConnection) -> None:
    root = explain(_source(published), _find(published, "NVDA", "roic_ttm_pct", "2025Q4"))
    followed = Counter(node.address for node in root.walk() if node.children)
    assert max(followed.values()) == 1


def test_depth_stops_and_says_so(published: duckdb.DuckDBPyConnection) -> None:
    root = explain(_source(published), _find(published, "NVDA", "roic_ttm_pct", "2025Q4"), depth=1)
    assert {child.state for child in root.children} == {"deeper"}


def test_a_sourced_figure_ends_with_its_link(published: duckdb.DuckDBPyConnection) -> None:
    shape = SHAPES["mart.circular_commitments"]
    nodes = _numbers(published, shape, "amount_usd")
    explain_all(_source(published), nodes, depth=1)
    sourced = [child for node in nodes for child in node.children if child.address.table == "raw.circular_commitments"]
    assert len(sourced) >= len(nodes)
    assert any((child.filing_url or "").startswith("http") for child in sourced)


@pytest.mark.parametrize(
    ("words", "options", "key"),
    [
        (("nvda", "capital_expenditure", "2025Q4"), {}, "NVDA|capital_expenditure|2026|4"),
        (("NVDA", "capital_expenditure", "2026Q1"), {"basis": "fiscal_ytd"}, "NVDA|capital_expenditure|2026|4"),
        (("NVDA", "core.fundamentals.revenue_usd", "2025Q4"), {}, "NVDA|2026|4"),
        (("NVDA", "revenue_fiscal_ytd_usd", "2026Q1"), {}, "NVDA|2026|4"),
        (("upstream", "revenue_growth", "2026Q1"), {}, "tier|upstream|fiscal_ytd|2026Q1|revenue_growth"),
        (("upstream", "revenue_usd", "2025Q4"), {"basis": "ttm"}, "tier|upstream|ttm|2025Q4"),
        (("NVDA", "revenue", "2025Q4"), {"basis": "quarter"}, "NVDA|revenue|2026|4"),
        (("NVDA", "revenue_usd", "2025Q4"), {"basis": "quarter", "table": "core.fundamentals"}, "NVDA|2026|4"),
        (("NVDA", "revenue", "2025Q4"), {"basis": "ttm"}, "NVDA|2026|4"),
        (("NVDA", "roic_ttm_pct", "2025Q4"), {"basis": "ttm"}, "NVDA|2026|4"),
        (("MSFT", "mart.capital_expenditure.capital_expenditure_usd", "2025"), {"basis": "year"}, "company|MSFT|year|2025"),
        (("all", "upstream_midstream_ratio", "2026Q1"), {}, "fiscal_ytd|2026Q1"),
        (("upstream", "score", "2026Q1"), {"where": {"sub_index": "roic_change"}},
         "tier|upstream|fiscal_ytd|2026Q1|roic_change"),
    ],
)  # fmt: skip
def test_names_find_their_number(
    published: duckdb.DuckDBPyConnection, words: tuple[str, ...], options: dict[str, object], key: str
) -> None:
    assert _find(published, *words, **options).address.key == key


def test_without_a_period_the_newest_is_meant(published: duckdb.DuckDBPyConnection) -> None:
    newest = published.execute("SELECT max(calendar_quarter) FROM core.fundamentals WHERE ticker = 'NVDA'").fetchall()
    assert _find(published, "NVDA", "revenue_usd", None).quarter == newest[0][0]


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (("NVDA", "capital_expenditur", "2025Q4"), {}, "near it: capital_expenditure"),
        (("XYZ", "capital_expenditure", "2025Q4"), {}, "knows no XYZ; it has AAPL, AMZN"),
        (("NVDA", "capital_expenditure", "1990Q1"), {}, "has no calendar_quarter 1990Q1 for NVDA; it has 20"),
        (("NVDA", "capital_expenditure", "2025-Q4"), {}, "a period is a quarter such as 2025Q4"),
        (("NVDA", "core.no_such.value", "2025Q4"), {}, "core.no_such: no such table"),
        (("NVDA", "core.quarters.no_such", "2025Q4"), {}, "no numeric column no_such; it has value"),
        (("NVDA", "score", "2026Q1"), {}, "choose one with --where"),
        (("NVDA", "value_before", None), {}, "can mean core.quarters_history.value_before"),
        (("upstream", "composite_score", "2026Q1"), {"basis": "weekly"}, "^weekly: no such basis; there are fiscal_ytd, quarter, ttm$"),
        (("NVDA", "revenue", "2026Q1"), {"basis": "foo"}, "^foo: no such basis; there are fiscal_ytd, quarter, ttm$"),
        (("NVDA", "roic_ttm_pct", "2026Q1"), {"basis": "quarter"}, "roic_ttm_pct: not to be had on basis quarter; leave --basis out"),
        (("NVDA", "core.fundamentals.revenue_usd", "2026Q1"), {"basis": "ttm"}, "revenue_usd: not to be had on basis ttm"),
        (("NVDA", "revenue", "2026Q1"), {"basis": "ttm", "table": "core.quarters"}, "not to be had on basis ttm"),
        (("upstream", "composite_score", "2026Q1"), {"basis": "weekly", "table": "mart.composite_scores"}, "fiscal_ytd, quarter, ttm"),
    ],
)  # fmt: skip
def test_errors_say_what_there_is(
    published: duckdb.DuckDBPyConnection, words: tuple[str, ...], options: dict[str, object], message: str
) -> None:
    with pytest.raises(TokenchainError, match=message):
        _find(published, *words, **options)


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["explain", *arguments])
    return result.exit_code, result.output


def test_the_command_prints_tree_and_links_unbroken(refreshed: Home) -> None:
    code, output = _run("NVDA", "capital_expenditure", "2025Q4", "--home", str(refreshed.root))
    assert code == 0
    assert "1,284,000,000" in output
    assert "0001045810-26-000021-index.htm" in output
    assert "2 facts from 2 filings" in output


def test_the_command_prints_json(refreshed: Home) -> None:
    code, output = _run("upstream", "composite_score", "2026Q1", "--json", "--home", str(refreshed.root))
    tree = json.loads(output)
    assert code == 0
    assert (tree["table"], tree["column"], tree["check"]) == ("mart.composite_scores", "composite_score", "agrees")
    assert len(tree["children"]) == 3


def test_the_command_fails_with_a_message(refreshed: Home, tmp_path: object) -> None:
    code, output = _run("XYZ", "revenue", "2025Q4", "--home", str(refreshed.root))
    assert (code, "knows no XYZ" in output) == (1, True)
    code, output = _run("NVDA", "revenue", "2025Q4", "--home", str(tmp_path))
    assert (code, "nothing is published here" in output) == (1, True)
    code, output = _run("NVDA", "revenue", "--where", "concept", "--home", str(refreshed.root))
    assert (code, "write --where COLUMN=VALUE" in output) == (1, True)
