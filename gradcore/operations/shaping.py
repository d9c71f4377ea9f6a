"""Operations that change the shape: reshape, permute, concatenate, split."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence, Union

from ..backends import Array, Backend
from ..core.broadcasting import broadcast_to as _broadcast_to
from ..core.broadcasting import of_one_dtype
from ..core.dimensions import Dims, accepts_numpy_names, many_dims, one_dim, shape_of, unpacked
from ..core.operation import Operation
from ..core.tensor import Tensor
from .conversion import clone


class Reshape(Operation):
    """The same elements in the same order in another shape; a view if possible."""

    makes_new_arrays = False

    def forward(self, backend: Backend, x: Array) -> Array:
        array = backend.xp.reshape(x, self.shape)
        self.returns_view: bool = backend.shares_memory(array, x)
        return array

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [Reshape.apply(gradient, shape=self.input_shapes[0])]


class Permute(Operation):
    """Permute the dimensions."""

    returns_view, makes_new_arrays = True, False

    def forward(self, backend: Backend, x: Array) -> Array:
        return backend.xp.permute_dims(x, self.dims)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        inverse = sorted(range(len(self.dims)), key=self.dims.__getitem__)
        return [Permute.apply(gradient, dims=tuple(inverse))]


class Flip(Operation):
    """A copy with elements reversed along some dimensions."""

    def forward(self, backend: Backend, x: Array) -> Array:
        return backend.copy(backend.xp.flip(x, axis=self.dims))

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [Flip.apply(gradient, dims=self.dims)]


class Concatenate(Operation):
    """Concatenate tensors along a dimension."""

    makes_new_arrays = False

    def forward(self, backend: Backend, *arrays: Array) -> Array:
        return backend.xp.concat(arrays, axis=self.dim)

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        parts = split(gradient, [shape[self.dim] for shape in self.input_shapes], self.dim)
        return [None if parent is None else part for parent, part in zip(self.parents, parts)]


class Stack(Operation):
    """Tensors along a new dimension."""

    makes_new_arrays = False

    def forward(self, backend: Backend, *arrays: Array) -> Array:
        return backend.xp.stack(arrays, axis=self.dim)

    def backward(self, gradient: Tensor) -> Sequence[Optional[Tensor]]:
        return unbind(gradient, self.dim)


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """`x` in another shape; one size may be -1 and is inferred.

    The result shares the memory of `x` if possible.

    >>> reshape(Tensor([1, 2, 3, 4]), 2, -1).shape
    (2, 2)
    """
    shape = unpacked(shape)
    if shape == x.shape:
        return _alias(x)
    known = math.prod(size for size in shape if size != -1)
    if shape.count(-1) > 1 or min(shape, default=0) < -1 or (
            (known == 0 or x.size % known) if -1 in shape else known != x.size):
        raise ValueError(f"a tensor of shape {x.shape} has {x.size} element(s), which do not fit into shape {shape}")
    return Reshape.apply(x, shape=tuple(x.size // known if size == -1 else size for size in shape))


def _alias(x: Tensor) -> Tensor:
    """Another tensor on the same memory, with hooks and a retained gradient of its own."""
    return Reshape.apply(x, shape=x.shape)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Flatten the dimensions from `start_dim` to `end_dim`, inclusive, into one.

    >>> flatten(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 2., 3., 4.])
    """
    if not x.ndim:
        return reshape(x, 1)
    start, end = one_dim(start_dim, x.ndim), one_dim(end_dim, x.ndim)
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(x, *x.shape[:start], math.prod(x.shape[start:end + 1]), *x.shape[end + 1:])


@accepts_numpy_names
def squeeze(x: Tensor, dim: Dims = None) -> Tensor:
    """Remove dimensions of length one, or those of them in `dim`.

    >>> squeeze(Tensor([[[1.0, 2.0]]])).shape
    (2,)
    """
    dims = many_dims(dim, x.ndim)
    return reshape(x, *[n for i, n in enumerate(x.shape) if n != 1 or i not in dims])


@accepts_numpy_names
def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """Insert a dimension of length one at position `dim`.

    >>> unsqueeze(Tensor([1.0, 2.0]), 0).shape
    (1, 2)
    """
    dim = one_dim(dim, x.ndim + 1)
    return Reshape.apply(x, shape=(*x.shape[:dim], 1, *x.shape[dim:]))


def permute(x: Tensor, *dims: Any) -> Tensor:
    """Permute the dimensions; a view.

    >>> permute(Tensor([[[1.0, 2.0, 3.0]]]), 2, 0, 1).shape
    (3, 1, 1)
    """
    dims = unpacked(dims)
    order = many_dims(dims, x.ndim)
    if len(dims) != x.ndim:
        raise ValueError(f"permute needs each of the {x.ndim} dimension(s) once; got {dims}")
    return Permute.apply(x, dims=order)


def transpose(x: Tensor, *dims: Any) -> Tensor:
    """`transpose(x, dim0, dim1)` exchanges two dimensions; without dims all are reversed; a view.

    >>> transpose(Tensor([[1.0, 2.0, 3.0]]), 0, 1).shape
    (3, 1)
    """
    dims = unpacked(dims)
    order = list(range(x.ndim))
    if not dims:
        order.reverse()
    elif len(dims) == 2:
        first, second = (one_dim(dim, x.ndim or 1) for dim in dims)  # a number may stand for a vector, as in PyTorch
        if order:
            order[first], order[second] = second, first
    else:
        raise TypeError(f"transpose swaps two dimensions, got {len(dims)}; permute puts all into another order")
    return Permute.apply(x, dims=tuple(order))


