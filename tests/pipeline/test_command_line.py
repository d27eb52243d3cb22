"""The command `tokenchain`: help with examples, exit codes, errors in one line with a remedy, what is printed at the end."""

import errno
import shlex
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines import display, refreshing
from pipelines.cli import app
from tests.homes import CIKS, command, open_for_writing
from warehouse.home import Home

COMMANDS = ("refresh", "status", "extract", "rollback", "ui")
WIDE = {"COLUMNS": "200"}


def one_error_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, text
    assert lines[0].startswith("error:")
    return lines[0]


def test_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="tokenchain")

    assert script.value == "pipelines.cli:main"


def test_help_lists_the_commands() -> None:
    result = CliRunner().invoke(app, ["--help"], env=WIDE)

    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)
    _, _, examples = result.output.partition("Examples:")
    assert examples.count("tokenchain ") == 3, result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"], env=WIDE)

    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert f"tokenchain {name}" in result.output


def test_options_can_be_given_by_environment() -> None:
    shown = CliRunner().invoke(app, ["refresh", "--help"], env=WIDE).output

    for name in ("TOKENCHAIN_HOME", "TOKENCHAIN_SOURCE", "TOKENCHAIN_UNIVERSE"):
        assert name in shown


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["refresh", "--no-such-option"], ["extract"]])
def test_wrong_usage_ends_with_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments, env=WIDE).exit_code == 2


