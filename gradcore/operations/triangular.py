"""Systems of equations of triangular matrices, and by Cholesky factors."""

from __future__ import annotations

from ..core.tensor import Tensor
from .creation import eye
from .shaping import matrix_transpose
from .systems import matrices, solve
from .triangles import tril, triu


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X with A X = B, or X A = B where not `left`, for triangular matrices A, of which the other half is not read.

    `unitriangular`: the diagonal counts as ones.

    >>> solve_triangular(Tensor([[2.0, 9.0], [0.0, 4.0]]), Tensor([[2.0], [4.0]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    A = matrices(A, "solve_triangular", square=True)
    if unitriangular:
        A = (triu(A, 1) if upper else tril(A, -1)) + eye(A.shape[-1], dtype=A.dtype, device=A.device)
    else:
        A = triu(A) if upper else tril(A)
    B = matrices(B, "solve_triangular")
    return solve(A, B) if left else matrix_transpose(solve(matrix_transpose(A), matrix_transpose(B)))


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with L Lᵀ X = B, or Uᵀ U X = B where the factor is `upper`.

    >>> cholesky_solve(Tensor([[4.0]]), Tensor([[2.0]]))
    tensor([[1.]])
    """
    if upper:
        L = matrix_transpose(matrices(L, "cholesky_solve", square=True))
    return solve_triangular(matrix_transpose(L), solve_triangular(L, B, upper=False), upper=True)


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of L Lᵀ, or of Uᵀ U where the factor is `upper`.

    >>> cholesky_inverse(Tensor([[2.0]]))
    tensor([[0.25]])
    """
    L = matrices(L, "cholesky_inverse", square=True)
    return cholesky_solve(eye(L.shape[-1], dtype=L.dtype, device=L.device).expand(*L.shape), L, upper)
