"""`mart.rerating_checklist` and `mart.rerating_scenarios`: signals, verdicts, conditions and scenario computed by hand."""

from typing import Any

import pytest

from assets.rerating import rerating_checklist, rerating_scenarios
from schemas.mart.rerating import ReratingChecklist, ReratingScenarios
from tests.ai_rows import figure, period, refuses, source
from tests.panels import fundamental
from tests.tables import Row, compute, keeps_contract, only, pick
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology

CONTENT = read_methodology().model_dump()
CONTENT["rerating"] |= {
    "first_quarter": "2025Q1",
    "companies": [{"ticker": "MID", "cloud": "Cloud"}, {"ticker": "BIG", "cloud": "Big Cloud"}],
    "least_signals_with_data": 1,
    "least_met_share_pct": 60,
}
CONTENT["backlog"]["main_definitions"] = [{"ticker": "MID", "entity": "Mid", "definition": "company_total"}]
METHODOLOGY = Methodology.model_validate(CONTENT)


def ttm(quarter: str, **values: Any) -> Row:
    return fundamental("MID", quarter, **{f"{name}_usd": value for name, value in values.items()})


FILED = [
    ttm(
        "2024Q1", capital_expenditure=10.0, revenue_ttm=200.0, depreciation_amortization_ttm=20.0,
        operating_cash_flow_ttm=80.0, capital_expenditure_ttm=40.0, free_cash_flow_ttm=40.0,
    ),
    ttm(
        "2025Q1", capital_expenditure=16.0, revenue_ttm=250.0, depreciation_amortization_ttm=30.0,
        operating_cash_flow_ttm=80.0, capital_expenditure_ttm=76.0, free_cash_flow_ttm=4.0,
    ),
    ttm(
        "2025Q2", revenue_ttm=250.0, depreciation_amortization_ttm=30.0, operating_cash_flow_ttm=-1.0,
        capital_expenditure_ttm=76.0,
    ) | {"basis_break_ttm": True},
]  # fmt: skip


def pool(entity: str, kind: str, span: str, quarter: str, **values: Any) -> Row:
    row = {
        "entity_kind": kind,
        "entity": entity,
        "name": entity,
        "ticker": "BIG" if entity == "BIG" else "MID",
        "tier": "midstream",
        "span": span,
        "quarter": quarter,
        "operating_income_method": "as_filed",
        "is_before_recast": False,
        "in_chain": False,
        "in_compute_and_cloud": False,
        "lowest_confidence": "filing",
        "is_third_party_estimate": False,
        "source_ids": f"{entity}/{span}/{quarter}",
    }
    return row | values


POOLS = [
    pool("BIG", "company", "quarter", "2025Q1"),
    pool("MID", "company", "ttm", "2024Q1", gross_margin_pct=60.0),
    pool("MID", "company", "ttm", "2025Q1", gross_margin_pct=59.0),
    pool("MID", "company", "quarter", "2025Q2"),
    pool("Cloud", "segment", "quarter", "2024Q1", revenue_usd=100.0),
    pool("Cloud", "segment", "quarter", "2025Q1", revenue_usd=130.0, lowest_confidence="company_release"),
    pool("Cloud", "segment", "ttm", "2024Q1", operating_margin_pct=30.0),
    pool("Cloud", "segment", "ttm", "2025Q1", operating_margin_pct=35.0),
    pool("Cloud", "segment", "quarter", "2024Q2", revenue_usd=100.0, is_before_recast=True),
    pool("Cloud", "segment", "quarter", "2025Q2", revenue_usd=130.0),
    # Four quarters reach back behind the recast where the quarters themselves do not, and the other way round.
    pool("Cloud", "segment", "quarter", "2024Q3", revenue_usd=100.0),
    pool("Cloud", "segment", "quarter", "2025Q3", revenue_usd=140.0),
    pool("Cloud", "segment", "ttm", "2024Q3", operating_margin_pct=30.0, is_before_recast=True),
    pool("Cloud", "segment", "ttm", "2025Q3", operating_margin_pct=35.0),
]


def level(quarter: str, **values: Any) -> Row:
    row = {
        "entity": "Mid",
        "ticker": "MID",
        "definition": "company_total",
        "quarter": quarter,
        "as_of_date": "2025-03-31",
        "remaining_performance_obligation_usd": 400.0,
        "is_filed": True,
        "is_definition_break": False,
        "growth_crosses_break": False,
        "large_commitments_usd": 0.0,
        "revenue_entity": "MID",
        "is_third_party_estimate": False,
        "lowest_confidence": "filing",
        "source_ids": f"backlog/{quarter}",
    }
    return row | values


BACKLOG = [
    level("2024Q1", trailing_conversion_ratio=0.9),
    level("2025Q1", trailing_conversion_ratio=0.8, growth_pct=90.0, growth_excluding_largest_customer_pct=25.0,
          largest_customer_share_pct=45.0, large_commitments_usd=100.0, growth_crosses_break=True),
    level("2025Q2", growth_pct=90.0, growth_crosses_break=True, large_commitments_usd=None, later_commitment="deal"),
]  # fmt: skip


