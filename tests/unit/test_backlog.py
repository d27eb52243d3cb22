"""`mart.backlog`: growth within one definition, breaks, conversion, computed by hand."""

from typing import Any

import pytest

from assets.backlog import backlog
from schemas.mart.backlog import Backlog
from tests.ai_rows import figure, refuses
from tests.panels import fundamental
from tests.tables import QUARTER_DAYS, Row, compute, keeps_contract, only
from warehouse.engine import Engine
from warehouse.methodology import Methodology, read_methodology


def parameters(*breaks: dict[str, str]) -> Methodology:
    content = read_methodology().model_dump()
    content["backlog"] |= {"breaks": breaks, "later_commitments": ()}
    return Methodology.model_validate(content)


PARAMETERS = parameters(
    {"entity": "Mid", "definition": "company_total", "quarter": "2025Q4", "reason": "one giant contract"}
)
ENTITIES = [
    {"entity": "Mid", "ticker": "MID", "kind": "listed_company", "tier": "midstream"},
    {"entity": "Cloud", "ticker": "MID", "kind": "segment", "tier": "midstream"},
]


def last_day(quarter: str) -> str:
    return f"{quarter[:4]}-{QUARTER_DAYS[int(quarter[-1])][1]}"


def level(quarter: str, value: float, **changes: Any) -> Row:
    row = figure(f"level-{quarter.lower()}", "Cloud", "remaining_performance_obligation", "point", value, ticker="MID")
    own = {"as_of_date": last_day(quarter), "definition": "cloud_only", "is_definition_break": False, "rounding": 10.0}
    return row | own | changes


def share(metric: str, quarter: str, value: float, **changes: Any) -> Row:
    name = metric.replace("_", "-")
    return level(
        quarter, value, metric=metric, unit="ratio", rounding=0.01, reference_id=f"{name}-{quarter.lower()}", **changes
    )


LEVELS = [
    level("2024Q4", 100.0),
    level("2025Q3", 120.0),
    level("2025Q4", 300.0, is_definition_break=True, note="One customer."),
    level("2026Q1", 330.0),
    share("growth", "2025Q4", 2.0),
    share("growth_excluding_largest_customer", "2025Q4", 0.25, confidence="secondary_blog"),
    share("largest_customer_share", "2025Q4", 0.45, qualifier="about"),
    share("share_next_twelve_months", "2025Q4", 0.3),
    # A transcription of the filed total, rounded, and a lease that is no backlog.
    level("2025Q4", 510.0, entity="Mid", definition="company_total", reference_id="mid-total"),
    level("2025Q4", 77.0, entity="Mid", definition="leases", metric="leases_not_commenced", reference_id="leases"),
]
FILED = [
    fundamental("MID", "2024Q4", remaining_performance_obligation_usd=200.0),
    fundamental("MID", "2025Q4", remaining_performance_obligation_usd=508.0),
    fundamental("ADDED", "2025Q4", remaining_performance_obligation_usd=7.0),
]


def pool(entity: str, kind: str, quarter: str, revenue: float) -> Row:
    return {
        "entity_kind": kind,
        "entity": entity,
        "name": entity,
        "ticker": "MID",
        "tier": "midstream",
        "span": "ttm",
        "quarter": quarter,
        "revenue_usd": revenue,
        "operating_income_method": "as_filed",
        "is_before_recast": False,
        "in_chain": False,
        "in_compute_and_cloud": False,
        "is_third_party_estimate": False,
    }


POOLS = [pool("Cloud", "segment", "2024Q4", 40.0), pool("Cloud", "segment", "2025Q4", 60.0)]
POOLS += [pool("MID", "company", "2025Q4", 254.0)]


def deal(identifier: str, agreed: str, amount: float, **changes: Any) -> Row:
    row = {
        "reference_id": identifier,
        "investor": "Model",
        "investee": "Mid",
        "investee_ticker": "MID",
        "form": "purchase_commitment",
        "flow": "purchase",
        "amount_usd": amount,
        "counted_usd": amount,
        "qualifier": "exact",
        "agreed_date": agreed,
        "date_precision": "day",
        "status": "signed",
        "firmness": "binding",
        "is_circular": True,
        "counts_in_totals": True,
        "conflict_resolution": "used",
        "is_third_party_estimate": False,
        "source_ids": f"raw.circular_commitments/{identifier}",
    }
    return row | changes


DEALS = [
    deal("in-the-year", "2025-11-01", 150.0),
    deal("too-early", "2024-12-31", 1000.0),
    deal("too-late", "2026-01-01", 1000.0),
    deal("not-circular", "2025-11-01", 1000.0, is_circular=False),
    deal("other-form", "2025-11-01", 1000.0, form="revenue_share"),
]


def computed(engine: Engine, methodology: Methodology) -> list[Row]:
    return compute(
        engine,
        backlog,
        obligations=LEVELS,
        fundamentals=FILED,
        reference_entities=ENTITIES,
        profit_pools=POOLS,
        commitments=DEALS,
        methodology=methodology,
    )


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    return computed(engine, PARAMETERS)


