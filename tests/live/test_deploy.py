"""What is in `deploy/`: it parses, names commands that exist, and Dagster runs on a real PostgreSQL with it."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import httpx
import pytest
import yaml

from pipelines.edgar import EdgarSettings
from pipelines.instance import SENSOR_SECONDS, SETTINGS
from tests.homes import ROOT
from warehouse.home import Home

DEPLOY = ROOT / "deploy"
T = TypeVar("T")
UNITS = sorted(DEPLOY.glob("*.service"))


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return content


def commands() -> set[str]:
    return {entry.name for entry in entry_points(group="console_scripts")} | {"tokenchain"}


def test_the_compose_file_has_webserver_daemon_and_run_storage() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "daemon", "webserver"}
    for name in ("daemon", "webserver"):
        service = services[name]
        assert service["command"][0] in commands()
        assert service["depends_on"]["postgres"]["condition"] == "service_healthy"
        assert {volume.split(":")[0] for volume in service["volumes"]} == {"warehouse", "./dagster.yaml"}
        # One home folder, and beside it one count of requests, for all that talk to EDGAR.
        environment = service["environment"]
        assert environment["TOKENCHAIN_EDGAR_STATE_DIRECTORY"].startswith(environment["TOKENCHAIN_HOME"])
        assert environment["DAGSTER_HOME"] == environment["TOKENCHAIN_HOME"] + "/dagster"
        assert "SEC_USER_AGENT" in environment
    assert services["webserver"]["ports"] == ["127.0.0.1:3000:3000"]
    assert "healthcheck" in services["postgres"]
    used = {volume.split(":")[0] for service in services.values() for volume in service["volumes"]}
    assert set(compose()["volumes"]) == {name for name in used if not name.startswith(".")}


def test_the_storage_settings_name_what_compose_sets() -> None:
    settings = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    database = settings["storage"]["postgres"]["postgres_db"]
    wanted = {value["env"] for value in database.values() if isinstance(value, dict)}
    assert wanted <= set(compose()["services"]["daemon"]["environment"])
    assert settings["concurrency"]["runs"]["max_concurrent_runs"] == 1


def documented_settings() -> set[str]:
    """The variables that docs/operations.md lists, and those it means by "further settings"."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.split("### Settings", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row.split("|")[1])}
    assert len(listed) >= 9
    further = {f"TOKENCHAIN_EDGAR_{field.upper()}" for field in EdgarSettings.model_fields if field != "user_agent"}
    return listed | further


def as_compose_sets_it(service: dict[str, Any], files: dict[str, dict[str, str]]) -> dict[str, str]:
    """A container's environment: its files, then its list, with `${NAME:-default}` and `${NAME:?message}` filled from `.env`."""

    def filled(match: re.Match[str]) -> str:
        return files[".env"].get(match["name"], match["rest"] or "")

    values: dict[str, str] = {}
    for name in service["env_file"]:
        values |= files[name]
    pattern = re.compile(r"\$\{(?P<name>\w+)(?::[-?](?P<rest>[^}]*))?\}")
    return values | {name: pattern.sub(filled, value) for name, value in service["environment"].items()}


