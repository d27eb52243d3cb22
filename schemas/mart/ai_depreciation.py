"""Mart tables of AI depreciation against AI revenue: vintages, fits, schedule, coverage, sensitivity.

What belongs here: contracts of the model. What does not: depreciation as filed (`schemas.mart.coverage`) and capital expenditure by
builder as such (`schemas.mart.capital_expenditure`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.provenance import CONFIDENCES

USD = "US dollars"
SHARE_PATHS = ["two_level", "constant", "third_party"]
SHARE_PATH_MEANING = (
    "two_level: one fitted share before and one from the break; constant: one fitted share; third_party: shares an outsider assumes"
    " by builder and year, not fitted"
)
LOWEST_CONFIDENCE = "Weakest kind of source in the number, best first: " + ", ".join(CONFIDENCES)
THIRD_PARTY = "An outsider's estimate is in the number"
SOURCE_IDS = "Rows of raw tables the number comes from, comma separated; core.fundamentals: filings"
MODEL_WARNING = (
    "A model fitted to four figures of one published study with two free parameters: read the residuals in mart.ai_depreciation_fit"
    " before quoting a number."
)


class AiCapitalExpenditureVintages(Table):
    """Capital expenditure of the AI builders by calendar quarter, from the start of the model to its end: builder × quarter.

    Filed quarters first, then quarters from releases, then what a published group total leaves for members that have not filed, then
    the rest of a year's total or guidance spread evenly over its unknown quarters, then the last known quarter again.
    """

    ticker: str = column("Builder")
    quarter: str = quarter_column("Calendar quarter by midpoint")
    capital_expenditure_usd: float = column("Capital expenditure of the quarter", unit=USD, nullable=True, ge=0)
    origin: str = column(
        "filing; release: quoted quarter; group_rest: group total less filed members; year_total: rest of a published year;"
        " guidance: rest of the latest guidance; last_known: the last known quarter repeated; missing",
        isin=["filing", "release", "group_rest", "year_total", "guidance", "last_known", "missing"],
    )
    lease_treatment: str = column(
        "cash, or including_leases where guidance counts finance leases", isin=["cash", "including_leases"]
    )
    is_estimated: bool = column("The quarter itself is not published: it is a share of a larger figure or a repetition")
    is_forecast: bool = column("The amount comes from guidance or repeats the last known quarter")
    third_party_share_ratio: float = column(
        "Share that is AI as an outsider assumes it for this builder and time; the mean of the others where there is none",
        unit="ratio",
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    rounding_usd: float = column("Step the source prints its figure in", unit=USD, nullable=True, gt=0)
    lowest_confidence: str = column(LOWEST_CONFIDENCE, nullable=True, isin=CONFIDENCES)
    is_third_party_estimate: bool = column("The amount is an outsider's estimate; the third-party share always is")
    source_ids: str = column(SOURCE_IDS, nullable=True)
    missing_reason: str = column("Why the amount is null", nullable=True)

    class Config:
        unique = ["ticker", "quarter"]
        metadata = {
            "usage_warning": "All capital expenditure of the builders, not only AI. Rows that are not filings are shares of larger"
            " figures: use them in totals, not as a company's quarter."
        }


class AiDepreciationFit(Table):
    """How the model was fitted: share path × lag × item, where an item is a parameter, an anchor with its residual, or the error.

    Least squares on relative errors over the published anchors, all of equal weight, shares held inside their bounds.
    """

    share_path: str = column(SHARE_PATH_MEANING, isin=SHARE_PATHS)
    in_service_lag_quarters: dt.Int64 = column("Quarters from payment to service", unit="quarters", ge=0)
    is_default: bool = column("The combination that mart.ai_depreciation_coverage uses")
    kind: str = column(
        "parameter; anchor: a published figure beside ours; error", isin=["parameter", "anchor", "error"]
    )
    name: str = column("Parameter, metric of the anchor, or root_mean_square_pct")
    period_start_date: dt.Date = column("First day of the anchor's period", nullable=True)
    period_end_date: dt.Date = column("Last day of the anchor's period", nullable=True)
    value: float = column("Parameter, our figure, or error", unit="as in `unit`", nullable=True)
    unit: str = column("Unit", isin=["usd", "ratio", "years", "percent"])
    origin: str = column(
        "fitted: inside its bounds; bound: fitted and held at a bound; stated: from methodology.yaml; computed",
        isin=["fitted", "bound", "stated", "computed"],
    )
    published_value: float = column("The anchor as published", unit="as in `unit`", nullable=True)
    residual_value: float = column("Ours less published", unit="as in `unit`", nullable=True)
    relative_residual_pct: float = column("Residual as a share of the published figure", unit="percent", nullable=True)
    published_rounding: float = column("Step the anchor is printed in", unit="as in `unit`", nullable=True)
    is_within_rounding: bool = column("Ours lies within half a step of the published figure", nullable=True)
    lowest_confidence: str = column(LOWEST_CONFIDENCE, nullable=True, isin=CONFIDENCES)
    is_third_party_estimate: bool = column(THIRD_PARTY)
    source_ids: str = column(SOURCE_IDS, nullable=True)
    missing_reason: str = column("Why the value is null", nullable=True)

    class Config:
        unique = ["share_path", "in_service_lag_quarters", "kind", "name", "period_start_date", "period_end_date"]
        metadata = {
            "usage_warning": "Filter on is_default for the model in use; the other rows show what other choices would do."
        }


class AiRevenueFit(Table):
    """The path of generative-AI revenue between published points: parameters, anchors with residuals, checks, error.

    The logarithm of quarterly revenue is a parabola in time; least squares on logarithms over the anchors, on a grid.
    """

    kind: str = column(
        "parameter; anchor: in the fit; check: published, not in the fit; error",
        isin=["parameter", "anchor", "check", "error"],
    )
    name: str = column("Parameter, metric of the anchor, or root_mean_square_pct")
    period_start_date: dt.Date = column("First day of the figure's period", nullable=True)
    period_end_date: dt.Date = column("Last day of the figure's period, or its day", nullable=True)
    value: float = column("Parameter, our figure, or error", unit="as in `unit`", nullable=True)
    unit: str = column("Unit", isin=["usd", "ratio", "days", "percent", "logarithm"])
    published_value: float = column("The figure as published", unit="as in `unit`", nullable=True)
    residual_value: float = column("Ours less published", unit="as in `unit`", nullable=True)
    relative_residual_pct: float = column("Residual as a share of the published figure", unit="percent", nullable=True)
    published_rounding: float = column("Step the figure is printed in", unit="as in `unit`", nullable=True)
    lowest_confidence: str = column(LOWEST_CONFIDENCE, nullable=True, isin=CONFIDENCES)
    is_third_party_estimate: bool = column(THIRD_PARTY)
    source_ids: str = column(SOURCE_IDS, nullable=True)
    missing_reason: str = column("Why the value is null", nullable=True)

    class Config:
        unique = ["kind", "name", "period_start_date", "period_end_date"]
        metadata = {
            "usage_warning": "The study prints one quarter only; all other quarters are this curve, not observations."
        }


class AiDepreciationSchedule(Table):
    """AI capital expenditure and its straight-line depreciation: share path × lag × calendar quarter.

    The first and the last quarter of a vintage's life carry half a charge: payments fall in the middle of their quarter on average.
    """

    share_path: str = column(SHARE_PATH_MEANING, isin=SHARE_PATHS)
    in_service_lag_quarters: dt.Int64 = column("Quarters from payment to service", unit="quarters", ge=0)
    quarter: str = quarter_column("Calendar quarter")
    is_default: bool = column("The combination that mart.ai_depreciation_coverage uses")
    capital_expenditure_usd: float = column("Capital expenditure of all builders", unit=USD, nullable=True)
    ai_share_ratio: float = column("Share of it that is AI", unit="ratio", nullable=True)
    ai_capital_expenditure_usd: float = column("AI capital expenditure of the quarter", unit=USD, nullable=True)
    cumulative_ai_capital_expenditure_usd: float = column(
        "AI capital expenditure since the model's start", unit=USD, nullable=True
    )
    compute_depreciation_usd: float = column("Depreciation of compute in the quarter", unit=USD, nullable=True)
    other_depreciation_usd: float = column("Depreciation of buildings, power and the rest", unit=USD, nullable=True)
    depreciation_usd: float = column("AI depreciation of the quarter", unit=USD, nullable=True)
    cumulative_depreciation_usd: float = column("AI depreciation since the model's start", unit=USD, nullable=True)
    undepreciated_usd: float = column("Cumulative AI capital expenditure less depreciation", unit=USD, nullable=True)
    is_forecast: bool = column("Capital expenditure of the quarter is guidance, at least in part")
    is_estimated: bool = column("Capital expenditure of the quarter is not wholly filed")
    lowest_confidence: str = column(LOWEST_CONFIDENCE, nullable=True, isin=CONFIDENCES)
    is_third_party_estimate: bool = column("The AI share is fitted to, or taken from, an outsider's estimate")
    missing_reason: str = column("Why an amount is null", nullable=True)

    class Config:
        unique = ["share_path", "in_service_lag_quarters", "quarter"]
        metadata = {"usage_warning": "Filter on is_default. " + MODEL_WARNING}


class AiDepreciationCoverage(Table):
    """Generative-AI revenue outside China against AI depreciation: one row per calendar quarter, by the default model.

    Published revenue where there is any, else the fitted path up to the last published point, else the last run rate held.
    """

    quarter: str = quarter_column("Calendar quarter")
    revenue_usd: float = column(
        "Revenue of generative AI paid by end customers outside China, counted once", unit=USD, nullable=True
    )
    revenue_basis: str = column(
        "published; interpolated: the fitted path; run_rate_held: the last published run rate",
        isin=["published", "interpolated", "run_rate_held"],
    )
    revenue_path_usd: float = column(
        "The fitted path in this quarter, also where a figure is published", unit=USD, nullable=True
    )
    revenue_error_usd: float = column(
        "Half the step of rounding where published; typical error of the path at its anchors where interpolated;"
        " null where the run rate is held",
        unit=USD,
        nullable=True,
    )
    depreciation_usd: float = column("AI depreciation by the default model", unit=USD, nullable=True)
    coverage_ratio: float = column("Revenue ÷ depreciation", unit="ratio", nullable=True)
    coverage_low_ratio: float = column("The same with revenue less its error", unit="ratio", nullable=True)
    coverage_high_ratio: float = column("The same with revenue plus its error", unit="ratio", nullable=True)
    published_depreciation_usd: float = column("The study's figure for the quarter", unit=USD, nullable=True)
    published_coverage_ratio: float = column("Published revenue ÷ published depreciation", unit="ratio", nullable=True)
    coverage_ttm_ratio: float = column(
        "Revenue ÷ depreciation over four quarters; null until there are four", unit="ratio", nullable=True
    )
    cumulative_revenue_usd: float = column("Revenue since the path's start", unit=USD, nullable=True)
    cumulative_depreciation_usd: float = column("Depreciation since the model's start", unit=USD, nullable=True)
    cumulative_coverage_ratio: float = column(
        "Cumulative revenue ÷ cumulative depreciation", unit="ratio", nullable=True
    )
    capital_recovered_ratio: float = column(
        "Cumulative revenue ÷ cumulative AI capital expenditure", unit="ratio", nullable=True
    )
    payback_years: float = column(
        "Years until revenue at the quarter's pace equals the AI capital expenditure not yet matched by revenue;"
        " revenue, not profit: no cost but the investment is in it",
        unit="years",
        nullable=True,
    )
    days_per_billion: float = column(
        "Days to add one billion dollars of cumulative revenue", unit="days", nullable=True
    )
    is_interpolated: bool = column("Revenue of the quarter is not published: path or held run rate")
    is_forecast: bool = column(
        "The quarter lies after the last published revenue, or its capital expenditure is guidance"
    )
    first_crossing_quarter: str = quarter_column(
        "First quarter in which revenue covers depreciation, interpolated quarters included; the same in every row",
        nullable=True,
    )
    first_published_crossing_quarter: str = quarter_column(
        "First quarter with published revenue in which it covers depreciation", nullable=True
    )
    first_cumulative_crossing_quarter: str = quarter_column(
        "First quarter in which cumulative revenue covers cumulative depreciation", nullable=True
    )
    lowest_confidence: str = column(LOWEST_CONFIDENCE, nullable=True, isin=CONFIDENCES)
    is_third_party_estimate: bool = column(THIRD_PARTY)
    source_ids: str = column(SOURCE_IDS, nullable=True)
    missing_reason: str = column("Why a number is null", nullable=True)

    class Config:
        unique = ["quarter"]
        metadata = {
            "usage_warning": "One quarter of revenue is published, all others are a curve through four points (is_interpolated). "
            + MODEL_WARNING
        }


class AiCoverageSensitivity(Table):
    """Coverage of one quarter under other assumptions: life of compute × AI share × lag, and the life from which revenue covers."""

    in_service_lag_quarters: dt.Int64 = column("Quarters from payment to service", unit="quarters", ge=0)
    ai_share: str = column("fitted: the default path fitted at this lag; else the flat share in percent, such as 76 %")
    ai_share_ratio: float = column("The flat share; null for the fitted path", unit="ratio", nullable=True)
    useful_life_years: float = column("Life of compute; the rest keeps its own", unit="years", gt=0)
    quarter: str = quarter_column("Quarter of the coverage")
    is_default: bool = column("The assumptions of mart.ai_depreciation_coverage")
    revenue_usd: float = column("Published revenue of the quarter", unit=USD, nullable=True)
    depreciation_usd: float = column("AI depreciation of the quarter", unit=USD, nullable=True)
    coverage_ratio: float = column("Revenue ÷ depreciation", unit="ratio", nullable=True)
    shortest_covering_life_years: float = column(
        "Life of compute below which the quarter's coverage is under 1, by share and lag", unit="years", nullable=True
    )
    lowest_confidence: str = column(LOWEST_CONFIDENCE, nullable=True, isin=CONFIDENCES)
    is_third_party_estimate: bool = column(THIRD_PARTY)
    missing_reason: str = column("Why a number is null", nullable=True)

    class Config:
        unique = ["in_service_lag_quarters", "ai_share", "useful_life_years"]
        metadata = {
            "usage_warning": "Flat shares apply from the model's start and fit no anchor: they show direction, not levels. "
            + MODEL_WARNING
        }
