"""Finding and landing responses: folders, SEC's bulk zip, sizes, cut-off files, names that climb out of the folder."""

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from tests.homes import files_below
from tests.responses import CIK, GOOD_FACT, response
from warehouse import responses
from warehouse.errors import ConfigurationError, ResponseRefused
from warehouse.home import Home
from warehouse.responses import FoundResponse, find_responses, land_response, read_response
from warehouse.universe import Universe

NAME = f"CIK{CIK:010d}"
CONTENT = json.dumps(response(GOOD_FACT)).encode()
UNIVERSE = Universe.model_validate(
    {
        "companies": [
            {"ticker": "SEVEN", "cik": CIK, "name": "Seven", "tier": "upstream", "successor_of": [6]},
            {"ticker": "EIGHT", "cik": 8, "name": "Eight", "tier": "upstream"},
        ]
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    return made


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def the_one(source: Path) -> FoundResponse:
    found = find_responses(source, UNIVERSE)
    assert len(found) == 1
    return found[0]


def test_a_folder_is_searched_for_plain_and_compressed_responses_and_for_predecessors(folder: Path) -> None:
    (folder / f"{NAME}.json").write_bytes(CONTENT)
    (folder / "CIK0000000006.json.gz").write_bytes(gzip.compress(CONTENT))
    (folder / "CIK0000000009.json").write_bytes(CONTENT)
    (folder / "notes.txt").write_text("not a response")
    found = {response.cik: read_response(response) for response in find_responses(folder, UNIVERSE)}

    assert found == {CIK: CONTENT, 6: CONTENT}


def test_a_zip_is_searched_by_exact_names(tmp_path: Path) -> None:
    source = zipped(tmp_path / "companyfacts.zip", {f"{NAME}.json": CONTENT, "CIK0000000009.json": b"other"})
    found = the_one(source)

    assert (found.cik, read_response(found)) == (CIK, CONTENT)
    assert found.origin.endswith(f"companyfacts.zip!{NAME}.json")


def test_members_whose_names_climb_out_of_the_folder_are_never_used(tmp_path: Path, place: Home) -> None:
    climbing = {f"../{NAME}.json": b"evil", f"../../{NAME}.json": b"evil", f"/{NAME}.json": b"evil"}
    inside = {f"{NAME}.json": CONTENT, f"sub/{NAME}.json": b"evil", f"..\\{NAME}.json": b"evil"}
    source = zipped(tmp_path / "companyfacts.zip", climbing | inside)
    before = files_below(tmp_path)
    landed = land_response(the_one(source), place)
    after = files_below(tmp_path)

    assert gzip.decompress(landed.path.read_bytes()) == CONTENT
    assert set(after) - set(before) == {f"home/responses/{landed.path.name}"}


def test_a_zip_with_climbing_names_only_holds_no_company(tmp_path: Path) -> None:
    source = zipped(tmp_path / "companyfacts.zip", {f"../{NAME}.json": b"evil"})

    with pytest.raises(ConfigurationError, match="holds no response of any company"):
        find_responses(source, UNIVERSE)


@pytest.mark.parametrize("name", ["nowhere", "notes.txt"])
def test_a_source_that_is_neither_folder_nor_zip_is_refused_with_a_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no zip")

    with pytest.raises(ConfigurationError, match="give a folder of CIK"):
        find_responses(tmp_path / name, UNIVERSE)


def test_an_empty_folder_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no response of any company of the universe"):
        find_responses(folder, UNIVERSE)


@pytest.mark.parametrize("kind", ["json", "json.gz", "zip"])
def test_a_response_that_is_too_large_is_refused_while_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(responses, "LARGEST_RESPONSE", 1000)
    monkeypatch.setattr(responses, "CHUNK", 100)
    content = b" " * 1001
    if kind == "zip":
        source = zipped(folder / "companyfacts.zip", {f"{NAME}.json": content})
    else:
        source = folder
        (folder / f"{NAME}.{kind}").write_bytes(gzip.compress(content) if kind == "json.gz" else content)

    with pytest.raises(ResponseRefused, match="larger than 1,000 bytes"):
        read_response(the_one(source))


def test_a_response_of_exactly_the_largest_size_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "LARGEST_RESPONSE", 1000)
    (folder / f"{NAME}.json").write_bytes(b" " * 1000)

    assert len(read_response(the_one(folder))) == 1000


@pytest.mark.parametrize(
    "content",
    [gzip.compress(CONTENT)[:-12], gzip.compress(CONTENT)[:20], b"no gzip at all"],
    ids=["cut off at the end", "cut off early", "not gzip"],
)
def test_a_gzip_that_is_cut_off_is_refused_by_name(folder: Path, content: bytes) -> None:
    (folder / f"{NAME}.json.gz").write_bytes(content)

    with pytest.raises(ResponseRefused) as refused:
        read_response(the_one(folder))

    assert f"{NAME}.json.gz" in str(refused.value)
    assert "fetch the response again" in str(refused.value)


def test_a_zip_member_with_a_wrong_checksum_is_refused_by_name(tmp_path: Path) -> None:
    source = tmp_path / "companyfacts.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{NAME}.json", CONTENT)
    damaged = source.read_bytes().replace(b"Revenues", b"Revenuez")
    source.write_bytes(damaged)

    with pytest.raises(ResponseRefused, match=NAME):
        read_response(the_one(source))


