"""The normal distribution function as an expression that every engine can run.

What belongs here: distribution functions. What does not: what they normalise (`assets.prosperity`).
"""

from __future__ import annotations

import ibis
from ibis.expr.types import FloatingValue

# Abramowitz and Stegun, Handbook of Mathematical Functions, formula 7.1.26: |error| <= 1.5e-7.
_P = 0.3275911
_COEFFICIENTS = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def normal_cdf(z: FloatingValue) -> FloatingValue:
    """The probability that a standard normal variable is at most z, with an error below 1.5e-7."""
    x = z.abs() / 2**0.5
    t = 1 / (1 + _P * x)
    polynomial = ibis.literal(0.0)
    for coefficient in reversed(_COEFFICIENTS):
        polynomial = (polynomial + coefficient) * t
    error_function = 1 - polynomial * (-(x**2)).exp()
    return ibis.ifelse(z >= 0, (1 + error_function) / 2, (1 - error_function) / 2)
