"""What is filed and not yet usable.

What belongs here: `meta.awaited_filings`. What does not: asking for filings (`pipelines.edgar`) and late companies, which depend
on the day and not on the data (`warehouse.lateness`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
from ibis.expr.types import Table

from assets.facts import ANNUAL_FORMS
from schemas.base import Microseconds
from schemas.core import facts as core_facts
from schemas.core import quarters as core_quarters
from schemas.meta.watching import AwaitedFilings
from schemas.raw import configuration, filings

STATEMENT_FORMS = ["10-Q", "10-Q/A", "10-QT", "10-KT", *ANNUAL_FORMS]


def awaited_filings(
    filing_index: Annotated[Table, filings.FilingIndex],
    universe: Annotated[Table, configuration.Universe],
    statement_facts: Annotated[Table, core_facts.StatementFacts],
    missing_quarters: Annotated[Table, core_quarters.MissingQuarters],
) -> Annotated[Table, AwaitedFilings]:
    """Filings that the index has and companyfacts have not, and filings whose figures stand under a company's own tags.

    Grain: ticker × accession. Empty with the bundled filings, which have no index, unless a company's newest quarter lacks such figures.
    """
    timestamp = Microseconds.type
    pending = filing_index.filter(filing_index.facts_state.notnull()).join(universe, "cik")
    from_index = pending.select(
        "ticker",
        "accession",
        "form",
        "filed_date",
        awaited_since=ibis.coalesce(pending.acceptance_at, pending.filed_date.cast(timestamp)),
        state=pending.facts_state,
        concepts=ibis.null("string"),
    )
    waiting = missing_quarters.filter(missing_quarters.reason == "awaiting_source")
    wanted = waiting.group_by("ticker", "period_end_date").agg(
        concepts=waiting.concept.group_concat(", ", order_by=waiting.concept)
    )
    statements = statement_facts.filter(statement_facts.form.isin(STATEMENT_FORMS), statement_facts.accession.notnull())
    first = statements.group_by("ticker", "period_end_date").agg(
        accession=statements.accession.first(order_by=[statements.filed_date, statements.accession]),
        form=statements.form.first(order_by=[statements.filed_date, statements.accession]),
        filed_date=statements.filed_date.min(),
    )
    own_tags = wanted.join(first, ["ticker", "period_end_date"])
    from_tags = own_tags.group_by("ticker", "accession", "form", "filed_date").agg(
        awaited_since=own_tags.filed_date.min().cast(timestamp),
        state=ibis.literal("awaiting_source"),
        concepts=own_tags.concepts.min(),
    )
    return from_index.union(from_tags).select(*AwaitedFilings.to_schema().columns)
