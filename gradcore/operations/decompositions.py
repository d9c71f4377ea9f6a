"""Decompositions of matrices and of batches of matrices.

Source of the gradients: Giles, "An extended collection of matrix derivative results", 2008; Townsend, "Differentiating
the singular value decomposition", 2016; Walter and Lehmann, "Algorithmic differentiation of linear algebra functions",
2010 (for qr).
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..backends import Array, Backend, Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.operation import Operation
from ..core.outputs import Parts
from ..core.tensor import Tensor
from .creation import empty, eye, zeros_like
from .linear_algebra import matmul
from .rearranging import narrow
from .shaping import cat, matrix_transpose, unsqueeze
from .systems import computed, matrices, solve
from .triangles import diagonal, tril


class QR(NamedTuple):
    """A matrix as Q R, with orthonormal columns and an upper triangular factor."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """A matrix as U diag(S) Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Eigh(NamedTuple):
    """Eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _on_diagonal(x: Tensor) -> Tensor:
    """Diagonal matrices of vectors."""
    return unsqueeze(x, -1) * eye(x.shape[-1], dtype=x.dtype, device=x.device)


def scaled(x: Tensor, factors: Tensor) -> Tensor:
    """The columns of `x`, each multiplied by a factor."""
    return x * unsqueeze(factors, -2)


@elementwise
def _inverse_distance(xp: FormulaNamespace, a: Expression, b: Expression, is_same: Expression) -> Expression:
    """1 / (b - a), and 0 on the diagonal."""
    return xp.where(is_same != 0, 0.0, 1.0 / xp.where(is_same != 0, 1.0, b - a))


def _inverse_distances(values: Tensor) -> Tensor:
    """1 / (v_k - v_j) at (j, k), and 0 on the diagonal."""
    is_same = eye(values.shape[-1], dtype=values.dtype, device=values.device)
    return _inverse_distance(unsqueeze(values, -1), unsqueeze(values, -2), is_same)


class Cholesky(Operation):
    """The lower triangular L with A = L Lᵀ."""

    saves_outputs = True

    def forward(self, backend: Backend, a: Array) -> Array:
        return computed("cholesky", backend.xp.linalg.cholesky, a)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        lower, = self.outputs()
        upper = matrix_transpose(lower)
        inner = tril(matmul(upper, gradient))
        inner = inner - _on_diagonal(diagonal(inner, 0, -2, -1)) / 2
        half = matrix_transpose(solve(upper, matrix_transpose(solve(upper, inner))))
        return [(half + matrix_transpose(half)) / 2]


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with A = L Lᵀ, for symmetric positive definite matrices; reads the lower triangle of A.

    With `upper`, the upper triangular Lᵀ.

    >>> cholesky(Tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    lower = Cholesky.apply(matrices(A, "cholesky", square=True))
    return matrix_transpose(lower) if upper else lower


class QRDecomposition(Operation):
    """The QR decomposition of matrices with no more columns than rows."""

    saves_outputs = True

    def forward(self, backend: Backend, a: Array) -> Array:
        return tuple(backend.xp.linalg.qr(a, mode=self.mode))

    def backward(self, gradients: Parts) -> list[Tensor]:
        q, r = self.outputs()
        if q.shape[-1] != r.shape[-1]:
            raise NotImplementedError("qr: the gradient of mode \"complete\" is not unique; take mode \"reduced\"")
        along_q = gradients[0] if 0 in gradients else zeros_like(q)
        along_r = gradients[1] if 1 in gradients else zeros_like(r)
        m = matmul(r, matrix_transpose(along_r)) - matmul(matrix_transpose(along_q), q)
        lower = tril(m, -1)
        symmetric = lower + matrix_transpose(lower) + _on_diagonal(diagonal(m, 0, -2, -1))
        return [matrix_transpose(solve(r, matrix_transpose(along_q + matmul(q, symmetric))))]


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """A = Q R with orthonormal columns Q and upper triangular R; "complete" gives a square Q, and "r" an empty Q.

    Gradients require matrices of full rank; with "complete", also at least as many columns as rows.

    >>> Q, R = qr(Tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> (Q @ R).round(decimals=4)
    tensor([[3., 1.],
            [4., 2.]])
    """
    A = matrices(A, "qr")
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f'qr: `mode` is "reduced", "complete" or "r"; got {mode!r}')
    rows, columns = A.shape[-2:]
    inner = "complete" if mode == "complete" else "reduced"
    if columns > rows:  # the left square block gives Q and the start of R
        q, r = QRDecomposition.apply(narrow(A, -1, 0, rows), mode=inner)
        r = cat([r, matmul(matrix_transpose(q), narrow(A, -1, rows, columns - rows))], -1)
    else:
        q, r = QRDecomposition.apply(A, mode=inner)
    return QR(empty(0, dtype=A.dtype, device=A.device) if mode == "r" else q, r)


class SingularValues(Operation):
    """U, S and Vh."""

    saves_outputs = True

    def forward(self, backend: Backend, a: Array) -> Array:
        return tuple(computed("svd", backend.xp.linalg.svd, a, full_matrices=self.full_matrices))

    def backward(self, gradients: Parts) -> list[Optional[Tensor]]:
        u, s, vh = self.outputs()
        n = s.shape[-1]
        u, v = narrow(u, -1, 0, n), matrix_transpose(narrow(vh, -2, 0, n))
        inner = _on_diagonal(gradients[1]) if 1 in gradients else zeros_like(_on_diagonal(s))
        distances, beside = _inverse_distances(s * s), None
        if 0 in gradients:
            along_u = narrow(gradients[0], -1, 0, n)
            inner = inner + scaled(_skew(matmul(matrix_transpose(u), along_u)) * distances, s)
            beside = matmul(_outside(u, scaled(along_u, 1 / s)), matrix_transpose(v))
        if 2 in gradients:
            along_v = matrix_transpose(narrow(gradients[2], -2, 0, n))
            inner = inner + unsqueeze(s, -1) * (_skew(matmul(matrix_transpose(v), along_v)) * distances)
            more = matmul(u, matrix_transpose(_outside(v, scaled(along_v, 1 / s))))
            beside = more if beside is None else beside + more
        total = matmul(matmul(u, inner), matrix_transpose(v))
        return [total if beside is None else total + beside]


def _skew(x: Tensor) -> Tensor:
    return x - matrix_transpose(x)


def _outside(u: Tensor, x: Tensor) -> Tensor:
    """The component of the columns of `x` orthogonal to those of `u`."""
    return x - matmul(u, matmul(matrix_transpose(u), x))


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """The singular value decomposition A = U diag(S) Vh, with S in descending order.

    The gradients of U and Vh are defined if all singular values differ and the result does not depend on the signs of
    singular vectors; that of S alone is always defined.

    >>> svd(Tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    return SVD(*SingularValues.apply(matrices(A, "svd"), full_matrices=bool(full_matrices)))


class SymmetricEigen(Operation):
    """Eigenvalues and eigenvectors of symmetric matrices."""

    saves_outputs = True

    def forward(self, backend: Backend, a: Array) -> Array:
        return tuple(computed("eigh", backend.xp.linalg.eigh, a))

    def backward(self, gradients: Parts) -> list[Tensor]:
        values, vectors = self.outputs()
        inner = _on_diagonal(gradients[0]) if 0 in gradients else zeros_like(_on_diagonal(values))
        if 1 in gradients:
            inner = inner + _skew(matmul(matrix_transpose(vectors), gradients[1])) * _inverse_distances(values) / 2
        return [matmul(matmul(vectors, inner), matrix_transpose(vectors))]


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Eigenvalues in ascending order and eigenvectors (columns) of symmetric matrices; reads one triangle of A.

    The gradient of the eigenvectors is defined if all eigenvalues differ.

    >>> eigh(Tensor([[2, 0], [0, 1]])).eigenvalues
    tensor([1., 2.])
    """
    A = matrices(A, "eigh", square=True)
    if UPLO not in ("L", "U"):
        raise ValueError(f'eigh: `UPLO` is "L" or "U"; got {UPLO!r}')
    return Eigh(*SymmetricEigen.apply(A if UPLO == "L" else matrix_transpose(A)))
