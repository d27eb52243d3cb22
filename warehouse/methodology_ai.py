"""Parameters of the AI tables: builders, the depreciation model, the revenue path, sensitivity, useful lives.

What belongs here: the models of the section `ai` of `methodology.yaml`. What does not: the formulas (`assets.ai_depreciation`,
`assets.capital_expenditure`, `assets.useful_lives`) and sourced figures (`warehouse/reference`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

QUARTER = r"^\d{4}Q[1-4]$"
SharePath = Literal["two_level", "constant", "third_party"]


class Checked(BaseModel):
    """A section without unknown entries; a base."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Builder(Checked):
    """A company whose capital expenditure counts, from a quarter on."""

    ticker: str
    first_quarter: str = Field(pattern=QUARTER)


class Group(Checked):
    """A set of builders that sources name together, as `raw.reference_entities` spells it."""

    name: str
    members: tuple[str, ...] = Field(min_length=1)


class Grid(Checked):
    """Evenly spaced values, both ends in it."""

    first: float
    last: float
    steps: int = Field(ge=1)

    @property
    def step(self) -> float:
        """Distance of two neighbouring values."""
        return (self.last - self.first) / self.steps


class DepreciationParameters(Checked):
    """The model of AI depreciation: horizon, lives, split, lag, and how the AI share may move."""

    anchor_entity: str
    first_quarter: str = Field(pattern=QUARTER)
    last_quarter: str = Field(pattern=QUARTER)
    compute_share: float = Field(ge=0, le=1)
    compute_life_years: float = Field(gt=0)
    other_life_years: float = Field(gt=0)
    in_service_lag_quarters: int = Field(ge=0)
    candidate_lags: tuple[int, ...]
    share_path: SharePath
    share_break_quarter: str = Field(pattern=QUARTER)
    minimum_share: float = Field(ge=0)
    maximum_share: float = Field(le=1)

    @model_validator(mode="after")
    def _default_is_a_candidate(self) -> DepreciationParameters:
        if self.in_service_lag_quarters not in self.candidate_lags:
            raise ValueError("list in_service_lag_quarters among candidate_lags")
        if not self.first_quarter <= self.share_break_quarter <= self.last_quarter:
            raise ValueError("put share_break_quarter between first_quarter and last_quarter")
        return self


class RevenueParameters(Checked):
    """The path of AI revenue between published points."""

    anchor_entity: str
    first_quarter: str = Field(pattern=QUARTER)
    origin_quarter: str = Field(pattern=QUARTER)
    growth: Grid
    curvature: Grid


class SensitivityParameters(Checked):
    """What coverage of one quarter is computed over."""

    quarter: str = Field(pattern=QUARTER)
    useful_lives_years: tuple[float, ...]
    shares: tuple[float, ...]
    lags: tuple[int, ...]
    covering_life: Grid

    @model_validator(mode="after")
    def _shares_are_fractions(self) -> SensitivityParameters:
        if any(not 0 < share <= 1 for share in self.shares) or self.covering_life.first <= 0:
            raise ValueError("give shares above 0 and up to 1, and a covering_life that starts above 0")
        return self


class CapitalExpenditureParameters(Checked):
    """Which builders and groups the table of capital expenditure shows, and from which year on."""

    builders: tuple[str, ...]
    groups: tuple[Group, ...]
    first_year: int


class UsefulLifeParameters(Checked):
    """How depreciation is put on one common life."""

    common_lives_years: tuple[float, ...]
    default_common_life_years: float
    compute_share: float = Field(ge=0, le=1)
    other_life_years: float = Field(gt=0)
    partial_change_details: tuple[str, ...]
    partial_change_weight: float = Field(ge=0, le=1)
    first_year: int

    @model_validator(mode="after")
    def _default_is_listed(self) -> UsefulLifeParameters:
        if self.default_common_life_years not in self.common_lives_years or min(self.common_lives_years) <= 0:
            raise ValueError("list default_common_life_years among common_lives_years, all above 0")
        return self


class AiParameters(Checked):
    """All parameters of the AI tables."""

    builders: tuple[Builder, ...]
    group: Group
    depreciation: DepreciationParameters
    revenue: RevenueParameters
    sensitivity: SensitivityParameters
    capital_expenditure: CapitalExpenditureParameters
    useful_lives: UsefulLifeParameters
