"""Loading responses: typed rows, the quarantine's rules, odd but true rows, refused responses."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.meta.warehouse import Quarantine
from schemas.raw.configuration import Universe
from schemas.raw.filings import CompanyFacts
from tests.responses import CIK, GOOD_FACT, Json, changed, landed, response
from tests.tables import Row, arrow_rows, day
from warehouse import fact_loading
from warehouse.engine import Engine
from warehouse.fact_loading import FactLoader, batches
from warehouse.responses import LandedResponse
from warehouse.validation import check_contract

KNOWN_ON = dt.date(2026, 7, 31)
UNIVERSE = [{"ticker": "SEVEN", "cik": CIK, "name": "Seven", "tier": "upstream", "in_prosperity_index": True}]
CUSTOM_HEADER = (
    "ticker,taxonomy,tag,unit,period_start_date,period_end_date,value,accession,form,filed_date,basis,confidence,"
    "source_url,note"
)
CUSTOM_ROW = (
    "SEVEN,own,OwnLine,USD,2025-01-01,2025-03-31,12,,10-Q,2025-05-01,as_first_reported,third_party_table,"
    "https://example.com/statement,"
)


class Loading:
    """A loader with its outcome as rows."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.loader = FactLoader(engine, KNOWN_ON)

    def land(self, content: Json | bytes, *, cik: int = CIK, origin: str = "seven.json") -> LandedResponse:
        """A response in the home folder of this test."""
        return landed(content, self.folder, cik=cik, origin=origin)

    def load(self, *facts: Json, **changes: str) -> None:
        """Load one response with facts of one tag."""
        self.loader.load_responses([self.land(response(*facts, **changes))])

    def load_custom(self, *lines: str) -> None:
        """Load transcribed figures."""
        self.engine.sql.register("universe_rows", arrow_rows(Universe, UNIVERSE))
        self.engine.sql.execute("CREATE OR REPLACE VIEW raw.universe AS FROM universe_rows")
        path = self.folder / "custom_tag_facts.csv"
        path.write_text("\n".join([CUSTOM_HEADER, *lines]) + "\n", encoding="utf-8")
        self.loader.load_custom_facts(path)

    def facts(self) -> list[Row]:
        """The loaded rows."""
        rows: list[Row] = self.engine.named("loaded_facts", CompanyFacts).to_pyarrow().to_pylist()
        return rows

    def quarantine(self) -> list[Row]:
        """The rows set aside."""
        rows: list[Row] = self.engine.named("loaded_quarantine", Quarantine).to_pyarrow().to_pylist()
        return rows


@pytest.fixture
def loading(engine: Engine, tmp_path: Path) -> Iterator[Loading]:
    yield Loading(engine, tmp_path)
    engine.sql.execute("DROP VIEW IF EXISTS raw.universe")


def test_a_fact_is_taken_over_typed_and_complete(loading: Loading) -> None:
    source = loading.land(response(GOOD_FACT))
    loading.loader.load_responses([source])

    assert loading.facts() == [
        {
            "cik": CIK,
            "entity_name": "SEVEN",
            "taxonomy": "us-gaap",
            "tag": "Revenues",
            "unit": "USD",
            "period_start_date": day("2025-01-01"),
            "period_end_date": day("2025-03-31"),
            "value": 100.0,
            "accession": "0000000007-25-000001",
            "filing_fiscal_year": 2025,
            "filing_fiscal_period": "Q1",
            "form": "10-Q",
            "filed_date": day("2025-05-01"),
            "frame": "CY2025Q1",
            "basis": "as_first_reported",
            "confidence": "filing",
            "source_url": None,
            "note": None,
            "unusual": None,
            "response_sha256": source.sha256,
        }
    ]
    assert loading.quarantine() == []
    assert check_contract(CompanyFacts, loading.engine.named("loaded_facts", CompanyFacts)).passed


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (changed(end=None), "period end is missing or no date"),
        (changed(end="tomorrow"), "period end is missing or no date"),
        (changed(end="2025-02-30"), "period end is missing or no date"),
        (changed(start="in spring"), "period start is no date"),
        (changed(start="2025-04-01"), "period ends before it starts"),
        (changed(val=None), "value is not a finite number"),
        (changed(val="a lot"), "value is not a finite number"),
        (changed(val="NaN"), "value is not a finite number"),
        (changed(val="Infinity"), "value is not a finite number"),
        (changed(val="1e999"), "value is not a finite number"),
        (changed(accn=None), "accession is missing"),
        (changed(accn="7-25-1"), "accession is malformed"),
        (changed(filed=None), "filing date is missing or impossible"),
        (changed(filed="1066-10-14"), "filing date is missing or impossible"),
        (changed(filed="2026-08-01"), "filing date lies in the future"),
        (changed(start=None, end="1815-06-18"), "period end is impossible"),
        (changed(start=None, end="2999-12-31"), "period end is impossible"),
        (changed(form=None), "form is missing"),
    ],
)
def test_a_row_that_breaks_a_rule_goes_to_quarantine_whole_and_the_rest_goes_on(
    loading: Loading, bad: Json, reason: str
) -> None:
    source = loading.land(response(GOOD_FACT, bad))
    loading.loader.load_responses([source])
    aside = loading.quarantine()

    assert [row["value"] for row in loading.facts()] == [100.0]
    assert [(row["table_name"], row["cik"], row["reason"]) for row in aside] == [("raw.company_facts", CIK, reason)]
    assert aside[0]["response_sha256"] == source.sha256
    kept = json.loads(aside[0]["row_content"])
    assert (kept["tag"], kept["unit"], kept["taxonomy"]) == ("Revenues", "USD", "us-gaap")
    assert (loading.loader.report.facts, loading.loader.report.quarantined) == (1, 1)


