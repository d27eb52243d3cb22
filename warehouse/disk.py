"""Files that are either as before or whole, whatever happens.

What belongs here: what every writer needs before it renames a file into place. What does not: what is written.
"""

from __future__ import annotations

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Wait until the disk has a file's content: a power cut after its renaming could otherwise leave an empty file of that name."""
    with path.open("rb") as written:
        os.fsync(written.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it into it once the disk has it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    flush(temporary)
    os.replace(temporary, path)
