"""The reference files load, and every kind of bad reference data is refused with file, row, column and remedy."""

from __future__ import annotations

import csv
import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pyarrow
import pytest

from schemas.base import TableClass, columns, ibis_schema, qualified_name, table_name
from schemas.provenance import Sourced
from schemas.raw import reference_events, reference_figures
from warehouse.reference_files import (
    REFERENCE_FOLDER,
    REFERENCE_TABLES,
    ReferenceDataError,
    check_reference,
    load_reference,
    read_reference,
    reference_path,
)
from warehouse.validation import check_contract

# Ibis 12 asks pandas for a retired option whenever a result holds text.
pytestmark = pytest.mark.filterwarnings("ignore:The 'future.infer_string' option:DeprecationWarning")

TODAY = datetime.date(2026, 11, 21)
SHARED = Path(__file__).parents[3] / "shared" / "reference"
Rows = list[dict[str, str]]
Edit = Callable[[Rows], None]


@pytest.fixture(scope="module")
def tables() -> dict[TableClass, pyarrow.Table]:
    return load_reference(today=TODAY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REFERENCE_FOLDER, tmp_path / "reference"))


def edited(folder: Path, name: str, edit: Edit) -> Path:
    path = folder / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    header = list(rows[0])
    edit(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def index_of(rows: Rows, reference_id: str) -> int:
    return next(index for index, row in enumerate(rows) if row["reference_id"] == reference_id)


def setting(reference_id: str, /, **values: str) -> Edit:
    return lambda rows: rows[index_of(rows, reference_id)].update(values)


def refused(folder: Path) -> ReferenceDataError:
    with pytest.raises(ReferenceDataError) as caught:
        check_reference(folder, TODAY)
    return caught.value


def test_every_file_of_the_folder_is_a_declared_table_and_loads(tables: dict[TableClass, pyarrow.Table]) -> None:
    assert {path.stem for path in REFERENCE_FOLDER.glob("*.csv")} == {table_name(table) for table in REFERENCE_TABLES}
    assert set(tables) == set(REFERENCE_TABLES)
    for table, content in tables.items():
        assert content.num_rows > 0
        assert content.column_names == list(ibis_schema(table))


def test_every_table_and_column_says_what_it_means() -> None:
    for table in REFERENCE_TABLES:
        assert table.__doc__
        assert qualified_name(table).startswith("raw.")
        for declared in columns(table):
            assert declared.meaning, f"{qualified_name(table)}.{declared.name}"


@pytest.mark.parametrize("table", REFERENCE_TABLES, ids=table_name)
def test_the_contract_accepts_the_file_and_refuses_a_bad_row(
    table: TableClass, tables: dict[TableClass, pyarrow.Table]
) -> None:
    good = tables[table]
    accepted = check_contract(table, ibis.memtable(good))
    assert accepted.passed, accepted.sentence()
    column, value = BAD_CELLS[table]
    cells = pyarrow.array([value, *good[column].to_pylist()[1:]], good.schema.field(column).type)
    bad = good.set_column(good.schema.get_field_index(column), column, cells)
    refusal = check_contract(table, ibis.memtable(bad))
    assert not refusal.passed
    assert [row["column"] for row in refusal.failing_rows] == [column]


BAD_CELLS: dict[TableClass, tuple[str, Any]] = {
    reference_figures.AiRevenue: ("metric", "hype"),
    reference_figures.AiRunRates: ("unit", "USD_billion"),
    reference_figures.AiCapitalExpenditure: ("lease_treatment", "some"),
    reference_figures.FinanceLeases: ("basis", "month"),
    reference_figures.Segments: ("segment_basis", "restated"),
    reference_figures.RemainingPerformanceObligations: ("definition", "bookings"),
    reference_figures.CapitalExpenditureGuidance: ("rounding", 0.0),
    reference_figures.UnitEconomics: ("confidence", "rumour"),
    reference_figures.PrivateValuations: ("money_stage", "mid"),
    reference_events.UsefulLifePolicies: ("event", "rumour"),
    reference_events.CircularCommitments: ("amount_usd", -1.0),
    reference_events.MacroSeries: ("quarter", "2026-Q1"),
    reference_events.PublishedCycleStages: ("stage", 5),
    reference_events.ReferenceGaps: ("reason", "forgotten"),
    reference_events.ReferenceEntities: ("kind", "thing"),
    reference_events.ConflictRules: ("precedence", 0),
}


@pytest.mark.parametrize(
    ("name", "reference_id", "change", "column", "words"),
    [
        ("ai_revenue", "openai-company-revenue-2024-12-31", {"source_title": ""}, "source_title", "is empty"),
        ("ai_revenue", "openai-company-revenue-2024-12-31", {"confidence": ""}, "confidence", "is empty"),
        ("finance_leases", "microsoft-additions-2025-12-31", {"source_url": ""}, "source_url", "without a link"),
        (
            "finance_leases",
            "microsoft-additions-2025-12-31",
            {"source_url": "the 10-Q"},
            "source_url",
            "does not look like",
        ),
        ("segments", "aws-revenue-2026-03-31", {"unit": "USD_million"}, "unit", "is not one of"),
        ("segments", "aws-revenue-2026-03-31", {"unit": "cny"}, "unit", "in cny here and in usd elsewhere"),
        ("segments", "aws-revenue-2026-03-31", {"value": "37587"}, "value", "looks like millions or billions"),
        ("segments", "tsmc-gross-margin-2026-03-31", {"value": "66.25"}, "value", "looks like a percentage"),
        ("segments", "aws-revenue-2026-03-31", {"value": "37,587"}, "value", "is not a number"),
        ("segments", "aws-revenue-2026-03-31", {"value": "1e999"}, "value", "is not a number"),
        ("segments", "aws-revenue-2026-03-31", {"value": "NaN"}, "value", "is not a number"),
        ("segments", "aws-revenue-2026-03-31", {"value": ""}, "value", "is empty"),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"period_end_date": "2025-12-31"},
            "period_end_date",
            "before it starts",
        ),
        ("segments", "aws-revenue-2026-03-31", {"period_end_date": ""}, "period_end_date", "a start and no end"),
        ("segments", "aws-revenue-2026-03-31", {"period_start_date": "2025-01-01"}, "basis", "455 days are no quarter"),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"period_start_date": "2026-02-30"},
            "period_start_date",
            "is not a date",
        ),
        ("segments", "aws-revenue-2026-03-31", {"period_start_date": "2026-1-1"}, "period_start_date", "is not a date"),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"publication_date": "1999-04-29"},
            "publication_date",
            "before the year 2000",
        ),
        ("segments", "aws-revenue-2026-03-31", {"publication_date": "2026-11-23"}, "publication_date", "in the future"),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"publication_date": "2026-03-01"},
            "period_end_date",
            "after the publication",
        ),
        ("segments", "aws-revenue-2026-03-31", {"publication_precision": ""}, "publication_precision", "go together"),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"is_third_party_estimate": "no"},
            "is_third_party_estimate",
            "true or false",
        ),
        ("segments", "aws-revenue-2026-03-31", {"entity": "AWS "}, "entity", "without blanks"),
        ("segments", "aws-revenue-2026-03-31", {"entity": "Amazon Cloud"}, "entity", "unknown name"),
        ("segments", "aws-revenue-2026-03-31", {"ticker": "AMZ"}, "ticker", "is not the ticker of AWS"),
        ("segments", "aws-revenue-2026-03-31", {"conflict_group": "x"}, "conflict_rule", "go together"),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"conflict_resolution": "alternative"},
            "conflict_group",
            "without a conflict",
        ),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"conflict_group": "x", "conflict_rule": "coin-toss"},
            "conflict_rule",
            "no rule 'coin-toss'",
        ),
        (
            "segments",
            "aws-revenue-2026-03-31",
            {"reference_id": "aws-revenue-2025-12-31"},
            "reference_id",
            "repeats the key",
        ),
        ("ai_run_rates", "microsoft-ai-run-rate-2024-12-31", {"as_of_date": ""}, "as_of_date", "without a day"),
        (
            "capital_expenditure_guidance",
            "meta-capital-expenditure-2026-12-31-given-2026-07-29",
            {"value_low": "150000000000"},
            "value_low",
            "is not in order",
        ),
        (
            "reference_gaps",
            "macro-series-nfci-quarter-end-value",
            {"table_name": "raw.macros"},
            "table_name",
            "no table",
        ),
    ],
)
def test_bad_data_is_refused_with_file_row_column_and_remedy(
    folder: Path, name: str, reference_id: str, change: dict[str, str], column: str, words: str
) -> None:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        row = 2 + index_of(list(csv.DictReader(file)), reference_id)
    error = refused(edited(folder, name, setting(reference_id, **change)))
    found = [problem for problem in error.problems if problem.column == column and words in problem.what]
    assert found, str(error)
    assert (found[0].file, found[0].row) == (f"{name}.csv", row)
    assert found[0].remedy
    assert str(found[0]) in str(error)


