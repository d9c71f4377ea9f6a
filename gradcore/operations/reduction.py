"""Reductions: sums, means, extrema and the like, over all dimensions or some.

Every reduction takes `dim` (one dimension, several, or None or an empty tuple for all) and `keepdim`; NumPy's names
`axis` and `keepdims` mean the same.  float32 stays float32.
"""

from __future__ import annotations

import builtins
import functools
import math
from typing import Any, Callable, NamedTuple, Optional, Union


from . import arithmetic
from ..backends import Kernel, backend_of
from ..backends.formulas.dtypes import BOOL, DEFAULT_FLOAT, FLOAT16, FLOAT32, FLOAT64, INT64, accumulator, kind_of
from ..core.broadcasting import add_up, broadcast_to, cast
from ..core.dimensions import Dims, accepts_numpy_names, many_dims, one_dim, reduced_dims
from .conversion import clone
from .indexing import along, getitem
from ..core.operation import Operation
from ..core.rowwise import rowwise
from .selection import where
from .shaping import cat, flip, reshape
from ..core.tensor import Tensor


_DIVIDE = Kernel.of_primitive("divide")


class ValuesAndIndices(NamedTuple):
    """What `max` and `min` along a dimension return."""

    values: Tensor
    indices: Tensor


def _kept(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced dimensions as ones."""
    return tuple([1 if i in dims else n for i, n in enumerate(shape)])


def _axis(dims: tuple[int, ...], ndim: int) -> Optional[tuple[int, ...]]:
    """`dims` as array libraries take them."""
    return None if len(dims) == ndim else dims


def _without(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([n for i, n in enumerate(shape) if i not in dims])


class Sum(Operation):
    """The sum over some dimensions."""

    makes_new_arrays = False

    def forward(self, backend, x):
        return add_up(backend, x, _axis(self.dims, x.ndim), self.keepdim)

    def backward(self, gradient):
        shape = self.input_shapes[0]
        return [broadcast_to(reshape(gradient, _kept(shape, self.dims)), shape)]


class Mean(Operation):
    """The mean over some dimensions; float16 is added up in float32."""

    makes_new_arrays = False

    def forward(self, backend, x):
        if not x.size:
            shape = _kept(x.shape, self.dims) if self.keepdim else _without(x.shape, self.dims)
            return backend.full(shape, math.nan, x.dtype)
        total = backend.sum(backend.astype(x, accumulator(x.dtype)), _axis(self.dims, x.ndim), self.keepdim)
        (mean,) = backend.elementwise(_DIVIDE, (total, math.prod(x.shape[dim] for dim in self.dims)))
        return backend.astype(mean, x.dtype)

    def backward(self, gradient):
        shape = self.input_shapes[0]
        count = math.prod(shape[dim] for dim in self.dims)
        return [broadcast_to(reshape(gradient, _kept(shape, self.dims)) / builtins.max(count, 1), shape)]


class Extremum(Operation):
    """The largest or the smallest element over some dimensions; equal ones share the gradient."""

    saves = (0,)

    def forward(self, backend, x):
        return getattr(backend.xp, self.which)(x, axis=_axis(self.dims, x.ndim), keepdims=self.keepdim)

    def backward(self, gradient):
        x = self.saved(0)
        top = Extremum.apply(x.detach(), dims=self.dims, keepdim=True, which=self.which)
        shares = cast(x.detach() == top, x.dtype)
        shares = shares / sum(shares, self.dims, keepdim=True)
        return [reshape(gradient, top.shape) * shares]


class CumulativeSum(Operation):
    """Sums of all elements up to each along a dimension."""

    def forward(self, backend, x):
        # One by one, unlike sums: in float64, whose error is far below the last digit of float32 then.
        dtype = FLOAT64 if x.dtype.kind == "f" else INT64
        return backend.astype(backend.xp.cumsum(x, axis=self.dim, dtype=dtype), x.dtype if dtype == FLOAT64 else INT64)

    def backward(self, gradient):
        return [flip(cumsum(flip(gradient, self.dim), self.dim), self.dim)]


def _floating(x: Tensor) -> Tensor:
    return x if kind_of(x.dtype) == 2 else cast(x, DEFAULT_FLOAT)


def _int64_of_integers(x: Tensor) -> Tensor:
    return x if kind_of(x.dtype) == 2 else cast(x, INT64)


def _in_float32(function: Callable) -> Callable:
    """Compute `function` of a float16 tensor in float32: its squares are soon infinite."""

    @functools.wraps(function)
    def widening(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.dtype == FLOAT16:
            return cast(function(cast(x, FLOAT32), *args, **kwargs), FLOAT16)
        return function(x, *args, **kwargs)

    return widening


@accepts_numpy_names
def sum(x: Tensor, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The sum; integers and booleans add up to int64, or in `dtype`.

    >>> sum(Tensor([[1, 2], [3, 4]]), dim=0)
    tensor([4., 6.])
    """
    if dtype is not None:
        return cast(sum(cast(x, dtype), dim, keepdim), dtype)
    return Sum.apply(x, dims=reduced_dims(dim, x.ndim), keepdim=keepdim)


@accepts_numpy_names
def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean, of elements in `dtype` where one is named; integers count as float32; NaN where there is no element."""
    x = _floating(x) if dtype is None else cast(x, dtype)
    return Mean.apply(x, dims=reduced_dims(dim, x.ndim), keepdim=keepdim)


@accepts_numpy_names
@_in_float32
def var(x: Tensor, dim: Dims = None, correction: int = 1, keepdim: bool = False, unbiased: bool = True) -> Tensor:
    """The variance sum((x - mean)²) / (n - correction); `correction` is 1 as in PyTorch, where NumPy has 0."""
    x = _floating(x)
    dims = reduced_dims(dim, x.ndim)
    if not unbiased:
        correction = 0
    count = math.prod(x.shape[d] for d in dims)
    return sum(arithmetic.square(x - mean(x, dims, keepdim=True)), dims, keepdim) / builtins.max(count - correction, 0)


@accepts_numpy_names
def std(x: Tensor, dim: Dims = None, correction: int = 1, keepdim: bool = False, unbiased: bool = True) -> Tensor:
    """The standard deviation, the root of `var`; its gradient is 0 where it is 0."""
    return _root(var(x, dim, correction, keepdim, unbiased))


def _root(x: Tensor, p: float = 2) -> Tensor:
    """x^(1/p) for x >= 0, with the gradient of x itself at 0, where a root is too steep to have one."""
    is_zero = x == 0
    positive = where(is_zero, 1.0, x)
    return where(is_zero, x, arithmetic.sqrt(positive) if p == 2 else positive ** (1 / p))


@accepts_numpy_names
def max(x: Tensor, dim: Any = None, keepdim: bool = False) -> Union[Tensor, ValuesAndIndices]:
    """The largest element; along one dimension a pair of `values` and `indices`.  NaN is larger than all.

    With a tensor in the place of `dim` it is `maximum` of the two, as in PyTorch.
    Equal largest elements share the gradient of the whole maximum; along a dimension the one at `indices` has it.

    >>> max(Tensor([[1, 5], [7, 3]]), dim=1).indices
    tensor([1, 0])
    """
    return _extremum(x, dim, keepdim, "max")


@accepts_numpy_names
def min(x: Tensor, dim: Any = None, keepdim: bool = False) -> Union[Tensor, ValuesAndIndices]:
    """The smallest element; along one dimension a pair of `values` and `indices`; of two tensors `minimum`: see `max`.
    """
    return _extremum(x, dim, keepdim, "min")


def _extremum(x: Tensor, dim: Any, keepdim: bool, which: str) -> Union[Tensor, ValuesAndIndices]:
    if isinstance(dim, Tensor) or backend_of(dim) is not None:
        if keepdim:
            raise TypeError(f"{which} of two tensors reduces no dimension; it takes no keepdim")
        return (arithmetic.maximum if which == "max" else arithmetic.minimum)(x, dim)
    if dim is None:
        return _shared_extremum(x, None, keepdim, which)
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"{which} along several dimensions has no indices; use a{which}(x, dim) for the values")
    if not x.ndim:
        many_dims(dim, 0)
        return ValuesAndIndices(_shared_extremum(x, None, keepdim, which), _position(x, None, False, "arg" + which))
    dim = one_dim(dim, x.ndim)
    indices = _position(x, dim, True, "arg" + which)
    values = getitem(x, along(indices, dim))
    if keepdim:
        return ValuesAndIndices(values, indices)
    shape = _without(x.shape, (dim,))
    return ValuesAndIndices(reshape(values, shape), reshape(indices, shape))


@accepts_numpy_names
def amax(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest elements over `dim`; equal ones share the gradient."""
    return _shared_extremum(x, dim, keepdim, "max")


@accepts_numpy_names
def amin(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest elements over `dim`; equal ones share the gradient."""
    return _shared_extremum(x, dim, keepdim, "min")


def _shared_extremum(x: Tensor, dim: Dims, keepdim: bool, which: str) -> Tensor:
    dims = reduced_dims(dim, x.ndim)
    _refuse_empty(x, dims, which)
    if x.dtype == BOOL:
        return (any if which == "max" else all)(x, dims, keepdim)
    return Extremum.apply(x, dims=dims, keepdim=keepdim, which=which)


def _refuse_empty(x: Tensor, dims: tuple[int, ...], which: str) -> None:
    if 0 in [x.shape[dim] for dim in dims]:
        raise ValueError(f"{which} of no elements: the tensor has shape {x.shape}")


@accepts_numpy_names
def argmax(x: Tensor, dim: Optional[int] = None, keepdim: bool = False) -> Tensor:
    """The position (int64) of the first largest element, in the flattened tensor or along `dim`."""
    return _position(x, dim, keepdim, "argmax")


@accepts_numpy_names
def argmin(x: Tensor, dim: Optional[int] = None, keepdim: bool = False) -> Tensor:
    """The position (int64) of the first smallest element, in the flattened tensor or along `dim`."""
    return _position(x, dim, keepdim, "argmin")


def _position(x: Tensor, dim: Optional[int], keepdim: bool, which: str) -> Tensor:
    if not x.ndim:
        many_dims(dim, 0)
        dim = None
    if dim is not None:
        dim = one_dim(dim, x.ndim)
    _refuse_empty(x, many_dims(dim, x.ndim), which)
    values = cast(x.detach(), INT64) if x.dtype == BOOL else x.detach()
    return _without_gradient(values, lambda backend, array: backend.astype(
        getattr(backend.xp, which)(array, axis=dim, keepdims=keepdim), INT64))


@accepts_numpy_names
def any(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether an element is true (not zero); an empty `dim` reduces nothing here, as in PyTorch and NumPy."""
    axis = _axis(many_dims(dim, x.ndim), x.ndim)
    return _without_gradient(x, lambda backend, array: backend.xp.any(array, axis=axis, keepdims=keepdim))


@accepts_numpy_names
def all(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not zero); an empty `dim` reduces nothing here, as in PyTorch and NumPy."""
    axis = _axis(many_dims(dim, x.ndim), x.ndim)
    return _without_gradient(x, lambda backend, array: backend.xp.all(array, axis=axis, keepdims=keepdim))


def _without_gradient(x: Tensor, function: Callable) -> Tensor:
    backend = x._backend
    return Tensor._wrap(backend.asarray(function(backend, x._array)), backend)


@accepts_numpy_names
def count_nonzero(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """How many elements are not zero (int64)."""
    return sum(x.detach() != 0, dim, keepdim)


@accepts_numpy_names
def cumsum(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Along `dim`, the sum of all elements up to each one; integers and booleans add up to int64, or in `dtype`."""
    if dtype is not None:
        return cast(cumsum(cast(x, dtype), dim), dtype)
    x = _int64_of_integers(x)
    if not x.ndim:
        many_dims(dim, 0)
        return clone(x)
    return CumulativeSum.apply(x, dim=one_dim(dim, x.ndim))


@accepts_numpy_names
def prod(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product; integers and booleans multiply to int64, or in `dtype`.

    Neighbours are multiplied until one is left, so that gradients are right where elements are 0 as well.
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
        x = clone(x)  # there is nothing to multiply, and the result has memory of its own all the same
    while x.shape[dim] > 1:
        n = x.shape[dim]
        pairs = part(0, n - n % 2, 2) * part(1, n, 2)
        x = cat([pairs, part(n - 1, n, 1)], dim) if n % 2 else pairs
    return x if keepdim else reshape(x, _without(x.shape, (dim,)))


@accepts_numpy_names
@_in_float32
def norm(x: Tensor, p: Union[float, str] = 2, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The vector norm (sum |x|^p)^(1/p); its gradient is 0 where it is 0.

    p = inf is the largest magnitude, -inf the smallest, and 0 how many elements are not zero; "fro" is 2, also of
    matrices.
    """
    if isinstance(p, str):
        if p != "fro":
            raise ValueError(f'norm needs a number p, or "fro"; got {p!r}')
        p = 2
    x = _floating(x)
    if p == 2:
        return _root(sum(arithmetic.square(x), dim, keepdim))
    if p == 0:
        return cast(count_nonzero(x, dim, keepdim), x.dtype)
    magnitude = arithmetic.abs(x)
    if p == math.inf:
        return amax(magnitude, dim, keepdim)
    if p == -math.inf:
        return amin(magnitude, dim, keepdim)
    if p == 1:
        return sum(magnitude, dim, keepdim)
    if p < 0:
        return sum(magnitude ** p, dim, keepdim) ** (1 / p)
    return _root(sum(_root(magnitude, 1 / p), dim, keepdim), p)


@rowwise
def log_sum_exp(xp, x):
    """log(sum(exp(x))): the kernel of `logsumexp`."""
    top = xp.stop_gradient(xp.max(x))
    top = xp.where(xp.isfinite(top), top, 0.0)
    return xp.log(xp.sum(xp.exp(x - top))) + top


@accepts_numpy_names
def logsumexp(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))), which neither overflows nor underflows."""
    x = _floating(x)
    dims = reduced_dims(dim, x.ndim)
    if 0 in [x.shape[d] for d in dims]:
        return arithmetic.log(sum(arithmetic.exp(x), dims, keepdim))
    return log_sum_exp(x, dim=dims, keepdim=keepdim)
