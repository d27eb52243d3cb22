"""The tree below a number: through its formula and the numbers before it to the facts of filings.

What belongs here: reading the parts of `meta.lineage` step by step, computing each number again. What does not: finding the number that was asked for
(`pipelines.numbers`) and drawing (`pipelines.explain_display`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

from pipelines.lineage_view import VIEW_COLUMNS, all_rules, lineage_sql, table_shapes
from warehouse.concepts import read_concepts
from warehouse.engine import quoted
from warehouse.errors import TokenchainError
from warehouse.formulas import NotComputable, agrees, evaluate
from warehouse.lineage import read_lineage
from warehouse.methodology import read_methodology

ENDLESS = 1_000
FACTS_TABLE = "core.statement_facts"


@dataclass(frozen=True)
class Address:
    """Where a number stands: table, column, and the key of its row."""

    table: str
    column: str
    key: str


@dataclass
class Node:
    """A number or fact with what it is made of.

    `check` is agrees, differs, or null where the formula is words or an input has no value; `computed` is the value from the children.
    `title` is set for the number asked for. `state` says why a number that has inputs shows none: repeated (above in the tree),
    context, or deeper (beyond the depth asked for).
    """

    address: Address
    entity: str | None
    quarter: str | None
    value: float | None
    title: str | None = None
    role: str | None = None
    factor: float | None = None
    is_context: bool = False
    formula: str | None = None
    is_computable: bool = False
    note: str | None = None
    computed: float | None = None
    check: str | None = None
    state: str | None = None
    accession: str | None = None
    tag: str | None = None
    period_start_date: dt.date | None = None
    period_end_date: dt.date | None = None
    filed_date: dt.date | None = None
    filing_url: str | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def is_leaf(self) -> bool:
        """A fact, a sourced figure, or a row as a whole: nothing below it."""
        return self.address.table == FACTS_TABLE or self.address.table.startswith("raw.") or not self.address.column

    def walk(self) -> Iterator[Node]:
        """The node itself and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def facts(self) -> list[Node]:
        """The facts below, each filing's once."""
        found = {node.address: node for node in self.walk() if node.address.table == FACTS_TABLE and node.tag}
        return list(found.values())

    def as_json(self) -> dict[str, Any]:
        """The tree in JSON's types, without empty entries."""
        plain = {name: _plain(value) for name, value in asdict(self).items() if name not in ("address", "children")}
        kept = {name: value for name, value in plain.items() if value is not None and value is not False}
        below = {"children": [child.as_json() for child in self.children]} if self.children else {}
        return {**asdict(self.address), **kept, **below}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


class LineageSource:
    """The published file with the rules by which its numbers are made."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.lineage = read_lineage()
        self.concepts = read_concepts()
        self.shapes = table_shapes(self.lineage)
        self.rules = all_rules(self.lineage, self.concepts, read_methodology())

    def rows(self, addresses: Iterable[Address]) -> list[dict[str, Any]]:
        """The rows of `meta.lineage` for some numbers, from the parts of the view that can hold them: the whole takes seconds to plan.

        Raises TokenchainError where the published file does not fit the rules.
        """
        wanted = set(addresses)
        columns = {(address.table, address.column) for address in wanted}
        rules = [rule for rule in self.rules if columns & {(rule.table, column) for column in rule.columns.values()}]
        sql = lineage_sql(rules, self.shapes)
        if not sql:
            return []
        keys = ", ".join(sorted({quoted(address.key) for address in wanted}))
        try:
            found = self.connection.execute(f"FROM ({sql}) WHERE number_key IN ({keys})").fetchall()
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise TokenchainError(
                f"the published file was made by another version; run `tokenchain refresh` ({error})"
            ) from error
        rows = [dict(zip(VIEW_COLUMNS, row, strict=True)) for row in found]
        return [row for row in rows if _number(row) in wanted]

    def words(self, address: Address) -> str:
        """How a number without listed inputs is made."""
        if address.column in self.shapes[address.table].keys:
            return "part of the row's key"
        texts = [
            rule.text for rule in self.rules if rule.table == address.table and address.column in rule.columns.values()
        ]
        return f"{texts[-1]}; no input is listed for this row" if texts else "no rule and no input"


def _number(row: dict[str, Any]) -> Address:
    return Address(row["table_name"], row["column_name"], row["number_key"])


def explain(source: LineageSource, root: Node, depth: int = ENDLESS, follow_context: bool = False) -> Node:
    """Fill in what the root is made of, down to facts or `depth` steps; each number is followed once."""
    explain_all(source, [root], depth, follow_context)
    return root


def explain_all(
    source: LineageSource, roots: Sequence[Node], depth: int = ENDLESS, follow_context: bool = False
) -> None:
    """Fill in several trees with one query per step; a number is followed where it comes first."""
    seen: set[Address] = set()
    level = list(roots)
    for _ in range(depth):
        open_nodes = _to_follow(level, seen, follow_context)
        if not open_nodes:
            break
        _attach(open_nodes, source.rows([node.address for node in open_nodes]))
        level = [child for node in open_nodes for child in node.children]
    for node in level:
        if not node.is_leaf and node.state is None and not node.children and node.address not in seen:
            node.state = "deeper"
    for root in roots:
        for node in root.walk():
            _check(node)
        if root.formula is None:
            root.formula = source.words(root.address)


def _to_follow(level: list[Node], seen: set[Address], follow_context: bool) -> list[Node]:
    """The numbers of a level to be followed; the others get the state that says why not."""
    chosen = []
    for node in level:
        if node.is_leaf and node.role is not None:
            continue
        if node.is_context and not follow_context:
            node.state = "context"
        elif node.address in seen:
            node.state = "repeated"
        else:
            seen.add(node.address)
            chosen.append(node)
    return chosen


def _attach(nodes: list[Node], rows: list[dict[str, Any]]) -> None:
    by_number = {node.address: node for node in nodes}
    for row in rows:
        node = by_number[_number(row)]
        node.formula, node.is_computable, node.note = row["formula"], row["is_computable"], row["note"]
        node.children.append(_child(row))
    for node in nodes:
        node.children = _in_order(node)


def _child(row: dict[str, Any]) -> Node:
    return Node(
        address=Address(row["input_table"], row["input_column"] or "", row["input_key"] or ""),
        entity=row["input_entity"],
        quarter=row["input_quarter"],
        value=row["input_value"],
        role=row["input_role"],
        factor=row["input_factor"] if row["input_factor"] != 1 else None,
        is_context=row["is_context"],
        **{
            name: row[name]
            for name in ("accession", "tag", "period_start_date", "period_end_date", "filed_date", "filing_url")
        },
    )


def _in_order(node: Node) -> list[Node]:
    """Inputs in the order in which the formula names them, the rows of one input by period."""
    formula = node.formula or ""

    def place(child: Node) -> tuple[int, str, str, str]:
        position = formula.find(child.role or "") if node.is_computable else 0
        return position, child.quarter or "", str(child.period_end_date or ""), child.address.key

    return sorted(node.children, key=place)


def _check(node: Node) -> None:
    """Compute the number again from its inputs and say whether it agrees."""
    if not node.is_computable or node.value is None or node.formula is None:
        return
    inputs: dict[str, list[float | None]] = {}
    for child in node.children:
        value = None if child.value is None else child.value * (1 if child.factor is None else child.factor)
        inputs.setdefault(child.role or "", []).append(value)
    try:
        node.computed = evaluate(node.formula, inputs)
    except NotComputable:
        return
    node.check = "agrees" if agrees(node.formula, node.value, node.computed) else "differs"