@accepts_numpy_names
def flip(x: Tensor, dim: Dims = None, *more: int) -> Tensor:
    """A copy with elements reversed along `dim` (None: all dimensions).

    >>> flip(Tensor([1.0, 2.0, 3.0]), 0)
    tensor([3., 2., 1.])
    """
    dims: Any = (dim, *more) if more else dim
    return Flip.apply(x, dims=many_dims(dims, x.ndim))


def expand(x: Tensor, *shape: Any) -> Tensor:
    """Expand dimensions of length one without a copy; -1 keeps a size, and new dimensions are added in front.

    >>> expand(Tensor([[1], [2]]), -1, 3).shape
    (2, 3)
    """
    shape = unpacked(shape)
    added = len(shape) - x.ndim
    full = tuple(x.shape[i - added] if n == -1 and i >= added else n for i, n in enumerate(shape))
    if added < 0 or any(n < 0 for n in full) or any(old not in (1, new) for old, new in zip(x.shape, full[added:])):
        raise ValueError(f"a tensor of shape {x.shape} cannot be expanded to {shape}: only dimensions of length one "
                         f"are repeated, and new ones come in front")
    return _alias(x) if full == x.shape else _broadcast_to(x, shape_of(full))


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """`x` broadcast to `shape`, without a copy.

    >>> broadcast_to(Tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return expand(x, tuple(shape))


def repeat(x: Tensor, *times: Any) -> Tensor:
    """A copy that repeats the tensor along each dimension (NumPy's tile).

    >>> repeat(Tensor([1, 2]), 2)
    tensor([1., 2., 1., 2.])
    """
    times = unpacked(times)
    if len(times) < x.ndim:
        raise ValueError(f"repeat needs a number for each of the {x.ndim} dimensions; got {times}")
    shape = (1,) * (len(times) - x.ndim) + x.shape
    paired = reshape(x, *[size for n in shape for size in (1, n)])
    shape_of(tuple(k * n for k, n in zip(times, shape)))
    repeated = clone(expand(paired, *[size for k, n in zip(times, shape) for size in (k, n)]))
    return reshape(repeated, *[k * n for k, n in zip(times, shape)])


@accepts_numpy_names
def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Concatenate tensors along `dim`; their other dimensions must agree.

    >>> cat([Tensor([1, 2]), Tensor([3])])
    tensor([1., 2., 3.])
    """
    parts = _parts(tensors, "cat")
    dim = one_dim(dim, parts[0].ndim)
    expected = parts[0].shape[:dim] + parts[0].shape[dim + 1:]
    for part in parts:
        if part.ndim != parts[0].ndim or part.shape[:dim] + part.shape[dim + 1:] != expected:
            raise ValueError(f"cat along dimension {dim} needs shapes that agree in all others; got "
                             f"{', '.join(str(p.shape) for p in parts)}")
    return Concatenate.apply(*parts, dim=dim)


concatenate = concat = cat


@accepts_numpy_names
def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Stack tensors of one shape along a new dimension `dim`.

    >>> stack([Tensor([1, 2]), Tensor([3, 4])], dim=1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    parts = _parts(tensors, "stack")
    if any([part.shape != parts[0].shape for part in parts]):
        raise ValueError(f"stack needs tensors of one shape; got {', '.join(str(p.shape) for p in parts)}")
    return Stack.apply(*parts, dim=one_dim(dim, parts[0].ndim + 1))


def _parts(tensors: Sequence[Any], name: str) -> list[Tensor]:
    if not len(tensors):
        raise ValueError(f"{name} needs at least one tensor")
    return of_one_dtype(tensors, name)


@accepts_numpy_names
def split(x: Tensor, size: Union[int, Sequence[int]], dim: int = 0) -> tuple[Tensor, ...]:
    """Split along `dim` into parts of `size` elements (the last may be smaller), or of the sizes listed; views.

    >>> [part.tolist() for part in split(Tensor([1.0, 2.0, 3.0]), 2)]
    [[1.0, 2.0], [3.0]]
    """
    dim = one_dim(dim, x.ndim)
    length = x.shape[dim]
    if not isinstance(size, Sequence):
        if size < 1:
            raise ValueError(f"split needs pieces of at least one element; got {size}")
        lengths = [min(size, length - start) for start in range(0, length, size)] or [0]
    else:
        lengths = list(size)
    if any(n < 0 for n in lengths):
        raise ValueError(f"split: the pieces must have lengths of at least 0; got {lengths}")
    if sum(lengths) != length:
        raise ValueError(f"split: the pieces {lengths} add up to {sum(lengths)}, not to the length {length} of "
                         f"dimension {dim}")
    pieces, start = [], 0
    for n in lengths:
        pieces.append(x[(slice(None),) * dim + (slice(start, start + n),)])
        start += n
    return tuple(pieces)


@accepts_numpy_names
def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Split along `dim` into at most `chunks` parts of equal length (the last may be smaller); views.

    >>> [part.tolist() for part in chunk(Tensor([1.0, 2.0, 3.0]), 2)]
    [[1.0, 2.0], [3.0]]
    """
    if chunks < 1:
        raise ValueError(f"chunk needs at least one piece; got {chunks}")
    length = x.shape[one_dim(dim, x.ndim)]
    return split(x, math.ceil(length / chunks) if length else [0] * chunks, dim)


@accepts_numpy_names
def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along `dim`, without that dimension; views.

    >>> [row.tolist() for row in unbind(Tensor([[1.0, 2.0], [3.0, 4.0]]))]
    [[1.0, 2.0], [3.0, 4.0]]
    """
    dim = one_dim(dim, x.ndim)
    return tuple([x[(slice(None),) * dim + (i,)] for i in range(x.shape[dim])])


def matrix_transpose(x: Tensor) -> Tensor:
    """The last two dimensions swapped; a view."""
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose takes matrices, tensors of at least two dimensions; got shape {x.shape}")
    return transpose(x, -2, -1)
