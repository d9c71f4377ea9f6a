"""Linear algebra with the names of PyTorch's `linalg`: norms, linear systems, decompositions, with gradients.

>>> inv(Tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()
[[0.5, 0.0], [0.0, 0.25]]
"""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence, Union

from .core.public import publish
from .core.dimensions import Dims, many_dims
from .core.tensor import Tensor
from .operations.conversion import clone
from .operations.creation import eye
from .operations.decompositions import cholesky, eigh, qr, svd
from .operations.determinants import det, least_value, pinv, slogdet
from .operations.linear_algebra import matmul
from .operations.products import cross as _cross
from .operations.products import vecdot
from .operations.rearranging import movedim
from .operations.extrema import amax, amin
from .operations.matrix_functions import matrix_exp
from .operations.norms import norm as _norm
from .operations.reduction import sum
from .operations.shaping import broadcast_to, unsqueeze
from .operations.systems import LinAlgError, inv, matrices, solve
from .operations.triangles import diagonal as _diagonal
from .operations.triangular import solve_triangular

__all__ = ["LinAlgError", "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_exp",
           "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
           "solve_triangular", "svd", "svdvals", "vecdot", "vector_norm"]


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product of vectors of three elements along `dim`; other dimensions broadcast.

    >>> cross(Tensor([1, 0, 0]), Tensor([0, 1, 0]))
    tensor([0., 0., 1.])
    """
    return _cross(input, other, dim)


def svdvals(A: Tensor) -> Tensor:
    """The singular values in descending order.

    >>> svdvals(Tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    return svd(A, full_matrices=False).S


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices in ascending order.

    >>> eigvalsh(Tensor([[2.0, 0.0], [0.0, -1.0]]))
    tensor([-1.,  2.])
    """
    return eigh(A, UPLO).eigenvalues


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A diagonal of each matrix.

    >>> diagonal(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    return _diagonal(A, offset, dim1, dim2)


def matrix_rank(A: Tensor, *, atol: Optional[float] = None, rtol: Union[None, float, Tensor] = None) -> Tensor:
    """The number of singular values above the larger of `atol` and `rtol` times the largest.

    By default `rtol` is the larger dimension times the machine epsilon of the dtype, or 0 if `atol` is given.

    >>> matrix_rank(Tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    values = svdvals(A.detach())
    if not values.shape[-1]:
        return sum(values > 0, -1)
    least = least_value(values, A, 0.0 if rtol is None and atol is not None else rtol)
    return sum(values > least.clamp(min=atol or 0.0), -1)


def matrix_power(A: Tensor, n: int) -> Tensor:
    """The n-th power of a square matrix; for negative n, that of the inverse.

    >>> matrix_power(Tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    A = matrices(A, "matrix_power", square=True)
    A, n = (inv(A), -n) if n < 0 else (A, n)
    if n == 1:
        return clone(A)
    power = None
    while n:
        if n & 1:
            power = A if power is None else matmul(power, A)
        n >>= 1
        A = matmul(A, A) if n else A
    return broadcast_to(eye(A.shape[-1], dtype=A.dtype, device=A.device), A.shape) if power is None else power


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two or more matrices, in the order with the fewest multiplications.

    The first and the last may be vectors.

    >>> multi_dot([Tensor([[1.0, 2.0]]), Tensor([[1.0], [1.0]]), Tensor([[5.0]])])
    tensor([[15.]])
    """
    if len(tensors) < 2:
        raise ValueError(f"multi_dot takes two or more tensors; got {len(tensors)}")
    sides = [1 if tensors[0].ndim == 1 else tensors[0].shape[0], *[tensor.shape[0] for tensor in tensors[1:]],
             1 if tensors[-1].ndim == 1 else tensors[-1].shape[-1]]
    known: dict[tuple[int, int], tuple[int, int]] = {}  # the lowest cost of the product from i to j, and its split

    def cost(i: int, j: int) -> tuple[int, int]:
        if i == j:
            return 0, i
        if (i, j) not in known:
            known[i, j] = min((cost(i, k)[0] + cost(k + 1, j)[0] + sides[i] * sides[k + 1] * sides[j + 1], k)
                              for k in range(i, j))
        return known[i, j]

    def product(i: int, j: int) -> Tensor:
        k = cost(i, j)[1]
        return tensors[i] if i == j else matmul(product(i, k), product(k + 1, j))

    return product(0, len(tensors) - 1)


# -- norms ----------------------------------------------------------------------------------------------------
def vector_norm(x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The vector norm (sum |x|^ord)^(1/ord) along `dim`, or of all elements; inf, -inf and 0 as in NumPy.

    >>> vector_norm(Tensor([3.0, -4.0])), vector_norm(Tensor([3.0, -4.0]), ord=1)
    (tensor(5.), tensor(7.))
    """
    return _norm(x if dtype is None else x.to(dtype=dtype), ord, dim, keepdim)


def matrix_norm(A: Tensor, ord: Union[float, str] = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *,
                dtype: Any = None) -> Tensor:
    """The norm of matrices: "fro", "nuc" (the sum of singular values), 2 and -2 (the largest and smallest of them),
    1 and -1 (the largest and smallest absolute column sum), inf and -inf (row sum).

    >>> matrix_norm(Tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    >>> matrix_norm(Tensor([[3.0, 0.0], [0.0, 4.0]]), ord="nuc")
    tensor(7.)
    """
    A = A if dtype is None else A.to(dtype=dtype)
    dims = many_dims(tuple(dim), A.ndim)
    if len(dims) != 2:
        raise ValueError(f"matrix_norm takes two dimensions; got {dim}")
    if ord == "fro":
        return _norm(A, 2, dims, keepdim)
    x = movedim(A, dims, (-2, -1))
    if 0 in x.shape[-2:] and ord in ("nuc", 1, 2, math.inf):
        return sum(A, dims, keepdim)  # 0, the norm of what has no elements
    if ord in ("nuc", 2, -2):
        values = svdvals(x)
        found = sum(values, -1) if ord == "nuc" else values[..., 0 if ord == 2 else -1]
    elif ord in (1, -1, math.inf, -math.inf):
        sums = sum(x.abs(), -2 if abs(ord) == 1 else -1)
        found = amax(sums, -1) if ord > 0 else amin(sums, -1)
    else:
        raise ValueError(f'matrix_norm: `ord` is "fro", "nuc", 1, 2, inf or their negatives; got {ord!r}')
    if not keepdim:
        return found
    for place in sorted(dims):
        found = unsqueeze(found, place)
    return found


def norm(A: Tensor, ord: Union[None, float, str] = None, dim: Dims = None, keepdim: bool = False, *,
         dtype: Any = None) -> Tensor:
    """The matrix norm if `dim` has two dimensions, or if `ord` is given and A is a matrix; else the vector norm.

    >>> norm(Tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    >>> norm(Tensor([[3.0, 0.0], [0.0, 4.0]]), ord=2)
    tensor(4.)
    """
    count = (None if ord is None else A.ndim) if dim is None else len(dim) if isinstance(dim, (tuple, list)) else 1
    if count is not None and count not in (1, 2):
        raise ValueError(f"norm: `ord` {ord} is for vectors and matrices; got {A.ndim} dimensions and dim={dim}")
    if count == 2 and ord is not None:
        dims: Any = (-2, -1) if dim is None else dim
        return matrix_norm(A, ord, tuple(dims), keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise ValueError(f"norm: `ord` {ord!r} is for matrices")
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


publish(globals())
