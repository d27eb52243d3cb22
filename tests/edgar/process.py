"""Running a pass in a process of its own.

Belongs here: starting one, letting it go on when a test says so, reading what it reports. Does not belong
here: tests.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.edgar import EdgarSettings, Filer

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
from pathlib import Path
from pipelines.edgar import EdgarError, EdgarSettings, Filer, fetch
task = json.loads(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
kinds = []
companies = [Filer(ticker, cik) for ticker, cik in task["companies"]]
try:
    settings = EdgarSettings(**task["settings"])
    result = fetch(companies, Path(task["home"]), settings, lambda event: kinds.append(event.kind))
    print(json.dumps({"changed": result.changed, "requests": result.requests, "events": kinds}))
except EdgarError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error), "events": kinds}))
"""


class PassProcess:
    """A process that has imported everything and waits for `go`."""

    def __init__(self, companies: Sequence[Filer], home: Path, settings: EdgarSettings) -> None:
        task = {
            "companies": [(company.ticker, company.cik) for company in companies],
            "home": str(home),
            "settings": settings.model_dump(mode="json"),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, json.dumps(task)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        """Let the pass begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def report(self) -> dict[str, Any]:
        """Wait for the end and return what it reported; an empty dictionary when it was killed."""
        output, _ = self.process.communicate(timeout=60)
        found: dict[str, Any] = json.loads(output) if output.strip() else {}
        return found
