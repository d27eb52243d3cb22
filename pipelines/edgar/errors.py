"""Every error the EDGAR source can raise, each with the sentence an operator reads.

Belongs here: exception classes. Does not belong here: deciding when to raise, retry or go on.
"""

from datetime import UTC, datetime
from pathlib import Path

from warehouse.errors import TokenchainError


class EdgarError(TokenchainError):
    """Anything that kept the EDGAR source from doing what was asked."""


class MissingContact(EdgarError):
    """SEC asks for a contact in the User-Agent and none is set; raised before the first request."""

    def __init__(self, given: str) -> None:
        found = f"it is {given!r}, which holds no e-mail address" if given.strip() else "it is not set"
        super().__init__(
            f"SEC requires a contact in the User-Agent of every request, taken from SEC_USER_AGENT: {found}. "
            "Set it to a name and an e-mail address of yours, for example: "
            'export SEC_USER_AGENT="Your Name you@your-domain.org"'
        )


class ResponseError(EdgarError):
    """One request that did not bring what it should; names the URL.

    `reason` is the sentence without the URL, for tables that show the URL beside it.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class NotFound(ResponseError):
    """Status 404: EDGAR has nothing at this address. Never retried."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "status 404: EDGAR has nothing at this address; check the CIK in the universe file")


class UnexpectedStatus(ResponseError):
    """A status the source has no use for, such as a redirect. Never retried."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(url, f"unexpected status {status}; check the base addresses in the settings")


class TransientFault(ResponseError):
    """A fault that may pass: 5xx, a timeout, a cut-off body. Retried."""


class Unavailable(ResponseError):
    """A transient fault that outlived every attempt."""

    def __init__(self, url: str, reason: str, attempts: int) -> None:
        super().__init__(
            url, f"given up after {attempts} attempts; the last one: {reason}. Run the refresh again later"
        )
        self.attempts = attempts


class NotJson(ResponseError):
    """A complete body that is no JSON, usually a page of HTML."""

    def __init__(self, url: str, status: int, found: str) -> None:
        super().__init__(url, f"status {status}, but the body is {found} instead of JSON")
        self.status = status


class TooLarge(ResponseError):
    """A body that is, or unpacks to, more bytes than the settings allow."""

    def __init__(self, url: str, limit_bytes: int) -> None:
        super().__init__(url, f"the body is larger than the limit of {limit_bytes:,} bytes and was not read further")


class WrongCompany(ResponseError):
    """A response about another CIK than the one asked for."""

    def __init__(self, url: str, expected: int, found: object) -> None:
        super().__init__(url, f"asked for CIK {expected}, the response is for CIK {found!r}; it was not kept")


class NoFacts(ResponseError):
    """A companyfacts response without a single fact."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "the response holds no facts; it was not kept, the last good one stays")


class BadIndex(ResponseError):
    """A filing index or ticker list whose structure cannot be read."""


class Blocked(EdgarError):
    """EDGAR refused requests a second time in one pass; the pass stops and can be resumed."""

    def __init__(self, url: str, status: int, until: float) -> None:
        self.until = datetime.fromtimestamp(until, UTC)
        super().__init__(
            f"EDGAR has blocked this machine a second time (status {status} on {url}), so this pass stops. "
            f"Nothing is lost: what was fetched is kept. "
            f"Run the same command again after {self.until:%Y-%m-%d %H:%M:%S} UTC and it goes on from here"
        )


class Cancelled(EdgarError):
    """Another part of the pass failed, so this request was not made."""


class TickerMismatch(EdgarError):
    """SEC's list maps a ticker to another CIK than the universe file."""

    def __init__(self, differences: list[tuple[str, int, int]]) -> None:
        self.differences = differences
        lines = "; ".join(f"{t}: universe file CIK {ours}, SEC's list CIK {theirs}" for t, ours, theirs in differences)
        super().__init__(
            f"tickers that belong to another CIK at SEC: {lines}. "
            "Correct the CIK in the universe file, or list the old "
            "CIK under successor_of of the company that took the ticker over"
        )


class StorageError(EdgarError):
    """A file of the source's own could not be written or read."""

    def __init__(self, path: Path, error: Exception, remedy: str) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        super().__init__(f"{path}: {reason}. {remedy}")
        self.path = path


class BadArchive(EdgarError):
    """A bulk archive, or one member of it, that is not safe or not whole."""

    def __init__(self, path: Path, member: str | None, reason: str) -> None:
        super().__init__(f"{path}{f', member {member!r}' if member else ''}: {reason}")
        self.member = member
        self.reason = reason
