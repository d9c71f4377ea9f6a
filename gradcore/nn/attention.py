"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

from .. import functions
from ..backends.formulas.dtypes import BOOL
from ..core.tensor import DeviceLike, Tensor
from ..functions.attention import as_bias, weights_of
from ..functions.dropout import check_probability
from ..operations.creation import zeros
from ..operations.linear_algebra import linear, matmul
from ..operations.rearranging import pad
from ..operations.shaping import cat, chunk, matrix_transpose, reshape, transpose
from . import init
from .layers import Linear, check_size
from .module import Module
from .parameter import Parameter, unfilled


class MultiheadAttention(Module):
    """Attention in several heads, each on its own projections of queries, keys and values.

    MultiheadAttention(Q, K, V) = concat(head_1, ..., head_h) Wᴼ with head_i = attention(Q W_iᵠ, K W_iᴷ, V W_iⱽ): see
    `gradcore.functions.scaled_dot_product_attention`.

    Source: Vaswani et al., "Attention Is All You Need", NIPS 2017, section 3.2.2.

    >>> from gradcore import randn
    >>> x = randn(3, 2, 4)  # a sequence of 3, two of them, 4 features
    >>> output, weights = MultiheadAttention(embed_dim=4, num_heads=2)(x, x, x)
    >>> output.shape, weights.shape
    ((3, 2, 4), (2, 3, 3))
    """

    in_proj_weight: Optional[Parameter]
    q_proj_weight: Optional[Parameter]
    k_proj_weight: Optional[Parameter]
    v_proj_weight: Optional[Parameter]
    in_proj_bias: Optional[Parameter]
    bias_k: Optional[Parameter]
    bias_v: Optional[Parameter]

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: Optional[int] = None,
                 vdim: Optional[int] = None, batch_first: bool = False, device: DeviceLike = None, dtype: Any = None):
        check_size(self, embed_dim=embed_dim, num_heads=num_heads)
        check_probability(dropout, "MultiheadAttention")
        if not num_heads or not embed_dim or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: `embed_dim` must be a multiple of `num_heads`; got {embed_dim} and "
                             f"{num_heads}")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        is_one = self.kdim == self.vdim == embed_dim
        shapes = {"in_proj_weight": (3 * embed_dim, embed_dim) if is_one else None,
                  "q_proj_weight": None if is_one else (embed_dim, embed_dim),
                  "k_proj_weight": None if is_one else (embed_dim, self.kdim),
                  "v_proj_weight": None if is_one else (embed_dim, self.vdim),
                  "in_proj_bias": (3 * embed_dim,) if bias else None,
                  "bias_k": (1, 1, embed_dim) if add_bias_kv else None,
                  "bias_v": (1, 1, embed_dim) if add_bias_kv else None}
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else unfilled(shape, device, dtype))
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialize the input projections, with biases of 0."""
        for name, parameter in self._parameters.items():
            if parameter is not None and name.endswith("weight"):
                init.xavier_uniform_(parameter)
            elif parameter is not None and name != "in_proj_bias":
                init.xavier_normal_(parameter)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Optional[Tensor] = None,
                need_weights: bool = True, attn_mask: Optional[Tensor] = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> tuple[Tensor, Optional[Tensor]]:
        """The output and, with `need_weights`, the attention weights (averaged over heads, or of each head).

        Parameters
        ----------
        query : shape (L, N, E), with `batch_first` (N, L, E), or (L, E);  key, value : the same with S for L.
        key_padding_mask : shape (N, S) or (S,): True for keys to ignore, or floats that are added to scores.
        attn_mask : shape (L, S) or (N · heads, L, S): True where a query may *not* attend, or floats.
        is_causal : a hint that `attn_mask` is the causal mask; the mask is required as well.
        """
        is_batched = query.ndim == 3
        self._check(query, key, value, attn_mask, is_causal)
        q, k, v = [self._by_sample(tensor, is_batched) for tensor in (query, key, value)]
        q, k, v = self._projected(q, k, v)
        k, v, added = self._with_more_keys(k, v)
        mask = self._mask(q, k, key_padding_mask, attn_mask, added, is_batched)
        q, k, v = [self._heads(tensor) for tensor in (q, k, v)]
        p = self.dropout if self.training else 0.0
        weights = weights_of(matmul(q, matrix_transpose(k)), mask, False, 1.0 / math.sqrt(self.head_dim))
        weights = functions.dropout(weights, p) if p else weights
        n, _, length, _ = q.shape
        output = self.out_proj(reshape(transpose(matmul(weights, v), 1, 2), n, length, self.embed_dim))
        seen = (weights.mean(1) if average_attn_weights else weights) if need_weights else None
        if not is_batched:
            return output.squeeze(0), None if seen is None else seen.squeeze(0)
        return output if self.batch_first else transpose(output, 0, 1), seen

    def _check(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Optional[Tensor], is_causal: bool) -> None:
        sizes = (self.embed_dim, self.kdim, self.vdim)
        tensors = (query, key, value)
        fits = all(tensor.ndim == query.ndim > 0 and tensor.shape[-1] == size for tensor, size in zip(tensors, sizes))
        if query.ndim not in (2, 3) or not fits or key.shape[:-1] != value.shape[:-1]:
            raise ValueError(f"MultiheadAttention: query, key and value must have 2 or 3 dimensions and "
                             f"{', '.join(map(str, sizes))} features; got shapes "
                             f"{', '.join(str(tensor.shape) for tensor in tensors)}")
        if is_causal and attn_mask is None:
            raise ValueError("MultiheadAttention: `is_causal` is a hint about `attn_mask`, which is required")

    def _by_sample(self, x: Tensor, is_batched: bool) -> Tensor:
        """(samples, times, features)."""
        if not is_batched:
            return x.unsqueeze(0)
        return x if self.batch_first else transpose(x, 0, 1)

    def _projected(self, q: Tensor, k: Tensor, v: Tensor) -> Sequence[Tensor]:
        weights: Any
        biases: Sequence[Optional[Tensor]] = (None,) * 3 if self.in_proj_bias is None else chunk(self.in_proj_bias, 3)
        whole = self.in_proj_weight
        if whole is None:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        elif q is k is v or (q._array is k._array and k._array is v._array):
            return chunk(linear(q, whole, self.in_proj_bias), 3, -1)
        else:
            weights = chunk(whole, 3)
        return [linear(x, weight, bias) for x, weight, bias in zip((q, k, v), weights, biases)]

    def _with_more_keys(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, int]:
        """Keys and values with learned and zero entries appended if requested, and the number of these."""
        added = 0
        if self.bias_k is not None and self.bias_v is not None:
            k, v = [cat([x, more.expand(len(x), 1, self.embed_dim)], 1)
                    for x, more in ((k, self.bias_k), (v, self.bias_v))]
            added += 1
        if self.add_zero_attn:
            k, v = [cat([x, zeros(len(x), 1, self.embed_dim, dtype=x.dtype, device=x.device)], 1) for x in (k, v)]
            added += 1
        return k, v, added

    def _mask(self, q: Tensor, k: Tensor, key_padding_mask: Optional[Tensor], attn_mask: Optional[Tensor], added: int,
              is_batched: bool) -> Optional[Tensor]:
        """Both masks as a bias of the scores (samples, heads, L, S)."""
        n, length, count = len(q), q.shape[1], k.shape[1] - added
        total = None
        if attn_mask is not None:
            if attn_mask.shape not in ((length, count), (n * self.num_heads, length, count)):
                raise ValueError(f"MultiheadAttention: `attn_mask` must have shape ({length}, {count}) or "
                                 f"({n * self.num_heads}, {length}, {count}); got {attn_mask.shape}")
            total = _blocking(attn_mask, q)
            total = reshape(total, n, self.num_heads, length, count) if total.ndim == 3 else total
        if key_padding_mask is not None:
            wanted = (n, count) if is_batched else (count,)
            if key_padding_mask.shape != wanted:
                raise ValueError(f"MultiheadAttention: `key_padding_mask` must have shape {wanted}; got "
                                 f"{key_padding_mask.shape}")
            padding = reshape(_blocking(key_padding_mask, q), n, 1, 1, count)
            total = padding if total is None else total + padding
        return pad(total, (0, added)) if added and total is not None else total

    def _heads(self, x: Tensor) -> Tensor:
        """(samples, heads, times, features of a head)."""
        return transpose(reshape(x, x.shape[0], x.shape[1], self.num_heads, self.head_dim), 1, 2)


def _blocking(mask: Tensor, like: Tensor) -> Tensor:
    """A mask with True for blocked positions as a bias: minus infinity there."""
    return as_bias(~mask if mask.dtype == BOOL else mask, like)
