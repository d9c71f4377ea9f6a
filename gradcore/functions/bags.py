"""Bags of embeddings: rows of a table, looked up by index and reduced without storing them."""

from __future__ import annotations

import math
from typing import Any, Optional

from ..backends.formulas.dtypes import kind_of
from ..core.tensor import Tensor, as_tensor, common_backend
from ..operations.arithmetic import isnan
from ..operations.creation import arange, full, zeros
from ..operations.indexing import gather, values_on_host
from ..operations.scattered_reductions import scatter_reduce
from ..operations.scattering import index_add
from ..operations.selection import where
from ..operations.shaping import cat, expand, reshape, unsqueeze
from ..operations.sorting import searchsorted
from .embeddings import embedding

MODES = ("sum", "mean", "max")


def embedding_bag(input: Any, weight: Tensor, offsets: Any = None, max_norm: Optional[float] = None,
                  norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Optional[Tensor] = None, include_last_offset: bool = False,
                  padding_idx: Optional[int] = None) -> Tensor:
    """The sum, mean or maximum of rows of a table, a row of shape (d,) for each bag.

    Source: Joulin et al., "Bag of Tricks for Efficient Text Classification", EACL 2017.

    Parameters
    ----------
    input : the indices of the rows, of shape (bags, N), or all bags concatenated.
    offsets : the start of each bag in a vector of indices; with `include_last_offset` also the end of the last one.
    per_sample_weights : a weight for each index, with mode="sum".
    padding_idx : an index that is ignored.  An empty bag gives zeros.
    max_norm, norm_type, scale_grad_by_freq, sparse : see `embedding`.

    >>> table = Tensor([[1.0], [2.0], [4.0]])
    >>> embedding_bag(Tensor([0, 2, 1], dtype=int), table, Tensor([0, 2], dtype=int))
    tensor([[2.5],
            [2. ]])
    """
    backend = common_backend("embedding_bag", (input, weight, offsets, per_sample_weights))
    index = as_tensor(input, device=backend.device)
    _check(index, mode, per_sample_weights)
    bags, count = _bags(index, offsets, include_last_offset)
    given = input if index.ndim == 1 else reshape(index, -1)
    rows = embedding(given, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    counts_not = None if padding_idx is None else reshape(index, -1) == padding_idx % weight.shape[0]
    if mode == "max":
        return _largest(rows, bags, count, counts_not)
    if per_sample_weights is not None:
        rows = rows * unsqueeze(reshape(per_sample_weights, -1), -1)
    if counts_not is not None:
        rows = where(unsqueeze(counts_not, -1), 0.0, rows)
    sums = index_add(zeros(count, rows.shape[1], dtype=rows.dtype, device=rows.device), 0, bags, rows)
    if mode == "sum":
        return sums
    ones = full((rows.shape[0],), 1, dtype=rows.dtype, device=rows.device)
    ones = ones if counts_not is None else where(counts_not, 0.0, ones)
    numbers = index_add(zeros(count, dtype=rows.dtype, device=rows.device), 0, bags, ones)
    return sums / unsqueeze(numbers.clamp(min=1), -1)


def _check(index: Tensor, mode: str, per_sample_weights: Optional[Tensor]) -> None:
    if mode not in MODES:
        raise ValueError(f"embedding_bag: `mode` must be one of {', '.join(MODES)}; got {mode!r}")
    if per_sample_weights is not None and (mode != "sum" or per_sample_weights.shape != index.shape):
        raise ValueError(f"embedding_bag: `per_sample_weights` are for mode=\"sum\" and have the shape of the input, "
                         f"{index.shape}; got {per_sample_weights.shape} for mode={mode!r}")


def _bags(index: Tensor, offsets: Any, include_last_offset: bool) -> tuple[Tensor, int]:
    """The bag of each index, and the number of bags."""
    if index.ndim == 2 and offsets is None:
        bags = expand(unsqueeze(arange(index.shape[0], device=index.device), 1), index.shape)
        return reshape(bags, -1), index.shape[0]
    if index.ndim != 1 or offsets is None:
        raise ValueError(f"embedding_bag: the input must have shape (bags, N) without offsets, or (N,) with offsets; "
                         f"got {index.shape} and offsets {offsets!r:.60}")
    starts = as_tensor(offsets, device=index.device)
    if starts.ndim != 1 or kind_of(starts.dtype) != 1 or include_last_offset and not starts.shape[0]:
        raise ValueError(f"embedding_bag: `offsets` must be a vector of integers; got {starts.dtype} of shape "
                         f"{starts.shape}")
    seen = values_on_host(offsets, starts)
    if seen is not None and seen.size and (seen[0] != 0 or (seen[1:] < seen[:-1]).any() or seen[-1] > index.shape[0]):
        raise ValueError(f"embedding_bag: `offsets` must begin with 0 and rise to {index.shape[0]} at most; got "
                         f"{seen.tolist()!r:.80}")
    starts = starts[:-1] if include_last_offset else starts
    return searchsorted(starts, arange(index.shape[0], device=index.device), right=True) - 1, starts.shape[0]


def _largest(rows: Tensor, bags: Tensor, count: int, counts_not: Optional[Tensor]) -> Tensor:
    """The largest elements, whose gradient goes to the first that is so large, as in PyTorch; 0 for empty bags."""
    n, width = rows.shape
    of_bag = expand(unsqueeze(bags, -1), rows.shape).contiguous()
    known = rows.detach()
    if counts_not is not None:
        known = where(unsqueeze(counts_not, -1), -math.inf, known)
    least = full((count, width), -math.inf, dtype=known.dtype, device=rows.device)
    is_best = (known == gather(scatter_reduce(least, 0, of_bag, known, "amax"), 0, of_bag)) | isnan(known)
    if counts_not is not None:
        is_best = is_best & ~unsqueeze(counts_not, -1)
    places = where(is_best, unsqueeze(arange(n, device=rows.device), -1), n)
    first = scatter_reduce(full((count, width), n, dtype=places.dtype, device=rows.device), 0, of_bag, places, "amin")
    return gather(cat([rows, zeros(1, width, dtype=rows.dtype, device=rows.device)]), 0, first)
