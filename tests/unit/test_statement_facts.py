"""`raw.filings`, `core.statement_facts` and `core.companies`: what is copied, joined and left out."""

import datetime as dt
from collections.abc import Sequence

import pytest

from assets.facts import companies, statement_facts
from assets.raw import filings
from schemas.core.facts import Companies, StatementFacts
from schemas.raw.filings import Filings
from tests.tables import Row, calendar_quarters, compute, concept_tag, day, keeps_contract, only, pick, table
from warehouse.engine import Engine
from warehouse.validation import all_hold, check_contract

QUARTER = ("2025-01-01", "2025-03-31")


def raw_fact(cik: int, tag: str, value: float, *, period: tuple[str | None, str] = QUARTER, **changes: object) -> Row:
    row: Row = {
        "cik": cik,
        "taxonomy": "us-gaap",
        "tag": tag,
        "unit": "USD",
        "period_start_date": period[0],
        "period_end_date": period[1],
        "value": value,
        "accession": "0000000007-25-000001",
        "form": "10-Q",
        "filed_date": "2025-05-01",
        "basis": "as_first_reported",
        "confidence": "filing",
        "response_sha256": "a" * 64,
    }
    return row | changes


RAW = [
    raw_fact(7, "Revenues", 100.0),
    raw_fact(7, "Revenues", 101.0, accession="0000000007-26-000001", filed_date="2026-02-01", form="10-K"),
    raw_fact(7, "Revenues", 99.0, unit="EUR"),
    raw_fact(7, "Revenues", 98.0, period=(None, "2025-03-31")),
    raw_fact(7, "Unmapped", 97.0),
    raw_fact(7, "Cash", 50.0, period=(None, "2025-03-31")),
    raw_fact(7, "Cash", 49.0),
    raw_fact(7, "OldRevenues", 40.0, period=("2017-01-01", "2017-03-31")),
    raw_fact(7, "OldRevenues", 41.0, period=("2018-01-01", "2018-03-31")),
    raw_fact(6, "Revenues", 60.0, period=("2014-01-01", "2014-03-31"), accession="0000000006-14-000001"),
    raw_fact(5, "Revenues", 55.0, accession="0000000005-25-000001"),
    *(
        raw_fact(7, tag, 31.0, period=period, accession="0000000007-24-000001", filed_date="2025-02-01", form="10-K")
        for tag, period in (
            ("Revenues", ("2024-10-01", "2024-12-31")),
            ("Revenues", ("2024-01-01", "2024-12-31")),
            ("Cash", (None, "2024-12-31")),
        )
    ),
    raw_fact(
        7,
        "OwnLine",
        12.0,
        taxonomy="own",
        accession=None,
        source_url="https://example.com/statement",
        confidence="third_party_table",
    ),
]
TAGS = [
    concept_tag("SEVEN", "Revenues"),
    concept_tag("SEVEN", "OldRevenues", alternative=1, until_date="2017-12-31"),
    concept_tag("SEVEN", "Revenues", concept="gross_profit", part_count=2, until_date="2025-03-31"),
    concept_tag("SEVEN", "Cash", concept="cash", kind="balance"),
    concept_tag("SEVEN", "OwnLine", concept="depreciation_amortization", taxonomy="own"),
]
UNIVERSE = [{"ticker": "SEVEN", "cik": 7, "name": "Seven", "tier": "upstream", "in_prosperity_index": True}]


EXCLUDED = [{"ticker": "SEVEN", "accession": "0000000007-24-000001", "longest_days": 120, "reason": "wrong quarter"}]


def standardised(engine: Engine, raw: list[Row], excluded: Sequence[Row] = ()) -> list[Row]:
    return compute(
        engine,
        statement_facts,
        company_facts=raw,
        raw_filings=compute(engine, filings, company_facts=raw),
        universe=UNIVERSE,
        predecessor_ciks=[{"cik": 6, "ticker": "SEVEN"}],
        concept_tags=TAGS,
        excluded_facts=list(excluded),
    )


@pytest.fixture(scope="module")
def facts(engine: Engine) -> list[Row]:
    return standardised(engine, RAW, EXCLUDED)


def test_standardised_facts_keep_their_contract(engine: Engine, facts: list[Row]) -> None:
    assert keeps_contract(engine, StatementFacts, facts)


def test_facts_that_a_filing_states_wrongly_are_left_out_up_to_the_length_listed(facts: list[Row]) -> None:
    left = [(row["concept"], row["days"]) for row in pick(facts, accession="0000000007-24-000001")]

    assert sorted(left, key=str) == [("cash", None), ("gross_profit", 366), ("revenue", 366)]


