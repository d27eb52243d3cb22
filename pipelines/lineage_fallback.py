"""Lineage of numbers without a rule of their own: the rows of the table's inputs that share its keys or that it names as sources.

What belongs here: rules that follow from the signatures of the asset functions. What does not: rules that say how a number is computed
(`warehouse/lineage.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.catalogue import DerivedTable, derived_tables
from schemas.base import qualified_name
from warehouse.lineage import ONLY, ResolvedInput, ResolvedRule, covered

if TYPE_CHECKING:
    from pipelines.lineage_view import TableShape

WORDS = "made by {function} from the rows listed; its SQL is in meta.tables"
WHO = ("ticker", "entity", "tier")
WHEN = ("quarter", "calendar_quarter", "year", "calendar_year")
SAME_WHEN = {
    "quarter": ("quarter", "calendar_quarter"),
    "calendar_quarter": ("calendar_quarter", "quarter"),
    "year": ("year", "calendar_year"),
    "calendar_year": ("calendar_year", "year"),
}
# A number of a tier is made of the companies of the tier.
TIER_OF = "input.ticker IN (SELECT ticker FROM core.companies WHERE tier = number.{column})"
FURTHER = (
    "basis",
    "span",
    "sub_index",
    "share_path",
    "in_service_lag_quarters",
    "variant",
    "entity_kind",
    "name",
    "metric",
)


def fallback_rules(written: list[ResolvedRule], shapes: Mapping[str, TableShape]) -> Iterator[ResolvedRule]:
    """Rules for every number of a derived core or mart table that no written rule covers.

    Per input table its rows that share the number's keys, followed where they have a column of the same name; the table as a whole
    where no row does.
    """
    has_rule = covered(written)
    for derived in derived_tables():
        name = qualified_name(derived.table)
        if not name.startswith(("core.", "mart.")):
            continue
        numbers = [column for column in shapes[name].numbers if (name, column) not in has_rule]
        if numbers:
            yield from _rules(derived, shapes[name], numbers, shapes)


def _rules(
    derived: DerivedTable, number: TableShape, columns: list[str], shapes: Mapping[str, TableShape]
) -> Iterator[ResolvedRule]:
    words = WORDS.format(function=f"{derived.function.__module__}.{derived.function.__name__}")

    def rule(names: list[str], given: ResolvedInput, where: str = "") -> ResolvedRule:
        return ResolvedRule(number.name, {name: name for name in names}, where, words, False, "", (given,))

    for table in (shapes[qualified_name(used)] for used in derived.inputs.values()):
        role = table.name.split(".")[1]
        whole = ResolvedInput(role, "table", table.name, {ONLY: None})
        matching = _matching(number, table)
        if not matching:
            yield rule(columns, whole)
            continue
        yield rule(columns, whole, f"NOT EXISTS (SELECT 1 FROM {table.name} AS input WHERE {matching})")
        shared = [name for name in columns if name in table.numbers]
        if shared:
            same = {name: name for name in shared}
            yield rule(shared, ResolvedInput(role, "rows", table.name, dict(same), matching=matching))
        others = [name for name in columns if name not in shared]
        if others:
            only = "value" if "value" in table.numbers else None
            yield rule(others, ResolvedInput(role, "rows", table.name, {ONLY: only}, matching=matching))


def _matching(number: TableShape, table: TableShape) -> str:
    """The condition under which a row of an input belongs to a number's row; empty where only the whole table does."""
    named = _named_as_source(number, table)
    if named:
        return named
    who, when = _same_who(number, table), _same_when(number, table)
    lacks_who = not who and number.first_of(WHO) is not None and table.first_of(WHO) is not None
    lacks_when = not when and number.first_of(WHEN) is not None and table.first_of(WHEN) is not None
    if lacks_who or lacks_when or not (who or when):
        return ""
    further = [f"input.{name} = number.{name}" for name in FURTHER if name in number.columns and name in table.columns]
    return " AND ".join([*filter(None, (who, when)), *further])


def _named_as_source(number: TableShape, table: TableShape) -> str:
    """Rows whose identifier, or whose own sources, the number's row lists."""
    lists = _lists(number)
    if "reference_id" in table.columns:
        names = f"['{table.name}/' || input.reference_id, input.reference_id]"
        found = [f"list_has_any({_split('number', column)}, {names})" for column in lists]
        if "reference_id" in number.columns:
            found.append("input.reference_id = number.reference_id")
        return f"({' OR '.join(found)})" if found else ""
    pairs = [(one, other) for one in lists for other in _lists(table)]
    return " OR ".join(f"list_has_any({_split('number', one)}, {_split('input', other)})" for one, other in pairs[:1])


def _lists(table: TableShape) -> list[str]:
    return [name for name, kind in table.columns.items() if name.endswith("_ids") and kind.is_string()]


def _split(alias: str, column: str) -> str:
    return f"string_split({alias}.{column}, ', ')"


def _same_who(number: TableShape, table: TableShape) -> str:
    """Same ticker, entity or tier; a tier's number belongs to its companies' rows."""
    both = next((name for name in WHO if name in number.columns and name in table.columns), None)
    if both == "ticker" or (both is not None and "ticker" not in table.columns):
        return f"input.{both} = number.{both}"
    own = number.first_of(("entity", "ticker", "tier"))
    if own is None:
        return ""
    if "ticker" in table.columns:
        return f"(input.ticker = number.{own} OR {TIER_OF.format(column=own)})"
    return f"input.entity = number.{own}" if "entity" in table.columns else ""


def _same_when(number: TableShape, table: TableShape) -> str:
    for name, others in SAME_WHEN.items():
        other = table.first_of(others) if name in number.columns else None
        if other is not None:
            return f"input.{other} = number.{name}"
    return ""
