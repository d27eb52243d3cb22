"""Raw tables that follow from other raw tables.

What belongs here: `raw.filings`. What does not: reading responses (`warehouse.fact_loading`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
from ibis.expr.types import Table

from assets.expressions import public_day
from schemas.raw import filings as raw

ARCHIVE = "https://www.sec.gov/Archives/edgar/data/"


def filings(
    company_facts: Annotated[Table, raw.CompanyFacts],
    filing_index: Annotated[Table, raw.FilingIndex],
) -> Annotated[Table, raw.Filings]:
    """One row per accession that any fact names or the filing index lists, with its link; the index wins where both speak.

    Grain: accession. Without the index a filing reports on the newest period of its statements: dates of the cover page (taxonomy `dei`)
    lie weeks after it (AAPL's 10-Q to 2026-03-28 counts its shares on 2026-04-17). Transcribed figures without an accession (5 of 65) belong to no row here.
    """
    facts = company_facts.filter(company_facts.accession.notnull())
    rows = facts.group_by("accession").agg(
        cik=facts.cik.min(),
        form=facts.form.min(),
        filed_date=facts.filed_date.min(),
        report_date=facts.period_end_date.max(
            where=(facts.taxonomy != "dei") & (facts.period_end_date <= facts.filed_date)
        ),
        fact_count=facts.count(),
    )
    folder = rows.accession.replace("-", "")
    link = ibis.literal(ARCHIVE) + rows.cik.cast("string") + "/" + folder + "/" + rows.accession + "-index.htm"
    rows = rows.mutate(filing_url=link)
    joined = rows.outer_join(filing_index, "accession", lname="{name}_facts", rname="")
    either = {
        name: ibis.coalesce(joined[name], joined[f"{name}_facts"])
        for name in ("accession", "cik", "form", "filed_date", "report_date", "filing_url")
    }
    return joined.select(
        **either,
        fact_count=joined.fact_count.fill_null(0),
        known_from_date=public_day(either["filed_date"], joined.acceptance_at),
        acceptance_at=joined.acceptance_at,
        primary_document=joined.primary_document,
        items=joined["items"],
    ).select(*raw.Filings.to_schema().columns)
