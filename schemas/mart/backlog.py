"""Mart table of backlog: contracted revenue not yet recognised.

What belongs here: the contract of levels, growth, conversion and concentration. What does not: deals (`schemas.mart.circular_money`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.carried import lowest_confidence_column, rounding_column, source_ids_column, third_party_column
from schemas.provenance import QUALIFIERS

DEFINITIONS = ["commercial", "company_total", "cloud_only", "commitments_over_one_year", "contract_backlog"]


class Backlog(Table):
    """Remaining performance obligation, its growth and conversion: company or segment × definition × calendar quarter.

    Growth compares rows of one definition only and says when its span crosses a break; growth without the largest customer stands beside
    it where disclosed. Conversion is the revenue of the next four quarters ÷ backlog, so it is known a year later.
    """

    entity: str = column("Company or segment as in raw.reference_entities, else the ticker")
    ticker: str = column("Ticker of the company it is or belongs to")
    definition: str = column(
        "What the level counts; rows of different definitions are not comparable", isin=DEFINITIONS
    )
    quarter: str = quarter_column("Calendar quarter by midpoint of the quarter that ends with the level")
    as_of_date: dt.Date = column("Day of the level")
    remaining_performance_obligation_usd: float = column(
        "Backlog: from structured facts where they hold this definition, else as sourced", unit="US dollars"
    )
    is_filed: bool = column("The level is a structured fact of a filing")
    sourced_usd: float = column("The transcribed level beside it", unit="US dollars", nullable=True)
    rounding_usd: float = rounding_column("Step the sourced level is printed in; null for a filed level", "US dollars")
    is_definition_break: bool = column("Not comparable with the quarters before: definition, or one giant contract")
    break_reason: str = column(
        "What breaks the comparison with the quarters before; null without a break", nullable=True
    )
    growth_pct: float = column("Against a year before, same definition", unit="percent", nullable=True)
    growth_quarter_pct: float = column("Against the quarter before, same definition", unit="percent", nullable=True)
    growth_crosses_break: bool = column("A break lies inside the year of growth_pct")
    disclosed_growth_pct: float = column(
        "Growth against a year before as the company says", unit="percent", nullable=True
    )
    growth_excluding_largest_customer_pct: float = column(
        "Growth against a year before without the largest customer, as disclosed", unit="percent", nullable=True
    )
    later_commitment: str = column(
        "Row of mart.circular_commitments that the level is known to hold although it is dated after the level",
        nullable=True,
    )
    large_commitments_usd: float = column(
        "Counted circular purchase commitments to the company agreed in the year before, from mart.circular_commitments;"
        " null where a later_commitment is in the level",
        unit="US dollars",
        nullable=True,
        ge=0,
    )
    growth_without_large_commitments_pct: float = column(
        "(Level − large_commitments_usd) ÷ level a year before − 1; the year-before level keeps its own large contracts",
        unit="percent",
        nullable=True,
    )
    revenue_entity: str = column(
        "Whose revenue conversion uses: the segment's, else the company's (as in mart.profit_pools)"
    )
    revenue_next_four_quarters_usd: float = column(
        "Revenue of the four quarters after", unit="US dollars", nullable=True
    )
    conversion_ratio: float = column("That revenue ÷ backlog", unit="ratio", nullable=True)
    revenue_ttm_usd: float = column("Revenue of the four quarters up to this one", unit="US dollars", nullable=True)
    trailing_conversion_ratio: float = column(
        "That revenue ÷ backlog a year before: conversion of the older backlog, known now", unit="ratio", nullable=True
    )
    backlog_revenue_ratio: float = column(
        "Backlog ÷ revenue of four quarters: years of revenue", unit="ratio", nullable=True
    )
    next_twelve_months_share_pct: float = column(
        "Share to be recognised within twelve months, as disclosed", unit="percent", nullable=True
    )
    largest_customer_share_pct: float = column(
        "Share of the largest customer, or of the customers its note names", unit="percent", nullable=True
    )
    largest_customer_qualifier: str = column("The source's own hedge on that share", nullable=True, isin=QUALIFIERS)
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why growth, conversion or years of revenue is null; the first reason", nullable=True)

    class Config:
        unique = ["entity", "definition", "quarter"]
        metadata = {
            "usage_warning": "Levels of companies are not comparable: AWS counts commitments above one year, Microsoft commercial contracts,"
            " Alphabet everything. Conversion against company revenue (revenue_entity) contains revenue that never was backlog."
        }
