"""Telling a watcher how far a refresh has come.

What belongs here: the hook that assets call. What does not: how it is drawn (`pipelines.cli`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Watcher = Callable[[str], None]

_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def watch(watcher: Watcher | None) -> None:
    """Set who is told of finished steps in this process."""
    _WATCHER.set(watcher)


def report(step: str) -> None:
    """Tell the watcher, if there is one, that a step is done."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(step)