@pytest.mark.parametrize(
    ("bad", "field", "text"),
    [
        (changed(val="a lot"), "value_text", "a lot"),
        (changed(start="in spring"), "start_text", "in spring"),
        (changed(filed="some day"), "filed_text", "some day"),
        (changed(end="2025-02-30"), "end_text", "2025-02-30"),
    ],
)
def test_the_quarantine_keeps_what_the_source_wrote(loading: Loading, bad: Json, field: str, text: str) -> None:
    loading.load(bad)

    assert json.loads(loading.quarantine()[0]["row_content"])[field] == text


def test_two_values_for_one_fact_in_one_filing_are_both_set_aside(loading: Loading) -> None:
    loading.load(GOOD_FACT, changed(val=200, frame=None), changed(end="2025-06-30"))

    assert {row["reason"] for row in loading.quarantine()} == {"two values for one fact in one filing"}
    assert len(loading.quarantine()) == 2
    assert [row["period_end_date"] for row in loading.facts()] == [day("2025-06-30")]


def test_a_repeated_row_is_kept_once(loading: Loading) -> None:
    loading.load(GOOD_FACT, GOOD_FACT)

    assert len(loading.facts()) == 1
    assert [row["reason"] for row in loading.quarantine()] == ["repeats another row"]


def test_the_same_fact_in_two_filings_is_two_versions(loading: Loading) -> None:
    loading.load(GOOD_FACT, changed(accn="0000000007-26-000001", filed="2026-05-01", val=101))

    assert sorted(row["value"] for row in loading.facts()) == [100.0, 101.0]
    assert loading.quarantine() == []


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (changed(start="2023-01-01"), "span over 400 days"),
        (changed(end="2025-06-30"), "period ends after the filing"),
        (changed(fy="FY25"), "fiscal year of the filing is no number"),
    ],
)
def test_odd_but_true_rows_are_kept_and_flagged(loading: Loading, odd: Json, why: str) -> None:
    loading.load(odd)

    assert [row["unusual"] for row in loading.facts()] == [why]
    assert loading.quarantine() == []


def test_a_filing_accepted_in_the_evening_carries_the_next_business_day(engine: Engine, tmp_path: Path) -> None:
    loading = Loading(engine, tmp_path)
    loading.loader = FactLoader(engine, KNOWN_ON, accepted=["0000000007-26-000001"])
    evening = changed(accn="0000000007-26-000001", filed="2026-08-03", val=101)
    loading.load(GOOD_FACT, evening, changed(accn="0000000007-26-000002", filed="2026-08-03", val=102))

    assert sorted(row["value"] for row in loading.facts()) == [100.0, 101.0]
    assert [row["reason"] for row in loading.quarantine()] == ["filing date lies in the future"]
    assert list(loading.loader.from_the_future().values()) == [1]


@pytest.mark.parametrize("unit", ["shares", "USD/shares", "pure", "EUR"])
def test_every_unit_is_kept(loading: Loading, unit: str) -> None:
    loading.load(GOOD_FACT, unit=unit)

    assert [row["unit"] for row in loading.facts()] == [unit]


def test_a_balance_has_no_start(loading: Loading) -> None:
    loading.load(changed(start=None, val=-5.25))

    assert [(row["period_start_date"], row["value"]) for row in loading.facts()] == [(None, -5.25)]


