"""Algebraic simplifications that preserve every value, including NaN, infinities and signs of zero.

Each rule takes the arguments of one primitive and returns a simpler equal expression, or None.  `x * 0` has no rule,
since it is NaN where x is infinite.
"""

from __future__ import annotations

import math
from typing import Optional, TypeGuard

from .expression import Apply, Expression, Literal, apply, as_number, in_order


def is_literal(node: Expression, value: float) -> TypeGuard[Literal]:
    return isinstance(node, Literal) and node.value == value


def is_call(node: Expression, name: str) -> TypeGuard[Apply]:
    return isinstance(node, Apply) and node.primitive.name == name


def is_zero(node: Expression, sign: float) -> bool:
    """Whether a node is the literal 0.0 (for a sign of 1) or -0.0 (for -1)."""
    return is_literal(node, 0) and math.copysign(1.0, node.value) == sign


def is_real(node: Expression) -> bool:
    """Whether a node is a float, whatever the arrays in it are."""
    return any(isinstance(part, Apply) and not part.primitive.keeps_integers for part in in_order((node,)))


def add(a: Expression, b: Expression) -> Optional[Expression]:
    if is_zero(a, -1.0):  # x + 0.0 is not x where x is -0.0
        return b
    if is_zero(b, -1.0):
        return a
    if is_call(b, "negative"):
        return apply("subtract", a, b.args[0])
    if is_call(a, "negative"):
        return apply("subtract", b, a.args[0])
    return None


def subtract(a: Expression, b: Expression) -> Optional[Expression]:
    if is_zero(b, 1.0):
        return a
    if is_zero(a, -1.0):  # 0.0 - x is not -x where x is 0.0
        return apply("negative", b)
    if is_call(b, "negative"):
        return apply("add", a, b.args[0])
    return None


def negative(a: Expression) -> Optional[Expression]:
    if is_call(a, "negative"):
        return a.args[0]
    if is_call(a, "multiply") and a.args[0].is_scalar and not a.is_scalar:
        return apply("multiply", apply("negative", a.args[0]), a.args[1])
    return None


def multiply(a: Expression, b: Expression) -> Optional[Expression]:
    if b.is_scalar and not a.is_scalar:  # scalars first, so that the rules below handle one order only
        return apply("multiply", b, a)
    if is_literal(a, 1):
        return b
    if is_literal(a, -1):
        return apply("negative", b)
    if is_literal(b, 1):
        return a
    if a is b:
        return apply("square", a)
    if is_call(b, "negative"):
        return apply("negative", apply("multiply", a, b.args[0]))
    if is_call(a, "negative") and not a.is_scalar:  # negating a scalar is free: see `negative`
        return apply("negative", apply("multiply", a.args[0], b))
    if is_call(b, "divide") and is_literal(b.args[0], 1):
        return apply("divide", a, b.args[1])
    if is_call(a, "divide") and is_literal(a.args[0], 1):
        return apply("divide", b, a.args[1])
    return None


def divide(a: Expression, b: Expression) -> Optional[Expression]:
    if not is_real(a):  # integers divided by 1 are floats
        return None
    if is_literal(b, 1):
        return a
    if is_literal(b, -1):
        return apply("negative", a)
    return None


def power(a: Expression, b: Expression) -> Optional[Expression]:
    if not isinstance(b, Literal):
        return None
    short = {2.0: lambda: apply("square", a), 1.0: lambda: a, 0.5: lambda: apply("sqrt", a),
             -1.0: lambda: apply("reciprocal", a), 3.0: lambda: a * apply("square", a)}
    return short[b.value]() if b.value in short else None


def where(condition: Expression, a: Expression, b: Expression) -> Optional[Expression]:
    if a is b and (condition.is_scalar or condition.is_row or not a.is_row):  # else the choice has every element
        return a
    if isinstance(condition, Literal):
        chosen, other = (a, b) if condition.value else (b, a)
        return None if chosen.is_row and not (other.is_row or other.is_scalar) else chosen
    if a.is_boolean != b.is_boolean:  # a boolean beside a number becomes 0 or 1
        return apply("where", condition, as_number(a), as_number(b))
    return _merged_choices(condition, a, b)


def _merged_choices(condition: Expression, a: Expression, b: Expression) -> Optional[Expression]:
    """Merges nested choices that share a branch, since combining conditions costs less than choosing twice."""
    if is_call(b, "where") and _are_alike(condition, b.args[0]):
        if b.args[1] is a:
            return apply("where", apply("logical_or", condition, b.args[0]), a, b.args[2])
        if b.args[2] is a:
            return apply("where", apply("logical_or", condition, apply("logical_not", b.args[0])), a, b.args[1])
    if is_call(a, "where") and _are_alike(condition, a.args[0]):
        if a.args[2] is b:
            return apply("where", apply("logical_and", condition, a.args[0]), a.args[1], b)
        if a.args[1] is b:
            return apply("where", apply("logical_and", condition, apply("logical_not", a.args[0])), a.args[2], b)
    return None


def _are_alike(a: Expression, b: Expression) -> bool:
    """Whether both conditions are scalars, both are per row, or both are per element, so that merging loses nothing."""
    return a.is_scalar == b.is_scalar and a.is_row == b.is_row


def extremum(a: Expression, b: Expression) -> Optional[Expression]:
    return a if a is b else None
