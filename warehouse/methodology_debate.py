"""Parameters of the tables around the debate: profit pools, backlog, circular money, valuations, re-rating, cycle stage.

What belongs here: the models of these sections of `methodology.yaml`. What does not: the formulas (`assets`) and sourced figures
(`warehouse/reference`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

QUARTER = r"^\d{4}Q[1-4]$"


class Section(BaseModel):
    """A section without unknown entries; a base."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProfitPoolParameters(Section):
    """The perimeters in which shares of operating profit are taken."""

    chain: tuple[str, ...] = Field(min_length=1)
    compute_and_cloud: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _members_are_named_once(self) -> ProfitPoolParameters:
        for members in (self.chain, self.compute_and_cloud):
            if len(set(members)) < len(members):
                raise ValueError("name each member of a perimeter once")
        return self


class MainDefinition(Section):
    """The backlog that stands for a company."""

    ticker: str
    entity: str
    definition: str


class BacklogBreak(Section):
    """A quarter whose backlog is not comparable with those before, beyond what the reference file flags."""

    entity: str
    definition: str
    quarter: str = Field(pattern=QUARTER)
    reason: str


class LaterCommitment(Section):
    """A commitment that a company's backlog of a quarter is known to hold although it is dated after that quarter."""

    ticker: str
    quarter: str = Field(pattern=QUARTER)
    reference_id: str


class BacklogParameters(Section):
    """Which backlog stands for a company, further breaks, and commitments known later."""

    main_definitions: tuple[MainDefinition, ...]
    breaks: tuple[BacklogBreak, ...]
    later_commitments: tuple[LaterCommitment, ...]

    @model_validator(mode="after")
    def _one_backlog_per_company(self) -> BacklogParameters:
        tickers = [main.ticker for main in self.main_definitions]
        if len(set(tickers)) < len(tickers) or not tickers:
            raise ValueError("give each company one main backlog")
        return self


class CircularMoneyParameters(Section):
    """What the forms and states of deals mean."""

    flows: dict[str, Literal["investment", "purchase", "backstop", "mark"]]
    firmness: dict[str, Literal["paid", "binding", "not_binding", "lapsed"]]


class PrivateValuationParameters(Section):
    """How near two figures must lie to be divided."""

    longest_distance_days: int = Field(ge=0)


Condition = Literal["capex_payback", "token_margin", "enterprise_deployment", "liquidity", "soft_warning"]
SignalName = Literal[
    "cloud_revenue_growth",
    "backlog_conversion_change",
    "capex_growth_less_cloud_growth",
    "free_cash_flow_margin",
    "gross_margin_change",
    "segment_margin_change",
    "depreciation_growth_less_revenue_growth",
    "backlog_growth_without_largest_customer",
    "ai_revenue_growth",
    "paid_seats_growth",
    "ten_year_yield",
    "financial_conditions",
    "broad_dollar_change",
    "capex_share_of_operating_cash_flow",
    "depreciation_share_change",
    "largest_customer_share",
    "circular_share_of_backlog",
]


class Signal(Section):
    """One measurable sign of a condition or warning, and the value at which it holds."""

    signal: SignalName
    condition: Condition
    comparison: Literal["at_least", "at_most"]
    threshold: float


class CloudCompany(Section):
    """A company of the checklist and the segment or product line that stands for its cloud."""

    ticker: str
    cloud: str


class ScenarioRules(Section):
    """How many conditions and warnings make a scenario."""

    fast_least_conditions: int = Field(ge=0, le=4)
    fast_most_warnings: int = Field(ge=0)
    slow_most_conditions: int = Field(ge=0, le=4)
    slow_least_warnings: int = Field(ge=0)
    least_conditions_with_data: int = Field(ge=1, le=4)

    @model_validator(mode="after")
    def _fast_and_slow_exclude_each_other(self) -> ScenarioRules:
        if (
            self.fast_least_conditions <= self.slow_most_conditions
            or self.fast_most_warnings >= self.slow_least_warnings
        ):
            raise ValueError("fast needs more conditions and fewer warnings than slow")
        return self


class ReratingParameters(Section):
    """The re-rating checklist: companies, signals with thresholds, when a condition is met, scenarios."""

    first_quarter: str = Field(pattern=QUARTER)
    companies: tuple[CloudCompany, ...] = Field(min_length=1)
    least_signals_with_data: int = Field(ge=1)
    least_met_share_pct: float = Field(gt=0, le=100)
    signals: tuple[Signal, ...]
    scenarios: ScenarioRules

    @model_validator(mode="after")
    def _every_signal_once(self) -> ReratingParameters:
        names = [entry.signal for entry in self.signals]
        missing = set(SignalName.__args__) - set(names)  # type: ignore[attr-defined]
        if missing or len(set(names)) < len(names):
            raise ValueError(f"give each signal once; missing: {sorted(missing)}")
        return self


class StageRule(Section):
    """A measurable sign of a stage: the bounds between which it holds, both in it."""

    stage: int = Field(ge=1, le=4)
    rule: Literal[
        "upstream_lead",
        "midstream_lead",
        "downstream_lead",
        "upstream_midstream_gap",
        "upstream_downstream_gap",
        "ai_coverage",
    ]
    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> StageRule:
        if self.least is None and self.most is None:
            raise ValueError("give least, most or both")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("least lies above most")
        return self


class CycleStageParameters(Section):
    """The rules of the four stages of the cycle."""

    first_quarter: str = Field(pattern=QUARTER)
    least_rules_with_data: int = Field(ge=1)
    rules: tuple[StageRule, ...]

    @model_validator(mode="after")
    def _every_stage_has_the_same_number_of_rules(self) -> CycleStageParameters:
        counts = {stage: sum(rule.stage == stage for rule in self.rules) for stage in (1, 2, 3, 4)}
        if len(set(counts.values())) > 1 or not self.rules:
            raise ValueError(f"give each of the four stages the same number of rules, not {counts}")
        return self