def observation(series: str, quarter: str, value: float) -> Row:
    return {
        "series": series,
        "series_name": series,
        "quarter": quarter,
        "observation_date": "2025-03-31",
        "is_quarter_end": True,
        "value": value,
        "unit": "percent",
        **source("official_statistics"),
    }


MACRO = [
    observation("DGS10", "2025Q1", 4.2),
    observation("NFCI", "2025Q1", 0.1),
    observation("DTWEXBGS", "2024Q1", 100.0),
    observation("DTWEXBGS", "2025Q1", 97.0),
]
RUN_RATES = [
    figure("old-rate", "Mid", "ai_run_rate", "run_rate", 10.0, ticker="MID", as_of_date="2024-03-31"),
    figure("new-rate", "Mid", "ai_run_rate", "run_rate", 20.0, ticker="MID", as_of_date="2025-03-31"),
    figure("old-seats", "Mid", "paid_seats", "point", 100.0, ticker="MID", as_of_date="2024-12-31", unit="count"),
    figure("new-seats", "Mid", "paid_seats", "point", 105.0, ticker="MID", as_of_date="2025-03-31", unit="count"),
    figure("products", "Big", "generative_ai_product_growth", "quarter", 4.0, ticker="BIG", unit="ratio")
    | period("2025-01-01", "2025-03-31"),
]


@pytest.fixture(scope="module")
def cells(engine: Engine) -> list[Row]:
    return compute(
        engine,
        rerating_checklist,
        fundamentals=FILED,
        profit_pools=POOLS,
        backlog=BACKLOG,
        macro_series=MACRO,
        ai_run_rates=RUN_RATES,
        methodology=METHODOLOGY,
    )


@pytest.fixture(scope="module")
def scenarios(engine: Engine, cells: list[Row]) -> list[Row]:
    return compute(engine, rerating_scenarios, checklist=cells, methodology=METHODOLOGY)


def cell(cells: list[Row], signal: str, quarter: str = "2025Q1", ticker: str = "MID") -> Row:
    return only(cells, ticker=ticker, quarter=quarter, signal=signal)


def test_the_tables_keep_their_contracts_and_refuse_bad_rows(
    engine: Engine, cells: list[Row], scenarios: list[Row]
) -> None:
    assert keeps_contract(engine, ReratingChecklist, cells)
    assert keeps_contract(engine, ReratingScenarios, scenarios)
    assert refuses(engine, ReratingChecklist, cells, verdict="perhaps")
    assert refuses(engine, ReratingScenarios, scenarios, conditions_met=5)


def test_a_recast_breaks_the_span_it_lies_in_and_no_other(cells: list[Row]) -> None:
    assert cell(cells, "cloud_revenue_growth", "2025Q3")["value"] == pytest.approx(40)
    assert cell(cells, "segment_margin_change", "2025Q3")["value"] is None
    assert cell(cells, "cloud_revenue_growth", "2025Q2")["value"] is None
    assert "structure changed" in cell(cells, "cloud_revenue_growth", "2025Q2")["missing_reason"]


@pytest.mark.parametrize(
    ("signal", "value", "verdict"),
    [
        ("cloud_revenue_growth", 30, "met"),
        ("backlog_conversion_change", -10, "not_met"),
        # Capital expenditure grew by 60 %, the cloud by 30 %.
        ("capex_growth_less_cloud_growth", 30, "not_met"),
        ("free_cash_flow_margin", 1.6, "met"),
        ("gross_margin_change", -1, "not_met"),
        ("segment_margin_change", 5, "met"),
        # Depreciation grew by 50 %, revenue by 25 %.
        ("depreciation_growth_less_revenue_growth", 25, "not_met"),
        ("backlog_growth_without_largest_customer", 25, "met"),
        ("paid_seats_growth", 5, "not_met"),
        ("ten_year_yield", 4.2, "met"),
        ("financial_conditions", 0.1, "not_met"),
        ("broad_dollar_change", -3, "met"),
        ("capex_share_of_operating_cash_flow", 95, "met"),
        # 12 % of revenue after 10 %.
        ("depreciation_share_change", 2, "met"),
        ("largest_customer_share", 45, "met"),
        ("circular_share_of_backlog", 25, "not_met"),
    ],
)
def test_every_signal_has_value_and_verdict(cells: list[Row], signal: str, value: float, verdict: str) -> None:
    found = cell(cells, signal)

    assert found["value"] == pytest.approx(value)
    assert (found["verdict"], found["signals_with_data"], found["missing_reason"]) == (verdict, 1, None)
    assert found["source_ids"]


