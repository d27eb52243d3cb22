"""`mart.sub_indices`, `mart.composite_scores`, `mart.growth_gap`: a small panel computed by hand.

Tickers are named after their tier. The window is 2025Q1 alone, so mean and deviation come from three tier values.
"""

import statistics
from typing import Any

import pytest

from assets.prosperity import composite_scores, growth_gap, sub_indices
from schemas.mart.prosperity import CompositeScores, GrowthGap, SubIndices
from tests.panels import fundamental
from tests.tables import Row, company, compute, keeps_contract, only
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology

COMPANIES = [
    company("UP", "upstream"),
    company("MID_A", "midstream"),
    company("MID_B", "midstream"),
    company("MID_X", "midstream", is_member=False),
    company("DOWN", "downstream"),
]
# Revenue, return on invested capital in percent, capital expenditure; depreciation is 10 throughout.
YEAR_BEFORE = {"2024Q1": (100, 20, 20), "2024Q2": (100, 20, 20), "2024Q3": (100, 30, 20), "2024Q4": (100, 30, 20)}
PANEL = {
    "UP": {**YEAR_BEFORE, "2025Q1": (150, 36, 30), "2025Q2": (130, 37, 40)},
    "MID_A": {**YEAR_BEFORE, "2025Q1": (120, 33, 24), "2025Q2": (140, 33, 20)},
    "MID_B": {**YEAR_BEFORE, "2025Q1": (110, 31, 22)},
    "MID_X": {**YEAR_BEFORE, "2025Q1": (900, 99, 90)},
    "DOWN": {**YEAR_BEFORE, "2025Q1": (110, 29, 16), "2025Q2": (120, 29, 0)},
}
NORMAL = statistics.NormalDist()


def methodology(first: str = "2025Q1", last: str = "2025Q1") -> Methodology:
    content: dict[str, Any] = read_methodology().model_dump()
    content["index"] |= {"window": {"first_quarter": first, "last_quarter": last}, "bases": ["quarter"]}
    return Methodology.model_validate(content)


def panel_rows() -> list[Row]:
    return [
        fundamental(
            ticker,
            quarter,
            revenue_usd=float(revenue),
            roic_quarter_pct=float(roic),
            invested_capital_usd=1.0,
            operating_income_usd=1.0,
            income_tax_usd=0.0,
            pretax_income_usd=1.0,
            capital_expenditure_usd=float(capital_expenditure),
            depreciation_amortization_usd=10.0,
            basis_break=(ticker, quarter) == ("MID_A", "2025Q1"),
        )
        for ticker, quarters in PANEL.items()
        for quarter, (revenue, roic, capital_expenditure) in quarters.items()
    ]


@pytest.fixture(scope="module")
def parts(engine: Engine) -> list[Row]:
    return compute(engine, sub_indices, fundamentals=panel_rows(), companies=COMPANIES, methodology=methodology())


@pytest.fixture(scope="module")
def scores(engine: Engine, parts: list[Row]) -> list[Row]:
    return compute(engine, composite_scores, sub_indices=parts, methodology=methodology())


def part(parts: list[Row], entity: str, quarter: str, sub_index: str) -> Row:
    return only(parts, entity=entity, quarter=quarter, sub_index=sub_index)


def test_the_tables_keep_their_contracts(engine: Engine, parts: list[Row], scores: list[Row]) -> None:
    assert keeps_contract(engine, SubIndices, parts)
    assert keeps_contract(engine, CompositeScores, scores)


@pytest.mark.parametrize(
    ("entity", "growth"),
    [
        ("UP", 0.5),
        ("MID_A", 0.2),
        ("MID_B", 0.1),
        ("MID_X", 8.0),
        ("DOWN", 0.1),
        ("upstream", 0.5),
        ("midstream", 0.15),
        ("downstream", 0.1),
    ],
)
def test_revenue_growth_is_against_a_year_before_and_a_tier_s_the_simple_mean(
    parts: list[Row], entity: str, growth: float
) -> None:
    assert part(parts, entity, "2025Q1", "revenue_growth")["value"] == pytest.approx(growth)


