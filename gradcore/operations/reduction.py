"""Sums, means, products and variances, over all or some dimensions.

Every reduction takes `dim` (one dimension, several, or None or an empty tuple for all) and `keepdim`; NumPy's names
`axis` and `keepdims` are accepted.  float32 stays float32.
"""

from __future__ import annotations

import builtins
import functools
import math
from typing import Any, Callable


from . import arithmetic
from ..backends import Array, Backend, Expression, FormulaNamespace, Kernel
from ..backends.formulas.dtypes import DEFAULT_FLOAT, FLOAT16, FLOAT32, FLOAT64, INT64, accumulator, as_dtype, kind_of
from ..core.broadcasting import add_up, broadcast_to, cast
from ..core.dimensions import Dims, accepts_numpy_names, axis_of, kept_shape, many_dims, one_dim, reduced_dims, without
from .conversion import clone
from .indexing import getitem
from ..core.elementwise import elementwise
from ..core.operation import Operation
from .shaping import cat, flip, reshape
from ..core.tensor import Tensor


_DIVIDE = Kernel.of_primitive("divide")


class Sum(Operation):
    """The sum over some dimensions."""

    makes_new_arrays = False

    def forward(self, backend: Backend, x: Array) -> Array:
        return add_up(backend, x, axis_of(self.dims, x.ndim), self.keepdim)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [_spread(gradient, self.dims, self.input_shapes[0])]


class Mean(Operation):
    """The mean over some dimensions; float16 is accumulated in float32."""

    makes_new_arrays = False

    def forward(self, backend: Backend, x: Array) -> Array:
        if not x.size:
            shape = kept_shape(x.shape, self.dims) if self.keepdim else without(x.shape, self.dims)
            return backend.full(shape, math.nan, x.dtype)
        total = backend.sum(backend.astype(x, accumulator(x.dtype)), axis_of(self.dims, x.ndim), self.keepdim)
        (mean,) = backend.elementwise(_DIVIDE, (total, math.prod(x.shape[dim] for dim in self.dims)))
        return backend.astype(mean, x.dtype)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        shape = self.input_shapes[0]
        count = math.prod(shape[dim] for dim in self.dims)
        return [_spread(gradient / builtins.max(count, 1), self.dims, shape)]


