"""Splitting and combining tensors under PyTorch's rarer names, by `split`, `cat` and `stack`.

>>> column_stack([Tensor([1, 2]), Tensor([3, 4])])
tensor([[1., 3.],
        [2., 4.]])
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Sequence, Union

import numpy as np

from ..core.dimensions import common_shape, one_dim, unpacked
from ..core.tensor import DeviceLike, Tensor
from .conversion import clone
from .creation import arange, zeros
from .indexing import getitem, nonzero
from .rearranging import hstack, meshgrid, movedim
from .selection import where
from .shaping import broadcast_to, cat, flip, permute, reshape, stack, transpose, unsqueeze
from .triangles import diagonal as _diagonal


# -- taken apart ----------------------------------------------------------------------------------------------
def tensor_split(input: Tensor, indices_or_sections: Union[int, Sequence[int]], dim: int = 0) -> tuple[Tensor, ...]:
    """Split into a number of parts of nearly equal length, or at given positions.

    >>> [len(part) for part in tensor_split(Tensor([1, 2, 3, 4, 5]), 2)]
    [3, 2]
    """
    dim = one_dim(dim, input.ndim)
    n, cuts = input.shape[dim], indices_or_sections
    if not isinstance(cuts, Sequence):
        if not 1 <= cuts < 2 ** 31:
            raise ValueError(f"tensor_split makes at least one part, and less than 2^31; got {cuts}")
        cuts = [i * (n // cuts) + min(i, n % cuts) for i in range(1, cuts)]
    ends = [slice(cut).indices(n)[1] for cut in cuts]
    pairs = zip([0, *ends], [*ends, n])
    return tuple([getitem(input, (slice(None),) * dim + (slice(start, max(start, end)),)) for start, end in pairs])


def hsplit(input: Tensor, indices_or_sections: Union[int, Sequence[int]]) -> tuple[Tensor, ...]:
    """Parts of one length, or between these positions, along the second dimension, or the first of vectors.

    >>> [part.tolist() for part in hsplit(Tensor([[1.0, 2.0], [3.0, 4.0]]), 2)]
    [[[1.0], [3.0]], [[2.0], [4.0]]]
    """
    return _split_evenly("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


def vsplit(input: Tensor, indices_or_sections: Union[int, Sequence[int]]) -> tuple[Tensor, ...]:
    """Parts of one length, or between these positions, along the first dimension.

    >>> [part.tolist() for part in vsplit(Tensor([[1.0, 2.0], [3.0, 4.0]]), 2)]
    [[[1.0, 2.0]], [[3.0, 4.0]]]
    """
    return _split_evenly("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Tensor, indices_or_sections: Union[int, Sequence[int]]) -> tuple[Tensor, ...]:
    """Parts of one length, or between these positions, along the third dimension.

    >>> [part.shape for part in dsplit(zeros(1, 2, 4), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return _split_evenly("dsplit", input, indices_or_sections, 2, 3)


def _split_evenly(name: str, input: Tensor, cuts: Union[int, Sequence[int]], dim: int,
                  least: int) -> tuple[Tensor, ...]:
    """`tensor_split` along `dim` for tensors of at least `least` dimensions; a number must divide the length."""
    if input.ndim < least:
        raise ValueError(f"{name} takes a tensor of at least {least} dimension(s); got shape {input.shape}")
    if not isinstance(cuts, Sequence) and (cuts < 1 or input.shape[dim] % cuts):
        raise ValueError(f"{name}: the length {input.shape[dim]} of dimension {dim} does not divide into {cuts} parts; "
                         f"tensor_split makes parts of several lengths")
    return tensor_split(input, cuts, dim)


def _at_least_1(x: Tensor) -> Tensor:
    return x if x.ndim else reshape(x, 1)


def _at_least_2(x: Tensor) -> Tensor:
    return x if x.ndim > 1 else unsqueeze(_at_least_1(x), 0)


def _at_least_3(x: Tensor) -> Tensor:
    return x if x.ndim > 2 else unsqueeze(_at_least_2(x), -1)


def _each(change: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Union[Tensor, tuple[Tensor, ...]]:
    """A function applied to one tensor, or to each of several."""
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple([change(one) for one in given]) if isinstance(given, (tuple, list)) else change(given)


# -- put together ---------------------------------------------------------------------------------------------
def atleast_1d(*tensors: Tensor) -> Union[Tensor, tuple[Tensor, ...]]:
    """Numbers become vectors of one element; others are unchanged.

    >>> atleast_1d(Tensor(5.0))
    tensor([5.])
    """
    return _each(_at_least_1, tensors)


def atleast_2d(*tensors: Tensor) -> Union[Tensor, tuple[Tensor, ...]]:
    """Numbers and vectors become matrices of one row.

    >>> atleast_2d(Tensor([1.0, 2.0]))
    tensor([[1., 2.]])
    """
    return _each(_at_least_2, tensors)


def atleast_3d(*tensors: Tensor) -> Union[Tensor, tuple[Tensor, ...]]:
    """Matrices get a third dimension of length one at the end.

    >>> atleast_3d(Tensor([[1.0, 2.0]])).shape
    (1, 2, 1)
    """
    return _each(_at_least_3, tensors)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Concatenate along the second dimension; vectors become columns.

    >>> column_stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])])
    tensor([[1., 3.],
            [2., 4.]])
    """
    return hstack([one if one.ndim > 1 else reshape(one, -1, 1) for one in tensors])


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Concatenate along the third dimension.

    >>> dstack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])])
    tensor([[[1., 3.],
             [2., 4.]]])
    """
    return cat([_at_least_3(one) for one in tensors], 2)


