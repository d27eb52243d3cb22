"""Normalisations, and how far a composite lies from what was published.

What belongs here: scores from tier values, distance and shape. What does not: definitions of the sub-indices (`bench.index_definitions`).
Arrays end in tier × quarter (3 × 9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.index_panel import TIERS, Numbers

NORMALISATION_OPTIONS = {
    "normalisation": ["normal_cdf", "logistic", "tanh", "min_max", "percentile"],
    "deviation": ["population", "sample"],
    "pooled_over": ["all_tiers", "own_tier"],
    "window": ["report_window", "expanding"],
}
DEFAULT_NORMALISATION = {
    "normalisation": "normal_cdf",
    "deviation": "population",
    "pooled_over": "all_tiers",
    "window": "report_window",
}
WEIGHTS = {"revenue_growth": 0.4, "roic_change": 0.3, "capex_depreciation_change": 0.3}
UPSTREAM, MIDSTREAM, DOWNSTREAM = (TIERS.index(tier) for tier in ("upstream", "midstream", "downstream"))
FIRST_HALF_2024 = slice(0, 2)
# Source: the four index values quoted from the report, with page and date in docs/decisions/0003-index-method.md.
PUBLISHED = np.array([85.9, 37.04, 25.05, 32.24])
NAMES = ("upstream peak 2024H1", "upstream 2026Q1", "downstream 2024Q1", "downstream 2026Q1")
# What "steady" allows midstream before its last two quarters, and "moderate" downstream's rise, in index points.
STEADY_POINTS = 10.0
MODERATE_POINTS = (2.0, 20.0)

_erf = np.vectorize(math.erf, otypes=[float])


def score(values: Numbers, choice: dict[str, str]) -> Numbers:
    """Scores of 0–100 of arrays … × tier × quarter."""
    if choice["window"] == "report_window":
        return _score(values, values, choice)
    quarters = values.shape[-1]
    each = [_score(values[..., : last + 1], values[..., last:][..., :1], choice) for last in range(quarters)]
    return np.concatenate(each, axis=-1)


def _score(window: Numbers, values: Numbers, choice: dict[str, str]) -> Numbers:
    axes: tuple[int, ...] = (-2, -1) if choice["pooled_over"] == "all_tiers" else (-1,)
    form = choice["normalisation"]
    if form == "min_max":
        low, high = window.min(axis=axes, keepdims=True), window.max(axis=axes, keepdims=True)
        return np.asarray(100 * (values - low) / (high - low))
    if form == "percentile":
        return _percentile(window, values, axes)
    correction = 1 if choice["deviation"] == "sample" else 0
    deviation = window.std(axis=axes, keepdims=True, ddof=correction)
    z_score = (values - window.mean(axis=axes, keepdims=True)) / deviation
    if form == "logistic":
        return np.asarray(100 / (1 + np.exp(-z_score)))
    if form == "tanh":
        return np.asarray(50 * (1 + np.tanh(z_score)))
    return np.asarray(50 * (1 + _erf(z_score / math.sqrt(2))))


def _percentile(window: Numbers, values: Numbers, axes: tuple[int, ...]) -> Numbers:
    """Share of the window below a value, ties counted half."""
    others = window[..., :, None, :] if axes == (-1,) else window.reshape(*window.shape[:-2], 1, 1, -1)
    each = values[..., None]
    percent: Numbers = 100 * ((others < each).mean(axis=-1) + (others == each).mean(axis=-1) / 2)
    return percent


@dataclass(frozen=True)
class Fit:
    """How composites (… × tier × quarter) lie to the published figures: signed differences (… × 4), the worst, the shape."""

    differences: Numbers
    worst: Numbers
    has_shape: NDArray[np.bool_]


def fit(composite: Numbers) -> Fit:
    """Compare with the four published values and the published shape."""
    upstream, midstream, downstream = (composite[..., tier, :] for tier in (UPSTREAM, MIDSTREAM, DOWNSTREAM))
    found = np.stack(
        [upstream[..., FIRST_HALF_2024].max(axis=-1), upstream[..., -1], downstream[..., 0], downstream[..., -1]],
        axis=-1,
    )
    differences = found - PUBLISHED
    worst = np.nan_to_num(np.abs(differences).max(axis=-1), nan=np.inf)
    return Fit(differences, worst, _has_shape(upstream, midstream, downstream))


def _has_shape(upstream: Numbers, midstream: Numbers, downstream: Numbers) -> NDArray[np.bool_]:
    """Upstream peaks in 2024H1 and ends at its lowest; midstream steady, highest at the end; downstream rises moderately."""
    peaks_early = upstream.argmax(axis=-1) < FIRST_HALF_2024.stop
    ends_lowest = upstream.argmin(axis=-1) == upstream.shape[-1] - 1
    before = midstream[..., :-2]
    is_steady = before.max(axis=-1) - before.min(axis=-1) <= STEADY_POINTS
    rises_late = midstream[..., -1] > before.max(axis=-1)
    rise = downstream[..., -1] - downstream[..., 0]
    is_moderate = (rise >= MODERATE_POINTS[0]) & (rise <= MODERATE_POINTS[1])
    return np.asarray(peaks_early & ends_lowest & is_steady & rises_late & is_moderate)
