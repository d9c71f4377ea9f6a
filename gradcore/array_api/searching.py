"""Searching, sorting, sets, and elements at positions."""

from __future__ import annotations

from typing import NamedTuple, Optional, Union

from ..core.dimensions import one_dim
from ..core.tensor import Number, Tensor
from ..operations import extrema, indexing, rearranging, selection, sorting
from .elementwise import of_one_rank
from .statistics import along_axis


def argmax(x: Tensor, /, *, axis: Optional[int] = None, keepdims: bool = False) -> Tensor:
    """The position (int64) of the first largest element."""
    return extrema.argmax(x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: Optional[int] = None, keepdims: bool = False) -> Tensor:
    """The position (int64) of the first smallest element."""
    return extrema.argmin(x, axis, keepdims)


def count_nonzero(x: Tensor, /, *, axis: Union[None, int, tuple[int, ...]] = None, keepdims: bool = False) -> Tensor:
    """How many elements are not zero (int64)."""
    return along_axis(extrema.count_nonzero, x, axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The places of the elements that are not zero, a vector of positions for each dimension."""
    if not x.ndim:
        raise ValueError("nonzero: a tensor must have dimensions; got a number")
    return indexing.nonzero(x, as_tuple=True)


def searchsorted(x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Optional[Tensor] = None) -> Tensor:
    """The positions (int64) where the values `x2` belong in the vector `x1`, which `sorter` sorts where it is given."""
    return sorting.searchsorted(x1 if sorter is None else indexing.take(x1, sorter, 0), x2, side=side)


def where(condition: Tensor, x1: Union[Tensor, Number], x2: Union[Tensor, Number], /) -> Tensor:
    """`x1` where the condition is true and `x2` elsewhere."""
    ours, theirs = of_one_rank(x1, x2)
    return selection.where(condition, ours, theirs)


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The positions (int64) that sort the tensor along `axis`; equal elements keep their order."""
    return sorting.argsort(x, axis, descending, stable)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements in order along `axis`."""
    return sorting.sort(x, axis, descending, stable).values


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """The different elements in order, where each occurs first, the place of each element among them, their counts."""
    return UniqueAll(*sorting.unique(x, return_index=True, return_inverse=True, return_counts=True))


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The different elements in order, and how often each occurs."""
    return UniqueCounts(*sorting.unique(x, return_counts=True))


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The different elements in order, and the place of each element among them."""
    return UniqueInverse(*sorting.unique(x, return_inverse=True))


def unique_values(x: Tensor, /) -> Tensor:
    """The different elements in order; each NaN is one of them.

    >>> unique_values(Tensor([3, 1, 3]))
    tensor([1., 3.])
    """
    values = sorting.unique(x)
    assert isinstance(values, Tensor)
    return values


def take(x: Tensor, indices: Tensor, /, *, axis: Optional[int] = None) -> Tensor:
    """The slices at the positions `indices` along `axis`, which only a vector can do without."""
    if axis is None and x.ndim != 1:
        raise ValueError(f"take needs an axis for a tensor of {x.ndim} dimensions")
    return indexing.take(x, indices, axis or 0)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Along `axis` the elements at `indices`, negative ones counted from the end; all other dimensions broadcast."""
    axis = one_dim(axis, x.ndim)
    x, indices = rearranging.aligned(x, indices, axis)
    return indexing.getitem(x, indexing.along(indices, axis))
