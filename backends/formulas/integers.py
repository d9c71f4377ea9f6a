"""Numbers in formulas of integers: conversion to a dtype that may not hold them.

A number is `wrapped` in arithmetic and choices, `beyond` every element in comparisons, and `nearest` in maximum and
minimum.
"""

from __future__ import annotations

import math
from typing import Callable, Union

import numpy as np

from ..errors import FormulaError
from .expand import expand
from .expression import Apply, Expression, Literal, in_order, rebuilt, rewrite
from .kernel import Kernel

NEGATIVE_EXPONENT = "integers cannot have negative integer exponents; use a float tensor as the base"


def wrapped(number: int, dtype: np.dtype) -> int:
    """The number modulo 2^bits, in the range of the dtype.

    >>> wrapped(300, np.dtype("uint8")), wrapped(-1, np.dtype("uint8")), wrapped(200, np.dtype("int8"))
    (44, 255, -56)
    """
    low = int(np.iinfo(dtype).min)
    bits = 8 * dtype.itemsize
    return (number - low) % (1 << bits) + low


def nearest(number: int, dtype: np.dtype) -> int:
    """The closest number in the range of the dtype."""
    return max(int(np.iinfo(dtype).min), min(number, int(np.iinfo(dtype).max)))


def beyond(number: int, dtype: np.dtype) -> Union[int, float]:
    """The number, or an infinity that compares in the same way with every number of the dtype."""
    return number if nearest(number, dtype) == number else math.copysign(math.inf, number)


def fitted(kernel: Kernel, dtype: np.dtype) -> Kernel:
    """`kernel` with its literals converted for computation in the integer `dtype`; unchanged for other dtypes.

    >>> from gradcore.backends.formulas.expression import Symbol, apply
    >>> x = Symbol.array("x")
    >>> fitted(Kernel("f", [x], (), [x + 300, x < 300, apply("minimum", x, 300)]), np.dtype("uint8"))
    f(x) = add(x, 44.0), True, minimum(x, 255.0)
    """
    if dtype.kind not in "iu":
        return kernel
    outputs = expand(kernel.outputs)
    if not any(isinstance(node, Literal) and not 0 <= node.value < 128 for node in in_order(outputs)):
        return kernel  # all dtypes hold these
    inner = rewrite(outputs, lambda node, args: _fitted(node, args, dtype))
    roots = [_literal(root, wrapped, dtype) for root in inner]
    return Kernel(kernel.name, kernel.inputs, kernel.constants, roots, kernel.widens)


def _is_out_of(node: Expression, dtype: np.dtype) -> bool:
    return isinstance(node, Literal) and nearest(int(node.value), dtype) != node.value


def _literal(node: Expression, fit: Callable[[int, np.dtype], Union[int, float]], dtype: np.dtype) -> Expression:
    return Literal.of(fit(int(node.value), dtype)) if isinstance(node, Literal) and _is_out_of(node, dtype) else node


def _fitted(node: Expression, args: tuple[Expression, ...], dtype: np.dtype) -> Expression:
    if not isinstance(node, Apply):
        return node
    primitive = node.primitive
    is_beyond = any(_is_out_of(arg, dtype) for arg in args)
    if is_beyond and primitive.gives_boolean and not primitive.takes_booleans:  # one answer for all numbers
        assert primitive.numpy is not None
        held = [_literal(arg, beyond, dtype) for arg in args]
        return Literal.of(bool(primitive.numpy(*[x.value if isinstance(x, Literal) else 0.0 for x in held])))
    if primitive.name == "power" and isinstance(args[1], Literal) and args[1].value < 0:
        raise FormulaError(NEGATIVE_EXPONENT)
    fit = nearest if primitive.name in ("maximum", "minimum") else wrapped
    made = rebuilt(node, tuple(_literal(arg, fit, dtype) for arg in args))
    return _literal(made, wrapped, dtype)  # a literal if all arguments are
