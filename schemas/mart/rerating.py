"""Mart tables of the re-rating checklist: signals, conditions, soft warnings, scenario.

What belongs here: contracts of the checklist. What does not: the tables its values come from.
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.carried import lowest_confidence_column, source_ids_column, third_party_column

CONDITIONS = ["capex_payback", "token_margin", "enterprise_deployment", "liquidity", "soft_warning"]
ALL_SIGNALS = "all_signals"
VERDICTS = ["met", "not_met", "no_data"]
SCENARIOS = ["fast", "base", "slow"]


class ReratingChecklist(Table):
    """The checklist cell by cell: company × quarter × condition × signal, each with value, threshold, verdict and source.

    The row `all_signals` of a condition counts its signals: met when enough of those with data hold. A soft warning that is met sounds;
    soft warnings have no such row. Its source_ids name the signals that had data. Thresholds are in methodology.yaml.
    """

    ticker: str = column("Company")
    quarter: str = quarter_column("Calendar quarter")
    condition: str = column("One of the four conditions, or soft_warning", isin=CONDITIONS)
    signal: str = column("What is measured; all_signals is the condition itself")
    value: float = column(
        "Value of the signal; for all_signals the share of its signals that hold", unit="as in `unit`", nullable=True
    )
    unit: str = column("Unit", isin=["percent", "percentage_points", "index_points"])
    comparison: str = column("How value and threshold must stand for the verdict met", isin=["at_least", "at_most"])
    threshold: float = column("Threshold", unit="as in `unit`")
    verdict: str = column("met, not_met or no_data", isin=VERDICTS)
    signals_with_data: dt.Int64 = column(
        "Signals with a value: 0 or 1, for all_signals their number", unit="signals", ge=0
    )
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why there is no verdict", nullable=True)

    class Config:
        unique = ["ticker", "quarter", "condition", "signal"]
        metadata = {
            "usage_warning": "Thresholds are choices of this project, not findings. Liquidity is the same for all companies. A verdict of an"
            " older quarter uses figures as they stand today, not as they were known then."
        }


class ReratingScenarios(Table):
    """The scenario of a company in a quarter by the number of conditions met and soft warnings on: company × quarter."""

    ticker: str = column("Company")
    quarter: str = quarter_column("Calendar quarter")
    capex_payback: str = column("Verdict", isin=VERDICTS)
    token_margin: str = column("Verdict", isin=VERDICTS)
    enterprise_deployment: str = column("Verdict", isin=VERDICTS)
    liquidity: str = column("Verdict", isin=VERDICTS)
    conditions_met: dt.Int64 = column("Conditions met", unit="conditions", in_range={"min_value": 0, "max_value": 4})
    conditions_with_data: dt.Int64 = column(
        "Conditions judged", unit="conditions", in_range={"min_value": 0, "max_value": 4}
    )
    warnings_on: dt.Int64 = column("Soft warnings that sound", unit="warnings", ge=0)
    warnings_with_data: dt.Int64 = column("Soft warnings with data", unit="warnings", ge=0)
    warnings: str = column("Soft warnings that sound, comma separated", nullable=True)
    scenario: str = column(
        "fast: enough conditions and few warnings; slow: few conditions or many warnings; base: between; counts in methodology.yaml",
        nullable=True,
        isin=SCENARIOS,
    )
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    missing_reason: str = column("Why there is no scenario", nullable=True)

    class Config:
        unique = ["ticker", "quarter"]
        metadata = {
            "usage_warning": "A scenario is a count, not a forecast. A condition without data counts as neither met nor not met."
        }
