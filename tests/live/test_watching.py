"""The sensors: when they look, what they ask for, and that a filing triggers once while its run succeeds."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines import watching
from pipelines.edgar import Look
from pipelines.edgar.submissions import Filing
from pipelines.publishing import COMPANY_CHECKS
from pipelines.requesting import Asked, Cursor, pause_after, runs_to_request
from pipelines.watching import FILINGS_TAG, is_due, is_filing_time
from tests.edgar.server import EdgarServer, Fault, serving
from tests.edgar.world import World, first_filing, quarter_filing
from tests.homes import CIKS
from warehouse.home import Home

WEDNESDAY = dt.datetime(2026, 5, 20, 15, 0, tzinfo=dt.UTC)
QUARTER_HOUR = dt.timedelta(minutes=15)
FAILED, SUCCEEDED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS

UNIVERSE = """companies:
  - {ticker: T001, cik: 9000001, name: One, tier: upstream}
  - {ticker: T002, cik: 9000002, name: Two, tier: midstream}
"""


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-05-20T09:59:00+00:00", False),
        ("2026-05-20T10:00:00+00:00", True),
        ("2026-05-21T01:59:00+00:00", True),
        ("2026-05-21T02:00:00+00:00", False),
        ("2026-05-23T15:00:00+00:00", False),
        # In winter New York is an hour further from UTC.
        ("2026-01-20T10:30:00+00:00", False),
        ("2026-01-20T11:00:00+00:00", True),
    ],
)
def test_filing_hours_are_those_of_new_york(moment: str, is_open: bool) -> None:
    assert is_filing_time(dt.datetime.fromisoformat(moment)) is is_open


def test_it_looks_at_every_tick_in_filing_hours_and_hourly_otherwise() -> None:
    sunday = dt.datetime(2026, 5, 24, 12, 0, tzinfo=dt.UTC)
    ticks = [sunday + dt.timedelta(minutes=15 * number) for number in range(9)]
    looked: list[dt.datetime] = []
    for tick in ticks:
        if is_due(looked[-1].isoformat() if looked else "", tick):
            looked.append(tick)
    assert looked == [ticks[0], ticks[4], ticks[8]]
    wednesday = dt.datetime(2026, 5, 20, 15, 0, tzinfo=dt.UTC)
    assert is_due(wednesday.isoformat(), wednesday + dt.timedelta(minutes=15))
    assert is_due((sunday + dt.timedelta(days=400)).isoformat(), sunday)


def seen(*accessions: str, failed: bool = False) -> Look:
    filings = tuple(
        Filing(1, name, "10-Q", dt.date(2026, 5, 5), None, None, "", "", True, True, None, "") for name in accessions
    )
    from pipelines.edgar import Failure

    failures = (Failure("T", 1, "", "look", "status 503"),) if failed else ()
    return Look(filings, (), (), (), (), failures, 1)


def test_a_filing_triggers_once_while_its_run_succeeds_and_again_when_it_failed() -> None:
    cursor = Cursor()
    first = runs_to_request(seen("a"), cursor, {}, WEDNESDAY)
    assert first is not None
    key, reasons = first
    assert reasons == ["a"]
    for status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS):
        assert runs_to_request(seen("a"), cursor, {key: status}, WEDNESDAY) is None
    again = runs_to_request(seen("a"), cursor, {key: dg.DagsterRunStatus.FAILURE}, WEDNESDAY)
    assert again is not None
    assert again[0] != key
    assert again[0].endswith("-2")
    # A second filing brings its own run; the first has one under way.
    more = runs_to_request(seen("a", "b"), cursor, {again[0]: dg.DagsterRunStatus.STARTED}, WEDNESDAY)
    assert more is not None
    assert more[1] == ["b"]


def test_a_failed_look_does_not_forget_which_attempt_it_was() -> None:
    cursor = Cursor()
    first = runs_to_request(seen("a"), cursor, {}, WEDNESDAY)
    assert first is not None
    assert runs_to_request(seen(failed=True), cursor, {first[0]: dg.DagsterRunStatus.FAILURE}, WEDNESDAY) is None
    again = runs_to_request(seen("a"), cursor, {first[0]: dg.DagsterRunStatus.FAILURE}, WEDNESDAY)
    assert again is not None
    assert again[0].endswith("-2")
    assert runs_to_request(seen(), cursor, {}, WEDNESDAY) is None
    assert cursor.requested == {}


def asked_in_a_day(status: dg.DagsterRunStatus) -> list[dt.timedelta]:
    """When runs are asked for in a day of quarter-hourly ticks, if each run ends like this and its filing stays; from the first on."""
    cursor, states, asked = Cursor(), dict[str, dg.DagsterRunStatus | None](), list[dt.timedelta]()
    for number in range(97):
        wanted = runs_to_request(seen("a"), cursor, states, WEDNESDAY + number * QUARTER_HOUR)
        if wanted is not None:
            assert wanted[0] not in states
            states[wanted[0]] = status
            asked.append(number * QUARTER_HOUR)
        cursor = Cursor.read(cursor.text())
    return asked


def test_a_filing_whose_runs_keep_failing_is_asked_for_at_growing_pauses() -> None:
    hours = [asked / dt.timedelta(hours=1) for asked in asked_in_a_day(FAILED)]
    assert hours == [0, 0.25, 0.5, 1, 2, 4, 8, 14, 20]


def test_a_filing_that_a_run_left_although_it_succeeded_is_asked_for_again_but_not_at_every_tick() -> None:
    hours = [asked / dt.timedelta(hours=1) for asked in asked_in_a_day(SUCCEEDED)]
    assert hours == [0, 0.5, 1.5, 3.5, 7.5, 13.5, 19.5]


def test_a_pause_never_grows_beyond_six_hours() -> None:
    assert {pause_after(attempt, has_succeeded) for attempt in (7, 100, 10_000) for has_succeeded in (True, False)} == {
        dt.timedelta(hours=6)
    }


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED])
def test_a_run_that_goes_on_is_waited_for_however_long(status: dg.DagsterRunStatus) -> None:
    assert asked_in_a_day(status) == [dt.timedelta()]


def test_a_new_filing_does_not_wait_for_the_pause_of_another_nor_inherit_it() -> None:
    cursor = Cursor(requested={"a": Asked("old-9", 9, WEDNESDAY.isoformat())})
    wanted = runs_to_request(seen("a", "b"), cursor, {"old-9": FAILED}, WEDNESDAY + QUARTER_HOUR)
    assert wanted is not None
    assert wanted[1] == ["b"]
    later = WEDNESDAY + dt.timedelta(hours=6)
    together = runs_to_request(seen("a", "b"), cursor, {"old-9": FAILED, wanted[0]: FAILED}, later)
    assert together is not None
    assert together[1] == ["a", "b"]
    assert {reason: asked.attempt for reason, asked in cursor.requested.items()} == {"a": 10, "b": 2}


@pytest.mark.parametrize("asked_at", ["", "yesterday", (WEDNESDAY + dt.timedelta(days=9)).isoformat()])
def test_a_pause_from_an_unknown_or_later_time_is_over(asked_at: str) -> None:
    cursor = Cursor(requested={"a": Asked("old-9", 9, asked_at)})
    assert runs_to_request(seen("a"), cursor, {"old-9": FAILED}, WEDNESDAY) is not None


def test_the_cursor_of_an_earlier_version_is_read() -> None:
    cursor = Cursor.read('{"looked_at": "", "requested": {"a": {"attempt": 2, "run_key": "x-2"}}}')
    assert cursor.requested == {"a": Asked("x-2", 2)}


@pytest.mark.parametrize(
    "text",
    [None, "", "no JSON", "[]", '{"requested": 3}', '{"asked_in_vain": {"a": "b"}}', '{"requested": {"a": 3}}', "3"],
)
def test_an_unreadable_cursor_is_an_empty_one(text: str | None) -> None:
    assert Cursor.read(text) == Cursor()


@pytest.fixture
def served(tmp_path: Path) -> World:
    return World(tmp_path / "served")


@pytest.fixture
def edgar(served: World) -> Iterator[EdgarServer]:
    with serving(served.folder) as server:
        yield server


@pytest.fixture
def settings(edgar: EdgarServer, served: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    served.companies(2)
    universe = tmp_path / "universe.yaml"
    universe.write_text(UNIVERSE, encoding="utf-8")
    for name, value in {
        "TOKENCHAIN_SOURCE": "edgar",
        "TOKENCHAIN_HOME": str(tmp_path / "home"),
        "TOKENCHAIN_UNIVERSE": str(universe),
        "SEC_USER_AGENT": "Warehouse Tests tests@example.com",
        "TOKENCHAIN_EDGAR_DATA_URL": edgar.url,
        "TOKENCHAIN_EDGAR_WWW_URL": edgar.url,
        "TOKENCHAIN_EDGAR_STATE_DIRECTORY": str(tmp_path / "state"),
        "TOKENCHAIN_EDGAR_BLOCK_PAUSE_SECONDS": "30",
    }.items():
        monkeypatch.setenv(name, value)
    return Home.resolve(tmp_path / "home")


def sensor_named(name: str) -> dg.SensorDefinition:
    from pipelines.definitions import defs

    return next(sensor for sensor in defs.sensors or () if getattr(sensor, "name", "") == name)  # type: ignore[return-value]


def tick(instance: dg.DagsterInstance, cursor: str | None, moment: dt.datetime = WEDNESDAY) -> dg.SensorResult:
    """A tick, by default on a Wednesday in filing hours."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    return watching.evaluate(context, moment)


