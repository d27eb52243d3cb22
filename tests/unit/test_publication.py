"""Publication of a small store: built beside, swapped in, three files kept, rolled back."""

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from schemas.raw.configuration import PredecessorCiks, Universe
from tests.homes import files_below
from tests.tables import table
from warehouse.engine import Engine
from warehouse.errors import TokenchainError
from warehouse.home import Home
from warehouse.publication import (
    current_file,
    fingerprint_path,
    is_altered,
    is_made_from,
    publish,
    published_files,
    roll_back,
)
from warehouse.run_log import RunRecord
from warehouse.table_store import TableStore

RUN = RunRecord("run-1", "2026-07-31T19:30:00.000000", "published", "bundled", "1", "a")


class Place:
    """A home folder with one stored table that is published again and again."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.home = Home(folder).create()
        self.store = TableStore(self.home.tables, engine)

    def publish(self, number: int) -> bytes:
        """Publish a file that holds a number; returns its bytes."""
        rows = table(self.engine, PredecessorCiks, [{"cik": number, "ticker": "SEVEN"}])
        self.store.write(PredecessorCiks, rows, fingerprint=str(number), run_id="run-1")
        publish(self.store, [PredecessorCiks], self.home, [RUN], f"2026073{number}-run")
        return self.home.database.read_bytes()

    def published_number(self) -> int:
        """The number in the published file."""
        with duckdb.connect(str(self.home.database), read_only=True) as connection:
            number: int = connection.execute("SELECT cik FROM raw.predecessor_ciks").fetchall()[0][0]
        return number


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Place:
    return Place(engine, tmp_path / "home")


def test_the_published_file_is_the_newest_kept_one(place: Place) -> None:
    place.publish(1)
    kept = current_file(place.home)

    assert place.published_number() == 1
    assert kept is not None
    assert kept.name == "20260731-run.duckdb"
    assert kept.samefile(place.home.database)
    assert place.home.database.stat().st_nlink == 2


def test_only_the_last_three_files_are_kept(place: Place) -> None:
    for number in range(1, 6):
        place.publish(number)

    assert [path.name[7] for path in published_files(place.home)] == ["3", "4", "5"]
    assert place.published_number() == 5


def test_rolling_back_publishes_the_file_before_until_there_is_none(place: Place) -> None:
    contents = {number: place.publish(number) for number in (1, 2, 3)}

    for expected in (2, 1):
        roll_back(place.home)
        assert place.home.database.read_bytes() == contents[expected]
        assert place.published_number() == expected
    with pytest.raises(TokenchainError, match="nothing to roll back to"):
        roll_back(place.home)
    assert place.published_number() == 1


def test_a_file_that_was_rolled_back_from_is_never_gone_back_to(place: Place) -> None:
    contents = {number: place.publish(number) for number in (1, 2)}
    roll_back(place.home)
    place.publish(3)

    roll_back(place.home)
    assert place.home.database.read_bytes() == contents[1]
    with pytest.raises(TokenchainError, match="nothing to roll back to"):
        roll_back(place.home)
    assert place.published_number() == 1


def test_a_good_file_to_go_back_to_is_kept_behind_rejected_ones(place: Place) -> None:
    good = place.publish(1)
    for number in (2, 3):
        place.publish(number)
        roll_back(place.home)
    place.publish(4)

    assert [path.name[7] for path in published_files(place.home)] == ["1", "2", "3", "4"]
    roll_back(place.home)
    assert place.home.database.read_bytes() == good


def test_a_rollback_that_a_kill_cut_short_goes_to_the_same_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {number: place.publish(number) for number in (1, 2, 3)}

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back(place.home)
    assert place.published_number() == 3
    roll_back(place.home)
    assert place.home.database.read_bytes() == contents[2]


def test_the_note_of_a_rejected_file_goes_with_it(place: Place) -> None:
    for number in (1, 2):
        place.publish(number)
    roll_back(place.home)
    for number in range(3, 7):
        place.publish(number)

    assert [path.name[7] for path in published_files(place.home)] == ["4", "5", "6"]
    assert list(place.home.published.glob("*.rejected")) == []


def test_without_anything_published_there_is_nothing_to_roll_back_to(place: Place) -> None:
    with pytest.raises(TokenchainError, match="nothing to roll back to"):
        roll_back(place.home)


def test_a_table_that_is_not_stored_stops_the_publication_by_name(place: Place) -> None:
    place.publish(1)
    before = files_below(place.home.root)

    with pytest.raises(TokenchainError, match=r"raw\.universe has no stored file"):
        publish(place.store, [PredecessorCiks, Universe], place.home, [RUN], "20260732-run")

    assert files_below(place.home.root) == before


def test_a_failure_while_building_leaves_no_rubbish_and_the_old_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.publish(1)
    before = files_below(place.home.root)

    def disk_is_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_is_full)
    with pytest.raises(OSError, match="No space left"):
        publish(place.store, [PredecessorCiks], place.home, [RUN], "20260732-run")

    assert files_below(place.home.root) == before


def test_readers_keep_the_file_they_opened(place: Place) -> None:
    place.publish(1)
    with duckdb.connect(str(place.home.database), read_only=True) as reader:
        place.publish(2)
        assert reader.execute("SELECT cik FROM raw.predecessor_ciks").fetchall() == [(1,)]
    assert place.published_number() == 2


def write_into(path: Path) -> None:
    """Write into a published file as a program does that opens it for writing all the same."""
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE raw.predecessor_ciks SET cik = 666").fetchall()


def test_the_published_file_is_read_only(place: Place) -> None:
    place.publish(1)
    kept = current_file(place.home)

    assert kept is not None
    assert [path.stat().st_mode & 0o222 for path in (kept, place.home.database)] == [0, 0]


def test_what_was_written_into_a_published_file_is_noticed(place: Place) -> None:
    place.publish(1)
    kept = current_file(place.home)
    assert kept is not None
    assert not is_altered(place.home)
    assert is_made_from(kept, "")

    write_into(place.home.database)
    assert is_altered(place.home)

    place.publish(2)
    assert not is_altered(place.home)
    assert place.published_number() == 2


def test_what_waits_beside_a_published_file_to_be_written_into_it_is_noticed_and_goes_with_it(place: Place) -> None:
    place.publish(1)
    log = place.home.database.with_name("warehouse.duckdb.wal")
    log.write_bytes(b"of a program that has the file open for writing")
    assert is_altered(place.home)

    place.publish(2)
    assert not log.exists()
    assert not is_altered(place.home)
    assert place.published_number() == 2


def test_a_copied_home_is_not_altered(place: Place, tmp_path: Path) -> None:
    place.publish(1)
    copy = Home(tmp_path / "copy")
    shutil.copytree(place.home.root, copy.root, copy_function=shutil.copyfile)
    copy.database.unlink()
    (kept,) = published_files(copy)
    os.link(kept, copy.database)

    assert not is_altered(copy)
    assert is_made_from(kept, "")


def test_a_note_of_an_earlier_version_is_taken_as_it_is(place: Place) -> None:
    place.publish(1)
    kept = current_file(place.home)
    assert kept is not None
    fingerprint_path(kept).write_text("made from this", encoding="utf-8")

    assert is_made_from(kept, "made from this")
    assert not is_altered(place.home)


def test_a_file_that_was_written_into_is_never_gone_back_to(place: Place) -> None:
    contents = {number: place.publish(number) for number in (1, 2)}
    write_into(place.home.database)
    place.publish(3)

    roll_back(place.home)
    assert place.home.database.read_bytes() == contents[1]
