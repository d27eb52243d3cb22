"""Mart tables around the composite score: variants, contributions, sensitivity, growth by weeks, the published figures.

What belongs here: contracts of other views of the index. What does not: the default method (`schemas.mart.prosperity`) and what was
known when (`schemas.mart.real_time`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.mart.prosperity import BASES, BASIS_MEANING, PROVISIONAL, QUARTER_MEANING, SUB_INDICES, CompositeScores

COMPARISONS = ["previous_quarter", "year_before"]
NORMALISATION_NAMES = ["normal_cdf", "tanh", "logistic", "min_max", "percentile"]


class CompositeVariants(CompositeScores):
    """The composite score by every variant of the method: variant × company or tier × basis × quarter.

    Variants (methodology.yaml) differ from `default` in one thing each: the window (`expanding_window` never changes a score because
    later quarters arrive, `full_sample_window` uses all quarters), the tier's mean (`revenue_weighted`), the members
    (`extended_members`: every company of the tier), or the normalisation.
    """

    variant: str = column("Name of the variant")

    class Config:
        unique = ["variant", "entity_kind", "entity", "basis", "quarter"]
        metadata = {"usage_warning": PROVISIONAL}


class CompositeContributions(Table):
    """Where a tier's change of score comes from: tier × basis × quarter × comparison × sub-index × company, in points.

    The points of a tier, basis, quarter and comparison add up to the change of its composite score exactly. Within a sub-index a company's share
    is its part of the change of the tier's mean, converted by the secant of the score.
    """

    tier: str = column("Tier")
    basis: str = column(BASIS_MEANING, isin=BASES)
    quarter: str = quarter_column(QUARTER_MEANING)
    comparison: str = column(
        "Compared with the quarter before (previous_quarter) or the same a year before", isin=COMPARISONS
    )
    quarter_before: str = quarter_column("The quarter compared with")
    sub_index: str = column("Sub-index", isin=SUB_INDICES)
    ticker: str = column("Company")
    value_before: float = column("The company's value then", unit="fraction", nullable=True)
    value: float = column("The company's value now", unit="fraction", nullable=True)
    contribution_points: float = column("Contribution to the change of the composite score", unit="points")
    composite_change_points: float = column("Change of the tier's composite score", unit="points")
    basis_break: bool = column("Depreciation in the sub-index touches a recast basis, now or then")

    class Config:
        unique = ["tier", "basis", "quarter", "comparison", "sub_index", "ticker"]


class CompositeSensitivity(Table):
    """How far the ranking of the tiers depends on weights and normalisation: basis × quarter × normalisation × tier.

    Counts over a grid of weights on the simplex (step in methodology.yaml).
    """

    basis: str = column(BASIS_MEANING, isin=BASES)
    quarter: str = quarter_column(QUARTER_MEANING)
    normalisation: str = column("Function that maps values to scores", isin=NORMALISATION_NAMES)
    tier: str = column("Tier")
    grid_count: dt.Int64 = column("Combinations of weights", unit="combinations", ge=1)
    lead_share_ratio: float = column(
        "Share of the grid in which the tier has the highest score; ties count for each",
        unit="ratio",
        in_range={"min_value": 0, "max_value": 1},
    )
    mean_rank: float = column("Mean rank of the tier over the grid, 1 is the highest", unit="rank")
    lowest_score: float = column("Lowest composite score over the grid", unit="0–100")
    highest_score: float = column("Highest composite score over the grid", unit="0–100")
    basis_break: bool = column("Depreciation in one of the tiers' scores touches a recast basis")

    class Config:
        unique = ["basis", "quarter", "normalisation", "tier"]


class RevenueGrowth(Table):
    """Revenue growth with the weeks on each side: company × basis × quarter.

    In 52/53-week years a quarter of 14 weeks is compared with one of 13: the week-adjusted growth compares revenue per week.
    """

    ticker: str = column("Ticker")
    tier: str = column("Tier")
    basis: str = column(BASIS_MEANING, isin=BASES)
    quarter: str = quarter_column(QUARTER_MEANING)
    period_end_date: dt.Date = column("End of the span")
    revenue_usd: float = column("Revenue of the span", unit="US dollars", nullable=True)
    revenue_before_usd: float = column("Revenue of the span a year before", unit="US dollars", nullable=True)
    weeks: dt.Int64 = column("Weeks of the span", unit="weeks", nullable=True)
    weeks_before: dt.Int64 = column("Weeks of the span a year before", unit="weeks", nullable=True)
    growth: float = column("Growth", unit="fraction", nullable=True)
    week_adjusted_growth: float = column("Growth of revenue per week", unit="fraction", nullable=True)
    missing_reason: str = column("Why growth is null", nullable=True)

    class Config:
        unique = ["ticker", "basis", "quarter"]


class PublishedReconciliation(Table):
    """Every figure known of the published report with ours, the difference and the explanation.

    Over a span of quarters ours is the largest value in it. Source of the published figures: see `raw.published_figures`.
    """

    figure_id: str = column("Identifier of the published figure")
    entity: str = column("What the figure is about")
    metric: str = column("What is measured")
    first_quarter: str = quarter_column("First quarter of the figure", nullable=True)
    last_quarter: str = quarter_column("Last quarter of the figure", nullable=True)
    published_value: float = column(
        "Published figure; null where the report describes without a number", unit="as in `unit`", nullable=True
    )
    qualifier: str = column("exact, about, or more_than as the text says")
    our_value: float = column("Our figure by the default method", unit="as in `unit`", nullable=True)
    difference: float = column("Ours less published", unit="as in `unit`", nullable=True)
    unit: str = column("Unit of both figures")
    basis_break: bool = column("Depreciation in our figure touches a recast basis")
    explanation: str = column("Where the difference comes from, or what stands in for a figure without a number")

    class Config:
        unique = ["figure_id"]