@pytest.mark.parametrize("name", ["daemon", "webserver"])
def test_every_documented_setting_reaches_a_container(name: str) -> None:
    settings = {setting: f"own value of {setting}" for setting in documented_settings()}
    found = as_compose_sets_it(compose()["services"][name], {".env": settings})
    places = {setting for setting, value in found.items() if value.startswith("/var/lib/tokenchain")}
    assert places == {"TOKENCHAIN_HOME", "TOKENCHAIN_EDGAR_STATE_DIRECTORY", "DAGSTER_HOME"}
    assert {setting: found.get(setting) for setting in settings if setting not in places} == {
        setting: value for setting, value in settings.items() if setting not in places
    }


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_every_documented_setting_reaches_a_unit(path: Path) -> None:
    """systemd passes on the whole file; what the unit sets itself is a default, which the file overrides wherever it stands."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("Environment", "PassEnvironment", "UnsetEnvironment"))] == [
        f"Environment=DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS={SENSOR_SECONDS}",
        "EnvironmentFile=/etc/tokenchain/environment",
    ]


@pytest.mark.parametrize("own", ["", "1234"])
def test_a_container_gives_a_look_its_time(own: str) -> None:
    settings = {"DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": own} if own else {}
    found = as_compose_sets_it(compose()["services"]["daemon"], {".env": settings})
    assert found["DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS"] == (own or str(SENSOR_SECONDS))


def test_the_example_names_every_setting_of_the_documents() -> None:
    named = example(commented=True)
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert {setting for setting in documented_settings() if f"`{setting}`" in text} <= set(named)
    # One count of requests and one block for both services and for commands by hand, not one below each user's temporary folder.
    kept = example()
    assert kept["TOKENCHAIN_EDGAR_STATE_DIRECTORY"] == "/var/lib/tokenchain/edgar-state"
    assert kept["TOKENCHAIN_HOME"] == "/var/lib/tokenchain"


def test_what_the_example_proposes_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = EdgarSettings()
    for name in set(example(commented=True)) - set(example()):
        monkeypatch.setenv(name, example(commented=True)[name])
    assert EdgarSettings() == defaults


def example(commented: bool = False) -> dict[str, str]:
    """The settings of environment.example, with those that are commented out too."""
    lines = (DEPLOY / "environment.example").read_text(encoding="utf-8").splitlines()
    if commented:
        lines = [re.sub(r"^#(?=[A-Z_]+=)", "", line) for line in lines]
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)


def test_a_run_in_progress_is_waited_for() -> None:
    """Dagster waits thirty seconds; what ends the daemon must wait longer, and ask no other process to end before."""
    for settings in ((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"), SETTINGS):
        assert yaml.safe_load(settings)["code_servers"] == {"wait_for_local_processes_on_shutdown": True}
    unit = (DEPLOY / "tokenchain-daemon.service").read_text(encoding="utf-8")
    assert "\nKillMode=mixed\n" in unit
    assert int(unit.split("TimeoutStopSec=")[1].split()[0]) > 60
    assert compose()["services"]["daemon"]["stop_grace_period"] == "2m"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_commands_that_exist(path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path, encoding="utf-8")
    assert unit["Unit"]["Description"]
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    service = unit["Service"]
    for key in ("ExecStart", "ExecStartPre"):
        command = service[key].split()
        assert command[0].startswith(service["WorkingDirectory"])
        assert Path(command[0]).name in commands()
    assert (ROOT / "workspace.yaml").exists()
    assert f"{service['WorkingDirectory']}/workspace.yaml" in service["ExecStart"].split()
    assert service["Restart"] == "on-failure"


def test_systemd_finds_nothing_wrong_with_the_units() -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    checked = subprocess.run([analyze, "verify", *map(str, UNITS)], capture_output=True, text=True, check=False)
    # The commands are installed under /opt on the machine the units are for.
    problems = [line for line in checked.stderr.splitlines() if "not executable" not in line and "opt/" not in line]
    own = [line for line in problems if "tokenchain" in line]
    assert own == []


def test_docker_reads_the_compose_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    has_compose = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    if docker is None or has_compose:
        pytest.skip("docker compose is not on this machine; the file was read with a YAML parser above")
    shutil.copy(DEPLOY / "compose.yaml", tmp_path)
    settings = {**example(), "SEC_USER_AGENT": "a@example.com", "TOKENCHAIN_POSTGRES_PASSWORD": "x"}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    command = [docker, "compose", "config", "-q"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def server_binaries() -> Path | None:
    """Where PostgreSQL's server is: Debian keeps it out of the path."""
    found = [Path(path).resolve() for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return found[0].parent if found else None


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_postgres() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as the user of Debian's package, or as nobody."""
    if os.geteuid() != 0:
        return {}
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A PostgreSQL server of the test's own; its settings as `deploy/dagster.yaml` reads them."""
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
    import tempfile

    identity = as_postgres()
    port = free_port()
    # Below the system's temporary folder: pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory(prefix="tokenchain-postgres-") as name:
        folder = Path(name)
        (folder / "password").write_text("secret", encoding="utf-8")
        if identity:
            for path in (folder, folder / "password"):
                os.chown(path, identity["user"], identity["group"])
        data = folder / "data"
        create = [binaries / "initdb", "-D", data, "-U", "tokenchain", "-A", "scram-sha-256"]
        subprocess.run(
            [*create, f"--pwfile={folder / 'password'}"], check=True, capture_output=True, cwd=folder, **identity
        )
        options = [f"-k{folder}", "-h", "127.0.0.1", "-p", str(port), "-c", "fsync=off"]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **identity,
        )
        try:
            environment = {
                "TOKENCHAIN_POSTGRES_HOST": "127.0.0.1",
                "TOKENCHAIN_POSTGRES_PORT": str(port),
                "TOKENCHAIN_POSTGRES_USER": "tokenchain",
                "TOKENCHAIN_POSTGRES_PASSWORD": "secret",
                "TOKENCHAIN_POSTGRES_DATABASE": "postgres",
            }
            _wait_until_ready(environment, server)
            yield environment
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_until_ready(environment: dict[str, str], server: subprocess.Popen[bytes]) -> None:
    import psycopg2

    for _ in range(300):
        assert server.poll() is None, "the PostgreSQL server ended"
        try:
            psycopg2.connect(
                host=environment["TOKENCHAIN_POSTGRES_HOST"],
                port=int(environment["TOKENCHAIN_POSTGRES_PORT"]),
                user=environment["TOKENCHAIN_POSTGRES_USER"],
                password=environment["TOKENCHAIN_POSTGRES_PASSWORD"],
                dbname=environment["TOKENCHAIN_POSTGRES_DATABASE"],
            ).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the PostgreSQL server did not answer")


