"""Raw tables of sourced events, series and lists: useful lives, circular deals, macro series, published stages, rules, gaps.

What belongs here: contracts of the files in `warehouse/reference/` that are not figures in long form. What does not: those
(`schemas.raw.reference_figures`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.provenance import DATE_PRECISIONS, IDENTIFIER_PATTERN, QUALIFIERS, UNITS, sourced


@sourced
class UsefulLifePolicies(Table):
    """Useful lives of servers, networks and buildings: each change with its disclosed effect, and the policies in force."""

    reference_id: str = column("Identifier of the row", str_matches=IDENTIFIER_PATTERN)
    entity: str = column("Company")
    ticker: str = column("Ticker; null where not listed or not followed", nullable=True)
    asset_kind: str = column(
        "Kind of asset, in common words",
        isin=["servers", "network", "servers_and_network", "accelerators", "buildings", "heavy_equipment"],
    )
    asset_detail: str = column("The part of that kind the policy covers, as far as stated", nullable=True)
    event: str = column("change: a life was changed; policy: the life in force at that day", isin=["change", "policy"])
    effective_date: dt.Date = column(
        "First day of the new life, or day of the policy; null when not known", nullable=True
    )
    life_before_years: float = column("Life before the change", unit="years", nullable=True, gt=0)
    life_after_years: float = column(
        "Life after the change, or in force; null where only a range is stated", unit="years", nullable=True, gt=0
    )
    life_low_years: float = column("Lower end of a stated range", unit="years", nullable=True, gt=0)
    life_high_years: float = column("Upper end of a stated range", unit="years", nullable=True, gt=0)
    effect_measure: str = column(
        "Line the disclosed effect is about; null where none is disclosed",
        nullable=True,
        isin=["operating_income", "depreciation", "net_income"],
    )
    effect_usd: float = column("Disclosed effect on that line; positive raises it", unit="US dollars", nullable=True)
    effect_period_start_date: dt.Date = column("First day of the period of the effect", nullable=True)
    effect_period_end_date: dt.Date = column("Last day of the period of the effect", nullable=True)
    effect_kind: str = column(
        "expected: stated ahead; actual: stated after", nullable=True, isin=["expected", "actual"]
    )

    class Config:
        unique = ["reference_id"]
        metadata = {
            "identity": ["entity", "asset_kind", "asset_detail", "event", "effective_date", "effect_measure"],
            "contradicts_on": ["life_after_years", "life_low_years", "life_high_years", "effect_usd"],
        }


@sourced
class CircularCommitments(Table):
    """Money between the companies of the chain: stakes, credits, purchase commitments, backstops, with their status."""

    reference_id: str = column("Identifier of the row", str_matches=IDENTIFIER_PATTERN)
    payer: str = column("Who invests or pays")
    payer_ticker: str = column("Ticker of the payer; null where not listed", nullable=True)
    payee: str = column("Who receives")
    payee_ticker: str = column("Ticker of the payee; null where not listed", nullable=True)
    form: str = column(
        "Form of the money",
        isin=[
            "equity",
            "equity_and_credits",
            "warrant",
            "purchase_commitment",
            "capacity_backstop",
            "financing_facility",
            "revenue_share",
            "stake_value",
            "prepayment",
            "supply_commitment",
            "cloud_service_commitment",
        ],
    )
    amount_usd: float = column("Amount; null where no value was disclosed", unit="US dollars", nullable=True, ge=0)
    rounding: float = column(
        "Step the source prints the amount in; null without an amount", unit="US dollars", nullable=True, gt=0
    )
    qualifier: str = column("The source's own hedge", isin=QUALIFIERS)
    agreed_date: dt.Date = column(
        "Day of the deal or disclosure; last day of the period where only that is known", nullable=True
    )
    date_precision: str = column("How exactly the deal is dated", isin=DATE_PRECISIONS)
    term_years: float = column("Length of the commitment", unit="years", nullable=True, gt=0)
    status: str = column(
        "How firm the deal is",
        isin=["announced", "signed", "cancellable", "closed", "held", "disclosed", "reported", "lapsed"],
    )
    is_circular: bool = column(
        "The payee spends with the payer, or the payer's product is what is bought with the money"
    )
    counts_in_totals: bool = column(
        "The row may be summed: not lapsed, not a stake's mark, not an aggregate or second mention of other rows"
    )

    class Config:
        unique = ["reference_id"]
        metadata = {
            "identity": ["payer", "payee", "form", "agreed_date"],
            "contradicts_on": ["amount_usd"],
            "usage_warning": "Sum only rows with counts_in_totals; stakes and aggregates repeat other rows.",
        }


@sourced
class MacroSeries(Table):
    """Public-domain series of liquidity at quarter ends: last observation on or before the quarter's end."""

    series: str = column("Series", isin=["DGS10", "DTWEXBGS", "NFCI"])
    series_name: str = column("Name of the series")
    quarter: str = quarter_column("Calendar quarter")
    observation_date: dt.Date = column("Day of the observation")
    is_quarter_end: bool = column("False for the latest observation of a quarter that had not ended")
    value: float = column("Value as published", unit="as in `unit`")
    unit: str = column("Unit", isin=UNITS)

    class Config:
        unique = ["series", "quarter"]
        metadata = {"identity": ["series", "quarter"]}


