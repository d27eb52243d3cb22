"""Files: whole or not there, each response once, a ledger that survives being cut anywhere."""

import errno
import gzip
import os
import shutil
import stat
import tempfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from pipelines.edgar import EdgarSettings, Event, LandedResponse, fetch
from pipelines.edgar.block import BlockGate
from pipelines.edgar.errors import StorageError
from pipelines.edgar.ledger import Ledger, LedgerLine
from pipelines.edgar.rate import RequestRate
from pipelines.edgar.storage import ResponseStore, hash_of, trusted_directory, write_atomic

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


def test_a_damaged_response_is_written_again_when_it_comes_again(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path)
    kept = store.keep(b"{}")
    whole = store.path(kept).read_bytes()
    for damage in (b"", whole[:-4], gzip.compress(b"[]")):
        store.path(kept).write_bytes(damage)
        assert store.keep(b"{}") == kept
        assert store.path(kept).read_bytes() == whole


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


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that a group shares."""
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o2770)
    return folder


def become_another_user(monkeypatch: pytest.MonkeyPatch, folder: Path, *, groups: list[int] | None = None) -> None:
    owner = folder.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 12_345)
    monkeypatch.setattr(os, "getegid", lambda: folder.stat().st_gid + 12_345)
    monkeypatch.setattr(os, "getgroups", lambda: groups or [])


def owned_by_somebody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder look as if it belonged to a user who is neither root nor this one."""
    real = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(path, follow_symlinks=follow_symlinks)
        fields = list(found)
        fields[4] = 54_321 if path == folder else found.st_uid
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)


@pytest.mark.parametrize(
    ("mode", "is_member", "may_be_shared", "is_trusted"),
    [
        (0o2770, True, True, True),
        (0o2770, False, True, False),
        (0o2770, True, False, False),
        (0o2777, True, True, False),
        (0o2750, True, True, False),
        # Without the group handed on, the others could not write the files made in it.
        (0o770, True, True, False),
    ],
)
def test_a_folder_of_another_user_is_trusted_only_where_a_group_of_ours_shares_it(
    mode: int, is_member: bool, may_be_shared: bool, is_trusted: bool, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.chmod(mode)
    become_another_user(monkeypatch, shared, groups=[shared.stat().st_gid] if is_member else None)
    owned_by_somebody(shared, monkeypatch)
    refusal = pytest.raises(StorageError, match=r"belongs to another user.*TOKENCHAIN_EDGAR_STATE_DIRECTORY.*mode 2770")
    with nullcontext() if is_trusted else refusal:
        trusted_directory(shared, may_be_shared=may_be_shared)


def test_the_default_folder_is_not_followed_through_the_link_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "own")
    trusted_directory(link, may_be_shared=False)
    real = Path.lstat
    monkeypatch.setattr(
        Path, "lstat", lambda path: os.stat_result([*list(real(path))[:4], 54_321, *list(real(path))[5:]])
    )
    with pytest.raises(StorageError, match="belongs to another user"):
        trusted_directory(link, may_be_shared=False)


def test_the_state_is_writable_for_its_group_whatever_the_umask(shared: Path) -> None:
    earlier = os.umask(0o077)
    try:
        use_state(shared)
        names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in shared.iterdir()}
    finally:
        os.umask(earlier)
    assert names == {"requests.sqlite": 0o660, "requests.sqlite.lock": 0o660, "block.json": 0o660}


def use_state(folder: Path) -> None:
    """Make a request and be blocked, as far as the state notices."""
    trusted_directory(folder, may_be_shared=True)
    rate = RequestRate(folder, 10, threading.Event())
    with rate.permit():
        pass
    rate.close()
    settings = EdgarSettings(state_directory=folder, block_pause_seconds=60)
    BlockGate(settings, lambda _: None, threading.Event()).declare("http://127.0.0.1/", 403, time.time())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become two other users")
def test_two_users_of_a_group_share_the_state() -> None:
    group, folder = 54_321, Path(tempfile.mkdtemp())
    try:
        os.chown(folder, 11_111, group)
        folder.chmod(0o2770)
        assert [as_user(user, [group], folder) for user in (11_111, 22_222, 11_111)] == [0, 0, 0]
        assert {path.stat().st_gid for path in folder.iterdir()} == {group}
        assert as_user(33_333, [], folder) != 0
    finally:
        shutil.rmtree(folder)


def as_user(user: int, groups: list[int], folder: Path) -> int:
    """Use the state as another user, in a process of its own; returns its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups(groups)
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.umask(0o077)
            use_state(folder)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
