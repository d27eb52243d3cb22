"""The request rate of this machine, kept by pyrate-limiter in one SQLite file for all threads and processes.

Belongs here: permits to send a request. Does not belong here: retries, and the pause after a block.

A plain sliding window counts when requests leave; the server counts when they arrive, and a request that
travels slowly can arrive together with the next second's. So a permit counts from its request's sending until
one second after the answer's first bytes: whatever the network does, no second holds more arrivals than the
limit.
"""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from pyrate_limiter import Duration, Rate, RateItem, SQLiteBucket

from .errors import Cancelled, StorageError
from .storage import make_shared_file

TABLE = "requests"
LOOK_SECONDS = 0.02
# A process that is killed leaves its unanswered requests behind: their permits come free after this long.
IN_FLIGHT_MILLISECONDS = 3_000
REMEDY = "Set TOKENCHAIN_EDGAR_STATE_DIRECTORY to a folder on a local disk that you can write to"


class InFlightBucket(SQLiteBucket):
    """pyrate-limiter's SQLite bucket in which an unanswered request counts until it is answered.

    Times are milliseconds of the machine's monotonic clock, which all processes share and no clock change
    moves.
    """

    def now(self) -> int:
        """Return the monotonic clock in milliseconds."""
        return time.monotonic_ns() // 1_000_000

    def put(self, item: RateItem) -> bool:
        """Take a permit named `item.name` and return True, or return False when the window is full."""
        with self.lock:
            now = self.now()
            self._forget(now)
            item.timestamp = now
            if not super().put(item):
                return False
            self._stamp(item.name, now + IN_FLIGHT_MILLISECONDS)
            return True

    def settle(self, name: str) -> None:
        """Note that the request of permit `name` was answered just now."""
        with self.lock:
            self._stamp(name, self.now())

    def _stamp(self, name: str, timestamp: int) -> None:
        self.conn.execute(f"UPDATE {TABLE} SET item_timestamp = ? WHERE name = ?", (timestamp, name))
        self.conn.commit()

    def _forget(self, now: int) -> None:
        # Stamps further ahead than any permit reaches were written before the machine last started.
        old, impossible = now - 2 * int(Duration.SECOND), now + IN_FLIGHT_MILLISECONDS
        self.conn.execute(f"DELETE FROM {TABLE} WHERE item_timestamp < ? OR item_timestamp > ?", (old, impossible))
        self.conn.commit()


class RequestRate:
    """Permits for at most `per_second` requests in any one second, over all users of `directory`."""

    def __init__(self, directory: Path, per_second: int, stop: threading.Event) -> None:
        self._path = directory / "requests.sqlite"
        self._stop = stop
        self._turn = threading.Lock()
        self._bucket = self._open(per_second)

    def _open(self, per_second: int) -> InFlightBucket:
        rates = [Rate(per_second, Duration.SECOND)]
        try:
            return _open_bucket(self._path, rates)
        except (sqlite3.OperationalError, OSError) as error:
            raise StorageError(self._path, error, REMEDY) from error
        except sqlite3.DatabaseError:
            # A broken count is worth nothing: the last second is all it ever holds.
            self._path.unlink(missing_ok=True)
            return _open_bucket(self._path, rates)

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Wait for a permit and hold it; leave it when the answer's first bytes are here or will never be.

        Raises Cancelled when the pass is stopped while waiting, StorageError when the count cannot be kept.
        """
        name = uuid.uuid4().hex
        try:
            self._take(name)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(self._path, error, REMEDY) from error
        try:
            yield
        finally:
            self._bucket.settle(name)

    def _take(self, name: str) -> None:
        # One thread of a process asks at a time, the others queue: fewer look-ups, and roughly first come,
        # first served.
        with self._turn:
            while not self._bucket.put(RateItem(name, self._bucket.now())):
                if self._stop.wait(LOOK_SECONDS):
                    raise Cancelled("the pass was stopped")

    def close(self) -> None:
        """Close the file."""
        self._bucket.close()  # type: ignore[no-untyped-call]


def _open_bucket(path: Path, rates: list[Rate]) -> InFlightBucket:
    # SQLite gives the files beside its own the mode of its own.
    make_shared_file(path)
    make_shared_file(path.with_name(f"{path.name}.lock"))
    # The library's own constructor returns the class it is called on, but says it returns its base.
    bucket = InFlightBucket.init_from_file(rates, table=TABLE, db_path=str(path), use_file_lock=True)
    return cast("InFlightBucket", bucket)
