"""Formulas of the lineage: short arithmetic on named inputs, written to be read and evaluated to be checked.

What belongs here: parsing and evaluating one formula. What does not: which number has which formula (`warehouse/lineage.yaml`).
"""

from __future__ import annotations

import ast
import math
import operator
import statistics
from collections.abc import Callable, Mapping, Sequence

Values = Sequence[float | None]
"""What an input gives: one value, or those of several rows; None where a row has none."""

# The published scores use an approximation of the normal distribution whose error is below 1.5e-7, on a scale of 100.
DISTRIBUTION_TOLERANCE = 5e-5
RELATIVE_TOLERANCE = 1e-9
ABSOLUTE_TOLERANCE = 1e-9

_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SCALAR_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "exp": math.exp,
    "clip": lambda value, low, high: min(max(value, low), high),
    "normal_cdf": statistics.NormalDist().cdf,
}


def _known(values: Values) -> list[float]:
    return [value for value in values if value is not None]


def _mid_share_below(values: Values, value: float) -> float:
    known = _known(values)
    return sum(1.0 if other < value else 0.5 if other == value else 0.0 for other in known) / len(known)


_LIST_FUNCTIONS: dict[str, Callable[[Values], float]] = {
    "total": lambda values: math.fsum(_known(values)),
    "mean": lambda values: statistics.fmean(_known(values)),
    "population_deviation": lambda values: statistics.pstdev(_known(values)),
    "minimum": lambda values: min(_known(values)),
    "maximum": lambda values: max(_known(values)),
    "count": lambda values: float(len(_known(values))),
    "or_zero": lambda values: math.fsum(_known(values)),
}
_NODES = (
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.UnaryOp,
    ast.USub,
    ast.BinOp,
    *_OPERATORS,
    ast.IfExp,
    ast.Compare,
    ast.Gt,
    ast.Call,
)
FUNCTIONS = {*_SCALAR_FUNCTIONS, *_LIST_FUNCTIONS, "share_below"}


class NotComputable(Exception):
    """An input of the formula has no value, so that the number can't be computed again."""


def variables(formula: str) -> set[str]:
    """The names of the inputs a formula uses; raises ValueError where it is no formula."""
    tree = _parsed(formula)
    strange = [ast.unparse(node) for node in ast.walk(tree) if not isinstance(node, _NODES)]
    if strange:
        raise ValueError(f"{formula}: {strange[0]} is not a part of a formula")
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    unknown = called - FUNCTIONS
    if unknown:
        raise ValueError(
            f"{formula}: no such function: {', '.join(sorted(unknown))}; there are {', '.join(sorted(FUNCTIONS))}"
        )
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called


def evaluate(formula: str, inputs: Mapping[str, Values]) -> float:
    """The formula's value; raises NotComputable where an input it needs is missing or a denominator is zero."""
    try:
        return _value(_parsed(formula), inputs)
    except (ZeroDivisionError, statistics.StatisticsError, ValueError) as error:
        raise NotComputable(f"{formula}: {error}") from error


def agrees(formula: str, value: float, computed: float) -> bool:
    """Whether a stored value is the computed one, up to floating point and the stored approximation of the normal distribution."""
    tolerance = DISTRIBUTION_TOLERANCE if "normal_cdf" in formula else ABSOLUTE_TOLERANCE
    return math.isclose(value, computed, rel_tol=RELATIVE_TOLERANCE, abs_tol=tolerance)


def readable(formula: str) -> str:
    """The formula with the signs of print."""
    return formula.replace(" * ", " × ").replace(" / ", " ÷ ").replace(" - ", " − ")


def _parsed(formula: str) -> ast.expr:
    try:
        return ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{formula}: not a formula: {error.msg}") from error


def _value(node: ast.expr, inputs: Mapping[str, Values]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return _single(name, inputs)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, inputs)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, inputs), _value(right, inputs))
        case ast.IfExp(test=ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]), body=body, orelse=otherwise):
            return _value(body if _value(left, inputs) > _value(right, inputs) else otherwise, inputs)
        case ast.Call(func=ast.Name(id="share_below"), args=[ast.Name(id=name), argument]):
            return _mid_share_below(inputs.get(name, ()), _value(argument, inputs))
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=name)]) if function in _LIST_FUNCTIONS:
            return _LIST_FUNCTIONS[function](inputs.get(name, ()))
        case ast.Call(func=ast.Name(id=function), args=arguments) if function in _SCALAR_FUNCTIONS:
            return _SCALAR_FUNCTIONS[function](*[_value(argument, inputs) for argument in arguments])
    raise ValueError(f"{ast.unparse(node)}: not a part of a formula")


def _single(name: str, inputs: Mapping[str, Values]) -> float:
    values = inputs.get(name, ())
    if len(values) != 1 or values[0] is None:
        raise NotComputable(f"{name} has {'no value' if len(values) < 2 else f'{len(values)} values'}")
    return values[0]
