"""Who is late, by its own fiscal calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import dagster as dg
import pytest

from pipelines.publishing import COMPANY_CHECKS
from pipelines.refreshing import Outcome
from tests.homes import CIKS
from tests.live.world import LiveWorld
from warehouse.home import Home
from warehouse.lateness import Quarter, a_year_later, due_rules, expected_filing


@pytest.mark.parametrize(
    ("end", "next_year"),
    [
        ("2025-06-30", "2026-06-30"),
        ("2023-02-28", "2024-02-29"),
        ("2024-02-29", "2025-02-28"),
        # Apple: the last Saturday of September; FY2023 had 53 weeks.
        ("2022-09-24", "2023-09-30"),
        ("2023-09-30", "2024-09-28"),
        ("2024-09-28", "2025-09-27"),
        # NVIDIA: the last Sunday of January; FY2023 and FY2027 have 53 weeks.
        ("2022-01-30", "2023-01-29"),
        ("2025-01-26", "2026-01-25"),
        ("2026-01-25", "2027-01-31"),
    ],
)
def test_the_same_quarter_a_year_on(end: str, next_year: str) -> None:
    months = end in ("2025-06-30", "2023-02-28", "2024-02-29")
    assert a_year_later(dt.date.fromisoformat(end), months) == dt.date.fromisoformat(next_year)


def quarters(*ends: str, first: int = 1) -> list[Quarter]:
    return [Quarter((first - 1 + place) % 4 + 1, dt.date.fromisoformat(end)) for place, end in enumerate(ends)]


def test_a_quarter_is_due_after_45_days_and_a_year_after_60() -> None:
    nvidia = quarters("2025-04-27", "2025-07-27", "2025-10-26", "2026-01-25", "2026-04-26")
    expected = expected_filing("NVDA", nvidia, "10-K", True, due_rules())
    assert expected is not None
    assert (expected.form, expected.period_end_date, expected.due_date) == (
        "10-Q",
        dt.date(2026, 7, 26),
        dt.date(2026, 9, 9),
    )
    third = nvidia[:3]
    annual = expected_filing("NVDA", [Quarter(4, dt.date(2025, 1, 26)), *third], "10-K", True, due_rules())
    assert annual is not None
    # 26 March 2026 is 60 days after 25 January.
    assert (annual.form, annual.period_end_date, annual.due_date) == (
        "10-K",
        dt.date(2026, 1, 25),
        dt.date(2026, 3, 26),
    )


def test_a_due_day_on_a_weekend_moves_to_monday() -> None:
    alphabet = quarters("2025-09-30", "2025-12-31", "2026-03-31", "2026-06-30", first=3)
    expected = expected_filing("GOOGL", alphabet, "10-K", True, due_rules())
    assert expected is not None
    assert (expected.period_end_date, expected.due_date) == (dt.date(2026, 9, 30), dt.date(2026, 11, 16))
    assert dt.date(2026, 11, 14).weekday() == 5


def test_a_company_without_quarterly_reports_is_expected_yearly() -> None:
    known = [Quarter(4, dt.date(2024, 12, 31)), Quarter(4, dt.date(2025, 12, 31))]
    expected = expected_filing("TSM", known, "20-F", False, due_rules())
    assert expected is not None
    assert (expected.form, expected.period_end_date, expected.due_date) == (
        "20-F",
        dt.date(2026, 12, 31),
        dt.date(2027, 5, 3),
    )
    assert expected_filing("TSM", known, "annual letter", False, due_rules()) is None
    assert expected_filing("TSM", [], "20-F", False, due_rules()) is None


def test_each_company_has_a_check_that_warns_when_it_is_late(
    refresh_live: Callable[..., Outcome], world: LiveWorld, home: Home
) -> None:
    """One company has filed, two are late, the others of the project's list are not in this run's: each check says its own."""
    world.file("AAPL")
    outcome = refresh_live()
    assert outcome.succeeded, outcome.message
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        found = instance.get_records_for_run(outcome.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        checks = {
            evaluation.check_name: evaluation
            for record in found.records
            if (evaluation := record.event_log_entry.asset_check_evaluation) is not None
            and evaluation.asset_key == dg.AssetKey("warehouse_duckdb")
        }
    # Imported before a test sets another list: the checks are those of the project's own.
    assert (
        set(checks) == {spec.name for spec in COMPANY_CHECKS} == {f"{ticker.lower()}_has_reported" for ticker in CIKS}
    )
    assert {name for name, check in checks.items() if not check.passed} == {
        f"{ticker.lower()}_has_reported" for ticker in world.tickers if ticker != "AAPL"
    }
    late = checks["meta_has_reported"]
    assert late.severity == dg.AssetCheckSeverity.WARN
    assert late.metadata["late"].value == "META: its 10-Q for the period ended about 2026-06-30 was due on 2026-08-14"
    for ticker in set(CIKS) - set(world.tickers):
        assert "not watched" in str(checks[f"{ticker.lower()}_has_reported"].metadata["source"].value)
