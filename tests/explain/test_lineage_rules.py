"""The rules of lineage.yaml: every number of core and mart has one, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipelines.catalogue import derived_tables
from pipelines.lineage_view import all_rules, table_shapes
from schemas.base import qualified_name
from warehouse.concepts import read_concepts
from warehouse.errors import ConfigurationError
from warehouse.lineage import DEFAULT_LINEAGE, covered, read_lineage, resolved_rules
from warehouse.methodology import read_methodology

# Explained by arithmetic or by words of their own; other tables by the rows of their inputs.
WRITTEN = (
    "core.statement_facts",
    "core.quarters",
    "core.quarters_history",
    "core.fiscal_year_to_date",
    "core.fundamentals",
    "mart.sub_indices",
    "mart.composite_scores",
    "mart.growth_gap",
    "mart.depreciation_coverage",
    "mart.revenue_growth",
    "mart.composite_variants",
    "mart.composite_contributions",
    "mart.composite_sensitivity",
    "mart.composite_score_vintages",
    "mart.restatements",
    "mart.published_reconciliation",
)


def test_every_number_of_core_and_mart_has_a_rule() -> None:
    lineage = read_lineage()
    shapes = table_shapes(lineage)
    has_rule = covered(all_rules(lineage, read_concepts(), read_methodology()))
    made = [qualified_name(derived.table) for derived in derived_tables()]
    numbers = {
        (name, column) for name in made if name.startswith(("core.", "mart.")) for column in shapes[name].numbers
    }
    assert len(numbers) > 150
    assert numbers - has_rule == set()


@pytest.mark.parametrize("table", WRITTEN)
def test_tables_of_the_index_have_written_rules(table: str) -> None:
    lineage = read_lineage()
    has_rule = covered(resolved_rules(lineage, read_concepts(), read_methodology()))
    assert {(table, column) for column in table_shapes(lineage)[table].numbers} - has_rule == set()


def _written(path: Path, **rule: object) -> Path:
    content = yaml.safe_load(DEFAULT_LINEAGE.read_text(encoding="utf-8"))
    content["rules"] = [{"table": "core.quarters", "columns": "value", **rule}]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "give a formula, or words"),
        ({"formula": "total(facts)"}, "the formula uses facts"),
        ({"formula": "total(", "same_row": ["value"]}, "not a formula"),
        ({"words": "as {nobody}"}, "nobody"),
        ({"words": "x", "inputs": [{"role": "a"}]}, "name the table and the condition"),
        ({"words": "x", "columns": "no_such"}, "no column no_such in core.quarters"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, rule: dict[str, object], message: str) -> None:
    path = _written(tmp_path / "lineage.yaml", **rule)
    with pytest.raises(ConfigurationError, match=message):
        all_rules(read_lineage(path), read_concepts(), read_methodology())