@sourced
class PublishedCycleStages(Table):
    """The four stages of the cycle with the dates the published report gives them."""

    stage: dt.Int64 = column("Number of the stage", ge=1, le=4)
    name: str = column("Name of the stage")
    first_quarter: str = quarter_column("First quarter of the stage")
    last_quarter: str = quarter_column("Last quarter of the stage; null where open", nullable=True)
    is_forecast: bool = column("The dates lie after the report")

    class Config:
        unique = ["stage"]
        metadata = {"identity": ["stage"], "contradicts_on": ["first_quarter"]}


@sourced
class ReferenceGaps(Table):
    """What was looked for and not found, so that nobody reads an absence as a zero or searches again."""

    reference_id: str = column("Identifier of the row", str_matches=IDENTIFIER_PATTERN)
    table_name: str = column("Reference table the figure would belong to")
    entity: str = column("Company, segment or market")
    metric: str = column("What was looked for")
    period_start_date: dt.Date = column("First day of the period", nullable=True)
    period_end_date: dt.Date = column("Last day of the period", nullable=True)
    as_of_date: dt.Date = column("Day looked for", nullable=True)
    reason: str = column(
        "Why there is no figure",
        isin=["not_disclosed", "not_found", "explicitly_not_given", "no_value_attached", "doubtful", "only_described"],
    )

    class Config:
        unique = ["reference_id"]
        metadata = {"identity": ["reference_id"], "contradicts_on": ["reason"]}


class ReferenceEntities(Table):
    """Every company, segment, group and market that reference rows name, with its place in the chain."""

    entity: str = column("Name used in all reference tables")
    ticker: str = column("Ticker of the listed company it is or belongs to", nullable=True)
    kind: str = column(
        "What it is",
        isin=["listed_company", "private_company", "segment", "product", "group", "market", "counterparty"],
    )
    parent_entity: str = column("Company it is a part of", nullable=True)
    tier: str = column("Place along the chain", nullable=True, isin=["upstream", "midstream", "downstream"])
    note: str = column("What the entity covers", nullable=True)

    class Config:
        unique = ["entity"]


class ConflictRules(Table):
    """The rules by which contradictions between sources are decided, strongest first."""

    rule: str = column("Name of the rule", str_matches=IDENTIFIER_PATTERN)
    precedence: dt.Int64 = column("1 is applied first", ge=1)
    statement: str = column("The rule in words")

    class Config:
        unique = ["rule"]
