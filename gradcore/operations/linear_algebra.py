"""Matrix products."""

from __future__ import annotations

import math
from typing import Any, Optional

from ..backends import Array, Backend
from ..backends.formulas.dtypes import BOOL
from ..core.broadcasting import of_one_dtype, sum_to
from ..core.dimensions import common_shape
from ..core.operation import Operation
from .shaping import matrix_transpose, permute, reshape
from ..core.tensor import Tensor


class MatMul(Operation):
    """The matrix product, batched over leading dimensions, which broadcast; `transposed` says which operands are
    transposed.
    """

    saves = (0, 1)
    transposed = (False, False)

    def forward(self, backend: Backend, a: Array, b: Array) -> Array:
        turns_a, turns_b = self.transposed
        return backend.matmul(backend.transposed(a) if turns_a else a, backend.transposed(b) if turns_b else b)

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        turns_a, turns_b = self.transposed
        parts: list[Optional[Tensor]] = [None, None]
        if self.parents[0] is not None:
            b = self.saved(1)
            part = MatMul.apply(b, gradient, transposed=(turns_b, True)) if turns_a else \
                MatMul.apply(gradient, b, transposed=(False, not turns_b))
            parts[0] = sum_to(part, self.input_shapes[0])
        if self.parents[1] is not None:
            a = self.saved(0)
            part = MatMul.apply(gradient, a, transposed=(True, turns_a)) if turns_b else \
                MatMul.apply(a, gradient, transposed=(not turns_a, False))
            parts[1] = sum_to(part, self.input_shapes[1])
        return parts


class Affine(Operation):
    """x Wᵀ + b of matrices x and W and a vector b."""

    saves = (0, 1)

    def forward(self, backend: Backend, x: Array, weight: Array, bias: Array) -> Array:
        product = backend.matmul(x, backend.transposed(weight))
        backend.add_at(product, ..., bias)
        return product

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        along_x, along_weight, along_bias = [parent is not None for parent in self.parents]
        return [MatMul.apply(gradient, self.saved(1)) if along_x else None,
                MatMul.apply(gradient, self.saved(0), transposed=(True, False)) if along_weight else None,
                sum_to(gradient, self.input_shapes[2]) if along_bias else None]


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product ``a @ b``.

    Two vectors give their inner product.  A vector is a row on the left and a column on the right.  Leading dimensions
    broadcast.

    >>> matmul(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    a, b = of_one_dtype((a, b), "matmul")
    if a.dtype == BOOL:
        raise TypeError(f"matmul: one of the tensors must hold integers or floats; got {a.dtype} and {b.dtype}")
    if not (a.ndim and b.ndim):
        raise ValueError(f"matmul needs tensors with dimensions; got shapes {a.shape} and {b.shape}. Use * for numbers")
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit: the last dimension of the first, "
                         f"{a.shape[-1]}, must equal the {'second to last' if b.ndim > 1 else 'only'} one of the "
                         f"second, {inner}")
    if a.ndim == b.ndim == 2:
        return MatMul.apply(a, b)
    rows, columns = a.shape[:-1], b.shape[-1:] if b.ndim > 1 else ()
    if b.ndim <= 2:  # one matrix for all rows: no stack of products, whatever the shape of `a`
        product = MatMul.apply(reshape(a, math.prod(rows), inner), reshape(b, inner, *columns or (1,)))
        return reshape(product, rows + columns)
    if a.ndim == 1:
        product = MatMul.apply(reshape(a, 1, inner), b)
        return reshape(product, product.shape[:-2] + columns)
    common_shape("matmul", (a.shape[:-2], b.shape[:-2]), ("stacks of", "and"))
    return MatMul.apply(a, b)


def linear(x: Any, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    """x Wᵀ + b: an affine map of the last dimension.

    Parameters
    ----------
    x : shape (..., in).
    weight : shape (out, in).
    bias : shape (out,), or None for no bias.

    >>> linear(Tensor([1, 2]), Tensor([[3, 4]]), Tensor([5]))
    tensor([16.])
    """
    x, weight, *rest = of_one_dtype((x, weight, *(() if bias is None else (bias,))), "linear")
    if weight.ndim != 2 or not x.ndim or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear needs a weight of shape (out, in) and an input of shape (..., in); got weight "
                         f"{weight.shape} and input {x.shape}")
    if not rest:
        return matmul(x, matrix_transpose(weight))
    if rest[0].shape != weight.shape[:1]:
        raise ValueError(f"linear needs a bias of shape {weight.shape[:1]} for a weight of shape {weight.shape}; got "
                         f"{rest[0].shape}")
    rows = x.shape[:-1]
    if len(rows) == 1:
        return Affine.apply(x, weight, *rest)
    return reshape(Affine.apply(reshape(x, math.prod(rows), weight.shape[1]), weight, *rest), *rows, weight.shape[0])


def bilinear(input1: Any, input2: Any, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    """y_k = x₁ᵀ W_k x₂ + b_k for each output k.

    Parameters
    ----------
    input1, input2 : shapes (..., in1) and (..., in2), equal but for the last dimension.
    weight : shape (out, in1, in2).
    bias : shape (out,), or None.

    >>> bilinear(Tensor([1.0, 2.0]), Tensor([3.0]), Tensor([[[1.0], [1.0]]]))
    tensor([9.])
    """
    x1, x2, weight, *rest = of_one_dtype(
        (input1, input2, weight, *(() if bias is None else (bias,))), "bilinear")
    if weight.ndim != 3 or not x1.ndim or not x2.ndim or x1.shape[:-1] != x2.shape[:-1] \
            or (x1.shape[-1], x2.shape[-1]) != weight.shape[1:] or rest and rest[0].shape != weight.shape[:1]:
        raise ValueError(f"bilinear needs inputs of shapes (..., in1) and (..., in2), a weight of shape "
                         f"(out, in1, in2) and a bias of shape (out,); got {x1.shape}, {x2.shape}, {weight.shape}"
                         + (f" and {rest[0].shape}" if rest else ""))
    out, in1, in2 = weight.shape
    rows = math.prod(x1.shape[:-1])
    transposed = matmul(reshape(x1, rows, in1), reshape(permute(weight, 1, 0, 2), in1, out * in2))
    y = reshape(matmul(reshape(transposed, rows, out, in2), reshape(x2, rows, in2, 1)), *x1.shape[:-1], out)
    return y + rest[0] if rest else y
