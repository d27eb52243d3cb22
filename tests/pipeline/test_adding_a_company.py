"""Adding a company is adding an entry: its response comes from a folder, its facts go the whole way."""

from pathlib import Path

import pytest
from ibis.expr.types import Table as IbisTable

from pipelines.catalogue import derived_tables
from pipelines.ingest import ingest
from pipelines.source_assets import _store_configuration
from pipelines.workshop import Workshop
from schemas.base import TableClass
from schemas.core.facts import Companies, FiscalQuarters, FiscalYears, StatementFacts
from schemas.core.quarters import Quarters, QuartersHistory
from schemas.raw.configuration import ConceptApplicability, ConceptTags, PredecessorCiks, Universe
from schemas.raw.filings import Filings
from tests.homes import CIKS, bundled_copy, read_json, response_path, universe_file, write_json
from warehouse.home import Home

TWIN = {"ticker": "TWIN", "cik": 999999, "name": "Twin of AAPL", "tier": "downstream"}
CONFIGURED: tuple[TableClass, ...] = (Universe, PredecessorCiks, ConceptTags, ConceptApplicability)
STEPS: tuple[TableClass, ...] = (
    Filings,
    StatementFacts,
    FiscalYears,
    FiscalQuarters,
    Companies,
    QuartersHistory,
    Quarters,
)


@pytest.fixture
def opened(home: Home, tmp_path: Path) -> Workshop:
    """A home folder with one more company: its response is AAPL's under another CIK."""
    source = bundled_copy(tmp_path / "source")
    write_json(source / "CIK0000999999.json", read_json(response_path(source, "AAPL")) | {"cik": TWIN["cik"]})
    universe = universe_file(tmp_path / "universe.yaml", list(CIKS), TWIN)
    return Workshop(home, str(source), universe, "added-run")


def computed(workshop: Workshop, table: TableClass) -> IbisTable:
    """Compute and store one derived table."""
    derived = next(derived for derived in derived_tables() if derived.table is table)
    workshop.store.write(table, workshop.expression(derived), fingerprint="added", run_id=workshop.run_id)
    return workshop.store.read(table)


def test_an_added_company_has_its_own_quarters(opened: Workshop) -> None:
    with opened as workshop:
        for table in CONFIGURED:
            _store_configuration(workshop, table)
        ingest(workshop)
        for step in STEPS:
            computed(workshop, step)
        workshop.attach(STEPS)
        companies = workshop.engine.sql.execute("SELECT ticker, tier FROM core.companies ORDER BY 1").fetchall()
        quarters = workshop.engine.sql.execute(
            """SELECT count(*), sum(value) FROM core.quarters WHERE concept = 'total_assets' AND ticker IN ('AAPL', 'TWIN')
            GROUP BY ticker"""
        ).fetchall()

    assert [row[0] for row in companies] == sorted([*CIKS, "TWIN"])
    assert ("TWIN", "downstream") in companies
    assert len(quarters) == 2
    assert quarters[0] == quarters[1]
    assert quarters[0][0] > 50
