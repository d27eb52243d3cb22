"""A server on loopback that speaks EDGAR's protocol from a folder of responses, with faults on demand.

Belongs here: the protocol and the faults. Does not belong here: what is served (`world.py`) and what must
follow from it.

The folder is laid out as EDGAR's paths are: `submissions/CIK##########.json`,
`api/xbrl/companyfacts/CIK##########.json`, `files/company_tickers.json`, `Archives/…`. A file may be stored
gzipped with `.gz` added to its name. Files are read anew for every request, so a test changes what is served
by writing files. By hand: `python -m tests.edgar.server FOLDER`.
"""

import gzip
import hashlib
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

BLOCK_PAGE = b"<!DOCTYPE html><html><head><title>Access Denied</title></head><body>Request rate too high</body></html>"


@dataclass(frozen=True)
class Fault:
    """One thing to do wrong for one request.

    kind: `status` (answer with `status` and a short text), `block` (`status`, 403 or 429, with a page of
    HTML), `html` (a page of HTML with status 200), `slow` (wait `seconds`, then answer rightly), `drip` (a
    byte at a time, `seconds` apart), `cut` (close after half of the body), `cut_gzip` (half of the gzip
    stream under a matching length), `short_length` and `long_length` (wrong Content-Length), `hang_up` (close
    without an answer), `body` (serve `body` instead), `bomb` (a gzip stream that unpacks to `size` bytes).
    """

    kind: str
    status: int = 503
    seconds: float = 0.0
    body: bytes = b""
    size: int = 0


@dataclass(frozen=True)
class Logged:
    """A request as the server saw it; `monotonic` is taken before anything was answered."""

    path: str
    monotonic: float
    wall: float
    status: int
    headers: dict[str, str]


