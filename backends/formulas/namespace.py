"""The `xp` of a formula: functions with NumPy's names that build expressions."""

from __future__ import annotations

import functools
import math
import numbers
from typing import Any, Callable

from ..errors import FormulaError
from .expression import TABLE, Expression, Operand, apply
from . import primitives  # noqa: F401  (fills the table)

_OF_ROWS = "position stop_gradient sum mean max min".split()
_NOT_ELEMENTWISE = {
    name: f"xp.{name} combines several elements; call the Tensor's {name} outside of the formula"
    for name in ("sum mean max min prod var std argmax argmin cumsum cumprod all any sort argsort median norm dot "
                 "matmul einsum reshape transpose concatenate stack softmax nonzero unique take").split()
} | {name: f"xp.{name} is for formulas along rows: make it an operation by gradcore.rowwise" for name in _OF_ROWS}


def _applied(name: str, *args: Operand, **options: Any) -> Expression:
    if options:
        raise FormulaError(f"xp.{name} takes {TABLE[name].arity} argument(s) by position, and no "
                           f"`{next(iter(options))}`")
    return apply(name, *args)


class FormulaNamespace:
    """The functions of the table under NumPy's names, the constants pi, e, inf and nan, and a few compositions.

    >>> from gradcore.backends.formulas.expression import Symbol
    >>> FormulaNamespace().exp(Symbol.array("x"))
    exp(x)
    """

    pi, e, inf, nan = math.pi, math.e, math.inf, math.nan

    def __repr__(self) -> str:
        return "xp"

    @staticmethod
    def where(condition: Operand, a: Operand, b: Operand) -> Expression:
        if isinstance(condition, numbers.Real):
            condition = bool(condition)  # as Python reads a number, whatever the dtype of the kernel
        elif isinstance(condition, Expression) and not condition.is_boolean:
            condition = condition != 0.0
        return apply("where", condition, a, b)

    @staticmethod
    def isnan(x: Operand) -> Expression:
        return apply("not_equal", x, x)

    @staticmethod
    def isfinite(x: Operand) -> Expression:
        return apply("less", apply("abs", x), math.inf)

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        name = _ALIASES.get(name, name)
        if name in TABLE:
            return functools.partial(_applied, name)
        if name.startswith("__"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        reason = _NOT_ELEMENTWISE.get(name, f"xp.{name} is no function that a formula knows; it knows "
                                            f"{', '.join(sorted(TABLE))}")
        raise FormulaError(reason)


_ALIASES = {"absolute": "abs", "fabs": "abs", "rint": "round", "atan": "arctan", "asin": "arcsin", "acos": "arccos",
            "atan2": "arctan2", "pow": "power", "true_divide": "divide", "bitwise_and": "logical_and",
            "bitwise_or": "logical_or", "invert": "logical_not"}
