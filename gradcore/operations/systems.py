"""Linear systems and inverses, for matrices and batches of matrices.

Values come from the device's library (`backend.xp.linalg`); gradients are formulas of matrix products, so that
gradients of gradients follow.
Source of the gradients: Giles, "An extended collection of matrix derivative results", 2008.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

import numpy as np

from ..backends import Array, Backend
from ..backends.formulas.dtypes import FLOAT32, FLOAT64
from ..core.broadcasting import broadcast_to
from ..core.operation import Operation
from ..core.tensor import Tensor
from .linear_algebra import matmul
from .shaping import matrix_transpose, reshape, unsqueeze

LinAlgError = np.linalg.LinAlgError


def matrices(x: Any, name: str, square: bool = False) -> Tensor:
    if not isinstance(x, Tensor) or x.dtype not in (FLOAT32, FLOAT64):
        raise TypeError(f"{name} takes float32 and float64 tensors; got "
                        f"{x.dtype if isinstance(x, Tensor) else type(x).__name__}")
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        raise ValueError(f"{name} takes {'square matrices' if square else 'matrices'}; got shape {x.shape}")
    return x


def computed(name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The result of a library function; its LinAlgError is reworded."""
    try:
        return function(*args, **options)
    except LinAlgError as error:
        raise LinAlgError(f"{name}: {str(error)[:1].lower()}{str(error)[1:]}") from None


class Solve(Operation):
    """X with A X = B."""

    saves = (0,)
    saves_outputs = True

    def forward(self, backend: Backend, a: Array, b: Array) -> Array:
        return computed("solve", backend.xp.linalg.solve, a, b)

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        along_b = Solve.apply(matrix_transpose(self.saved(0)), gradient)
        solution, = self.outputs()
        along_a = -matmul(along_b, matrix_transpose(solution)) if self.parents[0] is not None else None
        return [along_a, along_b]


def solve(A: Tensor, B: Tensor) -> Tensor:
    """The X with A X = B for square matrices A; B is a matrix or a vector, and leading dimensions broadcast.

    >>> solve(Tensor([[2, 0], [0, 4]]), Tensor([2, 2]))
    tensor([1. , 0.5])
    """
    A = matrices(A, "solve", square=True)
    is_vector = isinstance(B, Tensor) and B.ndim and B.shape == A.shape[:-1]
    B = matrices(unsqueeze(B, -1) if is_vector else B, "solve")
    if B.shape[-2] != A.shape[-1] or A.dtype != B.dtype:
        raise ValueError(f"solve: A of shape {A.shape} needs a B of {A.shape[-1]} rows and of its dtype, {A.dtype}; "
                         f"got {B.dtype} of shape {B.shape}")
    stack = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    solution = Solve.apply(broadcast_to(A, stack + A.shape[-2:]), broadcast_to(B, stack + B.shape[-2:]))
    return reshape(solution, *solution.shape[:-1]) if is_vector else solution


class Inverse(Operation):
    """The inverse of square matrices."""

    saves_outputs = True

    def forward(self, backend: Backend, a: Array) -> Array:
        return computed("inv", backend.xp.linalg.inv, a)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        inverse = matrix_transpose(self.outputs()[0])
        return [-matmul(matmul(inverse, gradient), inverse)]


def inv(A: Tensor) -> Tensor:
    """The inverse of square matrices.

    >>> inv(Tensor([[2, 0], [0, 4]]))
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return Inverse.apply(matrices(A, "inv", square=True))
