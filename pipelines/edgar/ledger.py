"""`<home>/edgar/ledger.jsonl`: one line for every response kept, and one for every pass that finished.

Belongs here: reading, appending and repairing the ledger. Does not belong here: what follows from its lines.

It is the source's only memory: which response is current for a company, under which index its facts were last
looked at, the validators for conditional requests, and which pass was cut off.
"""

import errno
import json
import os
import threading
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import Any

from .errors import StorageError
from .storage import WRITE_REMEDY


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line. `cik` is 0 for the ticker list and for passes; `fetched_at` is ISO 8601 in UTC.

    kind: `index`, `older_index`, `facts`, `tickers` or `pass`. status: as served (200, or 304 when the server
    confirmed what is kept); 0 for passes and for members of a bulk archive. Only on `facts`: `index_sha256`,
    the index they were compared with; `new`, the accessions for which they were asked again; `missing`, the
    accessions of statement filings in that index which the facts did not hold; `asked_on`, the pass's day in UTC on
    which they were asked for (empty where an earlier version or a bulk archive wrote the line). Only on `older_index`:
    `mark`, the page's filing count and last filing date by the index.
    """

    kind: str
    cik: int
    url: str
    fetched_at: str
    pass_id: str
    sha256: str = ""
    status: int = 0
    etag: str | None = None
    last_modified: str | None = None
    index_sha256: str | None = None
    new: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    asked_on: str = ""
    mark: str | None = None

    def fetched_time(self) -> datetime:
        """Return `fetched_at` as a time in UTC."""
        return datetime.fromisoformat(self.fetched_at).astimezone(UTC)


_NAMES = {item.name for item in fields(LedgerLine)}


def _parse(text: bytes) -> LedgerLine | None:
    try:
        content: Any = json.loads(text)
        line = LedgerLine(**{name: value for name, value in content.items() if name in _NAMES})
        line.fetched_time()
        return line
    except (ValueError, TypeError, AttributeError):
        return None


class Ledger:
    """The ledger of one home folder. Safe for use from many threads of one process.

    A line that cannot be read (a killed process, a full disk) is left out and counted in `unreadable`: the
    worst that follows is that its response is requested again.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "edgar" / "ledger.jsonl"
        self.unreadable = 0
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], LedgerLine] = {}
        self._facts: dict[int, LedgerLine] = {}
        self._last_pass_line: LedgerLine | None = None
        for text in self._stored_lines():
            line = _parse(text)
            if line is None:
                self.unreadable += 1
            else:
                self._remember(line)

    def _stored_lines(self) -> list[bytes]:
        try:
            return [text for text in self.path.read_bytes().split(b"\n") if text.strip()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(self.path, error, WRITE_REMEDY) from error

    def _remember(self, line: LedgerLine) -> None:
        self._last[line.kind, line.url] = line
        self._last_pass_line = line
        if line.kind == "facts":
            self._facts[line.cik] = line

    def last(self, kind: str, url: str) -> LedgerLine | None:
        """Return the newest line of this kind for this URL."""
        with self._lock:
            return self._last.get((kind, url))

    def facts(self, cik: int) -> LedgerLine | None:
        """Return the newest companyfacts line of this CIK."""
        with self._lock:
            return self._facts.get(cik)

    def lines(self, kind: str, cik: int) -> list[LedgerLine]:
        """Return the newest line of each URL of this kind and CIK, ordered by URL."""
        with self._lock:
            found = [line for line in self._last.values() if line.kind == kind and line.cik == cik]
        return sorted(found, key=lambda line: line.url)

    def unfinished_pass(self) -> LedgerLine | None:
        """Return the newest line when it belongs to a pass that did not finish."""
        last = self._last_pass_line
        return last if last is not None and last.kind != "pass" else None

    def append(self, line: LedgerLine) -> None:
        """Add a line in one write, after cutting off what a killed process left of an unfinished one.

        Raises StorageError naming the file when it cannot be written.
        """
        text = json.dumps(asdict(line), separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a+b", buffering=0) as file:
                    end = _end_of_last_line(file.seek(0, os.SEEK_END), self.path)
                    file.truncate(end)
                    _write_all(file, text)
                    os.fsync(file.fileno())
            except OSError as error:
                raise StorageError(self.path, error, WRITE_REMEDY) from error
            self._remember(line)


def _write_all(file: RawIOBase, text: bytes) -> None:
    # On a disk that is nearly full, the system may take a part of a write without an error.
    if file.write(text) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _end_of_last_line(size: int, path: Path) -> int:
    """Return the length of the file up to and with its last line break."""
    with path.open("rb") as file:
        position = size
        while position > 0:
            start = max(0, position - 65_536)
            file.seek(start)
            found = file.read(position - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            position = start
    return 0