def block_diag(*tensors: Tensor) -> Tensor:
    """A block diagonal matrix.

    >>> block_diag(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]))
    tensor([[1., 2., 0.],
            [0., 0., 3.],
            [0., 0., 4.]])
    """
    blocks = [_at_least_2(one) for one in tensors]
    width, rows, before = sum(block.shape[1] for block in blocks), [], 0
    for block in blocks:
        height, own = block.shape
        beside = [zeros(height, n, dtype=block.dtype, device=block.device) for n in (before, width - before - own)]
        rows.append(cat([beside[0], block, beside[1]], 1))
        before += own
    return cat(rows, 0)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples with one element of each vector, as rows.

    >>> cartesian_prod(Tensor([1.0, 2.0]), Tensor([5.0, 6.0]))
    tensor([[1., 5.],
            [1., 6.],
            [2., 5.],
            [2., 6.]])
    """
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(grid, -1) for grid in meshgrid(*tensors, indexing="ij")], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of `r` elements of a vector, as rows.

    >>> combinations(Tensor([1.0, 2.0, 3.0])).tolist()
    [[1.0, 2.0], [1.0, 3.0], [2.0, 3.0]]
    """
    if input.ndim != 1 or not 0 <= r < 2 ** 20:
        raise ValueError(f"combinations are of at least 0 elements of a vector, and less than 2^20; got r={r} "
                         f"and shape {input.shape}")
    if r == 0:  # PyTorch's; the one choice of nothing would have the shape (1, 0)
        return zeros(0, dtype=input.dtype, device=input.device)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = [*choose(range(len(input)), r)]
    rows = np.array(chosen, np.int64).reshape(len(chosen), r)
    return reshape(getitem(input, Tensor(rows.ravel(), device=input.device)), *rows.shape)


