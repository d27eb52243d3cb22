"""What the command line shows: progress, the table at the end of a refresh, the status.

What belongs here: drawing with rich and reading the published file. What does not: commands (`pipelines.cli`).
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from shlex import quote
from typing import Any

import duckdb
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.edgar import read_settings
from pipelines.edgar.block import current_block
from pipelines.locking import HomeLock
from pipelines.printing import plain, say
from pipelines.refreshing import Outcome
from pipelines.workshop import EDGAR, EDGAR_BULK
from schemas.meta.watching import NOT_COMPARED
from warehouse.engine import quoted
from warehouse.home import Home
from warehouse.lateness import late_filings
from warehouse.publication import current_file, rolled_back_from
from warehouse.run_log import RunRecord, read

SHOWN_QUARTERS = 6
MILLION = 1e6
TIERS = ("upstream", "midstream", "downstream")


class RefreshDisplay:
    """A progress bar that a refresh's steps move."""

    def __init__(self, console: Console) -> None:
        from pipelines.catalogue import all_tables

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=console, transient=False)
        self.task = self.progress.add_task("refresh", total=len(all_tables()) + 1)

    def __enter__(self) -> RefreshDisplay:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def tell(self, message: str) -> None:
        """Show a line above the bar, such as a pause or a refusal."""
        say(self.progress.console, (message, "yellow"))

    def step(self, name: str) -> None:
        """Show that a step is done."""
        self.progress.update(self.task, advance=1, description=f"{name:<32}")


