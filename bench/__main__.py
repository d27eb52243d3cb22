"""All measurements in one run, as Markdown: `python -m bench`, short with `--quick`, with 1,000 filers with `--full`.

What belongs here: the order of the sections. What does not: measuring.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import loading, refreshing, synthetic, vintages
from bench.report import machine

QUICK_FILERS = (2, 10)
USUAL_FILERS = (10, 100, 300)
FULL_FILERS = (10, 100, 1_000)


def main() -> None:
    """Measure and print, section by section."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure speed and memory, as ratios in one run."
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one repetition, few synthetic filers")
    size.add_argument("--full", action="store_true", help="1,000 synthetic filers: half an hour and several GB of disk")
    parser.add_argument("--filers", type=int, nargs="+", help="sizes of the synthetic load")
    parser.add_argument("--facts", type=int, default=synthetic.FACTS_PER_FILER, help="facts per synthetic filer")
    names = ("loading", "refreshing", "synthetic", "vintages")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="sections")
    parser.add_argument("--folder", type=Path, help="where to write [default: a temporary folder, removed at the end]")
    arguments = parser.parse_args()
    filers = arguments.filers or (QUICK_FILERS if arguments.quick else FULL_FILERS if arguments.full else USUAL_FILERS)
    repeats = 1 if arguments.quick else 3
    print(f"# Speed and memory\n\n{machine()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tokenchain-bench-") as temporary:
        folder = arguments.folder or Path(temporary)
        sections: dict[str, Callable[[], str]] = {
            "loading": lambda: loading.section(folder / "loading", repeats),
            "refreshing": lambda: refreshing.section(folder / "refreshing", repeats),
            "synthetic": lambda: synthetic.section(folder / "synthetic", filers, arguments.facts),
            "vintages": lambda: vintages.section(_published(folder), repeats),
        }
        for name in arguments.only:
            print(f"\n{sections[name]()}", flush=True)


def _published(folder: Path) -> Path:
    """The file that the section before published, or one made now."""
    database = folder / "refreshing" / "home" / "warehouse.duckdb"
    if not database.exists():
        refreshing.refresh(folder / "refreshing" / "home", folder / "refreshing")
    return database


if __name__ == "__main__":
    main()