@dataclass
class EdgarServer:
    """The server. `validators=False` makes it send neither ETag nor Last-Modified, and never 304."""

    folder: Path
    validators: bool = True
    log: list[Logged] = field(default_factory=list)
    before_answer: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._http = _Server(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base address of both of EDGAR's hosts."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def fail(self, path: str, *faults: Fault) -> None:
        """Queue faults for the next requests whose path ends with `path`; one request takes one."""
        with self._lock:
            self._faults[path].extend(faults)

    def forget_faults(self) -> None:
        """Forget the faults still queued."""
        with self._lock:
            self._faults.clear()

    def take_fault(self, path: str) -> Fault | None:
        """Take the next fault for a path."""
        with self._lock:
            for ending, queue in self._faults.items():
                if queue and path.endswith(ending):
                    return queue.popleft()
        return None

    def note(self, path: str, status: int, headers: dict[str, str], monotonic: float, wall: float) -> None:
        """Log a request."""
        with self._lock:
            self.log.append(Logged(path, monotonic, wall, status, headers))

    def paths(self) -> list[str]:
        """The paths asked for so far, in order."""
        with self._lock:
            return [logged.path for logged in self.log]

    def asked(self, ending: str) -> int:
        """How often a path with this ending was asked for."""
        return sum(path.endswith(ending) for path in self.paths())

    def clear(self) -> None:
        """Forget the log."""
        with self._lock:
            self.log.clear()

    def find(self, path: str) -> tuple[bytes, float] | None:
        """Return a response's body and the time it was last changed; None when there is none."""
        file = self.folder / path.lstrip("/")
        if ".." in path.split("/"):
            return None
        for name, unpack in ((file, bytes), (file.with_name(file.name + ".gz"), gzip.decompress)):
            if name.is_file():
                return unpack(name.read_bytes()), name.stat().st_mtime
        return None


def largest_second(log: list[Logged]) -> int:
    """Return the largest number of requests that arrived within any one second."""
    times = sorted(logged.monotonic for logged in log)
    return max((sum(start <= time < start + 1 for time in times) for start in times), default=0)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, edgar: EdgarServer) -> None:
        self.edgar = edgar
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about clients that hung up: faults make them."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Keep the terminal quiet: the log is a list."""

    def do_GET(self) -> None:
        """Answer one request."""
        monotonic, wall = time.monotonic(), time.time()
        edgar = self.server.edgar
        fault = edgar.take_fault(self.path)
        if edgar.before_answer is not None:
            edgar.before_answer(self.path)
        found = edgar.find(self.path)
        status = self._status(fault, found)
        edgar.note(self.path, status, {name.lower(): value for name, value in self.headers.items()}, monotonic, wall)
        if fault is not None:
            self._misbehave(fault, found)
        elif status == 404:
            self._send(404, b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "application/xml")
        else:
            assert found is not None
            self._serve(status, *found)

    def _status(self, fault: Fault | None, found: tuple[bytes, float] | None) -> int:
        if fault is not None and fault.kind in ("status", "block"):
            return fault.status
        if fault is not None:
            return 200
        if found is None:
            return 404
        return 304 if self._unchanged(*found) else 200

    def _unchanged(self, body: bytes, changed: float) -> bool:
        if not self.server.edgar.validators:
            return False
        if "If-None-Match" in self.headers:
            return self.headers["If-None-Match"] == _etag(body)
        return self.headers.get("If-Modified-Since") == formatdate(changed, usegmt=True)

    def _validators(self, body: bytes, changed: float) -> dict[str, str]:
        if not self.server.edgar.validators:
            return {}
        return {"ETag": _etag(body), "Last-Modified": formatdate(changed, usegmt=True)}

    def _serve(self, status: int, body: bytes, changed: float) -> None:
        headers = self._validators(body, changed)
        if status == 304:
            self._head(304, headers)
            return
        content, encoding = self._encoded(body)
        self._head(200, headers | encoding | {"Content-Type": self._type(), "Content-Length": str(len(content))})
        self.wfile.write(content)

    def _type(self) -> str:
        return "application/zip" if self.path.endswith(".zip") else "application/json"

    def _encoded(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        if "gzip" not in self.headers.get("Accept-Encoding", ""):
            return body, {}
        return gzip.compress(body, compresslevel=1, mtime=0), {"Content-Encoding": "gzip"}

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _misbehave(self, fault: Fault, found: tuple[bytes, float] | None) -> None:
        body, changed = found if found is not None else (b"{}", 0.0)
        packed = gzip.compress(body, mtime=0)
        match fault.kind:
            case "status":
                self._send(fault.status, b"service unavailable", "text/plain")
            case "block":
                self._send(fault.status, BLOCK_PAGE, "text/html")
            case "html":
                self._send(200, BLOCK_PAGE, "text/html")
            case "slow":
                time.sleep(fault.seconds)
                self._serve(200, body, changed)
            case "drip":
                self._drip(packed, fault.seconds)
            case "cut":
                self._gzipped(packed[: len(packed) // 2], len(packed))
            case "cut_gzip":
                self._gzipped(packed[: len(packed) // 2], len(packed) // 2)
            case "short_length":
                self._gzipped(packed, len(packed) - 10)
            case "long_length":
                self._gzipped(packed, len(packed) + 10)
            case "hang_up":
                self.close_connection = True
            case "body":
                self._send(200, fault.body, "application/json")
            case "bomb":
                bomb = gzip.compress(b"\x00" * fault.size, compresslevel=9, mtime=0)
                self._gzipped(bomb, len(bomb))
            case _:
                raise ValueError(f"no fault is called {fault.kind!r}")

    def _gzipped(self, content: bytes, length: int) -> None:
        self._head(200, {"Content-Encoding": "gzip", "Content-Length": str(length), "Connection": "close"})
        self.wfile.write(content)
        self.close_connection = True

    def _drip(self, packed: bytes, seconds: float) -> None:
        self._head(200, {"Content-Encoding": "gzip", "Content-Length": str(len(packed)), "Connection": "close"})
        for byte in packed:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(seconds)


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@contextmanager
def serving(folder: Path, validators: bool = True) -> Iterator[EdgarServer]:
    """Serve a folder for the length of a `with` block."""
    with EdgarServer(folder, validators) as server:
        yield server


if __name__ == "__main__":
    with serving(Path(sys.argv[1])) as running:
        sys.stdout.write(running.url + "\n")
        sys.stdout.flush()
        threading.Event().wait()
