"""Which refresh the sensor asks for, and when it asks again.

What belongs here: what is remembered of each reason for a refresh, and the pauses between attempts. What does not: looking, and Dagster's
sensors (`pipelines.watching`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import dagster as dg

from pipelines.edgar import Look

ENDED_BADLY = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
# What fails twice may be a passing fault; what fails a third time most likely needs a hand, or hours.
FAILURES_WITHOUT_PAUSE = 2
FIRST_PAUSE = dt.timedelta(minutes=30)
LONGEST_PAUSE = dt.timedelta(hours=6)
# A tick comes when the daemon gets to it; without some slack a pause would end one tick late.
SLACK = dt.timedelta(minutes=1)

States = Mapping[str, dg.DagsterRunStatus | None]


@dataclass(frozen=True)
class Asked:
    """The newest run asked for because of one reason: its key, which attempt it is, and when it was asked for (empty: not known)."""

    run_key: str
    attempt: int
    asked_at: str = ""


@dataclass
class Cursor:
    """What the sensor remembers: when it looked last, for each reason the run it asked for, and CIK → day of what it asked in vain."""

    looked_at: str = ""
    requested: dict[str, Asked] = field(default_factory=dict)
    asked_in_vain: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """The cursor stored; an empty one where there is none or it can't be read."""
        try:
            content = json.loads(text or "{}")
            requested = {
                str(reason): Asked(str(noted["run_key"]), int(noted["attempt"]), str(noted.get("asked_at", "")))
                for reason, noted in content.get("requested", {}).items()
            }
            in_vain = {str(int(cik)): str(day) for cik, day in content.get("asked_in_vain", {}).items()}
            return cls(str(content.get("looked_at", "")), requested, in_vain)
        except (ValueError, AttributeError, TypeError, KeyError):
            return cls()

    def text(self) -> str:
        """What Dagster stores."""
        return json.dumps(asdict(self), sort_keys=True)

    def in_vain_on(self, moment: dt.datetime) -> set[int]:
        """CIKs whose companyfacts were asked for overdue filings on a moment's day already."""
        return {int(cik) for cik, day in self.asked_in_vain.items() if day == moment.date().isoformat()}

    def note_in_vain(self, ciks: Iterable[int], moment: dt.datetime) -> None:
        """Remember CIKs for the rest of the day; those of earlier days are forgotten."""
        known = self.in_vain_on(moment) | set(ciks)
        self.asked_in_vain = {str(cik): moment.date().isoformat() for cik in sorted(known)}


def runs_to_request(found: Look, cursor: Cursor, states: States, moment: dt.datetime) -> tuple[str, list[str]] | None:
    """The run key and the reasons of the run to ask for, None where there is none to ask for now; the cursor is brought up to date.

    `states` must be those from before the look: a reason that is found after its run ended was left by that run.
    """
    reasons = found.reasons()
    if not found.failures:
        # A company that could not be looked at must keep what is remembered of it.
        cursor.requested = {reason: asked for reason, asked in cursor.requested.items() if reason in reasons}
    open_reasons = [reason for reason in reasons if is_open(cursor.requested.get(reason), states, moment)]
    if not open_reasons:
        return None
    attempts = {reason: 1 + _attempts(cursor, reason) for reason in open_reasons}
    digest = hashlib.sha256("\n".join(open_reasons).encode()).hexdigest()[:16]
    key = f"{digest}-{max(attempts.values())}"
    for reason, attempt in attempts.items():
        cursor.requested[reason] = Asked(key, attempt, moment.isoformat())
    return key, open_reasons


def _attempts(cursor: Cursor, reason: str) -> int:
    asked = cursor.requested.get(reason)
    return asked.attempt if asked is not None else 0


def is_open(asked: Asked | None, states: States, moment: dt.datetime) -> bool:
    """Whether to ask for a run because of a reason that is still there.

    Not while its run goes on. After its run ended, badly or well, when the pause is over: a run succeeds without a company's
    companyfacts when their request failed.
    """
    if asked is None:
        return True
    status = states.get(asked.run_key)
    has_succeeded = status is dg.DagsterRunStatus.SUCCESS
    if not (has_succeeded or status is None or status in ENDED_BADLY):
        return False
    return _is_over(asked.asked_at, pause_after(asked.attempt, has_succeeded), moment)


def pause_after(attempt: int, has_succeeded: bool) -> dt.timedelta:
    """How long the next attempt waits, from when this one was asked for; twice as long each time, up to six hours.

    The first two runs that failed are repeated at once. A run that succeeded and left its reason is not: a refresh has just asked EDGAR.
    """
    doublings = attempt - 1 if has_succeeded else attempt - 1 - FAILURES_WITHOUT_PAUSE
    if doublings < 0:
        return dt.timedelta()
    # Beyond this the longest pause has long been reached, and the number would only grow.
    return min(FIRST_PAUSE * (1 << min(doublings, 10)), LONGEST_PAUSE)


def _is_over(asked_at: str, pause: dt.timedelta, moment: dt.datetime) -> bool:
    """Whether a pause is over; it is where its beginning is unknown or the clock was set back."""
    try:
        since = moment - dt.datetime.fromisoformat(asked_at)
    except (ValueError, TypeError):
        return True
    return since < dt.timedelta() or since >= pause - SLACK
