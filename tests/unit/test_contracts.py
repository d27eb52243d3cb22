"""Every declared table refuses bad rows: each check of each column, nulls, repeated keys, other columns and types."""

from typing import Any

import pandera.errors
import pyarrow as pa
import pytest

from schemas.base import TableClass, columns, key_columns, qualified_name
from tests.tables import Row, arrow_rows, register
from tests.valid_rows import declared_checks, declared_tables, valid_row
from warehouse.engine import Engine
from warehouse.validation import CheckResult, all_hold, check_contract

TABLES = declared_tables()

# One telling mistake per table: column → value.
MISTAKES: dict[str, tuple[str, Any]] = {
    "raw.universe": ("tier", "sideways"),
    "raw.predecessor_ciks": ("ticker", None),
    "raw.concept_tags": ("sign", 0),
    "raw.concept_applicability": ("kind", "stock"),
    "raw.known_gaps": ("reason", None),
    "raw.company_facts": ("accession", "1045810-26-21"),
    "raw.filings": ("fact_count", -1),
    "raw.listed_companies": ("name", " "),
    "core.companies": ("tier", "sideways"),
    "core.statement_facts": ("days", 0),
    "core.fiscal_years": ("weeks", 60),
    "core.fiscal_quarters": ("fiscal_quarter", 5),
    "core.quarters_history": ("measure", "guess"),
    "core.quarters": ("method", "estimated"),
    "core.fiscal_year_to_date": ("value", None),
    "core.missing_quarters": ("reason", "forgotten"),
    "core.fundamentals": ("report_quarter", "Q1 2025"),
    "mart.sub_indices": ("score", 100.5),
    "mart.composite_scores": ("composite_score", -1.0),
    "mart.growth_gap": ("quarter", "2025Q5"),
    "mart.depreciation_coverage": ("span", "decade"),
    "meta.tables": ("row_count", -1),
    "meta.columns": ("position", 0),
    "meta.runs": ("outcome", "forgotten"),
    "meta.quarantine": ("reason", None),
    "meta.checks": ("severity", "mild"),
}

# Values of valid rows and other values that are valid too.
OTHER = {"text": "other", "2025Q4": "2026Q1", "0001045810-26-000021": "0001045810-26-000022", 1: 2}


def result_of(engine: Engine, table: TableClass, content: pa.Table) -> CheckResult:
    return check_contract(table, register(engine, table, content))


def broken_by(engine: Engine, table: TableClass, rows: list[Row]) -> set[tuple[str, str]]:
    """Column and check of everything that fails, as pandera names them."""
    content = register(engine, table, arrow_rows(table, rows))
    try:
        table.validate(content, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        found = errors.schema_errors
        return {(str(error.schema.name), getattr(error.check, "name", None) or str(error.check)) for error in found}
    return set()


def test_every_table_of_the_first_layers_has_a_mistake_of_its_own() -> None:
    assert set(MISTAKES) <= {qualified_name(table) for table in TABLES}


@pytest.mark.parametrize("table", TABLES, ids=qualified_name)
def test_good_rows_are_accepted_by_one_statement(engine: Engine, table: TableClass) -> None:
    assert all_hold(table, register(engine, table, arrow_rows(table, [valid_row(table)])))


@pytest.mark.parametrize("table", TABLES, ids=qualified_name)
def test_good_rows_and_an_empty_table_pass(engine: Engine, table: TableClass) -> None:
    row = valid_row(table)
    # A key repeats only if all of its columns do.
    others = [row | {name: OTHER[row[name]]} for name in key_columns(table) if row[name] in OTHER]
    good = result_of(engine, table, arrow_rows(table, [row, *others]))

    assert good.passed, good.sentence()
    assert others or not key_columns(table)
    assert result_of(engine, table, arrow_rows(table, [])).passed


@pytest.mark.parametrize("table", TABLES, ids=qualified_name)
def test_every_declared_check_every_null_and_a_repeated_key_are_caught(engine: Engine, table: TableClass) -> None:
    good = valid_row(table)
    checks = declared_checks(table)
    required = [column.name for column in columns(table) if not column.nullable]
    bad = [good | {check.column: check.breaking_value()} for check in checks]
    bad += [good | {name: None} for name in required]
    expected = {(check.column, check.name) for check in checks} | {(name, "not_nullable") for name in required}
    if key_columns(table):
        expected.add((str(table.to_schema().name), "multiple_fields_uniqueness"))

    assert expected
    assert expected <= broken_by(engine, table, [good, good, *bad])


@pytest.mark.parametrize("table", [table for table in TABLES if qualified_name(table) in MISTAKES], ids=qualified_name)
def test_a_telling_mistake_is_refused_and_its_column_named(engine: Engine, table: TableClass) -> None:
    column, value = MISTAKES[qualified_name(table)]
    result = result_of(engine, table, arrow_rows(table, [valid_row(table) | {column: value}]))

    assert not result.passed
    assert result.severity == "error"
    assert column in {row["column"] for row in result.failing_rows}
    assert qualified_name(table) in result.sentence()
    assert column in result.sentence()


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("table", TABLES[:3], ids=qualified_name)
def test_missing_extra_and_mistyped_columns_are_refused(engine: Engine, table: TableClass, rows: int) -> None:
    content = arrow_rows(table, [valid_row(table)] * rows)
    first = content.column_names[0]
    changed = {
        "missing": content.drop_columns([first]),
        "extra": content.append_column("surprise", pa.array([1] * rows, pa.int64())),
        "mistyped": content.set_column(0, first, pa.array([1.5] * rows, pa.float64())),
    }

    for kind, altered in changed.items():
        engine.sql.register(f"altered_{kind}", altered)
        assert not check_contract(table, engine.ibis.table(f"altered_{kind}")).passed, kind


def test_a_repeated_key_is_refused_and_shown(engine: Engine) -> None:
    table = next(table for table in TABLES if qualified_name(table) == "raw.predecessor_ciks")
    result = result_of(engine, table, arrow_rows(table, [valid_row(table)] * 2))

    assert not result.passed
    assert result.failing_rows[0]["sample"][0] == {"cik": "1"}


def test_the_failing_rows_are_counted_and_shown(engine: Engine) -> None:
    table = next(table for table in TABLES if qualified_name(table) == "core.quarters")
    rows = [valid_row(table) | {"ticker": f"T{number}", "method": "estimated"} for number in range(8)]
    result = result_of(engine, table, arrow_rows(table, rows))

    problem = result.failing_rows[0]
    assert result.failing_count == 8
    assert (problem["column"], len(problem["sample"])) == ("method", 5)
    assert problem["sample"][0]["method"] == "estimated"
    assert problem["sample"][0]["ticker"].startswith("T"), "the key tells which row it is"
