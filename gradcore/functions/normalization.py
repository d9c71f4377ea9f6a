"""Normalisations: row formulas that give each row a common scale."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

from ..core.dimensions import Dims, accepts_numpy_names
from ..core.rowwise import rowwise
from ..core.tensor import Tensor, as_tensor


@rowwise
def standardized(xp, x, weight, bias, eps=1e-5):
    """(x - mean) / sqrt(variance + eps) * weight + bias: the kernel of `layer_norm`."""
    centred = x - xp.mean(x)
    return centred / xp.sqrt(xp.mean(centred * centred) + eps) * weight + bias


@rowwise
def scaled_by_root_mean_square(xp, x, weight, eps=1e-6):
    """x / sqrt(mean(x^2) + eps) * weight: the kernel of `rms_norm`."""
    return x / xp.sqrt(xp.mean(x * x) + eps) * weight


def _length(xp, x, eps):
    """max(|x|, eps) of each row, whose gradient is 0 where the length is 0: a root has no slope there."""
    squares = xp.sum(x * x)
    is_zero = squares == 0
    return xp.maximum(xp.where(is_zero, 0.0, xp.sqrt(xp.where(is_zero, 1.0, squares))), eps)


@rowwise
def unit_length(xp, x, eps=1e-12):
    """x / max(|x|, eps): the kernel of `normalize` with p = 2."""
    return x / _length(xp, x, eps)


@rowwise
def cosine(xp, a, b, eps=1e-8):
    """a·b / (max(|a|, eps) max(|b|, eps)): the kernel of `cosine_similarity`."""
    return xp.sum(a * b) / (_length(xp, a, eps) * _length(xp, b, eps))


def _normalized_dims(x: Tensor, normalized_shape: Union[int, Sequence[int]], name: str) -> tuple[int, ...]:
    sizes = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not sizes or x.shape[x.ndim - len(sizes):] != sizes:
        raise ValueError(f"{name}: `normalized_shape` must be the last dimensions of the input; got {sizes} for an "
                         f"input of shape {x.shape}")
    return tuple(range(x.ndim - len(sizes), x.ndim))


def layer_norm(input: Any, normalized_shape: Union[int, Sequence[int]], weight: Optional[Tensor] = None,
               bias: Optional[Tensor] = None, eps: float = 1e-5) -> Tensor:
    """The input with mean 0 and variance 1 over its last dimensions, times `weight`, plus `bias`.

    y = (x - mean) / sqrt(variance + eps) · weight + bias; the variance divides by n.
    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016, eq. 3.

    >>> layer_norm(Tensor([[1.0, 3.0]]), 2, eps=0.0)
    tensor([[-1.,  1.]])
    """
    x = as_tensor(input)
    dims = _normalized_dims(x, normalized_shape, "layer_norm")
    return standardized(x, 1.0 if weight is None else weight, 0.0 if bias is None else bias, dim=dims, eps=eps)


def rms_norm(input: Any, normalized_shape: Union[int, Sequence[int]], weight: Optional[Tensor] = None,
             eps: Optional[float] = None) -> Tensor:
    """The input with root mean square 1 over its last dimensions, times `weight`.

    y = x / sqrt(mean(x^2) + eps) · weight; eps is by default the distance of 1 to the next number of the dtype.
    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, eq. 4.

    >>> rms_norm(Tensor([[1.0, 7.0]]), 2, eps=0.0)
    tensor([[0.2, 1.4]])
    """
    x = as_tensor(input)
    dims = _normalized_dims(x, normalized_shape, "rms_norm")
    if eps is None:
        eps = 2.0 ** -{2: 10, 4: 23, 8: 52}[x.dtype.itemsize]
    return scaled_by_root_mean_square(x, 1.0 if weight is None else weight, dim=dims, eps=eps)


@accepts_numpy_names
def normalize(input: Any, dim: Dims = 1, eps: float = 1e-12) -> Tensor:
    """The input with Euclidean length 1 along `dim`: x / max(|x|, eps).

    >>> normalize(Tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    return unit_length(input, dim=dim, eps=eps)


@accepts_numpy_names
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`: a·b / (max(|a|, eps) max(|b|, eps)).

    >>> cosine_similarity(Tensor([[1.0, 0.0]]), Tensor([[3.0, 4.0]]))
    tensor([0.6])
    """
    return cosine(x1, x2, dim=dim, eps=eps)
