"""Searching, sorting, sets, and indexing functions."""

from __future__ import annotations

from typing import NamedTuple, Optional, Union

from ..core.dimensions import one_dim
from ..core.tensor import Number, Tensor
from ..operations import extrema, indexing, rearranging, selection, sorting
from .elementwise import of_one_rank
from .statistics import along_axis


def argmax(x: Tensor, /, *, axis: Optional[int] = None, keepdims: bool = False) -> Tensor:
    """The index (int64) of the first maximum."""
    return extrema.argmax(x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: Optional[int] = None, keepdims: bool = False) -> Tensor:
    """The index (int64) of the first minimum."""
    return extrema.argmin(x, axis, keepdims)


def count_nonzero(x: Tensor, /, *, axis: Union[None, int, tuple[int, ...]] = None, keepdims: bool = False) -> Tensor:
    """The number of nonzero elements (int64)."""
    return along_axis(extrema.count_nonzero, x, axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The indices of nonzero elements, one vector for each dimension."""
    if not x.ndim:
        raise ValueError("nonzero: a tensor must have dimensions; got a number")
    return indexing.nonzero(x, as_tuple=True)


def searchsorted(x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Optional[Tensor] = None) -> Tensor:
    """The indices (int64) at which values `x2` would be inserted in the vector `x1`, sorted by `sorter` if given."""
    return sorting.searchsorted(x1 if sorter is None else indexing.take(x1, sorter, 0), x2, side=side)


def where(condition: Tensor, x1: Union[Tensor, Number], x2: Union[Tensor, Number], /) -> Tensor:
    """`x1` where the condition is True, else `x2`."""
    ours, theirs = of_one_rank(x1, x2)
    return selection.where(condition, ours, theirs)


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices (int64) that sort the tensor along `axis`; a stable sort."""
    return sorting.argsort(x, axis, descending, stable)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Sort along `axis`."""
    return sorting.sort(x, axis, descending, stable).values


class UniqueAll(NamedTuple):
    """The result of `unique_all`."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The result of `unique_counts`."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The result of `unique_inverse`."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """The distinct elements in sorted order, with first indices, inverse indices and counts."""
    return UniqueAll(*sorting.unique(x, return_index=True, return_inverse=True, return_counts=True))


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The distinct elements in sorted order, with counts."""
    return UniqueCounts(*sorting.unique(x, return_counts=True))


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The distinct elements in sorted order, with inverse indices."""
    return UniqueInverse(*sorting.unique(x, return_inverse=True))


def unique_values(x: Tensor, /) -> Tensor:
    """The distinct elements in sorted order; each NaN is distinct.

    >>> unique_values(Tensor([3, 1, 3]))
    tensor([1., 3.])
    """
    values = sorting.unique(x)
    assert isinstance(values, Tensor)
    return values


def take(x: Tensor, indices: Tensor, /, *, axis: Optional[int] = None) -> Tensor:
    """The slices at `indices` along `axis`, which is optional for vectors only."""
    if axis is None and x.ndim != 1:
        raise ValueError(f"take needs an axis for a tensor of {x.ndim} dimensions")
    return indexing.take(x, indices, axis or 0)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """The elements at `indices` along `axis`; negative indices count from the end, other dimensions broadcast."""
    axis = one_dim(axis, x.ndim)
    x, indices = rearranging.aligned(x, indices, axis)
    return indexing.getitem(x, indexing.along(indices, axis))
