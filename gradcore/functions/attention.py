"""Attention: averages of values, weighted by the similarity of their keys to a query."""

from __future__ import annotations

import math
from typing import Any, Optional

import numpy as np

from ..backends import Expression, RowNamespace
from ..backends.formulas.dtypes import BOOL
from ..core.broadcasting import cast
from ..core.rowwise import rowwise
from ..core.tensor import Tensor, as_tensor, common_backend
from ..operations.linear_algebra import matmul
from ..operations.rearranging import repeat_interleave
from ..operations.selection import where
from ..operations.shaping import matrix_transpose
from .dropout import check_probability, dropout


def _weights(xp: RowNamespace, scores: Expression) -> Expression:
    """The softmax of a row of scores; all weights are 0 if every score is minus infinity."""
    top = xp.stop_gradient(xp.max(scores))
    e = xp.exp(scores - xp.where(top == -xp.inf, 0.0, top))
    total = xp.sum(e)
    return e / xp.where(total == 0, 1.0, total)


def _slope(xp: RowNamespace, output: Expression, upstream: Expression) -> Expression:
    return output * (upstream - xp.sum(output * upstream))


@rowwise
def attention_weights(xp: RowNamespace, scores: Expression, scale: float = 1.0) -> Expression:
    """softmax(scale · scores)."""
    return _weights(xp, scores * scale)


@attention_weights.derivative
def _(xp: RowNamespace, output: Expression, upstream: Expression, scale: float = 1.0) -> Expression:
    return scale * _slope(xp, output, upstream)


@rowwise
def masked_attention_weights(xp: RowNamespace, scores: Expression, bias: Expression, scale: float = 1.0) -> Expression:
    """softmax(scale · scores + bias)."""
    return _weights(xp, scores * scale + bias)


@masked_attention_weights.derivative
def _(xp: RowNamespace, output: Expression, upstream: Expression, scale: float = 1.0) -> tuple[Expression, ...]:
    slope = _slope(xp, output, upstream)
    return scale * slope, slope


@rowwise
def causal_attention_weights(xp: RowNamespace, scores: Expression, row: Expression, scale: float = 1.0) -> Expression:
    """softmax(scale · scores) over the columns up to the row's index."""
    return _weights(xp, xp.where(xp.position <= row, scores * scale, -xp.inf))


@causal_attention_weights.derivative
def _(xp: RowNamespace, output: Expression, upstream: Expression, scale: float = 1.0) -> tuple[Expression, float]:
    return scale * _slope(xp, output, upstream), 0.0


def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: Optional[float] = None,
                                 enable_gqa: bool = False) -> Tensor:
    """softmax(query keyᵀ · scale + mask) value.

    Source: Vaswani et al., "Attention Is All You Need", NIPS 2017, eq. 1.

    Parameters
    ----------
    query : shape (..., L, E);  key : shape (..., S, E);  value : shape (..., S, V).
    attn_mask : broadcasts to (..., L, S): True where a query may attend, or floats that are added to the scores.
    is_causal : whether query i attends to keys up to i only.
    scale : by default 1 / sqrt(E).
    enable_gqa : whether keys and values, with fewer heads (dimension -3), are repeated for the queries.

    >>> x = Tensor([[1.0], [3.0]])
    >>> scaled_dot_product_attention(x * 0, x, x, is_causal=True)
    tensor([[1.],
            [2.]])
    """
    name = "scaled_dot_product_attention"
    query, key, value = _checked(name, query, key, value, attn_mask, is_causal, enable_gqa)
    check_probability(dropout_p, name)
    if enable_gqa:
        times = query.shape[-3] // key.shape[-3]
        key, value = repeat_interleave(key, times, -3), repeat_interleave(value, times, -3)
    weights = weights_of(matmul(query, matrix_transpose(key)), attn_mask, is_causal,
                         1.0 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale)
    return matmul(dropout(weights, dropout_p) if dropout_p else weights, value)


def weights_of(scores: Tensor, mask: Any, is_causal: bool, scale: float) -> Tensor:
    """The attention weights: the softmax of scores (..., L, S) under a mask."""
    if is_causal:
        rows = as_tensor(np.arange(scores.shape[-2])[:, None], scores.dtype, scores.device)
        return causal_attention_weights(scores, rows, scale=scale)
    if mask is None:
        return attention_weights(scores, scale=scale)
    return masked_attention_weights(scores, as_bias(mask, scores), scale=scale)


def as_bias(mask: Any, like: Tensor) -> Tensor:
    """A boolean mask as a bias of the scores: 0 for True and minus infinity for False."""
    mask = as_tensor(mask, device=None if isinstance(mask, Tensor) else like.device)
    return where(mask, 0.0, -math.inf).to(like.dtype) if mask.dtype == BOOL else cast(mask, like.dtype)


def _checked(name: str, query: Any, key: Any, value: Any, mask: Any, is_causal: bool,
             enable_gqa: bool) -> list[Tensor]:
    device = common_backend(name, (query, key, value, mask)).device
    q, k, v = tensors = [as_tensor(x, device=None if isinstance(x, Tensor) else device) for x in (query, key, value)]
    shapes = f"got query {q.shape}, key {k.shape} and value {v.shape}"
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(f"{name}: shapes (..., L, E), (..., S, E) and (..., S, V) are needed; {shapes}")
    if is_causal and mask is not None:
        raise ValueError(f"{name}: `attn_mask` and `is_causal` exclude each other")
    if enable_gqa and (min(q.ndim, k.ndim) < 3 or q.shape[-3] % k.shape[-3] or k.shape[-3] != v.shape[-3]):
        raise ValueError(f"{name}: the heads of the queries must be a multiple of those of keys and values; {shapes}")
    return tensors
