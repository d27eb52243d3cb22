"""The concept map: which tags of which taxonomy carry a standard concept, per company and in which order.

What belongs here: reading and checking `concepts.yaml` and laying it out as the rows of `raw.concept_tags`. What does not:
choosing among facts (see `assets.quarters`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from warehouse.configuration import read_model
from warehouse.universe import Universe

DEFAULT_CONCEPTS = Path(__file__).with_name("concepts.yaml")
DEFAULT_TAXONOMY = "us-gaap"
FIRST_DAY = dt.date(1900, 1, 1)
LAST_DAY = dt.date(2999, 12, 31)


class Part(BaseModel):
    """One signed tag of an alternative."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    taxonomy: str = DEFAULT_TAXONOMY
    tag: str = Field(min_length=1)
    sign: Literal[1, -1] = 1
    until: dt.date = LAST_DAY

    @classmethod
    def parse(cls, written: Any) -> Any:
        """Read `Tag`, `-Tag`, `taxonomy:Tag` or a mapping with `tag` and `until`."""
        if isinstance(written, dict):
            base = cls.parse(written["tag"])
            return {**base, **{key: value for key, value in written.items() if key != "tag"}}
        if not isinstance(written, str):
            return written
        sign, text = (-1, written[1:]) if written.startswith("-") else (1, written)
        taxonomy, _, tag = text.rpartition(":")
        return {"taxonomy": taxonomy or DEFAULT_TAXONOMY, "tag": tag, "sign": sign}


Alternative = tuple[Part, ...]


def _parse_alternatives(written: Any) -> Any:
    if not isinstance(written, list):
        return written
    return [
        [Part.parse(part) for part in entry] if isinstance(entry, list) else [Part.parse(entry)] for entry in written
    ]


class CompanyOverride(BaseModel):
    """What differs at one company, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    because: str = Field(min_length=1)
    tags: tuple[Alternative, ...] = ()
    not_applicable: bool = False
    version: Literal["latest", "first"] = "latest"

    _parse = field_validator("tags", mode="before")(_parse_alternatives)

    @model_validator(mode="after")
    def _says_something(self) -> CompanyOverride:
        if bool(self.tags) == self.not_applicable:
            raise ValueError("give either `tags` or `not_applicable: true`")
        return self


class Concept(BaseModel):
    """A standard line of the statements and the tags that carry it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["flow", "balance"]
    meaning: str
    unit: str = "USD"
    tags: tuple[Alternative, ...] = Field(min_length=1)
    derived: tuple[Alternative, ...] = ()
    companies: dict[str, CompanyOverride] = {}
    carry_forward_quarters: int = Field(default=0, ge=0, le=3)

    _parse = field_validator("tags", "derived", mode="before")(_parse_alternatives)


class ConceptMap(BaseModel):
    """All concepts by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concepts: dict[str, Concept]

    def names(self, kind: str) -> list[str]:
        """The concepts of a kind in the order of the file."""
        return [name for name, concept in self.concepts.items() if concept.kind == kind]

    def tags(self) -> set[tuple[str, str]]:
        """Every (taxonomy, tag) that any concept of any company uses."""
        return {
            (part.taxonomy, part.tag)
            for concept in self.concepts.values()
            for alternatives in (
                concept.tags,
                concept.derived,
                *(override.tags for override in concept.companies.values()),
            )
            for alternative in alternatives
            for part in alternative
        }


@dataclass(frozen=True)
class ConceptTag:
    """A row of `raw.concept_tags`: one part of one alternative of a concept at a company."""

    ticker: str
    concept: str
    kind: str
    unit: str
    alternative: int
    part: int
    part_count: int
    taxonomy: str
    tag: str
    sign: int
    until_date: dt.date
    is_derived: bool
    version: str
    carry_forward_quarters: int


@dataclass(frozen=True)
class ConceptApplicability:
    """A row of `raw.concept_applicability`: whether a concept exists at a company, and why it is read as it is."""

    ticker: str
    concept: str
    kind: str
    is_applicable: bool
    because: str | None


def concept_tags(concepts: ConceptMap, universe: Universe) -> Iterator[ConceptTag]:
    """Lay the map out: one row per company, concept, alternative and part; not applicable concepts have none."""
    for company in universe.companies:
        for name, concept in concepts.concepts.items():
            override = concept.companies.get(company.ticker)
            if override is not None and override.not_applicable:
                continue
            reported = override.tags if override is not None else concept.tags
            alternatives = [(parts, False) for parts in reported] + [(parts, True) for parts in concept.derived]
            for position, (parts, is_derived) in enumerate(alternatives):
                for index, part in enumerate(parts):
                    yield ConceptTag(
                        ticker=company.ticker,
                        concept=name,
                        kind=concept.kind,
                        unit=concept.unit,
                        alternative=position,
                        part=index,
                        part_count=len(parts),
                        taxonomy=part.taxonomy,
                        tag=part.tag,
                        sign=part.sign,
                        until_date=part.until,
                        is_derived=is_derived,
                        version=override.version if override is not None else "latest",
                        carry_forward_quarters=concept.carry_forward_quarters,
                    )


def concept_applicability(concepts: ConceptMap, universe: Universe) -> Iterator[ConceptApplicability]:
    """One row per company and concept."""
    for company in universe.companies:
        for name, concept in concepts.concepts.items():
            override = concept.companies.get(company.ticker)
            yield ConceptApplicability(
                ticker=company.ticker,
                concept=name,
                kind=concept.kind,
                is_applicable=override is None or not override.not_applicable,
                because=override.because if override is not None else None,
            )


def read_concepts(path: Path = DEFAULT_CONCEPTS) -> ConceptMap:
    """Read a concept map; raises ConfigurationError naming file, entry and remedy."""
    return read_model(path, ConceptMap)
