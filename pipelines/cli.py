"""The command `tokenchain`.

What belongs here: arguments, messages, exit codes. What does not: any work (each command calls one function elsewhere).
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.printing import say
from warehouse.home import Home

app = typer.Typer(
    help="Warehouse of the AI token value chain: quarterly SEC filings in, prosperity index and coverage out.",
    epilog="Examples: `tokenchain refresh` · `tokenchain status` · `tokenchain explain NVDA capital_expenditure 2025Q4`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()
errors = Console(stderr=True)

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="TOKENCHAIN_HOME", help="Folder that holds everything written [default: ./data]"),
]
UniverseOption = Annotated[
    Path | None, typer.Option("--universe", envvar="TOKENCHAIN_UNIVERSE", help="YAML file of companies")
]


def _fail(message: str) -> None:
    say(errors, ("error:", "bold red"), f" {' '.join(message.split())}")
    raise typer.Exit(1)


@contextmanager
def _told_in_one_line(home: Home | None = None, addition: str = "") -> Iterator[None]:
    """End with code 1 and one line where the user can do something about an error; a fault of this code keeps its trace."""
    try:
        yield
    except Exception as error:
        from pipelines.remedies import sentence_for

        sentence = sentence_for(error, home)
        if sentence is None:
            raise
        _fail(sentence + addition)


@app.command(
    epilog="Examples: `tokenchain refresh` · `tokenchain refresh --source ~/companyfacts.zip` ·"
    " `tokenchain refresh --source responses/ --universe mine.yaml --home /srv/tokenchain`"
)
def refresh(
    source: Annotated[
        str,
        typer.Option(
            envvar="TOKENCHAIN_SOURCE",
            help="bundled, edgar (SEC's own service), edgar-bulk (its archives, for a first load of many companies), a folder of"
            " CIK##########.json[.gz], or SEC's companyfacts.zip",
        ),
    ] = "bundled",
    universe: UniverseOption = None,
    home: HomeOption = None,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only what was filed by this day; give another --home for it"),
    ] = None,
) -> None:
    """Read the source, derive and check every table, publish the DuckDB file."""
    import duckdb

    from pipelines.display import RefreshDisplay, show_summary
    from pipelines.refreshing import refresh as run_refresh
    from pipelines.remedies import sentence_for

    place = Home.resolve(home)
    unchanged = "; what was published before is unchanged"
    with _told_in_one_line(place, unchanged), RefreshDisplay(console) as display:
        outcome = run_refresh(place, source, universe, display.step, as_of.date() if as_of else None, display.tell)
    if not outcome.succeeded:
        _fail(f"{outcome.message}{unchanged}")
    try:
        show_summary(console, place, outcome)
    except duckdb.Error as error:
        # The refresh is done; who can't read its file now must not take it for failed.
        say(errors, ("the refresh succeeded:", "yellow"), f" {sentence_for(error, place)}")


@app.command(epilog="Examples: `tokenchain status` · `tokenchain status --home /srv/tokenchain`")
def status(home: HomeOption = None) -> None:
    """Tell what is published, from which filings, how fresh per company, the last run and failed checks."""
    from pipelines.display import show_status

    place = Home.resolve(home)
    with _told_in_one_line(place):
        show_status(console, place)


@app.command(epilog="Examples: `tokenchain changes` · `tokenchain changes --limit 50`")
def changes(
    home: HomeOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of each kind")] = 10,
) -> None:
    """Tell what the last published refresh changed: new filings and quarters, restated values, moved and vanished scores."""
    from pipelines.display import show_changes

    place = Home.resolve(home)
    with _told_in_one_line(place):
        show_changes(console, place, limit)


@app.command(epilog="Examples: `tokenchain rollback` · `tokenchain rollback --home /srv/tokenchain`")
def rollback(home: HomeOption = None) -> None:
    """Publish the file before the current one again, never one that was rolled back from; the last three are kept."""
    from pipelines.rolling_back import roll_back_alone

    place = Home.resolve(home)
    with _told_in_one_line(place):
        say(console, f"published again: {roll_back_alone(place).name}")


@app.command(
    epilog="Examples: `tokenchain extract responses/ --to warehouse/filings` · `tokenchain extract 2026-06/ 2026-07/ --to warehouse/filings`"
)
def extract(
    sources: Annotated[
        list[Path], typer.Argument(help="Folders or zips of full responses; a later one wins per company")
    ],
    to: Annotated[Path, typer.Option(help="Folder of the extracts")],
    universe: UniverseOption = None,
) -> None:
    """Make bundled filings out of full responses: every fact of the mapped tags, unaltered."""
    from pipelines.extracting import extract as run_extract
    from warehouse.concepts import read_concepts
    from warehouse.responses import find_responses
    from warehouse.universe import DEFAULT_UNIVERSE, read_universe

    with _told_in_one_line():
        companies = read_universe(universe or DEFAULT_UNIVERSE)
        newest = {found.cik: found for source in sources for found in find_responses(source, companies)}
        for path in run_extract(newest.values(), read_concepts(), to):
            say(console, f"{path.name}  {path.stat().st_size:,} bytes")


@app.command(epilog="Examples: `tokenchain ui` · `tokenchain ui --port 3333`")
def ui(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port on the loopback address")] = 3000,
    browser: Annotated[bool, typer.Option(help="Open the asset graph in a browser once it answers")] = True,
) -> None:
    """Start Dagster's UI, schedules and sensors on the loopback address; opens on the asset graph."""
    from pipelines.instance import prepare_instance
    from pipelines.opening import open_when_it_answers

    place = Home.resolve(home)
    with _told_in_one_line(place):
        place.require_writable()
        folder = prepare_instance(place)
    url = f"http://127.0.0.1:{port}/asset-groups"
    say(console, f"asset graph: {url}   instance: {folder}")
    workspace = Path(__file__).parents[1] / "workspace.yaml"
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    # Nobody looks where the output goes to a file or a service's log.
    if browser and sys.stdout.isatty():
        open_when_it_answers(url)
    raise typer.Exit(subprocess.call(command, env=dict(os.environ)))


