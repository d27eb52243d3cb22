"""Dagster's instance below the home folder, shared by the command line and the UI.

What belongs here: its settings, and runs in it whose process died. What does not: definitions.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.notifying import tell_failure_aside
from warehouse.home import Home
from warehouse.run_log import read

if TYPE_CHECKING:
    import dagster as dg

# A run that never got as far as the run log is given this long after its last change of status before it counts as dead.
UNKNOWN_RUN_SECONDS = 3_600
# Dagster ends a sensor's call after sixty seconds and keeps nothing of it; a look at 5 requests a second takes as long for 300
# companies. This is the pause between two looks, so a look may take until the next one is due.
SENSOR_SECONDS = 15 * 60
DIED = "the process of this run ended without telling; found by a later refresh or look"
BEGUN = "started"
SETTINGS = """\
# Written by tokenchain; your own settings may be added.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
code_servers:
  # On shutdown wait for a run in progress; Dagster waits thirty seconds at most.
  wait_for_local_processes_on_shutdown: true
"""


def prepare_instance(home: Home) -> Path:
    """Make the instance folder with its settings and point Dagster at it; returns the folder."""
    home.create()
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    # Written one by one, a run's events take a second of its time.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "50")
    # Read by the daemon when it starts: `tokenchain ui` hands its environment on, services set it themselves (deploy/).
    os.environ.setdefault("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", str(SENSOR_SECONDS))
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["TOKENCHAIN_HOME"] = str(home.root)
    return home.dagster


def close_dead_runs(instance: dg.DagsterInstance, home: Home, own_run_id: str = "") -> list[str]:
    """Mark runs as failed that a killed process left behind as running; returns their ids. Only for the holder of the home's lock.

    Dagster starts no queued run while it believes another is going on. The lock tells that none is: whoever began a refresh of
    this home folder and did not end it is dead. An operator is told of each that nobody else tells of.
    """
    import dagster as dg

    outcomes = {record.run_id: record.outcome for record in read(home.run_log)}
    statuses = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    closed = []
    for record in instance.get_run_records(dg.RunsFilter(job_name="refresh", statuses=statuses)):
        run = record.dagster_run
        # Not since it was asked for: it may have waited in the queue for hours and have been started only now.
        is_old = record.update_timestamp.timestamp() < time.time() - UNKNOWN_RUN_SECONDS
        if run.run_id != own_run_id and (outcomes.get(run.run_id) == BEGUN or is_old):
            instance.report_run_failed(run, DIED)
            if _is_untold(run, outcomes.get(run.run_id, BEGUN)):
                tell_failure_aside(home, run.run_id, run.tags.get("tokenchain/source", "an unknown source"), DIED)
            closed.append(run.run_id)
    return closed


def _is_untold(run: dg.DagsterRun, outcome: str) -> bool:
    """Whether nobody else tells of a dead run.

    A command line tells of its run when that ends; Dagster's failure sensor only of runs that the daemon or the UI started.
    """
    return outcome == BEGUN and run.remote_job_origin is None
