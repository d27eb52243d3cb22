"""Landing companyfacts responses: from a folder or SEC's bulk zip into the home folder, each distinct response once.

What belongs here: finding, size-checking, hashing and storing responses. What does not: reading what is in them
(`warehouse.fact_loading`) and fetching them from SEC (`pipelines.edgar`).
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from warehouse.disk import write_whole
from warehouse.errors import ConfigurationError, ResponseRefused
from warehouse.home import Home
from warehouse.universe import Universe

BUNDLED_FILINGS = Path(__file__).with_name("filings")
LARGEST_RESPONSE = 256 * 1024 * 1024
CHUNK = 1024 * 1024
# What reading a file raises whose bytes are not what they were; RuntimeError where a member is encrypted or packed in another way.
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, ValueError, OverflowError, RuntimeError)


@dataclass(frozen=True)
class FoundResponse:
    """A response in a source, not yet read."""

    cik: int
    origin: str
    open: Callable[[], BinaryIO]
    is_compressed: bool


@dataclass(frozen=True)
class LandedResponse:
    """A response stored in the home folder."""

    cik: int
    sha256: str
    path: Path
    size: int
    origin: str
    landed_at: dt.datetime


def find_responses(source: Path, universe: Universe) -> list[FoundResponse]:
    """Find the universe's responses in a folder (`CIK##########.json[.gz]`) or in SEC's `companyfacts.zip`.

    Raises ConfigurationError where the source does not exist or holds none of the companies.
    """
    names = {f"CIK{cik:010d}": cik for company in universe.companies for cik in (company.cik, *company.successor_of)}
    if source.is_dir():
        found = list(_in_folder(source, names))
    elif source.is_file() and zipfile.is_zipfile(source):
        found = list(_in_zip(source, names))
    else:
        fault = "neither a folder nor a zip file" if source.exists() else "does not exist"
        raise ConfigurationError(
            f"{source}: {fault}; give a folder of CIK##########.json files, SEC's companyfacts.zip, or one of the names bundled,"
            " edgar, edgar-bulk"
        )
    if not found:
        raise ConfigurationError(f"{source}: holds no response of any company of the universe; check the folder")
    return found


def _in_folder(folder: Path, names: dict[str, int]) -> Iterator[FoundResponse]:
    for name, cik in names.items():
        for path in (folder / f"{name}.json", folder / f"{name}.json.gz"):
            if path.is_file():
                yield FoundResponse(cik, str(path), lambda path=path: path.open("rb"), path.suffix == ".gz")  # type: ignore[misc]
                break


def _in_zip(path: Path, names: dict[str, int]) -> Iterator[FoundResponse]:
    # Members are asked for by their exact expected name and read in memory: a name that climbs out of the folder is never used.
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
    except DAMAGED as error:
        raise ConfigurationError(f"{path}: a damaged archive ({error}); fetch it again") from error
    for name, cik in names.items():
        member = f"{name}.json"
        if member in members:
            yield FoundResponse(cik, f"{path}!{member}", lambda member=member: _open_member(path, member), False)  # type: ignore[misc]


def _open_member(path: Path, member: str) -> BinaryIO:
    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        return io.BytesIO(_read_limited(stream, f"{path}!{member}"))


def _read_limited(stream: IO[bytes] | gzip.GzipFile, origin: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if size > LARGEST_RESPONSE:
            raise ResponseRefused(
                f"{origin}: larger than {LARGEST_RESPONSE:,} bytes; remove the file or split the source"
            )
        chunks.append(chunk)
    return b"".join(chunks)


def read_response(found: FoundResponse) -> bytes:
    """The response's bytes, decompressed; raises ResponseRefused where they can't be read or are too large."""
    try:
        with found.open() as raw:
            stream = gzip.GzipFile(fileobj=raw) if found.is_compressed else raw
            return _read_limited(stream, found.origin)
    except DAMAGED as error:
        raise ResponseRefused(f"{found.origin}: can't be read ({error}); fetch the response again") from error


def land_response(found: FoundResponse, home: Home) -> LandedResponse:
    """Store a response under its SHA-256 unless it is there already."""
    content = read_response(found)
    return land_bytes(content, cik=found.cik, origin=found.origin, home=home)


def land_bytes(content: bytes, *, cik: int, origin: str, home: Home) -> LandedResponse:
    """Store a response's bytes, gzipped without a time stamp so that equal responses are equal files.

    A stored file that is not what its name says, emptied by a power cut for example, is written again.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = home.responses / f"{sha256}.json.gz"
    if not _holds(path, content):
        write_whole(path, gzip.compress(content, compresslevel=6, mtime=0))
    return LandedResponse(cik, sha256, path, len(content), origin, dt.datetime.now(dt.UTC).replace(tzinfo=None))


def _holds(path: Path, content: bytes) -> bool:
    """Whether a stored file unpacks to these bytes; one that is missing or damaged does not."""
    try:
        return gzip.decompress(path.read_bytes()) == content
    except DAMAGED:
        return False
