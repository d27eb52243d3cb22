"""Files: whole or not there, each response once, a ledger that survives being cut anywhere."""

import errno
import gzip
import os
import threading
from pathlib import Path

import pytest

from pipelines.edgar import EdgarSettings, Event, LandedResponse, fetch
from pipelines.edgar.errors import StorageError
from pipelines.edgar.ledger import Ledger, LedgerLine
from pipelines.edgar.storage import ResponseStore, hash_of, write_atomic

from .conftest import snapshot
from .world import World, first_filing, quarter_filing


def line(number: int) -> LedgerLine:
    return LedgerLine(
        "facts",
        number,
        f"http://127.0.0.1/{number}",
        "2026-05-05T00:00:00+00:00",
        "pass",
        f"hash{number}",
        200,
    )


def test_a_ledger_cut_anywhere_keeps_every_whole_line_and_can_be_continued(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for number in (1, 2, 3):
        ledger.append(line(number))
    whole = ledger.path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        ledger.path.write_bytes(whole[:cut])
        found = Ledger(tmp_path)
        complete = sum(end <= cut for end in ends)
        # A line cut just before its line break can still be read.
        readable = complete + (cut + 1 in ends)
        assert [found.facts(number) is not None for number in (1, 2, 3)] == [number <= readable for number in (1, 2, 3)]
        assert found.unreadable == int(cut not in (0, *ends) and cut + 1 not in ends)
        found.append(line(4))
        again = Ledger(tmp_path)
        assert again.unreadable == 0
        assert again.facts(4) == line(4)
        assert ledger.path.read_bytes().startswith(whole[: ends[complete - 1] if complete else 0])


def test_unreadable_lines_in_the_middle_are_left_out_and_told(
    world: World, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    companies = world.companies(2)
    fetch(companies, home, settings)
    ledger = home / "edgar" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    broken = [
        b"\x00\x00\x00\n",
        b"[]\n",
        b'{"kind": 1}\n',
        b'{"kind":"facts","cik":1,"url":"","fetched_at":"?","pass_id":""}\n',
    ]
    ledger.write_bytes(b"".join([*broken, *lines]))
    result = fetch(companies, home, settings, events.append)
    assert (result.failures, len(result.facts)) == ((), 2)
    assert "4 unreadable lines" in next(event.message for event in events if event.kind == "ledger_repaired")


def test_a_ledger_is_written_by_many_threads(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    threads = [threading.Thread(target=ledger.append, args=(line(number),)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Ledger(tmp_path)
    assert {number for number in range(40) if found.facts(number) == line(number)} == set(range(40))


def test_the_same_response_is_the_same_file_and_written_once(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path)
    assert store.keep(b"{}") == hash_of(b"{}")
    before = snapshot(tmp_path)
    store.keep(b"{}")
    assert snapshot(tmp_path) == before
    (path,) = store.folder.iterdir()
    assert path.name == f"{hash_of(b'{}')}.json.gz"
    assert gzip.decompress(path.read_bytes()) == b"{}"
    assert path.read_bytes()[4:8] == b"\x00\x00\x00\x00"


@pytest.mark.parametrize(
    "content", [b"", b"not gzip", gzip.compress(b"{}", mtime=0)[:-5], gzip.compress(b"[]", mtime=0)]
)
def test_a_damaged_response_is_named_with_its_remedy(content: bytes, tmp_path: Path) -> None:
    store = ResponseStore(tmp_path)
    sha256 = store.keep(b"{}")
    store.path(sha256).write_bytes(content)
    with pytest.raises(StorageError, match=rf"{sha256}.*Delete the file"):
        store.read(sha256)


def test_a_full_disk_is_a_clear_error_and_the_next_pass_completes(
    world: World, home: Path, settings: EdgarSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    companies = world.companies(3)
    first = fetch(companies, home, settings)
    for company in companies:
        world.index(company.cik, [quarter_filing(company.cik), first_filing(company.cik)])
        world.facts(company.cik, [first_filing(company.cik).accession, quarter_filing(company.cik).accession])
    real, calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space left on device\. Free some space"):
        fetch(companies, home, settings)
    monkeypatch.undo()
    assert [name for name in snapshot(home) if name.endswith(".tmp")] == []
    assert all(landed.path.is_file() for landed in first.facts.values())
    result = fetch(companies, home, settings)
    assert (result.failures, {landed.sha256 for landed in result.facts.values()}.isdisjoint(first.facts)) == (
        (),
        True,
    )
    assert len(read_all(result.facts)) == 3


def read_all(facts: dict[int, LandedResponse]) -> set[bytes]:
    return {ResponseStore(one.path.parent.parent).read(one.sha256) for one in facts.values()}


def test_a_write_the_system_takes_only_in_part_is_an_error(tmp_path: Path) -> None:
    limited = Ledger(tmp_path)
    limited.append(line(1))
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("this system has no /dev/full")
    limited.path.unlink()
    limited.path.symlink_to(device)
    with pytest.raises(StorageError, match="ledger"):
        limited.append(line(2))


def test_a_home_that_cannot_be_written_is_a_clear_error(world: World, tmp_path: Path, settings: EdgarSettings) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="make the folder writable or choose another one with --home"):
        fetch(world.companies(1), tmp_path / "file" / "home", settings)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_atomic(target, b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        write_atomic(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_bytes() == b"old"


def test_old_leftovers_of_killed_passes_are_removed_and_young_ones_are_not(
    world: World, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(1)
    fetch(companies, home, settings)
    old, young = home / "responses" / ".a.json.gz.1.tmp", home / "responses" / ".b.json.gz.2.tmp"
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    fetch(companies, home, settings)
    assert (old.exists(), young.exists()) == (False, True)
