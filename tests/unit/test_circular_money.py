"""`mart.circular_commitments`, its pairs and exposure: what counts, what comes back, against which revenue."""

from typing import Any

import pytest

from assets.circular_money import circular_commitment_exposure, circular_commitment_pairs, circular_commitments
from schemas.mart.circular_money import CircularCommitmentExposure, CircularCommitmentPairs, CircularCommitments
from tests.ai_rows import figure, refuses, source, year
from tests.tables import Row, compute, keeps_contract, only
from warehouse.engine import Engine
from warehouse.methodology import read_methodology

METHODOLOGY = read_methodology()


def deal(identifier: str, payer: str, payee: str, form: str, amount: float | None, **changes: Any) -> Row:
    row = {
        "reference_id": identifier,
        "payer": payer,
        "payee": payee,
        "form": form,
        "amount_usd": amount,
        "rounding": None if amount is None else 1.0,
        "qualifier": "exact",
        "agreed_date": "2025-09-30",
        "date_precision": "day",
        "status": "signed",
        "is_circular": True,
        "counts_in_totals": True,
        **source(),
    }
    return row | changes


DEALS = [
    deal("letter", "Chips", "Model", "equity", 100.0, status="lapsed", conflict_resolution="superseded"),
    deal("closed", "Chips", "Model", "equity", 30.0, status="closed", payer_ticker="CHP"),
    deal("systems", "Model", "Chips", "purchase_commitment", None, payee_ticker="CHP"),
    deal("stake", "Cloud", "Model", "stake_value", 135.0, counts_in_totals=False, payer_ticker="CLD"),
    deal("credits", "Cloud", "Model", "equity_and_credits", 13.0, status="closed", payer_ticker="CLD"),
    deal("bill", "Model", "Cloud", "purchase_commitment", 250.0, payee_ticker="CLD", confidence="company_release"),
    deal("bill-again", "Model", "Cloud", "purchase_commitment", 250.0, conflict_resolution="repeated", conflict_rule="one_deal_once"),
    deal("plain", "Model", "Cloud", "purchase_commitment", 20.0, payee_ticker="CLD", is_circular=False),
    deal("backstop", "Chips", "Cloud", "capacity_backstop", 6.0, payer_ticker="CHP", payee_ticker="CLD"),
    deal("aggregate", "Model", "All suppliers", "purchase_commitment", 1400.0, counts_in_totals=False),
]  # fmt: skip


@pytest.fixture(scope="module")
def commitments(engine: Engine) -> list[Row]:
    return compute(engine, circular_commitments, commitments=DEALS, methodology=METHODOLOGY)


@pytest.fixture(scope="module")
def pairs(engine: Engine, commitments: list[Row]) -> list[Row]:
    return compute(engine, circular_commitment_pairs, commitments=commitments)


POOL = {
    "entity_kind": "company",
    "entity": "CLD",
    "name": "Cloud",
    "ticker": "CLD",
    "tier": "midstream",
    "span": "ttm",
    "operating_income_method": "as_filed",
    "is_before_recast": False,
    "in_chain": True,
    "in_compute_and_cloud": False,
    "is_third_party_estimate": False,
    "lowest_confidence": "filing",
}
LEVEL = {
    "entity": "Cloud",
    "ticker": "CLD",
    "definition": "company_total",
    "as_of_date": "2025-12-31",
    "is_filed": True,
    "is_definition_break": False,
    "growth_crosses_break": False,
    "large_commitments_usd": 0.0,
    "revenue_entity": "CLD",
    "is_third_party_estimate": False,
    "lowest_confidence": "filing",
}


@pytest.fixture(scope="module")
def exposure(engine: Engine, commitments: list[Row]) -> list[Row]:
    content = METHODOLOGY.model_dump()
    content["backlog"]["main_definitions"] = [{"ticker": "CLD", "entity": "Cloud", "definition": "company_total"}]
    entities = [("Chips", "listed_company"), ("Cloud", "listed_company"), ("Model", "private_company")]
    revenue = [("2024", 4.0), ("2025", 10.0)]
    return compute(
        engine,
        circular_commitment_exposure,
        commitments=commitments,
        profit_pools=[
            POOL | {"quarter": quarter, "revenue_usd": value}
            for quarter, value in (("2025Q3", 90.0), ("2025Q4", 100.0))
        ],
        backlog=[
            LEVEL | {"quarter": "2025Q4", "remaining_performance_obligation_usd": 500.0},
            LEVEL | {"quarter": "2025Q3", "remaining_performance_obligation_usd": 400.0},
        ],
        ai_revenue=[
            figure(f"model-{number}", "Model", "company_revenue", "calendar_year", value, confidence="secondary_blog")
            | year(int(number))
            for number, value in revenue
        ],
        reference_entities=[
            {"entity": name, "kind": kind} for name, kind in [*entities, ("All suppliers", "counterparty")]
        ],
        methodology=type(METHODOLOGY).model_validate(content),
    )


