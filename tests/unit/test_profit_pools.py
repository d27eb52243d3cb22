"""`mart.profit_pools`: margins and shares of companies, tiers and segments, computed by hand."""

from typing import Any

import pytest

from assets.profit_pools import profit_pools
from schemas.mart.profit_pools import ProfitPools
from tests.ai_rows import figure, period, refuses
from tests.panels import fundamental
from tests.tables import QUARTER_DAYS, Row, company, compute, keeps_contract, only, pick
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology


def parameters(chain: tuple[str, ...], compute_and_cloud: tuple[str, ...]) -> Methodology:
    content = read_methodology().model_dump()
    content["profit_pools"] = {"chain": chain, "compute_and_cloud": compute_and_cloud}
    return Methodology.model_validate(content)


CHAIN = parameters(("UP", "TSM", "MID"), ("UP", "TSM", "Cloud"))
COMPANIES = [company("UP", "upstream"), company("MID", "midstream")]


def entity(name: str, ticker: str, kind: str, tier: str) -> Row:
    return {"entity": name, "ticker": ticker, "kind": kind, "tier": tier}


ENTITIES = [
    entity("TSMC", "TSM", "listed_company", "upstream"),
    entity("Upper", "UP", "listed_company", "upstream"),
    entity("Cloud", "MID", "segment", "midstream"),
    entity("Growth only", "MID", "product", "midstream"),
]


def segment(name: str, ticker: str, metric: str, quarter: str, value: float, **changes: Any) -> Row:
    year, number = quarter.split("Q")
    first, last = QUARTER_DAYS[int(number)]
    identifier = f"{name.lower().replace(' ', '-')}-{metric.replace('_', '-')}-{quarter.lower()}"
    row = figure(identifier, name, metric, "quarter", value, ticker=ticker, segment_basis="as_reported")
    return row | period(f"{year}-{first}", f"{year}-{last}") | changes


QUARTERS = ["2025Q1", "2025Q2", "2025Q3", "2025Q4"]
FILED = [
    *(
        fundamental("UP", quarter, revenue_usd=100.0, gross_profit_usd=70.0, operating_income_usd=60.0)
        for quarter in QUARTERS
    ),
    *(fundamental("MID", quarter, revenue_usd=200.0, operating_income_usd=50.0) for quarter in QUARTERS),
]
SOURCED = [
    # Revenue printed in tens, margins in whole per cent: 40 ± 5 × 50 % ± 0.5 %.
    *(segment("TSMC", "TSM", "revenue", quarter, 40.0, rounding=10.0) for quarter in QUARTERS),
    *(segment("TSMC", "TSM", "operating_margin", q, 0.5, unit="ratio", rounding=0.01) for q in QUARTERS),
    *(segment("TSMC", "TSM", "gross_margin", quarter, 0.6, unit="ratio", rounding=0.01) for quarter in QUARTERS),
    *(segment("Cloud", "MID", "revenue", quarter, 80.0, rounding=2.0) for quarter in QUARTERS),
    *(segment("Cloud", "MID", "operating_income", q, 30.0, rounding=2.0) for q in QUARTERS[:3]),
    segment(
        "Cloud", "MID", "operating_income", "2025Q4", 10.0, confidence="secondary_blog", is_third_party_estimate=True
    ),
    segment("Cloud", "MID", "operating_income", "2025Q3", 99.0, conflict_resolution="superseded", reference_id="old"),
    segment("Growth only", "MID", "revenue_growth", "2025Q4", 0.4, unit="ratio"),
    # A company with filings is never taken from a source.
    segment("Upper", "UP", "revenue", "2025Q4", 999.0),
]


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return compute(
        engine,
        profit_pools,
        fundamentals=FILED,
        companies=COMPANIES,
        segments=SOURCED,
        reference_entities=ENTITIES,
        methodology=CHAIN,
    )


def of(rows: list[Row], name: str, quarter: str = "2025Q4", span: str = "quarter") -> Row:
    return only(rows, entity=name, quarter=quarter, span=span)


def test_the_table_keeps_its_contract_and_refuses_bad_rows(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, ProfitPools, rows)
    assert refuses(engine, ProfitPools, rows, span="year")
    assert refuses(engine, ProfitPools, rows, operating_income_rounding_usd=-1.0)


