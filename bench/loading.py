"""Loading companyfacts responses, measured against what else could be done with the same bytes.

What belongs here: timing the load and its comparisons. What does not: synthetic responses (`bench.synthetic`).
"""

from __future__ import annotations

import datetime as dt
import gzip
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measuring import Measured, best_of
from bench.report import markdown, ratio
from pipelines.ingest import FACT_ORDER
from schemas.raw.filings import CompanyFacts
from warehouse.engine import Engine, quoted
from warehouse.fact_loading import FactLoader, parse_statement, typed_statement
from warehouse.home import Home
from warehouse.responses import BUNDLED_FILINGS, LandedResponse, find_responses, land_response
from warehouse.table_store import TableStore
from warehouse.universe import read_universe

# Beside the repository on machines that have whole responses; the bundled filings hold the mapped tags only.
WHOLE_RESPONSES = Path(__file__).parents[2] / "shared" / "filings" / "companyfacts" / "2026-06"
KNOWN_ON = dt.date(2100, 1, 1)


def land(source: Path, home: Home) -> list[LandedResponse]:
    """The universe's responses of a source, landed below a home folder."""
    home.create()
    return [land_response(found, home) for found in find_responses(source, read_universe())]


def load(responses: list[LandedResponse], home: Home) -> int:
    """Do what a refresh does with new responses: load, check and write `raw.company_facts`; returns the number of facts."""
    engine = Engine()
    try:
        loader = FactLoader(engine, KNOWN_ON)
        loader.load_responses(responses)
        if loader.report.refused:
            raise ValueError(f"refused: {loader.report.refused}")
        ordered = engine.named("loaded_facts", CompanyFacts).order_by(*FACT_ORDER.split(", "))
        TableStore(home.tables, engine).write(CompanyFacts, ordered, fingerprint="bench", run_id="bench")
    finally:
        engine.close()
    return loader.report.facts


def read_only(responses: list[LandedResponse]) -> int:
    """Only read and type responses into the engine, checked row by row, nothing written; returns the number of facts."""
    engine = Engine()
    try:
        loader = FactLoader(engine, KNOWN_ON)
        loader.load_responses(responses)
    finally:
        engine.close()
    return loader.report.facts


def bare_statement(responses: list[LandedResponse], target: Path) -> None:
    """Read, type and write the same rows in the same order in one DuckDB statement, without looking at any of them."""
    engine = Engine()
    try:
        largest = max(response.size for response in responses) + 1024
        rows = typed_statement(parse_statement([response.path for response in responses], largest), KNOWN_ON)
        order = f"SELECT * EXCLUDE (reason) FROM ({rows}) ORDER BY {FACT_ORDER}"
        engine.sql.execute(f"COPY ({order}) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)")
    finally:
        engine.close()


def _decoders() -> dict[str, Callable[[bytes], Any]]:
    """The comparisons that are installed: `json` always, orjson and edgartools with the extra `bench`."""
    found: dict[str, Callable[[bytes], Any]] = {"json.loads alone": json.loads}
    if importlib.util.find_spec("orjson"):
        import orjson

        found["orjson.loads alone"] = orjson.loads
        if importlib.util.find_spec("edgar"):
            from edgar.entity.parser import EntityFactsParser

            found["edgartools"] = lambda content: EntityFactsParser.parse_company_facts(orjson.loads(content))
    return found


def measure(source: Path, folder: Path, repeats: int) -> str:
    """One table for a source: facts, the load, and every comparison as a ratio to it."""
    home = Home(folder)
    responses = land(source, home)
    contents = [gzip.decompress(response.path.read_bytes()) for response in responses]
    loaded = best_of(repeats, lambda: load(responses, home))
    bare = best_of(repeats, lambda: bare_statement(responses, folder / "bare.parquet"))
    rows = [
        _row("load: read, type, check, write raw.company_facts", loaded, loaded),
        _row("of which reading and typing", best_of(repeats, lambda: read_only(responses)), loaded),
        _row("bare DuckDB statement: read, type, write", bare, loaded),
    ]
    for name, decode in _decoders().items():
        timed = best_of(repeats, lambda decode=decode: [decode(content) for content in contents])  # type: ignore[misc]
        rows.append(_row(name, timed, loaded))
    facts = int(loaded.result)
    size = sum(map(len, contents)) / 1e6
    caption = (
        f"{len(responses)} responses, {facts:,} facts, {size:.1f} MB of JSON; {facts / loaded.seconds:,.0f} facts/s"
    )
    head = ("what", "s", "CPU s", "load ÷ this", "load ÷ this, CPU")
    return f"{caption}\n\n{markdown(head, rows)}"


def _row(name: str, measured: Measured, loaded: Measured) -> tuple[str, ...]:
    return (
        name,
        f"{measured.seconds:.2f}",
        f"{measured.cpu_seconds:.2f}",
        ratio(loaded.seconds, measured.seconds),
        ratio(loaded.cpu_seconds, measured.cpu_seconds),
    )


def section(folder: Path, repeats: int) -> str:
    """The section of the report: the bundled filings and, where they are, whole responses."""
    parts = ["## Loading responses", f"### Bundled filings\n\n{measure(BUNDLED_FILINGS, folder / 'bundled', repeats)}"]
    if WHOLE_RESPONSES.is_dir():
        parts.append(f"### Whole responses\n\n{measure(WHOLE_RESPONSES, folder / 'whole', repeats)}")
    else:
        parts.append(
            "### Whole responses\n\nNot measured: there is no folder of whole responses beside the repository."
        )
    return "\n\n".join(parts)
