"""Which definition of the prosperity index gives the published figures: a search over named options.

Run as `python -m bench.index_search data/warehouse.duckdb`. What belongs here: the search and its tables. What does not: the options
themselves (`bench.index_definitions`), the distance (`bench.index_scoring`).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np

from bench.index_definitions import (
    CAPEX_OPTIONS,
    DEFAULT,
    GROWTH_OPTIONS,
    PLACEMENT_OPTIONS,
    ROIC_OPTIONS,
    Choice,
    aggregate,
    capex_change,
    combinations,
    growth,
    roic_change,
)
from bench.index_panel import TIERS, Label, Numbers, Panel, read_panel
from bench.index_scoring import (
    DEFAULT_NORMALISATION,
    DOWNSTREAM,
    MIDSTREAM,
    NAMES,
    NORMALISATION_OPTIONS,
    PUBLISHED,
    UPSTREAM,
    WEIGHTS,
    Fit,
    fit,
    score,
)

# Upstream, midstream and downstream in 2026Q1, percent, as published to two decimals.
PUBLISHED_GROWTH = np.array([65.47, 18.73, 21.64])
BEST_ROWS = 12
# What counts as near the published values: every one of the four within so many index points.
CLOSE_POINTS = 1.5
# Up to the amount filed apart a quarter later, 12.9.
EQUITY_BILLION = (0, 2, 4, 6, 8, 12)
Panels = dict[str, Panel]


@dataclass
class Outcome:
    """What the search keeps: the best combinations, and per option the best distance with and without the published shape."""

    tried: int = 0
    computable: int = 0
    close: int = 0
    close_with_shape: int = 0
    best: list[tuple[float, bool, Choice, Numbers]] = field(default_factory=list)
    by_option: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, shared: Choice, roic: list[Choice], capex: list[Choice], found: Fit) -> None:
        """Take in the distances of one block, ROIC choice × capex choice."""
        self.tried += found.worst.size
        self.computable += int(np.isfinite(found.worst).sum())
        shaped = np.where(found.has_shape, found.worst, np.inf)
        self.close += int((found.worst < CLOSE_POINTS).sum())
        self.close_with_shape += int((shaped < CLOSE_POINTS).sum())
        for kind, value in shared.items():
            self._note(kind, value, found.worst.min(), shaped.min())
        for axis, choices in ((1, roic), (0, capex)):
            for choice, any_shape, with_shape in zip(
                choices, found.worst.min(axis=axis), shaped.min(axis=axis), strict=True
            ):
                for kind, value in choice.items():
                    self._note(kind, value, any_shape, with_shape)
        for distances in (found.worst, shaped):
            for flat in np.argpartition(distances, BEST_ROWS, axis=None)[:BEST_ROWS]:
                row, column = np.unravel_index(flat, distances.shape)
                choice = shared | roic[int(row)] | capex[int(column)]
                entry = (float(found.worst[row, column]), bool(found.has_shape[row, column]), choice)
                self.best.append((*entry, found.differences[row, column]))
        self.best.sort(key=lambda entry: entry[0])

    def _note(self, kind: str, value: str, any_shape: float, with_shape: float) -> None:
        known = self.by_option.setdefault((kind, value), [np.inf, np.inf])
        known[:] = [min(known[0], float(any_shape)), min(known[1], float(with_shape))]


def composite_of(panels: Panels, choice: Choice) -> Numbers:
    """The composite scores (tier × quarter) of one complete choice."""
    panel = panels[choice["quarter_label"]]
    to_tiers = aggregate(panel, choice["tier_aggregation"])
    values = (growth(panel, choice), roic_change(panel, choice), capex_change(panel, choice))
    scores = [score(to_tiers(value), choice) for value in values]
    return np.asarray(sum(weight * each for weight, each in zip(WEIGHTS.values(), scores, strict=True)))


def blocks() -> Iterator[Choice]:
    """Shared choices: every placement and growth span under the default normalisation, every normalisation under the default placement."""
    placed = {**PLACEMENT_OPTIONS, **GROWTH_OPTIONS}
    for choice in combinations(placed):
        yield choice | DEFAULT_NORMALISATION
    for normalisation in combinations(NORMALISATION_OPTIONS):
        ignores_deviation = normalisation["normalisation"] in ("min_max", "percentile")
        repeats = ignores_deviation and normalisation["deviation"] == "sample"
        if normalisation != DEFAULT_NORMALISATION and not repeats:
            yield {kind: DEFAULT[kind] for kind in placed} | normalisation


def search(panels: Panels) -> Outcome:
    """Try every ROIC choice × capex choice in every block."""
    outcome = Outcome()
    roic, capex = list(combinations(ROIC_OPTIONS)), list(combinations(CAPEX_OPTIONS))
    cache: dict[tuple[str, str], tuple[Numbers, Numbers]] = {}
    for shared in blocks():
        panel = panels[shared["quarter_label"]]
        to_tiers = aggregate(panel, shared["tier_aggregation"])
        key = shared["quarter_label"], shared["tier_aggregation"]
        if key not in cache:
            cache[key] = (
                np.stack([to_tiers(roic_change(panel, choice)) for choice in roic]),
                np.stack([to_tiers(capex_change(panel, choice)) for choice in capex]),
            )
        weights = list(WEIGHTS.values())
        base = weights[0] * score(to_tiers(growth(panel, shared)), shared)
        by_roic, by_capex = (
            weight * score(values, shared) for weight, values in zip(weights[1:], cache[key], strict=True)
        )
        outcome.add(shared, roic, capex, fit(base + by_roic[:, None] + by_capex[None]))
    return outcome


def print_growth(panels: Panels) -> None:
    """Which label, aggregation and span give the published growth of 2026Q1."""
    print("\n## Growth of 2026Q1, percent (published 65.47, 18.73, 21.64; ratios of 2024Q2 about 20 and 35)\n")
    names = ("quarter label", "tiers", "span", *TIERS, "worst", "upstream ÷ midstream 2024Q2", "÷ downstream")
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for choice in combinations({**PLACEMENT_OPTIONS, **GROWTH_OPTIONS}):
        panel = panels[choice["quarter_label"]]
        tiers = aggregate(panel, choice["tier_aggregation"])(growth(panel, choice))
        last, first_half = 100 * tiers[:, -1], tiers[:, 1]
        worst = np.abs(last - PUBLISHED_GROWTH).max()
        ratios = first_half[UPSTREAM] / first_half[[MIDSTREAM, DOWNSTREAM]]
        cells = [*choice.values(), *(f"{value:.2f}" for value in [*last, worst]), *(f"{ratio:.1f}" for ratio in ratios)]
        print("|", " | ".join(cells), "|")


def print_neighbours(panels: Panels) -> None:
    """The default, and the default with one option changed."""
    print("\n## The default with one option changed (signed difference to the published value)\n")
    print("| option | " + " | ".join(NAMES) + " | worst | upstream's peak | shape |")
    print("|" + "---|" * (len(NAMES) + 4))
    default = DEFAULT | DEFAULT_NORMALISATION
    _print_neighbour("published", None, PUBLISHED)
    composite = composite_of(panels, default)
    _print_neighbour("**default: values**", composite, fit(composite).differences + PUBLISHED)
    _print_neighbour("**default**", composite, fit(composite).differences)
    options = {**PLACEMENT_OPTIONS, **GROWTH_OPTIONS, **ROIC_OPTIONS, **CAPEX_OPTIONS, **NORMALISATION_OPTIONS}
    for kind, values in options.items():
        for value in values:
            if value == default[kind]:
                continue
            composite = composite_of(panels, default | {kind: value})
            _print_neighbour(f"{kind} = {value}", composite, fit(composite).differences)


def _print_neighbour(name: str, composite: Numbers | None, numbers: Numbers) -> None:
    cells = [f"{number:.2f}" for number in numbers]
    if composite is None:
        print("|", " | ".join([name, *cells, "", "", ""]), "|")
        return
    found = fit(composite)
    if not np.isfinite(composite).all():
        print("|", " | ".join([name, *[""] * len(cells), "not computable", "", ""]), "|")
        return
    upstream = composite[UPSTREAM]
    peak = f"{2024 + int(upstream.argmax()) // 4}Q{int(upstream.argmax()) % 4 + 1} at {upstream.max():.1f}"
    print("|", " | ".join([name, *cells, f"{found.worst:.2f}", peak, "yes" if found.has_shape else "no"]), "|")


def print_perimeter(panels: Panels) -> None:
    """The default if the last total that NVIDIA filed held equity securities too, which its filings do not say."""
    print(
        "\n## The default by equity securities inside NVIDIA's securities of 2025Q4 (difference to the published value)\n"
    )
    print("| billion US dollars | " + " | ".join(NAMES) + " | worst |\n|" + "---|" * (len(NAMES) + 2))
    panel = panels[DEFAULT["quarter_label"]]
    cell = panel.tickers.index("NVDA"), panel.quarters.index("2025Q4")
    for billion in EQUITY_BILLION:
        debt_securities = panel.debt_securities.copy()
        debt_securities[cell] = panel.balance("marketable_securities")[cell] - billion * 1e9
        changed = {DEFAULT["quarter_label"]: replace(panel, debt_securities=debt_securities)}
        found = fit(composite_of(changed, DEFAULT | DEFAULT_NORMALISATION))
        cells = [str(billion), *(f"{each:.2f}" for each in found.differences), f"{found.worst:.2f}"]
        print("|", " | ".join(cells), "|")


def print_best(outcome: Outcome, with_shape: bool) -> None:
    """The closest combinations; options as far as they differ from the default."""
    print(f"\n## Closest {'with the published shape' if with_shape else 'of all'} (what differs from the default)\n")
    print("| worst | " + " | ".join(NAMES) + " | shape | differs in |")
    print("|" + "---|" * (len(NAMES) + 3))
    default = DEFAULT | DEFAULT_NORMALISATION
    shown: list[str] = []
    for worst, has_shape, choice, differences in outcome.best:
        row = [f"{worst:.2f}", *(f"{each:.2f}" for each in differences), "yes" if has_shape else "no"]
        # Options that change nothing visible (weeks of a 52-week year) would fill the table with one row.
        if (with_shape and not has_shape) or " ".join(row) in shown or len(shown) == BEST_ROWS:
            continue
        shown.append(" ".join(row))
        changed = ", ".join(f"{kind} = {value}" for kind, value in choice.items() if default[kind] != value)
        print("|", " | ".join([*row, changed or "nothing"]), "|")


def print_options(outcome: Outcome) -> None:
    """Per option the smallest worst difference that any combination with it reaches."""
    print("\n## What each option can reach (smallest worst difference, points)\n")
    print("| option | value | any shape | with the published shape |")
    print("|---|---|---|---|")
    for (kind, value), (any_shape, with_shape) in sorted(outcome.by_option.items()):
        cells = [f"{number:.2f}" if np.isfinite(number) else "none" for number in (any_shape, with_shape)]
        print("|", " | ".join([kind, value, *cells]), "|")


def main() -> None:
    """Read the panel, search, print the tables as Markdown."""
    parser = argparse.ArgumentParser(description="Search the definition of the published prosperity index.")
    parser.add_argument("warehouse", type=Path, help="the published warehouse.duckdb")
    arguments = parser.parse_args()
    labels = cast(list[Label], PLACEMENT_OPTIONS["quarter_label"])
    panels: Panels = {label: read_panel(arguments.warehouse, label) for label in labels}
    started = time.perf_counter()
    # Combinations without a value are counted as not computable; NumPy would warn of each.
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        print_growth(panels)
        print_neighbours(panels)
        print_perimeter(panels)
        outcome = search(panels)
        print_best(outcome, with_shape=True)
        print_best(outcome, with_shape=False)
        print_options(outcome)
    print(
        f"\n{outcome.tried:,} combinations, {outcome.computable:,} computable, {outcome.close:,} within {CLOSE_POINTS} points"
        f" of all four values, {outcome.close_with_shape:,} of them with the published shape;"
        f" {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
