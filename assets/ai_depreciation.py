"""The model of AI depreciation: fitting the AI share to published figures, and the straight-line schedule.

What belongs here: `mart.ai_depreciation_fit`, `mart.ai_depreciation_schedule`. What does not: the capital expenditure itself
(`assets.ai_vintages`), revenue (`assets.ai_revenue_path`), and setting both against each other (`assets.ai_coverage`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import BooleanValue, FloatingValue, NumericValue, Table

from assets.expressions import QUARTERS_PER_YEAR, all_of, first_text, quarter_label, quarter_number, ratio
from assets.quarter_numbers import label_of_quarter, number_of_quarter, quarters_from_to
from assets.sourced import confidence_name, confidence_rank, used, values_table
from schemas.mart.ai_depreciation import (
    AiCapitalExpenditureVintages,
    AiDepreciationFit,
    AiDepreciationSchedule,
)
from schemas.raw.reference_figures import AiCapitalExpenditure
from warehouse.methodology import Methodology
from warehouse.methodology_ai import DepreciationParameters

HALF_QUARTER = 0.5
ANCHOR_METRICS = ["ai_depreciation", "ai_capital_expenditure", "ai_capital_expenditure_cumulative"]
NO_VINTAGE = "a builder's capital expenditure is missing, see mart.ai_capital_expenditure_vintages"


def charge_of_quarter(age: NumericValue, life_quarters: NumericValue | float) -> FloatingValue:
    """Fraction of a cost charged in a quarter, straight line, for an age in quarters since service began.

    Half a charge in quarter 0 and in the last one: service begins in the middle of the quarter on average.
    """
    life = ibis.literal(life_quarters, dt.float64) if isinstance(life_quarters, (int, float)) else life_quarters
    begin = ibis.greatest(age - HALF_QUARTER, 0.0)
    end = ibis.least(age + HALF_QUARTER, life)
    return ibis.greatest(end - begin, 0.0) / life


def builder_totals(vintages: Table, model: DepreciationParameters) -> Table:
    """One row per quarter of the model over all builders, null while one of them is missing.

    `number`, `total` (all capital expenditure), `before` and `since` (the same, before and from the break), `third_party` (times the
    outsider's shares), and the flags of the vintages.
    """
    has_gap = vintages.capital_expenditure_usd.isnull().any()
    has_share_gap = has_gap | vintages.third_party_share_ratio.isnull().any()
    weighted = (vintages.capital_expenditure_usd * vintages.third_party_share_ratio).sum()
    totals = vintages.group_by(number=quarter_number(vintages.quarter)).agg(
        total=ibis.ifelse(has_gap, ibis.null(dt.float64), vintages.capital_expenditure_usd.sum()),
        third_party=ibis.ifelse(has_share_gap, ibis.null(dt.float64), weighted),
        is_estimated=vintages.is_estimated.any(),
        is_forecast=vintages.is_forecast.any(),
        rank=confidence_rank(vintages.lowest_confidence).max(),
    )
    is_before = totals.number < number_of_quarter(model.share_break_quarter)
    return totals.mutate(
        before=ibis.ifelse(is_before, totals.total, totals.total * 0),
        since=ibis.ifelse(is_before, totals.total * 0, totals.total),
    )


def ai_depreciation_fit(
    ai_capital_expenditure_vintages: Annotated[Table, AiCapitalExpenditureVintages],
    ai_capital_expenditure: Annotated[Table, AiCapitalExpenditure],
    methodology: Methodology,
) -> Annotated[Table, AiDepreciationFit]:
    """Share path × lag × item: parameters, anchors with residuals, error.

    With x = (what the model gives per unit of share) ÷ (the published figure), the shares minimise Σ (share · x − 1)² over the
    anchors: normal equations of two unknowns in closed form; where a share leaves its bounds, the best point on the bounds.
    """
    model = methodology.ai.depreciation
    totals = builder_totals(ai_capital_expenditure_vintages, model)
    anchors = _anchors(ai_capital_expenditure, model)
    designs = _designs(anchors, totals, model)
    solved = _solutions(designs, model)
    rows = ibis.union(_parameter_rows(solved, model), _anchor_rows(designs, solved), _error_rows(solved))
    return rows.mutate(
        is_default=(rows.share_path == model.share_path)
        & (rows.in_service_lag_quarters == model.in_service_lag_quarters),
        missing_reason=first_text((rows.value.isnull(), NO_VINTAGE)),
        is_third_party_estimate=ibis.literal(True),
    ).select(*AiDepreciationFit.to_schema().columns)


def _anchors(figures: Table, model: DepreciationParameters) -> Table:
    figures = used(figures)
    anchors = figures.filter(
        figures.entity == model.anchor_entity,
        figures.metric.isin(ANCHOR_METRICS),
        figures.period_start_date.notnull(),
        figures.period_end_date.notnull(),
    )
    return anchors.select(
        "metric",
        "period_start_date",
        "period_end_date",
        first=quarter_number(quarter_label(anchors.period_start_date)),
        last=quarter_number(quarter_label(anchors.period_end_date)),
        published=anchors.value,
        published_rounding=anchors.rounding,
        anchor_rank=confidence_rank(anchors.confidence),
        reference_id=anchors.reference_id,
    )


def _charge(age: NumericValue, model: DepreciationParameters) -> NumericValue:
    compute = charge_of_quarter(age, model.compute_life_years * QUARTERS_PER_YEAR)
    other = charge_of_quarter(age, model.other_life_years * QUARTERS_PER_YEAR)
    return compute * model.compute_share + other * (1 - model.compute_share)


def _designs(anchors: Table, totals: Table, model: DepreciationParameters) -> Table:
    """Anchor × lag: what each share path would give for the published figure if its share were one."""
    charged = quarters_from_to(model.first_quarter, model.last_quarter).select(charged="number")
    lags = values_table("lag", model.candidate_lags)
    paid = anchors.cross_join(totals.select("number", "before", "since", "third_party", "rank")).cross_join(lags)
    is_depreciation = paid.metric == "ai_depreciation"
    pairs = paid.filter(is_depreciation).inner_join(
        charged, [charged.charged >= paid.first, charged.charged <= paid.last]
    )
    age = pairs.charged - pairs.number - pairs.lag
    expensed = pairs.mutate(weight=_charge(age, model)).drop("charged")
    spent = paid.filter(~is_depreciation).mutate(
        weight=ibis.ifelse((ibis._.number >= ibis._.first) & (ibis._.number <= ibis._.last), 1.0, 0.0)
    )
    terms = expensed.union(spent)
    key = [name for name in anchors.columns if name not in ("first", "last")]
    sums = {
        name: ibis.ifelse(
            (terms[name].isnull() & (terms.weight > 0)).any(), ibis.null(dt.float64), (terms[name] * terms.weight).sum()
        )
        for name in ("before", "since", "third_party")
    }
    return terms.group_by(*key, "lag").agg(**sums, rank=ibis.greatest(terms["rank"].max(), terms.anchor_rank.max()))


def _solutions(designs: Table, model: DepreciationParameters) -> Table:
    """Share path × lag with its shares (`share_before`, `share_since`) and the mean squared relative error."""
    x, y, z = (designs[name] / designs.published for name in ("before", "since", "third_party"))
    has_gap = designs.before.isnull().any() | designs.since.isnull().any()
    moments = designs.group_by("lag").agg(
        n=designs.count().cast(dt.float64),
        x=_sum_or_null(x, has_gap),
        y=_sum_or_null(y, has_gap),
        xx=_sum_or_null(x * x, has_gap),
        xy=_sum_or_null(x * y, has_gap),
        yy=_sum_or_null(y * y, has_gap),
        third_party_error=ibis.ifelse(
            designs.third_party.isnull().any(), ibis.null(dt.float64), ((z - 1) * (z - 1)).mean()
        ),
        rank=designs["rank"].max(),
    )
    low, high = float(model.minimum_share), float(model.maximum_share)

    def bounded(share: NumericValue) -> NumericValue:
        return share.clip(low, high)

    determinant = (moments.xx * moments.yy - moments.xy * moments.xy).nullif(0)
    inner = (
        (moments.yy * moments.x - moments.xy * moments.y) / determinant,
        (moments.xx * moments.y - moments.xy * moments.x) / determinant,
    )
    candidates = [_candidate(moments, "two_level", *inner, all_of(*(share.between(low, high) for share in inner)))]
    for bound in (low, high):
        fixed = ibis.literal(bound)
        since = bounded(ratio(moments.y - bound * moments.xy, moments.yy))
        before = bounded(ratio(moments.x - bound * moments.xy, moments.xx))
        candidates += [
            _candidate(moments, "two_level", fixed, since, ibis.literal(True)),
            _candidate(moments, "two_level", before, fixed, ibis.literal(True)),
        ]
    one = bounded(ratio(moments.x + moments.y, moments.xx + 2 * moments.xy + moments.yy))
    candidates.append(_candidate(moments, "constant", one, one, ibis.literal(True)))
    found = ibis.union(*candidates)
    best_first = ibis.window(group_by=["share_path", "lag"], order_by=[found.error, found.share_before])
    best = found.mutate(place=ibis.row_number().over(best_first))
    best = best.filter(best.place == 0).drop("place")
    outsider = moments.select(
        "lag",
        share_path=ibis.literal("third_party"),
        share_before=ibis.null(dt.float64),
        share_since=ibis.null(dt.float64),
        error=moments.third_party_error,
        rank=moments["rank"],
    )
    return best.union(outsider.select(*best.columns))


def _sum_or_null(term: NumericValue, has_gap: BooleanValue) -> NumericValue:
    return ibis.ifelse(has_gap, ibis.null(dt.float64), term.sum())


def _candidate(moments: Table, path: str, before: NumericValue, since: NumericValue, is_allowed: BooleanValue) -> Table:
    """A solution with its mean squared error; a solution that is not allowed is left out."""
    rows = moments.select(
        "lag",
        share_path=ibis.literal(path),
        share_before=before + moments.x * 0,
        share_since=since + moments.x * 0,
        error=(
            moments.n
            - 2 * (before * moments.x + since * moments.y)
            + before * before * moments.xx
            + 2 * before * since * moments.xy
            + since * since * moments.yy
        )
        / moments.n,
        rank=moments["rank"],
        is_allowed=is_allowed,
    )
    return rows.filter(rows.is_allowed).drop("is_allowed")


def _parameter_rows(solved: Table, model: DepreciationParameters) -> Table:
    stated = {
        "compute_share": (model.compute_share, "ratio"),
        "compute_life": (model.compute_life_years, "years"),
        "other_life": (model.other_life_years, "years"),
    }
    fitted = solved.filter(solved.share_path != "third_party")
    rows = [
        _item(fitted, "parameter", name, fitted[name], "ratio", _fit_origin(fitted[name], model))
        for name in ("share_before", "share_since")
    ]
    rows += [
        _item(solved, "parameter", name, ibis.literal(float(value)), unit, "stated")
        for name, (value, unit) in stated.items()
    ]
    return ibis.union(*rows)


def _fit_origin(share: NumericValue, model: DepreciationParameters) -> ibis.Value:
    is_bound = (share <= model.minimum_share) | (share >= model.maximum_share)
    return ibis.ifelse(is_bound.fill_null(False), "bound", "fitted")


def _item(solved: Table, kind: str, name: str, value: NumericValue, unit: str, origin: str | ibis.Value) -> Table:
    is_sourced = origin != "stated" if isinstance(origin, str) else True
    return solved.select(
        "share_path",
        in_service_lag_quarters=solved.lag.cast("int64"),
        kind=ibis.literal(kind),
        name=ibis.literal(name),
        period_start_date=ibis.null(dt.date),
        period_end_date=ibis.null(dt.date),
        value=value.cast(dt.float64),
        unit=ibis.literal(unit),
        origin=ibis.literal(origin) if isinstance(origin, str) else origin,
        published_value=ibis.null(dt.float64),
        residual_value=ibis.null(dt.float64),
        relative_residual_pct=ibis.null(dt.float64),
        published_rounding=ibis.null(dt.float64),
        is_within_rounding=ibis.null(dt.boolean),
        lowest_confidence=confidence_name(solved["rank"]) if is_sourced else ibis.null(dt.string),
        source_ids=ibis.null(dt.string),
    )


def _anchor_rows(designs: Table, solved: Table) -> Table:
    joined = designs.inner_join(solved.drop("rank"), "lag")
    ours = ibis.ifelse(
        joined.share_path == "third_party",
        joined.third_party,
        joined.before * joined.share_before + joined.since * joined.share_since,
    )
    rows = joined.mutate(ours=ours)
    residual = rows.ours - rows.published
    return rows.select(
        "share_path",
        in_service_lag_quarters=rows.lag.cast("int64"),
        kind=ibis.literal("anchor"),
        name=rows.metric,
        period_start_date=rows.period_start_date,
        period_end_date=rows.period_end_date,
        value=rows.ours,
        unit=ibis.literal("usd"),
        origin=ibis.literal("computed"),
        published_value=rows.published,
        residual_value=residual,
        relative_residual_pct=100 * ratio(residual, rows.published),
        published_rounding=rows.published_rounding,
        is_within_rounding=residual.abs() <= rows.published_rounding / 2,
        lowest_confidence=confidence_name(rows["rank"]),
        source_ids=rows.reference_id + ibis.literal(", mart.ai_capital_expenditure_vintages"),
    )


def _error_rows(solved: Table) -> Table:
    error = 100 * ibis.greatest(solved.error, 0.0).sqrt()
    value = ibis.ifelse(solved.error.isnull(), ibis.null(dt.float64), error)
    return _item(solved, "error", "root_mean_square_pct", value, "percent", "computed")


def fitted_shares(fit: Table) -> Table:
    """The shares of every share path and lag: `share_path`, `lag`, `share_before`, `share_since`; null shares for third_party."""
    return fit.group_by("share_path", lag=fit.in_service_lag_quarters).agg(
        share_before=fit.value.max(where=fit.name == "share_before"),
        share_since=fit.value.max(where=fit.name == "share_since"),
    )


def ai_depreciation_schedule(
    ai_capital_expenditure_vintages: Annotated[Table, AiCapitalExpenditureVintages],
    ai_depreciation_fit: Annotated[Table, AiDepreciationFit],
    methodology: Methodology,
) -> Annotated[Table, AiDepreciationSchedule]:
    """Share path × lag × calendar quarter: AI capital expenditure, its depreciation by kind of asset, and cumulative sums."""
    model = methodology.ai.depreciation
    shares = fitted_shares(ai_depreciation_fit)
    paid = _ai_capital_expenditure(builder_totals(ai_capital_expenditure_vintages, model), shares)
    charges = _charges(paid, model)
    key = ["share_path", "lag", "number"]
    joined = paid.left_join(charges, key).drop(*[f"{name}_right" for name in key])
    joined = joined.mutate(
        quarter=label_of_quarter(joined.number),
        in_service_lag_quarters=joined.lag.cast("int64"),
        capital_expenditure_usd=joined.total,
        ai_capital_expenditure_usd=joined.amount,
        ai_share_ratio=ratio(joined.amount, joined.total),
        depreciation_usd=joined.compute_depreciation_usd + joined.other_depreciation_usd,
    )
    rows = joined.mutate(
        cumulative_ai_capital_expenditure_usd=_running(joined, "ai_capital_expenditure_usd"),
        cumulative_depreciation_usd=_running(joined, "depreciation_usd"),
    )
    return rows.mutate(
        undepreciated_usd=rows.cumulative_ai_capital_expenditure_usd - rows.cumulative_depreciation_usd,
        is_default=(rows.share_path == model.share_path) & (rows.lag == model.in_service_lag_quarters),
        lowest_confidence=confidence_name(rows["rank"]),
        is_third_party_estimate=ibis.literal(True),
        missing_reason=first_text(
            (rows.total.isnull(), NO_VINTAGE),
            (
                rows.cumulative_depreciation_usd.isnull(),
                "an earlier quarter is missing, or the share could not be fitted",
            ),
        ),
    ).select(*AiDepreciationSchedule.to_schema().columns)


def _ai_capital_expenditure(totals: Table, shares: Table) -> Table:
    paid = totals.cross_join(shares)
    return paid.mutate(
        amount=ibis.ifelse(
            paid.share_path == "third_party",
            paid.third_party,
            paid.before * paid.share_before + paid.since * paid.share_since,
        )
    ).select("share_path", "lag", "number", "total", "amount", "is_estimated", "is_forecast", "rank")


def _charges(paid: Table, model: DepreciationParameters) -> Table:
    """Depreciation of each quarter over all vintages paid until then; null where one of them is null."""
    charged = quarters_from_to(model.first_quarter, model.last_quarter).select(charged="number")
    pairs = paid.select("share_path", "lag", paid="number", amount="amount").cross_join(charged)
    pairs = pairs.filter(pairs.paid <= pairs.charged)
    age = pairs.charged - pairs.paid - pairs.lag
    compute = charge_of_quarter(age, model.compute_life_years * QUARTERS_PER_YEAR) * model.compute_share
    other = charge_of_quarter(age, model.other_life_years * QUARTERS_PER_YEAR) * (1 - model.compute_share)
    has_gap = (pairs.amount.isnull() & (age >= 0)).any()
    return pairs.group_by("share_path", "lag", number=pairs.charged).agg(
        compute_depreciation_usd=_sum_or_null(pairs.amount * compute, has_gap),
        other_depreciation_usd=_sum_or_null(pairs.amount * other, has_gap),
    )


def _running(rows: Table, name: str) -> NumericValue:
    """Sum from the model's start to the quarter; null from the first missing quarter on."""
    so_far = ibis.window(group_by=["share_path", "lag"], order_by="number", preceding=None, following=0)
    has_gap = rows[name].isnull().cast("int64").sum().over(so_far) > 0
    return ibis.ifelse(has_gap, ibis.null(dt.float64), rows[name].sum().over(so_far))
