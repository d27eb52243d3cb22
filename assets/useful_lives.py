"""Useful lives: who changed what when, and depreciation put on one common life.

What belongs here: `mart.useful_life_policies`, `mart.harmonised_depreciation`. What does not: the AI model (`assets.ai_depreciation`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import NumericValue, Table

from assets.expressions import days_between, first_text, ratio
from assets.sourced import confidence_name, confidence_rank, used, values_table
from schemas.core.fundamentals import Fundamentals
from schemas.mart import useful_lives as mart
from schemas.raw.reference_events import UsefulLifePolicies
from warehouse.methodology import Methodology
from warehouse.methodology_ai import UsefulLifeParameters

COMPUTE_KINDS = ["servers", "servers_and_network"]
DAYS_PER_QUARTER = 91.3
DEPRECIATION, AMORTIZATION = "property_depreciation", "depreciation_amortization"


def life_factor(new: NumericValue, old: NumericValue, parameters: UsefulLifeParameters) -> NumericValue:
    """How the charge on the same property changes when compute goes from one life to another, in a steady state."""
    share, rest = parameters.compute_share, (1 - parameters.compute_share) / parameters.other_life_years
    return (share / new + rest) / (share / old + rest)


def useful_life_policies(
    useful_life_policies: Annotated[Table, UsefulLifePolicies],
    fundamentals: Annotated[Table, Fundamentals],
    methodology: Methodology,
) -> Annotated[Table, mart.UsefulLifePolicies]:
    """One row per change or policy in use, with the effect as disclosed and as the formula gives it.

    Reported depreciation is on the new life, so the formula's effect is reported × (1 − 1 ÷ factor). Only lives of servers have one.
    """
    rows = used(useful_life_policies)
    rows = _with_reported(rows, fundamentals)
    in_order = ibis.window(
        group_by="entity",
        order_by=[rows.effective_date.isnull(), rows.effective_date.asc(nulls_first=False), rows.reference_id],
    )
    change = rows.life_after_years - rows.life_before_years
    effect = ibis.cases(
        (rows.effect_measure == "depreciation", rows.effect_usd),
        (rows.effect_measure == "operating_income", -rows.effect_usd),
    )
    factor = life_factor(rows.life_after_years, rows.life_before_years, methodology.ai.useful_lives)
    is_compute = rows.asset_kind.isin(COMPUTE_KINDS)
    computed = ibis.ifelse(is_compute, rows.reported_depreciation_usd * (1 - 1 / factor), ibis.null(dt.float64))
    return rows.mutate(
        sequence=(ibis.row_number().over(in_order) + 1).cast("int64"),
        change_years=change,
        direction=ibis.cases(
            (rows.event == "policy", "in_force"), (change > 0, "longer"), (change < 0, "shorter"), else_="unknown"
        ),
        depreciation_effect_usd=effect,
        depreciation_effect_pct=100 * ratio(effect, rows.reported_depreciation_usd - effect),
        formula_effect_usd=computed,
        missing_reason=first_text(
            (rows.event == "policy", "a policy in force has no effect"),
            (rows.effect_usd.isnull(), "no effect is disclosed"),
            (effect.isnull(), "the effect is disclosed after tax"),
            (rows.reported_depreciation_usd.isnull(), "depreciation of the period is not in the filings at hand"),
            (~is_compute, "the formula is for servers"),
            (change.isnull(), "the life before or after is not sourced"),
        ),
    ).select(*mart.UsefulLifePolicies.to_schema().columns)


def _with_reported(rows: Table, fundamentals: Table) -> Table:
    """Adds the depreciation that the filings give for the period of the effect, null unless every quarter is there."""
    quarters = fundamentals.select(
        "property_depreciation_usd",
        "depreciation_amortization_usd",
        filer="ticker",
        begins="period_start_date",
        ends="period_end_date",
    )
    periods = rows.filter(rows.effect_period_start_date.notnull()).select(
        "reference_id", "ticker", "effect_period_start_date", "effect_period_end_date"
    )
    inside = periods.inner_join(
        quarters,
        [
            periods.ticker == quarters.filer,
            quarters.begins >= periods.effect_period_start_date,
            quarters.ends <= periods.effect_period_end_date,
        ],
    )
    length = days_between(inside.effect_period_end_date, inside.effect_period_start_date) + 1
    counted = inside.mutate(needed=(length / DAYS_PER_QUARTER).round(0).cast("int64"))
    sums = counted.group_by("reference_id", "needed").agg(
        depreciation=counted.property_depreciation_usd.sum(),
        depreciation_count=counted.property_depreciation_usd.count(),
        amortization=counted.depreciation_amortization_usd.sum(),
        amortization_count=counted.depreciation_amortization_usd.count(),
    )
    has_depreciation = sums.depreciation_count == sums.needed
    has_amortization = sums.amortization_count == sums.needed
    lines = sums.select(
        "reference_id",
        reported_depreciation_usd=ibis.cases(
            (has_depreciation, sums.depreciation), (has_amortization, sums.amortization)
        ),
        depreciation_measure=ibis.cases((has_depreciation, DEPRECIATION), (has_amortization, AMORTIZATION)),
    )
    return rows.left_join(lines, "reference_id").drop("reference_id_right")


def harmonised_depreciation(
    fundamentals: Annotated[Table, Fundamentals],
    useful_life_policies: Annotated[Table, UsefulLifePolicies],
    methodology: Methodology,
) -> Annotated[Table, mart.HarmonisedDepreciation]:
    """Company × calendar quarter × common life: depreciation as reported and on the common life, by the formula of the table's comment.

    The own life is the one after the latest dated change of servers effective by the quarter's end; a change whose policy covers a part of the
    servers moves it by the partial weight of the parameters only.
    """
    parameters = methodology.ai.useful_lives
    panel = fundamentals.filter(fundamentals.calendar_quarter.substr(0, 4).cast("int64") >= parameters.first_year)
    property_line, whole_line = panel.property_depreciation_usd, panel.depreciation_amortization_usd
    panel = panel.select(
        "ticker",
        "period_end_date",
        "revenue_usd",
        "operating_income_usd",
        quarter=panel.calendar_quarter,
        basis_break=property_line.isnull() & whole_line.notnull() & panel.basis_break,
        reported_depreciation_usd=ibis.coalesce(property_line, whole_line),
        base_measure=ibis.cases((property_line.notnull(), DEPRECIATION), (whole_line.notnull(), AMORTIZATION)),
    )
    owned = _with_own_lives(panel, used(useful_life_policies), parameters)
    lives = values_table("common_life_years", [float(life) for life in parameters.common_lives_years])
    rows = owned.cross_join(lives)
    factor = life_factor(rows.common_life_years, rows.own_life_years, parameters)
    rows = rows.mutate(life_factor_ratio=factor, harmonised_depreciation_usd=rows.reported_depreciation_usd * factor)
    difference = rows.harmonised_depreciation_usd - rows.reported_depreciation_usd
    earning = ibis.ifelse(rows.operating_income_usd > 0, rows.operating_income_usd, ibis.null(dt.float64))
    return rows.mutate(
        is_default=rows.common_life_years == parameters.default_common_life_years,
        difference_usd=difference,
        harmonised_revenue_pct=100 * ratio(rows.harmonised_depreciation_usd, rows.revenue_usd),
        difference_operating_income_pct=100 * ratio(difference, earning),
        missing_reason=first_text(
            (rows.own_life_years.isnull(), "no dated life of servers is sourced for the company by then"),
            (rows.reported_depreciation_usd.isnull(), "depreciation is missing, see core.missing_quarters"),
            (rows.revenue_usd.isnull() | rows.operating_income_usd.isnull(), "see core.missing_quarters"),
            (earning.isnull(), "operating income is not positive"),
        ),
    ).select(*mart.HarmonisedDepreciation.to_schema().columns)


def _with_own_lives(panel: Table, policies: Table, parameters: UsefulLifeParameters) -> Table:
    changes = policies.filter(
        policies.asset_kind.isin(COMPUTE_KINDS),
        policies.event == "change",
        policies.effective_date.notnull(),
        policies.life_after_years.notnull(),
    )
    is_partial = changes.asset_detail.isin(list(parameters.partial_change_details)).fill_null(False)
    step = changes.life_after_years - changes.life_before_years
    partial = changes.life_before_years + step * parameters.partial_change_weight
    changes = changes.select(
        "effective_date",
        holder="ticker",
        life=ibis.ifelse(is_partial & step.notnull(), partial, changes.life_after_years),
        is_partial=is_partial,
        rank=confidence_rank(changes.confidence),
        reference_id=changes.reference_id,
        is_estimate=changes.is_third_party_estimate,
    )
    begun = panel.select("ticker", "period_end_date").inner_join(
        changes,
        [ibis._.ticker == changes.holder, changes.effective_date <= ibis._.period_end_date],
    )
    latest = begun.group_by("ticker", "period_end_date").agg(
        own_life_years=begun.life.argmax(begun.effective_date),
        own_life_is_partial=begun.is_partial.argmax(begun.effective_date),
        rank=begun["rank"].argmax(begun.effective_date),
        is_third_party_estimate=begun.is_estimate.argmax(begun.effective_date),
        source_ids=begun.reference_id.argmax(begun.effective_date),
    )
    key = ["ticker", "period_end_date"]
    rows = panel.left_join(latest, key).drop(*[f"{name}_right" for name in key])
    return rows.mutate(
        own_life_is_partial=rows.own_life_is_partial.fill_null(False),
        is_third_party_estimate=rows.is_third_party_estimate.fill_null(False),
        lowest_confidence=confidence_name(rows["rank"].fill_null(0)),
    )
