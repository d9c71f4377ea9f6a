"""The extension for linear algebra: products, factorizations, and functions of them."""

from __future__ import annotations

from typing import Any, Sequence, Union

from .. import linalg
from ..core.public import publish_own
from ..core.broadcasting import cast
from ..core.tensor import Tensor
from ..operations import conversion, linear_algebra, norms, products, shaping, triangles
from ..operations.decompositions import QR, SVD, Eigh
from ..operations.determinants import SlogDet
from .data_types import result_type
from .statistics import along_axis
from .statistics import sum as _sum


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The matrix product, batched over leading dimensions, which broadcast."""
    return linear_algebra.matmul(x1, x2)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """Exchange the last two dimensions; a view."""
    return shaping.matrix_transpose(x)


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Union[int, tuple[Sequence[int], Sequence[int]]] = 2) -> Tensor:
    """The sum of products over pairs of dimensions: the number of them, or two lists."""
    return products.tensordot(x1, x2, axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The inner product of vectors along `axis`."""
    return products.vecdot(x1, x2, axis)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The cross product of vectors of three elements along `axis`."""
    return products.cross(x1, x2, axis)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The outer product of two vectors."""
    return products.outer(x1, x2)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """A diagonal of each matrix (0: main, 1: above it)."""
    return triangles.diagonal(x, offset, -2, -1)


def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of a diagonal of each matrix."""
    return _sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(x: Tensor, /, *, axis: Union[None, int, tuple[int, ...]] = None, keepdims: bool = False,
                ord: float = 2) -> Tensor:
    """The vector norm (sum |x|^ord)^(1/ord)."""
    return along_axis(lambda x, axis, keepdim: norms.norm(x, ord, axis, keepdim), x, axis, keepdims)


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Union[None, float, str] = "fro") -> Tensor:
    """A norm of each matrix: "fro" (or None), "nuc", 1, 2, inf, or a negative one of these numbers."""
    return linalg.matrix_norm(x, "fro" if ord is None else ord, keepdim=keepdims)


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """The lower triangular L with L Lᵀ = x of a symmetric positive definite matrix, or its transpose."""
    return linalg.cholesky(x, upper=upper)


def det(x: Tensor, /) -> Tensor:
    """The determinant."""
    return linalg.det(x)


def slogdet(x: Tensor, /) -> SlogDet:
    """The sign of the determinant and the logarithm of its absolute value."""
    return linalg.slogdet(x)


def eigh(x: Tensor, /) -> Eigh:
    """The eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as columns."""
    return linalg.eigh(x)


def eigvalsh(x: Tensor, /) -> Tensor:
    """The eigenvalues of a symmetric matrix in ascending order."""
    return linalg.eigvalsh(x)


def inv(x: Tensor, /) -> Tensor:
    """The inverse."""
    return linalg.inv(x)


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """The n-th power of a square matrix; for negative n, that of the inverse."""
    return linalg.matrix_power(x, n)


def matrix_rank(x: Tensor, /, *, rtol: Union[None, float, Tensor] = None) -> Tensor:
    """The number of singular values larger than `rtol` times the largest."""
    return linalg.matrix_rank(x, rtol=rtol)


def pinv(x: Tensor, /, *, rtol: Union[None, float, Tensor] = None) -> Tensor:
    """The Moore-Penrose inverse; singular values of at most `rtol` times the largest count as 0."""
    return linalg.pinv(x, rtol=rtol)


def qr(x: Tensor, /, *, mode: str = "reduced") -> QR:
    """Q with orthonormal columns and an upper triangular R with Q R = x."""
    return linalg.qr(x, mode)


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The X with x1 X = x2, for a vector or matrices `x2`; unlike in PyTorch, never for a batch of vectors."""
    if x1.dtype != x2.dtype:
        dtype = result_type(x1, x2)
        x1, x2 = cast(x1, dtype), cast(x2, dtype)
    if x2.ndim == 1:
        return linalg.solve(x1, shaping.unsqueeze(x2, -1))[..., 0]
    return linalg.solve(x1, shaping.unsqueeze(x2, 0) if x2.shape == x1.shape[:-1] else x2)


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVD:
    """U with orthonormal columns, the singular values S, and Vh with orthonormal rows, with U diag(S) Vh = x.

    The factors may be changed in place, for example to flip signs of singular vectors; the gradient uses copies.
    """
    factors = linalg.svd(x, full_matrices)
    return SVD(*map(conversion.clone, factors)) if x.requires_grad else factors


def svdvals(x: Tensor, /) -> Tensor:
    """The singular values in descending order."""
    return linalg.svdvals(x)


publish_own(globals())
