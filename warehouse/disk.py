"""Waiting for the disk.

What belongs here: what every writer of files needs before it renames one into place. What does not: the writers.
"""

from __future__ import annotations

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Wait until the disk has a file's content: a power cut after its renaming could otherwise leave an empty file of that name."""
    with path.open("rb") as written:
        os.fsync(written.fileno())
