"""Local response normalization across channels."""

from __future__ import annotations

from typing import Any

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor, as_tensor
from ..operations.rearranging import pad
from ..operations.shaping import reshape
from .pooling import avg_pool2d
from .window_options import per_dim


@elementwise
def divided_by_response(xp: FormulaNamespace, x: Expression, mean: Expression, alpha: float = 1e-4, beta: float = 0.75,
              k: float = 1.0) -> Expression:
    """x / (k + alpha mean)^beta: the kernel of `local_response_norm`."""
    return x / (k + alpha * mean) ** beta


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Each element divided by (k + alpha · mean)^beta, with the mean of squares over `size` neighbouring channels.

    Channels are dimension 1 of (N, C, ...), padded with zeros.
    Source: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
    NeurIPS 2012, section 3.3.

    >>> local_response_norm(Tensor([[[3.0], [0.0]]]), 2, alpha=2.0, beta=0.5)
    tensor([[[0.9487],
             [0.    ]]])
    """
    x = as_tensor(input)
    (size,) = per_dim(size, 1, 1, "size", "local_response_norm")
    if x.ndim < 3:
        raise ValueError(f"local_response_norm: the input must have the shape (N, C, ...), with 3 dimensions at least; "
                         f"got {x.shape}")
    squares = reshape(x * x, x.shape[0], 1, x.shape[1], -1)
    means = avg_pool2d(pad(squares, (0, 0, size // 2, (size - 1) // 2)), (size, 1), stride=1)
    return divided_by_response(x, reshape(means, x.shape), alpha=alpha, beta=beta, k=k)
