"""The run log: last state of each run, in order, whatever a crash left behind."""

import datetime as dt
import json
from pathlib import Path

from warehouse.run_log import RunRecord, append, now, read


def record(run_id: str, outcome: str = "started", **changes: str) -> RunRecord:
    values = {
        "started_at": "2026-07-31T19:30:00.000000",
        "source": "bundled",
        "code_version": "1",
        "methodology_hash": "a",
    }
    return RunRecord(run_id=run_id, outcome=outcome, **{**values, **changes})


def test_without_a_log_there_are_no_runs(tmp_path: Path) -> None:
    assert read(tmp_path / "runs.jsonl") == []


def test_a_run_is_in_its_last_state_and_in_the_order_of_its_start(tmp_path: Path) -> None:
    log = tmp_path / "new folder" / "runs.jsonl"
    append(log, record("one"))
    append(log, record("two"))
    append(log, record("one").ended("failed", "disk is full"))

    assert [(run.run_id, run.outcome, run.message) for run in read(log)] == [
        ("one", "failed", "disk is full"),
        ("two", "started", None),
    ]
    assert len(log.read_text().splitlines()) == 3


def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    append(log, record("one").ended("published"))
    whole = log.read_text()
    log.write_text(whole + whole.replace("one", "two")[: len(whole) // 2])

    assert [run.run_id for run in read(log)] == ["one"]


def test_what_follows_a_cut_off_line_is_not_lost(tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    append(log, record("one").ended("published"))
    with log.open("a") as lines:
        lines.write('{"run_id": "two", "outc')
    append(log, record("three"))

    assert [run.run_id for run in read(log)] == ["one", "three"]


def test_lines_of_another_shape_are_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    lines = ["[]", "null", '{"run_id": "x"}', "\x00\x00", json.dumps({"of": "a later version"})]
    log.write_text("\n".join(lines) + "\n")
    append(log, record("one"))

    assert [run.run_id for run in read(log)] == ["one"]


def test_a_refusal_stays_in_the_record_when_the_run_ends(tmp_path: Path) -> None:
    ended = record("one", message="one response was refused").ended("published")

    assert ended.message == "one response was refused"
    assert ended.finished_at is not None
    assert ended.outcome == "published"


def test_moments_are_utc_and_sort_as_text() -> None:
    first, second = now(), now()

    assert first <= second
    assert dt.datetime.fromisoformat(first).tzinfo is None
    assert len(first) == len("2026-07-31T19:30:00.000000")
