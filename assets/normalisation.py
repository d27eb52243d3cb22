"""From values to scores: the normalisation window and the functions that map a value to 0–100.

What belongs here: statistics of the window and the five normalisations behind one interface. What does not: the values themselves
(`assets.prosperity`).
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
from ibis.expr.types import FloatingValue, StringValue, Table

from assets.distribution import normal_cdf
from warehouse.methodology import IndexParameters, IndexVariant

Score = Callable[[Table], FloatingValue]

# Each takes a table with value, z_score and the window's statistics and gives a score of 0–100.
NORMALISATIONS: dict[str, Score] = {
    "normal_cdf": lambda values: 100 * normal_cdf(values.z_score),
    # 50 × (1 + tanh z), written with an exponential.
    "tanh": lambda values: 100 - 100 / ((2 * values.z_score).exp() + 1),
    "logistic": lambda values: 100 / (1 + (-values.z_score).exp()),
    "min_max": lambda values: 100 * _position(values).clip(0, 1),
    "percentile": lambda values: 100 * (values.window_below + values.window_equal / 2) / values.window_count.nullif(0),
}


def scored(values: Table, index: IndexParameters, variant: IndexVariant, vintage: tuple[str, ...]) -> Table:
    """Add the window's statistics, the z-score and the score to values of (vintage, entity, basis, quarter, sub_index).

    The window holds the tiers' values only; companies and quarters outside it are measured with the same statistics.
    """
    statistics = _statistics(values, index, variant, vintage)
    key = [*vintage, "basis", "sub_index", "window_end"]
    placed = values.mutate(window_end=_window_end(values.quarter, index, variant))
    joined = placed.left_join(statistics, key).drop(*[f"{name}_right" for name in key])
    joined = joined.mutate(window_count=joined.window_count.fill_null(0))
    if variant.normalisation == "percentile":
        joined = _with_ranks(joined, values, index, vintage)
    joined = joined.mutate(z_score=(joined.value - joined.window_mean) / joined.window_deviation)
    return joined.mutate(score=NORMALISATIONS[variant.normalisation](joined))


def _window_end(quarter: StringValue, index: IndexParameters, variant: IndexVariant) -> StringValue:
    """The last quarter of the window by which a quarter is measured."""
    last = ibis.literal(index.window.last_quarter)
    if variant.window == "expanding":
        return ibis.greatest(quarter, last)
    return ibis.literal("9999Q4") if variant.window == "full_sample" else last


def _window_values(values: Table, index: IndexParameters, vintage: tuple[str, ...]) -> Table:
    tiers = values.filter(
        values.entity_kind == "tier",
        values.entity.isin(index.tiers),
        values.quarter >= index.window.first_quarter,
        values.value.notnull(),
    )
    return tiers.select(*vintage, "basis", "sub_index", window_value="value", window_quarter="quarter")


def _statistics(values: Table, index: IndexParameters, variant: IndexVariant, vintage: tuple[str, ...]) -> Table:
    """Mean, population deviation, smallest and largest value of each window in use."""
    key = [*vintage, "basis", "sub_index"]
    ends = values.select(*key, window_end=_window_end(values.quarter, index, variant)).distinct()
    held = ends.join(_window_values(values, index, vintage), key)
    held = held.filter(held.window_quarter <= held.window_end)
    return held.group_by(*key, "window_end").agg(
        window_mean=held.window_value.mean(),
        window_deviation=held.window_value.std(how="pop").nullif(0),
        window_minimum=held.window_value.min(),
        window_maximum=held.window_value.max(),
        window_count=held.window_value.count(),
    )


def _with_ranks(joined: Table, values: Table, index: IndexParameters, vintage: tuple[str, ...]) -> Table:
    """How many of the window's values are smaller than, and equal to, each value."""
    row = [*vintage, "entity_kind", "entity", "basis", "quarter", "sub_index"]
    pairs = joined.select(*row, "value", "window_end").join(
        _window_values(values, index, vintage), [*vintage, "basis", "sub_index"]
    )
    pairs = pairs.filter(pairs.window_quarter <= pairs.window_end, pairs.value.notnull())
    ranks = pairs.group_by(*row).agg(
        window_below=(pairs.window_value < pairs.value).sum(), window_equal=(pairs.window_value == pairs.value).sum()
    )
    return joined.left_join(ranks, row).drop(*[f"{name}_right" for name in row])


def _position(values: Table) -> FloatingValue:
    return (values.value - values.window_minimum) / (values.window_maximum - values.window_minimum).nullif(0)
