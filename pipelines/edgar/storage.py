"""Files of the source: written whole or not at all, responses kept once under their SHA-256.

Belongs here: atomic writing and the store of responses. Does not belong here: what a response means, and the
ledger.
"""

import gzip
import hashlib
import os
import stat
import threading
import time
import uuid
import zlib
from pathlib import Path

from .errors import StorageError

WRITE_REMEDY = "Free some space, make the folder writable or choose another one with --home"
LEFTOVER_SECONDS = 3_600
STATE_REMEDY = (
    "Set TOKENCHAIN_EDGAR_STATE_DIRECTORY to a folder of your own, or to one that a group of yours shares: "
    "writable for the group only, with the group handed on (mode 2770)"
)
# Of files that all users of the machine's state write: who may is decided by their folder.
SHARED_MODE = 0o660


def write_atomic(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file so that it is either absent, as before, or complete; its mode is the umask's where none is given.

    Raises StorageError naming the path when the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(path, error, WRITE_REMEDY) from error


def trusted_directory(path: Path, *, may_be_shared: bool) -> None:
    """Make a folder that only this user can write to, or check that one is this user's or root's.

    One that `may_be_shared` may also be another user's who shares it with a group of this user's: writable for the
    group, not for others, and handing its group on to the files in it.

    Raises StorageError when it cannot be made, or when others could put files of theirs into it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        link, folder = path.lstat(), path.stat()
    except OSError as error:
        raise StorageError(path, error, STATE_REMEDY) from error
    if not hasattr(os, "getuid") or (may_be_shared and _is_shared_by_a_group_of_ours(folder)):
        return
    # A link's owner decides where it leads.
    owners = {folder.st_uid} if may_be_shared else {link.st_uid, folder.st_uid}
    if not owners <= {os.getuid(), 0}:
        raise StorageError(path, PermissionError("the folder belongs to another user"), STATE_REMEDY)


def _is_shared_by_a_group_of_ours(folder: os.stat_result) -> bool:
    is_for_group = folder.st_mode & stat.S_IWGRP and folder.st_mode & stat.S_ISGID
    return bool(is_for_group and not folder.st_mode & stat.S_IWOTH and folder.st_gid in {os.getegid(), *os.getgroups()})


def make_shared_file(path: Path) -> None:
    """Make an empty file that every user of its folder's group can write to, whatever the umask; leave one that is there."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, SHARED_MODE))
    except FileExistsError:
        return
    path.chmod(SHARED_MODE)


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
        """Keep a response and return its hash; one that is there already, and undamaged, is not written again."""
        sha256 = hash_of(body)
        with self._lock:
            if not self._is_whole(sha256):
                # No time stamp in the gzip header: the same response gives the same file on every machine.
                write_atomic(self.path(sha256), gzip.compress(body, compresslevel=6, mtime=0))
        return sha256

    def _is_whole(self, sha256: str) -> bool:
        try:
            self.read(sha256)
        except StorageError:
            return False
        return True

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
