"""Bulk archives: what is refused, and a first load from them."""

import io
import json
import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.edgar import EdgarSettings, Event, Filer, bulk_load, fetch, read_filings
from pipelines.edgar.archive import SafeArchive, is_unsafe_name
from pipelines.edgar.errors import BadArchive, NotFound

from .conftest import snapshot
from .server import EdgarServer, Fault
from .world import World, accession, columns, facts_body, first_filing, index_body, quarter_filing

FACTS_ZIP = "Archives/edgar/daily-index/xbrl/companyfacts.zip"
INDEX_ZIP = "Archives/edgar/daily-index/bulkdata/submissions.zip"


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in members.items():
            file.writestr(name, body)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../x.json",
        "/etc/x",
        "a/../../x",
        "C:\\x.json",
        "c:x",
        "..\\x",
        "\\\\host\\x",
        "a\\b",
        "",
        "x\x00.json",
    ],
)
def test_names_that_climb_out_are_refused(name: str, tmp_path: Path) -> None:
    assert is_unsafe_name(name)
    path = write(tmp_path / "a.zip", archive({"CIK0000000001.json": b"{}"}))
    with SafeArchive(path, 1000) as opened, pytest.raises(BadArchive, match="leads out of the archive"):
        opened.read(name)


def test_members_that_climb_out_are_listed_and_the_others_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.zip",
        archive({"../evil.json": b"1", "/evil.json": b"2", "good..name.json": b"3", "folder/": b""}),
    )
    with SafeArchive(path, 1000) as opened:
        assert opened.unsafe_names() == ["../evil.json", "/evil.json"]
        assert opened.names() == ["good..name.json"]
        assert (opened.read("good..name.json"), opened.read("missing.json")) == (b"3", None)
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]


def test_a_zip_bomb_is_refused_by_its_ratio_and_by_its_size(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", archive({"bomb.json": b"0" * 3_000_000}))
    with (
        SafeArchive(path, 10_000_000) as opened,
        pytest.raises(BadArchive, match=r"'bomb\.json'.*a ZIP bomb"),
    ):
        opened.read("bomb.json")
    with (
        SafeArchive(path, 1_000_000) as opened,
        pytest.raises(BadArchive, match="over the limit of 1,000,000"),
    ):
        opened.read("bomb.json")


def test_a_size_that_lies_is_found_out_while_reading(tmp_path: Path) -> None:
    content = bytearray(archive({"liar.json": bytes(range(256)) * 400}))
    size = (256 * 400).to_bytes(4, "little")
    while (position := content.find(size)) >= 0:
        content[position : position + 4] = (100).to_bytes(4, "little")
    with (
        SafeArchive(write(tmp_path / "a.zip", bytes(content)), 1_000) as opened,
        pytest.raises(BadArchive, match=r"liar\.json"),
    ):
        opened.read("liar.json")


def test_every_flipped_bit_is_refused_in_words_or_does_no_harm(tmp_path: Path) -> None:
    body = json.dumps({"cik": 1, "facts": list(range(40))}).encode()
    good = archive({"CIK0000000001.json": body})
    refused = 0
    for position in range(len(good)):
        for bit in range(8):
            spoiled = bytearray(good)
            spoiled[position] ^= 1 << bit
            try:
                with SafeArchive(write(tmp_path / "a.zip", bytes(spoiled)), 1000) as opened:
                    assert opened.read("CIK0000000001.json") in (body, None)
            except BadArchive:
                refused += 1
    assert refused > len(good)


def test_links_encryption_and_damage_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
        file.writestr("damaged.json", b"abcdefghij" * 10)
    content = (tmp_path / "a.zip").read_bytes().replace(b"abcdefghijabc", b"abcdefghijxyz", 1)
    with SafeArchive(write(tmp_path / "b.zip", content), 1_000) as opened:
        with pytest.raises(BadArchive, match="symbolic link"):
            opened.read("link.json")
        with pytest.raises(BadArchive, match=r"damaged \(Bad CRC-32"):
            opened.read("damaged.json")
    encrypted = bytearray(archive({"x.json": b"{}"}))
    encrypted[encrypted.rfind(b"PK\x01\x02") + 8] |= 1
    with (
        SafeArchive(write(tmp_path / "c.zip", bytes(encrypted)), 1_000) as opened,
        pytest.raises(BadArchive, match="encrypted"),
    ):
        opened.read("x.json")


@pytest.mark.parametrize("content", [b"", b"<html>", archive({"x": b"y"})[:-10]])
def test_what_is_no_whole_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="not a complete ZIP file"):
        SafeArchive(write(tmp_path / "a.zip", content), 1_000)


