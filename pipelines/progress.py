"""Telling a watcher how far a refresh has come.

What belongs here: the hooks that assets call. What does not: how it is drawn (`pipelines.cli`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Watcher = Callable[[str], None]

_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_TELLER: ContextVar[Watcher | None] = ContextVar("teller", default=None)


def watch(watcher: Watcher | None, teller: Watcher | None = None) -> None:
    """Set who is told of finished steps, and who of things worth a line (a pause, a refusal), in this process."""
    _WATCHER.set(watcher)
    _TELLER.set(teller)


def report(step: str) -> None:
    """Tell the watcher, if there is one, that a step is done."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(step)


def teller() -> Watcher:
    """Whom to tell of things worth a line; a plain function, so that threads, which see no context variable, can call it."""
    return _TELLER.get() or _nobody


def warner() -> Watcher:
    """Whom to tell of things worth a line that belong into the run's log in Dagster too; for threads like `teller`."""
    # Imported late: commands without a run do not need it.
    from dagster import get_dagster_logger

    watcher = teller()

    def warn(message: str) -> None:
        get_dagster_logger().warning(message)
        watcher(message)

    return warn


def _nobody(_: str) -> None:
    """Stand in where nobody watches."""
