"""What a pass tells while it runs.

Belongs here: the event type and the one way to report it. Does not belong here: how a terminal or Dagster
shows it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger("tokenchain.edgar")

WARNINGS = frozenset({"retry", "blocked", "failure", "overdue", "ledger_repaired", "ticker_unknown"})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: a kind for programs, a message for people.

    Kinds: `pass_started`, `pass_resumed`, `pass_finished`, `landed`, `retry`, `blocked`, `block_over`,
    `awaited`, `overdue`, `failure`, `ticker_unknown`, `ledger_repaired`, `download`, `kept_newer`.
    """

    kind: str
    message: str
    cik: int | None = None
    url: str | None = None


OnEvent = Callable[[Event], None]


def reporter(on_event: OnEvent | None) -> OnEvent:
    """Return a callback that logs an event and hands it to the caller's own callback, where there is one."""

    def report(event: Event) -> None:
        logger.log(logging.WARNING if event.kind in WARNINGS else logging.INFO, "%s", event.message)
        if on_event is not None:
            on_event(event)

    return report