def test_a_second_figure_for_the_same_period_needs_a_rule(folder: Path) -> None:
    def contradict(rows: Rows) -> None:
        first = rows[index_of(rows, "aws-revenue-2026-03-31")]
        rows.append({**first, "reference_id": "aws-revenue-again", "value": "40000000000"})

    (problem,) = refused(edited(folder, "segments", contradict)).problems
    assert "contradicts" in problem.what
    assert "conflict_rule" in problem.remedy

    def decide(rows: Rows) -> None:
        chosen = {"conflict_group": "aws-2026q1", "conflict_rule": "filing_first"}
        rows[index_of(rows, "aws-revenue-2026-03-31")].update(chosen)
        rows[-1].update({**chosen, "conflict_resolution": "alternative"})

    check_reference(edited(folder, "segments", decide), TODAY)


def test_the_same_figure_twice_is_not_two_figures(folder: Path) -> None:
    def repeat(rows: Rows) -> None:
        rows.append({**rows[index_of(rows, "aws-revenue-2026-03-31")], "reference_id": "aws-revenue-again"})

    (problem,) = refused(edited(folder, "segments", repeat)).problems
    assert "again" in problem.what


def test_a_conflict_without_a_winner_is_refused(folder: Path) -> None:
    edited(folder, "unit_economics", setting("openai-inference-bill-2024-12-31", conflict_resolution="alternative"))
    (problem,) = refused(folder).problems
    assert problem.column == "conflict_resolution"


