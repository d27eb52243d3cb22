"""`tokenchain extract`: the bundled filings are made from full responses, byte for byte, and hold every fact of mapped tags."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.extracting import extract
from tests.homes import SHARED_FILINGS, read_json
from tests.responses import CIK, GOOD_FACT, response
from warehouse.concepts import ConceptMap, read_concepts
from warehouse.errors import ResponseRefused
from warehouse.responses import BUNDLED_FILINGS, find_responses
from warehouse.universe import Universe

CAPTURES = [SHARED_FILINGS / "companyfacts" / name for name in ("2026-06", "2026-07")]
SEVEN = Universe.model_validate({"companies": [{"ticker": "SEVEN", "cik": CIK, "name": "Seven", "tier": "upstream"}]})
CONCEPTS = ConceptMap.model_validate(
    {"concepts": {"revenue": {"kind": "flow", "meaning": "Revenue", "tags": ["Revenues", "own:Sales"]}}}
)


def full_response() -> dict[str, Any]:
    content = response(GOOD_FACT, {**GOOD_FACT, "val": 1, "start": None})
    content["facts"]["us-gaap"]["Unmapped"] = {"label": "x", "description": "x", "units": {"USD": [GOOD_FACT]}}
    content["facts"]["own"] = {"Sales": {"units": {"EUR": [GOOD_FACT]}}, "Other": {"units": {}}}
    content["facts"]["dei"] = {"EntityPublicFloat": {"units": {"USD": [GOOD_FACT]}}}
    return content


def test_every_fact_of_the_mapped_tags_is_kept_unaltered_and_nothing_else(tmp_path: Path) -> None:
    source = full_response()
    (tmp_path / f"CIK{CIK:010d}.json").write_text(json.dumps(source))
    (path,) = extract(find_responses(tmp_path, SEVEN), CONCEPTS, tmp_path / "extracts")

    assert read_json(path) == {
        "cik": CIK,
        "entityName": "SEVEN",
        "facts": {
            "us-gaap": {"Revenues": {"units": source["facts"]["us-gaap"]["Revenues"]["units"]}},
            "own": {"Sales": {"units": {"EUR": [GOOD_FACT]}}},
        },
    }


def test_equal_responses_make_equal_files(tmp_path: Path) -> None:
    (tmp_path / f"CIK{CIK:010d}.json").write_text(json.dumps(full_response()))
    contents = {
        extract(find_responses(tmp_path, SEVEN), CONCEPTS, tmp_path / name)[0].read_bytes() for name in ("one", "two")
    }

    assert len(contents) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<html>", "is no companyfacts response"),
        ("{}", "is no companyfacts response"),
        ('{"cik": 8, "facts": {}}', "is of CIK 8"),
    ],
)
def test_a_response_that_is_none_is_refused_by_name(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / f"CIK{CIK:010d}.json").write_text(content)

    with pytest.raises(ResponseRefused, match=says) as refused:
        extract(find_responses(tmp_path, SEVEN), CONCEPTS, tmp_path / "extracts")

    assert f"CIK{CIK:010d}.json" in str(refused.value)


def test_the_bundled_filings_hold_mapped_tags_only() -> None:
    tags = read_concepts().tags()
    paths = sorted(BUNDLED_FILINGS.glob("CIK*.json.gz"))

    assert len(paths) == 8
    for path in paths:
        held = {(taxonomy, tag) for taxonomy, by_tag in read_json(path)["facts"].items() for tag in by_tag}
        assert held <= tags, path.name


def test_the_bundled_filings_come_out_of_the_full_responses_byte_for_byte(tmp_path: Path) -> None:
    if not all(capture.is_dir() for capture in CAPTURES):
        pytest.skip("the full responses are in the sibling folder shared/filings, which is not here")
    result = CliRunner().invoke(app, ["extract", *map(str, CAPTURES), "--to", str(tmp_path)])
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    bundled = {path.name: path.read_bytes() for path in BUNDLED_FILINGS.glob("CIK*.json.gz")}

    assert result.exit_code == 0, result.output
    assert made.keys() == bundled.keys()
    differing = [name for name in bundled if gzip.decompress(made[name]) != gzip.decompress(bundled[name])]
    assert differing == [], "make them anew with tokenchain extract"
    assert [name for name in bundled if made[name] != bundled[name]] == []


def test_the_bundled_transcribed_figures_are_the_shared_ones() -> None:
    shared = SHARED_FILINGS / "custom_tag_facts.csv"
    if not shared.exists():
        pytest.skip("the transcribed figures are in the sibling folder shared/filings, which is not here")

    assert (BUNDLED_FILINGS / shared.name).read_bytes() == shared.read_bytes()