def test_equal_responses_are_kept_once_and_are_equal_files(folder: Path, place: Home) -> None:
    (folder / f"{NAME}.json").write_bytes(CONTENT)
    first = land_response(the_one(folder), place)
    written = first.path.read_bytes()
    (folder / f"{NAME}.json").unlink()
    (folder / f"{NAME}.json.gz").write_bytes(gzip.compress(CONTENT, compresslevel=1))
    second = land_response(the_one(folder), place)

    assert first.sha256 == second.sha256
    assert first.path == second.path
    assert second.path.read_bytes() == written
    assert second.size == len(CONTENT)
    assert len(list(place.responses.iterdir())) == 1


@pytest.mark.parametrize(
    "spoilt",
    [b"", gzip.compress(CONTENT)[:-12], b"no gzip at all", gzip.compress(b"another response")],
    ids=["empty", "cut off", "not gzip", "another response"],
)
def test_a_stored_response_that_is_not_what_its_name_says_is_written_again(
    folder: Path, place: Home, spoilt: bytes
) -> None:
    (folder / f"{NAME}.json").write_bytes(CONTENT)
    first = land_response(the_one(folder), place)
    written = first.path.read_bytes()
    first.path.write_bytes(spoilt)

    assert land_response(the_one(folder), place).path == first.path
    assert first.path.read_bytes() == written


@pytest.mark.parametrize("kind", ["gzip", "zip"])
def test_a_flipped_bit_is_refused_by_name_or_gives_the_same_bytes(folder: Path, kind: str) -> None:
    if kind == "gzip":
        path = folder / f"{NAME}.json.gz"
        path.write_bytes(gzip.compress(CONTENT, mtime=0))
        source = folder
    else:
        path = source = zipped(folder / "companyfacts.zip", {f"{NAME}.json": CONTENT})
    good = path.read_bytes()
    refused = 0
    for position in range(10, len(good)):
        spoiled = bytearray(good)
        spoiled[position] ^= 1 << position % 8
        path.write_bytes(spoiled)
        try:
            assert [read_response(found) for found in find_responses(source, UNIVERSE)] == [CONTENT]
        except (ResponseRefused, ConfigurationError) as error:
            refused += 1
            assert str(folder) in str(error)
    assert refused > len(good) / 2


def test_an_encrypted_member_is_refused_by_name(folder: Path) -> None:
    path = zipped(folder / "companyfacts.zip", {f"{NAME}.json": CONTENT})
    content = bytearray(path.read_bytes())
    # The flag of encryption, in the member's own header and in the archive's directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    with pytest.raises(ResponseRefused, match=f"{NAME}.json: can't be read"):
        read_response(the_one(path))
