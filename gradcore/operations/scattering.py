"""Writing and adding to elements given by index tensors: the inverse of `gather` and `index_select`.

The functions return new tensors; their in-place forms end with an underscore.  If an index repeats, `scatter` keeps
one of the values and the others accumulate.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence

from ..backends.formulas.dtypes import kind_of
from ..core.broadcasting import cast
from ..core.dimensions import accepts_numpy_names, one_dim
from ..core.tensor import Tensor, as_tensor, common_backend
from .conversion import clone
from .indexing import (Index, PutInto, along, check_positions, from_the_front, getitem, nonzero, takes_numbers,
                       values_on_host)
from .inplace import write
from .shaping import expand, reshape


def placed(name: str, x: Tensor, dim: int, index: Any, values: Any) -> tuple[tuple[Any, ...], Tensor]:
    """The checked index into `x`, and the values for it, cropped to the shape of the index."""
    common_backend(name, (x, index, values))
    dim = one_dim(dim, x.ndim)
    given, index = index, as_tensor(index, device=x.device)
    if not isinstance(values, Tensor):
        values = as_tensor(values, dtype=x.dtype, device=x.device)
    if values.ndim == 0:
        values = values.expand(index.shape)
    if kind_of(index.dtype) != 1:
        raise TypeError(f"{name}: the index must hold integers; got {index.dtype}")
    if values.dtype != x.dtype:
        raise TypeError(f"{name}: the values must have the dtype of the tensor, {x.dtype}; got {values.dtype}")
    fits = index.ndim == x.ndim == values.ndim and all(
        n <= values.shape[i] and (i == dim or n <= x.shape[i]) for i, n in enumerate(index.shape))
    if not fits:
        raise ValueError(f"{name}: an index of shape {index.shape} must be no larger than the values in any dimension, "
                         f"and than the tensor in all but dimension {dim}; got values {values.shape} and a tensor "
                         f"{x.shape}")
    covered = getitem(values, tuple(slice(n) for n in index.shape))
    return along(_positions(name, given, index, x.shape[dim], dim), dim), covered


def _positions(name: str, given: Any, index: Tensor, length: int, dim: int) -> Tensor:
    """The index, checked if its values can be read without waiting."""
    check_positions(name, values_on_host(given, index), length, dim)
    return from_the_front(index, length)


@accepts_numpy_names
@takes_numbers
def scatter(input: Tensor, dim: int, index: Any, src: Any = None, *, value: Any = None,
            reduce: Optional[str] = None) -> Tensor:
    """`input` with the values `src` (a tensor) or `value` (a number) written where `index` points along `dim`.

    With reduce="add" they are added; see `scatter_reduce` for other reductions.

    >>> scatter(Tensor([0, 0, 0]), 0, [2, 0], Tensor([5, 6]))
    tensor([6., 0., 5.])
    """
    if (src is None) == (value is None):
        raise TypeError(f"scatter: pass either `src` or `value`; got {src!r:.60} and {value!r:.60}")
    if reduce not in (None, "add"):
        raise ValueError(f'scatter: `reduce` must be None or "add", for others there is scatter_reduce; got {reduce!r}')
    places, values = placed("scatter", input, dim, index, value if src is None else src)
    if reduce is not None:
        return _sum(input, places, values)
    return write(clone(input), places, values, "scatter")


@accepts_numpy_names
@takes_numbers
def scatter_add(input: Tensor, dim: int, index: Any, src: Any) -> Tensor:
    """`input` with the values `src` added where `index` points along `dim`; repeated indices accumulate.

    >>> scatter_add(Tensor([0, 0, 0]), 0, [2, 2], Tensor([5, 6]))
    tensor([ 0.,  0., 11.])
    """
    places, values = placed("scatter_add", input, dim, index, src)
    return _sum(input, places, values)


@accepts_numpy_names
@takes_numbers
def index_add(input: Tensor, dim: int, index: Any, source: Tensor, *, alpha: float = 1) -> Tensor:
    """`input` with `alpha` times the slices of `source` added at the positions `index` along `dim`.

    >>> index_add(Tensor([1, 1, 1]), 0, [0, 2], Tensor([5, 6]))
    tensor([6., 1., 7.])
    """
    common_backend("index_add", (input, index, source))
    dim = one_dim(dim, input.ndim)
    given, index = index, as_tensor(index, device=input.device)
    expected = (*input.shape[:dim], *index.shape, *input.shape[dim + 1:])
    if index.ndim != 1 or kind_of(index.dtype) != 1 or source.shape != expected:
        raise ValueError(f"index_add needs a vector of integers and slices of shape {expected} for them; got "
                         f"{index.dtype} of shape {index.shape} and {source.shape}")
    source = cast(source, input.dtype)
    places = (slice(None),) * dim + (_positions("index_add", given, index, input.shape[dim], dim),)
    return _sum(input, places, source if alpha == 1 else cast(source * alpha, input.dtype))


def _sum(x: Tensor, places: tuple[Any, ...], values: Tensor) -> Tensor:
    return x + PutInto.apply(values, index=Index(places, x), shape=x.shape)


def _slices(name: str, input: Tensor, dim: int, index: Any) -> tuple[Any, ...]:
    """An index of the slices along `dim` at given positions."""
    dim = one_dim(dim, input.ndim)
    given, index = index, as_tensor(index, device=input.device)
    if index.ndim > 1 or kind_of(index.dtype) != 1:
        raise ValueError(f"{name} needs a vector of integers; got {index.dtype} of shape {index.shape}")
    return (slice(None),) * dim + (_positions(name, given, index, input.shape[dim], dim),)


@accepts_numpy_names
@takes_numbers
def index_fill(input: Tensor, dim: int, index: Any, value: Any) -> Tensor:
    """`input` with the slices at the positions `index` along `dim` filled with a number.

    >>> index_fill(Tensor([1, 1, 1]), 0, [0, 2], 5)
    tensor([5., 1., 5.])
    """
    return write(clone(input), _slices("index_fill", input, dim, index), value, "index_fill")


@accepts_numpy_names
@takes_numbers
def index_copy(input: Tensor, dim: int, index: Any, source: Tensor) -> Tensor:
    """`input` with the slices of `source` at the positions `index` along `dim`.

    >>> index_copy(Tensor([0.0, 0.0, 0.0]), 0, as_tensor([2, 0]), Tensor([5.0, 6.0]))
    tensor([6., 0., 5.])
    """
    return write(clone(input), _slices("index_copy", input, dim, index), source, "index_copy")


def index_put(input: Tensor, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
    """`input` with `values` written, or with `accumulate` added, at an index given by one tensor for each dimension.

    >>> index_put(Tensor([1.0, 2.0, 3.0]), [as_tensor([0, 2])], Tensor([5.0, 6.0]))
    tensor([5., 2., 6.])
    >>> index_put(Tensor([1.0, 2.0, 3.0]), [as_tensor([0, 0])], Tensor([5.0, 6.0]), accumulate=True)
    tensor([12.,  2.,  3.])
    """
    places = tuple(indices)
    if not accumulate:
        return write(clone(input), places, values, "index_put")
    target = getitem(input, places)
    values = values if isinstance(values, Tensor) else as_tensor(values, dtype=input.dtype, device=input.device)
    return _sum(input, places, expand(cast(values, input.dtype), target.shape))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the elements of `source`, in order, where the mask is True.

    >>> x = Tensor([1.0, -2.0, -3.0])
    >>> masked_scatter(x, x < 0, Tensor([5.0, 6.0, 7.0]))
    tensor([1., 5., 6.])
    """
    common_backend("masked_scatter", (input, mask, source))
    if not input.ndim:
        return reshape(masked_scatter(reshape(input, 1), mask, source), ())
    places = nonzero(expand(mask, input.shape), as_tuple=True)
    count = len(places[0])
    if source.numel() < count:
        raise ValueError(f"masked_scatter: the mask is true {count} times, and there are {source.numel()} elements")
    return write(clone(input), places, reshape(source, -1)[:count], "masked_scatter")
