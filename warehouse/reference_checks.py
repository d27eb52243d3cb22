"""Checks of sourced figures, row by row, with the file, row, column and remedy of everything that is wrong.

What belongs here: what makes a reference row impossible or contradictory. What does not: reading the files
(`warehouse.reference_files`) and the closed lists, which are declared with the tables (`schemas.provenance`).
"""

from __future__ import annotations

import datetime
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.base import TableClass, key_columns
from schemas.provenance import FORWARD_BASES, Figure, Sourced

Row = Mapping[str, Any]

EARLIEST_PUBLICATION = datetime.date(2000, 1, 1)
DATE_TOLERANCE_DAYS = {"day": 1, "month": 31, "year": 366}
BASIS_DAYS = {
    "quarter": (80, 100),
    "half_year": (178, 186),
    "nine_months": (270, 276),
    "fiscal_year": (357, 373),
    "calendar_year": (365, 366),
    "trailing_twelve_months": (357, 373),
}
POINT_BASES = ["run_rate", "point"]
LINK_OPTIONAL = ["secondary_blog", "reputable_press"]
CURRENCIES = ["usd", "cny", "hkd"]
SMALLEST_AMOUNT = 100_000.0
LARGEST_RATIO = 20.0
ENTITY_COLUMNS = {
    "entity": "ticker",
    "payer": "payer_ticker",
    "payee": "payee_ticker",
    "parent_entity": "",
    "counterparty": "",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in one row of one file; the header is row 1."""

    file: str
    row: int
    column: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """The line a user reads."""
        return f"{self.file}, row {self.row}, column {self.column}: {self.what}; {self.remedy}"


@dataclass(frozen=True)
class FileRows:
    """The typed rows of one file, in its order."""

    table: TableClass
    file: str
    rows: list[dict[str, Any]]

    def numbered(self) -> Iterator[tuple[int, Row]]:
        """Row number in the file (the header is row 1) and row."""
        return enumerate(self.rows, start=2)

    def problem(self, row: int, column: str, what: str, remedy: str) -> Problem:
        """A problem of this file."""
        return Problem(self.file, row, column, what, remedy)

    @property
    def columns(self) -> list[str]:
        """The declared column names."""
        return list(self.table.to_schema().columns)

    @property
    def options(self) -> Mapping[str, Any]:
        """What the declaration says beyond columns: identity of a figure, currencies."""
        return getattr(self.table.Config, "metadata", None) or {}


def table_problems(content: FileRows, today: datetime.date) -> list[Problem]:
    """Everything wrong inside one file, in the order of its rows."""
    found: list[Problem] = [*_declared_problems(content), *_key_problems(content)]
    if issubclass(content.table, Sourced):
        found += [*_source_problems(content), *_publication_problems(content, today), *_contradictions(content)]
        found += _date_problems(content)
    if issubclass(content.table, Figure):
        found += [*_basis_problems(content), *_unit_problems(content), *_size_problems(content)]
    return sorted(found, key=lambda problem: problem.row)


def cross_problems(contents: Mapping[str, FileRows]) -> list[Problem]:
    """What is wrong between files: unknown names, tickers that differ, rules and tables that do not exist.

    `contents` holds every file by its table's name.
    """
    entities = {row["entity"]: row["ticker"] for row in contents["reference_entities"].rows}
    rules = {row["rule"] for row in contents["conflict_rules"].rows}
    tables = {f"raw.{name}" for name in contents}
    found: list[Problem] = []
    for name, content in contents.items():
        for number, row in content.numbered():
            if name not in ("reference_gaps", "reference_entities"):
                found += _entity_problems(content, number, row, entities)
            rule = row.get("conflict_rule")
            if rule is not None and rule not in rules:
                found.append(
                    content.problem(
                        number, "conflict_rule", f"no rule {rule!r}", "use one of conflict_rules.csv or state it there"
                    )
                )
            if name == "reference_gaps" and row["table_name"] not in tables:
                found.append(
                    content.problem(number, "table_name", f"no table {row['table_name']!r}", "name a reference table")
                )
    return found


def _declared_problems(content: FileRows) -> Iterator[Problem]:
    for name, declared in content.table.to_schema().columns.items():
        tests = [_declared_test(check.name, check.statistics) for check in declared.checks]
        for number, row in content.numbered():
            value = row[name]
            if value is None:
                if not declared.nullable:
                    yield content.problem(
                        number,
                        name,
                        "is empty",
                        "fill it in; a figure that was not found belongs to reference_gaps.csv",
                    )
                continue
            for test in tests:
                if complaint := test(value):
                    yield content.problem(
                        number,
                        name,
                        f"{value!r} {complaint}",
                        "correct the value, or extend the list in the table's declaration",
                    )


def _declared_test(name: str, statistics: Mapping[str, Any]) -> Callable[[Any], str]:
    if name == "isin":
        allowed = set(statistics["allowed_values"])
        return lambda value: "" if value in allowed else f"is not one of {', '.join(sorted(map(str, allowed)))}"
    if name == "str_matches":
        raw = statistics["pattern"]
        pattern = raw if isinstance(raw, re.Pattern) else re.compile(raw)
        return lambda value: "" if pattern.match(value) else f"does not look like {pattern.pattern}"
    if name == "greater_than":
        return lambda value: "" if value > statistics["min_value"] else f"is not above {statistics['min_value']}"
    if name == "greater_than_or_equal_to":
        return lambda value: "" if value >= statistics["min_value"] else f"is below {statistics['min_value']}"
    if name == "less_than_or_equal_to":
        return lambda value: "" if value <= statistics["max_value"] else f"is above {statistics['max_value']}"
    raise ValueError(
        f"the reference files do not know the check {name!r}; teach warehouse.reference_checks to name its rows"
    )


def _key_problems(content: FileRows) -> Iterator[Problem]:
    keys = key_columns(content.table)
    first: dict[tuple[Any, ...], int] = {}
    for number, row in content.numbered():
        key = tuple(row[name] for name in keys)
        if key in first:
            yield content.problem(
                number,
                ", ".join(keys),
                f"repeats the key of row {first[key]}: {_text(key)}",
                "give each row its own key or delete one of them",
            )
        first.setdefault(key, number)


def _source_problems(content: FileRows) -> Iterator[Problem]:
    for number, row in content.numbered():
        if row["source_url"] is None and row["confidence"] is not None and row["confidence"] not in LINK_OPTIONAL:
            yield content.problem(
                number,
                "source_url",
                f"a {row['confidence']} without a link",
                "add the link to the document or to the filer's list of filings",
            )


def _publication_problems(content: FileRows, today: datetime.date) -> Iterator[Problem]:
    for number, row in content.numbered():
        published, precision = row["publication_date"], row["publication_precision"]
        if (published is None) != (precision is None):
            yield content.problem(
                number, "publication_precision", "day and precision of publication go together", "fill in or empty both"
            )
        if published is None:
            continue
        if published < EARLIEST_PUBLICATION:
            yield content.problem(
                number, "publication_date", f"{published} is before the year 2000", "correct the date"
            )
        if _known_by(published, precision) > today + datetime.timedelta(days=1):
            yield content.problem(number, "publication_date", f"{published} is in the future", "correct the date")


def _known_by(date: datetime.date, precision: str | None) -> datetime.date:
    """First day the imprecise date can stand for."""
    if precision == "year":
        return date.replace(month=1, day=1)
    return date.replace(day=1) if precision == "month" else date


def _date_problems(content: FileRows) -> Iterator[Problem]:
    names = [
        name for name in ("period_end_date", "as_of_date", "agreed_date", "observation_date") if name in content.columns
    ]
    pairs = [
        (start, start.replace("start", "end"))
        for start in ("period_start_date", "effect_period_start_date")
        if start in content.columns
    ]
    for number, row in content.numbered():
        for start, end in pairs:
            if row[start] is not None and row[end] is None:
                yield content.problem(
                    number, end, "a period with a start and no end", "fill in the last day of the period"
                )
            if row[start] is not None and row[end] is not None and row[end] < row[start]:
                yield content.problem(
                    number, end, f"the period ends on {row[end]}, before it starts on {row[start]}", "correct the dates"
                )
        if "table_name" in row or row.get("basis") in FORWARD_BASES or row["publication_date"] is None:
            continue
        precision = row.get("date_precision") or "day"
        latest = row["publication_date"] + datetime.timedelta(days=DATE_TOLERANCE_DAYS.get(precision, 0))
        for name in names:
            if row[name] is not None and row[name] > latest:
                yield content.problem(
                    number,
                    name,
                    f"{row[name]} is after the publication of {row['publication_date']}",
                    "correct a date, or make the basis guidance or forecast",
                )


def _basis_problems(content: FileRows) -> Iterator[Problem]:
    for number, row in content.numbered():
        basis, start, end = row["basis"], row["period_start_date"], row["period_end_date"]
        if basis in BASIS_DAYS:
            shortest, longest = BASIS_DAYS[basis]
            if start is None or end is None:
                yield content.problem(
                    number, "period_start_date", f"basis {basis} without a period", "fill in first and last day"
                )
            elif not shortest <= (end - start).days + 1 <= longest:
                yield content.problem(
                    number, "basis", f"{(end - start).days + 1} days are no {basis}", "correct the period or the basis"
                )
        if basis in POINT_BASES and row["as_of_date"] is None:
            yield content.problem(
                number, "as_of_date", f"basis {basis} without a day", "fill in the day the figure stands for"
            )


def _unit_problems(content: FileRows) -> Iterator[Problem]:
    one_kind = bool(content.options.get("many_currencies"))

    def kind(unit: str) -> str:
        return "money" if one_kind and unit in CURRENCIES else unit

    units: dict[str, Counter[str]] = defaultdict(Counter)
    for figure in content.rows:
        units[figure["metric"]][kind(figure["unit"])] += 1
    for number, row in content.numbered():
        usual = units[row["metric"]].most_common(1)[0][0]
        if kind(row["unit"]) != usual:
            yield content.problem(
                number,
                "unit",
                f"{row['metric']} is in {row['unit']} here and in {usual} elsewhere",
                "convert the value to the metric's unit",
            )


def _size_problems(content: FileRows) -> Iterator[Problem]:
    for number, row in content.numbered():
        value, low, high = row["value"], row["value_low"], row["value_high"]
        if value is not None and row["unit"] in CURRENCIES and 0 < abs(value) < SMALLEST_AMOUNT:
            yield content.problem(
                number,
                "value",
                f"{value:g} {row['unit']} looks like millions or billions",
                "write the amount in whole units of money",
            )
        if value is not None and row["unit"] == "ratio" and abs(value) > LARGEST_RATIO:
            yield content.problem(
                number, "value", f"{value:g} looks like a percentage", "write it as a ratio: 61 % is 0.61"
            )
        ends = [end for end in (low, value, high) if end is not None]
        if ends != sorted(ends):
            yield content.problem(
                number, "value_low", f"the range {_text(ends)} is not in order", "correct low, value and high"
            )


def _contradictions(content: FileRows) -> Iterator[Problem]:
    yield from _undecided_rows(content)
    identity = list(content.options["identity"])
    measured = list(content.options.get("contradicts_on", ["value"]))
    groups: dict[tuple[Any, ...], list[tuple[int, Row]]] = defaultdict(list)
    for number, row in content.numbered():
        groups[tuple(row[name] for name in identity)].append((number, row))
    for key, members in groups.items():
        used = [(number, row) for number, row in members if row["conflict_resolution"] == "used"]
        if len(used) > 1:
            yield _double(content, key, used, measured)
        elif not used and len(members) > 1:
            yield content.problem(
                members[0][0], "conflict_resolution", f"no row of {_text(key)} is used", "mark one of them used"
            )


def _undecided_rows(content: FileRows) -> Iterator[Problem]:
    for number, row in content.numbered():
        group, rule = row["conflict_group"], row["conflict_rule"]
        if (group is None) != (rule is None):
            yield content.problem(
                number, "conflict_rule", "group and rule of a conflict go together", "fill in or empty both"
            )
        elif group is None and row["conflict_resolution"] != "used":
            yield content.problem(
                number,
                "conflict_group",
                f"{row['conflict_resolution']} without a conflict",
                "name the conflict and its rule",
            )


def _double(content: FileRows, key: tuple[Any, ...], used: list[tuple[int, Row]], measured: list[str]) -> Problem:
    (first, one), (second, other) = used[0], used[1]
    column = next((name for name in measured if one[name] != other[name]), measured[0])
    if one[column] == other[column]:
        return content.problem(
            second,
            column,
            f"states {_text(key)} again, as row {first}",
            "mark one row repeated, with conflict_group and conflict_rule",
        )
    return content.problem(
        second,
        column,
        f"{other[column]} contradicts {one[column]} of row {first} for {_text(key)} and no rule decides",
        "give both a conflict_group and a conflict_rule, and leave one of them used",
    )


def _entity_problems(content: FileRows, number: int, row: Row, entities: Mapping[str, str | None]) -> Iterator[Problem]:
    for column, ticker in ENTITY_COLUMNS.items():
        name = row.get(column)
        if name is None:
            continue
        if name not in entities:
            yield content.problem(
                number, column, f"unknown name {name!r}", "use a name of reference_entities.csv or add it there"
            )
        elif ticker and row[ticker] != entities[name]:
            yield content.problem(
                number,
                ticker,
                f"{row[ticker]} is not the ticker of {name} ({entities[name]})",
                "use the ticker of reference_entities.csv",
            )


def _text(values: Any) -> str:
    return " / ".join("–" if value is None else str(value) for value in values)
