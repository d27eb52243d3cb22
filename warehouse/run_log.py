"""The run log: one JSON line per event of a refresh in the home folder, so that `status` knows of failures too.

What belongs here: appending and reading run records. What does not: Dagster's own event log.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class RunRecord:
    """A refresh: who, when, from what, and how it ended (`started` when it never did)."""

    run_id: str
    started_at: str
    outcome: str
    source: str
    code_version: str
    methodology_hash: str
    process_id: int = 0
    finished_at: str | None = None
    responses: dict[str, str] = field(default_factory=dict)
    message: str | None = None
    as_of: str | None = None

    def ended(self, outcome: str, message: str | None = None) -> RunRecord:
        """The record of the same run at its end."""
        return replace(self, outcome=outcome, finished_at=now(), message=message or self.message)


def now() -> str:
    """The present moment, UTC, to the microsecond."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def append(path: Path, record: RunRecord) -> None:
    """Append a record; the last line of a run is its state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A line that a crash cut off must not swallow this one.
    is_cut_off = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
    with path.open("a", encoding="utf-8") as log:
        log.write(("\n" if is_cut_off else "") + json.dumps(asdict(record)) + "\n")
        log.flush()
        os.fsync(log.fileno())


def read(path: Path) -> list[RunRecord]:
    """The runs in order of their start, each in its last state; a line cut off by a crash is passed over."""
    runs: dict[str, RunRecord] = {}
    if not path.exists():
        return []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = RunRecord(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue
        runs[record.run_id] = record
    return list(runs.values())