def test_every_version_of_a_mapped_tag_is_there(facts: list[Row]) -> None:
    versions = pick(facts, concept="revenue", tag="Revenues", period_end_date=day("2025-03-31"))

    assert sorted((row["value"], row["known_from_date"]) for row in versions) == [
        (100.0, day("2025-05-01")),
        (101.0, day("2026-02-01")),
    ]


def indexed(accession: str, filed: str, accepted: str | None) -> Row:
    return {
        "accession": accession,
        "cik": 7,
        "form": "10-K",
        "filed_date": filed,
        "acceptance_at": dt.datetime.fromisoformat(accepted) if accepted else None,
        "is_xbrl": True,
        "filing_url": "https://example.com/filing",
    }


@pytest.mark.parametrize(
    ("filed", "accepted", "public"),
    [
        # In the evening, for the next business day (AMZN's 10-Q for 2025Q3).
        ("2025-10-31", "2025-10-30T22:18:24", "2025-10-30"),
        # Before the weekend (NVDA's 10-Q of August 2023).
        ("2023-08-28", "2023-08-25T19:36:34", "2023-08-25"),
        # After midnight UTC, still the evening of the filing day in New York (MSFT's 10-K of 2020).
        ("2020-07-30", "2020-07-31T00:44:46", "2020-07-30"),
        # New York's own time written as UTC, as in most rows of NVDA's index.
        ("2025-08-27", "2025-08-27T06:36:00", "2025-08-27"),
        ("2025-08-27", None, "2025-08-27"),
    ],
)
def test_a_filing_is_public_from_the_day_of_its_acceptance_in_new_york(
    engine: Engine, filed: str, accepted: str | None, public: str
) -> None:
    index = [indexed("0000000007-26-000001", filed, accepted)]
    made = compute(engine, filings, company_facts=[], filing_index=index)
    assert keeps_contract(engine, Filings, made)
    assert only(made)["known_from_date"] == day(public)


def test_a_fact_is_known_from_the_acceptance_of_its_filing(engine: Engine) -> None:
    index = [indexed("0000000007-26-000001", "2026-02-01", "2026-01-31T23:00:00")]
    found = compute(
        engine,
        statement_facts,
        company_facts=RAW,
        raw_filings=compute(engine, filings, company_facts=RAW, filing_index=index),
        universe=UNIVERSE,
        predecessor_ciks=[],
        concept_tags=TAGS,
        excluded_facts=[],
    )
    known = {row["accession"]: (row["filed_date"], row["known_from_date"]) for row in pick(found, tag="Revenues")}
    assert known["0000000007-26-000001"] == (day("2026-02-01"), day("2026-01-31"))
    assert known["0000000007-25-000001"] == (day("2025-05-01"), day("2025-05-01"))


def test_a_tag_serves_every_concept_it_is_mapped_to(facts: list[Row]) -> None:
    assert {row["concept"] for row in pick(facts, tag="Revenues", value=100.0)} == {"revenue", "gross_profit"}


def test_other_units_tags_companies_and_kinds_of_period_are_left_out(facts: list[Row]) -> None:
    assert {99.0, 98.0, 97.0, 55.0, 49.0}.isdisjoint({row["value"] for row in facts})
    assert only(facts, concept="cash", value=50.0)["days"] is None


def test_a_tag_ends_on_its_last_day(facts: list[Row]) -> None:
    assert [row["value"] for row in pick(facts, tag="OldRevenues")] == [40.0]


def test_a_predecessor_s_facts_belong_to_the_company(facts: list[Row]) -> None:
    assert only(facts, concept="revenue", value=60.0)["ticker"] == "SEVEN"


def test_a_fact_that_a_predecessor_repeats_is_there_once_as_the_company_s_own(engine: Engine) -> None:
    repeated = [raw_fact(6, "Revenues", 999.0), raw_fact(6, "Cash", 998.0, period=(None, "2025-03-31"))]
    alone = raw_fact(6, "Revenues", 60.0, period=("2024-01-01", "2024-03-31"))
    own = [raw_fact(7, "Revenues", 100.0), raw_fact(7, "Cash", 50.0, period=(None, "2025-03-31"))]
    found = standardised(engine, [*repeated, alone, *own])

    assert keeps_contract(engine, StatementFacts, found)
    assert {(row["concept"], row["value"]) for row in found} == {
        ("revenue", 100.0),
        ("gross_profit", 100.0),
        ("cash", 50.0),
        ("revenue", 60.0),
        ("gross_profit", 60.0),
    }
    assert len(found) == 5


