"""Facts and periods: standardised facts and the companies' fiscal calendars.

What belongs here: `core.companies`, `core.statement_facts`, `core.fiscal_years`, `core.fiscal_quarters`. What does not: choosing
one value per quarter (`assets.quarters`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
from ibis.expr.types import Table

from assets.expressions import calendar_quarter, days_between, report_quarter, shift_days
from schemas.base import key_columns
from schemas.core import facts as core
from schemas.raw import configuration, filings

DAYS_PER_QUARTER = 91.3125
DAYS_PER_YEAR = 365.25
ANNUAL_FORMS = ["10-K", "10-K/A", "20-F", "20-F/A", "40-F", "40-F/A"]
# A period starts "with the fiscal year" within this tolerance: a few filings are off by a weekend.
START_TOLERANCE_DAYS = 7
DISCRETE_DAYS = (70, 120)
ANNUAL_DAYS = (350, 380)
YEAR_LABEL_LAG_DAYS = 7


def companies(
    universe: Annotated[Table, configuration.Universe],
    listed_companies: Annotated[Table, filings.ListedCompanies],
    company_facts: Annotated[Table, filings.CompanyFacts],
    fiscal_quarters: Annotated[Table, core.FiscalQuarters],
) -> Annotated[Table, core.Companies]:
    """The universe with SEC's names and the newest filing and the newest fiscal quarter of each company.

    Grain: company. A company without facts keeps its row with nulls, one that SEC's ticker list does not have the universe file's name.
    """
    listed = listed_companies.select("ticker", listed_name="name")
    latest_filing = company_facts.group_by("cik").agg(latest_filed_date=company_facts.filed_date.max())
    latest_quarter = fiscal_quarters.group_by("ticker").agg(
        latest_period_end_date=fiscal_quarters.period_end_date.max()
    )
    return (
        universe.left_join(latest_filing, "cik")
        .drop("cik_right")
        .left_join(latest_quarter, "ticker")
        .drop("ticker_right")
        .left_join(listed, "ticker")
        .drop("ticker_right")
        .mutate(name=lambda joined: ibis.coalesce(joined.listed_name, joined["name"]))
        .select("ticker", "cik", "name", "tier", "in_prosperity_index", "latest_filed_date", "latest_period_end_date")
    )


def statement_facts(
    company_facts: Annotated[Table, filings.CompanyFacts],
    raw_filings: Annotated[Table, filings.Filings],
    universe: Annotated[Table, configuration.Universe],
    predecessor_ciks: Annotated[Table, configuration.PredecessorCiks],
    concept_tags: Annotated[Table, configuration.ConceptTags],
    excluded_facts: Annotated[Table, configuration.ExcludedFacts],
) -> Annotated[Table, core.StatementFacts]:
    """Facts of mapped tags in the concept's unit, under their standard concept, all versions.

    Grain: ticker × concept × taxonomy × tag × period × accession × basis × filing day; the last two tell figures apart that were
    transcribed without an accession. Where a predecessor's response repeats a fact, the company's own stands. `fy`, `fp` and `frame` of
    the source are left behind: they describe the filing and not the fact (54 % of the bundled rows differ). A flow without a start and
    a balance with one are other lines and are left out (0 rows in the bundled filings), as are facts that a filing states wrongly
    (`raw.excluded_facts`).
    """
    own = universe.select("cik", "ticker", is_predecessor=ibis.literal(False))
    owners = own.union(predecessor_ciks.select("cik", "ticker", is_predecessor=ibis.literal(True)))
    mapped = concept_tags.group_by("ticker", "concept", "kind", "unit", "taxonomy", "tag").agg(
        until_date=concept_tags.until_date.max()
    )
    links = raw_filings.select("accession", "filing_url", "known_from_date")
    facts = (
        company_facts.join(owners, "cik")
        .join(mapped, ["ticker", "taxonomy", "tag", "unit"])
        .left_join(links, "accession")
        .drop("accession_right")
    )
    excluded = excluded_facts.select("ticker", "accession", "longest_days")
    facts = facts.left_join(excluded, ["ticker", "accession"]).drop("ticker_right", "accession_right")
    span = days_between(facts.period_end_date, facts.period_start_date) + 1
    facts = facts.filter(facts.longest_days.isnull() | (span > facts.longest_days).fill_null(True))
    facts = facts.filter(
        (facts.kind == "flow") == facts.period_start_date.notnull(), facts.period_end_date <= facts.until_date
    )
    facts = _once(facts)
    return facts.select(
        "ticker",
        "concept",
        "kind",
        "taxonomy",
        "tag",
        "period_start_date",
        "period_end_date",
        days=(days_between(facts.period_end_date, facts.period_start_date) + 1).cast("int64"),
        value=facts.value,
        unit=facts.unit,
        accession=facts.accession,
        form=facts.form,
        filed_date=facts.filed_date,
        known_from_date=ibis.coalesce(ibis.least(facts.known_from_date, facts.filed_date), facts.filed_date),
        basis=facts.basis,
        source_url=ibis.coalesce(facts.source_url, facts.filing_url),
    )


def _once(facts: Table) -> Table:
    """Each fact of a filing once: the company's own response before a predecessor's, which may repeat it."""
    order = ibis.window(group_by=list(key_columns(core.StatementFacts)), order_by=["is_predecessor", "cik"])
    ranked = facts.mutate(place=ibis.row_number().over(order))
    return ranked.filter(ranked.place == 0)


def fiscal_years(
    statement_facts: Annotated[Table, core.StatementFacts],
) -> Annotated[Table, core.FiscalYears]:
    """Fiscal years from the spans of annual reports, and the running year that starts after the last of them.

    Grain: ticker × fiscal year. A span counts when it has 350–380 days, is filed in an annual report and ends on an anniversary
    (± 10 days) of that report's own year end: AMZN's 10-Qs tag trailing twelve months beside the year to date, and annual reports
    repeat earlier years.
    """
    spans = statement_facts.filter(statement_facts.form.isin(ANNUAL_FORMS), statement_facts.days.between(*ANNUAL_DAYS))
    report_end = spans.period_end_date.max().over(group_by=["ticker", "accession"])
    spans = spans.mutate(days_before_report_end=days_between(report_end, spans.period_end_date))
    years_before = (spans.days_before_report_end / DAYS_PER_YEAR).round()
    distance = (spans.days_before_report_end - years_before * DAYS_PER_YEAR).abs()
    anniversaries = spans.filter(distance <= 10)
    label = shift_days(anniversaries.period_end_date, -YEAR_LABEL_LAG_DAYS).year().cast("int64")
    counted = (
        anniversaries.mutate(fiscal_year=label)
        .group_by("ticker", "fiscal_year", "period_start_date", "period_end_date")
        .agg(fact_count=ibis._.count())
    )
    order = [ibis.desc("fact_count"), ibis.desc("period_end_date"), ibis.asc("period_start_date")]
    ranked = counted.mutate(rank=ibis.row_number().over(group_by=["ticker", "fiscal_year"], order_by=order))
    complete = ranked.filter(ranked["rank"] == 0).select(
        "ticker",
        "fiscal_year",
        start_date=ibis._.period_start_date,
        end_date=ibis._.period_end_date,
        weeks=((days_between(ibis._.period_end_date, ibis._.period_start_date) + 1) / 7).round().cast("int64"),
    )
    last = complete.group_by("ticker").agg(
        fiscal_year=complete.fiscal_year.max() + 1, last_end_date=complete.end_date.max()
    )
    running = last.select(
        "ticker",
        "fiscal_year",
        start_date=shift_days(last.last_end_date, 1),
        end_date=ibis.null("date"),
        weeks=ibis.null("int64"),
    )
    return complete.union(running)


def fiscal_quarters(
    statement_facts: Annotated[Table, core.StatementFacts],
    fiscal_years: Annotated[Table, core.FiscalYears],
) -> Annotated[Table, core.FiscalQuarters]:
    """Fiscal quarters in which a filing reports a flow, discrete or since the start of the year.

    Grain: ticker × fiscal year × fiscal quarter. The end is the one that most facts name; a quarter starts the day after the one
    before ended. NVDA's quarter ended 2025-07-27 is calendar 2025Q2 (midpoint) and report quarter 2025Q3 (end less seven days).
    """
    flows = statement_facts.filter(statement_facts.kind == "flow").join(fiscal_years, "ticker")
    year_end = ibis.coalesce(flows.end_date, shift_days(flows.start_date, 370))
    starts_with_year = days_between(flows.period_start_date, flows.start_date).abs() <= START_TOLERANCE_DAYS
    flows = flows.filter(
        flows.period_end_date.between(flows.start_date, year_end),
        flows.days.between(*DISCRETE_DAYS) | starts_with_year,
    )
    elapsed = (days_between(flows.period_end_date, flows.start_date) + 1) / DAYS_PER_QUARTER
    flows = flows.mutate(elapsed=elapsed, fiscal_quarter=elapsed.round().cast("int64").clip(1, 4))
    flows = flows.filter((flows.elapsed - flows.fiscal_quarter).abs() < 0.25)
    ends = flows.group_by("ticker", "fiscal_year", "fiscal_quarter", "start_date", "period_end_date").agg(
        fact_count=ibis._.count(), known_from_date=ibis._.known_from_date.min()
    )
    order = [ibis.desc("fact_count"), ibis.desc("period_end_date")]
    ranked = ends.mutate(
        rank=ibis.row_number().over(group_by=["ticker", "fiscal_year", "fiscal_quarter"], order_by=order)
    )
    chosen = ranked.filter(ranked["rank"] == 0)
    chosen = chosen.mutate(quarter_index=chosen.fiscal_year * 4 + chosen.fiscal_quarter)
    previous = ibis.window(group_by="ticker", order_by="quarter_index")
    follows = chosen.quarter_index.lag().over(previous) == chosen.quarter_index - 1
    previous_end = chosen.period_end_date.lag().over(previous)
    guessed_start = shift_days(chosen.period_end_date, -90)
    start = ibis.cases(
        (chosen.fiscal_quarter == 1, chosen.start_date),
        (follows, shift_days(previous_end, 1)),
        else_=guessed_start,
    )
    dated = chosen.mutate(period_start_date=start)
    weeks = (days_between(dated.period_end_date, dated.period_start_date) + 1) / 7
    ytd_weeks = (days_between(dated.period_end_date, dated.start_date) + 1) / 7
    return dated.select(
        "ticker",
        "fiscal_year",
        "fiscal_quarter",
        "quarter_index",
        fiscal_year_start_date=dated.start_date,
        period_start_date=dated.period_start_date,
        period_end_date=dated.period_end_date,
        weeks=weeks.round().cast("int64"),
        fiscal_ytd_weeks=ytd_weeks.round().cast("int64"),
        calendar_quarter=calendar_quarter(dated.period_start_date, dated.period_end_date),
        report_quarter=report_quarter(dated.period_end_date),
        known_from_date=dated.known_from_date,
    )
