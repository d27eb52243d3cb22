"""Documents stay true: every SQL block of the README and the cookbook runs on the published file and finds rows.

What belongs here: checks of documents against the warehouse. What does not: the numbers themselves.
"""

from __future__ import annotations

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


@pytest.mark.parametrize("sql", BLOCKS)
def test_sql_of_documents_runs_and_finds_rows(published: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert published.execute(sql).fetchall()


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