def test_figures_transcribed_without_an_accession_are_told_apart_by_basis_and_day(engine: Engine) -> None:
    link = {"taxonomy": "own", "accession": None, "source_url": "https://example.com/statement"}
    versions = [
        raw_fact(7, "OwnLine", 12.0, **link),
        raw_fact(7, "OwnLine", 11.0, basis="recast", **link),
        raw_fact(7, "OwnLine", 13.0, filed_date="2026-05-01", **link),
    ]
    found = standardised(engine, versions)

    assert sorted(row["value"] for row in found) == [11.0, 12.0, 13.0]
    assert keeps_contract(engine, StatementFacts, found)


@pytest.mark.parametrize("absent", ["accession", "period_start_date"])
def test_a_repeated_fact_is_refused(engine: Engine, facts: list[Row], absent: str) -> None:
    fact = next(row for row in facts if row[absent] is None)
    result = check_contract(StatementFacts, table(engine, StatementFacts, [*facts, fact | {"value": 1.0}]))

    assert not result.passed
    assert "multiple_fields_uniqueness" in result.sentence()
    assert not all_hold(StatementFacts, table(engine, StatementFacts, [*facts, fact]))


def test_the_length_of_a_period_counts_both_ends(facts: list[Row]) -> None:
    assert only(facts, concept="revenue", value=100.0)["days"] == 90


def test_a_fact_links_to_its_filing_and_a_transcribed_one_to_its_source(facts: list[Row]) -> None:
    filed = only(facts, concept="revenue", value=100.0)["source_url"]

    assert filed.endswith("/7/000000000725000001/0000000007-25-000001-index.htm")
    assert only(facts, tag="OwnLine")["source_url"] == "https://example.com/statement"


def test_filings_have_one_row_per_accession(engine: Engine) -> None:
    found = compute(engine, filings, company_facts=RAW)
    first = only(found, accession="0000000007-25-000001")

    assert keeps_contract(engine, Filings, found)
    assert {row["accession"] for row in found} == {row["accession"] for row in RAW if row["accession"]}
    assert (first["cik"], first["form"]) == (7, "10-Q")
    assert first["fact_count"] == len(pick(RAW, accession="0000000007-25-000001"))


def test_a_period_that_ends_after_the_filing_is_not_what_the_filing_reports_on(engine: Engine) -> None:
    later = raw_fact(7, "Revenues", 1.0, period=("2025-01-01", "2025-12-31"))
    found = compute(engine, filings, company_facts=[RAW[0], later])

    assert [row["report_date"] for row in found] == [day("2025-03-31")]


def test_dates_of_the_cover_page_are_not_what_the_filing_reports_on(engine: Engine) -> None:
    shares = {"taxonomy": "dei", "unit": "shares", "period": (None, "2025-04-17")}
    cover = raw_fact(7, "EntityCommonStockSharesOutstanding", 1.0, **shares)
    only_cover = raw_fact(7, "EntityPublicFloat", 1.0, accession="0000000007-25-000002", **shares)
    found = compute(engine, filings, company_facts=[RAW[0], cover, only_cover])

    assert only(found, accession="0000000007-25-000001")["report_date"] == day("2025-03-31")
    assert only(found, accession="0000000007-25-000001")["fact_count"] == 2
    assert only(found, accession="0000000007-25-000002")["report_date"] is None
    assert keeps_contract(engine, Filings, found)


def test_companies_know_their_newest_filing_and_quarter(engine: Engine) -> None:
    silent = {"ticker": "EIGHT", "cik": 8, "name": "Eight", "tier": "downstream", "in_prosperity_index": False}
    found = compute(
        engine,
        companies,
        universe=[*UNIVERSE, silent],
        listed_companies=[{"ticker": "SEVEN", "cik": 7, "name": "SEVEN CORP"}],
        company_facts=RAW,
        fiscal_quarters=calendar_quarters("SEVEN", 2025, 2),
    )

    assert keeps_contract(engine, Companies, found)
    assert only(found, ticker="SEVEN")["latest_filed_date"] == day("2026-02-01")
    assert only(found, ticker="SEVEN")["latest_period_end_date"] == day("2025-06-30")
    assert only(found, ticker="EIGHT")["latest_filed_date"] is None
    assert only(found, ticker="SEVEN")["name"] == "SEVEN CORP"
    assert only(found, ticker="EIGHT")["name"] == "Eight"
