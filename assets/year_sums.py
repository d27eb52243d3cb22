"""The arithmetic between quarters and fiscal years.

What belongs here: `core.fiscal_year_sums`. What does not: deriving quarters (`assets.quarters`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
from ibis.expr.types import FloatingValue, NumericValue, Table

from schemas.core.facts import StatementFacts
from schemas.core.quarters import FiscalYearToDate, Quarters
from schemas.core.year_sums import FiscalYearSums
from schemas.raw.configuration import KnownRecasts

YEAR = ["ticker", "concept", "fiscal_year"]
PERIOD = ["ticker", "concept", "taxonomy", "tag", "period_start_date", "period_end_date"]
MILLION = 1e6


def fiscal_year_sums(
    quarters: Annotated[Table, Quarters],
    fiscal_year_to_date: Annotated[Table, FiscalYearToDate],
    statement_facts: Annotated[Table, StatementFacts],
    known_recasts: Annotated[Table, KnownRecasts],
) -> Annotated[Table, FiscalYearSums]:
    """Four discrete quarters against the fiscal year as filed, with what rounding and revisions explain.

    Grain: ticker × concept × fiscal year. A fact is taken as printed in millions, or in tens of millions where it ends so.
    """
    whole_years = fiscal_year_to_date.filter(fiscal_year_to_date.fiscal_quarter == 4)
    sums = quarters.group_by(*YEAR).agg(quarters_sum_usd=quarters.value.sum(), quarter_count=quarters.count())
    sums = sums.filter(sums.quarter_count == 4)
    joined = sums.join(whole_years.select(*YEAR, fiscal_year_usd="value"), YEAR)
    used = quarters.select(*YEAR, fact=quarters.facts.unnest()).union(
        whole_years.select(*YEAR, fact=whole_years.facts.unnest())
    )
    explained = joined.join(_explanations(used, statement_facts), YEAR)
    listed = known_recasts.select(*YEAR, listed_in="accession")
    marked = explained.left_join(listed, YEAR).drop(*[f"{name}_right" for name in YEAR])
    difference = marked.quarters_sum_usd - marked.fiscal_year_usd
    return marked.mutate(
        difference_usd=difference,
        is_within_rounding=difference.abs() <= marked.rounding_usd,
        is_listed=marked.listed_in.notnull(),
    ).select(*FiscalYearSums.to_schema().columns)


def _explanations(used: Table, statement_facts: Table) -> Table:
    """Per year: what rounding of the facts explains, and which of them were revised after their first filing."""
    order = statement_facts.filed_date.cast("string") + ibis.coalesce(statement_facts.accession, "")
    first = statement_facts.group_by(*PERIOD).agg(first_value=statement_facts.value.argmin(order))
    facts = used.select(
        *YEAR,
        **{
            name: used.fact[name]
            for name in ("taxonomy", "tag", "period_start_date", "period_end_date", "value", "accession")
        },
    )
    # Balances have no start and join to nothing here: only flows have fiscal years.
    versions = facts.left_join(first, PERIOD).drop(*[f"{name}_right" for name in PERIOD])
    is_revised = (versions.value != versions.first_value).fill_null(False)
    versions = versions.mutate(
        is_revised=is_revised, revised_in=ibis.ifelse(is_revised, versions.accession, ibis.null(str))
    )
    accessions = versions.select(*YEAR, "revised_in").distinct()
    names = accessions.group_by(*YEAR).agg(
        revised_accessions=accessions.revised_in.group_concat(", ", order_by=accessions.revised_in)
    )
    summary = versions.group_by(*YEAR).agg(
        rounding_usd=(_printed_step(versions.value) / 2).sum(), is_revised=versions.is_revised.any()
    )
    return summary.join(names, YEAR)


def _printed_step(value: NumericValue) -> FloatingValue:
    """A million, or ten where the value is a multiple of it."""
    return ibis.ifelse(value % (10 * MILLION) == 0, 10 * MILLION, MILLION)
