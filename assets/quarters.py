"""Facts to quarters: one value per company, concept and fiscal quarter, as it was known at any time.

What belongs here: choosing among tags, versions and spans, and differencing them. What does not: what is computed from quarters
(`assets.fundamentals`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import StringValue, StructValue, Table

from assets.expressions import days_between
from assets.facts import DISCRETE_DAYS, START_TOLERANCE_DAYS
from schemas.base import FACTS_TYPE
from schemas.core import facts as core_facts
from schemas.core import quarters as core
from schemas.raw import configuration

QUARTER_KEY = ["ticker", "concept", "fiscal_year", "fiscal_quarter"]
EVENT_KEY = [*QUARTER_KEY, "event_date"]
# Facts are printed in millions: a change of at most half of one per fact is rounding.
HALF_A_MILLION = 500_000
NO_FACTS = ibis.null(FACTS_TYPE)


def quarters_history(
    statement_facts: Annotated[Table, core_facts.StatementFacts],
    fiscal_quarters: Annotated[Table, core_facts.FiscalQuarters],
    concept_tags: Annotated[Table, configuration.ConceptTags],
) -> Annotated[Table, core.QuartersHistory]:
    """Every value each fiscal quarter has had and when it was the known one.

    For each day on which a fact that matters for a quarter became public, the quarter is derived anew from the latest versions known
    by then; consecutive equal values become one row. Tags are tried in priority order; within a tag as reported, then by difference
    (6M−3M, 9M−6M, year−9M); only where no tag gives the quarter, by difference across tags. Differences never span two bases.
    Quirks: cash-flow lines are mostly filed year to date only, so 56 % of their quarters are differences; of fourth quarters 81 %
    are, because annual reports give the year.
    """
    candidates = _candidates(statement_facts, concept_tags)
    flows = _flow_values(candidates.filter(candidates.kind == "flow"), fiscal_quarters)
    balances = _balance_values(candidates.filter(candidates.kind == "balance"), fiscal_quarters)
    return _with_periods(_changes(flows.union(balances)), fiscal_quarters, concept_tags)


def quarters(
    quarters_history: Annotated[Table, core.QuartersHistory],
) -> Annotated[Table, core.Quarters]:
    """The values of discrete quarters and quarter-end balances that are known now.

    Grain: ticker × concept × fiscal year × fiscal quarter.
    """
    current = quarters_history.filter(quarters_history.known_to_date.isnull(), quarters_history.measure != "fiscal_ytd")
    return current.select(*core.Quarters.to_schema().columns)


def fiscal_year_to_date(
    quarters_history: Annotated[Table, core.QuartersHistory],
) -> Annotated[Table, core.FiscalYearToDate]:
    """The flows since the start of the fiscal year that are known now, as filed.

    Grain: ticker × concept × fiscal year × fiscal quarter.
    """
    current = quarters_history.filter(quarters_history.known_to_date.isnull(), quarters_history.measure == "fiscal_ytd")
    return current.select(*core.FiscalYearToDate.to_schema().columns)


def _candidates(statement_facts: Table, concept_tags: Table) -> Table:
    """Facts with each alternative and part they can serve; where the first version wins, later ones are left out."""
    facts = statement_facts.join(concept_tags.drop("kind", "unit"), ["ticker", "concept", "taxonomy", "tag"])
    facts = facts.filter(facts.period_end_date <= facts.until_date)
    period = ["ticker", "concept", "alternative", "part", "period_start_date", "period_end_date"]
    first_known = facts.known_from_date.min().over(group_by=period)
    facts = facts.filter((facts.version == "latest") | (facts.known_from_date == first_known))
    fact = ibis.struct(
        {
            "accession": facts.accession,
            "taxonomy": facts.taxonomy,
            "tag": facts.tag,
            "period_start_date": facts.period_start_date,
            "period_end_date": facts.period_end_date,
            "value": facts.value,
            "filed_date": facts.filed_date,
            "sign": facts.sign,
            "basis": facts.basis,
        }
    )
    return facts.select(
        "ticker",
        "concept",
        "kind",
        "alternative",
        "part",
        "part_count",
        "sign",
        "is_derived",
        "carry_forward_quarters",
        "days",
        "known_from_date",
        fact_start_date=facts.period_start_date,
        fact_end_date=facts.period_end_date,
        version_order=facts.filed_date.cast("string") + ibis.coalesce(facts.accession, ""),
        fact=fact,
    )


def _at_quarter_ends(candidates: Table, fiscal_quarters: Table) -> Table:
    """Candidates that end with a fiscal quarter, with that quarter."""
    places = fiscal_quarters.select(
        "ticker",
        "fiscal_year",
        "fiscal_quarter",
        "quarter_index",
        "fiscal_year_start_date",
        fact_end_date="period_end_date",
    )
    return candidates.join(places, ["ticker", "fact_end_date"])


def _flow_values(candidates: Table, fiscal_quarters: Table) -> Table:
    """Discrete and year-to-date values of flows per event: EVENT_KEY × measure."""
    slotted = _flow_slots(_at_quarter_ends(candidates, fiscal_quarters))
    parts = _latest_by_event(slotted, ["alternative", "part", "part_count", "sign", "is_derived"], _flow_part)
    quarters = _complete_alternatives(parts.mutate(**_quarter_of_tag(parts))).union(_cross_tag_differences(parts))
    spans = _complete_alternatives(parts.mutate(**_span_of_tag(parts)))
    return _first_alternative(quarters, "quarter").union(_first_alternative(spans, "fiscal_ytd"))


def _flow_slots(placed: Table) -> Table:
    """Facts under the quarters they matter for: the quarter itself, its year to date, and the year to date before it."""
    is_discrete = placed.days.between(*DISCRETE_DAYS)
    is_ytd = days_between(placed.fact_start_date, placed.fiscal_year_start_date).abs() <= START_TOLERANCE_DAYS
    columns = [
        *QUARTER_KEY,
        "alternative",
        "part",
        "part_count",
        "sign",
        "is_derived",
        "known_from_date",
        "version_order",
        "fact",
    ]
    here = placed.filter(is_discrete | is_ytd)
    is_first = here.fiscal_quarter == 1
    own = here.mutate(
        is_discrete=here.days.between(*DISCRETE_DAYS),
        is_ytd=is_first
        | (days_between(here.fact_start_date, here.fiscal_year_start_date).abs() <= START_TOLERANCE_DAYS),
        is_before=ibis.literal(False),
    ).select(*columns, "is_discrete", "is_ytd", "is_before")
    before = placed.filter(is_ytd, placed.fiscal_quarter < 4)
    next_quarter = before.mutate(
        fiscal_quarter=before.fiscal_quarter + 1,
        is_discrete=ibis.literal(False),
        is_ytd=ibis.literal(False),
        is_before=ibis.literal(True),
    ).select(*columns, "is_discrete", "is_ytd", "is_before")
    return own.union(next_quarter)


def _latest_by_event(slotted: Table, group: list[str], slots: Callable[[Table], dict[str, StructValue]]) -> Table:
    """For each event (a day on which something that matters for the quarter became public) each slot's latest version by then."""
    events = slotted.select(*QUARTER_KEY, event_date=slotted.known_from_date).distinct()
    known = slotted.join(events, QUARTER_KEY)
    known = known.filter(known.known_from_date <= known.event_date)
    return known.group_by(*EVENT_KEY, *group).agg(**slots(known))


