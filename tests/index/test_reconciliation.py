"""`mart.published_reconciliation`: which of our numbers stands beside a published one."""

from typing import Any

import pytest

from assets.reconciliation import published_reconciliation
from schemas.mart.index_views import PublishedReconciliation
from schemas.mart.prosperity import CompositeScores, GrowthGap
from tests.index.scoring import methodology, value_row
from tests.tables import Row, company, compute, keeps_contract, only
from tests.valid_rows import valid_row
from warehouse.engine import Engine


def figure(name: str, measure: str, entity: str, value: float | None, first: str | None, last: str | None) -> Row:
    return {
        "figure_id": name,
        "entity": entity,
        "metric": measure,
        "first_quarter": first,
        "last_quarter": last,
        "published_value": value,
        "unit": "points",
        "qualifier": "exact",
        "measure": measure,
        "explanation": "because",
    }


def tier_score(quarter: str, score: float | None, **changes: Any) -> Row:
    row = valid_row(CompositeScores) | {"entity_kind": "tier", "entity": "upstream", "basis": "fiscal_ytd"}
    return row | {"quarter": quarter, "composite_score": score} | changes


FIGURES = [
    figure("peak", "composite_score", "upstream", 85.9, "2024Q1", "2024Q2"),
    figure("point", "composite_score", "upstream", 60.0, "2024Q3", "2024Q3"),
    figure("no_number", "composite_score", "upstream", None, "2024Q3", "2024Q3"),
    figure("not_ours_yet", "composite_score", "upstream", 10.0, "2026Q1", "2026Q1"),
    figure("nobody_s", "cycle_stage", "chain", 1.0, "2024Q1", "2024Q1"),
    figure("growth", "revenue_growth_pct", "midstream", 18.73, "2026Q1", "2026Q1"),
    figure("multiple", "upstream_multiple", "downstream", 35.0, "2024Q1", "2024Q2"),
    figure("weight", "weight_pct", "revenue_growth", 40.0, None, None),
    figure("companies", "company_count", "chain", 7.0, None, None),
]
SCORES = [
    tier_score("2023Q4", 99.0),
    tier_score("2024Q1", 70.0),
    tier_score("2024Q2", 86.5),
    tier_score("2024Q3", 55.0),
    tier_score("2024Q1", 98.0, basis="ttm"),
    tier_score("2024Q1", 97.0, entity_kind="company", entity="UP"),
    tier_score("2024Q2", 96.0, entity="midstream"),
]
PARTS = [
    value_row("midstream", "2026Q1", 0.1873, basis="fiscal_ytd"),
    value_row("midstream", "2026Q1", 0.9, basis="ttm"),
    value_row("midstream", "2026Q1", 0.8, basis="fiscal_ytd", sub_index="roic_change"),
]
GAPS = [
    valid_row(GrowthGap) | {"basis": "fiscal_ytd", "quarter": quarter, "upstream_downstream_ratio": ratio}
    for quarter, ratio in (("2024Q1", 19.0), ("2024Q2", 35.2), ("2024Q3", 50.0))
]
COMPANIES = [company(f"IN_{number}", "upstream") for number in range(7)] + [company("OUT", "upstream", is_member=False)]


@pytest.fixture(scope="module")
def found(engine: Engine) -> list[Row]:
    return compute(
        engine,
        published_reconciliation,
        published_figures=FIGURES,
        composite_scores=SCORES,
        sub_indices=PARTS,
        growth_gap=GAPS,
        companies=COMPANIES,
        methodology=methodology(),
    )


def test_every_figure_has_one_row_and_the_contract_holds(engine: Engine, found: list[Row]) -> None:
    assert keeps_contract(engine, PublishedReconciliation, found)
    assert sorted(row["figure_id"] for row in found) == sorted(row["figure_id"] for row in FIGURES)


@pytest.mark.parametrize(
    ("name", "ours", "difference"),
    [
        ("peak", 86.5, 0.6),
        ("point", 55.0, -5.0),
        ("no_number", 55.0, None),
        ("not_ours_yet", None, None),
        ("nobody_s", None, None),
        ("growth", 18.73, 0.0),
        ("multiple", 35.2, 0.2),
        ("weight", 40.0, 0.0),
        ("companies", 7.0, 0.0),
    ],
)
def test_ours_is_the_largest_value_of_the_span_on_the_published_basis(
    found: list[Row], name: str, ours: float | None, difference: float | None
) -> None:
    row = only(found, figure_id=name)

    assert row["our_value"] == (None if ours is None else pytest.approx(ours))
    assert row["difference"] == (None if difference is None else pytest.approx(difference, abs=1e-9))
    assert row["explanation"] == "because"
