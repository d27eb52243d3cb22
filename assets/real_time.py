"""What was known when: fundamentals and scores as of a day, score vintages, restatements.

What belongs here: expressions that look at `core.quarters_history` as of days. What does not: the history itself (`assets.quarters`).
"""

from __future__ import annotations

import datetime
from typing import Annotated

import ibis
from ibis.expr.types import DateValue, Table

from assets.expressions import shift_days
from assets.fundamentals import fundamentals
from assets.prosperity import composite_of, composite_scores, sub_indices, variant_scores
from schemas.core.facts import Companies, FiscalQuarters
from schemas.core.quarters import FiscalYearToDate, Quarters, QuartersHistory
from schemas.mart.real_time import CompositeScoreVintages, Restatements
from schemas.raw.configuration import ConceptApplicability
from warehouse.concepts import ConceptMap
from warehouse.methodology import IndexParameters, Methodology

RESTATED = ["restated", "derived_input_restated", "reclassified_tag"]
VINTAGE = ("vintage_date",)


def known_on(history: Table, day: DateValue) -> Table:
    """The rows of the history that were the known ones on a day."""
    return history.filter(
        history.known_from_date <= day, history.known_to_date.isnull() | (history.known_to_date > day)
    )


def fundamentals_of(
    known: Table,
    fiscal_quarters: Table,
    concept_applicability: Table,
    concepts: ConceptMap,
    methodology: Methodology,
    vintage: tuple[str, ...] = (),
) -> Table:
    """`core.fundamentals` from history rows of one state of knowledge, or of several told apart by `vintage` columns."""
    discrete, to_date = _by_measure(known)
    return fundamentals(
        discrete.select(*vintage, *Quarters.to_schema().columns),
        to_date.select(*vintage, *FiscalYearToDate.to_schema().columns),
        fiscal_quarters,
        concept_applicability,
        concepts,
        methodology,
        vintage,
    )


def _by_measure(history: Table) -> tuple[Table, Table]:
    """Discrete quarters and balances, and spans of the year to date."""
    return history.filter(history.measure != "fiscal_ytd"), history.filter(history.measure == "fiscal_ytd")


def composite_score_vintages(
    quarters_history: Annotated[Table, QuartersHistory],
    fiscal_quarters: Annotated[Table, FiscalQuarters],
    concept_applicability: Annotated[Table, ConceptApplicability],
    companies: Annotated[Table, Companies],
    concepts: ConceptMap,
    methodology: Methodology,
) -> Annotated[Table, CompositeScoreVintages]:
    """Scores of the tiers at each month's end since the first month of methodology.yaml, all vintages in one statement.

    Grain: vintage × tier × basis × quarter. A vintage sees only rows of the history that were the known ones that day.
    """
    index = methodology.index
    known = _known_at(quarters_history, month_ends(quarters_history, index.vintages.first_month), index)
    panel = fundamentals_of(known, fiscal_quarters, concept_applicability, concepts, methodology, VINTAGE)
    composite = composite_of(variant_scores(panel, companies, index, index.default, VINTAGE), index, VINTAGE)
    of_members = known.semi_join(companies.filter(companies.in_prosperity_index), "ticker")
    newest = of_members.group_by("vintage_date").agg(latest_filed_date=of_members.known_from_date.max())
    tiers = composite.filter(composite.entity_kind == "tier", composite.quarter >= index.window.first_quarter)
    return (
        tiers.drop("tier")
        .rename(tier="entity")
        .join(newest, "vintage_date")
        .select(*CompositeScoreVintages.to_schema().columns)
    )