def test_a_missing_quarter_in_between_does_not_hide_the_year_before(engine: Engine) -> None:
    rows = [row for row in panel_rows() if row["ticker"] != "UP" or row["calendar_quarter"] not in ("2024Q3", "2024Q4")]
    found = compute(engine, sub_indices, fundamentals=rows, companies=COMPANIES, methodology=methodology())

    assert part(found, "UP", "2025Q1", "revenue_growth")["value"] == pytest.approx(0.5)
    # The return on invested capital is compared with the quarter before, which is missing.
    assert part(found, "UP", "2025Q1", "roic_change")["value"] is None
    assert part(found, "UP", "2025Q1", "roic_change")["missing_reason"] == "the period compared with is missing"


@pytest.mark.parametrize(
    ("entity", "change"), [("UP", 0.06), ("upstream", 0.06), ("midstream", 0.02), ("downstream", -0.01)]
)
def test_roic_changes_against_the_quarter_before(parts: list[Row], entity: str, change: float) -> None:
    assert part(parts, entity, "2025Q1", "roic_change")["value"] == pytest.approx(change)


@pytest.mark.parametrize(
    ("entity", "change"), [("UP", 0.5), ("upstream", 0.5), ("midstream", 0.15), ("downstream", -0.2)]
)
def test_capital_expenditure_over_depreciation_changes_against_a_year_before(
    parts: list[Row], entity: str, change: float
) -> None:
    assert part(parts, entity, "2025Q1", "capex_depreciation_change")["value"] == pytest.approx(change)


def test_scores_are_the_normal_distribution_of_z_scores_over_the_window(parts: list[Row]) -> None:
    window = [0.5, 0.15, 0.1]
    mean, deviation = statistics.mean(window), statistics.pstdev(window)

    for entity, value in (("upstream", 0.5), ("midstream", 0.15), ("downstream", 0.1), ("MID_A", 0.2)):
        found = part(parts, entity, "2025Q1", "revenue_growth")
        assert found["window_mean"] == pytest.approx(mean)
        assert found["window_deviation"] == pytest.approx(deviation)
        assert found["window_count"] == 3
        assert found["z_score"] == pytest.approx((value - mean) / deviation)
        assert found["score"] == pytest.approx(100 * NORMAL.cdf((value - mean) / deviation), abs=2e-5)


def test_quarters_outside_the_window_use_the_window_s_mean_and_deviation(parts: list[Row]) -> None:
    inside, outside = (part(parts, "upstream", quarter, "revenue_growth") for quarter in ("2025Q1", "2025Q2"))

    assert outside["value"] == pytest.approx(0.3)
    assert (outside["window_mean"], outside["window_deviation"]) == (inside["window_mean"], inside["window_deviation"])


def test_a_tier_is_provisional_until_all_its_members_have_filed(parts: list[Row]) -> None:
    complete = part(parts, "midstream", "2025Q1", "revenue_growth")
    ragged = part(parts, "midstream", "2025Q2", "revenue_growth")

    assert (complete["company_count"], complete["is_provisional"], complete["missing_companies"]) == (2, False, None)
    assert (ragged["company_count"], ragged["is_provisional"], ragged["missing_companies"]) == (1, True, "MID_B")
    assert ragged["value"] == pytest.approx(0.4)


def test_a_company_outside_the_index_is_scored_and_counts_in_no_tier(parts: list[Row]) -> None:
    outsider = part(parts, "MID_X", "2025Q1", "revenue_growth")

    assert outsider["tier"] == "midstream"
    assert outsider["score"] > 99.9
    assert part(parts, "midstream", "2025Q1", "revenue_growth")["missing_companies"] is None


def test_a_recast_depreciation_flags_the_part_that_uses_it_and_its_tier_only(parts: list[Row]) -> None:
    flagged = {(row["entity"], row["quarter"], row["sub_index"]) for row in parts if row["basis_break"]}

    assert flagged == {(entity, "2025Q1", "capex_depreciation_change") for entity in ("MID_A", "midstream")}


def test_every_missing_value_has_its_reason(parts: list[Row]) -> None:
    reasons = {
        (row["entity"], row["quarter"], row["sub_index"]): row["missing_reason"]
        for row in parts
        if row["value"] is None
    }

    assert reasons["UP", "2024Q1", "revenue_growth"] == "the period compared with is missing"
    assert reasons["midstream", "2024Q1", "revenue_growth"] == "no member has a value"
    assert all(reasons.values())
    assert all(row["missing_reason"] is None for row in parts if row["value"] is not None)


