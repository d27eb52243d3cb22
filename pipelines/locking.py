"""One refresh at a time: a lock on the home folder that tells who holds it.

What belongs here: taking and giving back the lock. What does not: Dagster's own concurrency limits.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.errors import HomeBusy
from warehouse.home import Home
from warehouse.run_log import now

PATIENCE_SECONDS = 1.0
# The name under which the sensor holds the lock for a moment, to look after dead runs.
LOOKING = "sensor"


class HomeLock:
    """An operating-system lock: it goes with its process, so a dead holder never blocks the next refresh.

    A note beside it says who holds it. `left_behind` names, once the lock is taken, the holder that died without giving it back;
    a look (`LOOKING`) puts the note of a dead holder back, so that the next refresh still tells of it.
    """

    def __init__(self, home: Home, run_id: str) -> None:
        self.path = home.root / "refresh.lock"
        self.holder_path = home.root / "refresh.lock.json"
        self.run_id = run_id
        self.lock = FileLock(self.path)
        self.left_behind: str | None = None
        self._note_found: str | None = None

    def acquire(self) -> None:
        """Take the lock; raises HomeBusy naming process, machine, run and start of the holder."""
        try:
            # The sensor holds it for a moment to look after dead runs.
            self.lock.acquire(timeout=PATIENCE_SECONDS, poll_interval=0.1)
        except Timeout:
            # Without its cause: whoever looks for the root of a failure must find this sentence.
            raise HomeBusy(
                f"{self.path.parent}: another refresh holds this home folder ({self.holder()}); wait for it"
            ) from None
        self.left_behind = self.holder() if self.holder_path.exists() else None
        self._note_found = self._note() if self.run_id == LOOKING else None
        holder = {"process": os.getpid(), "machine": socket.gethostname(), "run": self.run_id, "since": now()}
        try:
            self.holder_path.write_text(json.dumps(holder), encoding="utf-8")
        except OSError:
            self.lock.release()
            raise

    def is_held(self) -> bool:
        """Whether a living process holds the lock; touches neither lock file nor note.

        The operating system is asked, for it knows of holders in other containers, and a note outlives its writer. Where it
        can't tell, the note does.
        """
        try:
            return _is_locked(self.path)
        except FileNotFoundError:
            return False
        except OSError:
            return self._is_noted()

    def _is_noted(self) -> bool:
        """Whether the note names a process that lives, or one of another machine, of which nothing is known here."""
        try:
            holder = json.loads(self.holder_path.read_text(encoding="utf-8"))
            if holder["machine"] != socket.gethostname():
                return True
            os.kill(int(holder["process"]), 0)
        except PermissionError:
            return True
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return True

    def _note(self) -> str | None:
        try:
            return self.holder_path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def holder(self) -> str:
        """Who holds the lock, in words."""
        try:
            holder = json.loads(self.holder_path.read_text(encoding="utf-8"))
            return (
                f"process {holder['process']} on {holder['machine']}, run {holder['run']}, since {holder['since']} UTC"
            )
        except (OSError, ValueError, KeyError, TypeError):
            return "an unknown process"

    def release(self) -> None:
        """Give the lock back, and after a look the note of the dead holder that it found."""
        try:
            if self._note_found is None:
                self.holder_path.unlink(missing_ok=True)
            else:
                self.holder_path.write_text(self._note_found, encoding="utf-8")
        finally:
            self.lock.release()


def _is_locked(path: Path) -> bool:
    """Whether an open file holds the exclusive lock on a path; raises OSError where that can't be found out.

    A shared lock, taken and given back at once, tells it: shorter than a refresh's patience, and two that look see no holder in each
    other.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return not _can_share(descriptor)
    finally:
        os.close(descriptor)


def _can_share(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        raise OSError(errno.ENOSYS, "this system has no such lock") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
