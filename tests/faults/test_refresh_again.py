"""A second refresh: nothing changed, responses refused, the whole run failed, a contract broken. The published file stays right."""

import datetime as dt
import gzip
import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import ibis
import pytest
from ibis.expr.types import Table as IbisTable
from typer.testing import CliRunner

from pipelines import planning, workshop
from pipelines.catalogue import DerivedTable, all_tables, derived_tables
from pipelines.cli import app
from pipelines.locking import HomeLock
from pipelines.publishing import DATABASE_KEY
from pipelines.refreshing import refresh
from schemas.base import qualified_name
from schemas.mart.prosperity import CompositeScores, GrowthGap
from tests.homes import (
    CIKS,
    alter,
    bundled_copy,
    copied,
    files_below,
    read_json,
    refresh_here,
    response_path,
    write_json,
)
from warehouse.errors import ConfigurationError
from warehouse.home import Home
from warehouse.run_log import read


def status_of(home: Home) -> str:
    """What `tokenchain status` says."""
    result = CliRunner().invoke(app, ["status", "--home", str(home.root)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def good_tables(home: Home) -> dict[str, bytes]:
    """The table files but for the quarantine, which may tell of what was refused."""
    return {
        name: content for name, content in files_below(home.tables).items() if not name.startswith("meta/quarantine")
    }


def assert_readable(home: Home) -> None:
    """The published file opens and holds the companies."""
    with duckdb.connect(str(home.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM core.companies").fetchall() == [(len(CIKS),)]


def test_an_unchanged_refresh_writes_neither_tables_nor_the_published_file(home: Home) -> None:
    before, kept = home.database.stat(), files_below(home.tables)
    outcome = refresh_here(home)
    after = home.database.stat()

    assert outcome.succeeded, outcome.message
    assert outcome.record is not None
    assert outcome.record.outcome == "unchanged"
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)
    assert files_below(home.tables) == kept
    assert [run.outcome for run in read(home.run_log)] == ["published", "unchanged"]
    assert "unchanged" in status_of(home)


def steps_of(home: Home, run_id: str) -> set[str]:
    """The steps that Dagster ran."""
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        return {
            str(entry.get_dagster_event().step_key)
            for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        }


def test_only_steps_whose_tables_are_not_current_are_run(home: Home) -> None:
    always = {"company_facts_and_quarantine", "warehouse_duckdb"}
    told: list[str] = []
    unchanged = refresh(home, "bundled", watcher=told.append)
    assert steps_of(home, unchanged.run_id) == always
    assert sorted(told) == sorted([*map(qualified_name, all_tables()), "warehouse_duckdb"])

    (home.tables / "mart" / "composite_scores.json").unlink()
    outcome = refresh_here(home)
    steps = steps_of(home, outcome.run_id)
    made_from_it = {
        qualified_name(derived.table).replace(".", "__")
        for derived in derived_tables()
        if CompositeScores in derived.inputs.values()
    }
    assert made_from_it
    assert steps >= always | {"mart__composite_scores"} | made_from_it
    assert steps.isdisjoint({"core__quarters", "mart__sub_indices", "mart__backlog"})


def test_after_a_failed_run_every_step_is_run_so_that_no_asset_stays_red(home: Home, tmp_path: Path) -> None:
    assert not refresh_here(home, tmp_path / "nowhere").succeeded
    outcome = refresh_here(home)
    assert outcome.record is not None
    assert outcome.record.outcome == "unchanged"
    assert {"core__quarters", "mart__sub_indices", "reference_tables"} <= steps_of(home, outcome.run_id)


def test_an_error_while_planning_is_left_to_the_run_which_tells_of_it_in_the_log(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = home.database.read_bytes()

    def broken(*_: object) -> bool:
        raise RuntimeError("the notes can't be read")

    # Met by planning only, then by planning and by the run.
    with monkeypatch.context() as patch:
        patch.setattr(planning, "derived_tables", broken)
        outcome = refresh_here(home)
        assert outcome.record is not None, outcome.message
        assert (outcome.record.outcome, outcome.message) == ("unchanged", None)
    monkeypatch.setattr(workshop.Workshop, "is_current", broken)
    outcome = refresh_here(home)
    last = read(home.run_log)[-1]

    assert not outcome.succeeded
    assert (last.run_id, last.outcome) == (outcome.run_id, "failed")
    assert "the notes can't be read" in str(last.message)
    assert home.database.read_bytes() == published


def test_tables_of_different_states_are_not_published_together(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    published = home.database.read_bytes()
    note = home.tables / "core" / "quarters.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"fingerprint": "of other inputs"}))
    monkeypatch.setattr(planning, "steps_needed", lambda _: [DATABASE_KEY])
    outcome = refresh_here(home)

    assert not outcome.succeeded
    assert "core.quarters" in str(outcome.message)
    assert "run the whole job refresh" in str(outcome.message)
    assert home.database.read_bytes() == published


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (
            dt.date(2025, 6, 30),
            "holds the present warehouse, which would be overwritten; give another folder with --home",
        ),
        (dt.date(2100, 1, 1), "that day is still to come"),
    ],
)
def test_a_past_day_never_takes_the_place_of_the_present(home: Home, day: dt.date, says: str) -> None:
    published = home.database.read_bytes()
    with pytest.raises(ConfigurationError) as refused:
        refresh(home, "bundled", as_of=day)
    assert f"--as-of {day}" in str(refused.value)
    assert says in str(refused.value)
    assert home.database.read_bytes() == published


def test_a_day_before_every_filing_is_refused(tmp_path: Path) -> None:
    outcome = refresh(Home.resolve(tmp_path / "home"), "bundled", as_of=dt.date(2005, 1, 1))
    assert not outcome.succeeded
    assert "no filing in bundled was public by then" in str(outcome.message)


def test_refused_responses_keep_the_last_good_data_and_are_named_in_status(home: Home, tmp_path: Path) -> None:
    source = bundled_copy(tmp_path / "source")
    meta, msft = response_path(source, "META"), response_path(source, "MSFT")
    meta.write_bytes(gzip.compress(b"<html>blocked</html>"))
    msft.write_bytes(msft.read_bytes()[:-500])
    aapl = response_path(source, "AAPL")
    write_json(aapl, read_json(aapl) | {"cik": 1})
    good = good_tables(home)
    outcome = refresh_here(home, source)
    told = status_of(home)

    assert outcome.succeeded, outcome.message
    assert good_tables(home) == good
    for ticker in ("META", "MSFT", "AAPL"):
        name = f"CIK{CIKS[ticker]:010d}"
        assert outcome.record is not None
        assert name in str(outcome.record.message)
        assert name in told
    assert_readable(home)


def test_brackets_in_responses_and_paths_are_printed_as_they_stand(refreshed: Home, tmp_path: Path) -> None:
    place = copied(refreshed, tmp_path / "home [/b] :warning:")
    source = bundled_copy(tmp_path / "source [/red]")
    aapl = response_path(source, "AAPL")
    write_json(aapl, read_json(aapl) | {"cik": "[/b]"})
    alter(source, "META", lambda body: body.update(facts="[/b]"))
    arguments = ["--home", str(place.root)]
    done = CliRunner().invoke(app, ["refresh", "--source", str(source), *arguments], env={"COLUMNS": "200"})

    assert done.exit_code == 0, done.output
    for told in (done.output, status_of(place)):
        assert f"{response_path(source, 'AAPL')}: is of CIK" in told
        assert 'got VARCHAR: "[/b]"' in told
        assert str(place.database) in told
    assert str(source) in status_of(place)
    assert str(place.root) in CliRunner().invoke(app, ["prepare", *arguments], env={"COLUMNS": "200"}).output
    failed = CliRunner().invoke(app, ["refresh", "--source", str(tmp_path / "[/i]"), *arguments])
    assert failed.exit_code == 1
    assert str(tmp_path / "[/i]") in failed.stderr
    assert str(tmp_path / "[/i]") in status_of(place)


def test_status_counts_quarantined_rows_by_reason(home: Home, tmp_path: Path) -> None:
    assert "quarantine:" not in status_of(home)
    source = bundled_copy(tmp_path / "source")

    def spoil(body: dict[str, Any]) -> None:
        facts = body["facts"]["us-gaap"]["NetIncomeLoss"]["units"]["USD"]
        facts[0]["val"], facts[1]["val"] = "many", "more"
        facts[2]["form"] = None

    alter(source, "TSLA", spoil)
    outcome = refresh_here(home, source)
    assert outcome.succeeded, outcome.message
    told = status_of(home)
    assert "quarantine: raw.company_facts, value is not a finite number: 2 rows" in told
    assert "quarantine: raw.company_facts, form is missing: 1 rows" in told


def test_a_run_that_fails_whole_changes_nothing_and_is_told(home: Home, tmp_path: Path) -> None:
    published, tables = home.database.read_bytes(), files_below(home.tables)
    outcome = refresh_here(home, tmp_path / "nowhere")
    last = read(home.run_log)[-1]

    assert not outcome.succeeded
    assert "nowhere" in str(outcome.message)
    assert "give a folder of CIK" in str(outcome.message)
    assert home.database.read_bytes() == published
    assert files_below(home.tables) == tables
    assert (last.run_id, last.outcome) == (outcome.run_id, "failed")
    assert "nowhere" in str(last.message)
    told = status_of(home)
    assert "failed" in told
    assert "nowhere" in told


def test_a_table_that_breaks_its_contract_fails_the_run_and_both_its_files_stay(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = home.tables / "mart" / "growth_gap.json"
    table = note.with_suffix(".parquet").read_bytes()
    published = home.database.read_bytes()
    # Without its note and its kept SQL the table is made anew, and this time it comes out wrong.
    note.unlink()
    note.with_suffix(".sql").unlink(missing_ok=True)
    honest = workshop.Workshop.expression

    def wrong(opened: workshop.Workshop, derived: DerivedTable) -> IbisTable:
        expression = honest(opened, derived)
        return expression.mutate(quarter=ibis.literal("someday")) if derived.table is GrowthGap else expression

    monkeypatch.setattr(workshop.Workshop, "expression", wrong)
    outcome = refresh_here(home)

    assert not outcome.succeeded
    for part in ("mart.growth_gap", "contract", "quarter", "someday"):
        assert part in str(outcome.message)
    assert home.database.read_bytes() == published
    assert note.with_suffix(".parquet").read_bytes() == table
    assert "mart.growth_gap" in status_of(home)


def test_damaged_tables_and_responses_are_made_anew(home: Home) -> None:
    damaged = [home.tables / "core" / "quarters.parquet", home.tables / "raw" / "company_facts.parquet"]
    good = [path.read_bytes() for path in damaged]
    for path, content in zip(damaged, good, strict=True):
        path.write_bytes(content[: len(content) // 2])
    for path in home.responses.iterdir():
        path.write_bytes(b"")
    outcome = refresh_here(home)

    assert outcome.record is not None, outcome.message
    # The same figures come out, so there is nothing to publish.
    assert outcome.record.outcome == "unchanged"
    for path in damaged:
        assert duckdb.execute(f"SELECT count(*) > 0 FROM read_parquet('{path}')").fetchall() == [(True,)]
    assert all(gzip.decompress(path.read_bytes()) for path in home.responses.iterdir())


def changes_of(home: Home) -> str:
    """What `tokenchain changes` says."""
    result = CliRunner().invoke(app, ["changes", "--home", str(home.root)], env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    return result.output


def test_a_published_file_that_was_written_into_is_published_anew(home: Home) -> None:
    told: list[str] = []
    home.database.chmod(0o644)
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("UPDATE mart.composite_scores SET composite_score = 99 WHERE entity = 'upstream'").fetchall()
    outcome = refresh(home, "bundled", teller=told.append)

    assert outcome.record is not None, outcome.message
    assert outcome.record.outcome == "published"
    assert told == [f"{home.database}: was written into after its publication; publishing it anew"]
    with duckdb.connect(str(home.database), read_only=True) as connection:
        scores = connection.execute("SELECT count(*) FROM mart.composite_scores WHERE composite_score = 99").fetchall()
    assert scores == [(0,)]
    assert "moved_score" in changes_of(home)
    assert refresh_here(home).record.outcome == "unchanged"  # type: ignore[union-attr]


def test_a_published_file_that_was_cut_off_is_published_anew_and_what_changed_is_not_known(home: Home) -> None:
    good = home.database.read_bytes()
    home.database.chmod(0o644)
    home.database.write_bytes(good[: len(good) // 2])
    outcome = refresh_here(home)

    assert outcome.record is not None, outcome.message
    assert outcome.record.outcome == "published"
    assert_readable(home)
    assert "not known: the file before could not be read, so nothing was compared (" in changes_of(home)


def test_a_file_that_is_gone_is_published_again_and_can_be_rolled_back(home: Home) -> None:
    arguments = ["rollback", "--home", str(home.root)]
    nothing = CliRunner().invoke(app, arguments)
    assert nothing.exit_code == 1
    assert "nothing to roll back to" in nothing.output

    (first,) = home.published.glob("*.duckdb")
    home.database.unlink()
    outcome = refresh_here(home)
    assert outcome.succeeded, outcome.message
    assert outcome.record is not None
    assert outcome.record.outcome == "published"
    assert_readable(home)

    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert first.name in done.output
    assert first.samefile(home.database)
    assert first.name in status_of(home)
    assert_readable(home)


def test_a_rollback_during_a_refresh_changes_nothing_and_says_who_holds_the_folder(home: Home) -> None:
    published = home.database.read_bytes()
    (home.published / "20200101T000000000000-earlier.duckdb").write_bytes(published)
    before = files_below(home.published)
    holder = HomeLock(home, "the-run")
    holder.acquire()
    try:
        refused = CliRunner().invoke(app, ["rollback", "--home", str(home.root)], env={"COLUMNS": "200"})
    finally:
        holder.release()

    assert refused.exit_code == 1
    assert "holds this home folder" in refused.output
    assert f"process {os.getpid()} on " in refused.output
    assert "run the-run" in refused.output
    assert files_below(home.published) == before

    done = CliRunner().invoke(app, ["rollback", "--home", str(home.root)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    # The lock is given back.
    holder.acquire()
    holder.release()


def test_a_rollback_of_a_folder_that_is_not_there_does_not_make_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["rollback", "--home", str(tmp_path / "none")], env={"COLUMNS": "200"})

    assert result.exit_code == 1
    assert "nothing to roll back to" in result.output
    assert not (tmp_path / "none").exists()


def test_status_of_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    told = status_of(Home(tmp_path))

    assert "nothing is published" in told
    assert "tokenchain refresh" in told
