"""What the command line shows: progress, the table at the end of a refresh, the status.

What belongs here: drawing with rich and reading the published file. What does not: commands (`pipelines.cli`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.locking import HomeLock
from pipelines.refreshing import Outcome
from warehouse.home import Home
from warehouse.publication import current_file
from warehouse.run_log import read

SHOWN_QUARTERS = 6
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
        console.print(f"[yellow]refused:[/] {outcome.record.message}", highlight=False, soft_wrap=True)
    state = outcome.record.outcome if outcome.record is not None else "published"
    console.print(f"\n{state}: [bold]{home.database}[/]\n", highlight=False, soft_wrap=True)
    console.print("Next:")
    console.print("  make ui                                 see the asset graph, checks and runs", highlight=False)
    console.print("  tokenchain status                       what is published and how fresh it is", highlight=False)
    console.print(
        f"  duckdb -readonly {home.database} \"from mart.growth_gap where quarter = '2026Q1'\"",
        highlight=False,
        soft_wrap=True,
    )


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
        table.add_row(entity, quarter, _number(ratio), _number(share), _number(capex))
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def show_status(console: Console, home: Home) -> None:
    """Published file, freshness per company, last runs, failed checks."""
    runs = read(home.run_log)
    if not home.database.exists():
        console.print(f"nothing is published in {home.root}; run: tokenchain refresh", highlight=False, soft_wrap=True)
    else:
        _show_published(console, home)
    if runs:
        _show_last_run(console, home, runs)


def _show_published(console: Console, home: Home) -> None:
    kept = current_file(home)
    size = home.database.stat().st_size / 2**20
    console.print(
        f"published: [bold]{home.database}[/] ({size:.1f} MiB, {kept.name if kept else 'copied'})",
        highlight=False,
        soft_wrap=True,
    )
    run = _query(
        home, "SELECT run_id, source, finished_at, code_version FROM meta.runs ORDER BY started_at DESC LIMIT 1"
    )[0]
    console.print(f"made by run {run[0]} from {run[1]} at {run[2]} UTC, code {run[3]}", highlight=False, soft_wrap=True)
    companies = _query(
        home,
        """SELECT c.ticker, c.tier, c.latest_period_end_date, c.latest_filed_date,
            (SELECT count(*) FROM core.missing_quarters AS m WHERE m.ticker = c.ticker
                AND m.reason IN ('awaiting_source', 'not_yet_published') AND m.period_end_date >= c.latest_period_end_date)
        FROM core.companies AS c ORDER BY c.tier DESC, c.ticker""",
    )
    table = Table(title="Companies")
    for name in ("company", "tier", "newest quarter end", "newest filing", "awaited values"):
        table.add_column(name)
    for row in companies:
        table.add_row(*[str(cell) for cell in row])
    console.print(table)
    failed = _query(
        home, "SELECT table_name, check_name, severity, failing_count FROM meta.checks WHERE NOT passed ORDER BY 3, 1"
    )
    for table_name, check, severity, count in failed:
        console.print(f"{severity}: {table_name} {check}: {count} rows", highlight=False)
    if not failed:
        console.print("all checks passed")


def _show_last_run(console: Console, home: Home, runs: Sequence[Any]) -> None:
    last = runs[-1]
    outcome = last.outcome
    if outcome == "started":
        outcome = (
            f"going on ({HomeLock(home, '').holder()})" if (home.root / "refresh.lock.json").exists() else "interrupted"
        )
    console.print(
        f"last run {last.run_id}: {outcome}, started {last.started_at} UTC, source {last.source}",
        highlight=False,
        soft_wrap=True,
    )
    if last.message:
        console.print(f"  {last.message}", highlight=False, soft_wrap=True)
