"""Synthetic filers: how time and memory of the load grow with the number of companies.

What belongs here: making responses and loading them in a process of their own. What does not: comparisons (`bench.loading`).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import hashlib
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.loading import load
from bench.measuring import run_process
from bench.report import markdown, ratio
from warehouse.home import Home
from warehouse.responses import LandedResponse

FACTS_PER_FILER = 30_000
FACTS_PER_TAG = 150
FIRST_CIK = 9_000_000
REPOSITORY = Path(__file__).parents[1]


def response(cik: int, facts: int = FACTS_PER_FILER) -> bytes:
    """A companyfacts response of a filer that does not exist, shaped like a real one: quarters and years of many tags."""
    chosen = random.Random(cik)
    tags = {
        f"SyntheticTag{number:04d}": {
            "label": f"Synthetic tag {number}",
            "description": "A figure that no company filed; it fills the space that real descriptions take.",
            "units": {"USD": [_fact(cik, row, chosen) for row in range(min(FACTS_PER_TAG, facts - start))]},
        }
        for number, start in enumerate(range(0, facts, FACTS_PER_TAG))
    }
    content: bytes = orjson.dumps({"cik": cik, "entityName": f"Synthetic filer {cik}", "facts": {"us-gaap": tags}})
    return content


def _fact(cik: int, row: int, chosen: random.Random) -> dict[str, object]:
    year, quarter = 1990 + row // 4, row % 4
    start = dt.date(year, 1, 1)
    end = dt.date(year, 3 * quarter + 3, 28)
    filed = end + dt.timedelta(days=35)
    # EDGAR's first day lies in 1993: earlier filings would go to the quarantine.
    filed = max(filed, dt.date(1994, 1, 1))
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "val": chosen.randrange(10**6, 10**11),
        "accn": f"{cik:010d}-{filed:%y}-{row:06d}",
        "fy": year,
        "fp": "FY" if quarter == 3 else f"Q{quarter + 1}",
        "form": "10-K" if quarter == 3 else "10-Q",
        "filed": filed.isoformat(),
        "frame": f"CY{year}Q{quarter + 1}",
    }


def make(home: Home, filers: int, facts: int) -> None:
    """Put the responses of so many filers into the home folder; those that are there stay."""
    home.create()
    for number in range(filers):
        place = home.root / "filers" / f"{FIRST_CIK + number}"
        if place.exists():
            continue
        content = response(FIRST_CIK + number, facts)
        sha256 = hashlib.sha256(content).hexdigest()
        # Level 1: making the responses is not what is measured.
        (home.responses / f"{sha256}.json.gz").write_bytes(gzip.compress(content, compresslevel=1, mtime=0))
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"{sha256} {len(content)}", encoding="utf-8")


def landed(home: Home, filers: int) -> list[LandedResponse]:
    """The landed responses of the first so many filers."""
    found = []
    for cik in range(FIRST_CIK, FIRST_CIK + filers):
        sha256, size = (home.root / "filers" / f"{cik}").read_text(encoding="utf-8").split()
        path = home.responses / f"{sha256}.json.gz"
        found.append(LandedResponse(cik, sha256, path, int(size), f"{cik}", dt.datetime(2026, 1, 1)))  # noqa: DTZ001
    return found


def section(folder: Path, sizes: Sequence[int], facts: int = FACTS_PER_FILER) -> str:
    """The section of the report: each size is loaded in a process of its own, so that its peak memory is its own."""
    home = Home(folder)
    make(home, max(sizes), facts)
    rows = []
    first = 0.0
    for filers in sizes:
        command = [sys.executable, "-m", "bench.synthetic", str(folder), str(filers)]
        run = run_process(command, folder, {"PYTHONPATH": str(REPOSITORY)})
        count = filers * facts
        per_million = run.seconds * 1e6 / count
        first = first or per_million
        rows.append(
            (
                f"{filers:,}",
                f"{count:,}",
                f"{run.seconds:.1f}",
                f"{run.cpu_seconds:.1f}",
                f"{per_million:.2f}",
                ratio(per_million, first),
                f"{run.peak_mib:,.0f}",
            )
        )
    head = ("filers", "facts", "s", "CPU s", "s per million facts", "÷ first line", "peak memory, MiB")
    about = f"Filers of {facts:,} facts each; a process per line, with its start (imports take about 2 s of each)."
    return f"## Many companies\n\n{about}\n\n{markdown(head, rows)}"


def main() -> None:
    """Load the first so many filers of a folder; run as a process by `section`."""
    parser = argparse.ArgumentParser(description="Load synthetic filers made before.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("filers", type=int)
    arguments = parser.parse_args()
    home = Home(arguments.folder)
    load(landed(home, arguments.filers), home)


if __name__ == "__main__":
    main()