def test_growth_of_a_run_rate_is_put_on_a_year(cells: list[Row]) -> None:
    found = cell(cells, "ai_revenue_growth")

    # Doubled within 365 days; a year has 365.25.
    assert found["value"] == pytest.approx(100 * (2 ** (365.25 / 365) - 1))
    assert found["source_ids"] == "raw.ai_run_rates/new-rate"
    assert cell(cells, "ai_revenue_growth", ticker="BIG")["value"] == 400


def test_a_cell_without_data_says_why_and_names_no_source(cells: list[Row]) -> None:
    found = cell(cells, "largest_customer_share", "2025Q2")

    assert (found["verdict"], found["value"], found["source_ids"]) == ("no_data", None, None)
    assert found["missing_reason"] == "no share of a customer is disclosed for the quarter"


def test_a_backlog_that_holds_a_later_commitment_has_no_circular_share(cells: list[Row]) -> None:
    found = cell(cells, "circular_share_of_backlog", "2025Q2")

    assert (found["value"], found["verdict"], found["source_ids"]) == (None, "no_data", None)
    assert found["missing_reason"].endswith("it holds a commitment that is dated after it")


def test_values_across_a_break_are_no_data(cells: list[Row]) -> None:
    # A segment recast between the quarters, depreciation on a recast basis, a backlog with one giant contract, cash that flows out.
    broken = [
        "cloud_revenue_growth",
        "depreciation_share_change",
        "backlog_growth_without_largest_customer",
        "capex_share_of_operating_cash_flow",
    ]

    assert {cell(cells, signal, "2025Q2")["verdict"] for signal in broken} == {"no_data"}


def test_sources_and_confidence_of_all_parts_show(cells: list[Row]) -> None:
    found = cell(cells, "capex_growth_less_cloud_growth")

    assert found["source_ids"] == "core.fundamentals/MID/2025Q1, Cloud/quarter/2025Q1"
    assert found["lowest_confidence"] == "company_release"


def test_a_condition_counts_its_signals_with_data(cells: list[Row]) -> None:
    summaries = {row["condition"]: row for row in pick(cells, ticker="MID", quarter="2025Q1", signal="all_signals")}

    assert set(summaries) == {"capex_payback", "token_margin", "enterprise_deployment", "liquidity"}
    assert (summaries["capex_payback"]["value"], summaries["capex_payback"]["verdict"]) == (50, "not_met")
    assert summaries["liquidity"]["value"] == pytest.approx(200 / 3)
    assert summaries["liquidity"]["verdict"] == "met"
    assert summaries["liquidity"]["source_ids"] == "broad_dollar_change, financial_conditions, ten_year_yield"
    assert summaries["capex_payback"]["lowest_confidence"] == "company_release"


def test_liquidity_is_the_same_for_all_companies(cells: list[Row]) -> None:
    values = {(row["signal"], row["value"]) for row in pick(cells, quarter="2025Q1", condition="liquidity")}

    assert len(values) == 4


def test_scenarios_follow_the_stated_counts(scenarios: list[Row]) -> None:
    found = only(scenarios, ticker="MID", quarter="2025Q1")

    assert (found["conditions_met"], found["conditions_with_data"]) == (2, 4)
    assert found["warnings"] == "capex_share_of_operating_cash_flow, depreciation_share_change, largest_customer_share"
    # Two conditions would be base; three warnings make it slow.
    assert (found["warnings_on"], found["scenario"]) == (3, "slow")


def test_too_few_conditions_give_no_scenario(scenarios: list[Row]) -> None:
    found = only(scenarios, ticker="BIG", quarter="2025Q1")

    assert (found["conditions_with_data"], found["scenario"]) == (2, None)
    assert found["missing_reason"] == "fewer than 3 conditions have data"


@pytest.mark.parametrize(
    ("verdicts", "scenario"),
    [("met met met not_met", "fast"), ("met met not_met not_met", "base"), ("met not_met not_met not_met", "slow")],
)
def test_scenarios_without_warnings(engine: Engine, cells: list[Row], verdicts: str, scenario: str) -> None:
    template = cell(cells, "ten_year_yield") | {"signal": "all_signals"}
    names = ["capex_payback", "token_margin", "enterprise_deployment", "liquidity"]
    checklist = [template | {"condition": n, "verdict": v} for n, v in zip(names, verdicts.split(), strict=True)]
    [found] = compute(engine, rerating_scenarios, checklist=checklist, methodology=METHODOLOGY)

    assert found["scenario"] == scenario


def test_a_signal_that_is_left_out_is_refused() -> None:
    content = read_methodology().model_dump()
    content["rerating"]["signals"] = content["rerating"]["signals"][1:]

    with pytest.raises(ValueError, match=r"missing: .*cloud_revenue_growth"):
        Methodology.model_validate(content)


def test_scenarios_that_overlap_are_refused() -> None:
    content = read_methodology().model_dump()
    content["rerating"]["scenarios"]["slow_most_conditions"] = 3

    with pytest.raises(ValueError, match="fast needs more conditions"):
        Methodology.model_validate(content)
