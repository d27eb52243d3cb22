"""Finding the number that was asked for: an entity, a name and a period to one row and column of the published file.

What belongs here: what names can mean, and errors that list what exists. What does not: what the number is made of
(`pipelines.explaining`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from pipelines.explaining import Address, Node
from pipelines.lineage_view import QUARTER_COLUMNS, TableShape, key_text, table_shapes
from schemas.mart.prosperity import BASES, SUB_INDICES
from warehouse.concepts import ConceptMap
from warehouse.engine import quoted
from warehouse.errors import TokenchainError
from warehouse.lineage import Lineage

SHOWN = 12
NO_ENTITY = "all"
# Tables that know fiscal quarters only are asked by the report quarter.
FISCAL = ("ticker", "fiscal_year", "fiscal_quarter")
QUARTER_LIKE = ("quarter", "calendar_quarter", "report_quarter", "last_quarter")
YEAR_LIKE = ("fiscal_year", "year", "calendar_year")
DAY_LIKE = ("vintage_date", "period_end_date", "end_date", "filed_date")
PERIODS = ((r"\d{4}Q[1-4]", QUARTER_LIKE), (r"\d{4}", YEAR_LIKE), (r"\d{4}-\d{2}-\d{2}", DAY_LIKE))


@dataclass(frozen=True)
class Question:
    """What was asked for; `where` holds values of further key columns."""

    entity: str
    name: str
    period: str | None = None
    table: str | None = None
    basis: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)


def key_values(texts: Sequence[str]) -> dict[str, str]:
    """`["sub_index=roic_change"]` as a mapping; raises TokenchainError for a text without an equals sign."""
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, (_, sign, _) in zip(texts, pairs, strict=True) if not sign]
    if wrong:
        raise TokenchainError(f"{wrong[0]}: write --where COLUMN=VALUE")
    return {column.strip(): value.strip() for column, _, value in pairs}


@dataclass(frozen=True)
class Candidate:
    """A column that the name can mean, with key values that the name implies."""

    shape: TableShape
    column: str
    implied: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """`core.quarters.value (concept = revenue)`."""
        implied = ", ".join(f"{name} = {value}" for name, value in self.implied.items())
        return f"{self.shape.name}.{self.column}" + (f" ({implied})" if implied else "")


def find_number(
    connection: duckdb.DuckDBPyConnection, question: Question, lineage: Lineage, concepts: ConceptMap
) -> Node:
    """The number asked for; raises TokenchainError that lists what exists or what is meant by too many."""
    shapes = _stored_shapes(connection, lineage)
    candidates = _of_basis(connection, _candidates(question, shapes, concepts), question)
    found = {candidate.title: _rows(connection, candidate, question, lineage) for candidate in candidates}
    hits = [candidate for candidate in candidates if found[candidate.title]]
    if not hits:
        raise TokenchainError(_nothing(connection, candidates, question))
    chosen = _preferred(hits, question, lineage)
    rows = found[chosen.title]
    if len(rows) > 1:
        raise TokenchainError(_too_many(chosen, rows))
    rows[0].title = f"{rows[0].entity or ''} {question.name} {rows[0].title or ''}".strip()
    return rows[0]


def _stored_shapes(connection: duckdb.DuckDBPyConnection, lineage: Lineage) -> dict[str, TableShape]:
    rows = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
    stored = {name for (name,) in rows}
    return {
        name: shape
        for name, shape in table_shapes(lineage).items()
        if name in stored and name.startswith(("core.", "mart."))
    }


def _candidates(question: Question, shapes: Mapping[str, TableShape], concepts: ConceptMap) -> list[Candidate]:
    name = question.name
    table, dot, column = name.rpartition(".")
    if dot:
        return [_exact(table, column, shapes)]
    if question.table is not None:
        _require_table(question.table, shapes)
        shapes = {question.table: shapes[question.table]}
    found = [*_meanings(name, question, shapes, concepts)]
    found += [Candidate(shape, name) for shape in shapes.values() if name in shape.columns and _is_number(shape, name)]
    if not found:
        raise TokenchainError(_no_such_name(name, question.table, shapes, concepts))
    return found


def _meanings(name: str, question: Question, shapes: Mapping[str, TableShape], concepts: ConceptMap) -> list[Candidate]:
    """Concepts and sub-indices: rows of long tables, or the wide column of another span."""
    if name in concepts.concepts:
        if question.basis == "ttm" and question.table is None:
            return [Candidate(shapes["core.fundamentals"], f"{name}_ttm_usd")]
        table = "core.fiscal_year_to_date" if question.basis == "fiscal_ytd" else "core.quarters"
        table = question.table or table
        return [Candidate(shapes[table], "value", {"concept": name})] if "concept" in shapes[table].columns else []
    if name in SUB_INDICES and "mart.sub_indices" in shapes:
        return [Candidate(shapes["mart.sub_indices"], "value", {"sub_index": name})]
    return []


def _is_number(shape: TableShape, column: str) -> bool:
    return bool(shape.columns[column].is_numeric())


def _exact(table: str, column: str, shapes: Mapping[str, TableShape]) -> Candidate:
    _require_table(table, shapes)
    shape = shapes[table]
    if column not in shape.columns or not _is_number(shape, column):
        raise TokenchainError(f"{table} has no numeric column {column}; it has {', '.join(shape.numbers)}")
    return Candidate(shape, column)


def _require_table(table: str, shapes: Mapping[str, TableShape]) -> None:
    if table not in shapes:
        raise TokenchainError(f"{table}: no such table of core or mart; there are {', '.join(sorted(shapes))}")


def _no_such_name(name: str, table: str | None, shapes: Mapping[str, TableShape], concepts: ConceptMap) -> str:
    names = (
        {column for shape in shapes.values() for column in shape.numbers} | set(concepts.concepts) | set(SUB_INDICES)
    )
    close = difflib.get_close_matches(name, sorted(names), n=6, cutoff=0.5)
    place = f" in {table}" if table else ""
    hint = f"; near it: {', '.join(close)}" if close else f"; concepts are {', '.join(concepts.concepts)}"
    return f"{name}: no concept, sub-index or numeric column of that name{place}{hint}"


def _rows(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, question: Question, lineage: Lineage
) -> list[Node]:
    """The rows that fit, narrowed by what is meant where a key column is not given."""
    shape = candidate.shape
    unknown = [name for name in question.where if name not in shape.columns]
    if unknown:
        return []
    given = {**candidate.implied, **question.where, **_basis(shape, question)}
    conditions = [f"CAST(number.{name} AS VARCHAR) = {quoted(value)}" for name, value in given.items()]
    period = _period_condition(candidate, question)
    if period is None:
        return []
    for entity in _entity_conditions(shape, question.entity):
        rows = _select(connection, candidate, [entity, period, *conditions])
        rows = _narrowed(rows, shape, question, lineage.default_keys)
        if rows:
            return [row for row, _ in rows]
    return []


def _basis(shape: TableShape, question: Question) -> dict[str, str]:
    column = _basis_column(shape)
    return {} if question.basis is None or column is None else {column: question.basis}


def _basis_column(shape: TableShape) -> str | None:
    column = shape.first_of(("basis", "span"))
    return column if column in shape.keys else None


def _of_basis(
    connection: duckdb.DuckDBPyConnection, candidates: list[Candidate], question: Question
) -> list[Candidate]:
    """The candidates that can be of the basis asked for; an answer on another basis would look like the one asked for.

    Raises TokenchainError for a basis that does not exist, and for one of a number that has none.
    """
    basis = question.basis
    if basis is None:
        return candidates
    spans = [(each.shape, column) for each in candidates if (column := _basis_column(each.shape)) is not None]
    if basis not in BASES and not any(basis in _distinct(connection, shape, column, []) for shape, column in spans):
        raise TokenchainError(f"{basis}: no such basis; there are {', '.join(BASES)}")
    fitting = [candidate for candidate in candidates if _can_be_of(candidate, basis)]
    if not fitting:
        titles = ", ".join(candidate.title for candidate in candidates)
        raise TokenchainError(f"{titles}: not to be had on basis {basis}; leave --basis out or name another number")
    return fitting


def _can_be_of(candidate: Candidate, basis: str) -> bool:
    """Whether rows are told apart by basis, or table or column are of this one."""
    table, column = candidate.shape.name, candidate.column
    if _basis_column(candidate.shape) is not None:
        return True
    if "fiscal_ytd" in column or table == "core.fiscal_year_to_date":
        return basis == "fiscal_ytd"
    if "_ttm" in column:
        return basis == "ttm"
    return basis == "quarter" and table in ("core.quarters", "core.fundamentals")


def _entity_conditions(shape: TableShape, entity: str) -> list[str]:
    """Ways in which a row can be about an entity: by a column of its key, else by its entity or ticker."""
    texts = [name for name in shape.keys if shape.columns[name].is_string() and name not in QUARTER_COLUMNS]
    labels = [name for name in texts if name not in ("entity_kind", "basis", "span")]
    others = [name for name in ("entity", "ticker") if name in shape.columns and name not in labels]
    ways = [[name for name in labels if name == shape.entity], labels, others]
    conditions = [" OR ".join(f"upper(number.{name}) = {quoted(entity.upper())}" for name in names) for names in ways]
    found = [f"({condition})" for condition in conditions if condition]
    return [*found, *(["TRUE"] if entity.lower() == NO_ENTITY else [])]


def _period_condition(candidate: Candidate, question: Question) -> str | None:
    """The condition of the period, of the newest where none is given; null where the table knows no such periods."""
    column = _period_column(candidate, question)
    if question.period is None:
        return "TRUE"
    if column is None and re.fullmatch(PERIODS[0][0], question.period) and set(FISCAL) <= set(candidate.shape.columns):
        same = " AND ".join(f"place.{name} = number.{name}" for name in FISCAL)
        return f"{quoted(question.period)} IN (SELECT place.report_quarter FROM core.fiscal_quarters AS place WHERE {same})"
    return None if column is None else f"CAST(number.{column} AS VARCHAR) = {quoted(question.period)}"


def _period_column(candidate: Candidate, question: Question) -> str | None:
    shape = candidate.shape
    kinds: tuple[str, ...] = QUARTER_LIKE
    if question.period is not None:
        fitting = [columns for pattern, columns in PERIODS if re.fullmatch(pattern, question.period)]
        if not fitting:
            raise TokenchainError(
                f"{question.period}: a period is a quarter such as 2025Q4, a year or a day such as 2025-06-30"
            )
        kinds = fitting[0]
    is_report = (
        question.basis == "fiscal_ytd"
        or "fiscal_ytd" in f"{shape.name}.{candidate.column}"
        or shape.name == "core.fiscal_year_to_date"
    )
    if is_report and kinds == QUARTER_LIKE:
        kinds = ("quarter", "report_quarter", *QUARTER_LIKE)
    return shape.first_of(kinds) or (shape.quarter if question.period is None else None)


def _select(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, conditions: Sequence[str]
) -> list[tuple[Node, dict[str, str]]]:
    shape = candidate.shape
    keys = [name for name in (*shape.keys, *QUARTER_LIKE) if name in shape.columns]
    columns = ", ".join(f"coalesce(CAST(number.{name} AS VARCHAR), '')" for name in keys)
    rows = connection.execute(
        f"SELECT {key_text('number', shape)}, CAST({shape.entity_sql('number')} AS VARCHAR),"
        f" CAST({shape.quarter_sql('number')} AS VARCHAR),"
        f" CAST(number.{candidate.column} AS DOUBLE), [{columns}] FROM {shape.name} AS number WHERE {' AND '.join(conditions)}"
    ).fetchall()
    return [
        (
            Node(Address(shape.name, candidate.column, key), who, when, value, title=_periods(labels) or when),
            labels,
        )
        for key, who, when, value, texts in rows
        for labels in [dict(zip(keys, texts, strict=True))]
    ]


def _periods(labels: Mapping[str, str]) -> str:
    """Both places in the calendar of a row that has two."""
    both = [
        f"{name.replace('_', ' ')} {labels[name]}" for name in ("calendar_quarter", "report_quarter") if name in labels
    ]
    return f"({', '.join(both)})" if both else ""


def _narrowed(
    rows: list[tuple[Node, dict[str, str]]], shape: TableShape, question: Question, defaults: Mapping[str, str]
) -> list[tuple[Node, dict[str, str]]]:
    """Of several rows those with the default key values, and the newest where no period or day of knowledge is given."""
    for name, value in defaults.items():
        if name in shape.keys and name not in question.where:
            rows = [row for row in rows if row[1][name] == value] or rows
    newest = [name for name in shape.keys if shape.columns[name].is_date() and name not in question.where]
    if question.period is None:
        quarter = shape.first_of(QUARTER_LIKE)
        newest = [*([quarter] if quarter else []), *newest]
        rows = [row for row in rows if row[0].value is not None] or rows
    for name in newest:
        last = max((row[1][name] for row in rows if name in row[1]), default="")
        rows = [row for row in rows if row[1].get(name) == last]
    return rows


def _preferred(hits: list[Candidate], question: Question, lineage: Lineage) -> Candidate:
    if len(hits) == 1 or hits[0].implied:
        return hits[0]
    by_table = {candidate.shape.name: candidate for candidate in hits}
    known = [by_table[name] for name in lineage.preferred_tables if name in by_table]
    if known:
        return known[0]
    names = ", ".join(candidate.title for candidate in hits)
    raise TokenchainError(f"{question.name} can mean {names}; write one of these in full or name it with --table")


def _too_many(candidate: Candidate, rows: Sequence[Node]) -> str:
    shown = "; ".join(sorted(row.address.key for row in rows)[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    keys = "|".join(candidate.shape.keys)
    return f"{candidate.title} has {len(rows)} such rows ({keys}): {shown}{more}; choose one with --where COLUMN=VALUE"


def _nothing(connection: duckdb.DuckDBPyConnection, candidates: Sequence[Candidate], question: Question) -> str:
    """Why there is no such row: the entity, the period or a key value, each with what exists."""
    reports = [_missing(connection, candidate, question) for candidate in candidates]
    # The report that got furthest is the helpful one.
    return max(reports)[1]


def _missing(connection: duckdb.DuckDBPyConnection, candidate: Candidate, question: Question) -> tuple[int, str]:
    shape = candidate.shape
    implied = [f"number.{name} = {quoted(value)}" for name, value in candidate.implied.items()]
    fitting = next(
        (way for way in _entity_conditions(shape, question.entity) if _select(connection, candidate, [way, *implied])),
        None,
    )
    if fitting is None:
        entities = _distinct(connection, shape, shape.entity, implied) if shape.entity else [NO_ENTITY]
        return 0, f"{candidate.title} knows no {question.entity}; it has {_listed(entities)}"
    unknown = [name for name in question.where if name not in shape.columns]
    if unknown:
        return 1, f"{shape.name} has no column {', '.join(unknown)}; its key is {', '.join(shape.keys)}"
    column = _period_column(candidate, question)
    if column is None:
        return (
            1,
            f"{shape.name} has no such period as {question.period}; its rows are told apart by {', '.join(shape.keys)}",
        )
    periods = _distinct(connection, shape, column, [fitting, *implied])
    if question.period is not None and question.period not in periods:
        place = f"{candidate.title} has no {column} {question.period} for {question.entity}"
        return 2, f"{place}; it has {periods[0]} to {periods[-1]}" if periods else place
    given = {**question.where, **_basis(shape, question)}
    values = "; ".join(f"{name}: {_listed(_distinct(connection, shape, name, [fitting]))}" for name in given)
    return 3, f"{candidate.title} has no row for {question.entity} with {given}; there are {values}"


def _distinct(
    connection: duckdb.DuckDBPyConnection, shape: TableShape, column: str | None, conditions: Sequence[str]
) -> list[str]:
    where = " AND ".join(conditions) or "TRUE"
    rows = connection.execute(
        f"SELECT DISTINCT CAST(number.{column} AS VARCHAR) AS one FROM {shape.name} AS number WHERE {where} AND one IS NOT NULL ORDER BY 1"
    ).fetchall()
    return [one for (one,) in rows]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
