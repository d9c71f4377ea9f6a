"""Embeddings: rows of a table, looked up by index."""

from __future__ import annotations

from typing import Any, Optional

from ..backends import Array, Backend
from ..backends.formulas.dtypes import kind_of
from ..core.operation import Operation
from ..core.tensor import Tensor, as_tensor, common_backend
from ..operations.indexing import Index, PutInto, getitem, values_on_host
from ..operations.inplace import write
from ..operations.rarer import renorm
from ..operations.selection import masked_fill


class _Rows(Operation):
    """Rows of a table.  The row `padding_idx` gets no gradient; with `is_shared`, gradients are divided by the number
    of uses.
    """

    index: Tensor
    padding_idx: Optional[int]
    is_shared: bool

    def forward(self, backend: Backend, weight: Array) -> Array:
        return backend.take(weight, self.index._array)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        if self.padding_idx is not None:
            gradient = masked_fill(gradient, (self.index == self.padding_idx).unsqueeze(-1), 0.0)
        if self.is_shared:
            gradient = gradient / _uses(self.index, gradient, self.input_shapes[0][0]).unsqueeze(-1)
        return [PutInto.apply(gradient, index=Index(self.index, gradient), shape=self.input_shapes[0])]


def _uses(index: Tensor, like: Tensor, count: int) -> Tensor:
    """For each element of the index, the number of occurrences of its row."""
    ones = Tensor._wrap(like._backend.full(index.shape, 1, like.dtype), like._backend)
    return getitem(PutInto.apply(ones, index=Index(index, ones), shape=(count,)), index)


def _bound(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the indexed rows of the table down to the maximum norm, in place."""
    values, places = weight.detach(), index.reshape(-1)
    write(values, places, renorm(getitem(values, places), norm_type, 0, max_norm), "embedding")


def embedding(input: Any, weight: Tensor, padding_idx: Optional[int] = None, max_norm: Optional[float] = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """Rows of a table: indices of shape (...) and a weight of shape (n, d) give (..., d).

    Source: Bengio et al., "A Neural Probabilistic Language Model", JMLR 3, 2003.

    Parameters
    ----------
    padding_idx : the index of a row that gets no gradient.
    max_norm, norm_type : indexed rows whose `norm_type`-norm is larger are scaled down to `max_norm`, in the table
        itself, before the look-up; the scaling is not differentiated.
    scale_grad_by_freq : whether the gradient of a row is divided by its number of uses.
    sparse : not supported: gradients are dense.

    >>> embedding(Tensor([2, 0], dtype=int), Tensor([[1.0], [2.0], [3.0]]))
    tensor([[3.],
            [1.]])
    """
    check_rows("embedding", max_norm, norm_type, sparse)
    backend = common_backend("embedding", (input, weight))
    index = as_tensor(input, device=backend.device)
    if weight.ndim != 2 or kind_of(index.dtype) != 1:
        raise TypeError(f"embedding: it takes integers and a weight of shape (n, d); got {index.dtype} and shape "
                        f"{weight.shape}")
    count = weight.shape[0]
    padding_idx = checked_padding(padding_idx, count, "embedding")
    places = values_on_host(input, index)
    if places is not None and places.size and (places.min() < 0 or places.max() >= count):
        raise IndexError(f"embedding: the input must hold indices from 0 to {count - 1}; got {places.min()} to "
                         f"{places.max()}")
    index = index.detach().clone()
    if max_norm is not None:
        _bound(weight, index, max_norm, norm_type)
    return _Rows.apply(weight, index=index, padding_idx=padding_idx, is_shared=scale_grad_by_freq)


def checked_padding(padding_idx: Optional[int], count: int, name: str) -> Optional[int]:
    """`padding_idx` as a non-negative index."""
    if padding_idx is not None and not -count <= padding_idx < count:
        raise ValueError(f"{name}: `padding_idx` must be an index of one of the {count} rows; got {padding_idx}")
    return None if padding_idx is None else padding_idx % count


def check_rows(name: str, max_norm: Optional[float], norm_type: float, sparse: bool) -> None:
    """Raise an error for invalid norms and for sparse gradients."""
    if sparse:
        raise NotImplementedError(f"{name}: `sparse` is not supported: gradients are dense")
    if max_norm is not None and not (max_norm >= 0 and norm_type > 0):
        raise ValueError(f"{name}: `max_norm` must be at least 0 and `norm_type` above 0; got {max_norm} and "
                         f"{norm_type}")
