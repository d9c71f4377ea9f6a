"""The logarithm of the gamma function and its derivative.

Both use Stirling's series for large arguments, the recurrence for smaller ones, and reflection for negative ones.
Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 6.1.17, 6.1.41, 6.3.5 to 6.3.7, 6.3.18.
"""

from __future__ import annotations

import math
from typing import Sequence

from ..backends import Expression, FormulaNamespace
from ..backends.formulas.expression import Operand
from ..core.elementwise import elementwise

_STEPS = 7  # of the recurrence; after these the series is accurate in float64
_LOG_GAMMA = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


def _series(coefficients: Sequence[float], square: Expression) -> Operand:
    value: Operand = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * square + coefficient
    return value


def _reflected(xp: FormulaNamespace, x: Expression) -> tuple[Expression, ...]:
    """The argument at which the function is evaluated, whether it was reflected, and the fractional part of x."""
    return xp.where(x < 0.5, 1 - x, x), x < 0.5, x - xp.floor(x)


def _log_gamma_right(xp: FormulaNamespace, x: Expression) -> Expression:
    """For x >= 0.5."""
    is_near = x < _STEPS
    near = xp.where(is_near, x, 1.0)
    product = near
    for i in range(1, _STEPS):
        product = product * (near + i)
    z = xp.where(is_near, near + _STEPS, x)
    inverse = 1 / z
    far = (z - 0.5) * xp.log(z) - z + 0.5 * math.log(2 * math.pi) + inverse * _series(_LOG_GAMMA, inverse * inverse)
    return far - xp.where(is_near, xp.log(product), 0.0)


@elementwise(widens=True)
def lgamma(xp: FormulaNamespace, input: Expression) -> Expression:
    """The logarithm of the absolute value of the gamma function; infinite at 0, -1, -2, ....

    >>> from gradcore import Tensor
    >>> lgamma(Tensor([4.0])).exp().round(decimals=3)
    tensor([6.])
    """
    x, is_left, rest = _reflected(xp, input)
    sine = xp.abs(xp.sin(math.pi * rest))
    left = xp.where(rest == 0, xp.inf, math.log(math.pi) - xp.log(xp.where(rest == 0, 1.0, sine)))
    right = xp.where(xp.logical_or(x == 1, x == 2), 0.0, _log_gamma_right(xp, x))
    right = xp.where(x == xp.inf, xp.inf, right)
    return xp.where(input == -xp.inf, xp.inf, xp.where(is_left, left - right, right))


@elementwise(widens=True)
def digamma(xp: FormulaNamespace, input: Expression) -> Expression:
    """The derivative of the logarithm of the gamma function; NaN at -1, -2, ..., and infinite at 0.

    >>> from gradcore import Tensor
    >>> digamma(Tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """
    return _digamma(xp, input)


def _digamma(xp: FormulaNamespace, input: Expression) -> Expression:
    x, is_left, rest = _reflected(xp, input)
    is_near = x < _STEPS
    near = xp.where(is_near, x, 1.0)
    recurrence = 1 / near
    for i in range(1, _STEPS):
        recurrence = recurrence + 1 / (near + i)
    z = xp.where(is_near, near + _STEPS, x)
    inverse = 1 / z
    square = inverse * inverse
    right = xp.log(z) - 0.5 * inverse - square * _series(_DIGAMMA, square) - xp.where(is_near, recurrence, 0.0)
    left = right - math.pi / xp.tan(math.pi * xp.where(input == 0, input, rest))  # infinite at 0, with its sign
    is_pole = xp.logical_and(rest == 0, input != 0)
    return xp.where(is_left, xp.where(is_pole, left * xp.nan, left), right)


@lgamma.derivative
def _(xp: FormulaNamespace, input: Expression) -> Expression:
    return _digamma(xp, input)
