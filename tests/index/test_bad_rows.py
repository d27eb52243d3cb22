"""Bad rows of the index's tables are refused, each with its column named: the mistakes that formulas like these make."""

from typing import Any

import pytest

from schemas.base import TableClass, key_columns, qualified_name
from schemas.core.quarters import QuartersHistory
from schemas.mart.index_views import (
    CompositeContributions,
    CompositeSensitivity,
    CompositeVariants,
    PublishedReconciliation,
    RevenueGrowth,
)
from schemas.mart.real_time import CompositeScoreVintages, Restatements
from schemas.raw.configuration import PublishedFigures
from tests.tables import table
from tests.valid_rows import valid_row
from warehouse.engine import Engine
from warehouse.validation import check_contract

MISTAKES: list[tuple[TableClass, str, Any]] = [
    (CompositeVariants, "composite_score", 100.01),
    (CompositeVariants, "composite_score", -0.01),
    (CompositeVariants, "basis", "year"),
    (CompositeVariants, "entity_kind", "sector"),
    (CompositeVariants, "variant", None),
    (CompositeContributions, "comparison", "two_years_before"),
    (CompositeContributions, "sub_index", "margin"),
    (CompositeContributions, "quarter_before", "2025-Q1"),
    (CompositeContributions, "contribution_points", None),
    (CompositeContributions, "composite_change_points", None),
    (CompositeSensitivity, "lead_share_ratio", 1.01),
    (CompositeSensitivity, "lead_share_ratio", -0.01),
    (CompositeSensitivity, "grid_count", 0),
    (CompositeSensitivity, "normalisation", "rank"),
    (CompositeSensitivity, "mean_rank", None),
    (RevenueGrowth, "basis", "month"),
    (RevenueGrowth, "quarter", "2025Q5"),
    (RevenueGrowth, "period_end_date", None),
    (PublishedReconciliation, "first_quarter", "first half of 2024"),
    (PublishedReconciliation, "explanation", None),
    (PublishedReconciliation, "figure_id", None),
    (CompositeScoreVintages, "vintage_date", None),
    (CompositeScoreVintages, "latest_filed_date", None),
    (CompositeScoreVintages, "basis", "calendar"),
    (CompositeScoreVintages, "company_count", -1),
    (Restatements, "value_before", None),
    (Restatements, "difference", None),
    (Restatements, "report_quarter", "Q1"),
    (QuartersHistory, "reason", "split"),
    (QuartersHistory, "reason", None),
    (QuartersHistory, "measure", "ttm"),
    (QuartersHistory, "known_from_date", None),
    (PublishedFigures, "unit", "euros"),
    (PublishedFigures, "qualifier", "roughly"),
    (PublishedFigures, "last_quarter", "2024H1"),
    (PublishedFigures, "measure", None),
    (PublishedFigures, "explanation", None),
]
TABLES = list(dict.fromkeys(mistake[0] for mistake in MISTAKES))


@pytest.mark.parametrize("declared", TABLES, ids=qualified_name)
def test_a_good_row_passes_and_its_repetition_does_not(engine: Engine, declared: TableClass) -> None:
    good = valid_row(declared)

    assert check_contract(declared, table(engine, declared, [good])).passed
    repeated = check_contract(declared, table(engine, declared, [good, good]))
    assert not repeated.passed
    assert any(name in repeated.sentence() for name in key_columns(declared))


@pytest.mark.parametrize(
    ("declared", "column", "value"),
    MISTAKES,
    ids=[f"{qualified_name(declared)}.{column}={value}" for declared, column, value in MISTAKES],
)
def test_a_bad_row_is_refused(engine: Engine, declared: TableClass, column: str, value: Any) -> None:
    bad = check_contract(declared, table(engine, declared, [valid_row(declared) | {column: value}]))

    assert not bad.passed
    assert bad.severity == "error"
    assert column in {row["column"] for row in bad.failing_rows}
    assert qualified_name(declared) in bad.sentence()


@pytest.mark.parametrize(
    ("declared", "column"),
    [
        (CompositeVariants, "composite_score"),
        (RevenueGrowth, "growth"),
        (PublishedReconciliation, "our_value"),
        (CompositeScoreVintages, "composite_score"),
        (Restatements, "roic_ttm_before_pct"),
        (QuartersHistory, "value_before"),
        (QuartersHistory, "known_to_date"),
        (PublishedFigures, "published_value"),
    ],
)
def test_what_may_be_unknown_may_be_null(engine: Engine, declared: TableClass, column: str) -> None:
    assert check_contract(declared, table(engine, declared, [valid_row(declared) | {column: None}])).passed
