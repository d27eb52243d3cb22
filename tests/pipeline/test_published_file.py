"""What the published file tells about itself: comments, data dictionary, SQL of each table, runs, checks, storage version."""

import datetime as dt
import json

import duckdb
import pytest

from pipelines.catalogue import all_tables, derived_tables
from schemas.base import TableClass, columns, qualified_name, table_comment
from schemas.meta.lineage import Lineage
from tests.homes import CIKS, read_json, response_path
from warehouse.home import Home
from warehouse.publication import META_TABLES
from warehouse.responses import BUNDLED_FILINGS

PUBLISHED = list(dict.fromkeys([*all_tables(), *META_TABLES]))
LISTED = [*PUBLISHED, Lineage]
DERIVED = [derived.table for derived in derived_tables()]
LAYERS = ("raw", "core", "mart", "meta")
FIRST_STORAGE_OF_2 = 68


def rows_of(published: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return published.execute(query).fetchall()


def test_it_holds_the_declared_tables_and_no_other(published: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(published, "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal")

    assert {row[0] for row in found} == {qualified_name(table) for table in PUBLISHED}


def test_it_holds_the_declared_view_and_no_other(published: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(published, "SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE NOT internal")

    assert found == [(qualified_name(Lineage), table_comment(Lineage))]


@pytest.mark.parametrize("table", LISTED, ids=qualified_name)
def test_columns_and_types_are_the_declared_ones(published: duckdb.DuckDBPyConnection, table: TableClass) -> None:
    found = published.execute(f"DESCRIBE {qualified_name(table)}").fetchall()

    assert [(row[0], row[1]) for row in found] == [(column.name, column.data_type) for column in columns(table)]


def test_every_table_and_every_column_has_its_comment(published: duckdb.DuckDBPyConnection) -> None:
    tables = dict(
        rows_of(published, "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() WHERE NOT internal")
    )
    listed = rows_of(
        published,
        f"""SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns()
        WHERE schema_name IN {LAYERS}""",
    )
    comments = {(row[0], row[1]): row[2] for row in listed}

    assert tables == {qualified_name(table): table_comment(table) for table in PUBLISHED}
    assert comments == {
        (qualified_name(table), column.name): column.comment for table in LISTED for column in columns(table)
    }


def test_clients_since_duckdb_1_4_can_open_it(published: duckdb.DuckDBPyConnection, refreshed: Home) -> None:
    tags = rows_of(published, "SELECT tags['storage_version'] FROM duckdb_databases() WHERE path IS NOT NULL")
    header = refreshed.database.read_bytes()[:20]

    assert [str(row[0]).startswith("v1.4") for row in tags] == [True]
    # Offset 8: four letters, then the number of the storage format, which 1.4 must know.
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") < FIRST_STORAGE_OF_2


def test_the_default_format_of_this_version_is_told_apart(tmp_path: object) -> None:
    path = f"{tmp_path}/default.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE one AS SELECT 1")
        tags = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE path IS NOT NULL"
        ).fetchall()

    assert not str(tags[0][0]).startswith("v1.4"), "the test above can fail"


def test_the_data_dictionary_is_the_declarations(published: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        published,
        "SELECT table_name, column_name, position, data_type, unit, meaning, nullable, is_key FROM meta.columns",
    )
    declared = {
        (
            qualified_name(table),
            column.name,
            position,
            column.data_type,
            column.unit,
            column.meaning,
            column.nullable,
            column.is_key,
        )
        for table in LISTED
        for position, column in enumerate(columns(table), start=1)
    }

    assert len(found) == len(declared)
    assert set(found) == declared


def test_the_data_dictionary_spells_types_as_the_file_does(published: duckdb.DuckDBPyConnection) -> None:
    found = f"""SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()
        WHERE schema_name IN {LAYERS}"""
    told = "SELECT table_name, column_name, data_type FROM meta.columns"

    assert rows_of(published, f"({found}) EXCEPT ({told})") == []
    assert rows_of(published, f"({told}) EXCEPT ({found})") == []


def test_meta_tables_tells_what_each_table_and_view_is(published: duckdb.DuckDBPyConnection) -> None:
    told = dict(rows_of(published, "SELECT table_name, description FROM meta.tables"))

    assert told == {qualified_name(table): table_comment(table) for table in LISTED}


def test_the_sql_of_the_view_is_listed_and_runs(published: duckdb.DuckDBPyConnection) -> None:
    ((sql, row_count),) = published.execute(
        "SELECT sql, row_count FROM meta.tables WHERE table_name = ?", [qualified_name(Lineage)]
    ).fetchall()
    numbers = "WHERE table_name = 'core.fundamentals' AND entity = 'NVDA' AND quarter = '2025Q4' AND column_name = 'roic_ttm_pct'"
    listed, viewed = (rows_of(published, f"FROM {source} {numbers}") for source in (f"({sql})", "meta.lineage"))

    assert row_count is None
    assert len(listed) > 0
    assert sorted(map(str, listed)) == sorted(map(str, viewed))


def test_meta_tables_counts_the_rows_of_every_table(published: duckdb.DuckDBPyConnection) -> None:
    told = dict(rows_of(published, "SELECT table_name, row_count FROM meta.tables WHERE row_count IS NOT NULL"))
    counted = {
        name: published.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        for name in map(qualified_name, PUBLISHED)
    }

    assert told == counted


@pytest.mark.parametrize("table", DERIVED, ids=qualified_name)
def test_the_sql_of_a_derived_table_runs_in_the_file_and_gives_its_rows(
    published: duckdb.DuckDBPyConnection, table: TableClass
) -> None:
    ((sql, row_count),) = published.execute(
        "SELECT sql, row_count FROM meta.tables WHERE table_name = ?", [qualified_name(table)]
    ).fetchall()

    assert sql is not None
    assert published.execute(f"SELECT count(*) FROM ({sql})").fetchall() == [(row_count,)]


def test_the_sql_of_a_derived_table_gives_the_very_same_content(published: duckdb.DuckDBPyConnection) -> None:
    ((sql,),) = rows_of(published, "SELECT sql FROM meta.tables WHERE table_name = 'mart.growth_gap'")

    assert rows_of(published, f"FROM ({sql}) EXCEPT FROM mart.growth_gap") == []
    assert rows_of(published, f"FROM mart.growth_gap EXCEPT FROM ({sql})") == []


def test_tables_read_from_a_source_have_no_sql(published: duckdb.DuckDBPyConnection) -> None:
    with_sql = {row[0] for row in rows_of(published, "SELECT table_name FROM meta.tables WHERE sql IS NOT NULL")}

    assert with_sql == {qualified_name(table) for table in [*DERIVED, Lineage]}


def test_every_table_has_been_checked_and_no_check_of_severity_error_failed(
    published: duckdb.DuckDBPyConnection,
) -> None:
    checked = {row[0] for row in rows_of(published, "SELECT table_name FROM meta.checks WHERE check_name = 'contract'")}
    failed = rows_of(published, "FROM meta.checks WHERE NOT passed AND severity = 'error'")

    assert checked == {qualified_name(table) for table in all_tables()}
    assert failed == []


def test_failed_checks_show_their_rows(published: duckdb.DuckDBPyConnection) -> None:
    listed = rows_of(published, "SELECT check_name, passed, failing_count, failing_rows FROM meta.checks")

    for name, passed, count, rows in listed:
        assert (count == 0) == passed, name
        assert (rows is None) == passed, name
        assert passed or len(json.loads(str(rows))) >= 1, name


def test_the_run_that_made_the_file_is_recorded_whole(published: duckdb.DuckDBPyConnection) -> None:
    result = published.execute("FROM meta.runs")
    names = [column[0] for column in result.description]
    run = dict(zip(names, result.fetchall()[-1], strict=True))
    responses = json.loads(run["responses"])

    assert (run["outcome"], run["source"]) == ("published", "bundled")
    assert run["started_at"] < run["finished_at"] <= dt.datetime.now(dt.UTC).replace(tzinfo=None)
    assert set(responses) == {f"CIK{cik:010d}" for cik in CIKS.values()}
    assert all(len(sha256) == 64 for sha256 in [*responses.values(), run["methodology_hash"]])
    assert run["code_version"]


def test_the_responses_of_the_run_are_kept_under_their_hash(
    published: duckdb.DuckDBPyConnection, refreshed: Home
) -> None:
    used = {
        row[0]
        for row in rows_of(
            published,
            "SELECT DISTINCT response_sha256 FROM raw.company_facts WHERE taxonomy = 'us-gaap'",
        )
    }
    kept = {path.name.removesuffix(".json.gz") for path in refreshed.responses.iterdir()}

    assert len(used) == len(CIKS)
    assert used == kept


def test_facts_are_loaded_whole_and_only_bad_rows_are_missing(published: duckdb.DuckDBPyConnection) -> None:
    expected = {
        cik: sum(
            len(facts)
            for by_tag in read_json(response_path(BUNDLED_FILINGS, ticker))["facts"].values()
            for content in by_tag.values()
            for facts in content["units"].values()
        )
        for ticker, cik in CIKS.items()
    }
    loaded = dict(
        rows_of(
            published,
            """SELECT cik, count(*) FROM (
                SELECT cik FROM raw.company_facts WHERE confidence = 'filing' AND taxonomy IN ('us-gaap', 'dei', 'srt', 'invest')
                UNION ALL SELECT cik FROM meta.quarantine) GROUP BY cik""",
        )
    )

    assert loaded == expected


def test_money_is_double_in_us_dollars(published: duckdb.DuckDBPyConnection) -> None:
    wrong = rows_of(
        published,
        """SELECT table_name, column_name, data_type, unit FROM meta.columns
        WHERE column_name LIKE '%\\_usd' ESCAPE '\\' AND (data_type <> 'DOUBLE' OR unit <> 'US dollars')""",
    )

    assert wrong == []


@pytest.mark.parametrize(
    ("table", "promised"),
    [
        (
            "core.quarters",
            "ticker concept fiscal_year fiscal_quarter period_start_date period_end_date calendar_quarter report_quarter"
            " value unit method known_from_date facts",
        ),
        (
            "core.fundamentals",
            "ticker fiscal_year fiscal_quarter period_end_date calendar_quarter report_quarter weeks revenue_usd"
            " revenue_ttm_usd revenue_fiscal_ytd_usd invested_capital_usd roic_ttm_pct roic_fiscal_ytd_pct"
            " free_cash_flow_usd",
        ),
        ("mart.sub_indices", "entity_kind entity basis quarter sub_index value score"),
        (
            "mart.composite_scores",
            "entity_kind entity basis quarter composite_score revenue_growth_score roic_change_score"
            " capex_depreciation_change_score company_count",
        ),
    ],
)
def test_columns_that_others_rely_on_keep_their_names(
    published: duckdb.DuckDBPyConnection, table: str, promised: str
) -> None:
    found = {row[0] for row in published.execute(f"DESCRIBE {table}").fetchall()}

    assert set(promised.split()) <= found
