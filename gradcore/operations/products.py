"""Products under PyTorch's names, in terms of `matmul`, with checked shapes."""

from __future__ import annotations

import builtins
import math
from typing import Any, Optional, Sequence, Union

from ..backends.formulas.dtypes import BOOL, FLOAT64, INT64, kind_of
from ..core.broadcasting import cast
from ..core.dimensions import Dims, accepts_numpy_names, many_dims, one_dim
from ..core.tensor import Tensor
from . import arithmetic
from .conversion import clone
from .linear_algebra import matmul
from .rearranging import movedim, narrow, roll, running
from .norms import norm
from .reduction import mean, std, sum, var
from .shaping import cat, permute, reshape, unsqueeze


def _of_dimensions(name: str, *operands: tuple[Tensor, int]) -> None:
    if any(tensor.ndim != ndim for tensor, ndim in operands):
        raise ValueError(f"{name} takes tensors of {' and '.join(str(ndim) for _, ndim in operands)} dimension(s); got "
                         f"shapes {' and '.join(str(tensor.shape) for tensor, _ in operands)}")


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices.

    >>> mm(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    _of_dimensions("mm", (input, 2), (mat2, 2))
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The batched matrix product: (b, n, m) and (b, m, p) give (b, n, p).

    >>> bmm(Tensor([[[1.0, 2.0]]]), Tensor([[[3.0], [4.0]]])).shape
    (1, 1, 1)
    """
    _of_dimensions("bmm", (input, 3), (mat2, 3))
    if input.shape[0] != mat2.shape[0]:
        raise ValueError(f"bmm needs as many matrices in both stacks; got shapes {input.shape} and {mat2.shape}")
    return matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector.

    >>> mv(Tensor([[1.0, 2.0], [0.0, 1.0]]), Tensor([1.0, 1.0]))
    tensor([3., 1.])
    """
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
    """The outer product of two vectors.

    >>> outer(Tensor([1.0, 2.0]), Tensor([1.0, 3.0]))
    tensor([[1., 3.],
            [2., 6.]])
    """
    _of_dimensions("outer", (input, 1), (vec2, 1))
    return reshape(input, -1, 1) * vec2


def tensordot(a: Tensor, b: Tensor, dims: Union[int, tuple[Sequence[int], Sequence[int]]] = 2) -> Tensor:
    """The sum of products over pairs of dimensions; the remaining dimensions are those of `a`, then those of `b`.

    Parameters
    ----------
    dims : the number of last dimensions of `a` to sum with the first ones of `b`, or two lists of dimensions.

    >>> tensordot(Tensor([[1, 2], [3, 4]]), Tensor([1, 10]), 1)
    tensor([21., 43.])
    """
    if not isinstance(dims, Sequence):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot: dims must be from 0 to {min(a.ndim, b.ndim)} for shapes {a.shape} and "
                             f"{b.shape}; got {dims}")
        dims = range(a.ndim - dims, a.ndim), range(dims)
    ours, theirs = (many_dims(tuple(named), tensor.ndim) for named, tensor in zip(dims, (a, b)))
    lengths = [[tensor.shape[dim] for dim in named] for tensor, named in ((a, ours), (b, theirs))]
    if lengths[0] != lengths[1]:
        raise ValueError(f"tensordot: dimensions {ours} of shape {a.shape} do not fit dimensions {theirs} of shape "
                         f"{b.shape}")
    rows = [dim for dim in range(a.ndim) if dim not in ours]
    columns = [dim for dim in range(b.ndim) if dim not in theirs]
    shape = [a.shape[dim] for dim in rows] + [b.shape[dim] for dim in columns]
    inner = math.prod(lengths[0])
    product = matmul(reshape(permute(a, (*rows, *ours)), math.prod(shape[:len(rows)]), inner),
                     reshape(permute(b, (*theirs, *columns)), inner, math.prod(shape[len(rows):])))
    return reshape(product, *shape)


@accepts_numpy_names
def vecdot(input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    """The inner product of vectors along `dim`; other dimensions broadcast.

    >>> vecdot(Tensor([[1, 2], [3, 4]]), Tensor([1, 10]))
    tensor([21., 43.])
    """
    a, b = _vectors("vecdot", input, other, dim)
    product = a * b
    return sum(product, -1, dtype=product.dtype)


@accepts_numpy_names
def cross(input: Tensor, other: Tensor, dim: Optional[int] = None) -> Tensor:
    """The cross product of vectors of three elements along `dim`, by default the first dimension of length 3.

    Other dimensions broadcast.

    >>> cross(Tensor([1, 0, 0]), Tensor([0, 1, 0]))
    tensor([0., 0., 1.])
    """
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), -1)
    a, b = _vectors("cross", input, other, dim)
    if a.shape[-1] != 3:
        raise ValueError(f"cross takes vectors of three elements; along dimension {dim} there are {a.shape[-1]}")
    product = roll(a, -1, -1) * roll(b, 1, -1) - roll(a, 1, -1) * roll(b, -1, -1)
    return movedim(product, -1, dim)


