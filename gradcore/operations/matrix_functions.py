"""Functions of matrices."""

from __future__ import annotations

import math

from ..core.tensor import Tensor
from .creation import eye
from .linear_algebra import matmul
from .systems import matrices

_ORDER = 18  # of the series, which is accurate in float64 for norms up to 1/2


def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of square matrices, I + A + A²/2 + A³/6 + ….

    The series is evaluated for A / 2^s, whose norm is at most 1/2, and squared s times.
    Source: Moler and Van Loan, "Nineteen Dubious Ways to Compute the Exponential of a Matrix", method 3.

    >>> matrix_exp(Tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    A = matrices(input, "matrix_exp", square=True)
    largest = A.detach().abs().sum(-1).max().item() if A.numel() else 0.0
    halvings = max(0, math.ceil(math.log2(largest * 2))) if 0 < largest < math.inf else 0
    A = A / 2.0 ** halvings
    identity = eye(A.shape[-1], dtype=A.dtype, device=A.device)
    found = identity + A / _ORDER
    for i in range(_ORDER - 1, 0, -1):  # Horner's method
        found = identity + matmul(A, found) / i
    for _ in range(halvings):
        found = matmul(found, found)
    return found
