"""Triangles and diagonals of matrices, in the last two dimensions of a tensor.

>>> tril(Tensor([[1, 2], [3, 4]]))
tensor([[1., 0.],
        [3., 4.]])
"""

from __future__ import annotations

from ..core.dimensions import one_dim
from ..core.tensor import Tensor
from .creation import arange
from .indexing import getitem
from .rearranging import movedim
from .reduction import sum
from .selection import masked_fill


def _distance(x: Tensor, name: str) -> Tensor:
    """The distance of each element of a matrix to the right of the diagonal."""
    if x.ndim < 2:
        raise ValueError(f"{name} needs a tensor of two or more dimensions; got shape {x.shape}")
    rows, columns = (arange(n, device=x.device) for n in x.shape[-2:])
    return columns - rows.reshape(-1, 1)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle: the elements on and below diagonal `diagonal` (0: main, 1: above it), zeros elsewhere.

    >>> tril(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 0.],
            [3., 4.]])
    """
    return masked_fill(input, _distance(input, "tril") > diagonal, 0)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle: the elements on and above diagonal `diagonal` (0: main, 1: above it), zeros elsewhere.

    >>> triu(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 2.],
            [0., 4.]])
    """
    return masked_fill(input, _distance(input, "triu") < diagonal, 0)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of a diagonal of the dimensions `dim1` and `dim2`, as the last dimension.

    >>> diagonal(Tensor([[1, 2], [3, 4]]))
    tensor([1., 4.])
    """
    dim1, dim2 = one_dim(dim1, input.ndim), one_dim(dim2, input.ndim)
    if dim1 == dim2:
        raise ValueError(f"diagonal needs two different dimensions; got {dim1} twice")
    x = movedim(input, (dim1, dim2), (-2, -1))
    rows, columns = x.shape[-2:]
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    places = arange(length, device=x.device)
    return getitem(x, (..., places + max(-offset, 0), places + max(offset, 0)))


def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix.

    >>> trace(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    if input.ndim != 2:
        raise ValueError(f"trace takes a matrix; got shape {input.shape}")
    return sum(diagonal(input))