def _flow_part(known: Table) -> dict[str, StructValue]:
    return {
        "discrete": known.fact.argmax(known.version_order, where=known.is_discrete),
        "ytd": known.fact.argmax(known.version_order, where=known.is_ytd),
        "before": known.fact.argmax(known.version_order, where=known.is_before),
    }


def _signed(fact: StructValue, factor: int = 1) -> StructValue:
    """A fact as it enters a sum, without its basis."""
    fields = {name: fact[name] for name in FACTS_TYPE.value_type.names if name != "sign"}
    return ibis.struct({**fields, "sign": fact["sign"] * factor})


def _quarter_of_tag(parts: Table) -> dict[str, ibis.Value]:
    """Value, method and facts of one tag's discrete quarter: as reported, else by difference on one basis."""
    as_reported = parts.discrete.notnull()
    same_basis = parts.ytd["basis"] == parts.before["basis"]
    is_difference = ~as_reported & same_basis.fill_null(False)
    by_difference = ibis.ifelse(parts.fiscal_quarter == 4, "year_minus_nine_months", "ytd_difference")
    is_recast = parts.ytd["basis"] == "recast"
    return {
        "value": ibis.cases(
            (as_reported, parts.discrete["value"]), (is_difference, parts.ytd["value"] - parts.before["value"])
        ),
        "method": ibis.cases((as_reported, "reported"), (is_difference, by_difference)),
        "facts": ibis.cases(
            (as_reported, ibis.array([_signed(parts.discrete)])),
            (is_difference, ibis.array([_signed(parts.ytd), _signed(parts.before, -1)])),
        ),
        "basis_break": ibis.ifelse(as_reported, parts.discrete["basis"] == "recast", is_recast).fill_null(False),
    }


