"""One name everywhere, every column with its meaning, every table with a function: what the declarations promise."""

import inspect
from pathlib import Path

import pytest

from pipelines.catalogue import all_tables, derived_table, derived_tables, table_by_name
from schemas.base import (
    TableClass,
    columns,
    key_columns,
    qualified_name,
    schema_name,
    sql_type,
    table_comment,
    table_name,
)
from schemas.core.quarters import Quarters
from schemas.mart.prosperity import CompositeScores
from schemas.meta.warehouse import Runs
from tests.tables import table
from tests.valid_rows import declared_tables
from warehouse import data_tests
from warehouse.data_tests import DataTest, read_data_tests, run_data_test
from warehouse.engine import Engine
from warehouse.errors import ConfigurationError

TABLES = list(dict.fromkeys([*declared_tables(), *all_tables()]))
BROAD_WORDS = ("amount", "number", "thing")


def test_names_follow_the_class_and_its_folder() -> None:
    assert table_name(CompositeScores) == "composite_scores"
    assert schema_name(CompositeScores) == "mart"
    assert qualified_name(CompositeScores) == "mart.composite_scores"
    assert table_by_name("mart.composite_scores") is CompositeScores
    with pytest.raises(KeyError):
        table_by_name("mart.nothing")


def test_every_name_is_used_once() -> None:
    names = [qualified_name(table) for table in TABLES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", TABLES, ids=qualified_name)
def test_every_table_and_column_says_what_it_is(table: TableClass) -> None:
    declared = list(columns(table))

    assert len(table_comment(table)) > 20
    assert declared
    assert [column.name for column in declared if len(column.meaning) < 3] == []
    assert [column.name for column in declared if column.name != column.name.lower()] == []
    assert set(key_columns(table)) <= {column.name for column in declared}
    # A part of a key may be missing (a parameter has no period), a whole key never.
    assert not key_columns(table) or any(column.is_key and not column.nullable for column in declared)


@pytest.mark.parametrize("table", TABLES, ids=qualified_name)
def test_units_go_with_names(table: TableClass) -> None:
    for column in columns(table):
        if column.name.endswith("_usd"):
            assert column.unit == "US dollars", column.name
        if column.name.endswith("_pct"):
            assert column.unit == "percent", column.name
        if column.name.endswith("_ratio"):
            assert column.unit == "ratio", column.name
        if column.name.endswith("_date"):
            assert column.data_type == "DATE", column.name
        assert column.name not in BROAD_WORDS


def test_a_usage_warning_is_part_of_the_comment() -> None:
    assert "Usage warning: A tier's number is provisional" in table_comment(CompositeScores)


def test_types_are_written_as_duckdb_writes_them() -> None:
    declared = {column.name: column.data_type for column in columns(Quarters)}

    assert declared["facts"].startswith(
        "STRUCT(accession VARCHAR, taxonomy VARCHAR, tag VARCHAR, period_start_date DATE"
    )
    assert declared["facts"].endswith("sign BIGINT)[]")
    assert declared["ticker"] == "VARCHAR"
    assert declared["value"] == sql_type(Quarters.to_schema().columns["value"].dtype.type) == "DOUBLE"
    assert {column.name: column.data_type for column in columns(Runs)}["started_at"] == "TIMESTAMP"


def test_every_derived_table_comes_after_its_inputs_and_has_a_rule() -> None:
    made = [derived.table for derived in derived_tables()]
    sources = [table for table in all_tables() if table not in made]
    known = set(sources)

    for derived in derived_tables():
        assert set(derived.inputs.values()) <= known, f"{qualified_name(derived.table)} comes before its inputs"
        assert inspect.getdoc(derived.function), derived.function.__name__
        assert derived.function.__name__ == table_name(derived.table)
        known.add(derived.table)


def test_a_function_that_does_not_say_what_it_makes_is_refused() -> None:
    def nameless() -> int:
        return 1

    with pytest.raises(TypeError, match="annotate the table it returns"):
        derived_table(nameless)  # type: ignore[arg-type]


def test_every_data_test_belongs_to_a_table_and_has_a_rule() -> None:
    names = {qualified_name(table) for table in all_tables()}
    found = read_data_tests()

    assert {test.table for test in found} <= names
    assert all(len(test.rule) > 10 for test in found)
    assert len({test.name for test in found}) == len(found)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "-- table: core.quarters\n-- severity: error\nSELECT 1",
        "-- table: core.quarters\n-- severity: mild\n-- rule: something must hold\nSELECT 1",
    ],
)
def test_a_data_test_without_its_header_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.sql").write_text(text)

    with pytest.raises(ConfigurationError, match=r"broken\.sql"):
        read_data_tests(tmp_path)


def test_a_data_test_fails_with_the_rows_it_returns(engine: Engine) -> None:
    query = "SELECT unnest(range(8)) AS broken"
    failed = run_data_test(DataTest("odd", "core.quarters", "error", "no row", query), engine)
    passed = run_data_test(DataTest("odd", "core.quarters", "error", "no row", f"{query} LIMIT 0"), engine)

    assert (failed.passed, failed.failing_count) == (False, 8)
    assert [row["broken"] for row in failed.failing_rows] == ["0", "1", "2", "3", "4"]
    assert (passed.passed, passed.failing_count, passed.failing_rows) == (True, 0, ())


def test_a_warning_lists_more_rows(engine: Engine) -> None:
    warned = run_data_test(
        DataTest("odd", "core.quarters", "warning", "no row", "SELECT unnest(range(80)) AS broken"), engine
    )

    assert warned.failing_count == 80
    assert len(warned.failing_rows) == data_tests.LISTED_ROWS


def test_the_engine_gives_a_table_its_declared_types(engine: Engine, tmp_path: Path) -> None:
    row = table(engine, Quarters, [])
    path = tmp_path / "quarters.parquet"
    row.to_parquet(path)

    assert dict(engine.attach(Quarters, path).schema()) == dict(row.schema())
    engine.sql.execute("DROP VIEW core.quarters")
