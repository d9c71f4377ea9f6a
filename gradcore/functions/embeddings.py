"""Embeddings: rows of a table, taken by their numbers."""

from __future__ import annotations

from typing import Any, Optional

from ..backends.formulas.dtypes import kind_of
from ..core.operation import Operation
from ..core.tensor import Tensor, as_tensor, common_backend
from ..operations.indexing import Index, PutInto, values_on_host
from ..operations.selection import masked_fill


class _Rows(Operation):
    """Rows of a table; those of `padding_idx` get no gradient."""

    index: Tensor
    padding_idx: Optional[int]

    def forward(self, backend, weight):
        return backend.take(weight, self.index._array)

    def backward(self, gradient):
        if self.padding_idx is not None:
            gradient = masked_fill(gradient, (self.index == self.padding_idx).unsqueeze(-1), 0.0)
        return [PutInto.apply(gradient, index=Index(self.index, gradient), shape=self.input_shapes[0])]


def embedding(input: Any, weight: Tensor, padding_idx: Optional[int] = None, max_norm: Optional[float] = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """Rows of a table: (...) integers from 0 to n - 1 and a weight of shape (n, d) give (..., d).

    Parameters
    ----------
    padding_idx : the number of a row that is not learned.
    max_norm, scale_grad_by_freq, sparse : PyTorch's; they are not taken here.

    >>> embedding(Tensor([2, 0], dtype=int), Tensor([[1.0], [2.0], [3.0]]))
    tensor([[3.],
            [1.]])
    """
    refuse_unknown("embedding", max_norm, scale_grad_by_freq, sparse)
    backend = common_backend("embedding", (input, weight))
    index = as_tensor(input, device=backend.device)
    if weight.ndim != 2 or kind_of(index.dtype) != 1:
        raise TypeError(f"embedding: it takes integers and a weight of shape (n, d); got {index.dtype} and shape "
                        f"{weight.shape}")
    count = weight.shape[0]
    padding_idx = checked_padding(padding_idx, count, "embedding")
    places = values_on_host(input, index)
    if places is not None and places.size and (places.min() < 0 or places.max() >= count):
        raise IndexError(f"embedding: the input must hold numbers from 0 to {count - 1}; got {places.min()} to "
                         f"{places.max()}")
    return _Rows.apply(weight, index=index.detach().clone(), padding_idx=padding_idx)


def checked_padding(padding_idx: Optional[int], count: int, name: str) -> Optional[int]:
    """The number of the row that is not learned, counted from the front."""
    if padding_idx is not None and not -count <= padding_idx < count:
        raise ValueError(f"{name}: `padding_idx` must be the number of one of the {count} rows; got {padding_idx}")
    return None if padding_idx is None else padding_idx % count


def refuse_unknown(name: str, max_norm: Optional[float], scale_grad_by_freq: bool, sparse: bool) -> None:
    """Refuse PyTorch's options that are not taken here."""
    given = {"max_norm": max_norm is not None, "scale_grad_by_freq": scale_grad_by_freq, "sparse": sparse}
    for option, is_given in given.items():
        if is_given:
            raise NotImplementedError(f"{name}: `{option}` is not taken here: rows are neither rescaled nor sparse")
