"""Companyfacts responses written by hand, in the shape of SEC's API.

What belongs here: making responses and landing them. What does not: real responses (`tests.homes`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from warehouse.home import Home
from warehouse.responses import LandedResponse, land_bytes

Json = dict[str, Any]
CIK = 7
GOOD_FACT: Json = {
    "start": "2025-01-01",
    "end": "2025-03-31",
    "val": 100,
    "accn": "0000000007-25-000001",
    "fy": 2025,
    "fp": "Q1",
    "form": "10-Q",
    "filed": "2025-05-01",
    "frame": "CY2025Q1",
}


def changed(**changes: Any) -> Json:
    """The good fact with changes; a change to None leaves the key out."""
    return {name: value for name, value in {**GOOD_FACT, **changes}.items() if value is not None}


def response(*facts: Json, cik: int = CIK, tag: str = "Revenues", unit: str = "USD", taxonomy: str = "us-gaap") -> Json:
    """A response with facts of one tag."""
    by_tag = {tag: {"label": tag, "description": tag, "units": {unit: list(facts)}}}
    return {"cik": cik, "entityName": "SEVEN", "facts": {taxonomy: by_tag}}


def landed(content: Json | bytes, folder: Path, *, cik: int = CIK, origin: str = "seven.json") -> LandedResponse:
    """A response stored in a home folder."""
    home = Home(folder).create()
    encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
    return land_bytes(encoded, cik=cik, origin=origin, home=home)
