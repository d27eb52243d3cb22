"""The view `meta.lineage`: one row per number and input, joined out of the published tables by the rules of lineage.yaml.

What belongs here: turning rules into SQL. What does not: the rules (`warehouse.lineage`), what stands in for missing rules
(`pipelines.lineage_fallback`) and the tree of the command (`pipelines.explaining`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ibis.expr.datatypes as dt

from pipelines.catalogue import all_tables
from pipelines.lineage_fallback import fallback_rules
from schemas.base import TableClass, columns, ibis_schema, key_columns, qualified_name, table_comment
from schemas.meta.lineage import Lineage as LineageView
from schemas.meta.warehouse import Columns, Tables
from warehouse.concepts import ConceptMap
from warehouse.engine import quoted
from warehouse.errors import ConfigurationError
from warehouse.lineage import (
    DEFAULT_LINEAGE,
    ONLY,
    Lineage,
    ResolvedInput,
    ResolvedRule,
    read_lineage,
    resolved_rules,
)
from warehouse.methodology import Methodology

VIEW = qualified_name(LineageView)
# Column → SQL type.
VIEW_COLUMNS: dict[str, str] = {declared.name: declared.data_type for declared in columns(LineageView)}
ENTITY_COLUMNS = ("entity", "ticker", "tier", "figure_id")
QUARTER_COLUMNS = ("quarter", "calendar_quarter", "last_quarter", "fiscal_year", "year", "calendar_year")
FACTS = "core.statement_facts"
SAME_FILING = "LEFT JOIN raw.filings AS filing ON filing.accession = {fact}.accession"
# Only transcribed figures have no accession; their link is in the facts' table.
SAME_SOURCE = (
    "LEFT JOIN (SELECT DISTINCT ticker, tag, period_end_date, value, source_url FROM core.statement_facts WHERE accession IS NULL) AS transcribed"
    " ON {fact}.accession IS NULL AND transcribed.ticker = number.ticker AND transcribed.tag = {fact}.tag"
    " AND transcribed.period_end_date = {fact}.period_end_date AND transcribed.value = {fact}.value"
)


@dataclass(frozen=True)
class TableShape:
    """What the SQL needs to know of a table: its columns with their types and its key."""

    name: str
    columns: Mapping[str, dt.DataType]
    keys: tuple[str, ...]

    def first_of(self, candidates: Iterable[str]) -> str | None:
        """The first of the columns that the table has."""
        return next((name for name in candidates if name in self.columns), None)

    @property
    def entity(self) -> str | None:
        """The column that says whom a row is about."""
        texts = (name for name in self.keys if self.columns[name].is_string() and name not in QUARTER_COLUMNS)
        return self.first_of(ENTITY_COLUMNS) or next(texts, None)

    @property
    def quarter(self) -> str | None:
        """The column that says which period a row is about."""
        return self.first_of(QUARTER_COLUMNS)

    def entity_sql(self, alias: str) -> str:
        """Whom a row is about, as SQL."""
        return f"{alias}.{_name(self.entity)}" if self.entity else "NULL"

    def quarter_sql(self, alias: str) -> str:
        """Which period a row is about, as SQL; fiscal quarters without a calendar one as `2026FQ4`."""
        if self.quarter is None:
            return "NULL"
        fiscal = self.quarter == "fiscal_year" and "fiscal_quarter" in self.columns
        return f"{alias}.fiscal_year || 'FQ' || {alias}.fiscal_quarter" if fiscal else f"{alias}.{_name(self.quarter)}"

    @property
    def numbers(self) -> list[str]:
        """The numeric columns that are no part of the key."""
        return [name for name, kind in self.columns.items() if kind.is_numeric() and name not in self.keys]


def table_shapes(lineage: Lineage) -> dict[str, TableShape]:
    """The shape of every stored table by its name."""
    return {qualified_name(table): _shape(table, lineage) for table in all_tables()}


def _shape(table: TableClass, lineage: Lineage) -> TableShape:
    name = qualified_name(table)
    keys = tuple(lineage.keys.get(name, key_columns(table)))
    columns = ibis_schema(table)
    if not keys:
        keys = tuple(column for column, kind in columns.items() if not kind.is_nested())
    return TableShape(name, columns, keys)


def all_rules(lineage: Lineage, concepts: ConceptMap, methodology: Methodology) -> list[ResolvedRule]:
    """The rules of lineage.yaml, and for every other number of core and mart the rule that follows from its table's inputs."""
    written, shapes = resolved_rules(lineage, concepts, methodology), table_shapes(lineage)
    for rule in written:
        _require_columns(rule, shapes)
    return [*written, *fallback_rules(written, shapes)]


