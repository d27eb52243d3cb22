"""Which file counts as current: after a publication, after a rollback, after a kill in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from schemas.meta.watching import CHANGE_KINDS
from tests.homes import open_for_writing
from warehouse.changes import changes_since
from warehouse.home import Home
from warehouse.publication import current_file, fingerprint_path, is_made_from, roll_back, rolled_back_from


@pytest.fixture
def published(tmp_path: Path) -> Home:
    """A home folder with two published files, the second in place."""
    home = Home.resolve(tmp_path / "home").create()
    for name in ("20260101-a", "20260102-b"):
        path = home.published / f"{name}.duckdb"
        path.write_text(name, encoding="utf-8")
        fingerprint_path(path).write_text(f"made from {name}", encoding="utf-8")
    os.link(home.published / "20260102-b.duckdb", home.database)
    return home


def test_a_rollback_is_kept_until_there_is_something_new(published: Home) -> None:
    assert rolled_back_from(published) is None
    earlier = roll_back(published)
    assert current_file(published) == earlier
    newest = rolled_back_from(published)
    assert newest is not None
    # The newest file is the one to hold new tables against, though another is in place.
    assert is_made_from(newest, "made from 20260102-b")
    assert not is_made_from(earlier, "made from 20260102-b")


def test_a_kill_before_the_swap_is_no_rollback(published: Home) -> None:
    unfinished = published.published / "20260103-c.duckdb"
    unfinished.write_text("c", encoding="utf-8")
    fingerprint_path(unfinished).write_text("made from c", encoding="utf-8")
    assert rolled_back_from(published) is None
    current = current_file(published)
    assert current is not None
    assert not is_made_from(current, "made from c")


def test_a_file_without_a_note_is_made_anew(published: Home) -> None:
    current = current_file(published)
    assert current is not None
    fingerprint_path(current).unlink()
    assert not is_made_from(current, "")


def scores(path: Path, rows: str) -> None:
    connection = duckdb.connect(str(path))
    connection.execute("CREATE SCHEMA mart")
    connection.execute(
        "CREATE TABLE mart.composite_scores AS SELECT * REPLACE (composite_score::DOUBLE AS composite_score) FROM (VALUES "
        + rows
        + ")"
        " AS t(entity_kind, entity, basis, quarter, composite_score)"
    )
    connection.close()


def test_scores_that_vanished_are_told_with_the_value_they_had(tmp_path: Path) -> None:
    before, after = tmp_path / "before.duckdb", tmp_path / "after.duckdb"
    kept = "('tier', 'upstream', 'ttm', '2026Q1', 50.0)"
    scores(
        before,
        f"{kept}, ('company', 'NVDA', 'ttm', '2026Q1', 60.0), ('company', 'META', 'ttm', '2026Q1', 30.0),"
        " ('company', 'ORCL', 'ttm', '2026Q1', NULL), ('company', 'TSLA', 'ttm', '2026Q1', NULL)",
    )
    # NVDA's is null, META's row is gone; ORCL and TSLA had none before.
    scores(after, f"{kept}, ('company', 'NVDA', 'ttm', '2026Q1', NULL), ('company', 'ORCL', 'ttm', '2026Q1', NULL)")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{after}' AS built (READ_ONLY)")
        connection.execute("USE built")
        found = changes_since(connection, before).to_pylist()
    told = ("kind", "table_name", "entity", "concept", "period", "value_before", "value_after", "difference")
    assert [tuple(row[name] for name in told) for row in found] == [
        ("removed_score", "mart.composite_scores", "META", "ttm", "2026Q1", 30.0, None, None),
        ("removed_score", "mart.composite_scores", "NVDA", "ttm", "2026Q1", 60.0, None, None),
    ]
    assert {row["kind"] for row in found} <= set(CHANGE_KINDS)


def test_scores_that_moved_and_those_that_only_differ_in_their_last_digits(tmp_path: Path) -> None:
    before, after = tmp_path / "before.duckdb", tmp_path / "after.duckdb"
    scores(
        before,
        "('tier', 'upstream', 'ttm', '2026Q1', 50.0), ('tier', 'upstream', 'ttm', '2025Q4', 40.0), ('tier', 'midstream', 'ttm',"
        " '2026Q1', NULL)",
    )
    scores(
        after,
        "('tier', 'upstream', 'ttm', '2026Q1', 51.5), ('tier', 'upstream', 'ttm', '2025Q4', 40.0000000000001), ('tier', 'midstream',"
        " 'ttm', '2026Q1', 7.0)",
    )
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{after}' AS built (READ_ONLY)")
    connection.execute("USE built")
    found = changes_since(connection, before).to_pylist()
    moved = {(row["kind"], row["entity"], row["period"], row["value_before"], row["value_after"]) for row in found}
    assert moved == {
        ("moved_score", "upstream", "2026Q1", 50.0, 51.5),
        ("new_score", "midstream", "2026Q1", None, 7.0),
    }
    assert changes_since(connection, tmp_path / "nothing.duckdb").num_rows == 0
    connection.close()


def test_a_file_that_another_program_has_open_for_writing_is_compared_all_the_same(tmp_path: Path) -> None:
    before, after = tmp_path / "before.duckdb", tmp_path / "after.duckdb"
    scores(before, "('tier', 'upstream', 'ttm', '2026Q1', 50.0)")
    scores(after, "('tier', 'upstream', 'ttm', '2026Q1', 51.5)")
    with open_for_writing(before), duckdb.connect() as connection:
        connection.execute(f"ATTACH '{after}' AS built (READ_ONLY)")
        connection.execute("USE built")
        found = changes_since(connection, before).to_pylist()
        left = [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")]
    assert [(row["kind"], row["value_before"], row["value_after"]) for row in found] == [("moved_score", 50.0, 51.5)]
    assert left == []


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def spoilt_blocks(path: Path) -> None:
    content = path.read_bytes()
    # The three headers at the start stay, so that the file still opens.
    path.write_bytes(content[:12288] + bytes(byte ^ 0xFF for byte in content[12288:]))


@pytest.mark.parametrize(
    "damage",
    [lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"no database"), cut_off, spoilt_blocks],
)
def test_a_file_that_can_not_be_read_is_told_and_the_next_one_is_built(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    before, after = tmp_path / "before.duckdb", tmp_path / "after.duckdb"
    for path in (before, after):
        scores(path, "('tier', 'upstream', 'ttm', '2026Q1', 50.0)")
    damage(before)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{after}' AS built")
        connection.execute("USE built")
        (row,) = changes_since(connection, before).to_pylist()
        connection.execute("CREATE TABLE mart.next AS SELECT 1")
    assert (row["kind"], row["table_name"], row["entity"]) == ("not_compared", "all", "all")
    assert row["concept"]
    assert str(tmp_path) not in row["concept"]
    assert f"{before}: not compared" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after.duckdb", "before.duckdb"]
