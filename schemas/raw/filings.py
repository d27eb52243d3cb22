"""Raw tables that copy the source: facts and filings as SEC's companyfacts responses give them, typed, nothing interpreted.

What belongs here: contracts of copied data. What does not: configuration (`schemas.raw.configuration`) and anything derived.
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Microseconds, Table, column


class CompanyFacts(Table):
    """Every fact of the companyfacts responses, all versions; one row per fact and filing.

    The bundled filings are extracts with the mapped tags only. Those of AAPL and NVDA were made from whole responses and hold every fact
    of these tags. Captures of the others held selected tags only, of META, AMZN and ORCL for all years, of TSLA after 2022, of MSFT
    after January 2026, of GOOGL after June 2026: there a fact of a mapped tag may be missing. Figures that companies report under
    their own tags (taxonomies `msft`, `tsla`) come from `custom_tag_facts.csv`, because the API leaves them out.
    """

    cik: int = column("Central index key of the company", gt=0)
    entity_name: str = column("Name of the company in the response", nullable=True)
    taxonomy: str = column("Taxonomy of the tag, such as us-gaap, dei, msft")
    tag: str = column("XBRL tag")
    unit: str = column("Unit of the value as filed, such as USD, shares, USD/shares")
    period_start_date: dt.Date = column("First day of the period; null for a balance", nullable=True)
    period_end_date: dt.Date = column("Last day of the period, or the day of the balance")
    value: float = column("Value as filed", unit="as in `unit`")
    accession: str = column(
        "Accession number of the filing; null only for transcribed figures, which then carry a link",
        nullable=True,
        str_matches=r"^\d{10}-\d{2}-\d{6}$",
    )
    filing_fiscal_year: dt.Int64 = column(
        "Fiscal year the filing is about (`fy`); in 54 % of the bundled rows not the fact's own", nullable=True
    )
    filing_fiscal_period: str = column("Fiscal period the filing is about (`fp`), not the fact's own", nullable=True)
    form: str = column("Form of the filing, such as 10-K, 10-Q")
    filed_date: dt.Date = column("Day of the filing")
    frame: str = column("SEC's frame; marks the newest version only, so never filter on it", nullable=True)
    basis: str = column(
        "as_first_reported, or recast where a later filing moved items out of the line",
        isin=["as_first_reported", "recast"],
    )
    confidence: str = column(
        "filing, or third_party_table for transcribed figures", isin=["filing", "third_party_table"]
    )
    source_url: str = column("Link to the source of a transcribed figure", nullable=True)
    note: str = column("Note on a transcribed figure", nullable=True)
    unusual: str = column("What is odd about the row though it is true, such as a span of over 400 days", nullable=True)
    response_sha256: str = column("SHA-256 of the response the row was read from", str_matches=r"^[0-9a-f]{64}$")


class FilingIndex(Table):
    """SEC's filing index of the companies, reduced to filings that bring figures; empty unless the source is EDGAR.

    Forms 10-Q, 10-K, 8-K, 20-F, 6-K, 40-F with their amendments, and every other filing that a fact names.
    """

    accession: str = column("Accession number", str_matches=r"^\d{10}-\d{2}-\d{6}$")
    cik: dt.Int64 = column("Central index key of the company", gt=0)
    form: str = column("Form")
    filed_date: dt.Date = column("Day of the filing")
    report_date: dt.Date = column("End of the period reported on, or day of the event of an 8-K", nullable=True)
    acceptance_at: Microseconds = column("Moment at which SEC accepted the filing", unit="UTC", nullable=True)
    primary_document: str = column("File name of the main document", nullable=True)
    items: str = column("Items of an 8-K, comma-separated", nullable=True)
    is_xbrl: bool = column("Whether the index marks the filing as carrying XBRL")
    filing_url: str = column("Link to the main document, or to the contents page where the index names none")
    facts_state: str = column(
        "awaited: a statement filing that companyfacts do not hold yet; overdue: the same more than ten days after filing; null otherwise",
        nullable=True,
        isin=["awaited", "overdue"],
    )

    class Config:
        unique = ["accession"]


class ListedCompanies(Table):
    """What SEC's ticker list says of the companies of the universe, asked for at most once a week; empty unless the source is EDGAR.

    A ticker that the list does not have (delisted, renamed) has no row.
    """

    ticker: str = column("Ticker, as the universe file spells it")
    cik: dt.Int64 = column("Central index key that the list gives for the ticker", gt=0)
    name: str = column("Name that the list gives for the ticker", str_matches=r"\S")

    class Config:
        unique = ["ticker"]


class Filings(Table):
    """One row per filing (accession) that any fact of the responses names or, with EDGAR as the source, that the filing index lists.

    Only EDGAR's filing index gives acceptance, main document and items; without it they are null, and the report date is taken
    from the facts. Some 8-K and amendment filings repeat facts of an earlier one; the first filing of a value is the smallest `filed_date`.
    """

    accession: str = column("Accession number")
    cik: int = column("Central index key of the company")
    form: str = column("Form")
    filed_date: dt.Date = column("Day of the filing")
    known_from_date: dt.Date = column(
        "First day on which the filing was public: New York's day of its acceptance where the filing index gives it, else `filed_date`"
    )
    report_date: dt.Date = column(
        "End of the period reported on by the filing index, else the latest period end among the facts that is not after the filing,"
        " dates of the cover page (taxonomy dei) left out",
        nullable=True,
    )
    fact_count: dt.Int64 = column(
        "Facts of the filing in `raw.company_facts`; 0 where it holds none or companyfacts lag", unit="facts", ge=0
    )
    filing_url: str = column(
        "Link to the filing's main document where the filing index names it, else to its contents page"
    )
    acceptance_at: Microseconds = column("Moment at which SEC accepted the filing", unit="UTC", nullable=True)
    primary_document: str = column("File name of the main document", nullable=True)
    items: str = column("Items of an 8-K, comma-separated", nullable=True)

    class Config:
        unique = ["accession"]
