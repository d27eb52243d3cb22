"""Messages to an operator: sent once, to a loopback server, and never in the way of a refresh."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines.notifying import WEBHOOK_VARIABLE, send, tell_failure, tell_late
from pipelines.refreshing import refresh
from warehouse.home import Home


class Receiver(ThreadingHTTPServer):
    """Collects the JSON it is sent; answers with `status`."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))
        self.server.may_answer.wait(10)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv(WEBHOOK_VARIABLE, f"http://127.0.0.1:{server.server_address[1]}/hook")
    yield server
    server.may_answer.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return Home.resolve(tmp_path / "home").create()


def test_late_companies_are_told_once_and_when_they_have_reported(receiver: Receiver, place: Home) -> None:
    assert tell_late(place, []) is False
    assert tell_late(place, ["META is late"]) is True
    assert tell_late(place, ["META is late"]) is False
    assert tell_late(place, ["META is late", "AAPL is late"]) is True
    assert tell_late(place, []) is True
    assert [(message["kind"], message["late"]) for message in receiver.messages] == [
        ("late", ["META is late"]),
        ("late", ["AAPL is late", "META is late"]),
        ("current", []),
    ]


def test_a_message_that_was_refused_is_sent_again(receiver: Receiver, place: Home) -> None:
    receiver.status = 500
    assert tell_late(place, ["META is late"]) is False
    receiver.status = 200
    assert tell_late(place, ["META is late"]) is True


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:1/hook", "no address", "ftp://x", "http://[", "http://\x00"])
def test_an_unusable_address_breaks_nothing(address: str, place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    if "\x00" not in address:
        monkeypatch.setenv(WEBHOOK_VARIABLE, address)
    assert send("failure", "text") is False
    assert tell_failure(place, "run", "edgar", "message") is False


def test_a_failed_refresh_of_the_command_line_is_told(receiver: Receiver, tmp_path: Path) -> None:
    home = Home.resolve(tmp_path / "home")
    outcome = refresh(home, str(tmp_path / "nowhere"))
    assert not outcome.succeeded
    (message,) = receiver.messages
    assert (message["kind"], message["run_id"]) == ("failure", outcome.run_id)
    assert "nowhere" in message["text"]
    assert "what was published before is unchanged" in message["text"]


def test_a_failed_run_of_the_daemon_is_told_in_the_words_of_its_step(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    from pipelines.watching import refresh_failed_sensor

    @dg.op
    def fails() -> None:
        raise dg.Failure(description="EDGAR said no")

    @dg.job
    def job() -> None:
        fails()

    monkeypatch.setenv("TOKENCHAIN_SOURCE", "edgar")
    monkeypatch.setenv("TOKENCHAIN_HOME", str(tmp_path / "home"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            "refresh_failed", result.get_run_failure_event(), instance, result.dagster_run
        ).for_run_failure()
        refresh_failed_sensor([job])(context)
    (message,) = receiver.messages
    assert (message["kind"], message["message"], message["source"]) == ("failure", "EDGAR said no", "edgar")


def _wait_for_messages(receiver: Receiver, count: int) -> None:
    for _ in range(200):
        if len(receiver.messages) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{len(receiver.messages)} messages instead of {count}")


def test_a_killed_run_of_the_command_line_is_told_once_when_it_is_closed(
    receiver: Receiver, place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster's failure sensor passes over runs that no daemon started; their process told nobody."""
    import dagster as dg

    from pipelines.instance import close_dead_runs
    from warehouse.run_log import RunRecord, append, now

    monkeypatch.setattr("pipelines.instance.UNKNOWN_RUN_SECONDS", -1)
    killed, told, of_the_daemon = (str(number) * 8 for number in (1, 2, 3))
    with dg.DagsterInstance.ephemeral() as instance:
        for run_id in (killed, of_the_daemon):
            append(place.run_log, RunRecord(run_id, now(), "started", "edgar", "0", "0"))
        append(place.run_log, RunRecord(told, now(), "failed", "edgar", "0", "0"))
        started = dg.DagsterRunStatus.STARTED
        instance.add_run(dg.DagsterRun("refresh", run_id=killed, status=started, tags={"tokenchain/source": "edgar"}))
        instance.add_run(dg.DagsterRun("refresh", run_id=told, status=started))
        instance.add_run(
            dg.DagsterRun("refresh", run_id=of_the_daemon, status=started, remote_job_origin=_origin_of_a_daemon())
        )
        # The home folder's lock is held meanwhile: an address that doesn't answer must not keep the next refresh out.
        receiver.may_answer.clear()
        assert sorted(close_dead_runs(instance, place)) == [killed, told, of_the_daemon]
        _wait_for_messages(receiver, 1)
        receiver.may_answer.set()
        assert close_dead_runs(instance, place) == []
    time.sleep(0.2)
    (message,) = receiver.messages
    assert (message["kind"], message["run_id"], message["source"]) == ("failure", killed, "edgar")
    assert "ended without telling" in message["message"]


def _origin_of_a_daemon() -> Any:
    from dagster._core.remote_origin import (
        RegisteredCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )

    return RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("pipelines.definitions"), "__repository__"), "refresh"
    )
