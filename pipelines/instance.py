"""Dagster's instance below the home folder, shared by the command line and the UI.

What belongs here: its settings. What does not: definitions.
"""

from __future__ import annotations

import os
from pathlib import Path

from warehouse.home import Home

SETTINGS = """\
# Written by tokenchain; your own settings may be added.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""


def prepare_instance(home: Home) -> Path:
    """Make the instance folder with its settings and point Dagster at it; returns the folder."""
    home.create()
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    # Written one by one, a run's events take a second of its time.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "50")
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["TOKENCHAIN_HOME"] = str(home.root)
    return home.dagster