def _require_columns(rule: ResolvedRule, shapes: Mapping[str, TableShape]) -> None:
    """Raises ConfigurationError where a rule names a table or column that is not there."""
    named = [(rule.table, rule.columns.values()), *((given.table, given.columns.values()) for given in rule.inputs)]
    for table, names in named:
        lacking = [name for name in names if name and table in shapes and name not in shapes[table].columns]
        if table not in shapes or lacking:
            what = f"no column {', '.join(lacking)} in {table}" if lacking else f"no table {table}"
            raise ConfigurationError(f"{DEFAULT_LINEAGE}: rule of {rule.table}: there is {what}; correct the rule")


def lineage_statements(concepts: ConceptMap, methodology: Methodology) -> list[str]:
    """The statements that create, describe and list the view; they need the tables of the published file."""
    lineage = read_lineage()
    sql = lineage_sql(all_rules(lineage, concepts, methodology), table_shapes(lineage))
    comments = [
        f"COMMENT ON COLUMN {VIEW}.{column.name} IS {quoted(column.comment)}" for column in columns(LineageView)
    ]
    return [
        f"CREATE VIEW {VIEW} AS {sql}",
        f"COMMENT ON VIEW {VIEW} IS {quoted(table_comment(LineageView))}",
        *comments,
        *_dictionary_statements(sql),
    ]


def _dictionary_statements(sql: str) -> list[str]:
    """The rows of the data dictionary that tell of the view, and the row counts of the two tables they go to."""
    tables, dictionary = qualified_name(Tables), qualified_name(Columns)
    rows = (
        f"({quoted(VIEW)}, {quoted(column.name)}, {position}, {quoted(column.data_type)}, {quoted(column.unit)},"
        f" {quoted(column.meaning)}, {column.nullable}, {column.is_key})"
        for position, column in enumerate(columns(LineageView), start=1)
    )
    return [
        f"INSERT INTO {tables} (table_name, description, sql) VALUES"
        f" ({quoted(VIEW)}, {quoted(table_comment(LineageView))}, {quoted(sql)})",
        f"INSERT INTO {dictionary} (table_name, column_name, position, data_type, unit, meaning, nullable, is_key)"
        f" VALUES {', '.join(rows)}",
        *(
            f"UPDATE {tables} SET row_count = (SELECT count(*) FROM {name}) WHERE table_name = {quoted(name)}"
            for name in (tables, dictionary)
        ),
    ]


def lineage_sql(rules: Iterable[ResolvedRule], shapes: Mapping[str, TableShape]) -> str:
    """One query over all rules and inputs with the columns of the view."""
    return " UNION ALL ".join(_branch(rule, given, shapes) for rule in rules for given in rule.inputs)


def key_text(alias: str, shape: TableShape) -> str:
    """The key of a row as one text."""
    return f"concat_ws('|', {', '.join(_text(alias, column) for column in shape.keys)})"


def _text(alias: str, column: str) -> str:
    return f"coalesce(CAST({alias}.{_name(column)} AS VARCHAR), '')"


def _name(column: str) -> str:
    return f'"{column}"'


def _branch(rule: ResolvedRule, given: ResolvedInput, shapes: Mapping[str, TableShape]) -> str:
    number = shapes[rule.table]
    is_named = ONLY not in rule.columns
    selected = {
        **_number_columns(rule, number, is_named),
        "input_role": quoted(given.role),
        "is_context": str(given.is_context).upper(),
        **_input_columns(given, rule, shapes),
    }
    columns = ", ".join(
        f"CAST({selected.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in VIEW_COLUMNS.items()
    )
    return f"SELECT {columns} FROM {_from(rule, given, is_named)}{_where(rule)}"


def _where(rule: ResolvedRule) -> str:
    return f" WHERE {rule.where}" if rule.where else ""


def _number_columns(rule: ResolvedRule, number: TableShape, is_named: bool) -> dict[str, str]:
    only = next(iter(rule.columns.values()))
    value = "number_value" if is_named else f"number.{_name(only)}"
    reason = (
        f"CASE WHEN {value} IS NULL THEN number.missing_reason END" if "missing_reason" in number.columns else "NULL"
    )
    return {
        "table_name": quoted(rule.table),
        "entity": number.entity_sql("number"),
        "quarter": number.quarter_sql("number"),
        "number_key": key_text("number", number),
        "column_name": "number_column" if is_named else quoted(only),
        "value": value,
        "formula": quoted(rule.text),
        "is_computable": str(rule.is_computable).upper(),
        "note": rule.note or reason,
    }


