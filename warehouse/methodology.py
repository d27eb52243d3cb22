"""Parameters of the derived tables: reading and checking `methodology.yaml`.

What belongs here: weights, windows, bounds. What does not: the formulas (see `assets`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from warehouse.configuration import read_model
from warehouse.methodology_ai import AiParameters
from warehouse.methodology_debate import (
    BacklogParameters,
    CircularMoneyParameters,
    CycleStageParameters,
    PrivateValuationParameters,
    ProfitPoolParameters,
    ReratingParameters,
)

DEFAULT_METHODOLOGY = Path(__file__).with_name("methodology.yaml")
QUARTER = r"^\d{4}Q[1-4]$"

SubIndex = Literal["revenue_growth", "roic_change", "capex_depreciation_change"]
Basis = Literal["fiscal_ytd", "quarter", "ttm"]


class Window(BaseModel):
    """First and last quarter of the normalisation window, both in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_quarter: str = Field(pattern=QUARTER)
    last_quarter: str = Field(pattern=QUARTER)

    @model_validator(mode="after")
    def _is_in_order(self) -> Window:
        if self.first_quarter > self.last_quarter:
            raise ValueError(
                f"the window ends ({self.last_quarter}) before it begins ({self.first_quarter}); swap them"
            )
        return self


Normalisation = Literal["normal_cdf", "tanh", "logistic", "min_max", "percentile"]


class IndexVariant(BaseModel):
    """One way of scoring: how it differs from the default method."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z_]*$")
    window: Literal["fixed", "expanding", "full_sample"] = "fixed"
    normalisation: Normalisation = "normal_cdf"
    tier_aggregation: Literal["mean", "revenue_weighted"] = "mean"
    members: Literal["index", "all"] = "index"


class VintageParameters(BaseModel):
    """From when on scores are kept as they were known at each month's end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_month: dt.date
    first_fiscal_year: int


class IndexParameters(BaseModel):
    """Parameters of the composite prosperity score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[SubIndex, float]
    window: Window
    normalisation: Literal["normal_cdf"]
    tier_aggregation: Literal["mean"]
    bases: tuple[Basis, ...]
    tiers: tuple[str, ...]
    variants: tuple[IndexVariant, ...]
    weight_step: float = Field(gt=0, le=0.5)
    vintages: VintageParameters

    @property
    def default(self) -> IndexVariant:
        """The default method, which `mart.sub_indices` and `mart.composite_scores` follow."""
        return self.variants[0]

    @model_validator(mode="after")
    def _weights_are_whole(self) -> IndexParameters:
        if len(self.weights) != 3 or abs(sum(self.weights.values()) - 1) > 1e-9:
            raise ValueError("give a weight to each of the three sub-indices, together 1")
        return self

    @model_validator(mode="after")
    def _variants_are_named_once(self) -> IndexParameters:
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names) or not names or self.variants[0] != IndexVariant(name="default"):
            raise ValueError("name each variant once and start with the default, which differs in nothing")
        return self


class RoicParameters(BaseModel):
    """Bounds of the effective tax rate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minimum_tax_rate: float
    maximum_tax_rate: float


class Methodology(BaseModel):
    """All parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: IndexParameters
    roic: RoicParameters
    ai: AiParameters
    profit_pools: ProfitPoolParameters
    backlog: BacklogParameters
    circular_money: CircularMoneyParameters
    private_valuations: PrivateValuationParameters
    rerating: ReratingParameters
    cycle_stage: CycleStageParameters


def read_methodology(path: Path = DEFAULT_METHODOLOGY) -> Methodology:
    """Read a methodology file; raises ConfigurationError naming file, entry and remedy."""
    return read_model(path, Methodology)
