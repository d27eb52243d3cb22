"""Mutated responses and archives: each is refused by name, or its bad rows are in quarantine and its good rows are right."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.edgar.errors import EdgarError
from pipelines.edgar.facts import summarise_facts
from tests.live.world import TODAY
from warehouse.engine import Engine
from warehouse.errors import ConfigurationError, ResponseRefused
from warehouse.fact_loading import FactLoader
from warehouse.home import Home
from warehouse.responses import find_responses, land_bytes, land_response
from warehouse.universe import Company, Universe

CIK = 320193
MUTATIONS = 2_000
GOOD_TAG = "Revenues"
GOOD = {(year, quarter): float(year * 1000 + quarter) for year in (2023, 2024) for quarter in (1, 2, 3)}


def good_fact(year: int, quarter: int) -> dict[str, Any]:
    return {
        "start": f"{year}-{3 * quarter - 2:02d}-01",
        "end": f"{year}-{3 * quarter:02d}-30",
        "val": GOOD[year, quarter],
        "accn": f"0000320193-{year % 100}-{quarter:06d}",
        "fy": year,
        "fp": f"Q{quarter}",
        "form": "10-Q",
        "filed": f"{year}-{3 * quarter + 1:02d}-28",
    }


def response() -> dict[str, Any]:
    """A small good response with a second tag, which mutations may spoil."""
    good = [good_fact(*key) for key in GOOD]
    other = [{**good_fact(*key), "val": -GOOD[key]} for key in GOOD]
    return {
        "cik": CIK,
        "entityName": "Mutated",
        "facts": {
            "us-gaap": {
                GOOD_TAG: {"label": "Revenues", "description": None, "units": {"USD": good}},
                "Spoiled": {"label": "Spoiled", "description": None, "units": {"USD": other}},
            }
        },
    }


HUGE = st.sampled_from([10**400, -(10**400), 1e308, 2**63, 2**64, -(2**63) - 1])
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    HUGE,
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=20),
    st.sampled_from(
        [
            "../../etc/passwd",
            "..\\..\\boot.ini",
            "2026-02-30",
            "0000-00-00",
            "9999-12-31",
            "1-1-1",
            "2026-13-01T00:00:00",
            "'; DROP TABLE raw.company_facts; --",
            "\u202egnitset",
            "名前",
            "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
            "a" * 10_000,
            "",
            "NaN",
            "1e999",
        ]
    ),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
FIELDS = ["start", "end", "val", "accn", "fy", "fp", "form", "filed", "frame", "unknown"]


def at(content: dict[str, Any], *path: str) -> Any:
    for name in path:
        content = content[name]
    return content


SPOILED = ("facts", "us-gaap", "Spoiled", "units", "USD")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The good response with something wrong in the spoiled tag, in its structure, or in its bytes."""
    content = response()
    kind = draw(
        st.sampled_from(
            ["field", "missing", "row", "structure", "name", "nesting", "duplicate", "nan", "cut", "bytes", "cik"]
        )
    )
    rows = at(content, *SPOILED)
    row = rows[draw(st.integers(0, len(rows) - 1))]
    if kind == "field":
        row[draw(st.sampled_from(FIELDS))] = draw(STRANGE)
    elif kind == "missing":
        row.pop(draw(st.sampled_from(FIELDS)), None)
    elif kind == "row":
        rows[0] = draw(STRANGE)
    elif kind == "structure":
        path = SPOILED[: draw(st.integers(1, len(SPOILED)))]
        at(content, *path[:-1])[path[-1]] = draw(STRANGE)
    elif kind == "name":
        place = at(content, *SPOILED[: draw(st.sampled_from([1, 2, 4]))])
        place[draw(st.one_of(st.text(max_size=30), st.just("../../../tmp/x"), st.just("\x00")))] = place.pop(
            next(iter(place))
        )
    elif kind == "nesting":
        deep: Any = "end"
        for _ in range(draw(st.sampled_from([10, 500]))):
            deep = {"x": [deep]}
        row["val"] = deep
    elif kind == "cik":
        content["cik"] = draw(STRANGE)
    text = json.dumps(content)
    if kind == "duplicate":
        repeated = draw(st.sampled_from(['"cik": 320193, ', '"entityName": "B", ', '"facts": {}, ', '"facts": null, ']))
        text = "{" + repeated + text[1:]
    elif kind == "nan":
        text = text.replace(
            str(-GOOD[2024, 2]),
            draw(st.sampled_from(["NaN", "Infinity", "-Infinity", "1e999", "0x10", "01", "9" * 5_000])),
        )
    body = text.encode("utf-8", "surrogatepass")
    if kind == "cut":
        body = body[: draw(st.integers(0, len(body)))]
    elif kind == "bytes":
        position = draw(st.integers(0, len(body) - 1))
        body = body[:position] + draw(st.binary(min_size=1, max_size=4)) + body[position + 1 :]
    return body


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Home]:
    return Engine(), Home.resolve(tmp_path_factory.mktemp("mutated")).create()