def test_forecasts_may_lie_ahead_and_other_figures_may_not(folder: Path) -> None:
    study = "ai-builders-exponential-view-ai-depreciation-2026-12-31"
    check_reference(folder, TODAY)
    edited(folder, "ai_capital_expenditure", setting(study, basis="calendar_year"))
    assert any("after the publication" in problem.what for problem in refused(folder).problems)


def test_a_publication_known_by_its_year_is_not_in_the_future(folder: Path) -> None:
    change = {"publication_date": "2026-12-31", "publication_precision": "year"}
    check_reference(edited(folder, "segments", setting("aws-revenue-2026-03-31", **change)), TODAY)


def test_all_problems_of_all_files_are_told_at_once(folder: Path) -> None:
    edited(folder, "segments", setting("aws-revenue-2026-03-31", source_title=""))
    edited(folder, "macro_series", lambda rows: rows[0].update({"value": "high"}))
    edited(folder, "conflict_rules", lambda rows: rows[0].update({"statement": ""}))
    assert {problem.file for problem in refused(folder).problems} == {
        "segments.csv",
        "macro_series.csv",
        "conflict_rules.csv",
    }


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_text(""), "columns differ"),
        (
            lambda path: path.write_text(path.read_text().replace("observation_date", "observed", 1)),
            "missing ['observation_date']",
        ),
        (lambda path: path.write_bytes(b"\xff" + path.read_bytes()), "not UTF-8"),
        (lambda path: path.write_text(path.read_text() + "one,two\n"), "row 93, column –: 2 cells instead of 17"),
        (lambda path: path.write_text(path.read_text() + '"open\n'), "row 93, column –: is not CSV"),
    ],
)
def test_a_broken_file_is_refused_by_name(folder: Path, spoil: Callable[[Path], object], words: str) -> None:
    spoil(reference_path(folder, reference_events.MacroSeries))
    with pytest.raises(ReferenceDataError) as caught:
        read_reference(folder, reference_events.MacroSeries)
    assert "macro_series.csv" in str(caught.value)
    assert words in str(caught.value)
    assert refused(folder).problems[0].file == "macro_series.csv"


