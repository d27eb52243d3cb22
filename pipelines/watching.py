"""What the daemon does between refreshes: look for new filings, tell of failed runs.

What belongs here: the two sensors, and when to look. What does not: looking (`pipelines.edgar`), which run to ask for and when again
(`pipelines.requesting`), the refresh, and messages (`pipelines.notifying`).
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.edgar import EdgarError, Event, Look, look, read_settings
from pipelines.edgar.block import current_block
from pipelines.instance import close_dead_runs
from pipelines.locking import LOOKING, HomeLock
from pipelines.notifying import tell_failure
from pipelines.requesting import SLACK, Cursor, States, runs_to_request
from pipelines.workshop import BUNDLED, EDGAR, EDGAR_BULK
from warehouse.errors import HomeBusy, TokenchainError
from warehouse.home import Home
from warehouse.universe import DEFAULT_UNIVERSE, read_universe

NEW_YORK = ZoneInfo("America/New_York")
# EDGAR takes filings on weekdays from 6:00 to 22:00 in New York.
FILING_HOURS = range(6, 22)
TICK_SECONDS = 15 * 60
BETWEEN_LOOKS_OUTSIDE = dt.timedelta(hours=1)
SENSOR_SETTINGS = {
    "attempts": 1,
    "connect_timeout_seconds": 5.0,
    "read_timeout_seconds": 10.0,
    "response_seconds": 20.0,
}
FILINGS_TAG = "tokenchain/filings"


class BlockMet(EdgarError):
    """EDGAR blocked this machine during a look; a tick must not sleep through the pause."""


def is_filing_time(moment: dt.datetime) -> bool:
    """Whether EDGAR takes filings at a moment."""
    there = moment.astimezone(NEW_YORK)
    return there.weekday() < 5 and there.hour in FILING_HOURS


def is_due(looked_at: str, moment: dt.datetime) -> bool:
    """Whether to look now: at every tick in filing hours, hourly otherwise, and whenever the clock was set back."""
    if not looked_at or is_filing_time(moment):
        return True
    since = moment - dt.datetime.fromisoformat(looked_at)
    # Without the slack an hourly look would slip to every 75 minutes.
    return since < dt.timedelta() or since >= BETWEEN_LOOKS_OUTSIDE - SLACK


def look_now(home: Home, universe: Path, leave_overdue: Collection[int] = ()) -> Look:
    """One quick look: a single attempt per request, stopped at once by a block; `leave_overdue` as in `pipelines.edgar.look`.

    Raises TokenchainError with the reason when it was not possible.
    """
    settings = read_settings().model_copy(update=SENSOR_SETTINGS)
    block = current_block(settings)
    if block is not None:
        end = dt.datetime.fromtimestamp(block.until, dt.UTC)
        raise BlockMet(f"EDGAR has blocked this machine; looking again after {end:%H:%M:%S} UTC")
    companies = read_universe(universe).companies
    return look(companies, home.root, settings, _stop_at_block, leave_overdue=leave_overdue)


def _stop_at_block(event: Event) -> None:
    if event.kind == "blocked":
        raise BlockMet(event.message)


def _states(instance: dg.DagsterInstance, cursor: Cursor) -> States:
    """Run key → state of its newest run, None where it is gone."""
    states: dict[str, dg.DagsterRunStatus | None] = {}
    for key in {asked.run_key for asked in cursor.requested.values()}:
        runs = instance.get_runs(dg.RunsFilter(tags={FILINGS_TAG: key}), limit=1)
        states[key] = runs[0].status if runs else None
    return states


def configured() -> tuple[Home, str, Path]:
    """Home folder, source and universe that the daemon's environment names."""
    universe = os.environ.get("TOKENCHAIN_UNIVERSE", "")
    return (
        Home.resolve(),
        os.environ.get("TOKENCHAIN_SOURCE", BUNDLED),
        Path(universe) if universe else DEFAULT_UNIVERSE,
    )


def evaluate(context: dg.SensorEvaluationContext, moment: dt.datetime) -> dg.SensorResult:
    """One tick: look where it is due, ask for a run where there is something new, say why not otherwise."""
    home, source, universe = configured()
    _look_after_dead_runs(context, home)
    if source not in (EDGAR, EDGAR_BULK):
        return _skip(f"the source is {source}; new filings are looked for when TOKENCHAIN_SOURCE is {EDGAR}")
    cursor = Cursor.read(context.cursor)
    if not is_due(cursor.looked_at, moment):
        return _skip(f"outside US filing hours; looked at {cursor.looked_at}, next within the hour")
    # Before the look: what a run that has ended by now brought, the look finds in the home folder.
    states = _states(context.instance, cursor)
    try:
        found = look_now(home, universe, cursor.in_vain_on(moment))
    except TokenchainError as error:
        return _skip(f"could not look: {error}")
    cursor.looked_at = moment.isoformat()
    cursor.note_in_vain(found.asked_in_vain, moment)
    wanted = runs_to_request(found, cursor, states, moment)
    if wanted is None:
        return dg.SensorResult(skip_reason=dg.SkipReason(_nothing(found)), cursor=cursor.text())
    key, reasons = wanted
    context.log.info(f"refresh {key} for: {', '.join(reasons)}")
    request = dg.RunRequest(run_key=key, tags={FILINGS_TAG: key, "tokenchain/source": source})
    return dg.SensorResult(run_requests=[request], cursor=cursor.text())


def _look_after_dead_runs(context: dg.SensorEvaluationContext, home: Home) -> None:
    """Close runs of killed processes, because none would start after them."""
    if not home.root.exists():
        return
    lock = HomeLock(home, LOOKING)
    try:
        lock.acquire()
    except (HomeBusy, OSError):
        return
    try:
        for run_id in close_dead_runs(context.instance, home):
            context.log.warning(f"run {run_id} ended without telling; marked as failed")
    finally:
        lock.release()


def _skip(reason: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=dg.SkipReason(reason))


def _nothing(found: Look) -> str:
    waiting = f"; {len(found.awaited)} filings are awaited in companyfacts" if found.awaited else ""
    asked = f"; a refresh has been asked for: {', '.join(found.reasons())}" if found.reasons() else ""
    failed = f"; could not look at: {', '.join(failure.ticker for failure in found.failures)}" if found.failures else ""
    return f"nothing new{asked}{waiting}{failed}"


def new_filings_sensor(jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor that asks for a refresh when EDGAR has a filing that the home folder has not."""

    @dg.sensor(
        name="new_filings",
        jobs=jobs,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks at SEC's filing indexes every 15 minutes in US filing hours, hourly otherwise, and asks for one refresh when a"
            " company has filed, or when companyfacts hold an awaited filing; asks once a day for overdue ones. Only where the source is"
            " EDGAR."
        ),
    )
    def new_filings(context):  # type: ignore[no-untyped-def]
        return evaluate(context, dt.datetime.now(dt.UTC))

    return new_filings


def refresh_failed_sensor(jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor that tells an operator of failed runs, also of those whose process died."""

    @dg.run_failure_sensor(
        name="refresh_failed",
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends failed refreshes to TOKENCHAIN_WEBHOOK_URL, where that is set.",
    )
    def refresh_failed(context):  # type: ignore[no-untyped-def]
        home, source, _ = configured()
        tell_failure(home, context.dagster_run.run_id, source, failure_message(context))

    return refresh_failed


def failure_message(context: dg.RunFailureSensorContext) -> str:
    """The first step's own words, else Dagster's."""
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return str(data.user_failure_data.description)
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return error.message.strip()
    return (context.failure_event.message or "the run's process ended").strip()
