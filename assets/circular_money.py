"""Circular money: deals between companies of the chain, what of them counts, pairs and exposure.

What belongs here: `mart.circular_commitments`, `mart.circular_commitment_pairs`, `mart.circular_commitment_exposure`. What does not:
bills and losses (`assets.unit_economics`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import BooleanValue, NumericValue, StringValue, Table

from assets.expressions import first_text, quarter_label, ratio, whole
from assets.sourced import confidence_name, confidence_rank, listed, used
from schemas.mart.backlog import Backlog
from schemas.mart.circular_money import CircularCommitmentExposure, CircularCommitmentPairs, CircularCommitments
from schemas.mart.profit_pools import ProfitPools
from schemas.raw import reference_events, reference_figures
from warehouse.methodology import Methodology
from warehouse.methodology_debate import MainDefinition

COMPANY_KINDS = ["listed_company", "private_company"]
NO_BACKLOG = "no level of a main backlog (backlog.main_definitions) is known"


def circular_commitments(
    commitments: Annotated[Table, reference_events.CircularCommitments],
    methodology: Methodology,
) -> Annotated[Table, CircularCommitments]:
    """Every sourced deal with its flow, its firmness and what of it counts. Grain: row of the reference file."""
    rules = methodology.circular_money
    rows = commitments.rename(
        investor="payer", investor_ticker="payer_ticker", investee="payee", investee_ticker="payee_ticker"
    )
    may_count = (rows.conflict_resolution == "used") & rows.counts_in_totals & (rows.status != "lapsed")
    counts = may_count & rows.amount_usd.notnull()
    reason = first_text(
        (rows.status == "lapsed", "lapsed: never made definitive"),
        (
            rows.conflict_resolution != "used",
            ibis.literal("another row of the same deal is used, rule ") + rows.conflict_rule.fill_null("none"),
        ),
        (rows.form == "stake_value", "value of a stake, no money"),
        (rows.amount_usd.isnull(), "no value was disclosed"),
        (~rows.counts_in_totals, "an aggregate, an upper bound or a second mention of other rows"),
    )
    return rows.mutate(
        flow=_mapped(rows.form, rules.flows),
        firmness=_mapped(rows.status, rules.firmness),
        counted_usd=ibis.ifelse(counts, rows.amount_usd, 0.0),
        counts_in_totals=counts,
        not_counted_reason=reason,
        rounding_usd=rows.rounding,
        lowest_confidence=rows.confidence,
        source_ids=ibis.literal("raw.circular_commitments/") + rows.reference_id,
        missing_reason=ibis.ifelse(rows.amount_usd.isnull(), "no value was disclosed", ibis.null(dt.string)),
    ).select(*CircularCommitments.to_schema().columns)


def _mapped(value: StringValue, names: Mapping[str, str]) -> StringValue:
    return ibis.cases(*[(value == key, name) for key, name in names.items()])


def _both_sides(commitments: Table) -> Table:
    """Each deal twice: as the investor sees it (`is_out`) and as the investee sees it."""
    rows = commitments.filter(commitments.conflict_resolution == "used")
    shared = ["flow", "counted_usd", "rounding_usd", "counts_in_totals", "firmness", "is_circular", "source_ids"]
    shared += ["amount_usd", "is_third_party_estimate"]
    place = confidence_rank(rows.lowest_confidence).cast("int64")
    return rows.select(
        *shared,
        party=rows.investor,
        party_ticker=rows.investor_ticker,
        other=rows.investee,
        is_out=ibis.literal(True),
        place=place,
    ).union(
        rows.select(
            *shared,
            party=rows.investee,
            party_ticker=rows.investee_ticker,
            other=rows.investor,
            is_out=ibis.literal(False),
            place=place,
        )
    )


def _sum(rows: Table, condition: BooleanValue) -> ibis.Value:
    return rows.counted_usd.sum(where=condition).fill_null(0.0)


def circular_commitment_pairs(
    commitments: Annotated[Table, CircularCommitments],
) -> Annotated[Table, CircularCommitmentPairs]:
    """Counted money between two companies, net of what comes back. Grain: pair of companies."""
    rows = _both_sides(commitments)
    invests, buys, out = rows.flow == "investment", rows.flow == "purchase", rows.is_out
    pairs = rows.group_by(funder=rows.party, counterparty=rows.other).agg(
        invested_usd=_sum(rows, invests & out),
        invested_back_usd=_sum(rows, invests & ~out),
        purchases_from_funder_usd=_sum(rows, buys & ~out),
        purchases_by_funder_usd=_sum(rows, buys & out),
        backstops_usd=_sum(rows, rows.flow == "backstop"),
        paid_usd=_sum(rows, rows.firmness == "paid"),
        rounding_usd=rows.rounding_usd.sum(where=rows.counts_in_totals) / 2,
        deals=whole(rows.counts_in_totals.cast("int64").sum()),
        deals_without_amount=whole(rows.amount_usd.isnull().cast("int64").sum()),
        is_circular=rows.is_circular.any(),
        place=rows.place.max(),
        is_third_party_estimate=rows.is_third_party_estimate.any(),
        source_ids=listed(rows.source_ids),
    )
    more = pairs.invested_usd - pairs.invested_back_usd
    sells = pairs.purchases_from_funder_usd - pairs.purchases_by_funder_usd
    first_named = pairs.funder < pairs.counterparty
    pairs = pairs.filter((more > 0) | ((more == 0) & ((sells > 0) | ((sells == 0) & first_named))))
    out_usd = pairs.invested_usd + pairs.purchases_by_funder_usd
    back_usd = pairs.invested_back_usd + pairs.purchases_from_funder_usd
    return pairs.mutate(
        net_usd=out_usd - back_usd,
        round_trip_usd=ibis.least(out_usd, back_usd),
        returned_per_dollar_invested_ratio=ratio(pairs.purchases_from_funder_usd, pairs.invested_usd),
        lowest_confidence=confidence_name(pairs.place),
        missing_reason=first_text(
            (pairs.deals == 0, "no row between the two counts"),
            (pairs.deals_without_amount > 0, "a deal between the two has no disclosed value"),
            (pairs.invested_usd == 0, "no investment counts between the two"),
        ),
    ).select(*CircularCommitmentPairs.to_schema().columns)


def circular_commitment_exposure(
    commitments: Annotated[Table, CircularCommitments],
    profit_pools: Annotated[Table, ProfitPools],
    backlog: Annotated[Table, Backlog],
    ai_revenue: Annotated[Table, reference_figures.AiRevenue],
    reference_entities: Annotated[Table, reference_events.ReferenceEntities],
    methodology: Methodology,
) -> Annotated[Table, CircularCommitmentExposure]:
    """Counted deals of a company against its revenue and backlog. Grain: company."""
    rows = _both_sides(commitments)
    kinds = reference_entities.filter(reference_entities.kind.isin(COMPANY_KINDS)).select(party="entity")
    rows = rows.semi_join(kinds, "party")
    invests, buys, out = rows.flow == "investment", rows.flow == "purchase", rows.is_out
    sums = rows.group_by(company=rows.party).agg(
        ticker=rows.party_ticker.max(),
        invested_usd=_sum(rows, invests & out),
        received_investment_usd=_sum(rows, invests & ~out),
        purchases_owed_usd=_sum(rows, buys & out),
        purchases_due_usd=_sum(rows, buys & ~out),
        circular_purchases_due_usd=_sum(rows, buys & ~out & rows.is_circular),
        backstops_given_usd=_sum(rows, (rows.flow == "backstop") & out),
        rounding_usd=rows.rounding_usd.sum(where=rows.counts_in_totals) / 2,
        place=rows.place.max(),
        is_third_party_estimate=rows.is_third_party_estimate.any(),
        deal_ids=listed(rows.source_ids),
    )
    keyed = sums.mutate(key=ibis.coalesce(sums.ticker, sums.company))
    keyed = keyed.left_join(_yearly_revenue(profit_pools, ai_revenue), "key").drop("key_right")
    keyed = keyed.left_join(_newest_backlog(backlog, methodology.backlog.main_definitions), "ticker").drop(
        "ticker_right"
    )
    return _against_revenue_and_backlog(keyed).select(*CircularCommitmentExposure.to_schema().columns)


def _yearly_revenue(pools: Table, ai_revenue: Table) -> Table:
    """The newest revenue of a year per company: four quarters, or a calendar year as a source reports it."""
    four = pools.filter(pools.entity_kind == "company", pools.span == "ttm", pools.revenue_usd.notnull())
    years = used(ai_revenue).filter(ai_revenue.metric == "company_revenue", ai_revenue.basis == "calendar_year")
    ttm = four.select(
        key=four.entity,
        revenue_usd=four.revenue_usd,
        revenue_basis=ibis.literal("ttm"),
        revenue_until_quarter=four.quarter,
        revenue_place=confidence_rank(four.lowest_confidence).cast("int64"),
        revenue_estimate=four.is_third_party_estimate,
        revenue_ids=four.source_ids,
    )
    reported = years.select(
        key=years.entity,
        revenue_usd=years.value,
        revenue_basis=ibis.literal("calendar_year"),
        revenue_until_quarter=quarter_label(years.period_end_date),
        revenue_place=confidence_rank(years.confidence).cast("int64"),
        revenue_estimate=years.is_third_party_estimate,
        revenue_ids=ibis.literal("raw.ai_revenue/") + years.reference_id,
    )
    both = ttm.union(reported)
    newest = ibis.row_number().over(ibis.window(group_by="key", order_by=ibis.desc("revenue_until_quarter")))
    return both.mutate(place_in_time=newest).filter(ibis._.place_in_time == 0).drop("place_in_time")


def _newest_backlog(backlog: Table, definitions: tuple[MainDefinition, ...]) -> Table:
    """The newest level of each company's main backlog."""
    chosen = ibis.or_(
        *[(backlog.entity == main.entity) & (backlog.definition == main.definition) for main in definitions]
    )
    rows = backlog.filter(chosen, backlog.remaining_performance_obligation_usd.notnull())
    newest = ibis.row_number().over(ibis.window(group_by="ticker", order_by=ibis.desc("quarter")))
    rows = rows.mutate(place_in_time=newest)
    rows = rows.filter(rows.place_in_time == 0)
    return rows.select(
        "ticker",
        "remaining_performance_obligation_usd",
        backlog_definition=rows.entity + ibis.literal(", ") + rows.definition,
        backlog_quarter=rows.quarter,
        backlog_place=confidence_rank(rows.lowest_confidence).cast("int64"),
        backlog_ids=rows.source_ids,
    )