def _spread(gradient: Tensor, dims: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    """The gradient of a reduction's result, with or without `dims`, broadcast to `shape`."""
    return broadcast_to(reshape(gradient, kept_shape(shape, dims)) if gradient.ndim else gradient, shape)


class CumulativeSum(Operation):
    """The cumulative sum along a dimension."""

    def forward(self, backend: Backend, x: Array) -> Array:
        # Sequential, unlike sums, so in float64, whose error is far below the precision of float32.
        dtype = FLOAT64 if x.dtype.kind == "f" else INT64
        return backend.astype(backend.xp.cumsum(x, axis=self.dim, dtype=dtype), x.dtype if dtype == FLOAT64 else INT64)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [flip(cumsum(flip(gradient, self.dim), self.dim), self.dim)]


def floating(x: Tensor) -> Tensor:
    return x if kind_of(x.dtype) == 2 else cast(x, DEFAULT_FLOAT)


def _int64_of_integers(x: Tensor) -> Tensor:
    return x if kind_of(x.dtype) == 2 else cast(x, INT64)


def in_float32(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compute `function` of a float16 tensor in float32, since squares overflow in float16."""

    @functools.wraps(function)
    def widening(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.dtype == FLOAT16:
            return cast(function(cast(x, FLOAT32), *args, **kwargs), FLOAT16)
        return function(x, *args, **kwargs)

    return widening


@accepts_numpy_names
def sum(x: Tensor, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The sum; integers and booleans sum to int64, or to `dtype`.

    >>> sum(Tensor([[1, 2], [3, 4]]), dim=0)
    tensor([4., 6.])
    """
    if dtype is not None:
        dtype = as_dtype(dtype)
        return cast(sum(cast(x, dtype), dim, keepdim), dtype)
    return Sum.apply(x, dims=reduced_dims(dim, x.ndim), keepdim=keepdim)


@accepts_numpy_names
def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean, with elements cast to `dtype` if given; integers give float32, and no elements give NaN.

    >>> mean(Tensor([[1.0, 2.0], [3.0, 6.0]]), dim=0)
    tensor([2., 4.])
    """
    if dtype is not None and kind_of(as_dtype(dtype)) < 2:
        raise TypeError(f"mean: means are floats; got dtype {as_dtype(dtype)}")
    x = floating(x) if dtype is None else cast(x, dtype)
    return Mean.apply(x, dims=reduced_dims(dim, x.ndim), keepdim=keepdim)


@accepts_numpy_names
@in_float32
def var(x: Tensor, dim: Dims = None, correction: int = 1, keepdim: bool = False, unbiased: bool = True) -> Tensor:
    """The variance sum((x - mean)²) / (n - correction); the default correction is 1, as in PyTorch (NumPy: 0).

    >>> var(Tensor([1.0, 2.0, 4.0]), correction=0)
    tensor(1.5556)
    """
    x = floating(x)
    dims = reduced_dims(dim, x.ndim)
    if not unbiased:
        correction = 0
    count = math.prod(x.shape[d] for d in dims)
    return sum(arithmetic.square(x - mean(x, dims, keepdim=True)), dims, keepdim) / builtins.max(count - correction, 0)


@accepts_numpy_names
def std(x: Tensor, dim: Dims = None, correction: int = 1, keepdim: bool = False, unbiased: bool = True) -> Tensor:
    """The standard deviation, the square root of `var`; its gradient is 0 where it is 0.

    >>> std(Tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    return root(var(x, dim, correction, keepdim, unbiased))


@elementwise
def _power_of_sum(xp: FormulaNamespace, x: Expression, power: float = 0.5) -> Expression:
    return xp.where(power == 0.5, xp.sqrt(x), x ** power)


@_power_of_sum.derivative
def _(xp: FormulaNamespace, x: Expression, output: Expression, power: float = 0.5) -> Expression:
    slope = xp.where(power == 0.5, 0.5 / output, power * x ** (power - 1.0))
    return xp.where(power < 1.0, xp.where(x == 0.0, 0.0, slope), slope)


def root(x: Tensor, p: float = 2) -> Tensor:
    """x^(1/p) for x >= 0; at 0, where the derivative is infinite for p > 1, the gradient is 0, as in PyTorch's norms.
    """
    return _power_of_sum(x, power=1 / p)


@accepts_numpy_names
def cumsum(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The cumulative sum along `dim`; integers and booleans sum to int64, or to `dtype`.

    >>> cumsum(Tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 3., 6.])
    """
    if dtype is not None:
        return cast(cumsum(cast(x, dtype), dim), dtype)
    x = _int64_of_integers(x)
    if not x.ndim:
        many_dims(dim, 0)
        return clone(x)
    return CumulativeSum.apply(x, dim=one_dim(dim, x.ndim))


@accepts_numpy_names
def prod(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product; integers and booleans multiply to int64, or to `dtype`.

    It multiplies neighbours until one is left, so gradients are correct where elements are 0.

    >>> prod(Tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """
    if dtype is not None:
        return cast(prod(cast(x, dtype), dim, keepdim), dtype)
    if isinstance(dim, (tuple, list)) and len(dim):
        for d in sorted(many_dims(dim, x.ndim), reverse=True):
            x = prod(x, d, keepdim)
        return x
    x = _int64_of_integers(x)
    if not x.ndim:
        many_dims(dim, 0)
        return clone(x)
    if dim is None or isinstance(dim, (tuple, list)):
        result = prod(reshape(x, -1), 0)
        return reshape(result, (1,) * x.ndim) if keepdim else result
    dim = one_dim(dim, x.ndim)

    def part(start: int, stop: int, step: int) -> Tensor:
        return getitem(x, (slice(None),) * dim + (slice(start, stop, step),))

    if not x.shape[dim]:
        x = sum(x, dim, keepdim=True) + 1
    elif x.shape[dim] == 1:
        x = clone(x)  # nothing to multiply, but the result must not share memory
    while x.shape[dim] > 1:
        n = x.shape[dim]
        pairs = part(0, n - n % 2, 2) * part(1, n, 2)
        x = cat([pairs, part(n - 1, n, 1)], dim) if n % 2 else pairs
    return x if keepdim else reshape(x, without(x.shape, (dim,)))
