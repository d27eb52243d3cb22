"""The pause after SEC blocked this machine, shared by all its threads and processes through one small file.

Belongs here: noting a block, waiting for its end, telling a second block from echoes of the first. Does not
belong here: which statuses mean a block.
"""

import json
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .errors import Blocked, Cancelled
from .events import Event, OnEvent
from .settings import EdgarSettings
from .storage import SHARED_MODE, write_atomic

# How often a waiting process looks whether the pause was prolonged.
LOOK_SECONDS = 1.0
BLOCKS_BEFORE_GIVING_UP = 2


@dataclass(frozen=True, slots=True)
class Block:
    """A block: times are seconds since 1970 in UTC, `since` also serves as its name."""

    since: float
    until: float
    url: str
    status: int


def block_path(settings: EdgarSettings) -> Path:
    """Return the file that holds the machine's last block."""
    return settings.state_directory / "block.json"


def read_block(path: Path) -> Block | None:
    """Return the last block noted, over or not; None when there was none or it cannot be read."""
    try:
        content = json.loads(path.read_bytes())
        return Block(float(content["since"]), float(content["until"]), str(content["url"]), int(content["status"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def current_block(settings: EdgarSettings) -> Block | None:
    """Return the block that holds now, for `status`; None when requests may be made."""
    block = read_block(block_path(settings))
    return block if block is not None and _holds(block, settings.block_pause_seconds) else None


def _holds(block: Block, pause_seconds: float) -> bool:
    # A block that seems to end later than a whole pause from now was noted before the clock was set back.
    return 0 < block.until - time.time() <= pause_seconds + LOOK_SECONDS


class BlockGate:
    """What every request passes: closed while the machine is blocked.

    One gate serves one pass; it counts the distinct blocks the pass met, whichever process was refused, and
    gives up at the second.
    """

    def __init__(self, settings: EdgarSettings, report: OnEvent, stop: threading.Event) -> None:
        self._path = block_path(settings)
        self._pause_seconds = settings.block_pause_seconds
        self._report = report
        self._stop = stop
        self._lock = threading.Lock()
        self._met = 0
        self._newest: Block | None = None

    def closed(self) -> bool:
        """Whether a block holds now."""
        block = read_block(self._path)
        return block is not None and _holds(block, self._pause_seconds)

    def wait(self) -> None:
        """Return when no block holds.

        Raises Cancelled when the pass is stopped meanwhile, Blocked when this is the second block of the pass.
        """
        waited_for: Block | None = None
        while (block := read_block(self._path)) is not None and _holds(block, self._pause_seconds):
            waited_for = block
            self._meet(block)
            if self._stop.wait(min(max(block.until - time.time(), 0.001), LOOK_SECONDS)):
                raise Cancelled("the pass was stopped during the pause after a block")
        if waited_for is not None:
            self._report(Event("block_over", "the pause after EDGAR's block is over; going on"))

    def _meet(self, block: Block) -> None:
        """Count a block of the machine and tell of it once.

        Raises Blocked at the second.
        """
        with self._lock:
            is_new = not self._is_newest(block)
            self._met += is_new
            if self._newest is None or is_new or block.until > self._newest.until:
                self._newest = block
            is_second = self._met >= BLOCKS_BEFORE_GIVING_UP
        if is_second:
            raise Blocked(block.url, block.status, block.until)
        if is_new:
            self._announce(block)

    def _is_newest(self, block: Block) -> bool:
        """Whether a block is the one met last, perhaps prolonged.

        Processes that are refused together may each note a block, so what was noted before the last one was over
        is the same. Noted more than a pause before it, by a clock that was set back, it is another one.
        """
        newest = self._newest
        return newest is not None and newest.since - self._pause_seconds < block.since < newest.until

    def _announce(self, block: Block) -> None:
        end = datetime.fromtimestamp(block.until, UTC)
        self._report(
            Event(
                "blocked",
                f"EDGAR has blocked this machine (status {block.status} on {block.url}); "
                f"all requests pause until "
                f"{end:%H:%M:%S} UTC, {self._pause_seconds:g} seconds after the last refusal. "
                "Nothing to do: the pass goes on by itself",
                url=block.url,
            )
        )

    def declare(self, url: str, status: int, sent_at: float) -> None:
        """Note that a request sent at `sent_at` (seconds since 1970) was refused.

        Raises Blocked when this is the second block of the pass.
        """
        with self._lock:
            now = time.time()
            last = read_block(self._path)
            # Requests already under way when the block was noted are refused too: the same block, only
            # prolonged.
            echo = last is not None and last.since <= now and sent_at < last.until
            since = last.since if last is not None and echo else now
            block = Block(since, now + self._pause_seconds, url, status)
            write_atomic(self._path, json.dumps(asdict(block)).encode(), SHARED_MODE)
        self._meet(block)
