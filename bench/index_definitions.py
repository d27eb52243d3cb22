"""Every definition of the three sub-indices that the search tries, each option by name.

What belongs here: options and the tier values they give. What does not: normalisation and distance (`bench.index_scoring`).
Statutory rates are left out: a constant rate scales every value alike, and no normalisation here sees a scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np

from bench.index_panel import TIERS, Numbers, Panel

Choice = dict[str, str]
YEAR = 4

GROWTH_OPTIONS = {"growth_span": ["fiscal_ytd", "quarter", "ttm"]}
PLACEMENT_OPTIONS = {
    "quarter_label": ["report_quarter", "calendar_quarter"],
    "tier_aggregation": ["mean", "revenue_weighted", "median"],
}
ROIC_OPTIONS = {
    "roic_span": ["fiscal_ytd", "fiscal_ytd_by_weeks", "fiscal_ytd_not_annualised", "quarter", "ttm"],
    "tax_rate": ["same_span_0_to_50", "same_span_unbounded", "same_span_else_21", "ttm_0_to_50", "none"],
    "leases": ["in", "out", "only_when_disclosed"],
    "deducted": [
        "cash_and_liquid_securities",
        "cash_and_current_securities",
        "cash_and_all_securities",
        "cash",
        "nothing",
    ],
    "capital": ["closing", "average_with_quarter_before", "average_with_year_before", "start_of_year"],
    "roic_change": ["since_quarter_before", "since_year_before", "relative_to_year_before"],
}
CAPEX_OPTIONS = {
    "capex_span": ["fiscal_ytd", "quarter", "ttm"],
    "capex_change": ["relative_to_year_before", "since_year_before", "relative_to_quarter_before"],
    "msft_depreciation": ["first_reported", "latest", "like_for_like", "none_across_the_break", "left_out"],
}
# What the project computes, see docs/decisions/0003-index-method.md.
DEFAULT: Choice = {
    "quarter_label": "report_quarter",
    "tier_aggregation": "mean",
    "growth_span": "fiscal_ytd",
    "roic_span": "fiscal_ytd",
    "tax_rate": "same_span_0_to_50",
    "leases": "in",
    "deducted": "cash_and_liquid_securities",
    "capital": "closing",
    "roic_change": "since_quarter_before",
    "capex_span": "fiscal_ytd",
    "capex_change": "relative_to_year_before",
    "msft_depreciation": "first_reported",
}
Aggregate = Callable[[Numbers], Numbers]


def combinations(options: dict[str, list[str]]) -> Iterator[Choice]:
    """Every combination of the given options."""
    for values in product(*options.values()):
        yield dict(zip(options, values, strict=True))


def lagged(values: Numbers, quarters: int) -> Numbers:
    """The values so many quarters before, NaN at the start."""
    return np.concatenate([np.full_like(values[:, :quarters], np.nan), values[:, :-quarters]], axis=1)


def aggregate(panel: Panel, how: str) -> Aggregate:
    """Company values (company × quarter) to tier values in the window (tier × 9); a missing company is left out."""
    return partial(_tier_values, panel, how)


def _tier_values(panel: Panel, how: str, values: Numbers) -> Numbers:
    tiers = [panel.members[tier] for tier in TIERS]
    if how == "median":
        return np.stack([np.nanmedian(values[rows], axis=0) for rows in tiers])[:, panel.window]
    weight = panel.flow("revenue", "ttm") if how == "revenue_weighted" else np.ones_like(values)
    weight = np.where(np.isfinite(values), weight, 0.0)
    weighted = np.nan_to_num(values) * weight
    return np.stack([weighted[rows].sum(axis=0) / weight[rows].sum(axis=0) for rows in tiers])[:, panel.window]


def growth(panel: Panel, choice: Choice) -> Numbers:
    """Revenue against the same span a year before (company × quarter)."""
    revenue = panel.flow("revenue", choice["growth_span"])
    return revenue / lagged(revenue, YEAR) - 1


def roic_change(panel: Panel, choice: Choice) -> Numbers:
    """Change of annualised ROIC (company × quarter)."""
    span = choice["roic_span"].split("_by_")[0].removesuffix("_not_annualised")
    after_tax = panel.flow("operating_income", span) * (1 - _tax_rate(panel, choice["tax_rate"], span))
    roic = after_tax * _per_year(panel, choice["roic_span"]) / _capital(panel, choice)
    if choice["roic_change"] == "since_quarter_before":
        return roic - lagged(roic, 1)
    before = lagged(roic, YEAR)
    return roic - before if choice["roic_change"] == "since_year_before" else roic / before - 1


def capex_change(panel: Panel, choice: Choice) -> Numbers:
    """Change of capital expenditure ÷ depreciation (company × quarter)."""
    span = choice["capex_span"]
    spent = panel.flow("capital_expenditure", span)
    now, then = _depreciation(panel, choice["msft_depreciation"], span)
    ratio, comparable = spent / now, spent / then
    lag = 1 if choice["capex_change"] == "relative_to_quarter_before" else YEAR
    before = lagged(comparable if lag == YEAR else ratio, lag)
    change = ratio - before if choice["capex_change"] == "since_year_before" else ratio / before - 1
    if choice["msft_depreciation"] == "none_across_the_break":
        is_recast = np.isfinite(panel.recast_depreciation)
        # The first recast quarters are comparatives of the old basis; a row is on the new one when the year before is recast too.
        change = np.where(is_recast & lagged(is_recast.astype(float), YEAR).astype(bool), np.nan, change)
    return change


def _tax_rate(panel: Panel, rule: str, span: str) -> Numbers:
    over = "ttm" if rule.startswith("ttm") else span
    rate = panel.flow("income_tax", over) / panel.flow("pretax_income", over)
    if rule == "none":
        return np.zeros_like(rate)
    if rule == "same_span_unbounded":
        return rate
    if rule == "same_span_else_21":
        return np.where((rate < 0) | (rate > 0.5), 0.21, rate)
    return np.clip(rate, 0.0, 0.5)


def _per_year(panel: Panel, roic_span: str) -> Numbers:
    quarters = panel.values["fiscal_quarter"]
    return {
        "fiscal_ytd": 4 / quarters,
        "fiscal_ytd_by_weeks": 52 / panel.values["fiscal_ytd_weeks"],
        "fiscal_ytd_not_annualised": np.ones_like(quarters),
        "quarter": np.full_like(quarters, 4),
        "ttm": np.ones_like(quarters),
    }[roic_span]


def _capital(panel: Panel, choice: Choice) -> Numbers:
    current = panel.balance("marketable_securities")
    liquid = np.where(np.isfinite(panel.debt_securities), panel.debt_securities, current)
    cash = panel.balance("cash")
    deducted = {
        "cash_and_liquid_securities": cash + liquid,
        "cash_and_current_securities": cash + current,
        "cash_and_all_securities": cash + current + panel.balance("marketable_securities_noncurrent"),
        "cash": cash,
        "nothing": np.zeros_like(cash),
    }[choice["deducted"]]
    leases = panel.balance("operating_lease_liability") + panel.balance("finance_lease_liability")
    if choice["leases"] == "out":
        leases = np.zeros_like(leases)
    elif choice["leases"] == "only_when_disclosed":
        leases = leases * (1 - panel.values["lease_liabilities_carried_forward"])
    closing = panel.balance("equity") + panel.balance("debt") + leases - deducted
    return {
        "closing": closing,
        "average_with_quarter_before": (closing + lagged(closing, 1)) / 2,
        "average_with_year_before": (closing + lagged(closing, YEAR)) / 2,
        "start_of_year": _at_year_start(closing, panel.values["fiscal_quarter"]),
    }[choice["capital"]]


def _at_year_start(closing: Numbers, fiscal_quarter: Numbers) -> Numbers:
    """The closing value of the fiscal year before."""
    opening = np.full_like(closing, np.nan)
    for quarter in range(1, YEAR + 1):
        opening = np.where(fiscal_quarter == quarter, lagged(closing, quarter), opening)
    return opening


def _depreciation(panel: Panel, basis: str, span: str) -> tuple[Numbers, Numbers]:
    """Depreciation of the span, and the one that the same span a year later compares with."""
    reported = panel.flow("depreciation_amortization", span)
    row = panel.tickers.index("MSFT")
    if basis == "left_out":
        without = reported.copy()
        without[row] = np.nan
        return without, without
    if basis in ("first_reported", "none_across_the_break"):
        return reported, reported
    quarter = panel.flow("depreciation_amortization", "quarter")
    recast = np.where(np.isfinite(panel.recast_depreciation), panel.recast_depreciation, quarter)
    summed = reported.copy()
    summed[row] = _over_span(recast, panel.values["fiscal_quarter"], span)[row]
    return (summed if basis == "latest" else reported), summed


def _over_span(quarter: Numbers, fiscal_quarter: Numbers, span: str) -> Numbers:
    if span == "quarter":
        return quarter
    total = quarter.copy()
    for back in range(1, YEAR):
        belongs = fiscal_quarter > back if span == "fiscal_ytd" else np.ones_like(quarter, dtype=bool)
        total = total + np.where(belongs, lagged(quarter, back), 0.0)
    return total