def test_unknown_keys_of_a_fact_are_passed_over(loading: Loading) -> None:
    loading.load(changed(surprise="new"))

    assert len(loading.facts()) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html><body>Your request was blocked</body></html>", "not readable as companyfacts"),
        (b'{"cik": 7, "entityName": "SEVEN", "facts": {"us-gaap": {"Reven', "not readable as companyfacts"),
        (b"", "seven.json"),
        (json.dumps({"cik": CIK, "entityName": "SEVEN", "facts": {}}).encode(), "holds no facts"),
        (json.dumps({"cik": CIK, "entityName": "SEVEN"}).encode(), "holds no facts"),
        (json.dumps(response(GOOD_FACT, cik=8)).encode(), "is of CIK 8 and not of 7"),
        (b"[1, 2, 3]", "seven.json"),
        (b'{"message": "no such key"}', "holds no facts"),
    ],
)
def test_a_bad_response_is_refused_by_name_and_the_others_go_on(loading: Loading, content: bytes, says: str) -> None:
    good = loading.land(response(GOOD_FACT, cik=8), cik=8, origin="eight.json")
    bad = loading.land(content)
    loading.loader.load_responses([bad, good])
    report = loading.loader.report

    assert list(report.refused) == ["CIK0000000007"]
    assert says in report.refused["CIK0000000007"]
    assert "seven.json" in report.refused["CIK0000000007"]
    assert report.parsed_responses == [good.sha256]
    assert {row["cik"] for row in loading.facts()} == {8}


def test_nothing_to_load_is_nothing(loading: Loading) -> None:
    loading.loader.load_responses([])

    assert loading.facts() == []


def test_a_transcribed_figure_needs_a_link_where_it_has_no_accession(loading: Loading) -> None:
    loading.load_custom(CUSTOM_ROW, CUSTOM_ROW.replace("https://example.com/statement", "").replace("2025-", "2024-"))
    fact = loading.facts()

    assert [(row["cik"], row["tag"], row["accession"], row["confidence"]) for row in fact] == [
        (CIK, "OwnLine", None, "third_party_table")
    ]
    assert [row["reason"] for row in loading.quarantine()] == ["accession is missing"]


def test_a_transcribed_figure_with_an_unknown_basis_is_set_aside(loading: Loading) -> None:
    loading.load_custom(CUSTOM_ROW.replace("as_first_reported", "rumoured"))

    assert [row["reason"] for row in loading.quarantine()] == ["basis or confidence is not in its list"]


def test_first_reported_and_recast_figures_of_one_period_live_side_by_side(loading: Loading) -> None:
    loading.load_custom(CUSTOM_ROW, CUSTOM_ROW.replace("as_first_reported", "recast").replace(",12,", ",11,"))

    assert sorted((row["basis"], row["value"]) for row in loading.facts()) == [
        ("as_first_reported", 12.0),
        ("recast", 11.0),
    ]


def test_figures_of_companies_outside_the_universe_are_left_out(loading: Loading) -> None:
    loading.load_custom(CUSTOM_ROW.replace("SEVEN", "ELEVEN"))

    assert loading.facts() == []
    assert loading.quarantine() == []


def test_responses_of_any_total_size_are_read_in_batches_of_bounded_size(loading: Loading) -> None:
    landed_ones = [loading.land(response(GOOD_FACT, cik=cik), cik=cik, origin=f"{cik}.json") for cik in range(1, 6)]
    size = max(one.size for one in landed_ones)

    assert [len(batch) for batch in batches(landed_ones, 2 * size)] == [2, 2, 1]
    assert [len(batch) for batch in batches(landed_ones, size - 1)] == [1, 1, 1, 1, 1]
    assert [one for batch in batches(landed_ones, 2 * size) for one in batch] == landed_ones


def test_several_batches_give_the_rows_of_one(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    landed_ones = [
        loading.land(response(GOOD_FACT, *more, cik=cik), cik=cik, origin=f"{cik}.json")
        for cik, more in [(1, []), (2, [changed(val=None)]), (3, [changed(val=200)]), (4, [changed(end="2025-06-30")])]
    ]
    monkeypatch.setattr(fact_loading, "batches", lambda responses: [[each] for each in responses])
    loading.loader.load_responses(landed_ones)
    one_by_one = sorted((row["cik"], row["value"]) for row in loading.facts())
    aside = sorted((row["cik"], row["reason"]) for row in loading.quarantine())
    monkeypatch.undo()
    together = Loading(loading.engine, loading.folder)
    together.loader.load_responses(landed_ones)

    assert one_by_one == [(1, 100.0), (2, 100.0), (4, 100.0), (4, 100.0)]
    assert sorted((row["cik"], row["value"]) for row in together.facts()) == one_by_one
    assert sorted((row["cik"], row["reason"]) for row in together.quarantine()) == aside
    assert [cik for cik, _ in aside] == [2, 3, 3]
