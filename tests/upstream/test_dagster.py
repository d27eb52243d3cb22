"""What we rely on in Dagster and what we work around."""

from collections.abc import Iterator
from typing import Any

import dagster as dg


def test_schedules_stand_still_unless_they_are_told_to_run() -> None:
    @dg.job
    def nothing() -> None:
        pass

    schedule = dg.ScheduleDefinition(job=nothing, cron_schedule="30 19 * * 1-5")

    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_checks_can_be_yielded_by_the_asset_itself_also_before_it_fails() -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("contract", asset="broken")])
    def broken() -> Iterator[Any]:
        yield dg.AssetCheckResult(check_name="contract", asset_key="broken", passed=False)
        raise dg.Failure(description="the contract is broken")

    result = dg.materialize([broken], raise_on_error=False)
    checks = result.get_asset_check_evaluations()

    assert not result.success
    assert [(check.check_name, check.passed) for check in checks] == [("contract", False)]
    assert result.asset_materializations_for_node("broken") == []


def test_a_failed_asset_keeps_those_behind_it_from_running() -> None:
    ran: list[str] = []

    @dg.asset
    def first() -> None:
        raise dg.Failure(description="stop")

    @dg.asset(deps=[first])
    def second() -> None:
        ran.append("second")

    assert not dg.materialize([first, second], raise_on_error=False).success
    assert ran == []


def test_column_schemas_of_a_definition_show_before_any_run() -> None:
    schema = dg.TableSchema(columns=[dg.TableColumn("ticker", "TEXT", description="Ticker")])

    @dg.asset(metadata={"dagster/column_schema": schema})
    def described() -> None:
        pass

    (spec,) = described.specs

    assert spec.metadata["dagster/column_schema"] == schema
