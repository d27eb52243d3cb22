"""The prosperity index: sub-indices per company and tier, composite scores, growth gap.

What belongs here: `mart.sub_indices`, `mart.composite_scores`, `mart.growth_gap`. What does not: coverage (`assets.coverage`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import FloatingScalar, StringValue, StructValue, Table

from assets.expressions import QUARTERS_PER_YEAR, all_texts, first_text, growth, quarters_before, ratio
from assets.normalisation import scored
from assets.tiers import complete_tiers, names_where
from schemas.core.facts import Companies
from schemas.core.fundamentals import Fundamentals
from schemas.mart.prosperity import CompositeScores, GrowthGap, SubIndices
from warehouse.methodology import IndexParameters, IndexVariant, Methodology

# Basis → (suffix of the flow columns, ROIC column, quarter column, basis break column).
BASIS_COLUMNS = {
    "fiscal_ytd": ("_fiscal_ytd_usd", "roic_fiscal_ytd_pct", "report_quarter", "basis_break_fiscal_ytd"),
    "quarter": ("_usd", "roic_quarter_pct", "calendar_quarter", "basis_break"),
    "ttm": ("_ttm_usd", "roic_ttm_pct", "calendar_quarter", "basis_break_ttm"),
}
ENTITY = ["entity_kind", "entity", "tier", "basis", "quarter"]


def sub_indices(
    fundamentals: Annotated[Table, Fundamentals],
    companies: Annotated[Table, Companies],
    methodology: Methodology,
    vintage: tuple[str, ...] = (),
) -> Annotated[Table, SubIndices]:
    """Revenue growth, change of ROIC and change of capital expenditure ÷ depreciation, with their scores.

    Growth and the change of capital expenditure ÷ depreciation compare with the same fiscal quarter a year before, ROIC with the
    quarter before. Tier = simple mean of the index members; mean and deviation (population) come from all tiers and quarters of the
    window, companies and quarters outside use the same. `vintage` names key columns that separate states of knowledge.
    """
    scores = variant_scores(fundamentals, companies, methodology.index, methodology.index.default, vintage)
    return scores.select(*vintage, *SubIndices.to_schema().columns)


def variant_scores(
    fundamentals: Table,
    companies: Table,
    index: IndexParameters,
    variant: IndexVariant,
    vintage: tuple[str, ...] = (),
) -> Table:
    """Values and scores of companies and tiers by one variant of the method; the columns of `mart.sub_indices` and more."""
    company_values = _company_values(fundamentals, companies, index, vintage)
    return scores_of_values(company_values, companies, index, variant, vintage)


def scores_of_values(
    company_values: Table,
    companies: Table,
    index: IndexParameters,
    variant: IndexVariant,
    vintage: tuple[str, ...] = (),
) -> Table:
    """The same from values of companies: the columns of `mart.sub_indices` up to the scores, and `weight` for weighted means."""
    if variant.members == "all":
        companies = companies.mutate(in_prosperity_index=ibis.literal(True))
    tiers = _tier_values(company_values, companies, variant, vintage)
    values = scored(company_values.drop("weight").union(tiers), index, variant, vintage)
    empty = values.value.notnull() & values.score.isnull()
    return values.mutate(missing_reason=ibis.ifelse(empty, "the normalisation window is empty", values.missing_reason))


def composite_scores(
    sub_indices: Annotated[Table, SubIndices],
    methodology: Methodology,
    vintage: tuple[str, ...] = (),
) -> Annotated[Table, CompositeScores]:
    """The weighted mean of the three scores per company or tier, basis and quarter; null when one of them is or no member has all.

    Grain: entity × basis × quarter.
    """
    return composite_of(sub_indices, methodology.index, vintage).select(*vintage, *CompositeScores.to_schema().columns)


def composite_of(sub_indices: Table, index: IndexParameters, vintage: tuple[str, ...] = ()) -> Table:
    """The weighted mean of three scores of each entity, wide; null for a tier of which no member has all three values.

    Without such a member the three scores would be those of different companies.
    """
    weights = index.weights
    scores = {f"{name}_score": sub_indices.score.max(where=sub_indices.sub_index == name) for name in weights}
    missing_here = sub_indices.missing_companies.split(", ").length().fill_null(0)
    wide = sub_indices.group_by(*vintage, *ENTITY).agg(
        **scores,
        member_count=(sub_indices.company_count + missing_here).max(),
        is_provisional=sub_indices.is_provisional.any(),
        basis_break=sub_indices.basis_break.any(),
        missing_reason=sub_indices.missing_reason.max(),
    )
    key = [*vintage, *ENTITY]
    wide = wide.left_join(_distinct_names(sub_indices, key), key).drop(*[f"{name}_right" for name in key])
    wide = wide.mutate(company_count=wide.member_count - wide.missing_count.fill_null(0))
    composite = ibis.literal(0.0)
    for name, weight in weights.items():
        composite = composite + wide[f"{name}_score"] * weight
    composite = ibis.ifelse(wide.company_count > 0, composite, ibis.null(dt.float64))
    is_mixed = (wide.entity_kind == "tier") & (wide.company_count == 0)
    return wide.mutate(
        composite_score=composite.clip(0, 100),
        missing_reason=first_text(
            (composite.notnull(), ibis.null(dt.string)),
            (is_mixed, "no member has all three sub-indices"),
            (ibis.literal(True), wide.missing_reason),
        ),
    )


def growth_gap(
    sub_indices: Annotated[Table, SubIndices],
) -> Annotated[Table, GrowthGap]:
    """Revenue growth of the three tiers side by side and upstream's as a multiple of the others'.

    Grain: basis × quarter. A multiple of a growth that is not positive has no meaning and is null.
    """
    tiers = sub_indices.filter(sub_indices.entity_kind == "tier", sub_indices.sub_index == "revenue_growth")
    wide = tiers.group_by("basis", "quarter").agg(
        **{
            f"{tier}_growth": tiers.value.max(where=tiers.entity == tier)
            for tier in ("upstream", "midstream", "downstream")
        },
        is_provisional=tiers.is_provisional.any(),
        missing_companies=tiers.missing_companies.group_concat(", ", order_by=tiers.entity),
    )
    slow = [
        (wide[f"{tier}_growth"].fill_null(0) <= 0, f"{tier} growth is missing or not positive")
        for tier in ("midstream", "downstream")
    ]
    positive = {tier: wide[f"{tier}_growth"] for tier in ("midstream", "downstream")}
    return wide.mutate(
        **{
            f"upstream_{tier}_ratio": ibis.ifelse(value > 0, wide.upstream_growth / value, ibis.null(dt.float64))
            for tier, value in positive.items()
        },
        missing_reason=first_text((wide.upstream_growth.isnull(), "upstream growth is missing"), *slow),
    ).select(*GrowthGap.to_schema().columns)


def _company_values(fundamentals: Table, companies: Table, index: IndexParameters, vintage: tuple[str, ...]) -> Table:
    """Values per company, basis, quarter and sub-index, long."""
    panel = fundamentals.join(companies.select("ticker", "tier"), "ticker")
    # One array of cells: a union would compute the panel, and say all that follows, once per basis and sub-index.
    cells = [_cell(panel, basis, sub_index) for basis in index.bases for sub_index in index.weights]
    own = [*vintage, "tier", "ticker", "quarter_index"]
    long = panel.select(*own, cell=ibis.array(cells).unnest()).unpack("cell")
    dated = _with_earlier(long, [*vintage, "ticker", "basis", "sub_index"])
    difference = dated.measure - dated.before
    value = ibis.ifelse(dated.sub_index == "roic_change", difference, growth(dated.measure, dated.before))
    return dated.select(
        *vintage,
        "tier",
        "basis",
        "quarter",
        "sub_index",
        "weight",
        entity_kind=ibis.literal("company"),
        entity=dated.ticker,
        value=value,
        company_count=value.notnull().cast("int64"),
        is_provisional=value.isnull(),
        missing_companies=ibis.ifelse(value.isnull(), dated.ticker, ibis.null(dt.string)),
        basis_break=dated.break_here | dated.break_before,
        missing_reason=first_text(
            (value.notnull(), ibis.null(dt.string)),
            (dated.missing.notnull(), dated.missing),
            (dated.before.isnull(), "the period compared with is missing"),
            (ibis.literal(True), "the period compared with is not positive"),
        ),
    )


def _cell(panel: Table, basis: str, sub_index: str) -> StructValue:
    """What a sub-index measures on a basis, with the revenue as weight and what the measure lacks."""
    suffix, roic, quarter, basis_break = BASIS_COLUMNS[basis]
    measure = {
        "revenue_growth": panel[f"revenue{suffix}"],
        "roic_change": panel[roic] / 100,
        "capex_depreciation_change": ratio(
            panel[f"capital_expenditure{suffix}"], panel[f"depreciation_amortization{suffix}"]
        ),
    }[sub_index]
    depends_on_depreciation = sub_index == "capex_depreciation_change"
    return ibis.struct(
        {
            "basis": ibis.literal(basis),
            "quarter": panel[quarter],
            "sub_index": ibis.literal(sub_index),
            "measure": measure,
            "weight": panel[f"revenue{suffix}"],
            "break_here": panel[basis_break] if depends_on_depreciation else ibis.literal(False),
            "missing": _missing(panel, sub_index, suffix),
        }
    )


def _missing(panel: Table, sub_index: str, suffix: str) -> StringValue:
    needs = {
        "revenue_growth": ["revenue"],
        "roic_change": ["operating_income", "income_tax", "pretax_income"],
        "capex_depreciation_change": ["capital_expenditure", "depreciation_amortization"],
    }[sub_index]
    lacking = [(panel[f"{name}{suffix}"].isnull(), f"{name} is missing") for name in needs]
    flows = all_texts(*lacking) + ibis.literal(", see core.missing_quarters")
    if sub_index != "roic_change":
        return flows
    parts = ibis.literal("invested capital lacks ") + panel.missing_capital_parts
    return all_texts(
        (panel.invested_capital_usd.isnull(), parts.fill_null("invested capital is missing")),
        (panel.invested_capital_usd <= 0, "invested capital is not positive"),
        (flows.notnull(), flows),
    )


def _with_earlier(long: Table, key: list[str]) -> Table:
    """Add the measure compared with, and whether it has a basis break: ROIC of the quarter before, all else of a year before."""
    is_quarterly = long.sub_index == "roic_change"
    quarter, year = (quarters_before(lag, group_by=key, order_by="quarter_index") for lag in (1, QUARTERS_PER_YEAR))
    breaks = ibis.ifelse(is_quarterly, long.break_here.any().over(quarter), long.break_here.any().over(year))
    return long.mutate(
        before=ibis.ifelse(is_quarterly, long.measure.max().over(quarter), long.measure.max().over(year)),
        break_before=breaks.fill_null(False),
    )


def _tier_values(company_values: Table, companies: Table, variant: IndexVariant, vintage: tuple[str, ...]) -> Table:
    """Means over the members; quarters in which not every member has a value are provisional."""
    key = [*vintage, "basis", "quarter", "sub_index"]
    members = complete_tiers(company_values, companies, key)
    grouped = members.group_by("tier", *key).agg(
        value=_tier_mean(members, variant),
        company_count=members.value.count(),
        is_provisional=members.value.isnull().any(),
        missing_companies=names_where(members.entity, members.value.isnull()),
        basis_break=members.basis_break.any().fill_null(False),
    )
    return grouped.mutate(
        entity_kind=ibis.literal("tier"),
        entity=grouped.tier,
        missing_reason=ibis.ifelse(grouped.value.isnull(), "no member has a value", ibis.null(dt.string)),
    ).select(*company_values.drop("weight").columns)


def _tier_mean(members: Table, variant: IndexVariant) -> FloatingScalar:
    if variant.tier_aggregation == "mean":
        return members.value.mean()
    weight = ibis.ifelse(members.value.notnull(), members.weight, ibis.null(dt.float64))
    return (members.value * weight).sum() / weight.sum().nullif(0)


def _distinct_names(sub_indices: Table, key: list[str]) -> Table:
    """Names that any of an entity's three rows misses, each once, and how many they are."""
    named = sub_indices.filter(sub_indices.missing_companies.notnull())
    names = named.select(*key, name=named.missing_companies.split(", ").unnest()).distinct()
    return names.group_by(*key).agg(
        missing_companies=names.name.group_concat(", ", order_by=names.name), missing_count=names.count()
    )
