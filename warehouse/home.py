"""The home folder: where everything that a refresh writes lives.

What belongs here: paths and their creation. What does not: reading or writing what they hold.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import HomeNotWritable

HOME_VARIABLE = "TOKENCHAIN_HOME"
DEFAULT_HOME = "data"


@dataclass(frozen=True)
class Home:
    """Paths below the home folder (`--home`, `TOKENCHAIN_HOME`, or `./data`)."""

    root: Path

    @classmethod
    def resolve(cls, root: Path | str | None = None) -> Home:
        """The home folder asked for, made absolute."""
        chosen = root or os.environ.get(HOME_VARIABLE) or DEFAULT_HOME
        return cls(Path(chosen).expanduser().resolve())

    def create(self) -> Home:
        """Make the folders; raises OSError where they can't be made."""
        for folder in (self.responses, self.tables, self.published, self.dagster):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    def require_writable(self) -> None:
        """Raise HomeNotWritable naming the folder where nothing can be written to it: its parts would fail in less clear words."""
        folder = self.root
        try:
            self.create()
            # A folder below may be another user's, who ran a service or a command with sudo.
            for folder in (self.root, self.responses, self.tables, self.published, self.dagster):
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            raise HomeNotWritable(
                f"{folder}: can't be written ({error.strerror}); make it writable or choose another folder with --home"
            ) from error

    def remove_leftovers(self) -> None:
        """Remove unfinished files of killed refreshes; only for the holder of the lock, whose own files would be among them."""
        for folder in (self.responses, self.tables, self.published):
            for pattern in ("*.tmp", "*.tmp.wal", "tmp_*"):
                for leftover in folder.rglob(pattern):
                    leftover.unlink(missing_ok=True)
        for leftover in self.root.glob(f".{self.database.name}.*.tmp"):
            leftover.unlink(missing_ok=True)

    @property
    def database(self) -> Path:
        """The published DuckDB file."""
        return self.root / "warehouse.duckdb"

    @property
    def responses(self) -> Path:
        """Each distinct companyfacts response once, compressed, named by its SHA-256."""
        return self.root / "responses"

    @property
    def tables(self) -> Path:
        """One Parquet file per table, `tables/<schema>/<table>.parquet`."""
        return self.root / "tables"

    @property
    def published(self) -> Path:
        """The last published DuckDB files, for rollback."""
        return self.root / "published"

    @property
    def dagster(self) -> Path:
        """Dagster's instance folder (runs, events, schedules)."""
        return self.root / "dagster"

    @property
    def run_log(self) -> Path:
        """One JSON line per refresh, successful or not."""
        return self.root / "runs.jsonl"
