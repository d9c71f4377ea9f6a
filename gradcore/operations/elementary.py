"""More elementary functions, each one formula without a primitive of its own.

>>> asinh(Tensor([0.0]))
tensor([0.])
"""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import numpy as np

from ..backends import Expression, FormulaNamespace
from ..backends.formulas.dtypes import kind_of
from ..backends.formulas.expression import Operand
from ..core.arguments import at_least_zero
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .conversion import clone
from .integers import INTEGER, dividing, otherwise
from .selection import clip

_SQRT_PI = math.sqrt(math.pi)
# M. Giles, "Approximating the erfinv function", GPU Computing Gems 2 (2011): polynomials in w - 2.5 and sqrt(w) - 3.
_CENTRE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
           -0.00417768164, 0.246640727, 1.50140941)
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
         0.00943887047, 1.00167406, 2.83297682)


@elementwise
def atan2(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """The angle of the point (other, input), from -pi to pi.

    >>> atan2(Tensor([1.0, -1.0]), Tensor([0.0, -1.0]))
    tensor([ 1.5708, -2.3562])
    """
    return xp.arctan2(input, other)


arctan2 = atan2


@elementwise
def asinh(xp: FormulaNamespace, input: Expression) -> Expression:
    """The inverse of sinh: log(x + sqrt(x² + 1)), without cancellation or overflow.

    >>> asinh(Tensor([0.0, 1.0]))
    tensor([0.    , 0.8814])
    """
    a = xp.abs(input)
    bounded = xp.minimum(a, 1e8)
    near = xp.log1p(bounded + bounded * bounded / (1 + xp.sqrt(1 + bounded * bounded)))
    y = xp.where(a > 1e8, xp.log(a) + math.log(2), near)
    return xp.copysign(y, input)


@asinh.derivative
def _(xp: FormulaNamespace, input: Expression) -> Expression:
    return 1 / xp.sqrt(1 + input * input)


@elementwise
def acosh(xp: FormulaNamespace, input: Expression) -> Expression:
    """The inverse of cosh for x >= 1: log(x + sqrt(x² - 1)), without cancellation or overflow.

    >>> acosh(Tensor([1.0, 2.0]))
    tensor([0.   , 1.317])
    """
    beyond = input - 1
    return xp.where(input > 1e8, xp.log(input) + math.log(2),
                    xp.log1p(beyond + xp.sqrt(beyond) * xp.sqrt(beyond + 2)))


@acosh.derivative
def _(xp: FormulaNamespace, input: Expression) -> Expression:
    return 1 / (xp.sqrt(input - 1) * xp.sqrt(input + 1))


@elementwise
def atanh(xp: FormulaNamespace, input: Expression) -> Expression:
    """The inverse of tanh: log((1 + x) / (1 - x)) / 2.

    >>> atanh(Tensor([0.0, 0.5]))
    tensor([0.    , 0.5493])
    """
    return 0.5 * (xp.log1p(input) - xp.log1p(-input))


@atanh.derivative
def _(xp: FormulaNamespace, input: Expression) -> Expression:
    return 1 / (1 - input * input)


arcsinh, arccosh, arctanh = asinh, acosh, atanh


def _polynomial(coefficients: Sequence[float], x: Expression) -> Operand:
    value: Operand = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


@elementwise
def erfinv(xp: FormulaNamespace, input: Expression) -> Expression:
    """The inverse of the error function; infinite at 1 and -1.  An approximation with two Newton steps.

    >>> erfinv(Tensor([0.0, 0.5]))
    tensor([0.    , 0.4769])
    """
    w = -xp.log((1 - input) * (1 + input))
    root = xp.sqrt(xp.minimum(w, 50.0)) - 3
    x = input * xp.where(w < 5, _polynomial(_CENTRE, w - 2.5), _polynomial(_TAIL, root))
    for _ in range(2):
        x = x - (xp.erf(x) - input) * (_SQRT_PI / 2) * xp.exp(x * x)
    return xp.where(xp.abs(input) == 1, input * xp.inf, x)


@erfinv.derivative
def _(xp: FormulaNamespace, output: Expression) -> Expression:
    return (_SQRT_PI / 2) * xp.exp(output * output)


@elementwise
def lerp(xp: FormulaNamespace, input: Expression, end: Expression, weight: Expression) -> Expression:
    """input + weight * (end - input), which is exactly `end` if the weight is 1.

    >>> lerp(Tensor([0.0, 1.0]), Tensor([10.0, 3.0]), 0.5)
    tensor([5., 2.])
    """
    return xp.where(xp.abs(weight) < 0.5, input + weight * (end - input), end - (end - input) * (1 - weight))


@dividing
@elementwise
def fmod(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """The remainder of a division rounded toward zero; it has the sign of `input`.

    >>> fmod(Tensor([7.0, -7.0]), 3.0)
    tensor([ 1., -1.])
    """
    rest = xp.remainder(xp.abs(input), xp.abs(other))
    return xp.where(input < 0, -rest, rest)


@fmod.derivative
def _(xp: FormulaNamespace, input: Expression, other: Expression, output: Expression) -> tuple[Operand, ...]:
    return 1.0, -xp.round((input - output) / other)


@elementwise
def xlogy(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """input * log(other), and 0 where `input` is 0, unless `other` is NaN.

    >>> xlogy(Tensor([0.0, 2.0]), Tensor([0.0, 10.0]))
    tensor([0.    , 4.6052])
    """
    is_flat = xp.logical_and(input == 0, xp.logical_or(other <= 0, other == xp.inf))
    return xp.where(is_flat, 0.0, input * xp.log(other))


@elementwise
def _logit(xp: FormulaNamespace, x: Expression) -> Expression:
    return xp.log(x / (1 - x))


@_logit.derivative
def _(xp: FormulaNamespace, x: Expression) -> Expression:
    return xp.where(xp.logical_or(x < 0, x > 1), xp.nan, 1 / (x * (1 - x)))


def logit(input: Tensor, eps: Optional[float] = None) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid; `eps` clamps x to [eps, 1 - eps].

    >>> logit(Tensor([0.5, 0.75]))
    tensor([0.    , 1.0986])
    """
    if eps is not None and not 0 <= eps <= 0.5:
        raise ValueError(f"logit: `eps` must be from 0 to 0.5, or None; got {eps}")
    return _logit(input if eps is None else clip(input, eps, 1 - eps))


@elementwise
def _isclose(xp: FormulaNamespace, a: Expression, b: Expression, rtol: float = 1e-5, atol: float = 1e-8,
             equal_nan: float = 0.0) -> Expression:
    distance = xp.abs(a - b)
    is_near = xp.logical_and(xp.isfinite(distance), distance <= atol + xp.abs(rtol * b))
    are_nan = xp.logical_and(xp.logical_and(xp.isnan(a), xp.isnan(b)), equal_nan != 0)
    return xp.logical_or(xp.logical_or(a == b, is_near), are_nan)


def isclose(input: Tensor, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether |input - other| <= atol + rtol |other|, elementwise; equal infinities are close.

    >>> isclose(Tensor([1.0, 2.0]), Tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    at_least_zero("isclose", rtol=rtol, atol=atol)
    return _isclose(input, other, rtol=rtol, atol=atol, equal_nan=float(equal_nan))


@elementwise
def _nan_to_num(xp: FormulaNamespace, x: Expression, nan: float = 0.0, posinf: float = 0.0,
                neginf: float = 0.0) -> Expression:
    return xp.where(xp.isnan(x), nan, xp.where(x == xp.inf, posinf, xp.where(x == -xp.inf, neginf, x)))


def nan_to_num(input: Tensor, nan: float = 0.0, posinf: Optional[float] = None,
               neginf: Optional[float] = None) -> Tensor:
    """Replace NaN and infinities by numbers, by default 0 and the largest and smallest number of the dtype.

    >>> nan_to_num(Tensor([float("nan"), 1.0]), nan=5.0)
    tensor([5., 1.])
    """
    if kind_of(input.dtype) < 2:
        return clone(input)
    limits = np.finfo(input.dtype)
    return _nan_to_num(input, nan=nan, posinf=float(limits.max) if posinf is None else posinf,
                       neginf=float(limits.min) if neginf is None else neginf)


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """The maximum of `input` and `min`.

    >>> clamp_min(Tensor([-2.0, 3.0]), 1.0)
    tensor([1., 3.])
    """
    return clip(input, min, None)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """The minimum of `input` and `max`.

    >>> clamp_max(Tensor([-2.0, 3.0]), 1.0)
    tensor([-2.,  1.])
    """
    return clip(input, None, max)


@elementwise
def frac(xp: FormulaNamespace, input: Expression) -> Expression:
    """The fractional part, with the sign of `input`.

    >>> frac(Tensor([1.5, -2.25]))
    tensor([ 0.5 , -0.25])
    """
    return input - xp.sign(input) * xp.floor(xp.abs(input))


@elementwise
def deg2rad(xp: FormulaNamespace, input: Expression) -> Expression:
    """Convert degrees to radians.

    >>> deg2rad(Tensor([0.0, 90.0, 180.0]))
    tensor([0.    , 1.5708, 3.1416])
    """
    return input * (math.pi / 180)


@elementwise
def rad2deg(xp: FormulaNamespace, input: Expression) -> Expression:
    """Convert radians to degrees.

    >>> rad2deg(Tensor([0.0, 3.14159265]))
    tensor([  0., 180.])
    """
    return input * (180 / math.pi)


# sin(a) / a as a series in a²: near 0 the derivatives of the quotient would cancel.
_SINC = tuple((-1) ** k / math.factorial(2 * k + 1) for k in reversed(range(14)))


@elementwise(widens=True)
def sinc(xp: FormulaNamespace, input: Expression) -> Expression:
    """sin(pi x) / (pi x), and 1 at 0.

    >>> sinc(Tensor([0.0, 0.5, 1.5]))
    tensor([ 1.    ,  0.6366, -0.2122])
    """
    is_near = xp.abs(input) < 0.5
    square = xp.square(math.pi * xp.where(is_near, input, 0.0))
    angle = math.pi * xp.where(is_near, 1.0, input)
    return xp.where(is_near, _polynomial(_SINC, square), xp.sin(angle) / angle)


@elementwise
def heaviside(xp: FormulaNamespace, input: Expression, values: Expression) -> Expression:
    """0 for negative numbers, 1 for positive ones, `values` at 0, and NaN for NaN.

    >>> heaviside(Tensor([-2.0, 0.0, 3.0]), 0.5)
    tensor([0. , 0.5, 1. ])
    """
    return xp.where(input == 0, values, xp.where(input < 0, 0.0, xp.where(input > 0, 1.0, input)))


@heaviside.derivative
def _(xp: FormulaNamespace, input: Expression, values: Expression) -> tuple[Operand, ...]:
    return 0.0, xp.where(input == 0, 1.0, 0.0)


def _addcmul_of_integers(input: Any, tensor1: Any, tensor2: Any, value: float) -> Tensor:
    total: Tensor = input + tensor1 * tensor2 * (int(value) if value == value // 1 else value)
    return total


@otherwise(INTEGER, _addcmul_of_integers)
@elementwise
def addcmul(xp: FormulaNamespace, input: Expression, tensor1: Expression, tensor2: Expression,
            value: float = 1.0) -> Expression:
    """input + value * tensor1 * tensor2.

    >>> addcmul(Tensor([1.0, 1.0]), Tensor([2.0, 3.0]), Tensor([4.0, 5.0]), value=0.5)
    tensor([5. , 8.5])
    """
    return input + value * tensor1 * tensor2


@elementwise
def addcdiv(xp: FormulaNamespace, input: Expression, tensor1: Expression, tensor2: Expression,
            value: float = 1.0) -> Expression:
    """input + value * tensor1 / tensor2.

    >>> addcdiv(Tensor([1.0, 1.0]), Tensor([6.0, 8.0]), Tensor([3.0, 2.0]), value=0.5)
    tensor([2., 3.])
    """
    return input + value * tensor1 / tensor2
