"""The published report on the bundled filings: every number of `warehouse/published_figures.csv` beside ours."""

import duckdb
import pytest

from tests.index.scoring import TIERS
from tests.tables import Row, only

GROWTH = {"upstream": 65.47, "midstream": 18.73, "downstream": 21.64}
SCORES = {
    "score_upstream_2024h1": 85.9,
    "score_upstream_2026q1": 37.04,
    "score_downstream_2024q1": 25.05,
    "score_downstream_2026q1": 32.24,
}
MULTIPLES = {
    "gap_midstream_2026q1": (3.5, 0.05),
    "gap_downstream_2026q1": (3.0, 0.05),
    "gap_midstream_2024h1": (19.0, 0.5),
    "gap_downstream_2024h1": (35.0, 0.5),
}
WINDOW = [f"{year}Q{number}" for year in (2024, 2025) for number in range(1, 5)] + ["2026Q1"]


def rows_of(published: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found: list[Row] = published.sql(query).to_arrow_table().to_pylist()
    return found


@pytest.fixture(scope="module")
def figures(published: duckdb.DuckDBPyConnection) -> list[Row]:
    return rows_of(published, "FROM mart.published_reconciliation")


@pytest.fixture(scope="module")
def series(published: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """Tier → quarter → composite score on the published basis."""
    found = rows_of(
        published,
        "FROM mart.composite_scores WHERE entity_kind = 'tier' AND basis = 'fiscal_ytd' AND quarter >= '2024Q1'",
    )
    return {
        tier: {
            row["quarter"]: row["composite_score"]
            for row in found
            if row["entity"] == tier and row["quarter"] in WINDOW
        }
        for tier in TIERS
    }


def test_every_published_number_is_listed_with_an_explanation(
    published: duckdb.DuckDBPyConnection, figures: list[Row]
) -> None:
    listed = {row["figure_id"] for row in rows_of(published, "FROM raw.published_figures")}

    assert {row["figure_id"] for row in figures} == listed
    assert len(figures) == len(listed)
    assert all(row["explanation"].strip() for row in figures)


@pytest.mark.parametrize("tier", TIERS)
def test_growth_is_met_to_the_last_published_digit(figures: list[Row], tier: str) -> None:
    growth = only(figures, figure_id=f"growth_{tier}_2026q1")

    assert growth["published_value"] == GROWTH[tier]
    assert round(growth["our_value"], 2) == GROWTH[tier]


@pytest.mark.parametrize("name", SCORES)
def test_each_index_value_is_met_within_a_point_and_a_half(figures: list[Row], name: str) -> None:
    score = only(figures, figure_id=name)

    assert score["published_value"] == SCORES[name]
    assert score["our_value"] == pytest.approx(SCORES[name], abs=1.5)
    assert score["difference"] == pytest.approx(score["our_value"] - SCORES[name])


@pytest.mark.parametrize("name", MULTIPLES)
def test_the_multiples_are_met_within_their_rounding(figures: list[Row], name: str) -> None:
    multiple, rounding = MULTIPLES[name]

    assert only(figures, figure_id=name)["our_value"] == pytest.approx(multiple, abs=rounding)


def test_upstream_peaks_in_the_first_half_of_2024_above_85_and_ends_low(series: dict[str, dict[str, float]]) -> None:
    upstream = series["upstream"]

    assert sorted(upstream) == WINDOW
    assert max(upstream, key=upstream.__getitem__) in ("2024Q1", "2024Q2")
    assert max(upstream.values()) > 85.9
    assert min(upstream, key=upstream.__getitem__) == "2026Q1"


def test_midstream_is_steady_and_rises_late_and_downstream_rises_moderately(
    series: dict[str, dict[str, float]],
) -> None:
    before = [score for quarter, score in series["midstream"].items() if quarter != "2026Q1"]

    assert max(before) - min(before) < 6
    assert series["midstream"]["2026Q1"] == max(series["midstream"].values())
    assert 3 < series["downstream"]["2026Q1"] - series["downstream"]["2024Q1"] < 15


def test_the_weights_and_the_number_of_companies_are_the_published_ones(figures: list[Row]) -> None:
    exact = [row for row in figures if row["metric"] in ("weight", "companies in the index")]

    assert len(exact) == 4
    assert [row["difference"] for row in exact] == pytest.approx([0, 0, 0, 0])


def test_the_window_holds_27_values(published: duckdb.DuckDBPyConnection) -> None:
    counts = rows_of(
        published, "SELECT DISTINCT sub_index, window_count FROM mart.sub_indices WHERE basis = 'fiscal_ytd'"
    )

    assert sorted((row["sub_index"], row["window_count"]) for row in counts) == [
        ("capex_depreciation_change", 27),
        ("revenue_growth", 27),
        ("roic_change", 27),
    ]


def test_contributions_add_up_exactly(published: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        published,
        """SELECT tier, basis, quarter, comparison, sum(contribution_points) - any_value(composite_change_points) AS rest
        FROM mart.composite_contributions GROUP BY ALL""",
    )

    assert len(found) > 100
    assert [row for row in found if abs(row["rest"]) > 1e-9] == []


def test_the_leading_shares_cover_the_grid(published: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        published,
        """SELECT basis, quarter, normalisation, sum(lead_share_ratio) AS shares, min(grid_count) AS points, count(*) AS tiers
        FROM mart.composite_sensitivity GROUP BY ALL""",
    )

    assert {(row["points"], row["tiers"]) for row in found} == {(231, 3)}
    assert {row["normalisation"] for row in found} == {"normal_cdf", "tanh", "logistic", "min_max", "percentile"}
    assert all(row["shares"] >= 1 - 1e-9 for row in found)


def test_the_expanding_window_is_the_default_until_the_report_s_window_ends(
    published: duckdb.DuckDBPyConnection,
) -> None:
    found = rows_of(
        published,
        """SELECT w.quarter, w.composite_score = d.composite_score AS is_same FROM mart.composite_variants AS w
        JOIN mart.composite_variants AS d USING (entity_kind, entity, basis, quarter)
        WHERE w.variant = 'expanding_window' AND d.variant = 'default' AND d.composite_score IS NOT NULL
            AND d.basis = 'fiscal_ytd'""",
    )

    assert {row["quarter"] for row in found if not row["is_same"]} == {
        row["quarter"] for row in found if row["quarter"] > "2026Q1"
    }


def test_53_week_years_have_two_growth_rates(published: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(published, "FROM mart.revenue_growth WHERE weeks <> weeks_before AND growth IS NOT NULL")

    assert {row["ticker"] for row in found} >= {"AAPL", "NVDA"}
    for row in found:
        per_week = (row["revenue_usd"] / row["weeks"]) / (row["revenue_before_usd"] / row["weeks_before"]) - 1
        assert row["week_adjusted_growth"] == pytest.approx(per_week)
        assert (row["week_adjusted_growth"] < row["growth"]) == (row["weeks"] > row["weeks_before"])


def test_each_restatement_names_the_filing_of_its_day(published: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        published,
        """SELECT r.ticker, r.concept, r.filed_date, r.accession, f.filed_date AS filed FROM mart.restatements AS r
        LEFT JOIN raw.filings AS f USING (accession)""",
    )
    other = [row for row in found if row["accession"] is not None and row["filed"] != row["filed_date"]]

    assert len(found) > 100
    assert other == []