def land(home: Home, now: dt.datetime | None = None) -> None:
    from pipelines.edgar import fetch
    from warehouse.universe import read_universe

    fetch(read_universe(Path(str(home.root.parent / "universe.yaml"))).companies, home.root, now=now)


def test_the_sensor_asks_for_one_run_per_filing(settings: Home, served: World) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance, None)
        (request,) = first.run_requests or []
        assert request.tags[FILINGS_TAG] == request.run_key
        # Gone again when the refresh it asked for has landed everything.
        land(settings)
        quiet = tick(instance, first.cursor)
        assert not quiet.run_requests
        assert quiet.skip_reason is not None
        assert quiet.skip_reason.skip_message == "nothing new"

        filing = quarter_filing(9_000_002)
        served.index(9_000_002, [filing, first_filing(9_000_002)])
        seen_once = tick(instance, quiet.cursor)
        (request,) = seen_once.run_requests or []
        instance.add_run(_run(request.run_key, dg.DagsterRunStatus.SUCCESS))
        again = tick(instance, seen_once.cursor)
        assert not again.run_requests
        assert again.skip_reason is not None
        assert filing.accession in str(again.skip_reason.skip_message)


def test_the_sensor_itself_is_called_by_the_daemon(settings: Home) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = sensor_named("new_filings")(dg.build_sensor_context(instance=instance))
        assert isinstance(result, dg.SensorResult)
        assert len(result.run_requests or []) == 1


