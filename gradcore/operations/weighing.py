"""Weighted sums along a dimension: the product with a sparse matrix.

Elements with weight 0 do not affect a sum, unlike in a dense matrix product, where NaN times 0 is NaN.
"""

from __future__ import annotations

import numpy as np

from ..backends import Array, Backend, Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.operation import Operation
from ..core.tensor import Tensor


@elementwise
def weighed(xp: FormulaNamespace, total: Expression, x: Expression, weight: Expression) -> Expression:
    """The total plus x times its weight, if that is not 0."""
    return total + xp.where(weight == 0, 0.0, x * weight)


class SparseProduct(Operation):
    """y[..., o, ...] = the sum of matrix[i, o] x[..., i, ...] over all i whose weight is not 0, along `dim`."""

    matrix: np.ndarray
    dim: int

    def forward(self, backend: Backend, x: Array) -> Array:
        shape = (*x.shape[:self.dim], self.matrix.shape[1], *x.shape[self.dim + 1:])
        total = backend.full(shape, 0, x.dtype)
        for places, weights in self._terms():
            taken = backend.take(x, (*[slice(None)] * self.dim, backend.asarray(places), ...))
            column = backend.asarray(weights.reshape(-1, *(1,) * (x.ndim - self.dim - 1)), x.dtype)
            (total,) = backend.elementwise(weighed.kernel, (total, taken, column), ())
        return total

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [SparseProduct.apply(gradient, matrix=self.matrix.T, dim=self.dim)]

    def _terms(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For the first, second, ... term of each sum: indices of elements, and their weights."""
        is_used = self.matrix != 0
        order = np.argsort(~is_used, axis=0, kind="stable")  # of each column first what is used
        count = int(is_used.sum(0).max(initial=0))
        weights = np.take_along_axis(self.matrix, order, 0)
        return [(order[k], weights[k]) for k in range(count)]