def serve_archives(world: World, companies: list[Filer], indexes: dict[str, bytes], facts: dict[str, bytes]) -> None:
    for company in companies:
        name, filing = f"CIK{company.cik:010d}.json", first_filing(company.cik)
        indexes.setdefault(name, index_body(company.cik, [filing]))
        facts.setdefault(name, facts_body(company.cik, [filing.accession]))
    world.write(INDEX_ZIP, archive(indexes))
    world.write(FACTS_ZIP, archive(facts))


def test_a_first_load_from_the_archives_is_continued_by_daily_passes(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings
) -> None:
    companies = world.companies(3)
    cik, page = 9_000_001, "CIK0009000001-submissions-001.json"
    entry = {"name": page, "filingCount": 1, "filingFrom": "2010-01-01", "filingTo": "2015-03-01"}
    index = index_body(cik, [first_filing(cik)], [entry])
    older = json.dumps(columns([quarter_filing(cik, "2015-02-01", number=7)])).encode()
    world.write(f"submissions/CIK{cik:010d}.json", index)
    serve_archives(world, companies, {f"CIK{cik:010d}.json": index, page: older}, {"../evil.json": b"{}"})
    loaded = bulk_load(companies, home, settings)
    assert (loaded.requests, loaded.failures, loaded.changed) == (3, (), (9_000_001, 9_000_002, 9_000_003))
    assert accession(cik, 7) in {filing.accession for filing in read_filings(loaded.indexes)}
    assert {name.split("/")[0] for name in snapshot(home)} == {"responses", "edgar"}
    assert [name for name in snapshot(home) if "bulk" in name] == []

    server.clear()
    daily = fetch(companies, home, settings)
    assert (daily.wrote, daily.facts, len(server.log)) == (False, loaded.facts, 3)