def test_the_sensor_asks_again_when_the_run_failed(settings: Home, served: World) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance, None)
        (request,) = first.run_requests or []
        instance.add_run(_run(request.run_key, dg.DagsterRunStatus.FAILURE))
        second = tick(instance, first.cursor)
        (retry,) = second.run_requests or []
        assert retry.run_key != request.run_key


def test_a_filing_whose_facts_failed_in_a_run_that_succeeded_gets_another_run(
    settings: Home, edgar: EdgarServer, served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENCHAIN_EDGAR_ATTEMPTS", "1")
    land(settings)
    filing = quarter_filing(9_000_002)
    served.index(9_000_002, [filing, first_filing(9_000_002)])
    served.facts(9_000_002, [first_filing(9_000_002).accession, filing.accession])
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance, None)
        (request,) = first.run_requests or []
        edgar.fail("companyfacts/CIK0009000002.json", Fault("status", status=503))
        land(settings)
        instance.add_run(_run(request.run_key, SUCCEEDED))
        paused = tick(instance, first.cursor, WEDNESDAY + QUARTER_HOUR)
        assert filing.accession in skipped(paused)
        second = tick(instance, paused.cursor, WEDNESDAY + 2 * QUARTER_HOUR)
        (again,) = second.run_requests or []
        assert again.run_key != request.run_key
        land(settings)
        instance.add_run(_run(again.run_key, SUCCEEDED))
        assert skipped(tick(instance, second.cursor, WEDNESDAY + 9 * QUARTER_HOUR)) == "nothing new"


