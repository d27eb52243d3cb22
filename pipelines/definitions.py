"""Dagster's entry point: all assets, the job `refresh`, its schedule, and the resource they share.

What belongs here: putting definitions together. What does not: any step's code.
"""

from __future__ import annotations

import os

import dagster as dg

from pipelines.catalogue import derived_tables
from pipelines.publishing import publish_warehouse, record_failure
from pipelines.reference_assets import reference_tables
from pipelines.source_assets import SOURCE_ASSETS
from pipelines.table_assets import derived_asset
from pipelines.watching import new_filings_sensor, refresh_failed_sensor
from pipelines.workshop import BUNDLED, WorkshopResource

# After the close of US trading, when most companies have filed what they file that day.
WEEKDAY_EVENINGS = "30 19 * * 1-5"
NEW_YORK = "America/New_York"

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Read the source, derive every table, check it and publish the DuckDB file.",
    hooks={record_failure},
)

weekday_refresh = dg.ScheduleDefinition(
    name="weekday_refresh",
    job=refresh,
    cron_schedule=WEEKDAY_EVENINGS,
    execution_timezone=NEW_YORK,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Refresh from the configured source (TOKENCHAIN_SOURCE) on weekday evenings.",
)

defs = dg.Definitions(
    assets=[*SOURCE_ASSETS, reference_tables, *map(derived_asset, derived_tables()), publish_warehouse],
    jobs=[refresh],
    schedules=[weekday_refresh],
    sensors=[new_filings_sensor([refresh]), refresh_failed_sensor([refresh])],
    resources={
        "tools": WorkshopResource(
            home=os.environ.get("TOKENCHAIN_HOME", ""),
            source=os.environ.get("TOKENCHAIN_SOURCE", BUNDLED),
            universe=os.environ.get("TOKENCHAIN_UNIVERSE", ""),
        )
    },
    # One process: a run of twenty assets takes 1 s in it and 34 s with a process per step.
    executor=dg.in_process_executor,
)
