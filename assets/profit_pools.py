"""Profit pools: margins and shares of operating profit by company, tier and segment.

What belongs here: `mart.profit_pools`. What does not: depreciation (`assets.coverage`), backlog (`assets.backlog`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import BooleanValue, Table

from assets.expressions import calendar_quarter, first_text, quarter_number, ratio
from assets.sourced import FILINGS, confidence_name, confidence_rank, listed, used
from assets.tiers import names_where
from schemas.core.facts import Companies
from schemas.core.fundamentals import Fundamentals
from schemas.mart.profit_pools import ProfitPools
from schemas.raw.reference_events import ReferenceEntities
from schemas.raw.reference_figures import Segments
from warehouse.methodology import Methodology

AMOUNTS = ["revenue", "gross_profit", "operating_income"]
WHO = ["entity_kind", "entity", "name", "ticker", "tier", "operating_income_method"]
PARTS = [
    *WHO,
    "quarter",
    *[f"{name}_usd" for name in AMOUNTS],
    "operating_income_rounding_usd",
    "is_before_recast",
    "confidence_place",
    "is_third_party_estimate",
    "source_ids",
]
TIERS = ("upstream", "midstream", "downstream")


def profit_pools(
    fundamentals: Annotated[Table, Fundamentals],
    companies: Annotated[Table, Companies],
    segments: Annotated[Table, Segments],
    reference_entities: Annotated[Table, ReferenceEntities],
    methodology: Methodology,
) -> Annotated[Table, ProfitPools]:
    """Margins and shares per company, tier and segment. Grain: entity × span × calendar quarter.

    A company with filings is never taken from a source. Four quarters are summed only where all four are there and on one segment
    structure. Where a source states margins and no income (TSMC), income is margin × revenue and its rounding is carried.
    """
    perimeters = methodology.profit_pools
    quarters = _filed_quarters(fundamentals, companies).union(
        _sourced_quarters(segments, reference_entities, companies)
    )
    spans = _with_span(quarters, "quarter").union(_with_span(_four_quarters(quarters), "ttm"))
    chain = spans.entity.isin(perimeters.chain) & (spans.entity_kind == "company")
    members = spans.mutate(in_chain=chain, in_compute_and_cloud=spans.entity.isin(perimeters.compute_and_cloud))
    entities = members.union(_tiers(members, perimeters.chain).select(members.columns))
    shared = _with_shares(entities, len(perimeters.chain), len(perimeters.compute_and_cloud))
    return shared.select(*ProfitPools.to_schema().columns)


def _filed_quarters(fundamentals: Table, companies: Table) -> Table:
    panel = fundamentals.join(companies.select("ticker", "tier", "name"), "ticker")
    place = ibis.literal(f"{FILINGS}/") + panel.ticker + ibis.literal("/") + panel.calendar_quarter
    return panel.select(
        entity_kind=ibis.literal("company"),
        entity=panel.ticker,
        name=panel["name"],
        ticker=panel.ticker,
        tier=panel.tier,
        operating_income_method=ibis.literal("as_filed"),
        quarter=panel.calendar_quarter,
        **{f"{name}_usd": panel[f"{name}_usd"] for name in AMOUNTS},
        operating_income_rounding_usd=ibis.null(dt.float64),
        is_before_recast=ibis.literal(False),
        confidence_place=ibis.literal(0, "int64"),
        is_third_party_estimate=ibis.literal(False),
        source_ids=place,
    )


def _sourced_quarters(segments: Table, entities: Table, companies: Table) -> Table:
    """Quarters of segments, and of companies without filings here, from sourced figures."""
    known = entities.select("entity", "kind", place_in_chain="tier")
    rows = used(segments).filter(segments.basis == "quarter", segments.ticker.notnull()).join(known, "entity")
    filed = companies.select(filed_ticker="ticker").distinct()
    rows = rows.left_join(filed, rows.ticker == filed.filed_ticker)
    rows = rows.filter((rows.kind != "listed_company") | rows.filed_ticker.isnull())
    rows = rows.mutate(
        entity_kind=ibis.ifelse(rows.kind == "listed_company", "company", "segment"),
        name=rows.entity,
        quarter=calendar_quarter(rows.period_start_date, rows.period_end_date),
        reference=ibis.literal("raw.segments/") + rows.reference_id,
    )
    rows = rows.mutate(entity=ibis.ifelse(rows.entity_kind == "company", rows.ticker, rows.name))

    def figure(metric: str, name: str = "value") -> ibis.Value:
        return rows[name].max(where=rows.metric == metric)

    wide = rows.group_by("entity_kind", "entity", "name", "ticker", "place_in_chain", "quarter").agg(
        revenue_usd=figure("revenue"),
        gross_margin=figure("gross_margin"),
        operating_margin=figure("operating_margin"),
        operating_income=figure("operating_income"),
        revenue_step=figure("revenue", "rounding"),
        margin_step=figure("operating_margin", "rounding"),
        income_step=figure("operating_income", "rounding"),
        is_before_recast=(rows.segment_basis == "before_recast").any(),
        confidence_place=confidence_rank(rows.confidence).max().cast("int64"),
        is_third_party_estimate=rows.is_third_party_estimate.any(),
        source_ids=listed(rows.reference),
    )
    # Growth alone (Azure) gives no pool.
    wide = wide.filter(wide.revenue_usd.notnull() | wide.operating_income.notnull())
    from_margin = wide.operating_income.isnull() & wide.operating_margin.notnull()
    margin_error = wide.margin_step / 2 * wide.revenue_usd + wide.revenue_step / 2 * wide.operating_margin.abs()
    return wide.mutate(
        tier=wide.place_in_chain,
        gross_profit_usd=wide.gross_margin * wide.revenue_usd,
        operating_income_usd=ibis.coalesce(wide.operating_income, wide.operating_margin * wide.revenue_usd),
        operating_income_rounding_usd=ibis.ifelse(from_margin, margin_error, wide.income_step / 2),
        operating_income_method=ibis.ifelse(from_margin, "margin_times_revenue", "as_disclosed"),
    ).select(*PARTS)


def _with_span(quarters: Table, span: str) -> Table:
    return quarters.select(*PARTS).mutate(span=ibis.literal(span))


def _four_quarters(quarters: Table) -> Table:
    """Sums of four consecutive quarters; an amount is null when one of them lacks it or stands on another structure."""
    ends = quarters.select("entity_kind", "entity", end_quarter="quarter", end_method="operating_income_method")
    ends = ends.mutate(end=quarter_number(ends.end_quarter))
    parts = quarters.mutate(number=quarter_number(quarters.quarter))
    joined = ends.join(
        parts,
        [
            ends.entity_kind == parts.entity_kind,
            ends.entity == parts.entity,
            parts.number <= ends.end,
            parts.number > ends.end - 4,
        ],
        rname="part_{name}",
    )
    key = ["entity_kind", "entity", "name", "ticker", "tier", "end_quarter", "end_method"]
    one_structure = joined.is_before_recast.any() == joined.is_before_recast.all()

    def total(name: str) -> ibis.Value:
        whole = (joined[name].count() == 4) & one_structure
        return ibis.ifelse(whole, joined[name].sum(), ibis.null(dt.float64))

    summed = joined.group_by(*key).agg(
        **{f"{name}_usd": total(f"{name}_usd") for name in AMOUNTS},
        operating_income_rounding_usd=total("operating_income_rounding_usd"),
        is_before_recast=joined.is_before_recast.any(),
        confidence_place=joined.confidence_place.max(),
        is_third_party_estimate=joined.is_third_party_estimate.any(),
        source_ids=listed(joined.source_ids),
    )
    return summed.rename(quarter="end_quarter", operating_income_method="end_method").select(*PARTS)


def _tiers(members: Table, chain: tuple[str, ...]) -> Table:
    """Sums over the companies of the chain; null, with the names, until every member of the tier has the amount."""
    inside = members.filter(members.in_chain)
    everyone = inside.select("tier", "entity").distinct()
    grid = inside.select("tier", "span", "quarter").distinct().join(everyone, "tier")
    key = ["tier", "entity", "span", "quarter"]
    rows = grid.left_join(inside, key).drop(*[f"{name}_right" for name in key])

    def total(name: str) -> ibis.Value:
        return ibis.ifelse(rows[name].isnull().any(), ibis.null(dt.float64), rows[name].sum())

    summed = rows.group_by("tier", "span", "quarter").agg(
        **{f"{name}_usd": total(f"{name}_usd") for name in AMOUNTS},
        operating_income_rounding_usd=rows.operating_income_rounding_usd.sum(),
        is_before_recast=rows.is_before_recast.any().fill_null(False),
        confidence_place=rows.confidence_place.max(),
        is_third_party_estimate=rows.is_third_party_estimate.any().fill_null(False),
        source_ids=rows.source_ids.group_concat(", ", order_by=rows.source_ids),
        lacking=names_where(rows.entity, rows.operating_income_usd.isnull()),
    )
    return summed.mutate(
        entity_kind=ibis.literal("tier"),
        entity=summed.tier,
        name=ibis.literal("Companies of the chain, ") + summed.tier,
        ticker=ibis.null(dt.string),
        operating_income_method=ibis.literal("sum_of_members"),
        in_chain=ibis.literal(False),
        in_compute_and_cloud=ibis.literal(False),
    )


def _perimeter_totals(entities: Table, flag: str, size: int) -> Table:
    """Operating income of a whole perimeter per span and quarter; null unless all its members have it."""
    members = entities.filter(entities[flag])
    income = members.operating_income_usd
    return members.group_by("span", "quarter").agg(
        **{f"{flag}_total": ibis.ifelse(income.count() == size, income.sum(), ibis.null(dt.float64))}
    )


def _with_shares(entities: Table, chain_size: int, cloud_size: int) -> Table:
    key = ["span", "quarter"]
    table = entities
    for flag, size in (("in_chain", chain_size), ("in_compute_and_cloud", cloud_size)):
        totals = _perimeter_totals(entities, flag, size)
        table = table.left_join(totals, key).drop("span_right", "quarter_right")
    parents = entities.filter(entities.entity_kind == "company").select(
        "span", "quarter", ticker="entity", parent_income="operating_income_usd"
    )
    table = table.left_join(parents, ["ticker", *key]).drop("ticker_right", "span_right", "quarter_right")
    is_segment = table.entity_kind == "segment"
    is_member = {
        "in_chain_total": table.in_chain | (table.entity_kind == "tier"),
        "in_compute_and_cloud_total": table.in_compute_and_cloud,
    }

    def share(condition: BooleanValue, total: str) -> ibis.Value:
        part = 100 * ratio(table.operating_income_usd, table[total])
        return ibis.ifelse(condition & (table[total] > 0), part, ibis.null(dt.float64))

    table = table.mutate(
        gross_margin_pct=100 * ratio(table.gross_profit_usd, table.revenue_usd),
        operating_margin_pct=100 * ratio(table.operating_income_usd, table.revenue_usd),
        share_of_parent_pct=share(is_segment, "parent_income"),
        share_of_chain_pct=share(is_member["in_chain_total"], "in_chain_total"),
        share_of_compute_and_cloud_pct=share(is_member["in_compute_and_cloud_total"], "in_compute_and_cloud_total"),
        lowest_confidence=confidence_name(table.confidence_place),
    )
    return table.mutate(missing_reason=_missing_reason(table))


def _missing_reason(table: Table) -> ibis.Value:
    is_filed = table.operating_income_method == "as_filed"
    is_tier = table.entity_kind == "tier"

    def why(name: str) -> ibis.Value:
        return ibis.cases(
            (is_tier, f"{name} is missing at a member of the chain"),
            (is_filed, f"{name} is missing, see core.missing_quarters"),
            else_=f"{name} is not disclosed for all of the span",
        )

    lacks_share = (table.in_chain & table.share_of_chain_pct.isnull()) | (is_tier & table.share_of_chain_pct.isnull())
    return first_text(
        (table.revenue_usd.isnull(), why("revenue")),
        (table.operating_income_usd.isnull(), why("operating income")),
        (lacks_share, "not every company of the chain has operating income for the span"),
        (
            table.in_compute_and_cloud & table.share_of_compute_and_cloud_pct.isnull(),
            "not every member of compute_and_cloud has operating income for the span",
        ),
        (table.gross_profit_usd.isnull(), why("gross profit")),
    )
