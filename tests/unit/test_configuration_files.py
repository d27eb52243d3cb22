"""`universe.yaml`, `concepts.yaml`, `methodology.yaml` and the lists kept by hand: good files are laid out, bad ones refused."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.raw.configuration import KnownGaps
from warehouse import raw_tables
from warehouse.concepts import (
    DEFAULT_CONCEPTS,
    ConceptMap,
    concept_applicability,
    concept_tags,
    read_concepts,
)
from warehouse.configuration import content_hash
from warehouse.errors import ConfigurationError
from warehouse.methodology import DEFAULT_METHODOLOGY, read_methodology
from warehouse.raw_tables import configuration_tables
from warehouse.universe import DEFAULT_UNIVERSE, Universe, read_universe

Change = Callable[[dict[str, Any]], None]


def broken(source: Path, folder: Path, change: Change) -> Path:
    """A copy of a configuration file with one change."""
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    change(content)
    target = folder / source.name
    target.write_text(yaml.safe_dump(content), encoding="utf-8")
    return target


def first(content: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = content["companies"][0]
    return entry


def test_the_universe_is_the_eight_companies() -> None:
    companies = {company.ticker: company for company in read_universe().companies}

    assert {ticker: company.cik for ticker, company in companies.items()} == {
        "NVDA": 1045810,
        "MSFT": 789019,
        "GOOGL": 1652044,
        "AMZN": 1018724,
        "META": 1326801,
        "AAPL": 320193,
        "TSLA": 1318605,
        "ORCL": 1341439,
    }
    assert [ticker for ticker, company in companies.items() if not company.in_prosperity_index] == ["ORCL"]
    assert companies["NVDA"].response_name == "CIK0001045810"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: first(content).pop("cik"), "cik: Field required"),
        (lambda content: first(content).update(cik=0), "cik"),
        (lambda content: first(content).update(tier="sideways"), "tier"),
        (lambda content: first(content).update(ticker="not a ticker"), "ticker"),
        (lambda content: first(content).update(colour="green"), "colour: Extra inputs"),
        (lambda content: content["companies"].append(first(content)), "ticker NVDA is listed more than once"),
        (lambda content: first(content).update(cik=content["companies"][1]["cik"]), "is listed more than once"),
        (lambda content: first(content).update(successor_of=[789019]), "cik 789019 is listed more than once"),
        (lambda content: content.update(companies=[]), "companies"),
    ],
)
def test_a_bad_universe_is_refused_with_file_entry_and_remedy(tmp_path: Path, change: Change, says: str) -> None:
    path = broken(DEFAULT_UNIVERSE, tmp_path, change)

    with pytest.raises(ConfigurationError) as refused:
        read_universe(path)

    assert str(path) in str(refused.value)
    assert says in str(refused.value)
    assert "correct" in str(refused.value)


def concept(content: dict[str, Any], name: str = "revenue") -> dict[str, Any]:
    entry: dict[str, Any] = content["concepts"][name]
    return entry


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: concept(content).update(kind="stock"), "concepts.revenue.kind"),
        (lambda content: concept(content).update(tags=[]), "concepts.revenue.tags"),
        (lambda content: concept(content).pop("tags"), "concepts.revenue.tags: Field required"),
        (lambda content: concept(content).update(tags=["-"]), "concepts.revenue.tags"),
        (lambda content: concept(content).update(tags=[{"tag": "Revenues", "until": "soon"}]), "until"),
        (lambda content: concept(content).update(carry_forward_quarters=9), "carry_forward_quarters"),
        (lambda content: concept(content)["companies"]["AAPL"].pop("because"), "companies.AAPL.because"),
        (lambda content: concept(content)["companies"]["AAPL"].pop("tags"), "give either `tags` or `not_applicable"),
        (lambda content: concept(content)["companies"]["AAPL"].update(not_applicable=True), "give either `tags`"),
        (lambda content: concept(content)["companies"]["AAPL"].update(version="middle"), "version"),
        (lambda content: content.update(other=1), "other: Extra inputs"),
    ],
)
def test_a_bad_concept_map_is_refused_with_file_entry_and_remedy(tmp_path: Path, change: Change, says: str) -> None:
    path = broken(DEFAULT_CONCEPTS, tmp_path, change)

    with pytest.raises(ConfigurationError) as refused:
        read_concepts(path)

    assert str(path) in str(refused.value)
    assert says in str(refused.value)
    assert "correct" in str(refused.value)


def index(content: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = content["index"]
    return entry


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: index(content)["weights"].update(revenue_growth=0.5), "together 1"),
        (lambda content: index(content)["weights"].pop("roic_change"), "three sub-indices"),
        (lambda content: index(content)["weights"].update(popularity=0.0), "index.weights"),
        (lambda content: index(content)["window"].update(first_quarter="2024-03"), "index.window.first_quarter"),
        (lambda content: index(content)["window"].update(first_quarter="2026Q2"), "ends (2026Q1) before it begins"),
        (lambda content: index(content).update(normalisation="magic"), "index.normalisation"),
        (lambda content: index(content).update(bases=["weekly"]), "index.bases"),
        (lambda content: content["roic"].pop("maximum_tax_rate"), "roic.maximum_tax_rate: Field required"),
    ],
)
def test_a_bad_methodology_is_refused_with_file_entry_and_remedy(tmp_path: Path, change: Change, says: str) -> None:
    path = broken(DEFAULT_METHODOLOGY, tmp_path, change)

    with pytest.raises(ConfigurationError) as refused:
        read_methodology(path)

    assert str(path) in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"companies: [unclosed", "not readable as YAML"),
        (b"\xff\xfe\x00bad", "not readable as YAML"),
        (b"", "file"),
        (b"- just\n- a list", "file"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "universe.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=says):
        read_universe(path)


@pytest.mark.parametrize("read", [read_universe, read_concepts, read_methodology])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "nowhere.yaml"

    with pytest.raises(ConfigurationError, match="no such file"):
        read(path)


def test_the_published_weights_are_in_the_methodology() -> None:
    published = read_methodology()

    assert dict(published.index.weights) == {
        "revenue_growth": 0.40,
        "roic_change": 0.30,
        "capex_depreciation_change": 0.30,
    }
    assert (published.index.window.first_quarter, published.index.window.last_quarter) == ("2024Q1", "2026Q1")


CONCEPTS = {
    "concepts": {
        "revenue": {
            "kind": "flow",
            "meaning": "Revenue",
            "tags": ["Revenues", {"tag": "own:Sales", "until": "2017-08-31"}],
            "companies": {"TWO": {"not_applicable": True, "because": "there is none"}},
        },
        "debt": {
            "kind": "balance",
            "meaning": "Debt",
            "tags": [["Debt", "-Leases"]],
            "derived": ["Assets"],
            "carry_forward_quarters": 2,
            "companies": {"TWO": {"tags": ["OwnDebt"], "version": "first", "because": "another line"}},
        },
    }
}
TWO_COMPANIES = Universe.model_validate(
    {
        "companies": [
            {"ticker": "ONE", "cik": 1, "name": "One", "tier": "upstream", "successor_of": [11]},
            {"ticker": "TWO", "cik": 2, "name": "Two", "tier": "downstream"},
        ]
    }
)


def test_the_concept_map_is_laid_out_by_company_alternative_and_part() -> None:
    concepts = ConceptMap.model_validate(CONCEPTS)
    rows = [
        (row.ticker, row.concept, row.alternative, row.part, row.taxonomy, row.tag, row.sign)
        for row in concept_tags(concepts, TWO_COMPANIES)
    ]

    assert rows == [
        ("ONE", "revenue", 0, 0, "us-gaap", "Revenues", 1),
        ("ONE", "revenue", 1, 0, "own", "Sales", 1),
        ("ONE", "debt", 0, 0, "us-gaap", "Debt", 1),
        ("ONE", "debt", 0, 1, "us-gaap", "Leases", -1),
        ("ONE", "debt", 1, 0, "us-gaap", "Assets", 1),
        ("TWO", "debt", 0, 0, "us-gaap", "OwnDebt", 1),
        ("TWO", "debt", 1, 0, "us-gaap", "Assets", 1),
    ]


def test_what_a_concept_says_stands_in_each_of_its_rows() -> None:
    rows = {(row.ticker, row.tag): row for row in concept_tags(ConceptMap.model_validate(CONCEPTS), TWO_COMPANIES)}

    assert rows["ONE", "Sales"].until_date == dt.date(2017, 8, 31)
    assert (rows["ONE", "Debt"].part_count, rows["ONE", "Debt"].carry_forward_quarters) == (2, 2)
    assert (rows["ONE", "Assets"].is_derived, rows["ONE", "Debt"].is_derived) == (True, False)
    assert (rows["TWO", "OwnDebt"].version, rows["ONE", "Debt"].version) == ("first", "latest")


def test_a_concept_that_does_not_apply_keeps_its_reason() -> None:
    rows = {
        (row.ticker, row.concept): (row.is_applicable, row.because)
        for row in concept_applicability(ConceptMap.model_validate(CONCEPTS), TWO_COMPANIES)
    }

    assert rows == {
        ("ONE", "revenue"): (True, None),
        ("ONE", "debt"): (True, None),
        ("TWO", "revenue"): (False, "there is none"),
        ("TWO", "debt"): (True, "another line"),
    }


def test_configuration_becomes_tables_with_predecessors() -> None:
    tables = {table.__name__: rows for table, rows in configuration_tables(read_concepts(), TWO_COMPANIES).items()}

    assert tables["Universe"]["ticker"].to_pylist() == ["ONE", "TWO"]
    assert tables["PredecessorCiks"].to_pylist() == [{"cik": 11, "ticker": "ONE"}]


def test_every_company_of_an_override_is_in_the_universe() -> None:
    known = {company.ticker for company in read_universe().companies}
    named = {ticker for entry in read_concepts().concepts.values() for ticker in entry.companies}

    assert named <= known


def test_the_hash_follows_content_and_not_place(tmp_path: Path) -> None:
    one, two, three = tmp_path / "one", tmp_path / "two", tmp_path / "three"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    three.write_bytes(b"other")

    assert content_hash(one) == content_hash(two)
    assert content_hash(one) != content_hash(three)
    assert content_hash(one, three) != content_hash(three, one)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("NVDA,revenue,someday,2025-01-26,reason", "row 2, column first_period_end_date"),
        ("NVDA,revenue,2024-01-28,2025-01-26,", "row 2, column reason: is empty"),
    ],
)
def test_a_bad_row_of_a_list_kept_by_hand_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, says: str
) -> None:
    path = tmp_path / "known_gaps.csv"
    path.write_text(f"ticker,concept,first_period_end_date,last_period_end_date,reason\n{row}\n", encoding="utf-8")
    monkeypatch.setattr(raw_tables, "list_path", lambda table: path)

    with pytest.raises(ConfigurationError) as refused:
        raw_tables.read_list(KnownGaps)

    assert str(path) in str(refused.value)
    assert says in str(refused.value)


def test_a_file_that_is_not_there_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: no such file; check the path"):
        content_hash(tmp_path / "nowhere.yaml")
