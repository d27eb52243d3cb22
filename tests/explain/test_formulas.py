"""Formulas: what they compute, what they refuse, and how closely a number must agree."""

from __future__ import annotations

import pytest

from warehouse.formulas import NotComputable, agrees, evaluate, readable, variables


@pytest.mark.parametrize(
    ("formula", "inputs", "expected"),
    [
        ("now / before - 1", {"now": [150.0], "before": [100.0]}, 0.5),
        ("total(facts)", {"facts": [6042.0, -4758.0]}, 1284.0),
        ("mean(members)", {"members": [1.0, None, 2.0]}, 1.5),
        ("population_deviation(window)", {"window": [1.0, 3.0]}, 1.0),
        ("count(members)", {"members": [1.0, None]}, 1.0),
        ("or_zero(a) + or_zero(b)", {"a": [2.0], "b": [None]}, 2.0),
        ("clip(tax / pretax, 0, 0.5) if pretax > 0 else 0", {"tax": [9.0], "pretax": [10.0]}, 0.5),
        ("clip(tax / pretax, 0, 0.5) if pretax > 0 else 0", {"tax": [9.0], "pretax": [-10.0]}, 0.0),
        ("100 * normal_cdf(z)", {"z": [0.0]}, 50.0),
        ("100 * share_below(window, value)", {"window": [1.0, 2.0, 3.0, 4.0], "value": [2.0]}, 37.5),
        ("100 / (1 + exp(-z))", {"z": [0.0]}, 50.0),
    ],
)
def test_formulas_by_hand(formula: str, inputs: dict[str, list[float | None]], expected: float) -> None:
    assert evaluate(formula, inputs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "inputs",
    [{}, {"now": [1.0], "before": [None]}, {"now": [1.0], "before": [0.0]}, {"now": [1.0, 2.0], "before": [1.0]}],
)
def test_missing_or_several_inputs_are_not_computed(inputs: dict[str, list[float | None]]) -> None:
    with pytest.raises(NotComputable):
        evaluate("now / before - 1", inputs)


@pytest.mark.parametrize("formula", ["now / ", "open('x')", "__import__('os')", "total(a for a in b)"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(ValueError):
        variables(formula)


def test_variables_leave_functions_out() -> None:
    assert variables("clip(tax / pretax, 0, 0.5) if pretax > 0 else 0") == {"tax", "pretax"}


def test_agreement_is_close_and_wider_only_for_the_approximated_distribution() -> None:
    assert agrees("a + b", 1e11, 1e11 + 1)
    assert not agrees("a + b", 1.0, 1.0001)
    assert agrees("100 * normal_cdf(z)", 50.0, 50.00001)
    assert not agrees("100 * normal_cdf(z)", 50.0, 50.001)


def test_signs_of_print() -> None:
    assert readable("a * b / c - 1") == "a × b ÷ c − 1"
