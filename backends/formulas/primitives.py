"""The table of primitives: every elementary function that a formula may use, one row each.

A row has the name, NumPy's function, the C++ expression and the derivative, so adding a primitive means adding a row.
The derivative has one entry for each argument: the partial derivative as a function of the result `y` and the
arguments.  A primitive without one is piecewise constant (`floor`, comparisons).

At points without a derivative the values are PyTorch's: `abs` has slope 0 at 0, equal arrays each get half of the
gradient of `maximum`, and `clip` passes the gradient at its bounds.  A maximum with a *constant* takes the slope of the
constant: `maximum(x, 0)` has slope 0 at 0, like relu.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from . import simplify, special
from .expression import TABLE, Expression, Literal, Primitive, apply

_LN2 = math.log(2.0)
_LN10 = math.log(10.0)
_SQRT_PI = math.sqrt(math.pi)
_TANH_SLOPE, _TANH_CUBIC = special.TANH_SLOPE, special.TANH_CUBIC


def _one(y: Expression, *_: Expression) -> float:
    return 1.0


def _zero(y: Expression, *_: Expression) -> float:
    return 0.0


def _chosen(y: Expression, a: Expression, b: Expression, a_wins: Expression) -> Expression:
    """The slope of maximum or minimum with respect to `a`; `a_wins` says whether `a` is the result."""
    if b.is_scalar:
        return apply("where", a_wins, 1.0, 0.0)
    return apply("where", a_wins, 1.0, apply("where", apply("equal", a, b), 0.5, 0.0))


def _power_along_base(y: Expression, a: Expression, b: Expression) -> Expression:
    return apply("where", apply("equal", b, 0.0), 0.0, b * apply("power", a, b - 1.0))


def _power_along_exponent(y: Expression, a: Expression, b: Expression) -> Expression:
    # 0**b is flat for b > 0, where y * log(0) would be 0 * -inf.
    flat = apply("logical_and", apply("equal", a, 0.0), apply("greater_equal", b, 0.0))
    return apply("where", flat, 0.0, y * apply("log", a))


def _turn(leg: Expression, a: Expression, b: Expression) -> Expression:
    """leg / (a² + b²): how an angle changes with the other leg; 0 at the origin, which has no angle."""
    square = a * a + b * b
    is_origin = apply("equal", square, 0.0)
    return apply("where", is_origin, 0.0, leg / apply("where", is_origin, 1.0, square))


def _leg(y: Expression, x: Expression) -> Expression:
    """The slope of hypot with respect to one of its arguments."""
    return apply("where", apply("equal", y, 0.0), 0.0, x / y)


def _log_of_sum(a: Expression, b: Expression) -> Expression:
    distance = apply("abs", apply("subtract", a, b))
    if not any(isinstance(x, Literal) and math.isfinite(x.value) for x in (a, b)):  # there may be inf - inf
        distance = apply("where", apply("equal", a, b), 0.0, distance)
    return apply("maximum", a, b) + apply("log1p", apply("exp", -distance))


def _share(a: Expression, b: Expression) -> Expression:
    """The slope of logaddexp with respect to `a`; equal infinities get one half each."""
    both = apply("logical_and", apply("equal", a, b), apply("equal", apply("abs", a), math.inf))
    return apply("sigmoid", apply("where", both, 0.0, apply("subtract", a, b)))


def _inside(y: Expression, x: Expression, low: Expression, high: Expression) -> Expression:
    within = apply("logical_and", apply("greater_equal", x, low), apply("less_equal", x, high))
    return apply("where", within, 1.0, 0.0)


# Where low > high the result is high for every x.
def _at_low(y: Expression, x: Expression, low: Expression, high: Expression) -> Expression:
    return apply("where", apply("logical_and", x < low, low < high), 1.0, 0.0)


def _at_high(y: Expression, x: Expression, low: Expression, high: Expression) -> Expression:
    return apply("where", apply("logical_or", x > high, low > high), 1.0, 0.0)


_ARITHMETIC = [
    Primitive("add", 2, np.add, "{0} + {1}", (_one, _one), simplify=simplify.add, keeps_integers=True),
    Primitive("subtract", 2, np.subtract, "{0} - {1}", (_one, lambda y, a, b: -1.0), simplify=simplify.subtract,
              keeps_integers=True),
    Primitive("multiply", 2, np.multiply, "{0} * {1}", (lambda y, a, b: b, lambda y, a, b: a),
              simplify=simplify.multiply, keeps_integers=True),
    Primitive("divide", 2, np.divide, "{0} / {1}", (lambda y, a, b: 1.0 / b, lambda y, a, b: -y / b),
              simplify=simplify.divide),
    Primitive("power", 2, np.power, "power_of({0}, {1})", (_power_along_base, _power_along_exponent),
              simplify=simplify.power, keeps_integers=True),
    Primitive("floor_divide", 2, special.floor_divide, "floor_divide({0}, {1})", keeps_integers=True),
    Primitive("remainder", 2, np.remainder, "remainder_of({0}, {1})",
              (_one, lambda y, a, b: -apply("floor_divide", a, b)), keeps_integers=True),
    Primitive("negative", 1, np.negative, "-{0}", (lambda y, x: -1.0,), simplify=simplify.negative,
              keeps_integers=True),
    Primitive("square", 1, np.square, "{0} * {0}", (lambda y, x: 2.0 * x,), keeps_integers=True),
    Primitive("reciprocal", 1, derivative=(lambda y, x: -(y * y),), expansion=lambda x: 1.0 / x),
    Primitive("sqrt", 1, np.sqrt, "sqrt({0})", (lambda y, x: 0.5 / y,)),
    Primitive("abs", 1, np.abs, "absolute({0})", (lambda y, x: apply("sign", x),), keeps_integers=True),
    Primitive("sign", 1, np.sign, "sign_of({0})", keeps_integers=True),
    Primitive("copysign", 2, np.copysign, "copysign({0}, {1})",
              (lambda y, a, b: apply("sign", a) * apply("copysign", 1.0, b), _zero)),
    Primitive("signbit", 1, np.signbit, "copysign(real(1.0), {0}) < real(0.0)", gives_boolean=True),
    Primitive("nextafter", 2, np.nextafter, "nextafter({0}, {1})", (_one, _zero)),
    Primitive("floor", 1, np.floor, "floor({0})"),
    Primitive("round", 1, np.rint, "rint({0})"),
]

TRANSCENDENTAL = [
    Primitive("exp", 1, np.exp, "exp({0})", (lambda y, x: y,)),
    Primitive("exp2", 1, np.exp2, "exp2({0})", (lambda y, x: _LN2 * y,)),
    Primitive("expm1", 1, np.expm1, "expm1({0})", (lambda y, x: y + 1.0,)),
    Primitive("log", 1, np.log, "log({0})", (lambda y, x: 1.0 / x,)),
    Primitive("log2", 1, np.log2, "log2({0})", (lambda y, x: 1.0 / (_LN2 * x),)),
    Primitive("log1p", 1, np.log1p, "log1p({0})", (lambda y, x: 1.0 / (1.0 + x),)),
    Primitive("sin", 1, np.sin, "sin({0})", (lambda y, x: apply("cos", x),)),
    Primitive("cos", 1, np.cos, "cos({0})", (lambda y, x: -apply("sin", x),)),
    Primitive("sinh", 1, np.sinh, "sinh({0})", (lambda y, x: apply("cosh", x),)),
    Primitive("cosh", 1, np.cosh, "cosh({0})", (lambda y, x: apply("sinh", x),)),
    Primitive("tanh", 1, np.tanh, "tanh({0})", (lambda y, x: 1.0 - y * y,)),
    Primitive("arctan", 1, np.arctan, "atan({0})", (lambda y, x: 1.0 / (1.0 + x * x),)),
    Primitive("log10", 1, np.log10, "log10({0})", (lambda y, x: 1.0 / (_LN10 * x),)),
    Primitive("tan", 1, np.tan, "tan({0})", (lambda y, x: 1.0 + y * y,)),
    Primitive("arcsin", 1, np.arcsin, "asin({0})", (lambda y, x: 1.0 / apply("sqrt", 1.0 - x * x),)),
    Primitive("arccos", 1, np.arccos, "acos({0})", (lambda y, x: -1.0 / apply("sqrt", 1.0 - x * x),)),
    Primitive("arctan2", 2, np.arctan2, "atan2({0}, {1})",
              (lambda y, a, b: _turn(b, a, b), lambda y, a, b: -_turn(a, a, b))),
    Primitive("hypot", 2, np.hypot, "hypot({0}, {1})", (lambda y, a, b: _leg(y, a), lambda y, a, b: _leg(y, b))),
    Primitive("erf", 1, special.erf, "erf({0})", (lambda y, x: 2.0 / _SQRT_PI * apply("exp", -(x * x)),)),
    Primitive("normcdf", 1, special.normcdf, "normcdf_of({0})",
              (lambda y, x: apply("normpdf", x),)),
    Primitive("normpdf", 1, special.normpdf, "normpdf_of({0})", (lambda y, x: -(x * y),)),
    # The approximation of normcdf by tanh, for gelu's tanh form.
    Primitive("normcdf_tanh", 1, special.normcdf_tanh, "normcdf_tanh_of({0})",
              (lambda y, x: y * apply("normcdf_tanh", -x) * (_TANH_SLOPE * (1.0 + 3.0 * _TANH_CUBIC * (x * x))),)),
    # For very negative x exp(-x) overflows to infinity, and 1 / infinity is the correct 0.
    Primitive("sigmoid", 1, derivative=(lambda y, x: y * (1.0 - y),),
              expansion=lambda x: 1.0 / (1.0 + apply("exp", -x))),
    # It has a derivative of its own, since its parts are not smooth where both arguments are equal: their second
    # derivatives would lack a term there.
    Primitive("logaddexp", 2, derivative=(lambda y, a, b: _share(a, b), lambda y, a, b: _share(b, a)),
              expansion=_log_of_sum),
]

_CHOICE = [
    # NaN propagates from either argument.
    Primitive("maximum", 2, np.maximum, "maximum_of({0}, {1})",
              (lambda y, a, b: _chosen(y, a, b, a > b), lambda y, a, b: _chosen(y, b, a, b > a)),
              simplify=simplify.extremum, keeps_integers=True),
    Primitive("minimum", 2, np.minimum, "minimum_of({0}, {1})",
              (lambda y, a, b: _chosen(y, a, b, a < b), lambda y, a, b: _chosen(y, b, a, b < a)),
              simplify=simplify.extremum, keeps_integers=True),
    Primitive("clip", 3, derivative=(_inside, _at_low, _at_high),
              expansion=lambda x, low, high: apply("minimum", apply("maximum", x, low), high), keeps_integers=True),
    # Its derivative is in `derivative`: a choice between the derivatives of its branches.
    Primitive("where", 3, np.where, "{0} ? {1} : {2}", simplify=simplify.where, takes_booleans=True,
              keeps_integers=True),
]


def _comparison(name: str, function: Callable[..., Any], symbol: str) -> Primitive:
    return Primitive(name, 2, function, f"{{0}} {symbol} {{1}}", gives_boolean=True, keeps_integers=True)


def _logical(name: str, function: Callable[..., Any], spelling: str, arity: int = 2) -> Primitive:
    return Primitive(name, arity, function, spelling, takes_booleans=True, gives_boolean=True, keeps_integers=True)


_TRUTH = [
    _comparison("less", np.less, "<"), _comparison("less_equal", np.less_equal, "<="),
    _comparison("greater", np.greater, ">"), _comparison("greater_equal", np.greater_equal, ">="),
    _comparison("equal", np.equal, "=="), _comparison("not_equal", np.not_equal, "!="),
    _logical("logical_and", np.logical_and, "{0} && {1}"), _logical("logical_or", np.logical_or, "{0} || {1}"),
    _logical("logical_xor", np.logical_xor, "!({0}) != !({1})"), _logical("logical_not", np.logical_not, "!({0})", 1),
]

TABLE.update({primitive.name: primitive for primitive in _ARITHMETIC + TRANSCENDENTAL + _CHOICE + _TRUTH})
