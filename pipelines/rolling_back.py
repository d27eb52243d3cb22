"""Rolling back as the only one at work in a home folder.

What belongs here: the lock around a rollback. What does not: which file is gone back to (`warehouse.publication`).
"""

from __future__ import annotations

from pathlib import Path

from pipelines.locking import HomeLock
from warehouse.home import Home
from warehouse.publication import roll_back


def roll_back_alone(home: Home) -> Path:
    """Publish the file before the current one; returns it. Raises HomeBusy naming the holder where a refresh is going on.

    Raises HomeNotWritable where nothing can be written to the folder.
    """
    if not home.database.exists():
        # Taking the lock would make the folder that a mistyped --home names.
        return roll_back(home)
    home.require_writable()
    lock = HomeLock(home, "rollback")
    lock.acquire()
    try:
        return roll_back(home)
    finally:
        lock.release()