def test_a_run_that_ends_during_a_look_is_not_blamed_for_what_the_look_saw(
    settings: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance, None)
        (request,) = first.run_requests or []
        run = _run(request.run_key, dg.DagsterRunStatus.STARTED)
        instance.add_run(run)

        def look_while_the_run_ends(*_: object) -> Look:
            instance.delete_run(run.run_id)
            instance.add_run(_run(request.run_key, SUCCEEDED))
            return Look((), (), (), (), (9_000_001, 9_000_002), (), 2)

        monkeypatch.setattr(watching, "look_now", look_while_the_run_ends)
        skipped(tick(instance, first.cursor, WEDNESDAY + dt.timedelta(hours=2)))


def test_an_overdue_filing_is_looked_for_once_a_day_and_triggers_when_it_has_come(
    settings: Home, edgar: EdgarServer, served: World
) -> None:
    twelve_days_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=12)
    filing = quarter_filing(9_000_002, filed=twelve_days_ago.date().isoformat())
    served.index(9_000_002, [filing, first_filing(9_000_002)])
    land(settings, twelve_days_ago)
    facts = "companyfacts/CIK0009000002.json"
    with dg.DagsterInstance.ephemeral() as instance:
        edgar.clear()
        cursor: str | None = None
        for number in range(4):
            result = tick(instance, cursor, WEDNESDAY + number * QUARTER_HOUR)
            assert skipped(result) == "nothing new"
            cursor = result.cursor
        assert edgar.asked(facts) == 1
        # On the next day companyfacts can't be had: that counts as asked, and must not hide that the other company has filed.
        edgar.fail(facts, Fault("status", status=404))
        new = quarter_filing(9_000_001)
        served.index(9_000_001, [new, first_filing(9_000_001)])
        next_day = WEDNESDAY + dt.timedelta(days=1)
        failed = tick(instance, cursor, next_day)
        assert failed.run_requests
        tick(instance, failed.cursor, next_day + QUARTER_HOUR)
        assert edgar.asked(facts) == 2
        # On the third it has come, and stays a reason until a refresh has taken it.
        served.facts(9_000_002, [first_filing(9_000_002).accession, filing.accession])
        third_day = WEDNESDAY + dt.timedelta(days=2)
        found = tick(instance, failed.cursor, third_day)
        (request,) = found.run_requests or []
        instance.add_run(_run(request.run_key, FAILED))
        (again,) = tick(instance, found.cursor, third_day + QUARTER_HOUR).run_requests or []
        assert again.run_key != request.run_key
        land(settings)
        edgar.clear()
        assert skipped(tick(instance, found.cursor, third_day + QUARTER_HOUR)) == "nothing new"
        assert edgar.asked(facts) == 0


def _run(key: str | None, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="refresh", status=status, tags={FILINGS_TAG: str(key)})