def _vectors(name: str, a: Tensor, b: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Both tensors with the vectors along the last dimension."""
    moved = movedim(a, dim, -1), movedim(b, dim, -1)
    if not (a.ndim and b.ndim and moved[0].shape[-1] == moved[1].shape[-1]):
        raise ValueError(f"{name} takes vectors of one length along dimension {dim}; got shapes {a.shape} and "
                         f"{b.shape}")
    return moved


@accepts_numpy_names
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Optional[Tensor] = None,
         append: Optional[Tensor] = None) -> Tensor:
    """The `n`-th difference along `dim`: each element minus the previous one; booleans use logical_xor.

    `prepend` and `append` are first concatenated at the ends.

    >>> diff(Tensor([1, 4, 9]))
    tensor([3., 5.])
    """
    dim = one_dim(dim, input.ndim)
    if n < 0:
        raise ValueError(f"diff is taken n >= 0 times; got {n}")
    parts = [part for part in (prepend, input, append) if part is not None]
    x = cat(parts, dim) if len(parts) > 1 else clone(input)
    for _ in range(min(n, x.shape[dim])):
        most = max(x.shape[dim] - 1, 0)
        after, before = narrow(x, dim, x.shape[dim] - most, most), narrow(x, dim, 0, most)
        x = after != before if x.dtype == BOOL else after - before
    return x


def _scaled_sum(name: str, input: Any, product: Tensor, beta: float, alpha: float) -> Tensor:
    """beta * input + alpha * product, where `input` broadcasts to the product."""
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    total: Tensor = product + (input if beta == 1 else arithmetic.multiply(input, beta))
    if total.shape != product.shape:
        raise ValueError(f"{name}: input of shape {getattr(input, 'shape', ())} does not broadcast to the product's "
                         f"{product.shape}")
    return total


def addmm(input: Any, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), where `input` broadcasts to the product.

    >>> addmm(Tensor([1.0, 1.0]), Tensor([[1.0, 2.0]]), Tensor([[1.0, 0.0], [0.0, 1.0]]), alpha=10)
    tensor([[11., 21.]])
    """
    return _scaled_sum("addmm", input, mm(mat1, mat2), beta, alpha)


@accepts_numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The cumulative product along `dim`, computed in float64; integers multiply in int64, or in `dtype`.

    It combines 1, 2, 4, ... neighbours, so gradients are correct where elements are 0.

    >>> cumprod(Tensor([1, 2, 3]), 0)
    tensor([1., 2., 6.])
    """
    if dtype is not None:
        return cast(cumprod(cast(input, dtype), dim), dtype)
    result = input.dtype if kind_of(input.dtype) == 2 else INT64
    x = clone(cast(input, FLOAT64 if result.kind == "f" else INT64))
    dim = one_dim(dim, x.ndim or 1)
    return cast(running(x, dim, arithmetic.multiply), result)


@accepts_numpy_names
def var_mean(input: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False,
             unbiased: bool = True) -> tuple[Tensor, Tensor]:
    """The variance and the mean.

    >>> var_mean(Tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return var(input, dim, correction, keepdim, unbiased), mean(input, dim, keepdim)


@accepts_numpy_names
def std_mean(input: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False,
             unbiased: bool = True) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean.

    >>> std_mean(Tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return std(input, dim, correction, keepdim, unbiased), mean(input, dim, keepdim)


def inner(input: Tensor, other: Tensor) -> Tensor:
    """The inner product over the last dimensions; for a number, the product.

    >>> inner(Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    if not (input.ndim and other.ndim):
        return input * other
    return tensordot(input, other, ((-1,), (-1,)))


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The inner product of two vectors.

    >>> vdot(Tensor([1.0, 2.0]), Tensor([3.0, 4.0]))
    tensor(11.)
    """
    return dot(input, other)


def addmv(input: Any, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec).

    >>> addmv(Tensor([1.0, 1.0]), Tensor([[1.0, 2.0], [0.0, 1.0]]), Tensor([1.0, 1.0]))
    tensor([4., 2.])
    """
    return _scaled_sum("addmv", input, mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2).

    >>> addr(Tensor([0.0, 1.0]), Tensor([1.0, 2.0]), Tensor([1.0, 3.0]))
    tensor([[1., 4.],
            [2., 7.]])
    """
    return _scaled_sum("addr", input, outer(vec1, vec2), beta, alpha)


def baddbmm(input: Any, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2).

    >>> baddbmm(Tensor([1.0]), Tensor([[[1.0, 2.0]]]), Tensor([[[3.0], [4.0]]]))
    tensor([[[12.]]])
    """
    return _scaled_sum("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def addbmm(input: Any, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (sum of the batch of matrix products).

    >>> addbmm(Tensor([[1.0]]), Tensor([[[1.0, 2.0]], [[3.0, 4.0]]]), Tensor([[[1.0], [1.0]], [[1.0], [1.0]]]))
    tensor([[11.]])
    """
    return _scaled_sum("addbmm", input, sum(bmm(batch1, batch2), 0), beta, alpha)


def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product.

    >>> kron(Tensor([1, 10]), Tensor([1, 2]))
    tensor([ 1.,  2., 10., 20.])
    """
    ndim = builtins.max(input.ndim, other.ndim)
    a, b = ((1,) * (ndim - x.ndim) + x.shape for x in (input, other))
    left = reshape(input, *[n for size in a for n in (size, 1)])
    right = reshape(other, *[n for size in b for n in (1, size)])
    return reshape(left * right, *[m * n for m, n in zip(a, b)])


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0,
          compute_mode: Optional[str] = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The p-norm distance of each row of `x1` to each row of `x2`.

    PyTorch's `compute_mode` is accepted; distances are always computed from differences, which is accurate.

    >>> cdist(Tensor([[0.0, 0.0]]), Tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"cdist takes matrices with rows of one length; got shapes {x1.shape} and {x2.shape}")
    return norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1)
