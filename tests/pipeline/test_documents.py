"""Documents stay true: every SQL block of the README and the cookbook runs on the published file and gives what is printed.

What belongs here: checks of documents against the warehouse. What does not: the numbers themselves.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs" / "cookbook").glob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in DOCUMENTS
    for number, block in enumerate(
        re.findall(r"```sql\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL), start=1
    )
]
# A table and the query before it, within one section; a first and a last row count as a table.
PRINTED = [
    pytest.param(sql, printed, id=f"{path.stem}-{number}")
    for path in DOCUMENTS
    for number, (sql, printed) in enumerate(
        re.findall(r"```sql\n((?:(?!```).)*)```((?:(?!\n#|```).)*)", path.read_text(encoding="utf-8"), re.DOTALL),
        start=1,
    )
    if "\n|" in printed
]
NUMBER = r"-?\d+(\.\d+)?"


@pytest.mark.parametrize("sql", BLOCKS)
def test_sql_of_documents_runs_and_finds_rows(published: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert published.execute(sql).fetchall()


@pytest.mark.parametrize(("sql", "printed"), PRINTED)
def test_tables_of_documents_are_what_the_sql_before_them_gives(
    published: duckdb.DuckDBPyConnection, sql: str, printed: str
) -> None:
    found = published.execute(sql).fetchall()
    table = [line for line in printed.splitlines() if line.startswith("|")]
    lines = [[cell.strip() for cell in line[1:-1].split("|")] for line in table[2:]]

    assert lines
    assert [line for line in lines if not any(is_shown(line, row) for row in found)] == []


def is_shown(line: list[str], row: tuple[object, ...]) -> bool:
    """Whether a printed line is this row; columns may be left out, their order stays."""
    values = iter(row)
    return all(any(says(cell, value) for value in values) for cell in line)


def says(cell: str, value: object) -> bool:
    """Whether a printed cell is this value, rounded once to the digits printed."""
    if value is None or isinstance(value, str | bool | dt.date):
        return cell == ("" if value is None else str(value))
    number = cell.replace("−", "-").replace(",", "")
    decimals = len(number.partition(".")[2])
    return bool(re.fullmatch(NUMBER, number)) and abs(float(number) - float(str(value))) <= 0.5 * 10**-decimals + 1e-9


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [("40.8", 40.8451, True), ("40.9", 40.8451, False), ("−2.6", -2.5529, True), ("", None, True), ("0", None, False)],
)
def test_a_number_rounded_twice_is_told_apart(cell: str, value: object, expected: bool) -> None:
    assert says(cell, value) is expected


def test_readme_has_ten_questions() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(r"```sql\n", readme)) >= 10


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=str
)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if not link.startswith("http") and not (path.parent / link).exists()]
    assert not missing
