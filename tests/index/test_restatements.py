"""`mart.restatements`: what changed, in which filing, and the company's ROIC before and after, by hand.

A company whose four quarters of 2025 have, each, operating income 10, pretax income 8 and income tax 2 (million dollars), on an invested
capital of 120: four quarters give 40 × (1 − ¼) ÷ 120 = 25 %.
"""

import pytest

from assets.real_time import restatements
from schemas.mart.real_time import Restatements
from tests.index.scoring import methodology
from tests.index.situations import FILED, MILLION, SPAN_ENDS, history_of, one_tag_each, quarter, to_date
from tests.tables import Row, calendar_quarters, company, compute, concept_tag, day, fact, keeps_contract, only, pick
from warehouse.concepts import read_concepts
from warehouse.engine import Engine

BALANCES = {
    "equity": 100,
    "debt": 40,
    "operating_lease_liability": 12,
    "finance_lease_liability": 8,
    "cash": 30,
    "liquid_securities": 10,
}
INCOME = {"operating_income": 10, "pretax_income": 8, "income_tax": 2}
RESTATED, HALVED, ROUNDED, DERIVED = "2026-05-01", "2026-08-01", "2026-06-01", "2026-11-01"


def filings() -> list[Row]:
    rows = [
        quarter("REAL", number, millions, concept=concept, tag=concept)
        for concept, millions in INCOME.items()
        for number in range(1, 5)
    ]
    rows += [
        fact("REAL", None, SPAN_ENDS[number], millions * MILLION, FILED[number], concept=concept, tag=concept)
        for concept, millions in BALANCES.items()
        for number in range(1, 5)
    ]
    # Operating income of the second quarter is 22 after all; on another day debt at the year's end is half; one change is rounding.
    rows.append(
        quarter("REAL", 2, 22, RESTATED, concept="operating_income", tag="operating_income", accession="SECOND")
    )
    rows.append(fact("REAL", None, SPAN_ENDS[4], 20 * MILLION, HALVED, concept="debt", tag="debt", accession="DEBT"))
    rows.append(quarter("REAL", 1, 2.9, ROUNDED, concept="income_tax", tag="income_tax"))
    # Revenue is filed to date; the first half is printed anew a year later, so that the third quarter changes by what is taken away.
    revenue = {1: 100, 2: 210, 3: 330, 4: 460}
    rows += [to_date("REAL", number, millions, accession=f"YTD{number}") for number, millions in revenue.items()]
    rows.append(to_date("REAL", 2, 200, DERIVED, accession="ANEW"))
    return rows


def tags(rows: list[Row]) -> list[Row]:
    kinds = {row["tag"]: (row["concept"], row["kind"]) for row in rows}
    return [concept_tag("REAL", tag, concept=concept, kind=kind) for tag, (concept, kind) in kinds.items()]


@pytest.fixture(scope="module")
def found(engine: Engine) -> list[Row]:
    rows = filings()
    return compute(
        engine,
        restatements,
        quarters_history=history_of(engine, rows, tags(rows)),
        fiscal_quarters=list(calendar_quarters("REAL", 2025)),
        companies=[company("REAL", "upstream")],
        concepts=read_concepts(),
        methodology=methodology(),
    )


def test_the_table_keeps_its_contract_and_leaves_rounding_out(engine: Engine, found: list[Row]) -> None:
    assert keeps_contract(engine, Restatements, found)
    assert {row["filed_date"] for row in found} == {day(RESTATED), day(HALVED), day(DERIVED)}


def test_a_restated_value_stands_beside_the_one_before(found: list[Row]) -> None:
    restated = only(found, concept="operating_income", measure="quarter")

    assert (restated["fiscal_year"], restated["fiscal_quarter"], restated["reason"]) == (2025, 2, "restated")
    assert (restated["value_before"], restated["value"]) == (10 * MILLION, 22 * MILLION)
    assert (restated["difference"], restated["difference_pct"]) == (12 * MILLION, pytest.approx(120))
    assert (restated["filed_date"], restated["accession"]) == (day(RESTATED), "SECOND")


def test_the_return_of_the_restated_quarter_is_told_before_and_after(found: list[Row]) -> None:
    # The second quarter of 2025 has no four quarters behind it.
    second = only(found, concept="operating_income", measure="quarter")

    assert (second["roic_ttm_before_pct"], second["roic_ttm_pct"]) == (None, None)


def test_the_return_at_the_year_s_end_changes_with_the_capital(found: list[Row]) -> None:
    # Operating income is 52 by then; tax 8.9 of 32 since the rounding; capital goes from 120 to 100.
    debt = only(found, concept="debt")
    after_tax = 52 * (1 - 8.9 / 32)

    assert (debt["accession"], debt["difference_pct"]) == ("DEBT", pytest.approx(-50))
    assert debt["roic_ttm_before_pct"] == pytest.approx(100 * after_tax / 120)
    assert debt["roic_ttm_pct"] == pytest.approx(100 * after_tax / 100)


def test_a_quarter_that_changes_by_what_is_taken_away_names_the_filing_that_changed_it(found: list[Row]) -> None:
    quarters = {row["fiscal_quarter"]: row for row in pick(found, concept="revenue", measure="quarter")}

    assert {number: row["difference"] / MILLION for number, row in quarters.items()} == {2: -10, 3: 10}
    assert {row["reason"] for row in quarters.values()} == {"derived_input_restated"}
    assert {number: row["accession"] for number, row in quarters.items()} == {2: "ANEW", 3: "ANEW"}
    assert only(found, concept="revenue", measure="fiscal_ytd")["accession"] == "ANEW"


def test_without_scores_there_are_none_beside_a_restatement(found: list[Row]) -> None:
    assert {row["composite_score"] for row in found} == {None}


def test_a_value_from_nothing_has_no_percentage(engine: Engine) -> None:
    rows = [quarter("ZERO", 1, 0), quarter("ZERO", 1, 5, RESTATED)]
    found = compute(
        engine,
        restatements,
        quarters_history=history_of(engine, rows, one_tag_each(rows)),
        fiscal_quarters=list(calendar_quarters("ZERO", 2025)),
        companies=[company("ZERO", "upstream")],
        concepts=read_concepts(),
        methodology=methodology(),
    )

    # The first quarter counts twice: as the quarter and as the year to date.
    assert [(row["difference"], row["difference_pct"]) for row in found] == [(5 * MILLION, None)] * 2
