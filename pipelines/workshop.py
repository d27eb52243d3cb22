"""What a run works with: home folder, engine, table store and configuration, opened once per run.

What belongs here: the Dagster resource and the fingerprints that tell whether a table is still current. What does not: the steps.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import dagster as dg
from ibis.expr.types import Table as IbisTable
from pydantic import PrivateAttr

from pipelines.catalogue import DerivedTable, all_tables
from pipelines.instance import close_dead_runs
from pipelines.locking import HomeLock
from pipelines.progress import teller
from schemas.base import TableClass, qualified_name
from warehouse.concepts import DEFAULT_CONCEPTS, ConceptMap, read_concepts
from warehouse.configuration import content_hash
from warehouse.engine import Engine
from warehouse.home import Home
from warehouse.methodology import DEFAULT_METHODOLOGY, Methodology, read_methodology
from warehouse.responses import BUNDLED_FILINGS
from warehouse.run_log import RunRecord, append, now
from warehouse.table_store import TableStore
from warehouse.universe import DEFAULT_UNIVERSE, Universe, read_universe

PACKAGES = ("assets", "pipelines", "schemas", "warehouse")
BUNDLED = "bundled"
EDGAR = "edgar"
EDGAR_BULK = "edgar-bulk"


def package_version() -> str:
    """The installed version, or 0 where the project runs from a plain folder."""
    try:
        return version("tokenchain")
    except PackageNotFoundError:
        return "0"


def code_hash() -> str:
    """SHA-256 over the project's own code and SQL."""
    root = Path(__file__).parents[1]
    files = [
        path
        for package in PACKAGES
        for pattern in ("*.py", "*.sql", "*.csv")
        for path in (root / package).rglob(pattern)
    ]
    return content_hash(*sorted(files))


def today() -> dt.date:
    """The present day, UTC."""
    return dt.datetime.now(dt.UTC).date()


class Workshop:
    """The home folder of one run. As a context manager it holds the folder's lock and closes the engine; unopened it only tells what is stored."""

    def __init__(self, home: Home, source: str, universe: Path, run_id: str, as_of: dt.date | None = None) -> None:
        self.home = home
        self.source = source
        self.universe_path = universe
        self.run_id = run_id
        self.as_of = as_of
        self.known_on = today()
        self.lock = HomeLock(home, run_id)
        self.refused: dict[str, str] = {}
        self.responses: dict[str, str] = {}
        self.started_at = now()

    def __enter__(self) -> Workshop:
        self.home.create()
        self.lock.acquire()
        if self.lock.left_behind is not None:
            teller()(f"an earlier refresh ({self.lock.left_behind}) ended without giving its lock back; going on")
        self.home.remove_leftovers()
        try:
            append(self.home.run_log, self.record("started"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.lock.release()

    def close(self) -> None:
        """Give the engine's memory back."""
        if "engine" in self.__dict__:
            self.engine.close()

    @cached_property
    def engine(self) -> Engine:
        """The engine, opened when first used."""
        return Engine()

    @cached_property
    def store(self) -> TableStore:
        """The table files."""
        return TableStore(self.home.tables, self.engine)

    @cached_property
    def universe(self) -> Universe:
        """The companies."""
        return read_universe(self.universe_path)

    @cached_property
    def concepts(self) -> ConceptMap:
        """The concept map."""
        return read_concepts()

    @cached_property
    def methodology(self) -> Methodology:
        """The parameters."""
        return read_methodology()

    @cached_property
    def code_hash(self) -> str:
        """Hash of the project's code."""
        return code_hash()

    @cached_property
    def methodology_hash(self) -> str:
        """Hash of everything that is configured and changes numbers."""
        return content_hash(DEFAULT_METHODOLOGY, DEFAULT_CONCEPTS, self.universe_path)

    @property
    def source_path(self) -> Path:
        """The folder or zip file of the responses; with EDGAR as the source, the folder of what EDGAR does not have."""
        return BUNDLED_FILINGS if self.source == BUNDLED or self.is_live else Path(self.source).expanduser()

    @property
    def is_live(self) -> bool:
        """Whether the responses come from EDGAR itself."""
        return self.source in (EDGAR, EDGAR_BULK)

    def record(self, outcome: str, message: str | None = None) -> RunRecord:
        """The run's record in a given state."""
        refused = "; ".join(self.refused.values()) or None
        return RunRecord(
            run_id=self.run_id,
            started_at=self.started_at,
            outcome=outcome,
            source=self.source,
            code_version=f"{package_version()}+{self.code_hash[:12]}",
            methodology_hash=self.methodology_hash,
            process_id=os.getpid(),
            responses=self.responses,
            message=message or refused,
            as_of=str(self.as_of) if self.as_of is not None else None,
        )

    def fingerprint(self, *parts: str) -> str:
        """A hash of the code and of what a table is made from."""
        return hashlib.sha256("\n".join([self.code_hash, *parts]).encode()).hexdigest()

    def recipe_of(self, derived: DerivedTable) -> str:
        """What a derived table's SQL depends on: code and settings, no data."""
        return self.fingerprint(qualified_name(derived.table), self.methodology_hash)

    def fingerprint_of(self, derived: DerivedTable) -> str:
        """What a derived table's file must have been made from to be still current."""
        inputs = [self._stored_fingerprint(table) for table in derived.inputs.values()]
        settings = [self.methodology_hash] if derived.settings else []
        return self.fingerprint(qualified_name(derived.table), *inputs, *settings)

    def is_current(self, derived: DerivedTable) -> bool:
        """Whether a derived table's file was made from its inputs as they are stored now, by this code."""
        return self.store.current(derived.table, self.fingerprint_of(derived)) is not None

    def _stored_fingerprint(self, table: TableClass) -> str:
        stored = self.store.stored(table)
        return stored.fingerprint if stored is not None else "none"

    def setting(self, kind: type) -> Any:
        """The configuration object of a type that an asset function asks for."""
        settings: dict[type, Any] = {ConceptMap: self.concepts, Methodology: self.methodology}
        return settings[kind]

    def expression(self, derived: DerivedTable) -> IbisTable:
        """The table's expression over the stored inputs."""
        arguments: dict[str, Any] = {name: self.store.read(table) for name, table in derived.inputs.items()}
        arguments |= {name: self.setting(kind) for name, kind in derived.settings.items()}
        return derived.function(**arguments)

    def attach(self, tables: Iterable[TableClass] | None = None) -> None:
        """Make stored tables readable with SQL under their names."""
        for table in all_tables() if tables is None else tables:
            self.store.attach(table)


class WorkshopResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Dagster resource that opens the home folder for a run: `home`, `source` (bundled, a folder or a zip), `universe`, `as_of`."""

    home: str = ""
    source: str = BUNDLED
    universe: str = ""
    as_of: str = ""
    _workshop: Workshop | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Open the home folder; raises HomeBusy where another refresh holds it."""
        universe = Path(self.universe) if self.universe else DEFAULT_UNIVERSE
        run_id = context.run.run_id if context.run is not None else "direct"
        as_of = dt.date.fromisoformat(self.as_of) if self.as_of else None
        self._workshop = Workshop(Home.resolve(self.home or None), self.source, universe, run_id, as_of).__enter__()
        if context.instance is not None:
            close_dead_runs(context.instance, self._workshop.home, run_id)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Give lock and engine back."""
        if self._workshop is not None:
            self._workshop.__exit__()
            self._workshop = None

    @property
    def workshop(self) -> Workshop:
        """The opened workshop; raises RuntimeError outside of a run."""
        if self._workshop is None:
            raise RuntimeError("the workshop is open only while a run is going on")
        return self._workshop
