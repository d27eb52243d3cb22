"""Files of the source: written whole or not at all, responses kept once under their SHA-256.

Belongs here: atomic writing and the store of responses. Does not belong here: what a response means, and the
ledger.
"""

import gzip
import hashlib
import os
import threading
import time
import uuid
import zlib
from pathlib import Path

from .errors import StorageError

WRITE_REMEDY = "Free some space, make the folder writable or choose another one with --home"
LEFTOVER_SECONDS = 3_600


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is either absent, as before, or complete.

    Raises StorageError naming the path when the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(path, error, WRITE_REMEDY) from error


def private_directory(path: Path) -> None:
    """Make a folder that only this user can write to, or check that it is one.

    Raises StorageError when it cannot be made or belongs to somebody else.
    """
    remedy = "Set TOKENCHAIN_EDGAR_STATE_DIRECTORY to a folder of your own"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = path.stat().st_uid
    except OSError as error:
        raise StorageError(path, error, remedy) from error
    if hasattr(os, "getuid") and owner not in (os.getuid(), 0):
        raise StorageError(path, PermissionError("the folder belongs to another user"), remedy)


class ResponseStore:
    """`<home>/responses/<sha256>.json.gz`: each distinct response once, named by its bytes' hash."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "responses"
        self._lock = threading.Lock()

    def path(self, sha256: str) -> Path:
        """Return where a response with this hash is or would be."""
        return self.folder / f"{sha256}.json.gz"

    def holds(self, sha256: str) -> bool:
        """Whether the response is there."""
        return self.path(sha256).is_file()

    def keep(self, body: bytes) -> str:
        """Keep a response and return its hash; a response that is there already is not written again."""
        sha256 = hash_of(body)
        with self._lock:
            if not self.holds(sha256):
                # No time stamp in the gzip header: the same response gives the same file on every machine.
                write_atomic(self.path(sha256), gzip.compress(body, compresslevel=6, mtime=0))
        return sha256

    def read(self, sha256: str) -> bytes:
        """Return a response's uncompressed bytes.

        Raises StorageError when the file is missing, damaged, or not what its name says.
        """
        path = self.path(sha256)
        remedy = "Delete the file if it is there and refresh again: it is fetched anew"
        try:
            body = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise StorageError(path, error, remedy) from error
        if hash_of(body) != sha256:
            raise StorageError(path, ValueError("the content does not match the name"), remedy)
        return body

    def remove_leftovers(self) -> None:
        """Remove temporary files that a killed pass left behind an hour or longer ago."""
        limit = time.time() - LEFTOVER_SECONDS
        for leftover in self.folder.glob(".*.tmp"):
            if leftover.stat().st_mtime < limit:
                leftover.unlink(missing_ok=True)


def hash_of(body: bytes) -> str:
    """Return the SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()