@app.command(epilog="Examples: `tokenchain prepare --home /srv/tokenchain`")
def prepare(home: HomeOption = None) -> None:
    """Make the home folder with Dagster's settings, for services that start Dagster themselves."""
    from pipelines.instance import prepare_instance

    place = Home.resolve(home)
    with _told_in_one_line(place):
        place.require_writable()
        say(console, str(prepare_instance(place)))


@app.command(
    epilog="Examples: `tokenchain explain NVDA capital_expenditure 2025Q4` · `tokenchain explain upstream composite_score 2026Q1` ·"
    " `tokenchain explain MSFT roic_ttm_pct` · `tokenchain explain all mart.growth_gap.upstream_midstream_ratio 2026Q1 --basis ttm`"
)
def explain(
    entity: Annotated[str, typer.Argument(help="Ticker, tier or other entity of the table; `all` where it has none")],
    name: Annotated[str, typer.Argument(help="Concept, sub-index, column, or schema.table.column")],
    period: Annotated[
        str | None,
        typer.Argument(
            help="Calendar quarter such as 2025Q4, on basis fiscal_ytd the report quarter; a year or day where the table has such"
            " [default: newest]"
        ),
    ] = None,
    table: Annotated[str | None, typer.Option(help="Table, where several have the column")] = None,
    basis: Annotated[str | None, typer.Option(help="fiscal_ytd, quarter or ttm")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Further key columns, such as sub_index=roic_change"),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Steps below the number [default: down to the facts]")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Follow the values of normalisation windows too, and list every row")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The tree as JSON")] = False,
    home: HomeOption = None,
) -> None:
    """Show a number as a tree through its formula to the facts of filings, each with its link; every formula is computed again."""
    from pipelines.explain_display import run_explain
    from pipelines.numbers import Question, key_values

    place = Home.resolve(home)
    with _told_in_one_line(place):
        question = Question(entity, name, period, table, basis, key_values(where or []))
        run_explain(console, place, question, depth, everything, as_json)


def main() -> None:
    """Entry point of the installed command."""
    app()
