"""Mart tables of the cycle's stage: the decision per quarter and its evidence.

What belongs here: contracts of stages decided by rules. What does not: the published dates (`schemas.raw.reference_events`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column, quarter_column
from schemas.carried import lowest_confidence_column, source_ids_column, third_party_column

STAGES = ["innovation", "upstream_boom", "midstream_consolidation", "downstream_monetisation"]
RULES = [
    "upstream_lead",
    "midstream_lead",
    "downstream_lead",
    "upstream_midstream_gap",
    "upstream_downstream_gap",
    "ai_coverage",
]
VERDICTS = ["met", "not_met", "no_data"]
REPORT_QUARTER = "Report quarter; coverage is that of the calendar quarter of the same name"


class CycleStageEvidence(Table):
    """Every rule of every stage with value, bounds and verdict: quarter × stage × rule."""

    quarter: str = quarter_column(REPORT_QUARTER)
    stage: dt.Int64 = column("Number of the stage", ge=1, le=4)
    stage_name: str = column("Name of the stage", isin=STAGES)
    rule: str = column(
        "lead: composite score of the tier less the best of the other two; gap: upstream growth ÷ growth of the tier;"
        " ai_coverage: AI revenue ÷ AI depreciation",
        isin=RULES,
    )
    value: float = column("Value", unit="as in `unit`", nullable=True)
    unit: str = column("Unit", isin=["points", "ratio"])
    least: float = column("Least value at which the rule holds; null where open", unit="as in `unit`", nullable=True)
    most: float = column("Most; null where open", unit="as in `unit`", nullable=True)
    verdict: str = column("met, not_met or no_data", isin=VERDICTS)
    is_provisional: bool = column("Not all members of a tier have filed, or the revenue is a forecast")
    basis_break: bool = column("Depreciation in a score behind the value touches a recast basis")
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why there is no verdict", nullable=True)

    class Config:
        unique = ["quarter", "stage", "rule"]
        metadata = {"usage_warning": "Bounds are choices of this project (methodology.yaml)."}


class CycleStage(Table):
    """The stage of the cycle decided per quarter by rules, with the published report's stage beside it.

    The stage with the most rules met wins; among equals the earliest. Evidence is in mart.cycle_stage_evidence.
    """

    quarter: str = quarter_column(REPORT_QUARTER)
    stage: dt.Int64 = column("Number of the stage decided", nullable=True, ge=1, le=4)
    stage_name: str = column("Name of the stage decided", nullable=True, isin=STAGES)
    rules_met: dt.Int64 = column("Rules of that stage that hold", unit="rules", nullable=True)
    rules_with_data: dt.Int64 = column("Rules of that stage with a value", unit="rules", nullable=True)
    is_tie: bool = column("A later stage has as many rules met")
    innovation_rules_met: dt.Int64 = column("Rules of stage 1 that hold", unit="rules", ge=0)
    upstream_boom_rules_met: dt.Int64 = column("Rules of stage 2 that hold", unit="rules", ge=0)
    midstream_consolidation_rules_met: dt.Int64 = column("Rules of stage 3 that hold", unit="rules", ge=0)
    downstream_monetisation_rules_met: dt.Int64 = column("Rules of stage 4 that hold", unit="rules", ge=0)
    upstream_lead: float = column("Composite score of upstream less the best other", unit="points", nullable=True)
    upstream_midstream_gap: float = column("Upstream growth ÷ midstream growth", unit="ratio", nullable=True)
    ai_coverage: float = column("AI revenue ÷ AI depreciation", unit="ratio", nullable=True)
    published_stage: dt.Int64 = column("Stage of the published report", nullable=True)
    published_stage_name: str = column("Name of the stage of the published report", nullable=True)
    published_is_forecast: bool = column("The report dates that stage after its own day", nullable=True)
    agrees_with_published: bool = column("Both name the same stage", nullable=True)
    is_provisional: bool = column("One of the values is provisional")
    basis_break: bool = column("One of the values has a basis break")
    lowest_confidence: str = lowest_confidence_column()
    is_third_party_estimate: bool = third_party_column()
    source_ids: str = source_ids_column()
    missing_reason: str = column("Why no stage is decided", nullable=True)

    class Config:
        unique = ["quarter"]
        metadata = {
            "usage_warning": "A count of rules, not a forecast. AI revenue, and with it coverage, is interpolated between published"
            " points but for 2026Q1."
            " A quarter's stage may change when a provisional value does."
        }
