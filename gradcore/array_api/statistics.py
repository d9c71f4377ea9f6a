"""Statistics, and reductions of booleans, of whole tensors or along dimensions.

Functions that return values with indices in PyTorch return values only; sums and products of unsigned integers stay
unsigned.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

from ..core.dimensions import one_dim
from ..core.tensor import Tensor
from ..dtypes import uint64
from ..operations import creation, extrema, products, reduction, shaping

Axis = Union[None, int, tuple[int, ...]]


def _adding(x: Tensor, dtype: Any) -> Any:
    """The dtype of sums and products: the requested one, uint64 for unsigned integers, or None for the default."""
    return uint64 if dtype is None and x.dtype.kind == "u" else dtype


def along_axis(reduce: Callable[..., Tensor], x: Tensor, axis: Axis, keepdims: bool, **options: Any) -> Tensor:
    """A reduction along `axis`; an empty `axis` reduces nothing, while in PyTorch it means all."""
    if isinstance(axis, tuple) and not axis:
        x, axis, keepdims = shaping.unsqueeze(x, -1), -1, False
    return reduce(x, axis, keepdim=keepdims, **options)


def sum(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum; integers sum to int64 or uint64."""
    return along_axis(reduction.sum, x, axis, keepdims, dtype=_adding(x, dtype))


def prod(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product; integers multiply to int64 or uint64."""
    return along_axis(reduction.prod, x, axis, keepdims, dtype=_adding(x, dtype))


def max(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The maximum; equal maxima share the gradient.

    >>> max(Tensor([[1, 5], [7, 3]]), axis=0)
    tensor([7., 5.])
    """
    return along_axis(extrema.amax, x, axis, keepdims)


def min(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The minimum; equal minima share the gradient."""
    return along_axis(extrema.amin, x, axis, keepdims)


def mean(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean."""
    return along_axis(reduction.mean, x, axis, keepdims)


def var(x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance sum((x - mean)²) / (n - correction)."""
    return along_axis(reduction.var, x, axis, keepdims, correction=correction)


def std(x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The standard deviation, the square root of `var`."""
    return along_axis(reduction.std, x, axis, keepdims, correction=correction)


def cumulative_sum(x: Tensor, /, *, axis: Optional[int] = None, dtype: Any = None,
                   include_initial: bool = False) -> Tensor:
    """The cumulative sum along `axis`; with ``include_initial=True`` it begins with 0.

    >>> cumulative_sum(Tensor([1, 2, 3]), include_initial=True)
    tensor([0., 1., 3., 6.])
    """
    axis = _only_axis(x, axis, "cumulative_sum")
    sums = reduction.cumsum(x, axis, dtype=_adding(x, dtype))
    return _behind(sums, axis, creation.zeros) if include_initial else sums


def cumulative_prod(x: Tensor, /, *, axis: Optional[int] = None, dtype: Any = None,
                    include_initial: bool = False) -> Tensor:
    """The cumulative product along `axis`; with ``include_initial=True`` it begins with 1."""
    axis = _only_axis(x, axis, "cumulative_prod")
    accumulated = products.cumprod(x, axis, dtype=_adding(x, dtype))
    return _behind(accumulated, axis, creation.ones) if include_initial else accumulated


def _only_axis(x: Tensor, axis: Optional[int], name: str) -> int:
    if axis is None and x.ndim != 1:
        raise ValueError(f"{name} needs an axis for a tensor of {x.ndim} dimensions")
    return 0 if axis is None else one_dim(axis, x.ndim)


def _behind(x: Tensor, axis: int, first: Any) -> Tensor:
    shape = x.shape[:axis] + (1,) + x.shape[axis + 1:]
    return shaping.cat([first(shape, dtype=x.dtype, device=x.device), x], axis)


def all(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are nonzero."""
    return extrema.all(x, axis, keepdims)


def any(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any element is nonzero."""
    return extrema.any(x, axis, keepdims)


def diff(x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Optional[Tensor] = None,
         append: Optional[Tensor] = None) -> Tensor:
    """The `n`-th difference along `axis`."""
    return products.diff(x, n, axis, prepend, append)
