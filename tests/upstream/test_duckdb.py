"""What we rely on in DuckDB and what we work around; a test that fails after an upgrade says that one of the two has changed."""

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

READ = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute('SELECT n FROM one').fetchall()[0][0])"


@pytest.fixture
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def write(path: Path, number: int, options: str = "") -> None:
    """A database file with a number, made beside like the published one."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS made {options}")
        connection.execute(f"CREATE TABLE made.one AS SELECT {number} AS n")
        connection.execute("DETACH made")


def read_elsewhere(path: Path) -> subprocess.CompletedProcess[str]:
    """The number as another process reads it."""
    return subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False)


def test_a_file_can_be_replaced_while_readers_keep_it_open(tmp_path: Path) -> None:
    published, built = tmp_path / "published.duckdb", tmp_path / "built.duckdb"
    write(published, 1)
    write(built, 2)
    with duckdb.connect(str(published), read_only=True) as reader:
        os.replace(built, published)

        assert reader.execute("SELECT n FROM one").fetchall() == [(1,)]
        assert read_elsewhere(published).stdout.strip() == "2"


def test_an_open_writer_blocks_readers_of_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "held.duckdb"
    write(path, 1)
    with duckdb.connect(str(path)):
        blocked = read_elsewhere(path)

    assert blocked.returncode != 0
    assert "Could not set lock" in blocked.stderr


def test_the_storage_version_of_1_4_can_be_asked_for_and_is_not_the_default(tmp_path: Path) -> None:
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    write(old, 1, "(STORAGE_VERSION 'v1.4.0')")
    write(new, 1)
    # Offset 12: the number of the storage format.
    formats = [int.from_bytes(path.read_bytes()[12:20], "little") for path in (old, new)]

    assert formats[0] < formats[1]


def test_tables_and_columns_take_comments_and_schemas_do_not(memory: duckdb.DuckDBPyConnection) -> None:
    memory.execute("CREATE SCHEMA layer; CREATE TABLE layer.one (n INTEGER)")
    memory.execute("COMMENT ON TABLE layer.one IS 'table'; COMMENT ON COLUMN layer.one.n IS 'column'")

    assert memory.execute("SELECT comment FROM duckdb_columns() WHERE column_name = 'n'").fetchall() == [("column",)]
    with pytest.raises(duckdb.Error):
        memory.execute("COMMENT ON SCHEMA layer IS 'schema'")


def test_there_is_no_error_function(memory: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.CatalogException, match="erf"):
        memory.execute("SELECT erf(1.0)")


def test_the_arrow_syntax_of_lambdas_is_retired(memory: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error):
        memory.execute("SELECT list_filter([1, 2], x -> x > 1)")
    assert memory.execute("SELECT list_filter([1, 2], lambda x: x > 1)").fetchall() == [([2],)]


def test_relations_have_no_fetchone(memory: duckdb.DuckDBPyConnection) -> None:
    assert not hasattr(memory.sql("SELECT 1"), "fetchone")
    assert memory.execute("SELECT 1").fetchall() == [(1,)]


def test_a_date_plus_an_interval_is_a_timestamp(memory: duckdb.DuckDBPyConnection) -> None:
    ((moment,),) = memory.execute("SELECT DATE '2025-01-31' + INTERVAL 1 DAY").fetchall()

    assert isinstance(moment, dt.datetime)


def test_a_typed_date_parameter_of_a_table_macro_refuses_text(memory: duckdb.DuckDBPyConnection) -> None:
    memory.execute("CREATE MACRO untyped(day) AS TABLE SELECT CAST(day AS DATE) AS day")
    memory.execute("CREATE MACRO typed(day DATE) AS TABLE SELECT day")

    assert memory.execute("FROM untyped('2025-01-31')").fetchall() == [(dt.date(2025, 1, 31),)]
    with pytest.raises(duckdb.Error):
        memory.execute("FROM typed('2025-01-31')")


def test_integers_are_summed_to_128_bits(memory: duckdb.DuckDBPyConnection) -> None:
    assert memory.execute("SELECT typeof(sum(n::BIGINT)) FROM range(3) AS t(n)").fetchall() == [("HUGEINT",)]


def test_a_failed_cast_gives_null_only_where_it_is_asked_to(memory: duckdb.DuckDBPyConnection) -> None:
    assert memory.execute("SELECT TRY_CAST('a lot' AS DOUBLE)").fetchall() == [(None,)]
    assert memory.execute("SELECT isfinite(TRY_CAST('1e999' AS DOUBLE)), isfinite('NaN'::DOUBLE)").fetchall() in (
        [(None, False)],
        [(False, False)],
    )
