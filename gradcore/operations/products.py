"""Products and accumulations under PyTorch's names: each is `matmul` or a loop over halves, with its shapes checked."""

from __future__ import annotations

from typing import Any

from ..backends.formulas.dtypes import INT64, kind_of
from ..core.broadcasting import cast
from ..core.dimensions import Dims, accepts_numpy_names, one_dim
from ..core.tensor import Tensor
from .conversion import clone
from .linear_algebra import matmul
from .rearranging import narrow
from .reduction import mean, std, var
from .shaping import cat, reshape


def _of_dimensions(name: str, *operands: tuple[Tensor, int]) -> None:
    if any(tensor.ndim != ndim for tensor, ndim in operands):
        raise ValueError(f"{name} takes tensors of {' and '.join(str(ndim) for _, ndim in operands)} dimension(s); got "
                         f"shapes {' and '.join(str(tensor.shape) for tensor, _ in operands)}")


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    _of_dimensions("mm", (input, 2), (mat2, 2))
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two stacks of matrices, pair by pair: (b, n, m) and (b, m, p) give (b, n, p)."""
    _of_dimensions("bmm", (input, 3), (mat2, 3))
    if input.shape[0] != mat2.shape[0]:
        raise ValueError(f"bmm needs as many matrices in both stacks; got shapes {input.shape} and {mat2.shape}")
    return matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    _of_dimensions("mv", (input, 2), (vec, 1))
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors.

    >>> dot(Tensor([1, 2]), Tensor([3, 4]))
    tensor(11.)
    """
    _of_dimensions("dot", (input, 1), (tensor, 1))
    return matmul(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Each element of a vector times each of another, as a matrix."""
    _of_dimensions("outer", (input, 1), (vec2, 1))
    return reshape(input, -1, 1) * vec2


def addmm(input: Any, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), where `input` broadcasts to the product."""
    product = mm(mat1, mat2)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    total = product + (input if beta == 1 else input * beta)
    if total.shape != product.shape:
        raise ValueError(f"addmm: input of shape {input.shape} does not broadcast to the product's {product.shape}")
    return total


@accepts_numpy_names
def cumprod(input: Tensor, dim: int) -> Tensor:
    """Along `dim` the product of all elements up to each one; integers multiply to int64.

    Products of 1, 2, 4, ... neighbours are put together, so that gradients are right where elements are 0 as well.

    >>> cumprod(Tensor([1, 2, 3]), 0)
    tensor([1., 2., 6.])
    """
    x = clone(input if kind_of(input.dtype) == 2 else cast(input, INT64))
    dim = one_dim(dim, x.ndim or 1)
    n, reach = x.shape[dim] if x.ndim else 1, 1
    while reach < n:
        x = cat([narrow(x, dim, 0, reach), narrow(x, dim, reach, n - reach) * narrow(x, dim, 0, n - reach)], dim)
        reach *= 2
    return x


@accepts_numpy_names
def var_mean(input: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False,
             unbiased: bool = True) -> tuple[Tensor, Tensor]:
    """The variance and the mean."""
    return var(input, dim, correction, keepdim, unbiased), mean(input, dim, keepdim)


@accepts_numpy_names
def std_mean(input: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False,
             unbiased: bool = True) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean."""
    return std(input, dim, correction, keepdim, unbiased), mean(input, dim, keepdim)
