"""What is in `deploy/`: it parses, names commands that exist, and Dagster runs on a real PostgreSQL with it."""

from __future__ import annotations

import configparser
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from tests.homes import ROOT

DEPLOY = ROOT / "deploy"
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


def test_docker_reads_the_compose_file() -> None:
    docker = shutil.which("docker")
    has_compose = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    if docker is None or has_compose:
        pytest.skip("docker compose is not on this machine; the file was read with a YAML parser above")
    environment = {**os.environ, "SEC_USER_AGENT": "a@example.com", "TOKENCHAIN_POSTGRES_PASSWORD": "x"}
    command = [docker, "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "-q"]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def server_binaries() -> Path | None:
    """Where PostgreSQL's server is: Debian keeps it out of the path."""
    found = [Path(path).resolve() for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return found[0].parent if found else None


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 5432))
        port = 5432
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
                "TOKENCHAIN_POSTGRES_USER": "tokenchain",
                "TOKENCHAIN_POSTGRES_PASSWORD": "secret",
                "TOKENCHAIN_POSTGRES_DATABASE": "postgres",
            }
            _wait_until_ready(environment, port, server)
            yield environment
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_until_ready(environment: dict[str, str], port: int, server: subprocess.Popen[bytes]) -> None:
    import psycopg2

    for _ in range(300):
        assert server.poll() is None, "the PostgreSQL server ended"
        try:
            psycopg2.connect(
                host="127.0.0.1",
                port=port,
                user=environment["TOKENCHAIN_POSTGRES_USER"],
                password=environment["TOKENCHAIN_POSTGRES_PASSWORD"],
                dbname=environment["TOKENCHAIN_POSTGRES_DATABASE"],
            ).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the PostgreSQL server did not answer")


@pytest.mark.postgres
def test_the_daemon_runs_on_postgresql(
    postgres: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon of the compose file, by hand: it starts, loads the definitions, and ticks the sensor that is on by default."""
    home = tmp_path / "home"
    (home / "dagster").mkdir(parents=True)
    shutil.copy(DEPLOY / "dagster.yaml", home / "dagster" / "dagster.yaml")
    environment = {
        **os.environ,
        **postgres,
        "DAGSTER_HOME": str(home / "dagster"),
        "TOKENCHAIN_HOME": str(home),
        "TOKENCHAIN_SOURCE": "bundled",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    daemon = subprocess.Popen(
        [sys.executable, "-m", "dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")],
        cwd=ROOT,
        env=environment,
        stdout=(tmp_path / "daemon.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
            assert type(instance.run_storage).__name__ == "PostgresRunStorage"
            ticks = _ticks_of_the_sensor(instance, daemon, tmp_path / "daemon.log")
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)
    assert ticks[0].status.value == "SKIPPED"
    assert "the source is bundled" in str(ticks[0].tick_data.skip_reason)
    assert not list((home / "dagster").rglob("*.db"))


def _ticks_of_the_sensor(instance: dg.DagsterInstance, daemon: subprocess.Popen[bytes], log: Path) -> list[Any]:
    for _ in range(1200):
        assert daemon.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        for state in instance.all_instigator_state():
            if state.name == "new_filings":
                ticks = [
                    tick
                    for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=5)
                    if tick.status.value != "STARTED"
                ]
                if ticks:
                    return list(ticks)
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8")[-3000:])
