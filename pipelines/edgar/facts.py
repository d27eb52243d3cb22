"""Looking into a companyfacts response before it is kept.

Belongs here: is it for this company, does it hold facts, from which filings. Does not belong here: judging or
loading single facts; odd ones are the loader's to quarantine.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .body import parse_object
from .errors import NoFacts, WrongCompany
from .universe import same_cik

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class FactsSummary:
    """What a response holds: number of facts, the accessions they come from, and the newest day of filing (empty: none)."""

    fact_count: int
    accessions: frozenset[str]
    newest_filed: str = ""

    def goes_beyond(self, other: "FactsSummary") -> bool:
        """Whether this holds a filing that was filed later than any of another response."""
        return self.newest_filed > other.newest_filed and not self.accessions <= other.accessions


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
    newest = ""
    for fact in _facts(content.get("facts")):
        count += 1
        accession = fact.get("accn")
        if isinstance(accession, str):
            accessions.add(accession)
        filed = fact.get("filed")
        if isinstance(filed, str) and filed > newest and _DAY.fullmatch(filed):
            newest = filed
    if count == 0:
        raise NoFacts(url)
    return FactsSummary(count, frozenset(accessions), newest)


def _facts(taxonomies: Any) -> Iterator[dict[str, Any]]:
    for tags in _values(taxonomies):
        for tag in _values(tags):
            units = tag.get("units") if isinstance(tag, dict) else None
            for facts in _values(units):
                yield from (fact for fact in (facts if isinstance(facts, list) else []) if isinstance(fact, dict))


def _values(content: Any) -> list[Any]:
    return list(content.values()) if isinstance(content, dict) else []
