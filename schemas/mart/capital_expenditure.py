"""Mart tables of capital expenditure: by builder and period, and the history of guidance.

What belongs here: contracts of spending as filed and as guided. What does not: what part of it is AI (`schemas.mart.ai_depreciation`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column
from schemas.provenance import CONFIDENCES, DATE_PRECISIONS, LEASE_TREATMENTS, QUALIFIERS

USD = "US dollars"
ENTITY_KINDS = ["company", "group"]
LOWEST_CONFIDENCE = "Weakest kind of source in the row, best first: " + ", ".join(CONFIDENCES)
LEASE_MEASURES = "additions: assets taken on under finance leases; principal_paid: principal repaid (META)"


class CapitalExpenditure(Table):
    """Capital expenditure of the builders in cash and with finance leases: company or group × span × calendar period.

    A year is the sum of four quarters and null until all are filed; a group is null until all its members are. Fiscal quarters count in
    the calendar quarter that holds their midpoint, so Oracle's calendar year runs from December to November.
    """

    entity_kind: str = column("company or group", isin=ENTITY_KINDS)
    entity: str = column("Ticker, or name of the group")
    span: str = column("quarter or year", isin=["quarter", "year"])
    period: str = column("Calendar quarter such as 2025Q4, or calendar year such as 2025")
    calendar_year: dt.Int64 = column("Calendar year")
    is_complete: bool = column("Every quarter of every member is filed")
    quarters_filed: dt.Int64 = column("Quarters filed, counted over the members", unit="quarters", ge=0)
    quarters_needed: dt.Int64 = column("Quarters the period needs, counted over the members", unit="quarters", gt=0)
    filed_so_far_usd: float = column(
        "Cash paid in the quarters filed; a part of the period unless complete", unit=USD, nullable=True
    )
    capital_expenditure_usd: float = column("Cash paid for property, plant and equipment", unit=USD, nullable=True)
    finance_leases_usd: float = column(
        "What is added for finance leases: additions, for META principal paid", unit=USD, nullable=True
    )
    finance_lease_measures: str = column(LEASE_MEASURES + "; both, comma separated, in a group", nullable=True)
    capital_expenditure_with_leases_usd: float = column("Cash and finance leases", unit=USD, nullable=True)
    growth_pct: float = column("Cash against the same period a year before", unit="percent", nullable=True)
    growth_with_leases_pct: float = column(
        "Cash and finance leases against a year before", unit="percent", nullable=True
    )
    revenue_usd: float = column("Revenue of the period", unit=USD, nullable=True)
    operating_cash_flow_usd: float = column("Operating cash flow of the period", unit=USD, nullable=True)
    revenue_pct: float = column("Cash capital expenditure as a share of revenue", unit="percent", nullable=True)
    operating_cash_flow_pct: float = column(
        "Cash capital expenditure as a share of operating cash flow; null unless that is positive",
        unit="percent",
        nullable=True,
    )
    published_usd: float = column("A published total for the same entity, year and perimeter", unit=USD, nullable=True)
    published_perimeter: str = column("What the published total counts", nullable=True, isin=LEASE_TREATMENTS)
    guidance_usd: float = column(
        "Latest guidance for the year, middle of its range; of a group the sum over its members",
        unit=USD,
        nullable=True,
    )
    guidance_low_usd: float = column("Lower end of the guidance, or its only figure", unit=USD, nullable=True)
    guidance_high_usd: float = column("Upper end of the guidance, or its only figure", unit=USD, nullable=True)
    guidance_given_date: dt.Date = column("Day of the latest guidance", nullable=True)
    missing_members: str = column("Members that have not filed the whole period, comma separated", nullable=True)
    missing_lease_members: str = column("Members without finance leases for the whole period", nullable=True)
    lowest_confidence: str = column(LOWEST_CONFIDENCE, isin=CONFIDENCES)
    is_third_party_estimate: bool = column("An outsider's estimate is in the row; filings and guidance are none")
    source_ids: str = column("Rows of raw tables beside core.fundamentals, comma separated", nullable=True)
    missing_reason: str = column("Why a number is null", nullable=True)

    class Config:
        unique = ["entity_kind", "entity", "span", "period"]
        metadata = {
            "usage_warning": "Guidance is lease-inclusive at some companies and cash at others: compare it with"
            " mart.capital_expenditure_guidance_history, which sets the actual on the guided basis beside it."
        }


class CapitalExpenditureGuidanceHistory(Table):
    """Every guidance of capital expenditure in the order it was given, with its change and the outcome: entity × period × day.

    company: as given; group: the sum of the members' latest guidances on each day one of them spoke, from the day all of them had;
    published_group: a group figure somebody printed.
    """

    entity_kind: str = column("company, group or published_group", isin=["company", "group", "published_group"])
    entity: str = column("Ticker, or name of the group")
    period_start_date: dt.Date = column("First day of the guided period")
    period_end_date: dt.Date = column("Last day of the guided period")
    period_kind: str = column("calendar_year, fiscal_year or quarter", isin=["calendar_year", "fiscal_year", "quarter"])
    given_date: dt.Date = column("Day the guidance was given, or the last of the span that `date_precision` names")
    date_precision: str = column("How exactly the day is known", isin=DATE_PRECISIONS)
    sequence: dt.Int64 = column("1 for the first guidance of the period", ge=1)
    is_latest: bool = column("No later guidance for the period is known")
    guidance_usd: float = column("Guidance, or the middle of its range", unit=USD)
    guidance_low_usd: float = column("Lower end, or the only figure", unit=USD)
    guidance_high_usd: float = column("Upper end, or the only figure", unit=USD)
    qualifier: str = column("The source's own hedge; about where sums of several", isin=QUALIFIERS)
    lease_treatment: str = column(
        "Whether leased assets are inside; mixed in a group", isin=[*LEASE_TREATMENTS, "mixed"]
    )
    change_usd: float = column("Change against the guidance before; null for the first", unit=USD, nullable=True)
    change_pct: float = column("Change against the guidance before", unit="percent", nullable=True)
    direction: str = column(
        "first, raised, lowered, unchanged; accounting where the figure moved without the plans",
        isin=["first", "raised", "lowered", "unchanged", "accounting"],
    )
    is_accounting_change: bool = column(
        "The figure moved because of accounting, not because of plans; in a group: at least one member's did"
    )
    actual_usd: float = column(
        "What was spent in the period, on the guided basis: with finance leases where the guidance counts them",
        unit=USD,
        nullable=True,
    )
    actual_basis: str = column(
        "cash; including_leases; as_published: a company's own figure",
        nullable=True,
        isin=["cash", "including_leases", "as_published"],
    )
    actual_guidance_pct: float = column("Actual less guidance as a share of guidance", unit="percent", nullable=True)
    rounding_usd: float = column("Step the guidance is printed in", unit=USD, gt=0)
    lowest_confidence: str = column(LOWEST_CONFIDENCE, isin=CONFIDENCES)
    is_third_party_estimate: bool = column("The figure is an outsider's estimate")
    source_ids: str = column("Rows of raw.capital_expenditure_guidance or raw.ai_capital_expenditure, comma separated")
    missing_reason: str = column("Why the actual is null", nullable=True)

    class Config:
        unique = ["entity_kind", "entity", "period_start_date", "period_end_date", "given_date"]
        metadata = {
            "usage_warning": "A cut marked accounting is no cut of plans. Group sums mix lease treatments (lease_treatment = mixed)."
        }
