"""Elementary functions and windows under PyTorch's rarer names.

>>> fmax(Tensor([1.0, float("nan")]), Tensor([2.0, 3.0]))
tensor([2., 3.])
"""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import numpy as np

from ..backends import Expression, FormulaNamespace
from ..backends.formulas.dtypes import FLOAT16, FLOAT64
from ..core.broadcasting import cast
from ..core.dimensions import accepts_numpy_names, one_dim, shape_of
from ..core.elementwise import elementwise
from ..core.tensor import DeviceLike, Tensor, as_operand, as_tensor, common_backend, tensor
from . import arithmetic
from .creation import linspace
from .indexing import getitem
from .norms import norm
from .rearranging import movedim, narrow, running
from .selection import where
from .shaping import reshape
from .sorting import searchsorted, sort

_SQRT_2 = math.sqrt(2.0)


@elementwise
def fmax(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """The maximum of two numbers; of NaN and a number, the number.

    >>> fmax(Tensor([1.0, float("nan")]), 2.0)
    tensor([2., 2.])
    """
    return xp.where(xp.isnan(input), other, xp.where(xp.isnan(other), input, xp.maximum(input, other)))


@fmax.derivative
def _(xp: FormulaNamespace, input: Expression, other: Expression) -> tuple[Expression, ...]:
    is_first = xp.logical_or(input >= other, xp.isnan(other))  # of two equal numbers, as in PyTorch
    return xp.where(is_first, 1.0, 0.0), xp.where(is_first, 0.0, 1.0)


@elementwise
def fmin(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """The minimum of two numbers; of NaN and a number, the number.

    >>> fmin(Tensor([1.0, float("nan")]), 2.0)
    tensor([1., 2.])
    """
    return xp.where(xp.isnan(input), other, xp.where(xp.isnan(other), input, xp.minimum(input, other)))


@fmin.derivative
def _(xp: FormulaNamespace, input: Expression, other: Expression) -> tuple[Expression, ...]:
    is_first = xp.logical_or(input <= other, xp.isnan(other))
    return xp.where(is_first, 1.0, 0.0), xp.where(is_first, 0.0, 1.0)


@elementwise
def erfc(xp: FormulaNamespace, input: Expression) -> Expression:
    """1 - erf(x), without cancellation.

    >>> erfc(Tensor([0.0, 5.0]))
    tensor([1.0000e+00, 1.5375e-12])
    """
    return 2.0 * xp.normcdf(-_SQRT_2 * input)


@elementwise
def logaddexp2(xp: FormulaNamespace, input: Expression, other: Expression) -> Expression:
    """log2(2^x + 2^y), without overflow.

    >>> logaddexp2(Tensor([0.0, 1000.0]), Tensor([0.0, 1000.0]))
    tensor([1.000e+00, 1.001e+03])
    """
    return xp.logaddexp(input * math.log(2), other * math.log(2)) / math.log(2)


def ldexp(input: Any, other: Any) -> Tensor:
    """x · 2^y.

    >>> ldexp(Tensor([3.0, 0.5]), Tensor([2.0, -1.0]))
    tensor([12.  ,  0.25])
    """
    product = arithmetic.multiply(input, arithmetic.exp2(other))
    has_half = isinstance(input, Tensor) and input.dtype == FLOAT16 and getattr(other, "dtype", FLOAT16).kind in "iub"
    return cast(product, FLOAT16) if has_half else product


@elementwise
def isposinf(xp: FormulaNamespace, input: Expression) -> Expression:
    """Whether an element is +infinity.

    >>> isposinf(Tensor([1.0, float("inf"), -float("inf")]))
    tensor([False,  True, False])
    """
    return input == xp.inf


@elementwise
def isneginf(xp: FormulaNamespace, input: Expression) -> Expression:
    """Whether an element is -infinity.

    >>> isneginf(Tensor([1.0, float("inf"), -float("inf")]))
    tensor([False, False,  True])
    """
    return input == -xp.inf


def positive(input: Tensor) -> Tensor:
    """The tensor itself.

    >>> positive(Tensor([-1.0, 2.0]))
    tensor([-1.,  2.])
    """
    return input


def float_power(input: Any, exponent: Any) -> Tensor:
    """x^y in float64.

    >>> float_power(Tensor([3], dtype=int), 2)
    tensor([9.], dtype=float64)
    """
    backend = common_backend("float_power", (input, exponent))
    base, power = [as_operand(value, backend, "float_power") for value in (input, exponent)]
    base = cast(base if isinstance(base, Tensor) else as_tensor(base, device=backend.device), FLOAT64)
    return arithmetic.power(base, cast(power, FLOAT64) if isinstance(power, Tensor) else power)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference of two tensors, which broadcast.

    >>> dist(Tensor([1.0, 2.0]), Tensor([4.0, 6.0]))
    tensor(5.)
    """
    return norm(input - other, p)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Scale slices along `dim` whose p-norm exceeds `maxnorm` down to it.

    >>> renorm(Tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6, 0.8],
            [0.3, 0.4]])
    """
    if not (p > 0 and maxnorm >= 0) or input.ndim < 2:
        raise ValueError(f"renorm: `p` must be above 0 and `maxnorm` at least 0, for a tensor of 2 dimensions at "
                         f"least; got {p}, {maxnorm} and shape {input.shape}")
    kept = one_dim(dim, input.ndim)
    lengths = norm(input, p, [d for d in range(input.ndim) if d != kept], keepdim=True)
    return input * where(lengths > maxnorm, maxnorm / (lengths + 1e-7), 1.0)


@accepts_numpy_names
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """The logarithm of the cumulative sum of exponentials along `dim`.

    >>> logcumsumexp(Tensor([0.0, 0.0]), 0)
    tensor([0.    , 0.6931])
    """
    dim = one_dim(dim, input.ndim or 1)
    x = running(input, dim, arithmetic.logaddexp)
    return x if x is not input else input.clone()


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` elements along a dimension, at every `step`-th position, as a new last dimension.

    >>> unfold(Tensor([1, 2, 3, 4]), 0, 2, 1).tolist()
    [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    """
    if not input.ndim:  # a vector of one element, whose window is the result
        one_dim(dimension, 1)
        return reshape(unfold(reshape(input, 1), 0, size, step), size)
    dim = one_dim(dimension, input.ndim)
    n = input.shape[dim]
    if not 0 <= size <= n or step < 1:
        raise ValueError(f"unfold: `size` must be from 0 to {n}, the length of dimension {dim}, and `step` at least 1; "
                         f"got {size} and {step}")
    places = np.arange(0, n - size + 1, step)[:, None] + np.arange(size)
    taken = getitem(input, (slice(None),) * dim + (as_tensor(places, device=input.device),))
    return movedim(taken, dim + 1, -1)


def msort(input: Tensor) -> Tensor:
    """Sort along the first dimension.

    >>> msort(Tensor([[3.0, 1.0], [2.0, 5.0]]))
    tensor([[2., 1.],
            [3., 5.]])
    """
    return sort(input, 0).values


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """For each element, the index of the first boundary that is not below it, or, with `right`, above it.

    >>> bucketize(Tensor([1, 4, 9]), Tensor([2, 4, 6]))
    tensor([0, 1, 3])
    """
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element is in `test_elements`; with `invert`, whether it is not.

    >>> isin(Tensor([1, 2, 3]), Tensor([3, 1]))
    tensor([ True, False,  True])
    """
    device = common_backend("isin", (elements, test_elements)).device
    x, others = [as_tensor(value, device=device) for value in (elements, test_elements)]
    others = sort(reshape(others, -1), 0).values
    if not others.numel():
        return (x != x) != invert
    places = searchsorted(others, x).clamp(max=others.numel() - 1)
    return (getitem(others, places) == x) != invert


def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None, device: DeviceLike = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` powers of `base` with evenly spaced exponents.

    >>> logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    powers = float(base) ** linspace(start, end, steps, dtype=FLOAT64, device=device)
    made = powers.to(dtype="float32" if dtype is None else dtype)
    return made.requires_grad_(requires_grad)


def scalar_tensor(s: float, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A number as a zero-dimensional tensor, by default float32.

    >>> scalar_tensor(2)
    tensor(2.)
    """
    return tensor(s, "float32" if dtype is None else dtype, device, requires_grad)


@accepts_numpy_names
def trapezoid(y: Tensor, x: Optional[Tensor] = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """The integral by the trapezoidal rule, with spacing `dx` or at the points `x`.

    >>> trapezoid(Tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    dim = one_dim(dim, y.ndim)
    n = y.shape[dim]
    if not n:
        return (y / 2).sum(dim)
    sums = narrow(y, dim, 1, n - 1) + narrow(y, dim, 0, n - 1)
    if x is None:
        return (sums * dx).sum(dim) / 2
    if x.ndim == 1:
        x = reshape(x, -1, *(1,) * (y.ndim - dim - 1))
    along = x.ndim - (y.ndim - dim)
    steps = narrow(x, along, 1, n - 1) - narrow(x, along, 0, n - 1)
    return (sums * steps).sum(dim) / 2


def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """The Hann window sin²(π n / N); if `periodic`, one period without its last point.

    >>> hann_window(4)
    tensor([0. , 0.5, 1. , 0.5])
    """
    return _window("hann_window", window_length, periodic, (0.5, 0.5), dtype, device)


def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
                   dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """The Hamming window alpha - beta cos(2π n / N); if `periodic`, one period without its last point.

    >>> hamming_window(4)
    tensor([0.08, 0.54, 1.  , 0.54])
    """
    return _window("hamming_window", window_length, periodic, (alpha, beta), dtype, device)


def _window(name: str, length: int, periodic: bool, parts: Sequence[float], dtype: Any, device: DeviceLike) -> Tensor:
    if length < 0:
        raise ValueError(f"{name}: `window_length` must be at least 0; got {length}")
    (length,) = shape_of((length,))
    places = np.arange(length) / max(1, length if periodic else length - 1)
    values = parts[0] - parts[1] * np.cos(2 * np.pi * places) if length != 1 else np.ones(1)
    return tensor(values, "float32" if dtype is None else dtype, device)
