"""The table store: a table's file is replaced only by one that keeps the contract."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ibis.expr.types import Table as IbisTable

from schemas.raw.configuration import PredecessorCiks
from tests.homes import files_below
from tests.tables import table
from warehouse.engine import Engine
from warehouse.errors import ContractBroken
from warehouse.table_store import TableStore
from warehouse.validation import CheckResult

GOOD = [{"cik": 6, "ticker": "SEVEN"}]


def failing(severity: str) -> CheckResult:
    return CheckResult("raw.predecessor_ciks", "no_sixes", False, severity, "no CIK is 6", 1, ({"cik": "6"},))


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> TableStore:
    return TableStore(tmp_path / "tables", engine)


@pytest.fixture
def good(engine: Engine) -> IbisTable:
    return table(engine, PredecessorCiks, GOOD)


@pytest.fixture
def bad(engine: Engine) -> IbisTable:
    return table(engine, PredecessorCiks, [*GOOD, {"cik": 6, "ticker": "EIGHT"}])


def test_a_written_table_is_known_with_its_rows_its_sql_and_its_checks(store: TableStore, good: IbisTable) -> None:
    written = store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    known = store.stored(PredecessorCiks)

    assert known is not None
    assert known.check_results() == written.check_results()
    assert (known.rows, known.fingerprint, known.sql) == (written.rows, written.fingerprint, written.sql)
    assert (written.name, written.rows, written.fingerprint, written.run_id) == (
        "raw.predecessor_ciks",
        1,
        "one",
        "run",
    )
    assert [(check.name, check.passed) for check in written.check_results()] == [("contract", True)]
    assert store.read(PredecessorCiks).to_pyarrow().to_pylist() == GOOD
    assert store.path(PredecessorCiks).relative_to(store.folder) == Path("raw/predecessor_ciks.parquet")


def test_the_sql_is_kept_of_what_is_made_from_stored_tables_only(store: TableStore, good: IbisTable) -> None:
    from_source = store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    stored = store.read(PredecessorCiks)
    query = store.engine.statement(stored.filter(stored.cik > 0))
    derived = store.write_sql(PredecessorCiks, query, fingerprint="two", run_id="run")

    assert from_source.sql == ""
    assert '"raw"."predecessor_ciks"' in derived.sql


def test_a_table_that_breaks_its_contract_changes_nothing(store: TableStore, good: IbisTable, bad: IbisTable) -> None:
    store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    before = files_below(store.folder)

    with pytest.raises(ContractBroken, match=r"raw\.predecessor_ciks: contract fails"):
        store.write(PredecessorCiks, bad, fingerprint="two", run_id="run")

    assert files_below(store.folder) == before
    assert store.read(PredecessorCiks).to_pyarrow().to_pylist() == GOOD


def test_a_first_table_that_breaks_its_contract_leaves_no_file(store: TableStore, bad: IbisTable) -> None:
    with pytest.raises(ContractBroken) as broken:
        store.write(PredecessorCiks, bad, fingerprint="two", run_id="run")

    assert files_below(store.folder) == {}
    assert [check.passed for check in broken.value.checks] == [False]
    assert store.stored(PredecessorCiks) is None


def test_a_failing_data_test_of_severity_error_stops_the_table(store: TableStore, good: IbisTable) -> None:
    with pytest.raises(ContractBroken, match="no_sixes fails with 1 rows"):
        store.write(PredecessorCiks, good, fingerprint="one", run_id="run", tests=[lambda: failing("error")])

    assert files_below(store.folder) == {}


def test_a_failing_data_test_of_severity_warning_is_kept_with_the_table(store: TableStore, good: IbisTable) -> None:
    written = store.write(PredecessorCiks, good, fingerprint="one", run_id="run", tests=[lambda: failing("warning")])

    assert written.check_results()[1] == failing("warning")


def test_a_data_test_sees_the_new_rows_and_after_a_failure_the_old_ones_are_back(
    store: TableStore, good: IbisTable, engine: Engine
) -> None:
    store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    seen: list[int] = []

    def look() -> CheckResult:
        seen.extend(row[0] for row in engine.sql.execute("SELECT cik FROM raw.predecessor_ciks").fetchall())
        return failing("error")

    other = table(engine, PredecessorCiks, [{"cik": 5, "ticker": "FIVE"}])
    with pytest.raises(ContractBroken):
        store.write(PredecessorCiks, other, fingerprint="two", run_id="run", tests=[look])

    assert seen == [5]
    assert engine.sql.execute("SELECT cik FROM raw.predecessor_ciks").fetchall() == [(6,)]


def test_an_expression_that_cannot_run_leaves_the_last_file_and_no_rubbish(
    store: TableStore, good: IbisTable, engine: Engine
) -> None:
    store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    before = files_below(store.folder)

    with pytest.raises(Exception, match="nowhere"):
        store.write(PredecessorCiks, engine.named("nowhere", PredecessorCiks), fingerprint="two", run_id="run")

    assert files_below(store.folder) == before


@pytest.mark.parametrize("note", ["", "{cut", "[]", '{"name": "of an earlier version"}'])
def test_a_damaged_note_means_that_nothing_is_known(store: TableStore, good: IbisTable, note: str) -> None:
    store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    store.path(PredecessorCiks).with_suffix(".json").write_text(note)

    assert store.stored(PredecessorCiks) is None


def test_a_note_without_its_file_means_that_nothing_is_known(store: TableStore, good: IbisTable) -> None:
    store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    store.path(PredecessorCiks).unlink()

    assert store.stored(PredecessorCiks) is None


def emptied(content: bytes) -> bytes:
    return b""


def cut_off(content: bytes) -> bytes:
    return content[:-10]


def shortened_inside(content: bytes) -> bytes:
    return content[:100] + content[200:]


@pytest.mark.parametrize("damage", [emptied, cut_off, shortened_inside])
def test_a_damaged_file_counts_as_none_and_can_be_written_again(
    store: TableStore, good: IbisTable, bad: IbisTable, damage: Callable[[bytes], bytes]
) -> None:
    store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    assert store.is_readable(PredecessorCiks)
    path = store.path(PredecessorCiks)
    path.write_bytes(damage(path.read_bytes()))

    assert store.stored(PredecessorCiks) is None
    assert not store.is_readable(PredecessorCiks)
    # The damaged file must not hide why its successor was refused.
    with pytest.raises(ContractBroken):
        store.write(PredecessorCiks, bad, fingerprint="two", run_id="run")
    store.write(PredecessorCiks, good, fingerprint="two", run_id="run")
    assert store.read(PredecessorCiks).to_pyarrow().to_pylist() == GOOD


def test_a_whole_file_without_its_note_is_readable_and_nothing_is_known_of_it(
    store: TableStore, good: IbisTable
) -> None:
    store.write(PredecessorCiks, good, fingerprint="one", run_id="run")
    store.path(PredecessorCiks).with_suffix(".json").unlink()

    assert store.is_readable(PredecessorCiks)
    assert store.stored(PredecessorCiks) is None


def test_the_sql_of_a_table_is_made_once_per_recipe(store: TableStore, good: IbisTable) -> None:
    made: list[int] = []

    def build() -> IbisTable:
        made.append(1)
        return good

    first, second = (store.compiled(PredecessorCiks, "recipe", build) for _ in range(2))
    store.compiled(PredecessorCiks, "another recipe", build)

    assert first == second
    assert len(made) == 2