def load(engine: Engine, home: Home, body: bytes) -> FactLoader:
    loader = FactLoader(engine, TODAY)
    loader.load_responses([land_bytes(body, cik=CIK, origin=f"CIK{CIK:010d}.json", home=home)])
    return loader


def check(engine: Engine, home: Home, body: bytes) -> str:
    """Load a response; returns what became of it."""
    loader = load(engine, home, body)
    rows = engine.sql.execute(
        "SELECT tag, period_end_date, value, cik, accession, filed_date FROM loaded_facts"
    ).fetchall()
    bad = engine.sql.execute("SELECT reason, row_content FROM loaded_quarantine").fetchall()
    assert all(cik == CIK and math.isfinite(value) and filed <= TODAY for _, _, value, cik, _, filed in rows)
    assert all(reason and row for reason, row in bad)
    if loader.report.refused:
        (reason,) = loader.report.refused.values()
        assert f"CIK{CIK:010d}" in reason
        # Refused as a whole, or for want of a single good row: nothing of it enters either way.
        assert rows == []
        return "refused"
    assert rows
    return "quarantined" if bad else "loaded"


def holds_the_good_rows(engine: Engine) -> bool:
    """Whether every good row is there with its value; a mutation may have renamed their tag or taxonomy."""
    rows = engine.sql.execute("SELECT accession, period_end_date, value FROM loaded_facts").fetchall()
    found = {(accession, str(end), value) for accession, end, value in rows}
    return all((fact["accn"], fact["end"], fact["val"]) in found for fact in (good_fact(*key) for key in GOOD))


def test_the_good_response_loads(loading: tuple[Engine, Home]) -> None:
    engine, home = loading
    assert check(engine, home, json.dumps(response()).encode()) == "loaded"
    assert holds_the_good_rows(engine)


@pytest.mark.long
def test_two_thousand_mutated_responses(loading: tuple[Engine, Home]) -> None:
    engine, home = loading
    became: dict[str, int] = {}

    @settings(
        max_examples=MUTATIONS, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(mutated())
    def run(body: bytes) -> None:
        result = check(engine, home, body)
        became[result] = became.get(result, 0) + 1
        # A mutation of bytes may hit the good tag itself; every other one leaves it as it was.
        if result != "refused" and body.find(json.dumps(response()["facts"]["us-gaap"][GOOD_TAG]).encode()) >= 0:
            assert holds_the_good_rows(engine), body
        # The EDGAR client looks at the same bytes before anything is loaded: it refuses in words or lets them pass.
        try:
            summarise_facts(body, CIK, "https://data.sec.gov/x")
        except EdgarError as error:
            assert "https://data.sec.gov/x" in str(error)

    run()
    assert sum(became.values()) >= MUTATIONS * 0.9
    assert min(became.get(name, 0) for name in ("refused", "quarantined", "loaded")) > 20, became


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, body in members.items():
            target.writestr(name, body)
    return path


def universe() -> Universe:
    return Universe(companies=(Company(ticker="AAPL", cik=CIK, name="Apple", tier="downstream"),))


def test_members_that_climb_out_of_the_folder_are_never_used(tmp_path: Path, loading: tuple[Engine, Home]) -> None:
    good = json.dumps(response()).encode()
    name = f"CIK{CIK:010d}.json"
    source = archive(
        tmp_path / "companyfacts.zip", {f"../../{name}": b"climbs", f"/etc/{name}": b"absolute", name: good}
    )
    home = Home.resolve(tmp_path / "home").create()
    (found,) = find_responses(source, universe())
    assert land_response(found, home).size == len(good)
    assert {path.name for path in tmp_path.iterdir()} == {"companyfacts.zip", "home"}
    only_bad = archive(tmp_path / "bad.zip", {f"../../{name}": good})
    with pytest.raises(ConfigurationError, match="holds no response of any company"):
        find_responses(only_bad, universe())


def test_a_zip_bomb_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from warehouse import responses

    monkeypatch.setattr(responses, "LARGEST_RESPONSE", 5_000_000)
    source = archive(tmp_path / "companyfacts.zip", {f"CIK{CIK:010d}.json": b" " * 50_000_000})
    assert source.stat().st_size < 100_000
    (found,) = find_responses(source, universe())
    with pytest.raises(ResponseRefused, match=f"CIK{CIK:010d}.json: larger than 5,000,000 bytes"):
        land_response(found, Home.resolve(tmp_path / "home").create())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-30],
        lambda content: content[:40] + b"\xff" * 20 + content[60:],
        lambda content: b"",
        lambda content: b"PK\x05\x06" + b"\x00" * 18,
    ],
    ids=["cut off", "damaged", "empty", "no members"],
)
def test_a_damaged_archive_is_refused_by_name(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    source = archive(tmp_path / "companyfacts.zip", {f"CIK{CIK:010d}.json": json.dumps(response()).encode()})
    source.write_bytes(spoil(source.read_bytes()))
    home = Home.resolve(tmp_path / "home").create()
    with pytest.raises((ConfigurationError, ResponseRefused), match=r"companyfacts\.zip"):
        [land_response(found, home) for found in find_responses(source, universe())]
