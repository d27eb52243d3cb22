"""The whole command `tokenchain refresh` as a process, against a process that only imports the same libraries.

What belongs here: cold and unchanged refreshes and their peak memory. What does not: parts of a refresh (`bench.loading`).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bench.measuring import MeasuredProcess, best_process, run_process
from bench.report import markdown, ratio

REPOSITORY = Path(__file__).parents[1]
IMPORTS = "import dagster, duckdb, filelock, httpx, ibis, ibis.backends.duckdb, pandas, pandera.ibis, pyarrow, pydantic, rich, typer"
COMMAND = "from pipelines.cli import main; main()"


def refresh(home: Path, folder: Path) -> MeasuredProcess:
    """Run the command once with the bundled filings."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", COMMAND, "refresh", "--home", str(home)]
    return run_process(command, folder, {"PYTHONPATH": str(REPOSITORY)})


def section(folder: Path, repeats: int) -> str:
    """The section of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    imports, cold, unchanged = [], [], []
    for _ in range(repeats):
        imports.append(run_process([sys.executable, "-c", IMPORTS], folder, {}))
        shutil.rmtree(home, ignore_errors=True)
        cold.append(refresh(home, folder))
        unchanged.append(refresh(home, folder))
    base = best_process(imports)
    named = {
        "importing the libraries": base,
        "refresh, cold (no home folder)": best_process(cold),
        "refresh, nothing changed": best_process(unchanged),
    }
    head = ("process", "s", "CPU s", "÷ imports", "÷ imports, CPU", "peak memory, MiB")
    rows = [
        (
            name,
            f"{run.seconds:.1f}",
            f"{run.cpu_seconds:.1f}",
            ratio(run.seconds, base.seconds),
            ratio(run.cpu_seconds, base.cpu_seconds),
            f"{run.peak_mib:,.0f}",
        )
        for name, run in named.items()
    ]
    return f"## A whole refresh\n\nBundled filings, best of {repeats}.\n\n{markdown(head, rows)}"
