"""No setting of whoever runs the tests reaches them: a failing refresh of a test must not message an operator."""

import os
import subprocess
import sys

from tests.conftest import is_setting
from tests.homes import ROOT

SETTINGS = {
    "DAGSTER_HOME": "/nowhere",
    "SEC_USER_AGENT": "Somebody somebody@example.com",
    "TOKENCHAIN_EDGAR_DATA_URL": "http://127.0.0.1:9",
    "TOKENCHAIN_HOME": "/nowhere",
    "TOKENCHAIN_SOURCE": "edgar",
    "TOKENCHAIN_UNIVERSE": "/nowhere/universe.yaml",
    "TOKENCHAIN_WEBHOOK_URL": "http://127.0.0.1:9/hook",
}


def test_this_process_has_no_setting() -> None:
    assert [name for name in os.environ if is_setting(name)] == []


def test_settings_of_the_user_are_gone_before_a_test_is_read() -> None:
    selected = f"{__file__}::{test_this_process_has_no_setting.__name__}"
    inner = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", selected],
        cwd=ROOT,
        env={**os.environ, **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert inner.returncode == 0, inner.stdout[-2000:]
    assert all(map(is_setting, SETTINGS))