def _span_of_tag(parts: Table) -> dict[str, ibis.Value]:
    """Value and fact of one tag's year to date."""
    return {
        "value": parts.ytd["value"],
        "method": ibis.literal("reported"),
        "facts": ibis.ifelse(parts.ytd.notnull(), ibis.array([_signed(parts.ytd)]), NO_FACTS),
        "basis_break": (parts.ytd["basis"] == "recast").fill_null(False),
    }


def _complete_alternatives(parts: Table) -> Table:
    """Signed sums over the parts of each alternative that has all of them; a sum of some parts is no value."""
    has_value = parts.value.notnull()
    sums = parts.group_by(*EVENT_KEY, "alternative", "part_count", "is_derived").agg(
        found=has_value.sum(),
        value=(parts.value * parts.sign).sum(),
        method=parts.method.max(),
        facts=parts.facts.collect(where=has_value, order_by="part").flatten(),
        basis_break=parts.basis_break.any(where=has_value),
    )
    sums = sums.filter(sums.found == sums.part_count)
    combined = ibis.cases((sums.is_derived, "derived"), (sums.part_count > 1, "sum"), else_=sums.method)
    return sums.mutate(method=combined)


def _first_alternative(alternatives: Table, measure: str) -> Table:
    """The value of the alternative with the highest priority."""
    chosen = ibis.struct({name: alternatives[name] for name in ("value", "method", "facts", "basis_break")})
    best = alternatives.group_by(*EVENT_KEY).agg(best=chosen.argmin(alternatives.alternative))
    return best.select(
        *EVENT_KEY,
        measure=ibis.literal(measure),
        value=best.best["value"],
        method=best.best["method"],
        facts=best.best["facts"],
        basis_break=best.best["basis_break"],
    )


def _cross_tag_differences(parts: Table) -> Table:
    """Differences between two tags of a concept, ranked behind every single tag.

    A company that switches tags inside a fiscal year leaves the old tag's first quarter and the new tag's half year.
    """
    single = parts.filter(parts.part_count == 1, ~parts.is_derived)
    pooled = single.group_by(*EVENT_KEY).agg(
        ytd=single.ytd.argmin(single.alternative, where=single.ytd.notnull()),
        before=single.before.argmin(single.alternative, where=single.before.notnull()),
    )
    pooled = pooled.filter(
        (pooled.ytd["basis"] == pooled.before["basis"]).fill_null(False), pooled.ytd["tag"] != pooled.before["tag"]
    )
    return pooled.select(
        *EVENT_KEY,
        alternative=ibis.literal(1_000, dt.int64),
        part_count=ibis.literal(1, dt.int64),
        is_derived=ibis.literal(False),
        found=ibis.literal(1, dt.int64),
        value=pooled.ytd["value"] - pooled.before["value"],
        method=ibis.literal("cross_tag_difference"),
        facts=ibis.array([_signed(pooled.ytd), _signed(pooled.before, -1)]),
        basis_break=pooled.ytd["basis"] == "recast",
    )