def test_the_tables_keep_their_contracts_and_refuse_bad_rows(
    engine: Engine, commitments: list[Row], pairs: list[Row], exposure: list[Row]
) -> None:
    assert keeps_contract(engine, CircularCommitments, commitments)
    assert keeps_contract(engine, CircularCommitmentPairs, pairs)
    assert keeps_contract(engine, CircularCommitmentExposure, exposure)
    assert refuses(engine, CircularCommitments, commitments, counted_usd=-1.0)
    assert refuses(engine, CircularCommitmentPairs, pairs, deals=-1)
    assert refuses(engine, CircularCommitmentExposure, exposure, revenue_basis="guess")


def test_a_lapsed_letter_of_intent_counts_nothing(commitments: list[Row], pairs: list[Row]) -> None:
    letter = only(commitments, reference_id="letter")

    assert (letter["amount_usd"], letter["counted_usd"]) == (100, 0)
    assert letter["not_counted_reason"] == "lapsed: never made definitive"
    assert only(pairs, funder="Chips", counterparty="Model")["invested_usd"] == 30


def test_marks_second_mentions_and_aggregates_count_nothing(commitments: list[Row]) -> None:
    reasons = {row["reference_id"]: row["not_counted_reason"] for row in commitments if row["counted_usd"] == 0}

    assert reasons == {
        "letter": "lapsed: never made definitive",
        "systems": "no value was disclosed",
        "stake": "value of a stake, no money",
        "bill-again": "another row of the same deal is used, rule one_deal_once",
        "aggregate": "an aggregate, an upper bound or a second mention of other rows",
    }


def test_a_pair_is_netted_with_the_investor_as_funder(pairs: list[Row]) -> None:
    found = only(pairs, funder="Cloud", counterparty="Model")

    assert (found["invested_usd"], found["purchases_from_funder_usd"]) == (13, 270)
    assert (found["net_usd"], found["round_trip_usd"]) == (13 - 270, 13)
    assert found["returned_per_dollar_invested_ratio"] == pytest.approx(270 / 13)
    assert (found["paid_usd"], found["deals"], found["rounding_usd"]) == (13, 3, 1.5)
    assert found["lowest_confidence"] == "company_release"


def test_undisclosed_values_and_backstops_stay_out_of_net(pairs: list[Row]) -> None:
    chips = only(pairs, funder="Chips", counterparty="Model")
    backstop = only(pairs, funder="Chips", counterparty="Cloud")

    assert (chips["net_usd"], chips["deals_without_amount"]) == (30, 1)
    assert chips["missing_reason"] == "a deal between the two has no disclosed value"
    assert (backstop["backstops_usd"], backstop["net_usd"]) == (6, 0)


def test_exposure_stands_against_the_newest_revenue_and_backlog(exposure: list[Row]) -> None:
    found = only(exposure, company="Cloud")

    assert (found["invested_usd"], found["purchases_due_usd"], found["circular_purchases_due_usd"]) == (13, 270, 250)
    assert (found["revenue_usd"], found["revenue_basis"], found["revenue_until_quarter"]) == (100, "ttm", "2025Q4")
    assert found["invested_revenue_pct"] == pytest.approx(13)
    assert found["purchases_due_backlog_pct"] == pytest.approx(54)
    assert found["circular_purchases_due_backlog_pct"] == pytest.approx(50)
    assert (found["backlog_definition"], found["backlog_quarter"]) == ("Cloud, company_total", "2025Q4")


def test_a_private_company_stands_against_its_last_calendar_year(exposure: list[Row]) -> None:
    found = only(exposure, company="Model")

    assert (found["revenue_usd"], found["revenue_basis"], found["revenue_until_quarter"]) == (
        10,
        "calendar_year",
        "2025Q4",
    )
    assert found["purchases_owed_revenue_pct"] == pytest.approx(2700)
    assert found["received_investment_usd"] == 43
    assert found["lowest_confidence"] == "secondary_blog"
    assert (
        found["missing_reason"]
        == "no level of a main backlog (backlog.main_definitions) is known, and no purchases from it count"
    )


def test_counterparties_that_are_no_company_have_no_exposure(exposure: list[Row]) -> None:
    assert {row["company"] for row in exposure} == {"Chips", "Cloud", "Model"}
