"""Embedding layers."""

from __future__ import annotations

from typing import Any, Optional

from ..core.tensor import DeviceLike, Tensor
from ..functions.bags import MODES, embedding_bag
from ..functions.embeddings import checked_padding, embedding, check_rows
from . import init
from .layers import check_size
from .module import Module
from .parameter import Parameter, unfilled


def _table(module: Any, weight: Optional[Tensor], device: DeviceLike, dtype: Any) -> Parameter:
    """The table of a module: the given one, or a new one."""
    shape = (module.num_embeddings, module.embedding_dim)
    if weight is None:
        table = unfilled(shape, device, dtype)
        _draw(table, module.padding_idx)
        return table
    if weight.shape != shape:
        raise ValueError(f"{type(module).__name__}: the weight must have shape {shape}; got {weight.shape}")
    return Parameter(weight)


def _draw(table: Parameter, padding_idx: Optional[int]) -> None:
    init.normal_(table)
    if padding_idx is not None:
        table.detach()[padding_idx] = 0.0


class Embedding(Module):
    """A table of learned vectors, looked up by index: see `gradcore.functions.embedding`.

    Vectors are initialized from the standard normal distribution; that of `padding_idx` is 0 and gets no gradient.

    >>> Embedding(5, 3)(Tensor([[0, 4]], dtype=int)).shape
    (1, 2, 3)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: Optional[int] = None,
                 max_norm: Optional[float] = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 sparse: bool = False, _weight: Optional[Tensor] = None, _freeze: bool = False,
                 device: DeviceLike = None, dtype: Any = None):
        check_size(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        check_rows("Embedding", max_norm, norm_type, sparse)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx: Optional[int] = checked_padding(padding_idx, num_embeddings, "Embedding")
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.sparse = sparse
        self.weight = _table(self, _weight, device, dtype)
        self.weight.requires_grad = not _freeze

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: Optional[int] = None,
                        max_norm: Optional[float] = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                        sparse: bool = False) -> "Embedding":
        """An embedding with a given table of shape (n, d), which by default is frozen."""
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding.from_pretrained: vectors of shape (n, d) are needed; got {embeddings.shape}")
        count, size = embeddings.shape
        return cls(count, size, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def reset_parameters(self) -> None:
        """Reinitialize all vectors."""
        _draw(self.weight, self.padding_idx)

    def forward(self, input: Any) -> Tensor:
        return embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    def extra_repr(self) -> str:
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}"]
                         + [f"{name}={getattr(self, name)}" for name, value in usual.items()
                            if getattr(self, name) != value])


class EmbeddingBag(Module):
    """A table of learned vectors, of which bags are reduced: see `gradcore.functions.embedding_bag`.

    >>> EmbeddingBag(5, 3)(Tensor([1, 2, 4], dtype=int), Tensor([0, 2], dtype=int)).shape
    (2, 3)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: Optional[float] = None,
                 norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                 _weight: Optional[Tensor] = None, include_last_offset: bool = False,
                 padding_idx: Optional[int] = None, device: DeviceLike = None, dtype: Any = None):
        check_size(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        check_rows("EmbeddingBag", max_norm, norm_type, sparse)
        if mode not in MODES:
            raise ValueError(f"EmbeddingBag: `mode` must be one of {', '.join(MODES)}; got {mode!r}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset
        self.padding_idx = checked_padding(padding_idx, num_embeddings, "EmbeddingBag")
        self.weight = _table(self, _weight, device, dtype)

    reset_parameters = Embedding.reset_parameters

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Optional[Tensor] = None) -> Tensor:
        return embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                             self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}"
