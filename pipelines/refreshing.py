"""Running the job `refresh` in this process, recorded in the instance that the UI shows.

What belongs here: the run and what is known of its end. What does not: printing (`pipelines.cli`).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.event_log import cheap_event_log
from pipelines.instance import prepare_instance
from pipelines.notifying import tell_failure
from pipelines.progress import Watcher, report, watch
from pipelines.remedies import with_remedy
from schemas.base import qualified_name
from warehouse.errors import ConfigurationError, TokenchainError
from warehouse.home import Home
from warehouse.run_log import RunRecord, read

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo


@dataclass(frozen=True)
class Outcome:
    """How a refresh ended."""

    succeeded: bool
    run_id: str
    record: RunRecord | None
    message: str | None


def refresh(
    home: Home,
    source: str,
    universe: Path | None = None,
    watcher: Watcher | None = None,
    as_of: dt.date | None = None,
    teller: Watcher | None = None,
) -> Outcome:
    """Run the job once; never raises for a failed run, the outcome says why it failed.

    With `as_of` only filings and sources that were public by that day enter, so the home holds the warehouse as it was known then.
    Before there is a run, raises HomeNotWritable, and ConfigurationError for a day that can't be had here.
    """
    home.require_writable()
    _require_its_day(home, as_of)
    prepare_instance(home)
    # Imported late: Dagster reads its home folder from the environment set above, and `--help` stays quick.
    import dagster as dg

    from pipelines.definitions import defs

    job = defs.resolve_job_def("refresh")
    run_id = str(uuid.uuid4())
    resource = {
        "home": str(home.root),
        "source": source,
        "universe": str(universe or ""),
        "as_of": as_of.isoformat() if as_of else "",
    }
    configuration = {
        "resources": {"tools": {"config": resource}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    watch(watcher, teller)
    try:
        with cheap_event_log(), dg.DagsterInstance.get() as instance:
            selection = _steps_needed(home, source, universe, run_id, as_of) if _last_run_succeeded(instance) else None
            result = job.execute_in_process(
                run_config=configuration,
                asset_selection=selection,
                instance=instance,
                raise_on_error=False,
                run_id=run_id,
                tags={"tokenchain/source": source},
            )
            succeeded = result.success
            message = None if succeeded else _message(result)
    except TokenchainError:
        raise
    except Exception as error:
        # Dagster's own storage lies in the home folder too: a full disk or a folder that can't be written ends here.
        succeeded, message = False, f"{home.root}: {_deepest(error)}"
    finally:
        watch(None)
    if message is not None:
        message = with_remedy(message, home)
        tell_failure(home, run_id, source, message)
    record = next((run for run in reversed(read(home.run_log)) if run.run_id == run_id), None)
    return Outcome(succeeded, run_id, record, message)


def _require_its_day(home: Home, as_of: dt.date | None) -> None:
    """Refuse a past day where the present warehouse would be overwritten, and one that is not past.

    Raises ConfigurationError with the remedy.
    """
    if as_of is None:
        return
    if as_of > dt.datetime.now(dt.UTC).date():
        raise ConfigurationError(
            f"--as-of {as_of}: that day is still to come; give a day that is past, or leave it out"
        )
    published = [run for run in read(home.run_log) if run.outcome == "published"]
    if home.database.exists() and published and published[-1].as_of is None:
        raise ConfigurationError(
            f"--as-of {as_of}: {home.root} holds the present warehouse, which would be overwritten; give another folder with --home"
        )


def _last_run_succeeded(instance: dg.DagsterInstance) -> bool:
    """Whether nothing in the UI tells of a failure: else every step is run, so that each asset shows that it is well again."""
    import dagster as dg

    return any(run.status == dg.DagsterRunStatus.SUCCESS for run in instance.get_runs(limit=1))


def _steps_needed(
    home: Home, source: str, universe: Path | None, run_id: str, as_of: dt.date | None
) -> Sequence[dg.AssetKey] | None:
    """The steps to run, None for all; a watcher hears of the others here.

    Planning is a shortcut: what can't be planned is run, so that the run itself meets the error and writes it into the run log.
    """
    from pipelines.catalogue import all_tables
    from pipelines.planning import steps_needed
    from pipelines.table_assets import asset_key
    from pipelines.workshop import Workshop
    from warehouse.universe import DEFAULT_UNIVERSE

    workshop = Workshop(home, source, universe or DEFAULT_UNIVERSE, run_id, as_of)
    try:
        selection = steps_needed(workshop)
    except Exception:
        return None
    finally:
        workshop.close()
    if selection is not None:
        for table in all_tables():
            if asset_key(table) not in selection:
                report(qualified_name(table))
    return selection


def _deepest(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip() or type(error).__name__


def _sentence(error: SerializableErrorInfo) -> str:
    """What an error of our own says, else what the first cause says."""
    own = {kind.__name__ for kind in _all_kinds(TokenchainError)}
    while error.cls_name not in own and error.cause is not None:
        error = error.cause
    text = error.message.strip()
    return text.split(": ", 1)[-1] if error.cls_name in own else text


def _all_kinds(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _all_kinds(narrower)


def _message(result: object) -> str:
    """The first error of a failed run, in one line."""
    import dagster as dg

    assert isinstance(result, dg.ExecuteInProcessResult)
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            description = event.step_failure_data.user_failure_data
            if description is not None and description.description:
                return str(description.description)
            return _sentence(error) if error is not None else "unknown error"
    for event in result.all_events:
        if event.is_failure:
            data = getattr(event, "event_specific_data", None)
            error = getattr(data, "error", None)
            if error is not None:
                return _sentence(error)
            if event.message:
                return event.message
    return "the run failed without an error event"