def cloud(rows: list[Row], quarter: str) -> Row:
    return only(rows, entity="Cloud", quarter=quarter)


def test_a_company_that_is_not_in_the_reference_file_has_its_level_under_its_ticker(rows: list[Row]) -> None:
    found = only(rows, ticker="ADDED")

    assert (found["entity"], found["quarter"], found["revenue_entity"]) == ("ADDED", "2025Q4", "ADDED")
    assert found["remaining_performance_obligation_usd"] == 7


def test_the_table_keeps_its_contract_and_refuses_bad_rows(engine: Engine, rows: list[Row]) -> None:
    assert keeps_contract(engine, Backlog, rows)
    assert refuses(engine, Backlog, rows, definition="leases")


def test_growth_compares_one_definition_only(rows: list[Row]) -> None:
    assert cloud(rows, "2025Q4")["growth_pct"] == pytest.approx(200)
    assert cloud(rows, "2025Q4")["growth_quarter_pct"] == pytest.approx(150)
    assert only(rows, entity="Mid", quarter="2025Q4")["growth_pct"] == pytest.approx(154)
    # 2025Q1 is absent: no growth, not the growth over another span.
    assert cloud(rows, "2026Q1")["growth_pct"] is None
    assert cloud(rows, "2026Q1")["missing_reason"] == "the level a year before is not known in this definition"


def test_breaks_are_flagged_for_a_year(rows: list[Row]) -> None:
    broken, after, before = cloud(rows, "2025Q4"), cloud(rows, "2026Q1"), cloud(rows, "2025Q3")

    assert (broken["is_definition_break"], broken["break_reason"]) == (True, "One customer.")
    assert [row["growth_crosses_break"] for row in (before, broken, after)] == [False, True, True]
    assert only(rows, entity="Mid", quarter="2025Q4")["break_reason"] == "one giant contract"


def test_what_the_company_discloses_stands_beside(rows: list[Row]) -> None:
    found = cloud(rows, "2025Q4")

    assert (found["disclosed_growth_pct"], found["growth_excluding_largest_customer_pct"]) == (200, 25)
    assert (found["largest_customer_share_pct"], found["largest_customer_qualifier"]) == (45, "about")
    assert found["next_twelve_months_share_pct"] == 30
    assert found["lowest_confidence"] == "secondary_blog"


def test_growth_without_the_circular_commitments_of_the_year(rows: list[Row]) -> None:
    found = cloud(rows, "2025Q4")

    assert found["large_commitments_usd"] == 150
    assert found["growth_without_large_commitments_pct"] == pytest.approx(50)
    assert "raw.circular_commitments/in-the-year" in found["source_ids"]
    assert cloud(rows, "2025Q3")["growth_without_large_commitments_pct"] is None


def test_a_commitment_dated_after_a_level_that_holds_it_leaves_its_circular_part_unknown(engine: Engine) -> None:
    content = PARAMETERS.model_dump()
    content["backlog"]["later_commitments"] = [{"ticker": "MID", "quarter": "2025Q4", "reference_id": "too-late"}]
    rows = computed(engine, Methodology.model_validate(content))

    assert keeps_contract(engine, Backlog, rows)
    for entity in ("Cloud", "Mid"):
        found = only(rows, entity=entity, quarter="2025Q4")
        assert found["later_commitment"] == "too-late"
        assert (found["large_commitments_usd"], found["growth_without_large_commitments_pct"]) == (None, None)
    after = cloud(rows, "2026Q1")
    # In the quarter after, the deal is dated within the year before the level.
    assert (after["later_commitment"], after["large_commitments_usd"]) == (None, 1150)


def test_a_filed_level_beats_its_transcription(rows: list[Row]) -> None:
    found = only(rows, entity="Mid", quarter="2025Q4")

    assert (found["remaining_performance_obligation_usd"], found["sourced_usd"], found["is_filed"]) == (508, 510, True)
    assert found["rounding_usd"] is None
    assert cloud(rows, "2025Q4")["rounding_usd"] == 10


def test_conversion_uses_the_segments_revenue_else_the_companys(rows: list[Row]) -> None:
    old, new = cloud(rows, "2024Q4"), cloud(rows, "2025Q4")

    assert (old["revenue_next_four_quarters_usd"], old["conversion_ratio"]) == (60, 0.6)
    assert old["backlog_revenue_ratio"] == 2.5
    assert (new["conversion_ratio"], new["trailing_conversion_ratio"]) == (None, 0.6)
    assert new["missing_reason"] == "the next four quarters are not all reported yet"
    company = only(rows, entity="Mid", quarter="2025Q4")
    assert (company["revenue_entity"], company["backlog_revenue_ratio"]) == ("MID", 2)


def test_leases_are_no_backlog(rows: list[Row]) -> None:
    assert {row["definition"] for row in rows} == {"cloud_only", "company_total"}


def test_two_main_backlogs_of_a_company_are_refused() -> None:
    content = read_methodology().model_dump()
    content["backlog"]["main_definitions"] *= 2

    with pytest.raises(ValueError, match="give each company one main backlog"):
        Methodology.model_validate(content)
