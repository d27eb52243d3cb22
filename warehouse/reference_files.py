"""Reading the sourced figures in `warehouse/reference/` into typed tables.

What belongs here: which tables there are, strict reading, and the error that stops a refresh. What does not: the checks themselves
(`warehouse.reference_checks`), the declarations (`schemas.raw.reference_figures`, `schemas.raw.reference_events`) and Dagster.
"""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

import duckdb
import pyarrow

from schemas.base import TableClass, ibis_schema, sql_type, table_name
from schemas.raw import reference_events, reference_figures
from warehouse.errors import TokenchainError
from warehouse.reference_checks import FileRows, Problem, cross_problems, table_problems

REFERENCE_FOLDER = Path(__file__).parent / "reference"

REFERENCE_TABLES: tuple[TableClass, ...] = (
    reference_figures.AiRevenue,
    reference_figures.AiRunRates,
    reference_figures.AiCapitalExpenditure,
    reference_figures.FinanceLeases,
    reference_figures.Segments,
    reference_figures.RemainingPerformanceObligations,
    reference_figures.CapitalExpenditureGuidance,
    reference_figures.UnitEconomics,
    reference_figures.PrivateValuations,
    reference_events.UsefulLifePolicies,
    reference_events.CircularCommitments,
    reference_events.MacroSeries,
    reference_events.PublishedCycleStages,
    reference_events.ReferenceGaps,
    reference_events.ReferenceEntities,
    reference_events.ConflictRules,
)

SHOWN_PROBLEMS = 20
PATTERNS = {
    "DATE": (r"\d{4}-\d{2}-\d{2}", "a date such as 2026-03-31"),
    "DOUBLE": (r"-?\d+(\.\d+)?([eE][+-]?\d+)?", "a number such as 848000000000 or 0.37"),
    "BIGINT": (r"-?\d+", "a whole number"),
    "BOOLEAN": (r"true|false", "true or false"),
}


class ReferenceDataError(TokenchainError):
    """The reference files hold something that must not reach a table; `problems` holds every row that is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        shown = "\n".join(str(problem) for problem in problems[:SHOWN_PROBLEMS])
        more = f"\n… and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
        super().__init__(f"reference data refused, {len(problems)} to correct:\n{shown}{more}")


def reference_path(folder: Path, table: TableClass) -> Path:
    """The file of a table: `<folder>/<table name>.csv`."""
    return folder / f"{table_name(table)}.csv"


def read_reference(folder: Path, table: TableClass) -> pyarrow.Table:
    """Read one file with exactly the declared columns and types, in the file's order; nothing is cast silently.

    Raises ReferenceDataError naming file, row (the header is row 1), column and remedy when the file is missing, its columns differ
    from the declaration, or a cell is not of its column's type.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        return _read(connection, reference_path(folder, table), table)


def load_reference(
    folder: Path = REFERENCE_FOLDER, today: datetime.date | None = None
) -> dict[TableClass, pyarrow.Table]:
    """Read and check every reference file; the tables by their declaration.

    Raises ReferenceDataError with every problem of every file, so that one run shows all there is to correct. `today` bounds
    publication days.
    """
    tables: dict[TableClass, pyarrow.Table] = {}
    problems: list[Problem] = []
    with duckdb.connect(config={"threads": 1}) as connection:
        for table in REFERENCE_TABLES:
            try:
                tables[table] = _read(connection, reference_path(folder, table), table)
            except ReferenceDataError as error:
                problems += error.problems
    contents = {
        table_name(table): FileRows(table, reference_path(folder, table).name, content.to_pylist())
        for table, content in tables.items()
    }
    for content in contents.values():
        problems += table_problems(content, today or datetime.datetime.now(datetime.UTC).date())
    if len(tables) == len(REFERENCE_TABLES):
        problems += cross_problems(contents)
    if problems:
        raise ReferenceDataError(problems)
    return tables


def check_reference(folder: Path = REFERENCE_FOLDER, today: datetime.date | None = None) -> None:
    """Raise ReferenceDataError when any reference file holds anything impossible, contradictory or unsourced."""
    load_reference(folder, today)


