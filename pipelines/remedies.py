"""What a user is told of a fault of the machine: one sentence with the path and what to do.

What belongs here: words for errors of files, disks and the published file. What does not: errors of our own, which say it themselves
(`warehouse.errors`), and printing (`pipelines.cli`).
"""

from __future__ import annotations

import errno
import re

import duckdb

from warehouse.errors import TokenchainError
from warehouse.home import Home

LOCKED = "Could not set lock"
ANOTHER = "choose another folder with --home"
OF_FILES = {
    **dict.fromkeys((errno.EROFS,), f"make it writable or {ANOTHER}"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), f"give this user the right to read and write it, or {ANOTHER}"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST, errno.EISDIR), f"move it away or {ANOTHER}"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space"),
}


def sentence_for(error: Exception, home: Home | None) -> str | None:
    """The sentence for an error, None where it is no fault of the machine but one of this code, which its trace tells best."""
    if isinstance(error, TokenchainError):
        return str(error)
    # Whoever reads our output may stop reading; that is no error.
    if isinstance(error, BrokenPipeError):
        return None
    if isinstance(error, OSError):
        return _of_file(error, home)
    if isinstance(error, duckdb.Error) and home is not None:
        return _of_database(str(error), home)
    return None


def _of_file(error: OSError, home: Home | None) -> str:
    place = error.filename or (home.root if home is not None else None)
    fault = error.strerror or str(error)
    remedy = OF_FILES.get(error.errno or 0)
    return (f"{place}: " if place else "") + fault + (f"; {remedy}" if remedy else "")


def _of_database(text: str, home: Home) -> str:
    if LOCKED in text:
        process = re.search(r"PID (\d+)", text)
        who = f"another program (process {process.group(1)})" if process else "another program"
        return f"{home.database}: {who} has it open for writing; close it there, or let it open the file read-only"
    if "permission denied" in text.lower():
        return f"{home.database}: Permission denied; {OF_FILES[errno.EACCES]}"
    fault = text.strip().splitlines()[0].replace(str(home.database), home.database.name)
    return f"{home.database}: can't be read ({fault}); `tokenchain refresh` publishes it anew"


def with_remedy(message: str, home: Home) -> str:
    """A failed run's message with what to do where the machine and not the data is at fault."""
    text = message.lower()
    if "no space left" in text or "disk is full" in text or "file too large" in text or "disk i/o error" in text:
        return f"{message}; free some space below {home.root} and refresh again"
    if "read-only" in text or "readonly" in text or "permission denied" in text:
        return f"{message}; make {home.root} writable or choose another folder with --home"
    return message