def test_an_archive_of_last_night_leaves_what_a_pass_brought_since_then(
    world: World, server: EdgarServer, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    may = datetime(2026, 5, 6, tzinfo=UTC)
    companies = world.companies(2)
    serve_archives(world, companies, {}, {})
    quarter, other = quarter_filing(9_000_001), quarter_filing(9_000_002)
    world.index(9_000_001, [quarter, first_filing(9_000_001)])
    filed_later = facts_body(9_000_001, [first_filing(9_000_001).accession, quarter.accession])
    filed_later = filed_later.replace(b"2026-02-10", quarter.filed.encode())
    world.write("api/xbrl/companyfacts/CIK0009000001.json", filed_later)
    # The second company has filed too, but companyfacts lag: what is kept of its facts is no newer than the archive.
    world.index(9_000_002, [other, first_filing(9_000_002)])
    fetched = fetch(companies, home, settings, now=may)
    assert [filing.accession for filing in fetched.awaited] == [other.accession]

    serve_archives(world, companies, {}, {"CIK0009000002.json": facts_body(9_000_002, ["0009000002-26-000001"], 7)})
    loaded = bulk_load(companies, home, settings, events.append, now=may)
    assert loaded.facts[9_000_001] == fetched.facts[9_000_001]
    assert loaded.changed == (9_000_002,)
    assert {filing.accession for filing in read_filings(loaded.indexes)} == {
        filing.accession for filing in read_filings(fetched.indexes)
    }
    assert [filing.accession for filing in loaded.awaited] == [other.accession]
    kept = [event.message for event in events if event.kind == "kept_newer"]
    assert kept == [
        "T001: the filing index that is kept has a later filing than the archive's; it stays",
        "T001: the companyfacts response that is kept has a later filing than the archive's; it stays",
        "T002: the filing index that is kept has a later filing than the archive's; it stays",
    ]
    server.clear()
    assert fetch(companies, home, settings, now=may).changed == (9_000_002,)


def test_an_archive_that_goes_on_replaces_what_is_kept(world: World, home: Path, settings: EdgarSettings) -> None:
    may = datetime(2026, 5, 6, tzinfo=UTC)
    companies = world.companies(1)
    fetch(companies, home, settings, now=may)
    quarter = quarter_filing(9_000_001)
    name = "CIK0009000001.json"
    index = index_body(9_000_001, [quarter, first_filing(9_000_001)])
    facts = facts_body(9_000_001, [first_filing(9_000_001).accession, quarter.accession])
    serve_archives(world, companies, {name: index}, {name: facts})
    loaded = bulk_load(companies, home, settings, now=may)
    assert (loaded.changed, loaded.awaited) == ((9_000_001,), ())
    assert quarter.accession in {filing.accession for filing in read_filings(loaded.indexes)}


def test_members_that_are_missing_or_refused_are_reported_by_name(
    world: World, home: Path, settings: EdgarSettings, events: list[Event]
) -> None:
    companies = world.companies(4)
    bad = {
        "CIK0009000001.json": facts_body(77, ["x"]),
        "CIK0009000002.json": b" " * 3_000_000,
        "../CIK0009000003.json": b"{}",
    }
    serve_archives(world, companies[:3], {}, bad)
    result = bulk_load(companies, home, settings, events.append)
    assert result.changed == (9_000_003,)
    found = {(failure.cik, failure.kind): failure.reason for failure in result.failures}
    assert set(found) == {
        (9_000_001, "facts"),
        (9_000_002, "facts"),
        (9_000_004, "facts"),
        (9_000_004, "index"),
    }
    assert "response is for CIK 77" in found[9_000_001, "facts"]
    assert "ZIP bomb" in found[9_000_002, "facts"]
    assert "has no member CIK0009000004.json" in found[9_000_004, "facts"]
    assert any("'../CIK0009000003.json' leads out" in event.message for event in events)


@pytest.mark.parametrize("lost", [INDEX_ZIP, FACTS_ZIP])
def test_a_filing_stays_awaited_when_a_member_can_not_be_used(
    lost: str, world: World, home: Path, settings: EdgarSettings
) -> None:
    may = datetime(2026, 5, 6, tzinfo=UTC)
    companies = world.companies(2)
    serve_archives(world, companies, {}, {})
    bulk_load(companies, home, settings, now=may)
    quarter = quarter_filing(9_000_001)
    name = "CIK0009000001.json"
    index = {name: index_body(9_000_001, [quarter, first_filing(9_000_001)])}
    if lost == INDEX_ZIP:
        serve_archives(world, companies, index, {})
        assert len(bulk_load(companies, home, settings, now=may).awaited) == 1
    unusable = {name: b"<html>"}
    serve_archives(world, companies, *((unusable, {}) if lost == INDEX_ZIP else (index, unusable)))
    result = bulk_load(companies, home, settings, now=may)
    assert [failure.cik for failure in result.failures] == [9_000_001]
    assert [filing.accession for filing in result.awaited] == [quarter.accession]


def test_a_download_cut_off_is_retried_and_a_broken_archive_refused(
    world: World, server: EdgarServer, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(1)
    serve_archives(world, companies, {}, {})
    server.fail(FACTS_ZIP, Fault("cut"), Fault("status", status=500))
    assert bulk_load(companies, home, make_settings()).changed == (9_000_001,)
    assert server.asked(FACTS_ZIP) == 3

    before = snapshot(home)
    server.fail(FACTS_ZIP, Fault("html"))
    with pytest.raises(BadArchive, match="not a complete ZIP file"):
        bulk_load(companies, home, make_settings())
    (world.folder / FACTS_ZIP).unlink()
    with pytest.raises(NotFound):
        bulk_load(companies, home, make_settings())
    after = snapshot(home)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"edgar/bulk/submissions.zip"}


def test_an_archive_over_the_limit_is_not_downloaded_further(
    world: World, home: Path, make_settings: Callable[..., EdgarSettings]
) -> None:
    companies = world.companies(1)
    serve_archives(world, companies, {}, {})
    with pytest.raises(Exception, match="larger than the limit of 100 bytes"):
        bulk_load(companies, home, make_settings(maximum_archive_bytes=100))