def _read(connection: duckdb.DuckDBPyConnection, path: Path, table: TableClass) -> pyarrow.Table:
    types = {name: sql_type(data_type) for name, data_type in ibis_schema(table).items()}
    _check_shape(path, list(types))
    _read_text(connection, path, list(types))
    problems = _cell_problems(connection, path.name, types)
    if problems:
        raise ReferenceDataError(sorted(problems, key=lambda problem: problem.row))
    selected = ", ".join(f'CAST("{name}" AS {type_name}) AS "{name}"' for name, type_name in types.items())
    typed: pyarrow.Table = connection.sql(f"SELECT {selected} FROM cells ORDER BY file_row").to_arrow_table()
    return typed


def _check_shape(path: Path, names: list[str]) -> None:
    """The header is the declaration's and every row has as many cells: what is read after this can only be wrong inside a cell."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            _check_header(path.name, next(reader, []), names)
            for number, cells in enumerate(reader, start=2):
                if len(cells) != len(names):
                    what = f"{len(cells)} cells instead of {len(names)}"
                    raise ReferenceDataError(
                        [Problem(path.name, number, "–", what, "check commas and quotes of the row")]
                    )
    except FileNotFoundError:
        remedy = "restore it, or remove its table from REFERENCE_TABLES"
        raise ReferenceDataError([Problem(path.name, 1, "–", "no such file", remedy)]) from None
    except UnicodeDecodeError as error:
        raise ReferenceDataError([Problem(path.name, 1, "–", f"is not UTF-8: {error}", "save it as UTF-8")]) from error
    except csv.Error as error:
        problem = Problem(path.name, reader.line_num, "–", f"is not CSV: {error}", "check the quotes of the row")
        raise ReferenceDataError([problem]) from error


def _check_header(file: str, header: list[str], names: list[str]) -> None:
    if header == names:
        return
    missing = [name for name in names if name not in header]
    unknown = [name for name in header if name not in names]
    detail = f"missing {missing}, unknown {unknown}" if missing or unknown else "the order differs"
    what = f"columns differ from the declaration: {detail}"
    raise ReferenceDataError([Problem(file, 1, ", ".join(missing + unknown) or "–", what, f"use {','.join(names)}")])


def _read_text(connection: duckdb.DuckDBPyConnection, path: Path, names: list[str]) -> None:
    """Put every cell as text, with its row number in the file, into the table `cells`."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    statement = (
        "CREATE OR REPLACE TABLE cells AS SELECT 1 + row_number() OVER () AS file_row, * FROM read_csv(?, "
        f"columns={{{columns}}}, header=true, auto_detect=false, delim=',', quote='\"', escape='\"', strict_mode=true, parallel=false)"
    )
    connection.execute(statement, [str(path)])


def _cell_problems(connection: duckdb.DuckDBPyConnection, file: str, types: dict[str, str]) -> list[Problem]:
    """Cells that are not of their column's type, or text with blanks around it; one scan when all is well."""
    wrong = {name: _wrong_cell(name, type_name) for name, type_name in types.items()}
    counted = ", ".join(f"count(*) FILTER ({test})" for test in wrong.values())
    (counts,) = connection.execute(f"SELECT {counted} FROM cells").fetchall()
    problems: list[Problem] = []
    for (name, test), count in zip(wrong.items(), counts, strict=True):
        if count:
            wanted = PATTERNS.get(types[name], ("", "text without blanks around it"))[1]
            cells = connection.execute(
                f'SELECT file_row, "{name}" FROM cells WHERE {test} ORDER BY file_row'
            ).fetchall()
            problems += [
                Problem(file, row, name, f"{cell!r} is not {wanted}", "correct the cell") for row, cell in cells
            ]
    return problems


def _wrong_cell(name: str, type_name: str) -> str:
    """The SQL condition of a cell that can't be read as its type; empty cells are judged by the declaration."""
    if type_name not in PATTERNS:
        return f'trim("{name}") <> "{name}"'
    test = f'NOT regexp_full_match("{name}", \'{PATTERNS[type_name][0]}\') OR TRY_CAST("{name}" AS {type_name}) IS NULL'
    if type_name == "DOUBLE":
        test += f' OR NOT isfinite(TRY_CAST("{name}" AS DOUBLE))'
    return f'"{name}" IS NOT NULL AND ({test})'
