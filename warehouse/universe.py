"""The companies: reading and checking `universe.yaml`.

What belongs here: the company list and its tiers. What does not: anything about their filings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from warehouse.configuration import read_model

DEFAULT_UNIVERSE = Path(__file__).with_name("universe.yaml")

Tier = Literal["upstream", "midstream", "downstream"]


class Company(BaseModel):
    """One company: ticker, central index key, name, tier and whether the published index holds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ticker: str = Field(pattern=r"^[A-Z][A-Z0-9.-]*$")
    cik: int = Field(gt=0, lt=10**10)
    name: str = Field(min_length=1)
    tier: Tier
    in_prosperity_index: bool = False
    successor_of: tuple[int, ...] = ()

    @property
    def response_name(self) -> str:
        """The name SEC gives the company's response: `CIK##########`."""
        return f"CIK{self.cik:010d}"


class Universe(BaseModel):
    """All companies, each ticker and CIK once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    companies: tuple[Company, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _identifiers_are_unique(self) -> Universe:
        tickers = [company.ticker for company in self.companies]
        ciks = [str(cik) for company in self.companies for cik in (company.cik, *company.successor_of)]
        for name, values in (("ticker", tickers), ("cik", ciks)):
            repeated = sorted({value for value in values if values.count(value) > 1})
            if repeated:
                raise ValueError(f"{name} {', '.join(repeated)} is listed more than once; keep one entry")
        return self


def read_universe(path: Path = DEFAULT_UNIVERSE) -> Universe:
    """Read a universe file; raises ConfigurationError naming file, entry and remedy."""
    return read_model(path, Universe)
