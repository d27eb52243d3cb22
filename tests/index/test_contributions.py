"""`mart.composite_contributions`: what each company and sub-index adds to the change of a tier's score, by hand."""

import math

import pytest

from assets.index_views import composite_contributions
from schemas.mart.index_views import CompositeContributions
from tests.index.scoring import methodology, value_row
from tests.tables import Row, company, compute, keeps_contract, only, pick
from warehouse.engine import Engine

COMPANIES = [
    company("UP", "upstream"),
    company("MID_A", "midstream"),
    company("MID_B", "midstream"),
    company("MID_X", "midstream", is_member=False),
]
BEFORE, NOW = "2025Q1", "2025Q2"
WEIGHTS = {"revenue_growth": 0.4, "roic_change": 0.3, "capex_depreciation_change": 0.3}
Pair = tuple[float | None, float | None]


def score(value: float) -> float:
    """Any curve will do that is not straight: contributions are converted by the secant."""
    return 100 / (1 + math.exp(-5 * value))


def tier_rows(members: dict[str, Pair], sub_index: str, tier: str = "midstream", before: str = BEFORE) -> list[Row]:
    """Rows of a tier and its members in two quarters; the tier's value is the mean of what is there."""
    rows = []
    for place, quarter in enumerate((before, NOW)):
        values = [pair[place] for pair in members.values() if pair[place] is not None]
        mean = sum(values) / len(values) if values else None
        points = None if mean is None else score(mean)
        missing = ", ".join(name for name, pair in members.items() if pair[place] is None) or None
        counts = {"company_count": len(values), "missing_companies": missing}
        rows.append(value_row(tier, quarter, mean, score=points, sub_index=sub_index, **counts))
        rows += [
            value_row(name, quarter, pair[place], tier=tier, sub_index=sub_index, entity_kind="company")
            for name, pair in members.items()
        ]
    return rows


def contributions(engine: Engine, rows: list[Row]) -> list[Row]:
    return compute(engine, composite_contributions, sub_indices=rows, companies=COMPANIES, methodology=methodology())


STEADY: dict[str, Pair] = {"MID_A": (0.1, 0.1), "MID_B": (0.3, 0.3)}
PANEL = [
    *tier_rows({"MID_A": (0.1, 0.5), "MID_B": (0.3, 0.2)}, "revenue_growth"),
    *tier_rows({"MID_A": (0.2, None), "MID_B": (0.4, 0.6)}, "roic_change"),
    *tier_rows(STEADY, "capex_depreciation_change"),
]


@pytest.fixture(scope="module")
def found(engine: Engine) -> list[Row]:
    return contributions(engine, PANEL)


def points(found: list[Row], ticker: str, sub_index: str) -> float:
    value: float = only(found, ticker=ticker, sub_index=sub_index, comparison="previous_quarter")["contribution_points"]
    return value


def test_the_table_keeps_its_contract(engine: Engine, found: list[Row]) -> None:
    assert keeps_contract(engine, CompositeContributions, found)
    assert {(row["quarter_before"], row["quarter"]) for row in found} == {(BEFORE, NOW)}


def test_all_contributions_add_up_to_the_change_exactly(found: list[Row]) -> None:
    change = 0.4 * (score(0.35) - score(0.2)) + 0.3 * (score(0.6) - score(0.3))

    assert [row["composite_change_points"] for row in found] == pytest.approx([change] * 6)
    assert sum(row["contribution_points"] for row in found) == pytest.approx(change, abs=1e-12)


def test_a_company_s_part_is_its_part_of_the_change_of_the_mean(found: list[Row]) -> None:
    # The mean goes from 0.20 to 0.35; MID_A moves it by +0.20 and MID_B by −0.05.
    change = 0.4 * (score(0.35) - score(0.2))

    assert points(found, "MID_A", "revenue_growth") == pytest.approx(change * 0.20 / 0.15)
    assert points(found, "MID_B", "revenue_growth") == pytest.approx(change * -0.05 / 0.15)


def test_a_company_that_is_missing_on_one_side_enters_with_its_whole_part(found: list[Row]) -> None:
    # The mean goes from 0.3 of two companies to 0.6 of one: MID_A takes 0.1 away, MID_B brings 0.6 − 0.2.
    change = 0.3 * (score(0.6) - score(0.3))

    assert points(found, "MID_A", "roic_change") == pytest.approx(change * -0.1 / 0.3)
    assert points(found, "MID_B", "roic_change") == pytest.approx(change * 0.4 / 0.3)
    assert only(found, ticker="MID_A", sub_index="roic_change")["value"] is None


def test_what_does_not_change_contributes_nothing(found: list[Row]) -> None:
    assert [row["contribution_points"] for row in pick(found, sub_index="capex_depreciation_change")] == [0, 0]


def test_companies_that_move_a_mean_in_opposite_ways_contribute_nothing_to_a_score_that_stays(engine: Engine) -> None:
    swapped: dict[str, Pair] = {"MID_A": (0.1, 0.3), "MID_B": (0.3, 0.1)}
    rows = [row for name in WEIGHTS for row in tier_rows(swapped, name)]
    found = contributions(engine, rows)

    assert len(found) == 6
    assert all(row["contribution_points"] == pytest.approx(0, abs=1e-9) for row in found)
    assert all(row["composite_change_points"] == pytest.approx(0, abs=1e-9) for row in found)


def test_the_change_since_the_year_before_stands_beside_it(engine: Engine) -> None:
    rows = [row for name in WEIGHTS for row in tier_rows({"UP": (0.1, 0.4)}, name, "upstream", "2024Q2")]
    found = contributions(engine, rows)

    assert {(row["comparison"], row["quarter_before"], row["quarter"]) for row in found} == {
        ("year_before", "2024Q2", NOW)
    }
    assert sum(row["contribution_points"] for row in found) == pytest.approx(score(0.4) - score(0.1))


def test_without_one_of_the_three_scores_there_is_no_change_to_explain(engine: Engine) -> None:
    rows = [row for name in list(WEIGHTS)[:2] for row in tier_rows({"UP": (0.1, 0.4)}, name, "upstream")]
    rows += tier_rows({"UP": (None, 0.4)}, "capex_depreciation_change", "upstream")

    assert contributions(engine, rows) == []


def test_a_score_of_parts_of_different_members_has_no_contributions(engine: Engine) -> None:
    rows = tier_rows({"MID_A": (0.1, 0.5), "MID_B": (0.3, None)}, "revenue_growth")
    rows += tier_rows({"MID_A": (0.2, None), "MID_B": (0.4, 0.6)}, "roic_change")
    rows += tier_rows(STEADY, "capex_depreciation_change")

    assert contributions(engine, rows) == []


def test_companies_outside_the_index_contribute_nothing(engine: Engine) -> None:
    outsiders = [value_row("MID_X", quarter, value, tier="midstream") for quarter, value in ((BEFORE, 5.0), (NOW, 9.0))]
    key = ("ticker", "sub_index", "contribution_points")
    plain, more = (
        sorted(tuple(row[name] for name in key) for row in contributions(engine, rows))
        for rows in (PANEL, [*PANEL, *outsiders])
    )

    assert plain == more