@pytest.mark.parametrize(("span", "factor"), [("quarter", 1), ("ttm", 4)])
def test_margins_of_a_company_as_filed(rows: list[Row], span: str, factor: int) -> None:
    found = of(rows, "UP", span=span)

    assert (found["revenue_usd"], found["operating_income_usd"]) == (100 * factor, 60 * factor)
    assert (found["gross_margin_pct"], found["operating_margin_pct"]) == (70, 60)
    assert (found["operating_income_method"], found["lowest_confidence"]) == ("as_filed", "filing")
    assert found["operating_income_rounding_usd"] is None


def test_income_from_a_stated_margin_carries_the_rounding(rows: list[Row]) -> None:
    found = of(rows, "TSM")

    assert (found["operating_income_usd"], found["operating_income_method"]) == (20, "margin_times_revenue")
    assert found["gross_profit_usd"] == 24
    assert found["operating_income_rounding_usd"] == pytest.approx(0.005 * 40 + 5 * 0.5)
    assert of(rows, "TSM", span="ttm")["operating_income_rounding_usd"] == pytest.approx(4 * 2.7)


def test_shares_of_the_chain(rows: list[Row]) -> None:
    # 60 + 20 + 50 in a quarter.
    assert of(rows, "UP")["share_of_chain_pct"] == pytest.approx(100 * 60 / 130)
    assert of(rows, "upstream")["share_of_chain_pct"] == pytest.approx(100 * 80 / 130)
    assert of(rows, "Cloud")["share_of_chain_pct"] is None


def test_a_segment_takes_the_place_of_its_company(rows: list[Row]) -> None:
    # 60 + 20 + 30 in the third quarter; the company of the segment is no member.
    found = of(rows, "Cloud", "2025Q3")

    assert found["share_of_compute_and_cloud_pct"] == pytest.approx(100 * 30 / 110)
    assert found["share_of_parent_pct"] == pytest.approx(60)
    assert of(rows, "MID", "2025Q3")["share_of_compute_and_cloud_pct"] is None


def test_a_tier_sums_companies_and_no_segment(rows: list[Row]) -> None:
    found = of(rows, "midstream")

    assert (found["revenue_usd"], found["operating_income_usd"]) == (200, 50)
    assert found["gross_margin_pct"] is None
    assert found["missing_reason"] == "gross profit is missing at a member of the chain"


def test_the_weakest_source_of_four_quarters_shows(rows: list[Row]) -> None:
    found = of(rows, "Cloud", span="ttm")

    assert found["operating_income_usd"] == 100
    assert (found["lowest_confidence"], found["is_third_party_estimate"]) == ("secondary_blog", True)
    assert "raw.segments/cloud-operating-income-2025q4" in found["source_ids"]
    assert "raw.segments/old" not in found["source_ids"]
    assert of(rows, "Cloud", "2025Q3")["is_third_party_estimate"] is False


def test_four_quarters_need_all_four(rows: list[Row]) -> None:
    found = of(rows, "UP", "2025Q3", "ttm")

    assert found["revenue_usd"] is None
    assert found["missing_reason"] == "revenue is missing, see core.missing_quarters"


def test_growth_alone_is_no_pool_and_a_filer_is_never_sourced(rows: list[Row]) -> None:
    assert pick(rows, entity="Growth only") == []
    assert of(rows, "UP")["revenue_usd"] == 100


def test_shares_are_null_while_a_member_is_missing(engine: Engine) -> None:
    found = compute(engine, profit_pools, fundamentals=FILED, companies=COMPANIES, methodology=CHAIN)

    assert {row["share_of_chain_pct"] for row in found} == {None}
    assert of(found, "UP")["missing_reason"] == "not every company of the chain has operating income for the span"


def test_two_structures_of_a_segment_are_not_summed(engine: Engine) -> None:
    mixed = [
        segment("Cloud", "MID", "revenue", q, 10.0, segment_basis="before_recast" if q < "2025Q3" else "recast")
        for q in QUARTERS
    ]
    found = compute(
        engine, profit_pools, companies=COMPANIES, segments=mixed, reference_entities=ENTITIES, methodology=CHAIN
    )

    assert of(found, "Cloud", span="ttm")["revenue_usd"] is None
    assert [of(found, "Cloud", q)["is_before_recast"] for q in QUARTERS] == [True, True, False, False]


def test_a_member_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="name each member of a perimeter once"):
        parameters(("UP", "UP"), ("UP",))