def _balance_values(candidates: Table, fiscal_quarters: Table) -> Table:
    """Balances at quarter ends per event; a balance disclosed only now and then stands for the next quarters as well."""
    placed = _at_quarter_ends(candidates, fiscal_quarters).drop("fiscal_year", "fiscal_quarter")
    lags = [_carried(placed, fiscal_quarters, lag) for lag in range(4)]
    slotted = lags[0].union(*lags[1:])
    group = ["alternative", "part", "part_count", "sign", "is_derived", "lag"]
    parts = _latest_by_event(slotted, group, lambda known: {"fact": known.fact.argmax(known.version_order)})
    sums = parts.group_by(*EVENT_KEY, "alternative", "part_count", "is_derived", "lag").agg(
        found=parts.count(),
        value=(parts.fact["value"] * parts.sign).sum(),
        facts=_signed(parts.fact).collect(order_by="part"),
        basis_break=(parts.fact["basis"] == "recast").any(),
    )
    sums = sums.filter(sums.found == sums.part_count)
    method = ibis.cases(
        (sums.lag > 0, "carried_forward"),
        (sums.is_derived, "derived"),
        (sums.part_count > 1, "sum"),
        else_="reported",
    )
    ranked = sums.mutate(method=method, alternative=sums.lag * 1_000 + sums.alternative)
    return _first_alternative(ranked, "balance")


def _carried(placed: Table, fiscal_quarters: Table, lag: int) -> Table:
    """Balances under the quarter `lag` quarters later; known there not before that quarter's own first filing."""
    targets = fiscal_quarters.select(
        "ticker", "fiscal_year", "fiscal_quarter", "known_from_date", target_index=fiscal_quarters.quarter_index
    )
    targets = targets.rename(target_known_date="known_from_date")
    moved = placed.filter(placed.carry_forward_quarters >= lag).mutate(target_index=placed.quarter_index + lag)
    moved = moved.join(targets, ["ticker", "target_index"])
    known = moved.known_from_date if lag == 0 else ibis.greatest(moved.known_from_date, moved.target_known_date)
    return moved.select(
        *QUARTER_KEY,
        "alternative",
        "part",
        "part_count",
        "sign",
        "is_derived",
        "version_order",
        "fact",
        known_from_date=known,
        lag=ibis.literal(lag, dt.int64),
    )


def _changes(values: Table) -> Table:
    """Keep the events at which the value changed, each with the day on which the next change was known."""
    key = [*QUARTER_KEY, "measure"]
    in_order = ibis.window(group_by=key, order_by="event_date")
    marked = values.filter(values.value.notnull())
    marked = marked.mutate(previous_value=marked.value.lag().over(in_order))
    changed = marked.filter(marked.previous_value.isnull() | (marked.previous_value != marked.value))
    return changed.mutate(
        known_from_date=changed.event_date,
        known_to_date=changed.event_date.lead().over(in_order),
        value_before=changed.previous_value,
        reason=_change_reason(changed, in_order),
    ).drop("previous_value", "event_date")


def _change_reason(changed: Table, in_order: Any) -> StringValue:
    """Why a value differs from the one known before."""
    previous = changed.facts.lag().over(in_order)
    fact_count = changed.facts.length() + previous.length()
    is_rounding = (changed.value - changed.previous_value).abs() <= HALF_A_MILLION * fact_count
    return ibis.cases(
        (changed.previous_value.isnull(), "first_report"),
        (is_rounding, "rounding"),
        (changed.facts[0]["tag"] != previous[0]["tag"], "reclassified_tag"),
        (changed.facts.length() > 1, "derived_input_restated"),
        else_="restated",
    )


def _with_periods(values: Table, fiscal_quarters: Table, concept_tags: Table) -> Table:
    periods = fiscal_quarters.select(
        "ticker",
        "fiscal_year",
        "fiscal_quarter",
        "period_start_date",
        "period_end_date",
        "calendar_quarter",
        "report_quarter",
    )
    units = concept_tags.select("ticker", "concept", "unit").distinct()
    return (
        values.join(periods, ["ticker", "fiscal_year", "fiscal_quarter"])
        .join(units, ["ticker", "concept"])
        .select(*core.QuartersHistory.to_schema().columns)
    )
