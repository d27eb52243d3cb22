"""`mart.composite_variants`: members and weights of a tier, computed by hand; every variant of methodology.yaml has its rows."""

import pytest

from assets.index_views import composite_variants, revenue_growth
from assets.prosperity import composite_scores, sub_indices, variant_scores
from schemas.core.facts import Companies
from schemas.core.fundamentals import Fundamentals
from schemas.mart.index_views import CompositeVariants
from tests.index.scoring import methodology, window
from tests.panels import fundamental
from tests.tables import Row, company, compute, keeps_contract, only, pick, records, table
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology

COMPANIES = [
    company("UP", "upstream"),
    company("SMALL", "midstream"),
    company("LARGE", "midstream"),
    company("EXTRA", "midstream", is_member=False),
    company("DOWN", "downstream"),
]
# Revenue a year before and now; return on capital in percent the quarter before and now; capital expenditure a year before and now.
PANEL = {
    "UP": ((100, 160), (10, 16), (10, 14)),
    "SMALL": ((100, 150), (10, 14), (10, 12)),
    "LARGE": ((1500, 1650), (10, 11), (10, 11)),
    "EXTRA": ((100, 300), (10, 30), (10, 30)),
    "DOWN": ((100, 105), (10, 9), (10, 9)),
}
QUARTERS = ("2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1")


def parameters() -> Methodology:
    return methodology(window=window("2025Q1", "2025Q1"))


def panel_rows() -> list[Row]:
    return [
        fundamental(
            ticker,
            quarter,
            revenue_usd=float(revenue[quarter == "2025Q1"]),
            roic_quarter_pct=float(roic[quarter == "2025Q1"]),
            capital_expenditure_usd=float(capital_expenditure[quarter == "2025Q1"]),
            depreciation_amortization_usd=5.0,
            invested_capital_usd=1.0,
            operating_income_usd=1.0,
            income_tax_usd=0.0,
            pretax_income_usd=1.0,
        )
        for ticker, (revenue, roic, capital_expenditure) in PANEL.items()
        for quarter in QUARTERS
    ]


def variants_of(engine: Engine, rows: list[Row], companies: list[Row], method: Methodology) -> list[Row]:
    """The variants of a panel, by way of the tables they are made from."""
    known = {"fundamentals": rows, "companies": companies, "methodology": method}
    return compute(
        engine,
        composite_variants,
        sub_indices=compute(engine, sub_indices, **known),
        revenue_growth=compute(engine, revenue_growth, **known),
        companies=companies,
        methodology=method,
    )


@pytest.fixture(scope="module")
def variants(engine: Engine) -> list[Row]:
    return variants_of(engine, panel_rows(), COMPANIES, parameters())


@pytest.fixture(scope="module")
def midstream(engine: Engine) -> dict[tuple[str, str], float]:
    """(variant, sub-index) → the midstream tier's value."""
    index = parameters().index
    panel, companies = table(engine, Fundamentals, panel_rows()), table(engine, Companies, COMPANIES)
    found = {}
    for variant in index.variants:
        if variant.name in ("default", "revenue_weighted", "extended_members"):
            rows = pick(records(variant_scores(panel, companies, index, variant)), entity="midstream", quarter="2025Q1")
            found |= {(variant.name, row["sub_index"]): row["value"] for row in rows}
    return found


def test_the_table_keeps_its_contract_and_has_every_variant(engine: Engine, variants: list[Row]) -> None:
    names = [variant.name for variant in read_methodology().index.variants]

    assert keeps_contract(engine, CompositeVariants, variants)
    assert {row["variant"] for row in variants} == set(names)
    assert len(variants) == len(names) * len(pick(variants, variant="default"))


def test_the_default_variant_is_the_composite_score(engine: Engine, variants: list[Row]) -> None:
    parts = compute(engine, sub_indices, fundamentals=panel_rows(), companies=COMPANIES, methodology=parameters())
    scores = compute(engine, composite_scores, sub_indices=parts, methodology=parameters())

    for row in scores:
        same = only(variants, variant="default", entity=row["entity"], quarter=row["quarter"])
        for name, value in row.items():
            # The order of a sum's terms is the engine's, so last digits may differ.
            assert same[name] == (pytest.approx(value) if isinstance(value, float) else value), name


@pytest.mark.parametrize(
    ("sub_index", "mean", "weighted", "extended"),
    [
        # 50 % and 10 %; by revenue of now, 150 and 1650; with EXTRA's 200 %.
        ("revenue_growth", 0.30, (0.5 * 150 + 0.1 * 1650) / 1800, 2.6 / 3),
        ("roic_change", 0.025, (0.04 * 150 + 0.01 * 1650) / 1800, 0.25 / 3),
        ("capex_depreciation_change", 0.15, (0.2 * 150 + 0.1 * 1650) / 1800, 2.3 / 3),
    ],
)
def test_a_tier_is_the_mean_of_its_members_by_revenue_or_of_every_company(
    midstream: dict[tuple[str, str], float], sub_index: str, mean: float, weighted: float, extended: float
) -> None:
    assert midstream["default", sub_index] == pytest.approx(mean)
    assert midstream["revenue_weighted", sub_index] == pytest.approx(weighted)
    assert midstream["extended_members", sub_index] == pytest.approx(extended)


def test_more_companies_in_a_tier_change_nothing_but_the_extended_members(engine: Engine, variants: list[Row]) -> None:
    without = variants_of(
        engine,
        [row for row in panel_rows() if row["ticker"] != "EXTRA"],
        [row for row in COMPANIES if row["ticker"] != "EXTRA"],
        parameters(),
    )
    changed = {row["variant"] for row in without if row not in variants}

    assert changed == {"extended_members"}
    assert len(without) == len(variants) - len(pick(variants, entity="EXTRA"))


def test_extended_members_count_every_company(variants: list[Row]) -> None:
    place = {"entity": "midstream", "quarter": "2025Q1"}

    assert only(variants, variant="default", **place)["company_count"] == 2
    assert only(variants, variant="extended_members", **place)["company_count"] == 3


def test_a_company_without_a_value_has_no_weight(engine: Engine) -> None:
    rows = [
        row | ({"revenue_usd": None} if (row["ticker"], row["fiscal_year"]) == ("LARGE", 2024) else {})
        for row in panel_rows()
    ]
    two = [{"name": "default"}, {"name": "revenue_weighted", "tier_aggregation": "revenue_weighted"}]
    method = methodology(window=window("2025Q1", "2025Q1"), variants=two)
    found = variants_of(engine, rows, COMPANIES, method)
    mean, weighted = (
        only(found, variant=name, entity="midstream", quarter="2025Q1") for name in ("default", "revenue_weighted")
    )

    assert mean["revenue_growth_score"] == pytest.approx(weighted["revenue_growth_score"])
    assert mean["roic_change_score"] > weighted["roic_change_score"], "there LARGE still has its weight"
    assert weighted["missing_companies"] == "LARGE"
