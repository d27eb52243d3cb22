"""Depreciation against revenue, as filed.

What belongs here: `mart.depreciation_coverage`. What does not: the model of AI depreciation.
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table

from assets.expressions import QUARTERS_PER_YEAR, first_text, quarter_number, quarters_before, ratio
from assets.tiers import complete_tiers, names_where
from schemas.core.facts import Companies
from schemas.core.fundamentals import Fundamentals
from schemas.mart.coverage import DepreciationCoverage

AMOUNTS = ["revenue", "depreciation_amortization", "capital_expenditure", "operating_income"]
SPAN_COLUMNS = {"quarter": ("_usd", "basis_break"), "ttm": ("_ttm_usd", "basis_break_ttm")}


def depreciation_coverage(
    fundamentals: Annotated[Table, Fundamentals],
    companies: Annotated[Table, Companies],
) -> Annotated[Table, DepreciationCoverage]:
    """Revenue, capital expenditure and operating income against depreciation, per company and tier.

    Grain: entity × span × calendar quarter. Tiers sum their index members and stay null until all of them have the amount. A row
    without revenue or depreciation of a company in it is provisional and names the company.
    Year-over-year differences need the same span a year before; null otherwise.
    """
    panel = fundamentals.join(companies.select("ticker", "tier"), "ticker")
    amounts = ibis.union(*[_company_amounts(panel, span) for span in SPAN_COLUMNS])
    entities = amounts.union(_tier_amounts(amounts, companies))
    return _with_ratios(entities).select(*DepreciationCoverage.to_schema().columns)


def _company_amounts(panel: Table, span: str) -> Table:
    suffix, basis_break = SPAN_COLUMNS[span]
    lacks = panel[f"revenue{suffix}"].isnull() | panel[f"depreciation_amortization{suffix}"].isnull()
    return panel.select(
        entity_kind=ibis.literal("company"),
        entity=panel.ticker,
        tier=panel.tier,
        span=ibis.literal(span),
        quarter=panel.calendar_quarter,
        **{f"{name}_usd": panel[f"{name}{suffix}"] for name in AMOUNTS},
        is_provisional=lacks,
        missing_companies=ibis.ifelse(lacks, panel.ticker, ibis.null(dt.string)),
        basis_break=panel[basis_break],
    )


def _tier_amounts(amounts: Table, companies: Table) -> Table:
    members = complete_tiers(amounts, companies, ["span", "quarter"])
    lacks = members.revenue_usd.isnull() | members.depreciation_amortization_usd.isnull()
    sums = members.group_by("tier", "span", "quarter").agg(
        **{
            f"{name}_usd": ibis.ifelse(
                members[f"{name}_usd"].isnull().any(), ibis.null(dt.float64), members[f"{name}_usd"].sum()
            )
            for name in AMOUNTS
        },
        is_provisional=lacks.any(),
        missing_companies=names_where(members.entity, lacks),
        basis_break=members.basis_break.any().fill_null(False),
    )
    return sums.mutate(entity_kind=ibis.literal("tier"), entity=sums.tier).select(*amounts.columns)


def _with_ratios(entities: Table) -> Table:
    numbered = entities.mutate(number=quarter_number(entities.quarter))
    year_before = quarters_before(QUARTERS_PER_YEAR, group_by=["entity_kind", "entity", "span"], order_by="number")

    def change(name: str) -> ibis.Value:
        return numbered[name] - numbered[name].max().over(year_before)

    depreciation = numbered.depreciation_amortization_usd
    table = numbered.mutate(
        revenue_depreciation_ratio=ratio(numbered.revenue_usd, depreciation),
        depreciation_revenue_pct=100 * ratio(depreciation, numbered.revenue_usd),
        capex_depreciation_ratio=ratio(numbered.capital_expenditure_usd, depreciation),
        incremental_revenue_usd=change("revenue_usd"),
        incremental_depreciation_usd=change("depreciation_amortization_usd"),
        operating_income_before_depreciation_ratio=ratio(numbered.operating_income_usd + depreciation, depreciation),
    )
    return table.mutate(
        incremental_coverage_ratio=ibis.ifelse(
            table.incremental_depreciation_usd > 0,
            table.incremental_revenue_usd / table.incremental_depreciation_usd,
            ibis.null(dt.float64),
        ),
        missing_reason=first_text(
            (
                (table.entity_kind == "tier") & table.missing_companies.notnull(),
                ibis.literal("revenue or depreciation is missing at ") + table.missing_companies,
            ),
            (table.revenue_usd.isnull(), "revenue is missing, see core.missing_quarters"),
            (table.depreciation_amortization_usd.isnull(), "depreciation is missing, see core.missing_quarters"),
            (table.capital_expenditure_usd.isnull(), "capital expenditure is missing, see core.missing_quarters"),
            (table.operating_income_usd.isnull(), "operating income is missing, see core.missing_quarters"),
            (table.incremental_depreciation_usd.isnull(), "the span a year before is missing"),
            (table.incremental_depreciation_usd <= 0, "depreciation did not grow"),
        ),
    )