def _query(home: Home, sql: str) -> list[tuple[Any, ...]]:
    connection = duckdb.connect(str(home.database), read_only=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def show_summary(console: Console, home: Home, outcome: Outcome) -> None:
    """The table at the end of a refresh, the path of the file and what to try next."""
    console.print(_score_table(home))
    console.print(_coverage_table(home))
    if outcome.record is not None and outcome.record.message:
        say(console, ("refused:", "yellow"), f" {outcome.record.message}")
    state = outcome.record.outcome if outcome.record is not None else "published"
    say(console, f"\n{state}: ", (str(home.database), "bold"), "\n")
    say(console, "Next:")
    for line in _next_steps(home):
        say(console, f"  {line}")


def _next_steps(home: Home) -> list[str]:
    """Three commands as the user can type them: with the path of this environment, and the home folder where it is not the usual one."""
    command = quote(_short(Path(sys.executable).with_name("tokenchain")))
    where = "" if home.root == Home.resolve("data").root else f" --home {quote(_short(home.root))}"
    # Double quotes inside, as JSON and Python write them alike: the shell's single ones then stand around the whole.
    file = json.dumps(_short(home.database), ensure_ascii=False)
    query = f'import duckdb; duckdb.connect({file}, read_only=True).sql("FROM mart.growth_gap").show()'
    return [
        f"{'make ui' if not where else f'{command} ui{where}'}   the asset graph, checks and runs",
        f"{command} status{where}   what is published and how fresh it is",
        f"{quote(_short(Path(sys.executable)))} -c {quote(query)}",
    ]


def _short(path: Path) -> str:
    """A path from the current folder where it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _score_table(home: Home) -> Table:
    rows = _query(
        home,
        f"""SELECT entity, quarter, composite_score, is_provisional FROM mart.composite_scores
        WHERE entity_kind = 'tier' AND basis = 'fiscal_ytd' AND quarter IN (SELECT DISTINCT quarter FROM mart.composite_scores
            WHERE basis = 'fiscal_ytd' AND entity_kind = 'tier' ORDER BY quarter DESC LIMIT {SHOWN_QUARTERS})""",
    )
    quarters = sorted({row[1] for row in rows})
    scores = {(row[0], row[1]): _score(row[2], row[3]) for row in rows}
    table = Table(title="Composite prosperity score, basis fiscal_ytd (* provisional)")
    table.add_column("tier")
    for quarter in quarters:
        table.add_column(quarter, justify="right")
    for tier in TIERS:
        table.add_row(tier, *[scores.get((tier, quarter), "–") for quarter in quarters])
    return table


def _score(score: float | None, is_provisional: bool) -> str:
    return "–" if score is None else f"{score:.1f}{'*' if is_provisional else ''}"


def _coverage_table(home: Home) -> Table:
    rows = _query(
        home,
        """SELECT entity, max(quarter), arg_max(revenue_depreciation_ratio, quarter), arg_max(depreciation_revenue_pct, quarter),
            arg_max(capex_depreciation_ratio, quarter)
        FROM mart.depreciation_coverage WHERE entity_kind = 'company' AND span = 'quarter'
            AND revenue_depreciation_ratio IS NOT NULL GROUP BY entity ORDER BY any_value(tier) DESC, entity""",
    )
    table = Table(title="Depreciation coverage, last quarter per company")
    for name in ("company", "quarter", "revenue ÷ D&A", "D&A % of revenue", "capex ÷ D&A"):
        table.add_column(name, justify="left" if name in ("company", "quarter") else "right")
    for entity, quarter, ratio, share, capex in rows:
        table.add_row(plain(entity), quarter, _number(ratio), _number(share), _number(capex))
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def show_status(console: Console, home: Home) -> None:
    """Published file, freshness per company, what is awaited or late, failed checks, the last run."""
    runs = read(home.run_log)
    if not home.database.exists():
        say(console, f"nothing is published in {home.root}; run: tokenchain refresh")
    else:
        _show_published(console, home)
    if runs:
        _show_last_run(console, home, runs[-1])
    block = current_block(read_settings())
    if block is not None:
        end = dt.datetime.fromtimestamp(block.until, dt.UTC)
        say(console, f"blocked by EDGAR: requests of this machine pause until {end:%Y-%m-%d %H:%M:%S} UTC")


def _show_published(console: Console, home: Home) -> None:
    kept = current_file(home)
    size = home.database.stat().st_size / 2**20
    say(
        console,
        "published: ",
        (str(home.database), "bold"),
        f" ({size:.1f} MiB, {kept.name if kept else 'copied'})",
    )
    run = _made_by(home)
    say(console, f"made by run {run[0]} from {run[1]} at {run[2]} UTC, code {run[3]}")
    day = next((record.as_of for record in read(home.run_log) if record.run_id == run[0]), None)
    if day is not None:
        say(console, f"as it was known on {day}: nothing filed or published later is in it")
    held_back = rolled_back_from(home)
    if held_back is not None:
        say(console, f"rolled back: {held_back.name} is newer and held back until there is something new to publish")
    _show_companies(console, home)
    _show_awaited(console, home)
    _show_late(console, home, source=run[1])
    _show_quarantine(console, home)
    _show_failed_checks(console, home)


def _show_companies(console: Console, home: Home) -> None:
    """Per company the newest quarter, the newest filing that figures come from, and what is awaited; below it, of how many filings."""
    companies = _query(
        home,
        """WITH source AS (
            SELECT coalesce(u.ticker, p.ticker) AS ticker, f.form, f.filed_date, f.accession
            FROM raw.filings AS f LEFT JOIN raw.universe AS u USING (cik) LEFT JOIN raw.predecessor_ciks AS p USING (cik)
            WHERE f.fact_count > 0
            QUALIFY row_number() OVER (PARTITION BY coalesce(u.ticker, p.ticker)
                ORDER BY f.filed_date DESC, f.fact_count DESC, f.accession DESC) = 1)
        SELECT c.ticker, c.latest_period_end_date, s.form, s.filed_date, s.accession,
            (SELECT count(*) FROM core.missing_quarters AS m WHERE m.ticker = c.ticker
                AND m.reason IN ('awaiting_source', 'not_yet_published') AND m.period_end_date >= c.latest_period_end_date)
        FROM core.companies AS c LEFT JOIN source AS s ON s.ticker = c.ticker ORDER BY c.tier DESC, c.ticker""",
    )
    table = Table(title="newest quarter, newest filing with figures, values awaited")
    for name in ("company", "quarter end", "form", "filed", "accession", "awaited"):
        table.add_column(name, justify="right" if name == "awaited" else "left")
    for row in companies:
        table.add_row(*[plain(_cell(value)) for value in row])
    console.print(table)
    ((count, first, last),) = _query(
        home, "SELECT count(*), min(filed_date), max(filed_date) FROM raw.filings WHERE fact_count > 0"
    )
    say(console, f"from {count} filings of {first} to {last}; all are in raw.filings")


def _show_quarantine(console: Console, home: Home) -> None:
    for table_name, reason, count in _query(
        home, "SELECT table_name, reason, count(*) FROM meta.quarantine GROUP BY ALL ORDER BY 1, 3 DESC, 2"
    ):
        say(console, f"quarantine: {table_name}, {reason}: {count} rows")


def _show_failed_checks(console: Console, home: Home) -> None:
    failed = _query(
        home, "SELECT table_name, check_name, severity, failing_count FROM meta.checks WHERE NOT passed ORDER BY 3, 1"
    )
    for table_name, check, severity, count in failed:
        say(console, f"{severity}: {table_name} {check}: {count} rows")
    if not failed:
        say(console, "all checks passed")


def _made_by(home: Home) -> tuple[Any, ...]:
    # The run that made the file is the last one written into it; clocks can be set back.
    return _query(home, "SELECT run_id, source, finished_at, code_version FROM meta.runs ORDER BY rowid DESC LIMIT 1")[
        0
    ]


def _has_table(home: Home, name: str) -> bool:
    """Whether the published file has a table; one made by an earlier version may lack it."""
    return bool(_query(home, f"SELECT 1 FROM meta.tables WHERE table_name = {quoted(name)}"))


def _show_awaited(console: Console, home: Home) -> None:
    if not _has_table(home, "meta.awaited_filings"):
        return
    sentences = {
        "awaited": "awaited: filed, not in companyfacts yet",
        "overdue": "overdue: filed over ten days ago, still not in companyfacts",
        "awaiting_source": "awaiting a source: its figures stand under the company's own tags",
    }
    for ticker, form, filed, accession, state, concepts in _query(
        home,
        "SELECT ticker, form, filed_date, accession, state, concepts FROM meta.awaited_filings ORDER BY filed_date, ticker",
    ):
        what = f" ({concepts})" if concepts else ""
        say(console, f"{ticker} {form} of {filed}, {accession}: {sentences[state]}{what}")


def _show_late(console: Console, home: Home, source: str) -> None:
    # Bundled filings and folders are snapshots: what is filed after them is not late.
    if source not in (EDGAR, EDGAR_BULK):
        return
    connection = duckdb.connect(str(home.database), read_only=True)
    try:
        late = late_filings(connection, dt.datetime.now(dt.UTC).date())
    finally:
        connection.close()
    for expected in late:
        say(console, f"late: {expected.sentence()}")


def _show_last_run(console: Console, home: Home, last: RunRecord) -> None:
    outcome = last.outcome
    lock = HomeLock(home, "")
    if outcome == "started" and home.database.exists() and _made_by(home)[0] == last.run_id:
        # Its file is out; it was stopped before it could note that.
        outcome = "published"
    if outcome == "started":
        outcome = f"going on ({lock.holder()})" if lock.is_held() else "interrupted"
    say(console, f"last run {last.run_id}: {outcome}, started {last.started_at} UTC, source {last.source}")
    if last.message:
        say(console, f"  {last.message}")


def show_changes(console: Console, home: Home, limit: int) -> None:
    """What the published file has that the one before had not, by kind, newest filings first."""
    if not home.database.exists():
        say(console, f"nothing is published in {home.root}; run: tokenchain refresh")
        return
    run = _made_by(home)
    say(console, f"changes of run {run[0]} from {run[1]} at {run[2]} UTC against the file before")
    counts = (
        _query(home, "SELECT kind, count(*) FROM meta.changes GROUP BY kind ORDER BY kind")
        if _has_table(home, "meta.changes")
        else []
    )
    if not counts:
        say(console, "none: the first file of this home folder, or the same figures made anew")
        return
    if counts[0][0] == NOT_COMPARED:
        ((reason,),) = _query(home, "SELECT concept FROM meta.changes")
        say(console, f"not known: the file before could not be read, so nothing was compared ({reason})")
        return
    say(console, ", ".join(f"{count} {kind}" for kind, count in counts))
    say(console, f"up to {limit} of each kind; all are in meta.changes")
    for kind, _ in counts:
        console.print(_changes_of_kind(home, kind, limit))
    last = read(home.run_log)[-1:]
    if last and last[0].run_id != run[0] and last[0].outcome == "unchanged":
        say(console, f"the last run, {last[0].run_id}, changed nothing")


def _changes_of_kind(home: Home, kind: str, limit: int) -> Table:
    """A table of one kind, with the columns that its rows fill; amounts from a million on in millions (M)."""
    names = ("entity", "concept", "period", "before", "after", "difference", "filing")
    rows = _query(
        home,
        f"""SELECT entity, concept, period, value_before, value_after, difference, accession FROM meta.changes
        WHERE kind = {quoted(kind)} ORDER BY abs(coalesce(difference, 0)) DESC, rowid LIMIT {int(limit)}""",
    )
    filled = [place for place in range(len(names)) if any(row[place] is not None for row in rows)]
    table = Table(title=kind, title_justify="left")
    for place in filled:
        is_number = names[place] in ("before", "after", "difference")
        table.add_column(names[place], justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*[plain(_cell(row[place])) for place in filled])
    return table


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    if abs(value) >= MILLION:
        return f"{value / MILLION:,.1f} M"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