def test_growth_from_nothing_is_no_number(engine: Engine) -> None:
    rows = [
        fundamental("UP", quarter, revenue_usd=revenue, capital_expenditure_usd=1.0, depreciation_amortization_usd=None)
        for quarter, revenue in (("2024Q1", 0.0), ("2025Q1", 5.0))
    ]
    found = compute(
        engine,
        sub_indices,
        # The quarters between are there, so that the year before is four rows earlier.
        fundamentals=rows + [fundamental("UP", f"2024Q{number}", revenue_usd=0.0) for number in (2, 3, 4)],
        companies=COMPANIES[:1],
        methodology=methodology(),
    )
    by_part = {row["sub_index"]: row for row in found if (row["entity"], row["quarter"]) == ("UP", "2025Q1")}

    assert by_part["revenue_growth"]["value"] is None
    assert by_part["revenue_growth"]["missing_reason"] == "the period compared with is not positive"
    assert by_part["capex_depreciation_change"]["missing_reason"].startswith("depreciation_amortization is missing")
    assert by_part["roic_change"]["missing_reason"] == (
        "invested capital is missing; operating_income is missing; income_tax is missing; pretax_income is missing, see core.missing_quarters"
    )


def test_a_change_of_roic_names_capital_and_flows_that_are_missing(engine: Engine) -> None:
    gone = dict.fromkeys(("roic_quarter_pct", "invested_capital_usd", "pretax_income_usd"))
    rows = [row | gone | {"missing_capital_parts": "debt"} for row in panel_rows() if row["ticker"] == "UP"]
    found = compute(engine, sub_indices, fundamentals=rows, companies=COMPANIES, methodology=methodology())

    assert part(found, "UP", "2025Q1", "roic_change")["missing_reason"] == (
        "invested capital lacks debt; pretax_income is missing, see core.missing_quarters"
    )


def test_capital_that_is_not_positive_has_no_change_of_roic(engine: Engine) -> None:
    rows = [row | {"roic_quarter_pct": None, "invested_capital_usd": -1.0} for row in panel_rows()]
    found = compute(engine, sub_indices, fundamentals=rows, companies=COMPANIES, methodology=methodology())

    assert part(found, "UP", "2025Q1", "roic_change")["missing_reason"] == "invested capital is not positive"


def test_without_a_value_in_the_window_there_is_no_score_and_the_reason_says_so(engine: Engine) -> None:
    empty_window = methodology("2030Q1", "2030Q4")
    found = compute(engine, sub_indices, fundamentals=panel_rows(), companies=COMPANIES, methodology=empty_window)
    upstream = part(found, "upstream", "2025Q1", "revenue_growth")

    assert (upstream["value"], upstream["score"], upstream["window_count"]) == (0.5, None, 0)
    assert upstream["missing_reason"] == "the normalisation window is empty"


def test_the_composite_weighs_growth_returns_and_investment(parts: list[Row], scores: list[Row]) -> None:
    for entity in ("upstream", "midstream", "downstream", "MID_A"):
        by_part = {
            name: part(parts, entity, "2025Q1", name)["score"]
            for name in ("revenue_growth", "roic_change", "capex_depreciation_change")
        }
        found = only(scores, entity=entity, quarter="2025Q1")
        expected = (
            0.4 * by_part["revenue_growth"] + 0.3 * by_part["roic_change"] + 0.3 * by_part["capex_depreciation_change"]
        )
        assert found["composite_score"] == pytest.approx(expected)
        assert found["missing_reason"] is None


def test_without_one_of_the_three_there_is_no_composite_and_a_reason(scores: list[Row]) -> None:
    first = only(scores, entity="UP", quarter="2024Q1")

    assert first["composite_score"] is None
    assert first["missing_reason"]


def test_a_provisional_part_makes_the_composite_provisional_and_names_companies_once(scores: list[Row]) -> None:
    ragged = only(scores, entity="midstream", quarter="2025Q2")

    assert (ragged["is_provisional"], ragged["missing_companies"], ragged["company_count"]) == (True, "MID_B", 1)
    assert only(scores, entity="midstream", quarter="2025Q1")["basis_break"] is True


def lacks(rows: list[Row], ticker: str, *names: str) -> list[Row]:
    """The panel without some figures of a company's last quarter."""
    gone: Row = dict.fromkeys(names)
    return [row | gone if (row["ticker"], row["calendar_quarter"]) == (ticker, "2025Q1") else row for row in rows]


def composites(engine: Engine, rows: list[Row]) -> list[Row]:
    found = compute(engine, sub_indices, fundamentals=rows, companies=COMPANIES, methodology=methodology())
    return compute(engine, composite_scores, sub_indices=found, methodology=methodology())


