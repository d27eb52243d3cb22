"""One refresh at a time: a lock on the home folder that tells who holds it.

What belongs here: taking and giving back the lock. What does not: Dagster's own concurrency limits.
"""

from __future__ import annotations

import json
import os
import socket

from filelock import FileLock, Timeout

from warehouse.errors import HomeBusy
from warehouse.home import Home
from warehouse.run_log import now

PATIENCE_SECONDS = 1.0


class HomeLock:
    """An operating-system lock: it goes with its process, so a dead holder never blocks the next refresh.

    A note beside it says who holds it. `left_behind` names, once the lock is taken, the holder that died without giving it back.
    """

    def __init__(self, home: Home, run_id: str) -> None:
        self.path = home.root / "refresh.lock"
        self.holder_path = home.root / "refresh.lock.json"
        self.run_id = run_id
        self.lock = FileLock(self.path)
        self.left_behind: str | None = None

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
        holder = {"process": os.getpid(), "machine": socket.gethostname(), "run": self.run_id, "since": now()}
        try:
            self.holder_path.write_text(json.dumps(holder), encoding="utf-8")
        except OSError:
            self.lock.release()
            raise

    def is_held(self) -> bool:
        """Whether a living process holds the lock, by its note; taking the lock to find out could get into a refresh's way."""
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
        """Give the lock back."""
        self.holder_path.unlink(missing_ok=True)
        self.lock.release()