def _input_columns(given: ResolvedInput, rule: ResolvedRule, shapes: Mapping[str, TableShape]) -> dict[str, str]:
    if given.kind == "facts":
        return _fact_columns("fact", "number", "fact.sign", shapes[FACTS])
    if given.kind == "fact_row":
        return _fact_columns("number", "number", "1", shapes[FACTS])
    if given.kind == "table":
        return {"input_table": quoted(given.table), "input_factor": given.factor}
    shape = shapes[given.table]
    alias = "number" if given.kind == "same_row" else "input"
    if given.table == FACTS:
        return _fact_columns(alias, alias, given.factor, shape)
    is_named = ONLY not in given.columns
    only = next(iter(given.columns.values()))
    value = "input_value" if is_named else f"{alias}.{_name(only)}" if only else "NULL"
    return {
        "input_table": quoted(given.table),
        "input_column": "input_column" if is_named else quoted(only) if only else "NULL",
        "input_entity": shape.entity_sql(alias),
        "input_quarter": shape.quarter_sql(alias),
        "input_key": key_text(alias, shape),
        "input_factor": given.factor,
        "input_value": value,
        **(_source_columns(shape, alias) if given.table.startswith("raw.") else {}),
    }


def _fact_columns(fact: str, owner: str, factor: str, shape: TableShape) -> dict[str, str]:
    """The columns of an input that is a fact, from a row of facts or from an entry of a number's list."""
    parts = [f"{owner if column in ('ticker', 'concept') else fact}.{_name(column)}" for column in shape.keys]
    return {
        "input_table": quoted(FACTS),
        "input_column": quoted("value"),
        "input_entity": f"{owner}.ticker",
        "input_key": "concat_ws('|', " + ", ".join(f"coalesce(CAST({part} AS VARCHAR), '')" for part in parts) + ")",
        "input_factor": factor,
        "input_value": f"{fact}.value",
        "accession": f"{fact}.accession",
        "tag": f"{fact}.taxonomy || ':' || {fact}.tag",
        "period_start_date": f"{fact}.period_start_date",
        "period_end_date": f"{fact}.period_end_date",
        "filed_date": f"{fact}.filed_date",
        "filing_url": "coalesce(filing.filing_url, transcribed.source_url)",
    }


def _source_columns(shape: TableShape, alias: str) -> dict[str, str]:
    """Link and dates of a sourced figure, where its table has them."""
    places = {
        "filing_url": "source_url",
        "filed_date": "publication_date",
        "period_start_date": "period_start_date",
        "period_end_date": "period_end_date",
    }
    return {name: f"{alias}.{column}" for name, column in places.items() if column in shape.columns}


def _from(rule: ResolvedRule, given: ResolvedInput, is_named: bool) -> str:
    extra = given.columns if given.kind == "same_row" and ONLY not in given.columns else {}
    parts = ["number.*"] if is_named or given.kind == "facts" else []
    if is_named:
        parts.append(_unpivoted("number", rule.columns, extra))
    if given.kind == "facts":
        parts.append("unnest(number.facts) AS fact")
    source = f"(SELECT {', '.join(parts)} FROM {rule.table} AS number)" if parts else rule.table
    joins = [f"{source} AS number", given.join, _joined(given, is_named)]
    fact = {"facts": "fact", "fact_row": "number"}.get(given.kind)
    if given.kind == "rows" and given.table == FACTS:
        fact = "input"
    if fact:
        joins += [SAME_FILING.format(fact=fact), SAME_SOURCE.format(fact=fact)]
    return " ".join(join for join in joins if join)


def _joined(given: ResolvedInput, is_named: bool) -> str:
    if given.kind != "rows":
        return ""
    if ONLY in given.columns:
        return f"JOIN {given.table} AS input ON {given.matching}"
    source = f"(SELECT input.*, {_unpivoted('input', given.columns, {})} FROM {given.table} AS input)"
    same_name = " AND input_name = number_name" if is_named and "input_name" not in given.matching else ""
    return f"JOIN {source} AS input ON {given.matching}{same_name}"


def _unpivoted(alias: str, columns: Mapping[str, str | None], extra: Mapping[str, str | None]) -> str:
    """One row per named column, with its name and value; `extra` puts another column of the same name beside it."""
    entries = []
    for name, column in columns.items():
        fields = [f"'{alias}_name': {quoted(str(name))}", f"'{alias}_column': {quoted(str(column))}"]
        fields.append(f"'{alias}_value': CAST({alias}.{_name(str(column))} AS DOUBLE)")
        if name in extra:
            fields.append(f"'input_column': {quoted(str(extra[name]))}")
            fields.append(f"'input_value': CAST({alias}.{_name(str(extra[name]))} AS DOUBLE)")
        entries.append("{" + ", ".join(fields) + "}")
    return f"unnest([{', '.join(entries)}], recursive := true)"
