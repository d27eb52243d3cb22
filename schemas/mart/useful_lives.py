"""Mart tables of useful lives: who changed what, and depreciation on one common life.

What belongs here: contracts of policies as such and of harmonised depreciation. What does not: the lives of the AI model
(`schemas.mart.ai_depreciation`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.provenance import CONFIDENCES

USD = "US dollars"
BASE_MEASURES = ["property_depreciation", "depreciation_amortization"]


class UsefulLifePolicies(Table):
    """Who changed which useful life when, with the effect as disclosed and as the formula of harmonised depreciation gives it.

    One row per company, kind of asset and change or policy in force; contradictions are decided in raw.useful_life_policies.
    """

    reference_id: str = column("Row of raw.useful_life_policies")
    entity: str = column("Company")
    ticker: str = column("Ticker; null where not listed or not followed", nullable=True)
    event: str = column("change: a life was changed; policy: the life in force at that day", isin=["change", "policy"])
    asset_kind: str = column("Kind of asset")
    asset_detail: str = column("The part of that kind the policy covers, as far as stated", nullable=True)
    effective_date: dt.Date = column("First day of the new life, or day of the policy", nullable=True)
    sequence: dt.Int64 = column("1 for the earliest row of the company, rows without a day last", ge=1)
    life_before_years: float = column("Life before the change", unit="years", nullable=True)
    life_after_years: float = column("Life after the change, or in force", unit="years", nullable=True)
    life_low_years: float = column("Lower end of a stated range", unit="years", nullable=True)
    life_high_years: float = column("Upper end of a stated range", unit="years", nullable=True)
    change_years: float = column("Life after less life before", unit="years", nullable=True)
    direction: str = column("longer, shorter; in_force for a policy; unknown where the life before is not sourced",
        isin=["longer", "shorter", "in_force", "unknown"])  # fmt: skip
    effect_measure: str = column("Line the disclosed effect is about; null where none is disclosed", nullable=True)
    effect_usd: float = column("Disclosed effect on that line; positive raises it", unit=USD, nullable=True)
    effect_period_start_date: dt.Date = column("First day of the period of the effect", nullable=True)
    effect_period_end_date: dt.Date = column("Last day of the period of the effect", nullable=True)
    effect_kind: str = column("expected: stated ahead; actual: stated after", nullable=True)
    depreciation_effect_usd: float = column(
        "The disclosed effect as a change of depreciation: operating income reversed; null for net income, which is after tax",
        unit=USD,
        nullable=True,
    )
    reported_depreciation_usd: float = column(
        "Depreciation the company reported over the period of the effect, on the new life", unit=USD, nullable=True
    )
    depreciation_measure: str = column("Which line that is", nullable=True, isin=BASE_MEASURES)
    depreciation_effect_pct: float = column(
        "The effect as a share of what depreciation would have been on the old life", unit="percent", nullable=True
    )
    formula_effect_usd: float = column(
        "Change of depreciation that the formula of mart.harmonised_depreciation gives had all compute changed",
        unit=USD,
        nullable=True,
    )
    confidence: str = column("Kind of source", isin=CONFIDENCES)
    is_third_party_estimate: bool = column("The row is an outsider's estimate")
    source_title: str = column("Title of the source that was read")
    source_url: str = column("Link to the source", nullable=True)
    publication_date: dt.Date = column("Day of publication", nullable=True)
    note: str = column("What a reader must know about the row", nullable=True)
    missing_reason: str = column("Why an effect is null", nullable=True)

    class Config:
        unique = ["reference_id"]
        metadata = {
            "usage_warning": "Disclosed effects are on different lines, over different periods and partly expected:"
            " compare depreciation_effect_pct, not effect_usd."
        }


class HarmonisedDepreciation(Table):
    """Depreciation on one common life of compute: company × calendar quarter × common life.

    Harmonised = reported × (c ÷ common + (1 − c) ÷ other) ÷ (c ÷ own + (1 − c) ÷ other), with c the share of compute in the cost of
    property, own the company's life of servers and other the life of the rest: what the same assets would be charged in a steady state.
    """

    ticker: str = column("Ticker")
    quarter: str = quarter_column("Calendar quarter by midpoint")
    common_life_years: float = column("The common life of compute", unit="years", gt=0)
    is_default: bool = column("The common life of methodology.yaml")
    base_measure: str = column(
        "property_depreciation where reported, else depreciation_amortization", nullable=True, isin=BASE_MEASURES
    )
    basis_break: bool = column("The line is depreciation_amortization of a quarter on a recast basis")
    reported_depreciation_usd: float = column("That line as filed", unit=USD, nullable=True)
    own_life_years: float = column(
        "The company's own life of servers in force at the quarter's end; a change of a part counts in part",
        unit="years",
        nullable=True,
    )
    own_life_is_partial: bool = column("The latest change covered a part of the servers only")
    life_factor_ratio: float = column("Harmonised ÷ reported", unit="ratio", nullable=True)
    harmonised_depreciation_usd: float = column("Depreciation on the common life", unit=USD, nullable=True)
    difference_usd: float = column("Harmonised less reported", unit=USD, nullable=True)
    revenue_usd: float = column("Revenue of the quarter", unit=USD, nullable=True)
    operating_income_usd: float = column("Operating income of the quarter", unit=USD, nullable=True)
    harmonised_revenue_pct: float = column(
        "Harmonised depreciation as a share of revenue", unit="percent", nullable=True
    )
    difference_operating_income_pct: float = column(
        "What the common life would take off operating income, as a share of it", unit="percent", nullable=True
    )
    lowest_confidence: str = column(
        "Kind of source of the own life; filing where only the base is there", isin=CONFIDENCES
    )
    is_third_party_estimate: bool = column("The own life is an outsider's estimate")
    source_ids: str = column("Rows of raw.useful_life_policies behind the own life, comma separated", nullable=True)
    missing_reason: str = column("Why a number is null", nullable=True)

    class Config:
        unique = ["ticker", "quarter", "common_life_years"]
        metadata = {
            "usage_warning": "A steady-state formula, not a restatement: a growing company's charge reacts later and, after a change,"
            " more strongly. Filter on one common_life_years (is_default)."
        }