def test_a_failed_refresh_ends_with_code_1_and_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    result = command("refresh", "--source", tmp_path / "nowhere", home=Home(tmp_path / "home"))
    line = one_error_line(result.stderr)

    assert result.returncode == 1
    assert str(tmp_path / "nowhere") in line
    assert "give a folder of CIK##########.json files" in line
    assert "what was published before is unchanged" in line
    assert "Traceback" not in result.stdout + result.stderr
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), ("companies: [{ticker: NVDA}]", "companies.0.cik")],
    ids=["no file", "an entry without its CIK"],
)
def test_a_bad_universe_file_is_named_with_its_entry_and_remedy(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "universe.yaml"
    if content is not None:
        path.write_text(content)
    result = CliRunner().invoke(
        app, ["refresh", "--universe", str(path), "--home", str(tmp_path / "home")], env=WIDE, catch_exceptions=False
    )
    told = " ".join(result.stderr.split())

    assert result.exit_code == 1
    assert str(path) in told
    assert says in told
    assert "Traceback" not in told


def test_a_home_that_is_a_file_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    result = CliRunner().invoke(app, ["refresh", "--home", str(home)], env=WIDE)

    assert result.exit_code == 1
    assert str(home) in one_error_line(result.stderr)


READING = (["status"], ["changes"], ["explain", "NVDA", "revenue"])
WRITING = (["refresh"], ["rollback"], ["prepare"], ["ui", "--no-browser"])


@pytest.mark.parametrize("arguments", READING, ids=lambda arguments: arguments[0])
def test_a_published_file_that_another_program_writes_to_is_an_error_with_a_remedy(
    home: Home, arguments: list[str]
) -> None:
    with open_for_writing(home.database):
        result = CliRunner().invoke(app, [*arguments, "--home", str(home.root)], env=WIDE)
    line = one_error_line(result.stderr)

    assert result.exit_code == 1
    assert f"{home.database}: another program (process " in line
    assert "close it there, or let it open the file read-only" in line


@pytest.mark.parametrize("arguments", READING, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize("content", [b"", b"no database"], ids=["empty", "no database"])
def test_a_published_file_that_is_damaged_is_an_error_with_a_remedy(
    tmp_path: Path, arguments: list[str], content: bytes
) -> None:
    home = Home(tmp_path)
    home.database.write_bytes(content)
    result = CliRunner().invoke(app, [*arguments, "--home", str(home.root)], env=WIDE)
    line = one_error_line(result.stderr)

    assert result.exit_code == 1
    assert f"{home.database}: can't be read (" in line
    assert "`tokenchain refresh` publishes it anew" in line


def test_a_run_log_that_can_not_be_read_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Home(tmp_path).run_log
    path.write_text("")

    def refused(self: Path, *_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", refused)
    result = CliRunner().invoke(app, ["status", "--home", str(tmp_path)], env=WIDE)
    line = one_error_line(result.stderr)

    assert result.exit_code == 1
    assert f"{path}: Permission denied; give this user the right to read and write it" in line


@pytest.mark.parametrize("arguments", WRITING, ids=lambda arguments: arguments[0])
def test_a_home_that_can_not_be_written_is_named_with_a_remedy_by_every_command_that_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    home = Home(tmp_path).create()
    home.database.write_bytes(b"")

    def refused(**options: Path) -> AbstractContextManager[None]:
        if options["dir"] == home.dagster:
            raise OSError(errno.EROFS, "Read-only file system")
        return nullcontext()

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    monkeypatch.setattr("subprocess.call", lambda *_, **__: pytest.fail("started all the same"))
    result = CliRunner().invoke(app, [*arguments, "--home", str(home.root)], env=WIDE)

    assert result.exit_code == 1
    remedy = "can't be written (Read-only file system); make it writable or choose another folder with --home"
    assert f"{home.dagster}: {remedy}" in one_error_line(result.stderr)


@pytest.mark.parametrize("arguments", [["prepare"], ["ui", "--no-browser"]], ids=lambda arguments: arguments[0])
def test_a_home_that_is_a_file_is_an_error_of_the_commands_that_prepare_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    monkeypatch.setattr("subprocess.call", lambda *_, **__: pytest.fail("started all the same"))
    result = CliRunner().invoke(app, [*arguments, "--home", str(home)], env=WIDE)

    assert result.exit_code == 1
    assert f"{home}: can't be written" in one_error_line(result.stderr)


def test_a_fault_of_the_code_keeps_its_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise KeyError("a mistake")

    monkeypatch.setattr(display, "show_status", wrong)
    result = CliRunner().invoke(app, ["status", "--home", str(tmp_path)], env=WIDE)

    assert isinstance(result.exception, KeyError)


def test_a_refresh_whose_file_can_not_be_shown_has_succeeded_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise duckdb.IOException('IO Error: Could not set lock on file "x": Conflicting lock is held in y (PID 7)')

    monkeypatch.setattr(refreshing, "refresh", lambda *_: refreshing.Outcome(True, "the-run", None, None))
    monkeypatch.setattr(display, "show_summary", locked)
    result = CliRunner().invoke(app, ["refresh", "--home", str(tmp_path)], env=WIDE)

    assert result.exit_code == 0
    assert "the refresh succeeded:" in result.stderr
    assert "another program (process 7) has it open for writing" in result.stderr


def test_rollback_and_extract_tell_of_errors_in_one_line(tmp_path: Path) -> None:
    rollback = CliRunner().invoke(app, ["rollback", "--home", str(tmp_path)], env=WIDE)
    extract = CliRunner().invoke(app, ["extract", str(tmp_path), "--to", str(tmp_path / "to")], env=WIDE)

    assert (rollback.exit_code, extract.exit_code) == (1, 1)
    assert "nothing to roll back to" in one_error_line(rollback.stderr)
    assert "holds no response of any company" in one_error_line(extract.stderr)


def test_status_tells_what_is_published_from_what_and_how_fresh(refreshed: Home) -> None:
    result = CliRunner().invoke(app, ["status", "--home", str(refreshed.root)], env=WIDE)

    assert result.exit_code == 0
    for part in (str(refreshed.database), "from bundled", "NVDA", "2026-04-26", "2026-05-20", "published", "last run"):
        assert part in result.output


def test_status_names_the_newest_filing_of_each_company_within_eighty_columns(refreshed: Home) -> None:
    result = CliRunner().invoke(app, ["status", "--home", str(refreshed.root)], env={"COLUMNS": "80"})
    table = [line for line in result.output.splitlines() if line.startswith("│")]
    cells = {row[0]: row[1:] for row in ([cell.strip() for cell in line.strip("│").split("│")] for line in table)}

    # The newest filings bundled, as SEC lists them.
    assert cells["NVDA"][:4] == ["2026-04-26", "10-Q", "2026-05-20", "0001045810-26-000052"]
    assert cells["MSFT"][:4] == ["2026-06-30", "10-K", "2026-07-29", "0001193125-26-323660"]
    assert cells["ORCL"][:4] == ["2026-05-31", "10-K", "2026-06-22", "0001193125-26-277521"]
    assert len(cells) == len(CIKS)
    assert max(map(len, table)) <= 80


def test_the_end_of_a_refresh_shows_scores_coverage_and_what_to_try(
    home: Home, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither the environment nor the home folder lies below the current one, so that both are told whole.
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    result = CliRunner().invoke(app, ["refresh", "--home", str(home.root)], env=WIDE)

    assert result.exit_code == 0, result.output
    for part in ("upstream", "midstream", "downstream", "2026Q1", "2026Q2", "coverage", "ORCL", "Next:"):
        assert part in result.output
    assert str(home.database) in result.output
    # What is told can be typed as it stands: this environment's command, and the folder just used.
    command = Path(sys.executable).with_name("tokenchain")
    assert f"{command} ui --home {home.root}" in result.output
    assert f"{command} status --home {home.root}" in result.output


def test_in_the_usual_folder_the_make_target_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    told = display._next_steps(Home.resolve("data"))

    assert told[0].startswith("make ui")
    assert told[1].startswith(f"{Path(sys.executable).with_name('tokenchain')} status ")
    assert 'connect("data/warehouse.duckdb"' in told[2]


def test_paths_below_the_current_folder_are_told_from_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    told = display._next_steps(Home.resolve(tmp_path / "other"))

    assert told[0].startswith(".venv/bin/tokenchain ui --home other ")
    assert told[2].startswith('.venv/bin/python -c \'import duckdb; duckdb.connect("other/warehouse.duckdb"')


@pytest.mark.parametrize("name", ["with a space", "it's", 'so "called"', "$HOME"])
def test_what_is_told_can_be_typed_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    home = Home.resolve(tmp_path / name)
    home.root.mkdir()
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("CREATE SCHEMA mart")
        connection.execute("CREATE TABLE mart.growth_gap AS SELECT 'a row of it' AS told")
    told = display._next_steps(home)

    for line in told[:2]:
        assert shlex.split(line)[2:4] == ["--home", str(home.root)]
    done = subprocess.run(["/bin/sh", "-c", told[2]], capture_output=True, text=True, check=False)
    assert "a row of it" in done.stdout, done.stderr
