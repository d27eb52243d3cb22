"""Making the bundled filings: from full companyfacts responses to extracts that hold every fact of the mapped tags.

What belongs here: `tokenchain extract`. What does not: reading extracts (they are read like any response).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from warehouse.concepts import ConceptMap
from warehouse.errors import ResponseRefused
from warehouse.responses import FoundResponse, read_response


def extract(found: Iterable[FoundResponse], concepts: ConceptMap, target: Path) -> list[Path]:
    """Write one extract per response to a folder; returns the paths.

    Facts are taken over unaltered, in order; labels and descriptions are left out. Raises ResponseRefused for a response that is
    not JSON or is of another company.
    """
    target.mkdir(parents=True, exist_ok=True)
    tags = concepts.tags()
    return [_extract_one(response, tags, target) for response in found]


def _extract_one(found: FoundResponse, tags: set[tuple[str, str]], target: Path) -> Path:
    try:
        response: dict[str, Any] = json.loads(read_response(found))
        cik = int(response["cik"])
        facts = response["facts"]
    except (ValueError, KeyError, TypeError) as error:
        raise ResponseRefused(f"{found.origin}: is no companyfacts response ({error}); fetch it again") from error
    if cik != found.cik:
        raise ResponseRefused(f"{found.origin}: is of CIK {cik} and not of {found.cik}; put the right response there")
    kept = {
        "cik": cik,
        "entityName": response.get("entityName"),
        "facts": {
            taxonomy: {tag: {"units": content["units"]} for tag, content in by_tag.items() if (taxonomy, tag) in tags}
            for taxonomy, by_tag in facts.items()
            if any((taxonomy, tag) in tags for tag in by_tag)
        },
    }
    path = target / f"CIK{cik:010d}.json.gz"
    text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    return path