def skipped(result: dg.SensorResult) -> str:
    assert not result.run_requests
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def test_the_sensor_says_why_it_does_not_look(
    settings: Home, edgar: EdgarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("TOKENCHAIN_SOURCE", "bundled")
        assert "the source is bundled" in skipped(tick(instance, None))
        monkeypatch.setenv("TOKENCHAIN_SOURCE", "edgar")
        monkeypatch.setenv("SEC_USER_AGENT", "nobody")
        assert "SEC_USER_AGENT" in skipped(tick(instance, None))
        monkeypatch.setenv("TOKENCHAIN_EDGAR_REQUESTS_PER_SECOND", "20")
        assert "TOKENCHAIN_EDGAR_REQUESTS_PER_SECOND is '20'" in skipped(tick(instance, None))
        assert edgar.paths() == []


def test_a_block_ends_the_look_at_once_and_the_next_ones_wait(settings: Home, edgar: EdgarServer) -> None:
    edgar.fail("submissions/CIK0009000001.json", Fault("block", status=403))
    with dg.DagsterInstance.ephemeral() as instance:
        assert "EDGAR has blocked this machine" in skipped(tick(instance, None))
        edgar.clear()
        assert "looking again after" in skipped(tick(instance, None))
        assert edgar.paths() == []


def test_outside_filing_hours_the_cursor_spaces_the_looks(settings: Home, edgar: EdgarServer) -> None:
    sunday = dt.datetime(2026, 5, 24, 12, 0, tzinfo=dt.UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        first = watching.evaluate(dg.build_sensor_context(instance=instance), sunday)
        assert json.loads(str(first.cursor))["looked_at"] == sunday.isoformat()
        edgar.clear()
        context = dg.build_sensor_context(instance=instance, cursor=first.cursor)
        assert "outside US filing hours" in skipped(watching.evaluate(context, sunday + dt.timedelta(minutes=15)))
        assert edgar.paths() == []


def test_everything_runs_by_default() -> None:
    from pipelines.definitions import defs, weekday_refresh

    for name in ("new_filings", "refresh_failed"):
        assert sensor_named(name).default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor_named("new_filings").minimum_interval_seconds == 900
    assert weekday_refresh.default_status == dg.DefaultScheduleStatus.RUNNING
    graph = defs.resolve_asset_graph()
    policy = graph.get(dg.AssetKey("warehouse_duckdb")).freshness_policy
    assert policy is not None
    checks = {key.name for key in graph.asset_check_keys if key.asset_key == dg.AssetKey("warehouse_duckdb")}
    assert checks == {spec.name for spec in COMPANY_CHECKS} == {f"{ticker.lower()}_has_reported" for ticker in CIKS}


@pytest.mark.parametrize(("own", "expected"), [("", watching.TICK_SECONDS), ("1234", 1234)])
def test_a_look_may_take_until_the_next_one_is_due(own: str, expected: int, tmp_path: Path) -> None:
    """What the daemon waits for a sensor, in a process started as `tokenchain ui` starts Dagster."""
    from pipelines.instance import prepare_instance

    with pytest.MonkeyPatch.context() as patch:
        for name in ("DAGSTER_HOME", "TOKENCHAIN_HOME", "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS"):
            # Set, so that what the call sets is taken back.
            patch.setenv(name, own)
        if not own:
            del os.environ["DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS"]
        prepare_instance(Home.resolve(tmp_path))
        code = "from dagster._grpc.client import DEFAULT_SENSOR_GRPC_TIMEOUT as waits; print(waits)"
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) == expected


def test_two_runs_do_not_start_at_once(tmp_path: Path) -> None:
    import yaml

    from pipelines.instance import prepare_instance

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", "")
        patch.setenv("TOKENCHAIN_HOME", "")
        folder = prepare_instance(Home.resolve(tmp_path))
        written = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8"))
        assert written["concurrency"]["runs"]["max_concurrent_runs"] == 1
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            assert instance.get_concurrency_config().run_queue_config is not None
            assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
