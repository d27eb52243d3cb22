"""One check per company: its name, its warning with the sentence, and runs with another list of companies."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from pipelines.company_checks import check_name, companies_defined, company_check_results, company_check_specs
from tests.homes import CIKS, universe_file

ASSET = dg.AssetKey("warehouse_duckdb")
LATE = "NVDA: its 10-Q for the period ended about 2026-07-26 was due on 2026-09-09"


@pytest.mark.parametrize(
    ("ticker", "name"), [("NVDA", "nvda_has_reported"), ("BRK.B", "brk_b_has_reported"), ("BF-A", "bf_a_has_reported")]
)
def test_a_check_is_named_after_its_company(ticker: str, name: str) -> None:
    assert check_name(ticker) == name


def test_every_company_has_a_check_of_its_own() -> None:
    specs = company_check_specs(ASSET, CIKS)
    assert [spec.name for spec in specs] == [check_name(ticker) for ticker in CIKS]
    assert all(ticker in str(spec.description) for ticker, spec in zip(CIKS, specs, strict=True))


def test_tickers_that_differ_in_a_sign_only_share_a_check() -> None:
    (spec,) = company_check_specs(ASSET, ["BRK.B", "BRK-B"])
    assert "BRK.B and BRK-B" in str(spec.description)
    (result,) = company_check_results([spec.name], {"BRK-B": ["late"]}, ["BRK.B", "BRK-B"], "EDGAR")
    assert not result.passed


def results(late: dict[str, list[str]], universe: list[str]) -> dict[str | None, dg.AssetCheckResult]:
    names = [check_name(ticker) for ticker in ("NVDA", "META")]
    return {result.check_name: result for result in company_check_results(names, late, universe, "EDGAR")}


def test_the_late_company_is_warned_of_with_the_sentence_and_no_other() -> None:
    found = results({"NVDA": [LATE]}, ["NVDA", "META"])
    late, other = found["nvda_has_reported"], found["meta_has_reported"]
    assert (late.passed, late.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert late.metadata["late"].value == LATE
    assert other.passed
    assert "late" not in other.metadata


def test_companies_of_another_universe_file_break_nothing() -> None:
    found = results({"ORCL": ["ORCL: late"]}, ["ORCL", "META"])
    assert set(found) == {"nvda_has_reported", "meta_has_reported"}
    assert all(result.passed for result in found.values())
    assert "not in the universe" in str(found["nvda_has_reported"].metadata["source"].value)


def test_checks_are_defined_for_the_universe_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert companies_defined() == list(CIKS)
    more = {"ticker": "BRK.B", "cik": 1067983, "name": "Berkshire Hathaway", "tier": "downstream"}
    monkeypatch.setenv("TOKENCHAIN_UNIVERSE", str(universe_file(tmp_path / "universe.yaml", ["META"], more)))
    assert companies_defined() == ["META", "BRK.B"]
    for unusable in ("nowhere.yaml", "."):
        monkeypatch.setenv("TOKENCHAIN_UNIVERSE", str(tmp_path / unusable))
        assert companies_defined() == list(CIKS)
