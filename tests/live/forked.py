"""Refreshes in processes of their own that start in milliseconds: a server that has imported everything forks one per refresh.

Unless the whole catalogue is asked for, the refreshes make every source table and the core and score tables; the tables derived
from these are left out, because they add minutes and no other kind of step.

Belongs here: starting, killing and awaiting such refreshes. Does not belong here: assertions. By hand: `python -m tests.live.forked`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.homes import ROOT


class Forked:
    """The forking server, with the environment of the refreshes."""

    def __init__(self, environment: dict[str, str], *, every_table: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.forked", *([EVERY_TABLE] if every_table else [])],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the forking server ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def start(self, home: Path, **task: Any) -> int:
        """Begin a refresh; returns its process id. Tasks: see `_child`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"home": str(home), **task}) + "\n")
        self.process.stdin.flush()
        return int(self._read()["pid"])

    def end(self) -> dict[str, Any]:
        """Await the refresh: `signal` that ended it (0 for none) and, where it ended by itself, `outcome` and `message`."""
        return self._read()

    def run(self, home: Path, **task: Any) -> dict[str, Any]:
        """A refresh from beginning to end."""
        self.start(home, **task)
        return self.end()

    def run_and_kill(self, home: Path, seconds: float) -> dict[str, Any]:
        """A refresh that is killed after some time, if it lasts so long."""
        pid = self.start(home)
        time.sleep(seconds)
        # The server reaps a process only when it is asked for the next one, so the process id can't be another's.
        os.kill(pid, signal.SIGKILL)
        return self.end()

    def close(self) -> None:
        """End the server."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)


EVERY_TABLE = "every-table"
KEPT_TABLES = {
    "filings",
    "statement_facts",
    "fiscal_years",
    "fiscal_quarters",
    "companies",
    "quarters_history",
    "quarters",
    "fiscal_year_to_date",
    "missing_quarters",
    "fundamentals",
    "sub_indices",
    "composite_scores",
    "awaited_filings",
}


def _leave_out_tables() -> None:
    """Keep few tables; macros and views are over the others."""
    from pipelines import catalogue

    catalogue.FUNCTIONS = tuple(function for function in catalogue.FUNCTIONS if function.__name__ in KEPT_TABLES)
    from pipelines import publishing

    publishing.macro_statements = lambda *_: []
    publishing.lineage_statements = lambda *_: []


def _serve() -> None:
    if EVERY_TABLE not in sys.argv[1:]:
        _leave_out_tables()
    import pipelines.definitions  # noqa: F401
    from pipelines import refreshing, workshop

    # Tables shall depend on the data alone, also when a source file is saved while the tests run.
    workshop.code_hash = lambda: "0" * 64
    workshop.content_hash = lambda *_: "0" * 64
    assert refreshing.refresh
    print(json.dumps({"ready": True}), flush=True)
    ended = 0
    while line := sys.stdin.readline():
        if ended:
            os.waitpid(ended, 0)
        task = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _child(task, writing)
        os.close(writing)
        print(json.dumps({"pid": pid}), flush=True)
        with os.fdopen(reading, encoding="utf-8") as result:
            text = result.read()
        # Waits without reaping, so that the process id stays taken until the one who kills has done so.
        state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        ended = pid
        report = json.loads(text) if text else {}
        killed = state.si_status if state is not None and state.si_code == os.CLD_KILLED else 0
        print(json.dumps({"signal": killed, **report}), flush=True)


def _child(task: dict[str, Any], writing: int) -> None:
    """Refresh. `kill_after_step`: die when a step of this name is done; `kill_after_replace`: die after so many swaps of the publication."""
    from pipelines.refreshing import refresh
    from warehouse import publication
    from warehouse.home import Home

    steps: list[str] = []

    def watch(step: str) -> None:
        steps.append(step)
        if step == task.get("kill_after_step"):
            os.kill(os.getpid(), signal.SIGKILL)

    replace, count = os.replace, [0]

    class Replacing:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def replace(self, *paths: Any) -> None:
            replace(*paths)
            count[0] += 1
            if count[0] == task.get("kill_after_replace"):
                os.kill(os.getpid(), signal.SIGKILL)

    publication.os = Replacing()  # type: ignore[assignment]
    universe = os.environ["TOKENCHAIN_UNIVERSE"]
    outcome = refresh(Home.resolve(task["home"]), "edgar", Path(universe), watch)
    report = {
        "outcome": outcome.record.outcome if outcome.record else None,
        "message": outcome.message,
        "steps": steps,
    }
    with os.fdopen(writing, "w", encoding="utf-8") as result:
        result.write(json.dumps(report))
    os._exit(0)


if __name__ == "__main__":
    _serve()