def test_no_tier_is_scored_by_parts_of_different_members(engine: Engine) -> None:
    rows = lacks(panel_rows(), "MID_A", "roic_quarter_pct")
    found = only(
        composites(engine, lacks(rows, "MID_B", "depreciation_amortization_usd")),
        entity="midstream",
        quarter="2025Q1",
    )

    # Each part has a value of one member at least, but no member has all three.
    assert found["roic_change_score"] is not None
    assert found["capex_depreciation_change_score"] is not None
    assert (found["company_count"], found["missing_companies"]) == (0, "MID_A, MID_B")
    assert found["composite_score"] is None
    assert found["missing_reason"] == "no member has all three sub-indices"
    assert found["is_provisional"]


def test_the_composite_counts_members_with_all_three_parts(engine: Engine) -> None:
    found = only(
        composites(engine, lacks(panel_rows(), "MID_A", "roic_quarter_pct")), entity="midstream", quarter="2025Q1"
    )

    assert (found["company_count"], found["missing_companies"], found["missing_reason"]) == (1, "MID_A", None)
    assert found["composite_score"] is not None


def test_scores_lie_between_0_and_100(scores: list[Row]) -> None:
    found = [row["composite_score"] for row in scores if row["composite_score"] is not None]

    assert len(found) >= 8
    assert all(0 <= score <= 100 for score in found)


def tier_growth(tier: str, value: float | None, quarter: str = "2025Q1", missing: str | None = None) -> Row:
    return {
        "entity_kind": "tier",
        "entity": tier,
        "tier": tier,
        "basis": "quarter",
        "quarter": quarter,
        "sub_index": "revenue_growth",
        "value": value,
        "window_count": 3,
        "company_count": 1,
        "is_provisional": missing is not None,
        "missing_companies": missing,
        "basis_break": False,
    }


def test_the_growth_gap_is_upstream_over_the_others(engine: Engine) -> None:
    rows = [tier_growth("upstream", 0.6), tier_growth("midstream", 0.2), tier_growth("downstream", 0.3)]
    found = compute(engine, growth_gap, sub_indices=rows)

    assert keeps_contract(engine, GrowthGap, found)
    assert found[0]["upstream_midstream_ratio"] == pytest.approx(3)
    assert found[0]["upstream_downstream_ratio"] == pytest.approx(2)
    assert (found[0]["is_provisional"], found[0]["missing_reason"]) == (False, None)


def test_a_tier_of_which_nobody_has_filed_stays_in_sight_and_is_named(engine: Engine) -> None:
    panel = [row for row in panel_rows() if (row["ticker"], row["calendar_quarter"]) != ("UP", "2025Q2")]
    parts = compute(engine, sub_indices, fundamentals=panel, companies=COMPANIES, methodology=methodology())
    upstream = part(parts, "upstream", "2025Q2", "revenue_growth")
    gap = only(compute(engine, growth_gap, sub_indices=parts), quarter="2025Q2")

    assert (upstream["value"], upstream["company_count"], upstream["missing_companies"]) == (None, 0, "UP")
    assert (upstream["is_provisional"], upstream["missing_reason"]) == (True, "no member has a value")
    assert (gap["is_provisional"], gap["missing_companies"]) == (True, "MID_B, UP")


def test_the_growth_gap_is_null_where_a_tier_does_not_grow(engine: Engine) -> None:
    rows = [
        tier_growth("upstream", 0.6),
        tier_growth("midstream", -0.2, missing="MID_B"),
        tier_growth("downstream", 0.3),
    ]
    found = compute(engine, growth_gap, sub_indices=rows)[0]

    assert found["upstream_midstream_ratio"] is None
    assert found["upstream_downstream_ratio"] == pytest.approx(2)
    assert found["missing_reason"] == "midstream growth is missing or not positive"
    assert (found["is_provisional"], found["missing_companies"]) == (True, "MID_B")


def test_the_growth_gap_ignores_companies_and_other_parts(engine: Engine) -> None:
    rows = [
        tier_growth("upstream", 0.6),
        tier_growth("midstream", 0.2),
        tier_growth("downstream", 0.3),
        tier_growth("upstream", 9.0) | {"sub_index": "roic_change"},
        tier_growth("upstream", 9.0) | {"entity_kind": "company", "entity": "UP"},
    ]
    found = compute(engine, growth_gap, sub_indices=rows)

    assert [row["upstream_growth"] for row in found] == [0.6]