@dataclass(frozen=True)
class Process:
    """A service started by hand, and what it says."""

    running: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")[-3000:]

    def wait_for(self, ask: Callable[[], T | None], seconds: float = 120) -> T:
        """What the question answers, asked until there is an answer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.running.poll() is None, self.said()
            answer = ask()
            if answer is not None:
                return answer
            time.sleep(0.1)
        raise AssertionError(self.said())


@contextmanager
def service(name: str, environment: dict[str, str], folder: Path, *more: str) -> Iterator[Process]:
    """The command of a service of the compose file, by hand; it is asked to end and does so by itself."""
    command = compose()["services"][name]["command"]
    script = Path(sys.executable).with_name(command[0])
    arguments = [*command[1 : command.index("-w")], "-w", str(ROOT / "workspace.yaml"), *more]
    log = folder / f"{name}.log"
    with log.open("wb") as written:
        running = subprocess.Popen(
            [script, *arguments], cwd=folder, env=environment, stdout=written, stderr=subprocess.STDOUT
        )
    try:
        yield Process(running, log)
    finally:
        running.terminate()
        try:
            running.wait(timeout=90)
        finally:
            running.kill()


@pytest.fixture
def on_postgres(
    postgres: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Home, dict[str, str]]:
    """A home folder with the instance settings of `deploy/`, and the environment of the services."""
    home = Home.resolve(tmp_path / "home").create()
    home.dagster.mkdir(exist_ok=True)
    shutil.copy(DEPLOY / "dagster.yaml", home.dagster / "dagster.yaml")
    own = {
        **postgres,
        "DAGSTER_HOME": str(home.dagster),
        "TOKENCHAIN_HOME": str(home.root),
        "TOKENCHAIN_SOURCE": "bundled",
        "PYTHONPATH": str(ROOT),
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    return home, {**os.environ, **own}


@pytest.mark.postgres
def test_webserver_and_daemon_run_on_postgresql(on_postgres: tuple[Home, dict[str, str]], tmp_path: Path) -> None:
    """The processes of the compose file, by hand: the webserver answers and puts a run into the queue, the daemon ticks the sensor
    and brings the run to its end, and all of it is in PostgreSQL.
    """
    home, environment = on_postgres
    port = free_port()
    with (
        # First, so that one process alone makes the tables in the empty database.
        dg.DagsterInstance.from_config(str(home.dagster)) as instance,
        service("webserver", environment, tmp_path, "-h", "127.0.0.1", "-p", str(port)) as webserver,
    ):
        assert type(instance.run_storage).__name__ == "PostgresRunStorage"
        address = f"http://127.0.0.1:{port}"
        information = webserver.wait_for(lambda: _server_information(address))
        assert information["dagster_version"] == dg.__version__
        run_id = _launched(address)
        assert _status(instance, run_id) == dg.DagsterRunStatus.QUEUED
        with service("daemon", environment, tmp_path) as daemon:
            ticks = daemon.wait_for(lambda: _ticks_of_the_sensor(instance))
            status = daemon.wait_for(lambda: _ended(instance, run_id))
        assert status == dg.DagsterRunStatus.SUCCESS, [entry.message for entry in instance.all_logs(run_id)]
        (made,) = instance.fetch_materializations(dg.AssetKey(["raw", "universe"]), limit=5).records
        assert made.run_id == run_id
    assert (home.tables / "raw" / "universe.parquet").exists()
    assert ticks[0].status.value == "SKIPPED"
    assert "the source is bundled" in str(ticks[0].tick_data.skip_reason)
    assert (daemon.running.returncode, webserver.running.returncode) == (0, 0)
    assert not list(home.dagster.rglob("*.db"))


def _server_information(address: str) -> dict[str, str] | None:
    try:
        answer = httpx.get(f"{address}/server_info", timeout=10)
    except httpx.TransportError:
        return None
    content: dict[str, str] = answer.raise_for_status().json()
    return content


LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""


def _launched(address: str) -> str:
    """The id of a run of one small step, asked for as the UI does."""
    selector = {
        "repositoryLocationName": "pipelines.definitions",
        "repositoryName": "__repository__",
        "jobName": "refresh",
        "assetSelection": [{"path": ["raw", "universe"]}],
    }
    variables = {"parameters": {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": []}}}
    answer = httpx.post(f"{address}/graphql", json={"query": LAUNCH, "variables": variables}, timeout=60)
    content = answer.json()
    assert content.get("data", {}).get("launchRun", {}).get("__typename") == "LaunchRunSuccess", content
    return str(content["data"]["launchRun"]["run"]["runId"])


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    run = instance.get_run_by_id(run_id)
    return run.status if run is not None else None


def _ended(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    run = instance.get_run_by_id(run_id)
    return run.status if run is not None and run.is_finished else None


def _ticks_of_the_sensor(instance: dg.DagsterInstance) -> list[Any] | None:
    for state in instance.all_instigator_state():
        if state.name == "new_filings":
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=5)
            return [tick for tick in ticks if tick.status.value != "STARTED"] or None
    return None