def month_ends(history: Table, first_month: datetime.date) -> Table:
    """Every month's end from the first month up to the newest filing, as `vintage_date`."""
    newest = history.agg(newest=history.known_from_date.max())
    first_number = first_month.year * 12 + first_month.month
    count = newest.newest.year() * 12 + newest.newest.month() - first_number + 1
    months = newest.select("newest", number=first_number + ibis.range(0, count.cast("int64")).unnest())
    # Months are numbered from 1, so the number itself names the month after: its first day less one is the month's end.
    next_first = ibis.date((months.number // 12).cast("int64"), (months.number % 12 + 1).cast("int64"), ibis.literal(1))
    ends = months.select("newest", vintage_date=shift_days(next_first, -1))
    return ends.filter(ends.vintage_date <= ends.newest).select("vintage_date")


def _known_at(history: Table, days: Table, index: IndexParameters) -> Table:
    """History rows under every `vintage_date` on which they were the known ones, for the fiscal years that vintages cover."""
    joined = history.filter(history.fiscal_year >= index.vintages.first_fiscal_year).cross_join(days)
    return known_on(joined, joined.vintage_date)


def restatements(
    quarters_history: Annotated[Table, QuartersHistory],
    fiscal_quarters: Annotated[Table, FiscalQuarters],
    concept_applicability: Annotated[Table, ConceptApplicability],
    companies: Annotated[Table, Companies],
    concepts: ConceptMap,
    methodology: Methodology,
) -> Annotated[Table, Restatements]:
    """Every change of a value known before, with the company's ROIC and score of that quarter the day before and on the day.

    Grain: ticker × concept × measure × fiscal quarter × filing day. Rounding-only changes are left out; ROIC and scores are compared
    for filings since the first vintage.
    """
    index = methodology.index
    changed = quarters_history.filter(quarters_history.reason.isin(RESTATED))
    days = changed.filter(changed.known_from_date >= index.vintages.first_month).select(
        filed_date=changed.known_from_date
    )
    both = days.union(days.mutate(filed_date=shift_days(days.filed_date, -1))).distinct()
    known = _known_at(quarters_history, both.rename(vintage_date="filed_date"), index)
    panel = fundamentals_of(known, fiscal_quarters, concept_applicability, concepts, methodology, VINTAGE)
    states = _states(panel, companies, index)
    changed = _with_newest_accession(changed)
    rows = changed.mutate(
        filed_date=changed.known_from_date,
        day_before=shift_days(changed.known_from_date, -1),
        difference=changed.value - changed.value_before,
        difference_pct=100 * (changed.value - changed.value_before) / changed.value_before.abs().nullif(0),
    )
    rows = _beside(rows.drop("basis_break"), states.rename(roic_ttm_pct="roic", composite_score="score"), "filed_date")
    before = states.rename(roic_ttm_before_pct="roic", composite_score_before="score", breaks_before="breaks")
    rows = _beside(rows, before, "day_before")
    rows = rows.mutate(basis_break=rows.breaks.fill_null(False) | rows.breaks_before.fill_null(False))
    return rows.select(*Restatements.to_schema().columns)


def _with_newest_accession(changed: Table) -> Table:
    """Add the filing of the fact filed last: a difference also changes by the fact that is taken away."""
    key = ["ticker", "concept", "measure", "fiscal_year", "fiscal_quarter", "known_from_date"]
    used = changed.select(*key, fact=changed.facts.unnest())
    newest = used.group_by(*key).agg(fact=used.fact.argmax(used.fact["filed_date"]))
    newest = newest.select(*key, accession=newest.fact["accession"])
    return changed.left_join(newest, key).drop(*[f"{name}_right" for name in key])


def _states(panel: Table, companies: Table, index: IndexParameters) -> Table:
    """ROIC and company score (fiscal_ytd) per vintage and fiscal quarter."""
    composite = composite_of(variant_scores(panel, companies, index, index.default, VINTAGE), index, VINTAGE)
    scores = composite.filter(composite.entity_kind == "company", composite.basis == "fiscal_ytd").select(
        "vintage_date", "basis_break", ticker="entity", report_quarter="quarter", score="composite_score"
    )
    key = ["vintage_date", "ticker", "report_quarter"]
    joined = panel.drop("basis_break").left_join(scores, key).drop(*[f"{name}_right" for name in key])
    return joined.select(
        "vintage_date",
        "ticker",
        "fiscal_year",
        "fiscal_quarter",
        "score",
        roic="roic_ttm_pct",
        breaks=joined.basis_break.fill_null(False),
    )


def _beside(rows: Table, states: Table, day: str) -> Table:
    """Put the state of a day beside each row."""
    place = ["ticker", "fiscal_year", "fiscal_quarter"]
    joined = rows.left_join(states, [*place, rows[day] == states.vintage_date])
    return joined.drop("vintage_date", *[f"{name}_right" for name in place])


def fundamentals_as_of(
    quarters_history: Table,
    fiscal_quarters: Table,
    concept_applicability: Table,
    concepts: ConceptMap,
    methodology: Methodology,
    day: DateValue,
) -> Table:
    """`core.fundamentals` as it was known on a day; published as a table macro."""
    # Parted before the day is looked at, so that the two parts share no step: what is shared compiles to a common table
    # expression, and clients before DuckDB 1.4.2 can't read a macro that holds one.
    discrete, to_date = (known_on(part, day) for part in _by_measure(quarters_history))
    return fundamentals(
        discrete.select(*Quarters.to_schema().columns),
        to_date.select(*FiscalYearToDate.to_schema().columns),
        fiscal_quarters,
        concept_applicability,
        concepts,
        methodology,
    )


def composite_scores_as_of(
    quarters_history: Table,
    fiscal_quarters: Table,
    concept_applicability: Table,
    companies: Table,
    concepts: ConceptMap,
    methodology: Methodology,
    day: DateValue,
) -> Table:
    """`mart.composite_scores` as it was known on a day; published as a table macro."""
    panel = fundamentals_as_of(quarters_history, fiscal_quarters, concept_applicability, concepts, methodology, day)
    return composite_scores(sub_indices(panel, companies, methodology), methodology)