# -- reshaped ---------------------------------------------------------------------------------------------------
def ravel(input: Tensor) -> Tensor:
    """Flatten to a vector.

    >>> ravel(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 2., 3., 4.])
    """
    return reshape(input, -1)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` in the shape of `other`.

    >>> reshape_as(Tensor([1.0, 2.0]), Tensor([[0.0], [0.0]]))
    tensor([[1.],
            [2.]])
    """
    return reshape(input, other.shape)


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several, one of which may be -1.

    >>> unflatten(Tensor([1, 2, 3, 4]), 0, (2, -1)).shape
    (2, 2)
    """
    dim = one_dim(dim, input.ndim)
    return reshape(input, *input.shape[:dim], *reshape(arange(input.shape[dim]), *sizes).shape, *input.shape[dim + 1:])


def fliplr(input: Tensor) -> Tensor:
    """Reverse the second dimension.

    >>> fliplr(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 1.],
            [4., 3.]])
    """
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """Reverse the first dimension.

    >>> flipud(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    if not input.ndim:
        raise ValueError("flipud takes a tensor of at least one dimension; got a number")
    return flip(input, 0)


def rot90(input: Tensor, k: int = 1, dims: tuple[int, int] = (0, 1)) -> Tensor:
    """Rotate by k quarter turns, from the first of two dimensions toward the second.

    >>> rot90(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [1., 3.]])
    """
    first, second = (one_dim(dim, input.ndim) for dim in dims)
    if first == second:
        raise ValueError(f"rot90 turns in the plane of two different dimensions; got {tuple(dims)}")
    k %= 4
    if k == 2:
        return flip(input, (first, second))
    return clone(input) if k == 0 else transpose(flip(input, second if k == 1 else first), first, second)


def argwhere(input: Tensor) -> Tensor:
    """The indices of nonzero elements, as rows.

    >>> argwhere(Tensor([[0.0, 5.0], [6.0, 0.0]]))
    tensor([[0, 1],
            [1, 0]])
    """
    return nonzero(input)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Broadcast tensors to a common shape.

    >>> [x.shape for x in broadcast_tensors(Tensor([[1.0], [2.0]]), Tensor([1.0, 2.0, 3.0]))]
    [(2, 3), (2, 3)]
    """
    shape = broadcast_shapes(*[one.shape for one in tensors])
    return tuple([broadcast_to(one, shape) for one in tensors])


def broadcast_shapes(*shapes: Union[int, Sequence[int]]) -> tuple[int, ...]:
    """The common shape to which shapes broadcast.

    >>> broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    return common_shape("broadcast_shapes", [unpacked((shape,)) for shape in shapes])


# -- diagonals ------------------------------------------------------------------------------------------------
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with a vector as its diagonal, or the diagonal of a matrix.

    >>> diag(Tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    >>> diag(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    if input.ndim not in (1, 2):
        raise ValueError(f"diag takes a vector or a matrix; got shape {input.shape}")
    return diag_embed(input, diagonal) if input.ndim == 1 else _diagonal(input, diagonal)


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with all elements as its diagonal.

    >>> diagflat(Tensor([[1, 2]]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return diag_embed(reshape(input, -1), offset)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices in the dimensions `dim1` and `dim2`, with the last dimension as their diagonal and zeros elsewhere.

    >>> diag_embed(Tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [0.0, 4.0]]]
    """
    if not input.ndim:
        raise ValueError(f"diag_embed needs a tensor with dimensions; got shape {input.shape}")
    n = input.shape[-1]
    size = n + abs(offset)
    rows = arange(size, device=input.device)
    is_inside = reshape(rows, -1, 1) + offset == rows
    before = zeros(*input.shape[:-1], abs(offset), dtype=input.dtype, device=input.device)
    along_columns = cat([before, input], -1) if offset >= 0 else cat([input, before], -1)
    matrix = where(is_inside, unsqueeze(along_columns, -2), zeros((), dtype=input.dtype, device=input.device))
    return movedim(matrix, (-2, -1), (dim1, dim2))


def _triangle(row: int, col: int, is_inside: Any, device: Any) -> Tensor:
    rows, columns = reshape(arange(row, device=device), -1, 1), arange(col, device=device)
    return permute(nonzero(is_inside(rows, columns)), 1, 0)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """The row and column indices of the elements on and below a diagonal, as two rows.

    >>> tril_indices(2, 3)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle(row, col, lambda i, j: j - i <= offset, device).to(dtype=dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """The row and column indices of the elements on and above a diagonal, as two rows.

    >>> triu_indices(2, 3)
    tensor([[0, 0, 0, 1, 1],
            [0, 1, 2, 1, 2]])
    """
    return _triangle(row, col, lambda i, j: j - i >= offset, device).to(dtype=dtype)