def used(tables: dict[TableClass, pyarrow.Table], table: TableClass, **values: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tables[table].to_pylist()
    return [
        row
        for row in rows
        if row["conflict_resolution"] == "used" and all(row[name] == value for name, value in values.items())
    ]


def total(rows: list[dict[str, Any]], year: int) -> float:
    return float(sum(row["value"] for row in rows if row["period_end_date"].year == year))


def test_margins_of_aws_come_out_of_the_quarters(tables: dict[TableClass, pyarrow.Table]) -> None:
    segments = reference_figures.Segments
    income = used(tables, segments, entity="AWS", metric="operating_income", basis="quarter")
    revenue = used(tables, segments, entity="AWS", metric="revenue", basis="quarter")
    assert total(income, 2024) == pytest.approx(39.8e9, abs=5e7)
    assert total(income, 2025) == pytest.approx(45.6e9, abs=5e7)
    assert total(income, 2024) / total(revenue, 2024) == pytest.approx(0.370, abs=5e-4)
    assert total(income, 2025) / total(revenue, 2025) == pytest.approx(0.354, abs=5e-4)


def test_quarters_of_tsmc_give_the_published_year(tables: dict[TableClass, pyarrow.Table]) -> None:
    segments = reference_figures.Segments
    revenue = {row["period_end_date"]: row["value"] for row in used(tables, segments, entity="TSMC", metric="revenue")}
    for metric in ("gross_margin", "operating_margin"):
        quarters = [
            row
            for row in used(tables, segments, entity="TSMC", metric=metric, basis="quarter")
            if row["period_end_date"].year == 2024
        ]
        weighted = sum(row["value"] * revenue[row["period_end_date"]] for row in quarters)
        (published,) = used(tables, segments, entity="TSMC", metric=metric, basis="calendar_year")
        assert weighted / sum(revenue[row["period_end_date"]] for row in quarters) == pytest.approx(
            published["value"], abs=5e-4
        )


def test_the_lapsed_letter_of_intent_does_not_count(tables: dict[TableClass, pyarrow.Table]) -> None:
    rows = tables[reference_events.CircularCommitments].to_pylist()
    pair = [row for row in rows if (row["payer"], row["payee"]) == ("NVIDIA", "OpenAI")]
    assert {row["status"] for row in pair} == {"lapsed", "closed"}
    assert sum(row["amount_usd"] for row in pair if row["counts_in_totals"]) == 30e9
    for row in rows:
        assert row["conflict_resolution"] == "used" or not row["counts_in_totals"], row["reference_id"]


def test_what_only_outsiders_estimate_is_marked(tables: dict[TableClass, pyarrow.Table]) -> None:
    for table, content in tables.items():
        if not issubclass(table, Sourced):
            continue
        for row in content.to_pylist():
            if table_name(table) != "reference_gaps" and str(row.get("entity", "")).endswith(
                ("(Exponential View)", "(Citi)", "(Barclays)", "(Morgan Stanley)")
            ):
                assert row["is_third_party_estimate"], row
            if row["confidence"] in ("filing", "company_release"):
                assert not row["is_third_party_estimate"], row


SPOT_FIGURES = [
    ("ai_revenue.csv", {"metric": "ai_revenue", "period_start": "2026-01-01", "basis": "quarter"}, 25e9,
     reference_figures.AiRevenue, "generative-ai-outside-china-ai-revenue-2026-03-31"),
    ("ai_capex_depreciation.csv", {"metric": "ai_depreciation", "basis": "quarter"}, 21e9,
     reference_figures.AiCapitalExpenditure, "ai-builders-exponential-view-ai-depreciation-2026-03-31"),
    ("ai_capex_depreciation.csv", {"metric": "ai_capex_cumulative", "period_start": "2020-01-01"}, 2e12,
     reference_figures.AiCapitalExpenditure, "ai-builders-exponential-view-ai-capital-expenditure-cumulative-2026-12-31"),
    ("capex_guidance.csv", {"entity": "Microsoft", "as_of": "2026-07-29", "metric": "capex_2026"}, 175e9,
     reference_figures.CapitalExpenditureGuidance, "microsoft-capital-expenditure-2026-12-31-given-2026-07-29"),
    ("remaining_performance_obligations.csv", {"entity": "Oracle", "as_of": "2026-05-31"}, 638e9,
     reference_figures.RemainingPerformanceObligations, "oracle-remaining-performance-obligation-2026-05-31"),
    ("valuations.csv", {"entity": "Anthropic", "as_of": "2026-05-28"}, 965e9,
     reference_figures.PrivateValuations, "anthropic-valuation-2026-05-28"),
]  # fmt: skip
SCALE = {"USD_billion": 1e9, "USD_million": 1e6, "USD_trillion": 1e12}


@pytest.mark.parametrize(
    ("file", "wanted", "value", "table", "reference_id"), SPOT_FIGURES, ids=lambda value: str(value)[:60]
)
def test_spot_figures_agree_with_the_collection_they_came_from(
    tables: dict[TableClass, pyarrow.Table],
    file: str,
    wanted: dict[str, str],
    value: float,
    table: TableClass,
    reference_id: str,
) -> None:
    (ours,) = [row for row in tables[table].to_pylist() if row["reference_id"] == reference_id]
    assert ours["value"] == value
    if not (SHARED / file).exists():
        pytest.skip(f"the collection of sources is not beside the project: {file}; only our own file was checked")
    with (SHARED / file).open(encoding="utf-8", newline="") as source:
        (theirs,) = [row for row in csv.DictReader(source) if all(row[name] == text for name, text in wanted.items())]
    assert float(theirs["value"]) * SCALE[theirs["unit"]] == pytest.approx(value)


def test_every_quarter_of_the_cloud_segments_agrees_with_the_collection(
    tables: dict[TableClass, pyarrow.Table],
) -> None:
    if not (SHARED / "segments.csv").exists():
        pytest.skip("the collection of sources is not beside the project")
    names = {"Amazon (AWS segment)": "AWS", "Alphabet (Google Cloud segment)": "Google Cloud"}
    metrics = {"segment_revenue": "revenue", "segment_operating_income": "operating_income"}
    with (SHARED / "segments.csv").open(encoding="utf-8", newline="") as source:
        theirs = {
            (names[row["entity"]], metrics[row["metric"]], row["period_end"]): float(row["value"]) * SCALE[row["unit"]]
            for row in csv.DictReader(source)
            if row["entity"] in names and row["metric"] in metrics and row["basis"] == "quarter"
        }
    ours = {
        (row["entity"], row["metric"], row["period_end_date"].isoformat()): row["value"]
        for name in names.values()
        for row in used(tables, reference_figures.Segments, entity=name, basis="quarter")
    }
    assert len(theirs) > 100
    assert ours == pytest.approx(theirs)
