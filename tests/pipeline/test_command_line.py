"""The command `tokenchain`: help with examples, exit codes, errors in one line with a remedy, what is printed at the end."""

import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines import display
from pipelines.cli import app
from tests.homes import CIKS, command
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
    assert "connect('data/warehouse.duckdb'" in told[2]


def test_paths_below_the_current_folder_are_told_from_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    told = display._next_steps(Home.resolve(tmp_path / "other"))

    assert told[0].startswith(".venv/bin/tokenchain ui --home other ")
    assert told[2].startswith(".venv/bin/python -c \"import duckdb; duckdb.connect('other/warehouse.duckdb'")
