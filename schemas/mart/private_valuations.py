"""Mart table of valuations of AI units.

What belongs here: the contract of valuation events with their multiples. What does not: deals (`schemas.mart.circular_money`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column
from schemas.carried import lowest_confidence_column, rounding_column, source_ids_column, third_party_column
from schemas.provenance import DATE_PRECISIONS, QUALIFIERS, UNITS

EVENTS = [
    "valuation",
    "valuation_target",
    "market_capitalisation",
    "increment_to_parent",
    "share_purchase",
    "multiple_range",
]
OWN = "in the currency of `currency`"


class PrivateValuations(Table):
    """Valuation events of AI units, inside their group and as separate companies, with multiples recomputed where a pair of rows allows.

    A multiple is only computed from an amount of the same currency whose day lies within the distance of methodology.yaml; nothing is
    converted. What a source prints stands beside ours.
    """

    reference_id: str = column("Row of raw.private_valuations")
    entity: str = column("Unit or company")
    ticker: str = column("Ticker of the listed company it is or belongs to", nullable=True)
    parent_entity: str = column("Group it belongs to or left", nullable=True)
    event: str = column("What is valued", isin=EVENTS)
    setting: str = column(
        "Where the figure sees the unit", isin=["inside_group", "separate_company", "listed", "sector"]
    )
    money_stage: str = column("Before or after the new money", nullable=True, isin=["pre", "post"])
    valuation_date: dt.Date = column("Day of the figure; last day of the month or year where only that is known")
    date_precision: str = column("How exactly it is dated", isin=DATE_PRECISIONS)
    valuation_amount: float = column(f"The figure, {OWN}; null where the row holds a multiple only", nullable=True)
    currency: str = column("Currency: usd, cny, hkd; ratio where the row holds a multiple only", isin=UNITS)
    rounding_amount: float = rounding_column(f"Step the source prints in, {OWN}", "")
    qualifier: str = column("The source's own hedge", isin=QUALIFIERS)
    run_rate_amount: float = column(f"Nearest annualised revenue, {OWN}", nullable=True)
    run_rate_date: dt.Date = column("Its day", nullable=True)
    run_rate_ratio: float = column("Amount ÷ annualised revenue", unit="ratio", nullable=True)
    run_rate_low_ratio: float = column("Least by the rounding of both", unit="ratio", nullable=True)
    run_rate_high_ratio: float = column("Most by the rounding of both", unit="ratio", nullable=True)
    sales_amount: float = column(f"Revenue of the calendar year of the event, {OWN}", nullable=True)
    sales_ratio: float = column("Amount ÷ that revenue", unit="ratio", nullable=True)
    inside_group_amount: float = column(f"Value of the unit inside its group, {OWN}", nullable=True)
    inside_group_ratio: float = column("Amount ÷ value inside the group", unit="ratio", nullable=True)
    parent_market_amount: float = column(f"Nearest market value of the parent, {OWN}", nullable=True)
    parent_market_ratio: float = column("Amount ÷ market value of the parent", unit="ratio", nullable=True)
    published_multiple_name: str = column("Multiple the source prints or was divided in the reference", nullable=True)
    published_multiple: float = column("That multiple, or the middle of its range", unit="times", nullable=True)
    published_multiple_low: float = column("Lower end", unit="times", nullable=True)
    published_multiple_high: float = column("Upper end", unit="times", nullable=True)
    recomputed_multiple: float = column("Ours of the same kind", unit="times", nullable=True)
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why no multiple could be recomputed", nullable=True)

    class Config:
        unique = ["reference_id"]
        metadata = {
            "usage_warning": "Amounts stand in US dollars, yuan or Hong Kong dollars: never sum or compare across currency. Pre- and"
            " post-money differ by the new money. A target is a hope, not a price."
        }
