"""Linear algebra: products of matrices and vectors, and what is made of them."""

from __future__ import annotations

from typing import Any, Sequence, Union

from ..core.tensor import Tensor
from ..operations import linear_algebra, products, reduction, shaping, triangles
from .statistics import sum as _sum


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The product of matrices, stacked over leading dimensions, which broadcast."""
    return linear_algebra.matmul(x1, x2)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two dimensions swapped; a view."""
    return shaping.matrix_transpose(x)


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Union[int, tuple[Sequence[int], Sequence[int]]] = 2) -> Tensor:
    """Products summed over pairs of dimensions: so many, or those named of both."""
    return products.tensordot(x1, x2, axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The inner products of the vectors along `axis`."""
    return products.vecdot(x1, x2, axis)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The vector products of the vectors of three elements along `axis`."""
    return products.cross(x1, x2, axis)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Each element of a vector times each of another, as a matrix."""
    return products.outer(x1, x2)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """A diagonal of each matrix, 0 the main one, 1 that above it."""
    return triangles.diagonal(x, offset, -2, -1)


def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of a diagonal of each matrix."""
    return _sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(x: Tensor, /, *, axis: Union[None, int, tuple[int, ...]] = None, keepdims: bool = False,
                ord: float = 2) -> Tensor:
    """The vector norm (sum |x|^ord)^(1/ord)."""
    return reduction.norm(x, ord, axis, keepdims)
