"""Arithmetic with the options of PyTorch's functions."""

from __future__ import annotations

import numbers
from typing import Any, Optional

import numpy as np

from ..backends import Expression, FormulaNamespace
from ..backends.formulas.dtypes import kind_of
from ..core.broadcasting import cast
from ..core.elementwise import elementwise
from ..core.tensor import Tensor, as_operand, common_backend
from . import arithmetic
from .integers import common_dtype, dividing


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other.

    >>> add(Tensor([1, 2]), 10, alpha=2)
    tensor([21., 22.])
    """
    return arithmetic.add(input, _times(input, other, alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other.

    >>> sub(Tensor([5.0, 6.0]), Tensor([1.0, 2.0]), alpha=2)
    tensor([3., 2.])
    """
    return arithmetic.subtract(input, _times(input, other, alpha))


def _times(input: Any, value: Any, factor: float) -> Any:
    """The product in the dtype of the sum with `input`; of two numbers it is a number and lives on no device."""
    if factor == 1:
        return value
    if isinstance(input, Tensor) and isinstance(value, Tensor):
        value = cast(value, common_dtype((input, value)))
    value = value.item() if isinstance(value, np.generic) else value
    return value * factor if isinstance(value, numbers.Real) else arithmetic.multiply(value, factor)


@dividing
@elementwise
def _truncated(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    quotient = xp.floor_divide(xp.abs(input), xp.abs(other))
    return xp.where(xp.logical_xor(input < 0, other < 0), -quotient, quotient)


@elementwise
def _quotient_cut(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    return arithmetic.towards_zero(xp, input / other)  # one formula: its slope is 0 for every quotient


def div(input: Any, other: Any, *, rounding_mode: Optional[str] = None) -> Tensor:
    """input / other; `rounding_mode` "floor" rounds down and "trunc" toward zero, and integers then stay integers.

    >>> div(Tensor([-7]), 2, rounding_mode="trunc")
    tensor([-3.])
    """
    if rounding_mode is None:
        return arithmetic.divide(input, other)
    if rounding_mode == "floor":
        return arithmetic.floor_divide(input, other)
    if rounding_mode != "trunc":
        raise ValueError(f'div: rounding_mode must be None, "floor" or "trunc"; got {rounding_mode!r}')
    values = [as_operand(value, common_backend("div", (input, other)), "div") for value in (input, other)]
    return _quotient_cut(*values) if kind_of(common_dtype(values)) == 2 else _truncated(*values)


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round to `decimals` digits after the point (negative: before it); halves round to even.

    >>> round(Tensor([1.25, 3.14159]), decimals=2)
    tensor([1.25, 3.14])
    """
    if decimals == 0 or kind_of(input.dtype) < 2:
        return arithmetic.round(input)
    if abs(decimals) > 308:
        raise ValueError(f"round: `decimals` must be from -308 to 308; got {decimals}")
    scale = 10.0 ** abs(decimals)
    return arithmetic.round(input * scale) / scale if decimals > 0 else arithmetic.round(input / scale) * scale
