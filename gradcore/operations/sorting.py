"""Sorting, order statistics and counts.

Indices have no gradient; the gradient of values goes to the elements that were selected.  NaN is larger than all other
numbers.
"""

from __future__ import annotations

import math
from typing import Any, Optional, Union, overload

import numpy as np

from ..backends import Array, Backend
from ..backends.formulas.dtypes import BOOL, FLOAT32, FLOAT64, INT64, kind_of, result_type
from ..core.broadcasting import cast
from ..core.dimensions import accepts_numpy_names, one_dim
from ..core.operation import Operation
from ..core.tensor import Tensor, as_tensor, common_backend
from . import arithmetic
from .conversion import clone
from .creation import arange, ones, zeros
from .indexing import along, getitem
from .rearranging import movedim, narrow
from .extrema import ValuesAndIndices, amax
from .reduction import cumsum, sum
from .scattering import index_add
from .selection import where
from .shaping import cat, flip, reshape, squeeze, unsqueeze

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _with_dimensions(x: Tensor) -> Tensor:
    return x if x.ndim else reshape(x, 1)


def _at(x: Tensor, dim: int, positions: Tensor) -> Tensor:
    return getitem(x, along(positions, dim))


@accepts_numpy_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices (int64) that sort the tensor along `dim`; always a stable sort.

    >>> argsort(Tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    x, backend = input.detach(), input._backend
    dim = one_dim(dim, x.ndim or 1)
    if not x.ndim:
        return zeros((), dtype=INT64, device=x.device)
    x = cast(x, INT64) if x.dtype == BOOL else x
    if descending:  # reversed twice, so that equal elements keep their order
        x = flip(x, dim)
    order = Tensor._wrap(backend.astype(backend.argsort(x._array, dim), INT64), backend)
    return flip(x.shape[dim] - 1 - order, dim) if descending else order


@accepts_numpy_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> ValuesAndIndices:
    """Sort along `dim`: a pair of `values` and `indices`.

    >>> sort(Tensor([3, 1, 2]), descending=True).values
    tensor([3., 2., 1.])
    """
    order = argsort(input, dim, descending, stable)
    return ValuesAndIndices(_at(input, one_dim(dim, input.ndim), order) if input.ndim else clone(input), order)


@accepts_numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """The `k` largest (or smallest) elements along `dim`, always sorted, with their indices.

    >>> topk(Tensor([3, 1, 2]), 2).values
    tensor([3., 2.])
    """
    x = _with_dimensions(input)
    dim = one_dim(dim, x.ndim)
    if not 0 <= k <= x.shape[dim]:
        raise ValueError(f"topk: k must be from 0 to {x.shape[dim]}, the length of dimension {dim}; got {k}")
    order = clone(narrow(argsort(x, dim, descending=largest), dim, 0, k))
    values = _at(x, dim, order)
    return ValuesAndIndices(values, order) if input.ndim or k == 0 else _without_dim(values, order, 0, False)


@accepts_numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """The `k`-th smallest element along `dim`, counted from 1, and its index.

    >>> kthvalue(Tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    x = _with_dimensions(input)
    dim = one_dim(dim, x.ndim)
    if not 1 <= k <= x.shape[dim]:
        raise ValueError(f"kthvalue: k must be from 1 to {x.shape[dim]}, the length of dimension {dim}; got {k}")
    position = clone(narrow(argsort(x, dim), dim, k - 1, 1))
    return _without_dim(_at(x, dim, position), position, dim, keepdim and input.ndim > 0)


def _without_dim(values: Tensor, indices: Tensor, dim: int, keepdim: bool) -> ValuesAndIndices:
    return ValuesAndIndices(*((values, indices) if keepdim else (squeeze(values, dim), squeeze(indices, dim))))


@overload
def median(input: Tensor, dim: None = None, keepdim: bool = False) -> Tensor: ...
@overload
def median(input: Tensor, dim: int, keepdim: bool = False) -> ValuesAndIndices: ...
@accepts_numpy_names
def median(input: Tensor, dim: Optional[int] = None, keepdim: bool = False) -> Union[Tensor, ValuesAndIndices]:
    """The median, of two middle elements the lower one, as in PyTorch; NaN propagates, and is that of no floats.

    Along `dim`, a pair of `values` and `indices`.

    >>> median(Tensor([4, 1, 2, 3]))
    tensor(2.)
    """
    if dim is None:
        x = reshape(input, -1)
        if not x.size and kind_of(x.dtype) == 2:
            return sum(x) * math.nan
        return _Shared.apply(x, median(x.detach(), 0).values)
    x = _with_dimensions(input)
    dim = one_dim(dim, x.ndim)
    if not x.shape[dim]:
        raise ValueError(f"median of no elements: the tensor has shape {x.shape}")
    order = argsort(x, dim)
    position, last = narrow(order, dim, (x.shape[dim] - 1) // 2, 1), narrow(order, dim, x.shape[dim] - 1, 1)
    position = where(arithmetic.isnan(_at(x.detach(), dim, last)), last, position)
    return _without_dim(_at(x, dim, position), position, dim, keepdim and input.ndim > 0)


class _Shared(Operation):
    """A value that is among the elements of x, with a gradient that all which are equal to it share, as in PyTorch."""

    saves = (0, 1)

    def forward(self, backend: Backend, x: Array, value: Array) -> Array:
        return backend.copy(value)

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        x, value = self.saved(0).detach(), self.saved(1).detach()
        is_equal = cast((x == value) | (arithmetic.isnan(x) & arithmetic.isnan(value)), gradient.dtype)
        return [gradient * (is_equal / is_equal.sum()), None]


@accepts_numpy_names
def quantile(input: Tensor, q: Any, dim: Optional[int] = None, keepdim: bool = False, *,
             interpolation: str = "linear") -> Tensor:
    """The quantiles `q`, a number or a vector of numbers in [0, 1].

    A vector `q` gives a new first dimension.  `interpolation` between two elements is "linear", "lower", "higher",
    "midpoint" or "nearest".  NaN propagates.

    >>> quantile(Tensor([1, 2, 3, 4]), 0.5)
    tensor(2.5)
    """
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(f"quantile: interpolation must be one of {', '.join(_INTERPOLATIONS)}; got {interpolation!r}")
    if kind_of(input.dtype) < 2:
        raise TypeError(f"quantile takes a tensor of floats; got {input.dtype}")
    common_backend("quantile", (input, q))
    q = as_tensor(q, dtype=FLOAT64, device=input.device)
    if q.ndim > 1 or input._backend.is_synchronous and not bool(((q >= 0) & (q <= 1)).all()):
        raise ValueError(f"quantile: q must be a number or a vector of numbers from 0 to 1; got {q.tolist()!r:.80}")
    x = _with_dimensions(input if dim is not None else reshape(input, -1))
    axis = 0 if dim is None else one_dim(dim, x.ndim)
    if not x.shape[axis]:
        raise ValueError(f"quantile of no elements: the tensor has shape {input.shape}")
    result = _quantiles(movedim(x, axis, -1), reshape(q, -1), interpolation)
    if keepdim:
        result = unsqueeze(result, axis + 1) if dim is not None else reshape(result, -1, *(1,) * input.ndim)
    if not input.ndim and result.ndim > 1:
        result = squeeze(result, 1)
    return result if q.ndim else squeeze(result, 0)


def _quantiles(x: Tensor, q: Tensor, interpolation: str) -> Tensor:
    """The quantiles along the last dimension, as a new first one."""
    ordered = sort(x, -1).values
    rank = q * (x.shape[-1] - 1)
    if interpolation == "nearest":
        rank = arithmetic.round(rank)
    low, high = arithmetic.floor(rank), arithmetic.ceil(rank)
    weight = {"linear": rank - low, "midpoint": (high - low) / 2, "higher": high - low}.get(interpolation, low * 0)
    below, above = [getitem(ordered, (..., cast(bound, INT64))) for bound in (low, high)]
    weight = cast(weight, x.dtype)
    between = where(weight == 0, below, where(weight == 1, above, below + weight * (above - below)))
    last = narrow(ordered, -1, x.shape[-1] - 1, 1)
    return movedim(where(arithmetic.isnan(last.detach()), last, between), -1, 0)


def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: Optional[int] = None, *, return_index: bool = False) -> Union[Tensor, tuple[Tensor, ...]]:
    """The distinct elements in sorted order, or distinct slices along `dim`.

    Optionally also, in this order, the index of each first occurrence, the index of each element in the result, and
    the counts.

    >>> unique(Tensor([3, 1, 3]), return_counts=True)
    (tensor([1., 3.]), tensor([1, 2]))
    """
    return _runs(input, dim, True, return_index, return_inverse, return_counts)


def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False,
                       dim: Optional[int] = None) -> Union[Tensor, tuple[Tensor, ...]]:
    """The elements, or slices along `dim`, that differ from the previous one; see `unique`.

    >>> unique_consecutive(Tensor([1, 1, 2, 1]))
    tensor([1., 2., 1.])
    """
    return _runs(input, dim, False, False, return_inverse, return_counts)


def _runs(input: Tensor, dim: Optional[int], is_sorted: bool, return_index: bool, return_inverse: bool,
          return_counts: bool) -> Union[Tensor, tuple[Tensor, ...]]:
    """The first of each run of equal slices, which are sorted first if requested."""
    x = input.detach()
    slices = reshape(x, -1) if dim is None else movedim(x, one_dim(dim, x.ndim), 0)
    n = slices.shape[0]
    rows = reshape(slices, n, math.prod(slices.shape[1:]))
    order = arange(n, device=x.device)
    for column in range(rows.shape[1] - 1, -1, -1) if is_sorted else ():  # a radix sort
        order = getitem(order, argsort(getitem(rows, (order, column))))
    ordered = getitem(rows, order)
    begins = ones(n, dtype=BOOL, device=x.device)
    if n > 1:
        differs = (getitem(ordered, slice(1, None)) != getitem(ordered, slice(None, -1))).any(1)
        begins = cat([getitem(begins, slice(1)), differs])
    firsts = getitem(order, begins)
    found = getitem(slices, firsts)
    results = [found if dim is None else movedim(found, 0, one_dim(dim, x.ndim))]
    if return_index:
        results.append(firsts)
    inverse = cumsum(begins, 0) - 1
    if return_inverse:
        placed = index_add(zeros(n, dtype=INT64, device=x.device), 0, order, inverse)
        results.append(reshape(placed, input.shape) if dim is None else placed)
    if return_counts:
        results.append(bincount(inverse))
    return tuple(results) if len(results) > 1 else results[0]


def bincount(input: Tensor, weights: Optional[Tensor] = None, minlength: int = 0) -> Tensor:
    """The number of occurrences of each of 0, 1, ... in a vector of integers, or the sum of their weights.

    >>> bincount(Tensor([0, 2, 2], dtype=int))
    tensor([1, 0, 2])
    """
    if input.ndim != 1 or kind_of(input.dtype) != 1:
        raise ValueError(f"bincount takes a vector of integers; got {input.dtype} of shape {input.shape}")
    if weights is not None and weights.shape != input.shape:
        raise ValueError(f"bincount: weights must have the shape of the numbers, {input.shape}; got {weights.shape}")
    if minlength < 0:
        raise ValueError(f"bincount: minlength must be at least 0; got {minlength}")
    length = max(minlength, int(amax(input)) + 1 if input.size else 0)
    if input.size and int(amax(-cast(input, INT64))) > 0:
        raise ValueError("bincount needs numbers of at least 0; got a negative one")
    if weights is None:
        weights = ones(input.shape, dtype=INT64, device=input.device)
    elif weights.dtype != FLOAT32:  # as in PyTorch
        weights = cast(weights, FLOAT64)
    return index_add(zeros(length, dtype=weights.dtype, device=input.device), 0, input, weights)


def searchsorted(sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False,
                 side: Optional[str] = None, sorter: Optional[Tensor] = None) -> Tensor:
    """The indices (int64) at which values would be inserted in a sorted vector, or in each row of a tensor.

    Values go before equal elements, or after them with ``right=True`` or ``side="right"``.  `sorter`, a result of
    `argsort`, sorts the sequence first.  With `out_int32` the result is int32.

    >>> searchsorted(Tensor([1, 3, 5]), Tensor([3, 4]))
    tensor([1, 2])
    """
    if side not in (None, "left", "right") or (right and side == "left"):
        raise ValueError(f'searchsorted: side must be "left" or "right", and agree with right={right}; got {side!r}')
    common_backend("searchsorted", (sorted_sequence, input, sorter))
    if sorter is not None:
        sorted_sequence = _at(sorted_sequence, -1 % max(sorted_sequence.ndim, 1), sorter)
    if out_int32:
        return cast(searchsorted(sorted_sequence, input, right=right, side=side), np.dtype("int32"))
    values = as_tensor(input, device=sorted_sequence.device)
    if not sorted_sequence.ndim or (sorted_sequence.ndim > 1 and values.shape[:-1] != sorted_sequence.shape[:-1]):
        raise ValueError(f"searchsorted: the sorted tensor must be a vector, or have the shape of the values but for "
                         f"the last dimension; got {sorted_sequence.shape} and {values.shape}")
    if sorted_sequence.ndim == 1:
        return _searched(sorted_sequence, values, "right" if right or side == "right" else "left")
    compare = arithmetic.less_equal if right or side == "right" else arithmetic.less
    return sum(compare(unsqueeze(sorted_sequence.detach(), -2), unsqueeze(values.detach(), -1)), -1)


def _searched(ordered: Tensor, values: Tensor, side: str) -> Tensor:
    backend = ordered._backend
    dtype = result_type((ordered._array, values._array))
    arrays = [cast(x.detach(), INT64 if dtype == BOOL else dtype)._array for x in (ordered, values)]
    found = backend.xp.searchsorted(*arrays, side=side)
    return Tensor._wrap(backend.astype(backend.asarray(found), INT64), backend)
