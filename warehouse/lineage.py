"""The lineage of columns: reading and checking `lineage.yaml`, which says from what each number is made.

What belongs here: the model of the rules and filling in names, snippets and parameters. What does not: SQL (`pipelines.lineage_view`)
and trees (`pipelines.explaining`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from warehouse.concepts import ConceptMap
from warehouse.configuration import read_model
from warehouse.errors import ConfigurationError
from warehouse.formulas import variables
from warehouse.methodology import Methodology

DEFAULT_LINEAGE = Path(__file__).with_name("lineage.yaml")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

Columns = str | list[str] | dict[str, str]
ONLY = ""
"""The name in `ResolvedRule.columns` and `ResolvedInput.columns` where there is one column without a name."""


class LineageInput(BaseModel):
    """Where one input of a formula comes from.

    `kind`: rows (of `table`, joined by `matching`), same_row (other columns of the number's row), facts (the number's own list of facts),
    fact_row (the number's row is itself a fact). `columns` is one column, or name → column where the number's names choose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["rows", "same_row", "facts", "fact_row"] = "rows"
    table: str | None = None
    columns: Columns = "value"
    join: str = ""
    matching: str | None = None
    factor: str | None = None
    is_context: bool = False

    @model_validator(mode="after")
    def _rows_are_joined(self) -> LineageInput:
        if self.kind == "rows" and (self.table is None or self.matching is None):
            raise ValueError(f"input {self.role}: name the table and the condition `matching` of its rows")
        return self


class LineageRule(BaseModel):
    """How numbers of one or several columns of a table are made.

    `formula` is evaluated on the inputs by their roles; `words` says it where arithmetic can't. `columns` with `{name}` stands for one
    column per name of `names` (flow and balance: the concepts). `where` restricts the rule to some rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    columns: Columns
    names: Literal["flow", "balance"] | list[str] | None = None
    where: str | None = None
    formula: str | None = None
    words: str | None = None
    note: str | None = None
    same_row: list[str] = []
    inputs: list[LineageInput] = []

    @model_validator(mode="after")
    def _says_how(self) -> LineageRule:
        if self.formula is None and self.words is None:
            raise ValueError(f"{self.table} {self.columns}: give a formula, or words")
        return self


class Lineage(BaseModel):
    """All rules, and SQL snippets that they use by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: dict[str, list[str]]
    preferred_tables: list[str]
    default_keys: dict[str, str]
    snippets: dict[str, str]
    rules: list[LineageRule]


@dataclass(frozen=True)
class ResolvedInput:
    """An input with every name filled in; `columns` maps a name to a column; a column of None is the row as a whole."""

    role: str
    kind: str
    table: str
    columns: Mapping[str, str | None]
    join: str = ""
    matching: str = ""
    factor: str = "1"
    is_context: bool = False


@dataclass(frozen=True)
class ResolvedRule:
    """A rule with every name filled in; `columns` maps a name to a column."""

    table: str
    columns: Mapping[str, str]
    where: str
    text: str
    is_computable: bool
    note: str
    inputs: tuple[ResolvedInput, ...]


def read_lineage(path: Path = DEFAULT_LINEAGE) -> Lineage:
    """Read the rules; raises ConfigurationError naming file, entry and remedy."""
    return read_model(path, Lineage)


def resolved_rules(lineage: Lineage, concepts: ConceptMap, methodology: Methodology) -> list[ResolvedRule]:
    """Every rule with concepts, snippets and parameters filled in.

    Raises ConfigurationError for a placeholder nobody fills and for a formula that uses an input its rule does not name.
    """
    words = {**lineage.snippets, **_parameters(methodology)}
    return [_resolved(rule, words, concepts) for rule in lineage.rules]


def _parameters(methodology: Methodology) -> dict[str, str]:
    index, roic = methodology.index, methodology.roic
    cases = " ".join(f"WHEN '{name}' THEN {weight}" for name, weight in index.weights.items())
    return {
        **{f"weight_{name}": str(weight) for name, weight in index.weights.items()},
        "weight": f"CASE number.sub_index {cases} END",
        "first_quarter": f"'{index.window.first_quarter}'",
        "last_quarter": f"'{index.window.last_quarter}'",
        "tiers": ", ".join(f"'{tier}'" for tier in index.tiers),
        "minimum_tax_rate": str(roic.minimum_tax_rate),
        "maximum_tax_rate": str(roic.maximum_tax_rate),
    }


def _resolved(rule: LineageRule, words: Mapping[str, str], concepts: ConceptMap) -> ResolvedRule:
    listed = rule.columns if isinstance(rule.columns, list) else None
    names = concepts.names(rule.names) if isinstance(rule.names, str) else rule.names or listed
    inputs = (
        *(ResolvedInput(column, "same_row", rule.table, {ONLY: column}) for column in rule.same_row),
        *(_resolved_input(given, rule, words, names) for given in rule.inputs),
    )
    text = _filled(rule.formula or rule.words or "", words)
    if rule.formula is not None:
        _require_roles(rule, text, {given.role for given in inputs})
    return ResolvedRule(
        table=rule.table,
        columns=_columns(rule.columns, names),
        where=_filled(rule.where or "", words),
        text=text,
        is_computable=rule.formula is not None,
        note=_filled(rule.note or "", words),
        inputs=inputs,
    )


def _resolved_input(
    given: LineageInput, rule: LineageRule, words: Mapping[str, str], names: list[str] | None
) -> ResolvedInput:
    return ResolvedInput(
        role=given.role,
        kind=given.kind,
        table=given.table or rule.table,
        columns=dict(_columns(given.columns, names)),
        join=_filled(given.join, words),
        matching=_filled(given.matching or "", words),
        factor=_filled(given.factor or "1", words),
        is_context=given.is_context,
    )


def _columns(columns: Columns, names: list[str] | None) -> dict[str, str]:
    if isinstance(columns, dict):
        return dict(columns)
    if isinstance(columns, list):
        return {column: column for column in columns}
    if "{name}" in columns:
        return {name: columns.replace("{name}", name) for name in names or []}
    return {ONLY: columns}


def _filled(text: str, words: Mapping[str, str]) -> str:
    """The text with every placeholder filled in, also those that come in by filling."""
    while found := PLACEHOLDER.search(text):
        if found[1] not in words:
            raise ConfigurationError(
                f"{DEFAULT_LINEAGE}: {{{found[1]}}} in '{text}' is no snippet; add it under snippets"
            )
        text = text.replace(found[0], words[found[1]])
    return " ".join(text.split())


def _require_roles(rule: LineageRule, formula: str, roles: set[str]) -> None:
    try:
        unknown = variables(formula) - roles
    except ValueError as error:
        raise ConfigurationError(
            f"{DEFAULT_LINEAGE}: {rule.table} {rule.columns}: {error}; correct the formula"
        ) from error
    if unknown:
        raise ConfigurationError(
            f"{DEFAULT_LINEAGE}: {rule.table} {rule.columns}: the formula uses {', '.join(sorted(unknown))};"
            " name these among the rule's inputs"
        )


def covered(rules: list[ResolvedRule]) -> set[tuple[str, str]]:
    """(table, column) for which there is a rule."""
    return {(rule.table, column) for rule in rules for column in rule.columns.values()}
