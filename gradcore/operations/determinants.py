"""Determinants and pseudo-inverses.

Source of the gradients: Giles, "An extended collection of matrix derivative results", 2008; Golub and Pereyra, "The
differentiation of pseudo-inverses", SIAM J. Numer. Anal. 10, 1973.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Union

import numpy as np

from ..backends import Array, Backend, Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.grad_mode import is_grad_enabled
from ..core.operation import Operation
from ..core.outputs import Parts
from ..core.tensor import Tensor
from .arithmetic import log
from .creation import eye, zeros_like
from .decompositions import scaled, svd
from .linear_algebra import matmul
from .extrema import amax
from .reduction import prod
from .selection import where
from .shaping import matrix_transpose, reshape, unsqueeze
from .systems import inv, matrices


class SlogDet(NamedTuple):
    """The sign of a determinant and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


class Determinant(Operation):
    """The determinant of square matrices."""

    saves = (0,)
    saves_outputs = True

    def forward(self, backend: Backend, a: Array) -> Array:
        return backend.xp.linalg.det(a)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        a = self.saved(0)
        if is_grad_enabled():  # its own gradient needs the inverse
            cofactors = reshape(self.outputs()[0], *a.shape[:-2], 1, 1) * matrix_transpose(inv(a))
        else:
            cofactors = _cofactors(a)
        return [reshape(gradient, *a.shape[:-2], 1, 1) * cofactors]


def _cofactors(a: Tensor) -> Tensor:
    """det(A) times the transposed inverse of A, also for singular A: U diag(products) Vh, with the sign of det(U Vh).

    The product for a singular value is that of all other singular values.
    """
    if not a.size:
        return a
    u, s, vh = svd(a, full_matrices=False)
    is_same = eye(s.shape[-1], dtype=s.dtype, device=s.device) != 0
    others = prod(where(is_same, 1.0, unsqueeze(s, -2)), -1)
    sign = reshape(det(u) * det(vh), *a.shape[:-2], 1, 1)
    return sign * matmul(scaled(u, others), vh)


def det(A: Tensor) -> Tensor:
    """The determinant of square matrices.

    >>> det(Tensor([[2, 1], [0, 4]]))
    tensor(8.)
    """
    return Determinant.apply(matrices(A, "det", square=True))


class LogDeterminant(Operation):
    """The sign of the determinant and the logarithm of its absolute value."""

    saves = (0,)

    def forward(self, backend: Backend, a: Array) -> Array:
        return tuple(map(backend.asarray, backend.xp.linalg.slogdet(a)))  # NumPy gives scalars for one matrix

    def backward(self, gradients: Parts) -> list[Tensor]:
        a = self.saved(0)
        if 1 not in gradients:  # the sign does not change
            return [zeros_like(a)]
        return [reshape(gradients[1], *a.shape[:-2], 1, 1) * matrix_transpose(inv(a))]


def slogdet(A: Tensor) -> SlogDet:
    """The sign of the determinant and the logarithm of its absolute value, without overflow.

    >>> slogdet(Tensor([[0.0, 2.0], [3.0, 0.0]]))
    SlogDet(sign=tensor(-1.), logabsdet=tensor(1.7918))
    """
    return SlogDet(*LogDeterminant.apply(matrices(A, "slogdet", square=True)))


def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN if it is negative.

    >>> logdet(Tensor([[2.0, 0.0], [0.0, 3.0]]))
    tensor(1.7918)
    """
    sign, logarithm = slogdet(input)
    return log(sign.detach()) + logarithm


class PseudoInverse(Operation):
    """Returns the second input, the pseudo-inverse of the first, with its gradient with respect to the first."""

    saves = (0,)
    saves_outputs = True
    makes_new_arrays = False

    def forward(self, backend: Backend, a: Array, inverse: Array) -> Array:
        return inverse

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        a, (p,) = self.saved(0), self.outputs()
        pt, gt = matrix_transpose(p), matrix_transpose(gradient)
        total = -matmul(matmul(pt, gradient), pt)
        beside = matmul(gt, matmul(p, pt))
        total = total + beside - matmul(a, matmul(p, beside))
        above = matmul(matmul(pt, p), gt)
        return [total + above - matmul(matmul(above, p), a), None]


@elementwise
def _inverted(xp: FormulaNamespace, s: Expression, least: Expression) -> Expression:
    is_kept = s > least
    return xp.where(is_kept, 1.0 / xp.where(is_kept, s, 1.0), 0.0)


def least_value(s: Tensor, A: Tensor, rtol: Union[None, float, Tensor]) -> Tensor:
    """The threshold for singular values of A: `rtol` (one number, or one for each matrix) times the largest."""
    if rtol is None:
        rtol = default_rtol(A)
    return amax(s, -1, True) * (unsqueeze(rtol, -1) if isinstance(rtol, Tensor) else rtol)


def default_rtol(A: Tensor) -> float:
    """The relative threshold below which singular values count as 0."""
    return max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)


def pinv(A: Tensor, rcond: Optional[float] = None, *, rtol: Union[None, float, Tensor] = None) -> Tensor:
    """The Moore-Penrose pseudo-inverse; singular values of at most `rtol` times the largest count as 0.

    By default `rtol` is the larger dimension of the matrix times the machine epsilon of the dtype.

    >>> pinv(Tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5, 0. ],
            [0. , 0. ]])
    """
    A = matrices(A, "pinv")
    if not A.size:
        return matrix_transpose(A)
    u, s, vh = svd(A.detach(), full_matrices=False)
    values = _inverted(s, least_value(s, A, rcond if rtol is None else rtol))
    return PseudoInverse.apply(A, matmul(scaled(matrix_transpose(vh), values), matrix_transpose(u)))
