"""Markdown of measurements.

What belongs here: tables, ratios, the machine's line. What does not: measuring.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version

NAMED_PACKAGES = ("duckdb", "ibis-framework", "pandera", "dagster", "pandas", "pyarrow", "edgartools", "orjson")


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratio(numerator: float, denominator: float) -> str:
    """`1.24 ×`; a dash where there is nothing to divide by."""
    return f"{numerator / denominator:.2f} ×" if denominator else "–"


def machine() -> str:
    """Processor count, load before the measurement, and versions: without them the numbers say little."""
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {_version(name)}" for name in NAMED_PACKAGES)
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), load before the start {load:.1f}; Python"
        f" {platform.python_version()}, {versions}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
