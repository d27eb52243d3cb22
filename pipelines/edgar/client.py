"""The HTTP client: every request to EDGAR goes through here.

Belongs here: one request with its permit, retries, block pause and conditional headers. Does not belong here:
which addresses to ask, what the answers mean, keeping them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Self, TypeVar

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from tenacity.nap import sleep_using_event

from .block import BlockGate
from .body import check_json_shape, check_status, raw_chunks, read_body
from .errors import NotFound, StorageError, TransientFault, Unavailable, UnexpectedStatus
from .events import Event, OnEvent
from .rate import RequestRate
from .settings import EdgarSettings
from .storage import WRITE_REMEDY, trusted_directory

BLOCK_STATUSES = frozenset({403, 429})
# Reading the certificates takes longer than a quiet day's requests: once per process is enough.
certificates = cache(httpx.create_ssl_context)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response: status 200 with its uncompressed body, or 304 with an empty one."""

    url: str
    status: int
    body: bytes
    etag: str | None
    last_modified: str | None
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave along with a response, to ask later whether it changed."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the request headers that make a request conditional."""
        names = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in names.items() if value}


class EdgarClient:
    """A client for one pass. Safe for use from many threads; close it, or use it as a context manager.

    Raises MissingContact on creation, before any request. `requests` counts the requests sent, retries
    included.
    """

    def __init__(self, settings: EdgarSettings, report: OnEvent) -> None:
        contact = settings.contact()
        trusted_directory(settings.state_directory, may_be_shared=settings.state_is_set)
        self.settings = settings
        self.requests = 0
        self._stop = threading.Event()
        self._report = report
        self._count_lock = threading.Lock()
        self._gate = BlockGate(settings, report, self._stop)
        self._rate = RequestRate(settings.state_directory, settings.requests_per_second, self._stop)
        self._http = httpx.Client(
            headers={"User-Agent": contact, "Accept-Encoding": "gzip", "Accept": "application/json"},
            timeout=httpx.Timeout(settings.read_timeout_seconds, connect=settings.connect_timeout_seconds, pool=None),
            follow_redirects=False,
            verify=certificates(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and files."""
        self._http.close()
        self._rate.close()

    def stop(self) -> None:
        """Make every waiting thread give up: pauses, permits and retries end with Cancelled."""
        self._stop.set()

    def get(self, url: str, validators: Validators | None = None) -> Answer:
        """Return the answer to one address, retried where that helps.

        Raises NotFound, UnexpectedStatus, NotJson or TooLarge at once, Unavailable after all attempts,
        Blocked at the second block of the pass.
        """
        headers = validators.headers() if validators else {}
        return self._with_retries(url, lambda: self._get_once(url, headers))

    def download(self, url: str, target: Path) -> None:
        """Stream a large file to `target`, whose folder must exist. Raises as `get` does, and StorageError.

        Bytes go to the file as they come; the caller gives a temporary name and renames it.
        """
        self._with_retries(url, lambda: self._download_once(url, target))

    def _with_retries(self, url: str, once: Callable[[], Result]) -> Result:
        settings = self.settings

        def tell(state: RetryCallState) -> None:
            failure = state.outcome.exception() if state.outcome else None
            reason = failure.reason if isinstance(failure, TransientFault) else str(failure)
            number = f"attempt {state.attempt_number} of {settings.attempts}"
            self._report(Event("retry", f"{url}: {reason}; {number} failed, trying again", url=url))

        retrying = Retrying(
            retry=retry_if_exception_type(TransientFault),
            stop=stop_after_attempt(settings.attempts),
            wait=wait_random_exponential(
                multiplier=settings.retry_wait_seconds, max=settings.retry_wait_maximum_seconds
            ),
            sleep=sleep_using_event(self._stop),
            before_sleep=tell,
            reraise=True,
        )
        try:
            return retrying(once)
        except TransientFault as error:
            raise Unavailable(url, error.reason, settings.attempts) from error

    def _get_once(self, url: str, headers: dict[str, str]) -> Answer:
        settings = self.settings
        with self._response(url, headers) as response:
            body = b""
            if response.status_code == 304 and not headers:
                raise UnexpectedStatus(url, 304)
            if response.status_code != 304:
                body = read_body(response, url, settings.maximum_response_bytes, settings.response_seconds)
                check_json_shape(body, url, response.status_code)
            return Answer(
                url,
                response.status_code,
                body,
                response.headers.get("etag"),
                response.headers.get("last-modified"),
                datetime.now(UTC),
            )

    def _download_once(self, url: str, target: Path) -> None:
        settings = self.settings
        with self._response(url, {"Accept-Encoding": "identity", "Accept": "*/*"}) as response:
            chunks = raw_chunks(response, url, settings.maximum_archive_bytes, settings.download_seconds)
            try:
                with target.open("wb") as file:
                    file.writelines(chunks)
            except OSError as error:
                raise StorageError(target, error, WRITE_REMEDY) from error

    @contextmanager
    def _response(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Send one request and give its response, body unread; turn the network's errors into ours."""
        try:
            response = self._send(url, headers)
            try:
                _check(url, response.status_code)
                yield response
            finally:
                response.close()
        except httpx.TimeoutException as error:
            raise TransientFault(url, f"no answer in time ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise TransientFault(url, f"the connection failed or was cut off ({error})") from error

    def _send(self, url: str, headers: dict[str, str]) -> httpx.Response:
        request = self._http.build_request("GET", url, headers=headers)
        while True:
            self._gate.wait()
            with self._rate.permit():
                # Another thread or process may have been refused while this one waited for its permit.
                if self._gate.closed():
                    continue
                sent_at = time.time()
                with self._count_lock:
                    self.requests += 1
                response = self._http.send(request, stream=True)
            if response.status_code not in BLOCK_STATUSES:
                return response
            response.close()
            self._gate.declare(url, response.status_code, sent_at)


def _check(url: str, status: int) -> None:
    if status == 404:
        raise NotFound(url)
    if status >= 500:
        raise TransientFault(url, f"status {status}")
    check_status(url, status)
