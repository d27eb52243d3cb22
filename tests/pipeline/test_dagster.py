"""What Dagster shows: the asset graph with owners, columns and checks before any run; the job, its schedule, recorded runs."""

import os

import dagster as dg
import pytest

from pipelines.catalogue import all_tables, derived_tables
from pipelines.definitions import defs
from schemas.base import columns, qualified_name
from tests.homes import ROOT
from warehouse.data_tests import read_data_tests
from warehouse.home import Home

TABLE_KEYS = {dg.AssetKey(qualified_name(table).split(".")) for table in all_tables()}
DATABASE = dg.AssetKey("warehouse_duckdb")


@pytest.fixture(scope="module")
def specs() -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in defs.resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def checks() -> set[dg.AssetCheckKey]:
    return set(defs.resolve_asset_graph().asset_check_keys)


@pytest.fixture
def instance(refreshed: Home, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    monkeypatch.setenv("DAGSTER_HOME", str(refreshed.dagster))
    return dg.DagsterInstance.get()


def test_definitions_load_and_every_table_is_an_asset(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    dg.Definitions.validate_loadable(defs)

    assert set(specs) >= {*TABLE_KEYS, DATABASE}


def test_every_asset_has_group_owner_kind_and_description(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    for key, spec in specs.items():
        assert spec.owners, key
        assert spec.kinds, key
        assert spec.description, key
        if key in TABLE_KEYS:
            assert spec.group_name == key.path[0]


def test_no_description_is_indented_as_if_it_were_code(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    indented = [key for key in TABLE_KEYS if "\n    " in (specs[key].description or "")]

    assert indented == []


def test_columns_with_their_descriptions_show_before_the_first_run(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    for table in all_tables():
        spec = specs[dg.AssetKey(qualified_name(table).split("."))]
        shown = spec.metadata["dagster/column_schema"]

        assert [(column.name, column.type, column.description) for column in shown.columns] == [
            (column.name, column.data_type, column.comment) for column in columns(table)
        ]


def test_every_table_has_its_contract_and_its_data_tests_as_checks(checks: set[dg.AssetCheckKey]) -> None:
    for key in TABLE_KEYS:
        assert dg.AssetCheckKey(key, "contract") in checks
    for test in read_data_tests():
        assert dg.AssetCheckKey(dg.AssetKey(test.table.split(".")), test.name) in checks
    assert dg.AssetCheckKey(dg.AssetKey(["raw", "company_facts"]), "responses_accepted") in checks


def test_the_graph_follows_the_functions_parameters(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    for derived in derived_tables():
        spec = specs[dg.AssetKey(qualified_name(derived.table).split("."))]
        read = {dependency.asset_key for dependency in spec.deps}

        assert read >= {dg.AssetKey(qualified_name(table).split(".")) for table in derived.inputs.values()}
    assert {dependency.asset_key for dependency in specs[DATABASE].deps} >= TABLE_KEYS


def test_the_job_refreshes_everything(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    job = defs.resolve_job_def("refresh")

    assert job.asset_layer.executable_asset_keys == set(specs)


def test_the_schedule_runs_by_default_on_weekday_evenings_in_new_york() -> None:
    schedule = defs.resolve_schedule_def("weekday_refresh")

    assert schedule.cron_schedule == "30 19 * * 1-5"
    assert schedule.execution_timezone == "America/New_York"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "refresh"


def test_the_workspace_file_loads_the_definitions() -> None:
    text = (ROOT / "workspace.yaml").read_text(encoding="utf-8")

    assert "python_module: pipelines.definitions" in text


def test_the_run_is_recorded_in_the_instance_of_the_home_folder(instance: dg.DagsterInstance, refreshed: Home) -> None:
    runs = instance.get_runs()

    assert [(run.job_name, run.status) for run in runs] == [("refresh", dg.DagsterRunStatus.SUCCESS)]
    assert runs[0].tags["tokenchain/source"] == "bundled"
    assert runs[0].run_id[:8] in next(refreshed.published.glob("*.duckdb")).name


def test_row_count_duration_preview_and_sql_are_shown_with_the_materialisation(instance: dg.DagsterInstance) -> None:
    event = instance.get_latest_materialization_event(dg.AssetKey(["core", "quarters"]))
    assert event is not None
    assert event.asset_materialization is not None
    shown = {name: value.value for name, value in event.asset_materialization.metadata.items()}

    assert shown["dagster/row_count"] > 5000
    assert shown["seconds"] >= 0
    assert "| ticker |" in shown["preview"]
    assert "SELECT" in shown["sql"].upper()


def test_every_check_of_the_run_is_recorded(instance: dg.DagsterInstance, checks: set[dg.AssetCheckKey]) -> None:
    (run,) = instance.get_runs()
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    found = [record.event_log_entry.asset_check_evaluation for record in records]
    recorded = {evaluation.asset_check_key for evaluation in found if evaluation is not None}
    failed = [
        evaluation.asset_check_key
        for evaluation in found
        if evaluation is not None and not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
    ]

    assert recorded == checks
    assert failed == []


def test_the_test_process_does_not_keep_the_home_folder_set() -> None:
    assert "DAGSTER_HOME" not in os.environ
