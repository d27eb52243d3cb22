"""Tiers: the members of a tier and the quarters in which some of them have not filed yet.

What belongs here: laying companies out as complete tiers. What does not: what is aggregated over them.
"""

from __future__ import annotations

from ibis.expr.types import StringValue, Table


def complete_tiers(values: Table, companies: Table, quarter_key: list[str]) -> Table:
    """Every index member in every quarter in which any member of any tier has a row; absent members have nulls.

    So a tier of one company stays in sight while only the others have filed.

    `values` holds one row per company (`entity`, `tier`) and `quarter_key`. Ibis compiles filters on lists to a syntax that DuckDB
    has retired, so absence is a null row here and not a list operation.
    """
    members = companies.filter(companies.in_prosperity_index).select("tier", entity="ticker")
    present = values.semi_join(members, ["tier", "entity"])
    grid = present.select(*quarter_key).distinct().cross_join(members)
    key = ["tier", "entity", *quarter_key]
    return grid.left_join(present, key).drop(*[f"{name}_right" for name in key])


def names_where(entity: StringValue, condition: object) -> StringValue:
    """The entities for which a condition holds, sorted and comma separated; null when there are none."""
    return entity.group_concat(", ", where=condition, order_by=entity)
