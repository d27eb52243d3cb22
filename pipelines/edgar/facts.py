"""Looking into a companyfacts response before it is kept.

Belongs here: is it for this company, does it hold facts, from which filings. Does not belong here: judging or
loading single facts; odd ones are the loader's to quarantine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .body import parse_object
from .errors import NoFacts, WrongCompany
from .universe import same_cik


@dataclass(frozen=True, slots=True)
class FactsSummary:
    """What a response holds: number of facts, and the accessions they come from."""

    fact_count: int
    accessions: frozenset[str]


def summarise_facts(body: bytes, cik: int, url: str) -> FactsSummary:
    """Return what a companyfacts response holds.

    Raises NotJson, WrongCompany with both CIKs, or NoFacts.
    """
    content = parse_object(body, url)
    found = content.get("cik")
    if not same_cik(found, cik):
        raise WrongCompany(url, cik, found)
    count = 0
    accessions: set[str] = set()
    for fact in _facts(content.get("facts")):
        count += 1
        accession = fact.get("accn")
        if isinstance(accession, str):
            accessions.add(accession)
    if count == 0:
        raise NoFacts(url)
    return FactsSummary(count, frozenset(accessions))


def _facts(taxonomies: Any) -> Iterator[dict[str, Any]]:
    for tags in _values(taxonomies):
        for tag in _values(tags):
            units = tag.get("units") if isinstance(tag, dict) else None
            for facts in _values(units):
                yield from (fact for fact in (facts if isinstance(facts, list) else []) if isinstance(fact, dict))


def _values(content: Any) -> list[Any]:
    return list(content.values()) if isinstance(content, dict) else []
