"""Reading members of a bulk archive that may be hostile or damaged.

Belongs here: which names and sizes are refused. Does not belong here: downloading, and what members mean.
"""

import re
import stat
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Self

from warehouse.responses import DAMAGED

from .errors import BadArchive

# SEC's members pack 10 to 40 times; a bomb packs 1,000 times.
MAXIMUM_RATIO = 300
RATIO_FREE_BYTES = 1024**2
CHUNK_BYTES = 1024**2
_DRIVE = re.compile(r"[A-Za-z]:")


def is_unsafe_name(name: str) -> bool:
    """Whether a member's name would lead out of a folder it is unpacked into, or hide what it is."""
    if not name or name.startswith(("/", "\\")) or _DRIVE.match(name) or not name.isprintable():
        return True
    return "\\" in name or ".." in name.split("/")


class SafeArchive:
    """An open ZIP file whose members are read into memory, never unpacked to disk, each up to a limit.

    Raises BadArchive when the file is no whole ZIP file. Use it as a context manager.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGED as error:
            raise BadArchive(path, None, f"not a complete ZIP file ({error}); delete it and fetch it again") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def names(self) -> list[str]:
        """Return the safe names of files in the archive."""
        return [name for name in self._zip.namelist() if not is_unsafe_name(name) and not name.endswith("/")]

    def unsafe_names(self) -> list[str]:
        """Return the names that are refused."""
        return [name for name in self._zip.namelist() if is_unsafe_name(name)]

    def read(self, name: str) -> bytes | None:
        """Return a member's content, None when there is no such member.

        Raises BadArchive naming the member when its name, kind, size or content is not acceptable.
        """
        if is_unsafe_name(name):
            raise BadArchive(self.path, name, "the name leads out of the archive; the member was not read")
        try:
            info = self._zip.getinfo(name)
        except KeyError:
            return None
        self._check(info)
        try:
            return self._read(info)
        except DAMAGED as error:
            raise BadArchive(self.path, name, f"damaged ({error}); the member was not used") from error

    def _check(self, info: zipfile.ZipInfo) -> None:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise BadArchive(self.path, info.filename, "a symbolic link; the member was not read")
        if info.flag_bits & 0x1:
            raise BadArchive(self.path, info.filename, "encrypted; the member was not read")
        if info.file_size > self._limit_bytes:
            raise BadArchive(
                self.path, info.filename, f"{info.file_size:,} bytes, over the limit of {self._limit_bytes:,}"
            )
        if info.file_size > RATIO_FREE_BYTES and info.file_size > MAXIMUM_RATIO * max(info.compress_size, 1):
            ratio = info.file_size // max(info.compress_size, 1)
            reason = f"packed {ratio:,} times, which no filing is: a ZIP bomb"
            raise BadArchive(self.path, info.filename, reason)

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        content = bytearray()
        with self._zip.open(info) as member:
            # The stated size may be a lie, so the limit is held while reading too.
            while chunk := member.read(CHUNK_BYTES):
                content += chunk
                if len(content) > self._limit_bytes:
                    raise BadArchive(self.path, info.filename, f"unpacks to more than {self._limit_bytes:,} bytes")
        return bytes(content)
