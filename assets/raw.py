"""Raw tables that follow from other raw tables.

What belongs here: `raw.filings`. What does not: reading responses (`warehouse.fact_loading`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
from ibis.expr.types import Table

from schemas.raw import filings as raw

ARCHIVE = "https://www.sec.gov/Archives/edgar/data/"


def filings(
    company_facts: Annotated[Table, raw.CompanyFacts],
) -> Annotated[Table, raw.Filings]:
    """One row per accession that any fact names, with the link to its index page.

    Grain: accession. Transcribed figures without an accession (4 of 65) belong to no row here.
    """
    facts = company_facts.filter(company_facts.accession.notnull())
    rows = facts.group_by("accession").agg(
        cik=facts.cik.min(),
        form=facts.form.min(),
        filed_date=facts.filed_date.min(),
        report_date=facts.period_end_date.max(where=facts.period_end_date <= facts.filed_date),
        fact_count=facts.count(),
    )
    folder = rows.accession.replace("-", "")
    link = ibis.literal(ARCHIVE) + rows.cik.cast("string") + "/" + folder + "/" + rows.accession + "-index.htm"
    return rows.mutate(filing_url=link).select(*raw.Filings.to_schema().columns)
