"""Small index tables for the tests of this folder: values to be scored, scores, and parameters of the method.

What belongs here: short rows and parameters. What does not: facts (`tests.index.real_facts`) and the tests.
"""

from __future__ import annotations

from typing import Any

from assets.normalisation import scored
from schemas.mart.index_views import CompositeVariants
from schemas.mart.prosperity import SubIndices
from tests.tables import Row, records, table
from tests.valid_rows import valid_row
from warehouse.engine import Engine
from warehouse.methodology import IndexVariant, Methodology, read_methodology

VALUE_COLUMNS = ("entity_kind", "entity", "tier", "basis", "quarter", "sub_index", "value")
TIERS = ("upstream", "midstream", "downstream")


def methodology(**changes: Any) -> Methodology:
    """The methodology with changes to its index parameters; one basis, `quarter`, unless it is given."""
    content: dict[str, Any] = read_methodology().model_dump()
    content["index"] |= {"bases": ["quarter"], **changes}
    return Methodology.model_validate(content)


def window(first: str, last: str) -> dict[str, str]:
    """A normalisation window."""
    return {"first_quarter": first, "last_quarter": last}


def value_row(entity: str, quarter: str, value: float | None, **changes: Any) -> Row:
    """A row of `mart.sub_indices`: a tier's revenue growth on basis `quarter`, unless the changes say otherwise."""
    row: Row = {
        "entity_kind": "tier" if entity in TIERS else "company",
        "entity": entity,
        "tier": entity,
        "basis": "quarter",
        "quarter": quarter,
        "sub_index": "revenue_growth",
        "value": value,
        "window_count": 0,
        "company_count": 1,
        "is_provisional": False,
        "basis_break": False,
    }
    return row | changes


def scores_of(engine: Engine, rows: list[Row], first: str, last: str, **variant: Any) -> dict[tuple[str, str], Row]:
    """(entity, quarter) → the values scored by a variant of the method."""
    index = methodology(window=window(first, last)).index
    values = table(engine, SubIndices, rows).select(*VALUE_COLUMNS)
    found = records(scored(values, index, IndexVariant(name="tried", **variant), ()))
    return {(row["entity"], row["quarter"]): row for row in found}


def variant_row(tier: str, quarter: str, scores: tuple[float, float, float], **changes: Any) -> Row:
    """A row of `mart.composite_variants` with the three scores of a tier (growth, ROIC, capital expenditure ÷ depreciation)."""
    names = ("revenue_growth_score", "roic_change_score", "capex_depreciation_change_score")
    row = valid_row(CompositeVariants) | {"variant": "default", "entity_kind": "tier", "entity": tier, "tier": tier}
    return row | {"basis": "quarter", "quarter": quarter} | dict(zip(names, scores, strict=True)) | changes