def _against_revenue_and_backlog(table: Table) -> Table:
    obligation = table.remaining_performance_obligation_usd
    due = (table.purchases_due_usd > 0) & obligation.isnull()

    def percent(part: str, whole_amount: NumericValue) -> ibis.Value:
        return 100 * ratio(table[part], whole_amount)

    ids = [table.revenue_ids, table.backlog_ids]
    sources = table.deal_ids
    for more in ids:
        sources = sources + (ibis.literal(", ") + more).fill_null("")
    places = [table.place, table.revenue_place.fill_null(0), table.backlog_place.fill_null(0)]
    return table.mutate(
        invested_revenue_pct=percent("invested_usd", table.revenue_usd),
        purchases_owed_revenue_pct=percent("purchases_owed_usd", table.revenue_usd),
        purchases_due_revenue_pct=percent("purchases_due_usd", table.revenue_usd),
        purchases_due_backlog_pct=percent("purchases_due_usd", obligation),
        circular_purchases_due_backlog_pct=percent("circular_purchases_due_usd", obligation),
        lowest_confidence=confidence_name(ibis.greatest(*places)),
        is_third_party_estimate=table.is_third_party_estimate | table.revenue_estimate.fill_null(False),
        source_ids=sources,
        missing_reason=first_text(
            (table.revenue_usd.isnull(), "no revenue of a whole year is known"),
            (due, NO_BACKLOG),
            (obligation.isnull(), f"{NO_BACKLOG}, and no purchases from it count"),
        ),
    )
