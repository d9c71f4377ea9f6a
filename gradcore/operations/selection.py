"""Selection: `where`, `clip`, and comparisons of whole tensors."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from ..backends import Expression, FormulaNamespace
from . import arithmetic
from ..backends.formulas.dtypes import BOOL, kind_of, result_type
from ..backends.formulas.quiet import quietly
from ..core.arguments import at_least_zero
from ..core.broadcasting import cast
from ..core.dimensions import common_shape
from ..core.elementwise import elementwise
from .indexing import nonzero
from .integers import fitting, kept, stored, truth
from ..core.tensor import Tensor, as_operand, as_tensor, common_backend


@fitting(truth, kept, kept)
@elementwise
def _where(xp: FormulaNamespace, condition: Expression, a: Expression, b: Expression) -> Expression:
    return xp.where(condition, a, b)


@elementwise
def _clip(xp: FormulaNamespace, x: Expression, low: Expression, high: Expression) -> Expression:
    return xp.clip(x, low, high)


@elementwise
def _clip_below(xp: FormulaNamespace, x: Expression, low: Expression) -> Expression:
    return xp.maximum(x, low)


@_clip_below.derivative
def _(xp: FormulaNamespace, x: Expression, low: Expression) -> tuple[Expression, ...]:
    return xp.where(x >= low, 1.0, 0.0), xp.where(x < low, 1.0, 0.0)


@elementwise
def _clip_above(xp: FormulaNamespace, x: Expression, high: Expression) -> Expression:
    return xp.minimum(x, high)


@_clip_above.derivative
def _(xp: FormulaNamespace, x: Expression, high: Expression) -> tuple[Expression, ...]:
    return xp.where(x <= high, 1.0, 0.0), xp.where(x > high, 1.0, 0.0)


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is True, else `other`; with the condition alone, `nonzero(as_tuple=True)`.

    >>> where(Tensor([1, -1]) > 0, 2.0, Tensor([5, 6]))
    tensor([2., 6.])
    """
    backend = common_backend("where", (condition, input, other))
    condition = as_operand(condition, backend, "where")
    condition = cast(condition if isinstance(condition, Tensor) else as_tensor(condition, device=backend.device), BOOL)
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where takes a condition alone, or a condition and two values")
    return _where(condition, input, other)


def clip(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`x` clamped to [min, max] (numbers or tensors, None for no bound); gradients pass at the bounds too.

    >>> clip(Tensor([-2.0, 0.5, 3.0]), max=1.0)
    tensor([-2. ,  0.5,  1. ])
    """
    if min is None and max is None:
        raise TypeError("clip needs min, max or both")
    if kind_of(x.dtype) < 2:  # between bounds of floats it is one of them
        bounds = [bound._array for bound in (min, max) if isinstance(bound, Tensor)]
        x = cast(x, dtype) if kind_of(dtype := result_type((x._array, *bounds))) == 2 else x
    if kind_of(x.dtype) == 2:
        if max is None:
            return _clip_below(x, min)
        return _clip_above(x, max) if min is None else _clip(x, min, max)
    x = x if min is None else arithmetic.maximum(x, min)
    return x if max is None else arithmetic.minimum(x, max)


clamp = clip


def masked_fill(x: Tensor, mask: Any, value: Any) -> Tensor:
    """`value` where the mask is True, else `x`.

    For integer and boolean `x`, `value` is truncated to its dtype, as in PyTorch.

    >>> masked_fill(Tensor([1, 2], dtype=int), Tensor([True, False], dtype=bool), 7.0)
    tensor([7, 2])
    """
    if kind_of(x.dtype) < 2:
        value = as_operand(value, x._backend, "masked_fill")
        if isinstance(value, Tensor):
            value = cast(value, x.dtype)
        else:
            value = stored(value, x.dtype)
    return where(mask, value, x)


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether |a - b| <= atol + rtol |b| for all elements.

    >>> allclose(Tensor([1.0]), Tensor([1.0 + 1e-6]))
    True
    """
    at_least_zero("allclose", rtol=rtol, atol=atol)
    a, b = _on_host("allclose", a, b)
    common_shape("allclose", (a.shape, b.shape))
    return quietly(np.allclose, a, b, float(rtol), float(atol), equal_nan)


def array_equal(a: Any, b: Any) -> bool:
    """Whether shapes and all elements are equal (PyTorch's torch.equal).

    >>> array_equal(Tensor([1.0, 2.0]), Tensor([1.0, 2.0]))
    True
    """
    ours, theirs = _on_host("array_equal", a, b)
    return np.array_equal(ours, theirs)


def _on_host(name: str, *values: Any) -> list[np.ndarray]:
    backend = common_backend(name, values)
    operands = [as_operand(value, backend, name) for value in values]
    return [value.numpy() if isinstance(value, Tensor) else np.asarray(float(value)) for value in operands]
