"""Embeddings."""

from __future__ import annotations

from typing import Any, Optional

from ..core.tensor import DeviceLike, Tensor
from ..functions.embeddings import checked_padding, embedding, check_rows
from . import init
from .layers import check_size
from .module import Module
from .parameter import Parameter, unfilled


class Embedding(Module):
    """A table of vectors, which are learned, taken by their numbers: see `gradcore.functions.embedding`.

    They begin as draws from the standard normal distribution; that of `padding_idx` is 0 and stays so.

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
        self.padding_idx = checked_padding(padding_idx, num_embeddings, "Embedding")
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.sparse = sparse
        if _weight is not None and _weight.shape != (num_embeddings, embedding_dim):
            raise ValueError(f"Embedding: the weight must have shape ({num_embeddings}, {embedding_dim}); got "
                             f"{_weight.shape}")
        if _weight is None:
            self.weight = unfilled((num_embeddings, embedding_dim), device, dtype)
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight)
        self.weight.requires_grad = not _freeze

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: Optional[int] = None,
                        max_norm: Optional[float] = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                        sparse: bool = False) -> "Embedding":
        """An embedding with these vectors, a tensor of shape (n, d), which by default are not learned."""
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding.from_pretrained: vectors of shape (n, d) are needed; got {embeddings.shape}")
        count, size = embeddings.shape
        return cls(count, size, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def reset_parameters(self) -> None:
        """Draw all vectors anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.detach()[self.padding_idx] = 0.0

    def forward(self, input: Any) -> Tensor:
        return embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    def extra_repr(self) -> str:
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}"]
                         + [f"{name}={getattr(self, name)}" for name, value in usual.items()
                            if getattr(self, name) != value])
