"""Raw tables that copy configuration files, so that every number can be traced to its parameters with SQL.

What belongs here: contracts of `universe.yaml`, `concepts.yaml` and `known_gaps.csv` as tables. What does not: filings.
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column

TIERS = ["upstream", "midstream", "downstream"]


class Universe(Table):
    """The companies of `universe.yaml`."""

    ticker: str = column("Ticker")
    cik: int = column("Central index key at SEC")
    name: str = column("Name")
    tier: str = column("Place along the chain", isin=TIERS)
    in_prosperity_index: bool = column("Member of the published prosperity index")

    class Config:
        unique = ["ticker"]


class PredecessorCiks(Table):
    """Central index keys of predecessors whose facts belong to a company of the universe."""

    cik: int = column("Central index key of the predecessor")
    ticker: str = column("Ticker of the successor")

    class Config:
        unique = ["cik"]


class ConceptTags(Table):
    """The concept map laid out: one row per company, concept, alternative and part of the alternative."""

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    kind: str = column("flow or balance", isin=["flow", "balance"])
    unit: str = column("Unit of the concept")
    alternative: dt.Int64 = column("Priority of the alternative, 0 first", ge=0)
    part: dt.Int64 = column("Position of the tag in the alternative's sum", ge=0)
    part_count: dt.Int64 = column("Number of tags in the alternative's sum; all must be there", ge=1)
    taxonomy: str = column("Taxonomy of the tag")
    tag: str = column("XBRL tag")
    sign: dt.Int64 = column("+1 added, -1 subtracted", isin=[1, -1])
    until_date: dt.Date = column("The tag carries the concept for periods that end by this day")
    is_derived: bool = column("The alternative computes the concept from other lines")
    version: str = column(
        "latest: the last filing of a period wins; first: the first one does", isin=["latest", "first"]
    )
    carry_forward_quarters: dt.Int64 = column("Quarters a balance disclosed only now and then stands for", ge=0)

    class Config:
        unique = ["ticker", "concept", "alternative", "part"]


class ConceptApplicability(Table):
    """Whether a concept exists at a company, and why its tags differ from the default there."""

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    kind: str = column("flow or balance", isin=["flow", "balance"])
    is_applicable: bool = column("False where the company has no such line")
    because: str = column("Reason for the company's override", nullable=True)

    class Config:
        unique = ["ticker", "concept"]


class ExcludedFacts(Table):
    """Facts that a filing states wrongly, found by arithmetic and looked into by hand; they stay in `raw.company_facts`."""

    ticker: str = column("Ticker")
    accession: str = column("Filing that states the facts")
    longest_days: dt.Int64 = column("Spans of at most this length are excluded", unit="days", ge=1)
    reason: str = column("What is wrong, and how it was found")

    class Config:
        unique = ["ticker", "accession"]


class KnownRecasts(Table):
    """Fiscal years whose quarters do not sum to the year because a later filing recast the year alone; looked into by hand."""

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    fiscal_year: dt.Int64 = column("Fiscal year")
    accession: str = column("Filing that recast the year")
    reason: str = column("What was recast")

    class Config:
        unique = ["ticker", "concept", "fiscal_year"]


class KnownGaps(Table):
    """Quarters that the filings do not give, looked into by hand and listed with the reason; never filled."""

    ticker: str = column("Ticker")
    concept: str = column("Standard concept")
    first_period_end_date: dt.Date = column("First quarter end of the gap")
    last_period_end_date: dt.Date = column("Last quarter end of the gap")
    reason: str = column("Why the quarters are missing")

    class Config:
        unique = ["ticker", "concept", "first_period_end_date"]


class PublishedFigures(Table):
    """Every figure known of the published report on the prosperity index, read from a page about it.

    Source of all rows: an article about the Galaxy Securities report on seven US companies along the token chain, 2026-06-26,
    http://asiaict.com/cloud/17387.html. The report itself prints no method.
    """

    figure_id: str = column("Identifier of the figure")
    entity: str = column("Tier, sub-index, or the whole chain")
    metric: str = column("What is measured")
    first_quarter: str = quarter_column("First quarter of the figure; null where it has none", nullable=True)
    last_quarter: str = quarter_column("Last quarter of the figure; null where it has none", nullable=True)
    published_value: float = column("The figure; null where the text gives none", unit="as in `unit`", nullable=True)
    unit: str = column("Unit", isin=["percent", "points", "times", "stage", "companies", "text"])
    qualifier: str = column("As the text says", isin=["exact", "about", "more_than"])
    measure: str = column("Our measure that stands beside it; none where there is no number to compare")
    explanation: str = column("Where a difference comes from")

    class Config:
        unique = ["figure_id"]
