"""Norms, and the logarithm of a sum of exponentials."""

from __future__ import annotations

import math
from typing import Any, Union

from ..backends import Expression, RowNamespace
from ..backends.formulas.dtypes import as_dtype
from ..core.broadcasting import cast
from ..core.dimensions import Dims, accepts_numpy_names, reduced_dims
from ..core.rowwise import rowwise
from ..core.tensor import Tensor
from . import arithmetic
from .extrema import amax, amin, count_nonzero
from .reduction import floating, in_float32, root, sum


@accepts_numpy_names
def norm(x: Tensor, p: Union[float, str] = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The vector norm (sum |x|^p)^(1/p); its gradient is 0 where it is 0.

    p = inf gives the largest absolute value, -inf the smallest, and 0 the number of nonzero elements; "fro" is 2, also
    for matrices.  Elements are first cast to `dtype`.

    >>> norm(Tensor([3.0, 4.0]))
    tensor(5.)
    """
    return _norm(x if dtype is None else cast(x, as_dtype(dtype)), p, dim, keepdim)


@in_float32
def _norm(x: Tensor, p: Union[float, str], dim: Dims, keepdim: bool) -> Tensor:
    if isinstance(p, str):
        if p != "fro":
            raise ValueError(f'norm needs a number p, or "fro"; got {p!r}')
        p = 2
    x = floating(x)
    if p == 2:
        return root(sum(arithmetic.square(x), dim, keepdim))
    if p != p:
        raise ValueError(f"norm needs a number p; got {p}")
    if p == 0:
        return cast(count_nonzero(x, dim, keepdim), x.dtype)
    magnitude = arithmetic.abs(x)
    if p == math.inf:
        return amax(magnitude, dim, keepdim)
    if p == -math.inf:
        return amin(magnitude, dim, keepdim)
    if p == 1:
        return sum(magnitude, dim, keepdim)
    if p < 0:
        return sum(magnitude ** p, dim, keepdim) ** (1 / p)
    return root(sum(root(magnitude, 1 / p), dim, keepdim), p)


@rowwise
def log_sum_exp(xp: RowNamespace, x: Expression) -> Expression:
    """log(sum(exp(x))): the kernel of `logsumexp`."""
    top = xp.stop_gradient(xp.max(x))
    top = xp.where(xp.isfinite(top), top, 0.0)
    return xp.log(xp.sum(xp.exp(x - top))) + top


@accepts_numpy_names
def logsumexp(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))), without overflow or underflow.

    >>> logsumexp(Tensor([0.0, 0.0]), dim=0)
    tensor(0.6931)
    """
    x = floating(x)
    dims = reduced_dims(dim, x.ndim)
    if 0 in [x.shape[d] for d in dims]:
        return arithmetic.log(sum(arithmetic.exp(x), dims, keepdim))
    return log_sum_exp(x, dim=dims, keepdim=keepdim)
