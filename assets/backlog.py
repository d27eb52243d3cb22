"""Backlog: level, growth within one definition, conversion into revenue, concentration.

What belongs here: `mart.backlog`. What does not: the deals inside it (`assets.circular_money`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import Table

from assets.expressions import calendar_quarter, first_text, growth, quarter_number, ratio, shift_days
from assets.sourced import FILINGS, confidence_name, confidence_rank, listed, used
from schemas.core.fundamentals import Fundamentals
from schemas.mart.backlog import Backlog
from schemas.mart.circular_money import CircularCommitments
from schemas.mart.profit_pools import ProfitPools
from schemas.raw.reference_events import ReferenceEntities
from schemas.raw.reference_figures import RemainingPerformanceObligations
from warehouse.methodology import Methodology
from warehouse.methodology_debate import BacklogParameters

KEY = ["entity", "ticker", "definition", "quarter"]
LEVEL = "remaining_performance_obligation"
FILED_DEFINITION = "company_total"
# A level closes a quarter of about 90 days, so the midpoint rule of periods gives its quarter too.
QUARTER_DAYS = 90
YEAR_DAYS = 365


def backlog(
    obligations: Annotated[Table, RemainingPerformanceObligations],
    fundamentals: Annotated[Table, Fundamentals],
    reference_entities: Annotated[Table, ReferenceEntities],
    profit_pools: Annotated[Table, ProfitPools],
    commitments: Annotated[Table, CircularCommitments],
    methodology: Methodology,
) -> Annotated[Table, Backlog]:
    """Backlog per company or segment and definition. Grain: entity × definition × calendar quarter.

    A structured fact stands for the definition company_total and beats its transcription. Conversion takes the segment's revenue where
    the backlog is a segment's, else the company's.
    """
    sourced = _sourced(obligations)
    filed = _filed(fundamentals, reference_entities)
    keys = sourced.select(*KEY).union(filed.select(*KEY)).distinct()
    levels = keys.left_join(sourced, KEY).drop(*[f"{name}_right" for name in KEY])
    levels = levels.left_join(filed, KEY).drop(*[f"{name}_right" for name in KEY])
    levels = levels.filter(levels.sourced_usd.notnull() | levels.filed_usd.notnull())
    levels = _with_breaks(levels, methodology.backlog)
    table = _with_growth(levels)
    table = _with_commitments(table, commitments, methodology.backlog)
    table = _with_revenue(table, profit_pools, reference_entities)
    return _with_ratios(table).select(*Backlog.to_schema().columns)


def _sourced(obligations: Table) -> Table:
    rows = used(obligations).filter(obligations.basis == "point", obligations.definition != "leases")
    rows = rows.mutate(quarter=calendar_quarter(shift_days(rows.as_of_date, -QUARTER_DAYS), rows.as_of_date))
    rows = rows.mutate(reference=ibis.literal("raw.remaining_performance_obligations/") + rows.reference_id)

    def figure(metric: str, name: str = "value") -> ibis.Value:
        return rows[name].max(where=rows.metric == metric)

    return rows.group_by(*KEY).agg(
        sourced_date=figure(LEVEL, "as_of_date"),
        sourced_usd=figure(LEVEL),
        step=figure(LEVEL, "rounding"),
        flagged=(rows.is_definition_break & (rows.metric == LEVEL)).any(),
        note=figure(LEVEL, "note"),
        disclosed_growth_pct=100 * figure("growth"),
        growth_excluding_largest_customer_pct=100 * figure("growth_excluding_largest_customer"),
        next_twelve_months_share_pct=100 * figure("share_next_twelve_months"),
        largest_customer_share_pct=100 * figure("largest_customer_share"),
        largest_customer_qualifier=figure("largest_customer_share", "qualifier"),
        place=confidence_rank(rows.confidence).max().cast("int64"),
        estimated=rows.is_third_party_estimate.any(),
        references=listed(rows.reference),
    )


def _filed(fundamentals: Table, entities: Table) -> Table:
    names = entities.filter(entities.kind == "listed_company").select("entity", "ticker")
    rows = fundamentals.filter(fundamentals[f"{LEVEL}_usd"].notnull())
    rows = rows.left_join(names, "ticker").drop("ticker_right")
    return rows.select(
        "ticker",
        # A company that somebody added to the universe need not be in the reference file.
        entity=ibis.coalesce(rows.entity, rows.ticker),
        definition=ibis.literal(FILED_DEFINITION),
        quarter=rows.calendar_quarter,
        filed_date=rows.period_end_date,
        filed_usd=rows[f"{LEVEL}_usd"],
        filed_source=ibis.literal(f"{FILINGS}/") + rows.ticker + ibis.literal("/") + rows.calendar_quarter,
    )


def _with_breaks(levels: Table, parameters: BacklogParameters) -> Table:
    listed_breaks = [
        (
            (levels.entity == found.entity)
            & (levels.definition == found.definition)
            & (levels.quarter == found.quarter),
            found.reason,
        )
        for found in parameters.breaks
    ]
    flagged = levels.flagged.fill_null(False)
    reason = first_text(*listed_breaks, (flagged, levels.note.fill_null("flagged in the reference file")))
    is_filed = levels.filed_usd.notnull()
    return levels.mutate(
        number=quarter_number(levels.quarter),
        as_of_date=ibis.coalesce(levels.filed_date, levels.sourced_date),
        remaining_performance_obligation_usd=ibis.coalesce(levels.filed_usd, levels.sourced_usd),
        is_filed=is_filed,
        rounding_usd=ibis.ifelse(is_filed, ibis.null(dt.float64), levels.step),
        break_reason=reason,
        is_definition_break=reason.notnull(),
        place=levels.place.fill_null(0),
        is_third_party_estimate=levels.estimated.fill_null(False),
        source_ids=ibis.cases(
            (levels.filed_source.isnull(), levels.references),
            (levels.references.isnull(), levels.filed_source),
            else_=levels.filed_source + ibis.literal(", ") + levels.references,
        ),
    )


def _with_growth(levels: Table) -> Table:
    """Growth against the same definition; the quarters compared with are joined, not counted, because quarters may be absent."""
    key = ["entity", "definition", "number"]
    table = levels
    for lag, name in ((4, "level_year_before"), (1, "level_quarter_before")):
        before = levels.select(
            "entity", "definition", number=levels.number + lag, **{name: levels.remaining_performance_obligation_usd}
        )
        table = table.left_join(before, key).drop(*[f"{column}_right" for column in key])
    year = ibis.range_window(group_by=["entity", "definition"], order_by="number", preceding=3, following=0)
    level = table.remaining_performance_obligation_usd
    return table.mutate(
        growth_pct=100 * growth(level, table.level_year_before),
        growth_quarter_pct=100 * growth(level, table.level_quarter_before),
        growth_crosses_break=table.is_definition_break.any().over(year),
    )


def _with_commitments(table: Table, commitments: Table, parameters: BacklogParameters) -> Table:
    """Circular purchases agreed in the year up to the level, which may be in it; unknown where one dated later is known to be in it."""
    deals = commitments.filter(
        commitments.counts_in_totals, commitments.is_circular, commitments.form == "purchase_commitment"
    ).select(deal_ticker="investee_ticker", deal_usd="counted_usd", agreed="agreed_date", deal_id="source_ids")
    near = table.select("entity", "definition", "quarter", "ticker", "as_of_date").join(
        deals,
        [
            ibis._.ticker == deals.deal_ticker,
            deals.agreed <= ibis._.as_of_date,
            deals.agreed > shift_days(ibis._.as_of_date, -YEAR_DAYS),
        ],
    )
    key = ["entity", "definition", "quarter"]
    sums = near.group_by(*key).agg(large=near.deal_usd.sum(), deal_ids=listed(near.deal_id))
    joined = table.left_join(sums, key).drop(*[f"{name}_right" for name in key])
    later = first_text(
        *[
            ((joined.ticker == known.ticker) & (joined.quarter == known.quarter), known.reference_id)
            for known in parameters.later_commitments
        ],
        (ibis.literal(False), ""),
    )
    large = ibis.ifelse(later.isnull(), joined.large.fill_null(0.0), ibis.null(dt.float64))
    without = 100 * growth(joined.remaining_performance_obligation_usd - large, joined.level_year_before)
    return joined.mutate(
        later_commitment=later,
        large_commitments_usd=large,
        growth_without_large_commitments_pct=ibis.ifelse(large > 0, without, ibis.null(dt.float64)),
        source_ids=ibis.ifelse(
            joined.deal_ids.isnull(), joined.source_ids, joined.source_ids + ibis.literal(", ") + joined.deal_ids
        ),
    )


def _with_revenue(table: Table, pools: Table, entities: Table) -> Table:
    kinds = entities.select("entity", "kind")
    table = table.left_join(kinds, "entity").drop("entity_right")
    table = table.mutate(
        revenue_entity=ibis.ifelse(table.kind.isin(["segment", "product"]), table.entity, table.ticker)
    )
    revenue = pools.filter(pools.span == "ttm", pools.entity_kind != "tier").select(
        revenue_entity="entity", number=quarter_number(pools.quarter), revenue_ttm_usd="revenue_usd"
    )
    key = ["revenue_entity", "number"]
    table = table.left_join(revenue, key).drop(*[f"{name}_right" for name in key])
    later = revenue.select(
        "revenue_entity", number=revenue.number - 4, revenue_next_four_quarters_usd=revenue.revenue_ttm_usd
    )
    return table.left_join(later, key).drop(*[f"{name}_right" for name in key])


def _with_ratios(table: Table) -> Table:
    level = table.remaining_performance_obligation_usd
    return table.mutate(
        conversion_ratio=ratio(table.revenue_next_four_quarters_usd, level),
        trailing_conversion_ratio=ratio(table.revenue_ttm_usd, table.level_year_before),
        backlog_revenue_ratio=ratio(level, table.revenue_ttm_usd),
        lowest_confidence=confidence_name(table.place),
        missing_reason=first_text(
            (table.level_year_before.isnull(), "the level a year before is not known in this definition"),
            (table.revenue_ttm_usd.isnull(), "revenue of four quarters is missing, see mart.profit_pools"),
            (table.revenue_next_four_quarters_usd.isnull(), "the next four quarters are not all reported yet"),
        ),
    )
