"""Home folders and sources that tests may change or break, and ways to run a refresh on them.

What belongs here: copying, altering sources, running in this process or another. What does not: assertions about tables.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pipelines.refreshing import Outcome, refresh
from warehouse.home import Home
from warehouse.responses import BUNDLED_FILINGS
from warehouse.universe import DEFAULT_UNIVERSE, read_universe

ROOT = Path(__file__).parents[1]
SHARED_FILINGS = ROOT.parent / "shared" / "filings"
COMMAND = [sys.executable, "-c", "from pipelines.cli import main; main()"]
WRITER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("UPDATE mart.composite_scores SET composite_score = composite_score").fetchall()
print("open", flush=True)
sys.stdin.readline()
"""
CIKS = {company.ticker: company.cik for company in read_universe().companies}


def refresh_here(home: Home, source: str | Path = "bundled", universe: Path | None = None) -> Outcome:
    """A refresh in this process."""
    return refresh(home, str(source), universe)


def command(*arguments: str | Path, home: Home | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, run to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=command_environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def command_environment(home: Home | None) -> dict[str, str]:
    """The environment of a command: this one's, with the home folder and a wide terminal."""
    chosen = {"TOKENCHAIN_HOME": str(home.root)} if home is not None else {}
    return {**os.environ, "COLUMNS": "200", **chosen}


def copied(home: Home, target: Path) -> Home:
    """A copy of a home folder in which the published file is again the same file as the newest kept one."""
    shutil.copytree(home.root, target)
    copy = Home.resolve(target)
    newest = max(copy.published.glob("*.duckdb"))
    copy.database.unlink()
    os.link(newest, copy.database)
    return copy


def bundled_copy(target: Path) -> Path:
    """A folder source with the bundled responses, to be altered."""
    shutil.copytree(BUNDLED_FILINGS, target)
    return target


def response_path(folder: Path, ticker: str) -> Path:
    """Where a company's response is in a folder source."""
    return folder / f"CIK{CIKS[ticker]:010d}.json.gz"


def read_json(path: Path) -> dict[str, Any]:
    """A compressed response."""
    content: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a response, compressed where its name says so."""
    text = json.dumps(content).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def alter(folder: Path, ticker: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a company's response in a folder source."""
    path = response_path(folder, ticker)
    content = read_json(path)
    change(content)
    write_json(path, content)


def universe_file(path: Path, tickers: list[str], *more: dict[str, Any]) -> Path:
    """A universe file with some of the real companies and further entries."""
    listed = yaml.safe_load(DEFAULT_UNIVERSE.read_text(encoding="utf-8"))["companies"]
    kept = [entry for entry in listed if entry["ticker"] in tickers]
    path.write_text(yaml.safe_dump({"companies": [*kept, *more]}), encoding="utf-8")
    return path


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def open_for_writing(path: Path) -> Iterator[None]:
    """Another process that has a file open for writing."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        yield
        writer.communicate("\n")
