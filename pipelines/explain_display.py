"""What `tokenchain explain` prints: the tree as text or JSON.

What belongs here: opening the published file and drawing with rich. What does not: the tree itself (`pipelines.explaining`).
"""

from __future__ import annotations

import json

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

from pipelines.explaining import ENDLESS, FACTS_TABLE, LineageSource, Node, explain
from pipelines.lineage_view import VIEW
from pipelines.numbers import Question, find_number
from warehouse.errors import TokenchainError
from warehouse.formulas import readable
from warehouse.home import Home

SHOWN_ROWS = 12
WIDTH = 20_000
STATES = {"repeated": "explained above", "deeper": "more below, see --depth", "context": "not followed, see --all"}


def run_explain(
    console: Console, home: Home, question: Question, depth: int | None, everything: bool, as_json: bool
) -> None:
    """Print the tree of the number asked for; raises TokenchainError where there is none or nothing is published."""
    if not home.database.exists():
        raise TokenchainError(
            f"{home.database}: nothing is published here; run `tokenchain refresh` or name the folder with --home"
        )
    with duckdb.connect(str(home.database), read_only=True) as connection:
        source = LineageSource(connection)
        number = find_number(connection, question, source.lineage, source.concepts)
        root = explain(source, number, depth or ENDLESS, everything)
        if as_json:
            console.out(json.dumps(root.as_json(), ensure_ascii=False, indent=2), highlight=False)
        else:
            show_tree(console, connection, root, everything)


def show_tree(console: Console, connection: duckdb.DuckDBPyConnection, root: Node, show_all: bool = False) -> None:
    """Draw the tree, its count of facts and filings, and the same as SQL."""
    units = _units(connection)
    tree = Tree(_title(root, units))
    _grow(tree, root, units, show_all)
    # Wider than any line: the terminal folds long lines itself, so that links stay whole.
    Console(file=console.file, width=WIDTH).print(tree, highlight=False, soft_wrap=True)
    facts = root.facts()
    filings = {fact.accession for fact in facts if fact.accession}
    console.print(f"\n{len(facts)} facts from {len(filings)} filings", highlight=False)
    address = root.address
    console.print(
        f"SQL: FROM {VIEW} WHERE table_name = '{address.table}' AND column_name = '{address.column}' AND number_key = '{address.key}'",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _units(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    rows = connection.execute("SELECT table_name, column_name, unit FROM meta.columns").fetchall()
    return {(table, column): unit for table, column, unit in rows}


def _grow(tree: Tree, node: Node, units: dict[tuple[str, str], str], show_all: bool) -> None:
    context = [child for child in node.children if child.state == "context"]
    followed = [child for child in node.children if child.state != "context"]
    limit = len(followed) if show_all or node.is_computable else SHOWN_ROWS
    for child in followed[:limit]:
        _grow(tree.add(_title(child, units)), child, units, show_all)
    if len(followed) > limit:
        tree.add(Text(f"and {len(followed) - limit} more rows, see --all", style="dim"))
    if context:
        tree.add(_context(context))


def _context(nodes: list[Node]) -> Text:
    """The values that a number is measured by, in one line."""
    values = ", ".join(f"{node.entity} {node.quarter} {_number(node.value, '')}" for node in nodes)
    first = nodes[0]
    table = f"{first.address.table}.{first.address.column}"
    return Text(f"{first.role}: {len(nodes)} values of {table}, {STATES['context']}: {values}", style="dim")


def _title(node: Node, units: dict[tuple[str, str], str]) -> str:
    unit = units.get((node.address.table, node.address.column), "")
    lines = [f"{_head(node)} = [bold]{_number(node.value, unit)}[/]  [dim]{escape(_place(node))}[/]"]
    if not node.address.column:
        lines = [
            f"{_head(node)}  [dim]{escape(_place(node))}: {'the row' if node.address.key else 'the table as a whole'}[/]"
        ]
    if node.tag:
        lines[0] = f"{_sign(node)}[bold]{_number(node.value, '')}[/]  {escape(node.tag)}  {_period(node)}"
    if node.accession or node.filing_url:
        lines.append(f"[dim]{_source(node)}[/]")
    if node.formula is not None:
        note = f" [dim]({escape(node.note)})[/]" if node.note else ""
        lines.append(f"= {escape(readable(node.formula))}{note}{_verdict(node)}")
    elif node.state in STATES:
        lines[0] += f"  [dim]{STATES[node.state]}[/]"
    return "\n".join(lines)


def _head(node: Node) -> str:
    if node.title is not None:
        return f"[cyan]{escape(node.title)}[/]"
    name = node.role or node.address.column
    factor = f"{node.factor:g} × " if node.factor is not None else ""
    return f"{factor}[cyan]{escape(name)}[/] {escape(' '.join(filter(None, (node.entity, node.quarter))))}"


def _place(node: Node) -> str:
    column = f".{node.address.column}" if node.address.column else ""
    return f"{node.address.table}{column} {node.address.key}".strip()


def _sign(node: Node) -> str:
    return "− " if node.factor == -1 else "+ "


def _period(node: Node) -> str:
    return (
        f"{node.period_start_date} – {node.period_end_date}" if node.period_start_date else f"at {node.period_end_date}"
    )


def _source(node: Node) -> str:
    filed = f"filed {node.filed_date}" if node.address.table == FACTS_TABLE else f"published {node.filed_date}"
    parts = [node.accession or "", filed if node.filed_date else "", node.filing_url or ""]
    return escape("  ".join(part for part in parts if part))


def _verdict(node: Node) -> str:
    if node.check == "agrees":
        return " [green]✓[/]"
    if node.check == "differs" and node.computed is not None:
        return f" [bold red]differs: {_number(node.computed, '')} computed[/]"
    return ""


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "no value"
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 1e6 else f"{value:.6g}"
    short = {"US dollars": " USD", "percent": " %"}.get(unit, "")
    return text + short
