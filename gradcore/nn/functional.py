"""The functions of networks with PyTorch's names, argument order and options.

Most are those of `gradcore.functions`; this module defines the ones whose options differ.

>>> relu(Tensor([-1.0, 2.0]))
tensor([0., 2.])
"""

from __future__ import annotations

from typing import Any, Optional

from .. import functions
from ..core.public import publish
from ..core.dimensions import Dims
from ..core.tensor import Tensor, as_tensor
from ..functions import (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, adaptive_max_pool1d,
                         adaptive_max_pool2d, adaptive_max_pool3d, affine_grid, avg_pool1d, avg_pool2d, avg_pool3d,
                         batch_norm, binary_cross_entropy, binary_cross_entropy_with_logits, channel_shuffle, conv1d,
                         conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, cosine_embedding_loss,
                         cosine_similarity, cross_entropy, ctc_loss, embedding, embedding_bag, fold,
                         gaussian_nll_loss, glu, grid_sample, group_norm, gumbel_softmax, hinge_embedding_loss,
                         huber_loss, instance_norm, interpolate, kl_div, l1_loss, layer_norm, local_response_norm,
                         lp_pool1d, lp_pool2d, margin_ranking_loss, max_pool1d, max_pool2d, max_pool3d, max_unpool1d,
                         max_unpool2d, max_unpool3d, mse_loss, multi_margin_loss, multilabel_margin_loss,
                         multilabel_soft_margin_loss, nll_loss, pairwise_distance, pixel_shuffle, pixel_unshuffle,
                         poisson_nll_loss, rms_norm, scaled_dot_product_attention, smooth_l1_loss, soft_margin_loss,
                         triplet_margin_loss, triplet_margin_with_distance_loss, unfold)
from ..functions.exponentials import softplus_up_to
from ..functions.softmax import implied_dim
from ..operations import indexing
from ..operations.inplace import in_place_if
from ..operations.linear_algebra import bilinear, linear
from ..operations.pieces import triu_indices
from ..operations.rearranging import pad
from ..operations.norms import norm

upsample = interpolate

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "affine_grid", "alpha_dropout", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm",
    "bilinear", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "channel_shuffle", "conv1d",
    "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "ctc_loss", "dropout", "dropout1d", "dropout2d", "dropout3d", "elu",
    "embedding", "embedding_bag", "fold", "gaussian_nll_loss", "gelu", "glu", "grid_sample", "group_norm",
    "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss",
    "instance_norm", "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "local_response_norm",
    "log_softmax", "logsigmoid", "lp_pool1d", "lp_pool2d", "margin_ranking_loss", "max_pool1d", "max_pool2d",
    "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d", "mish", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot", "pad",
    "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6",
    "rms_norm", "rrelu", "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss",
    "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold", "upsample",
]


# -- activations with `inplace` -------------------------------------------------------------------------------------
def relu(input: Any, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.relu`."""
    return in_place_if(inplace, functions.relu, input)


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.relu6`."""
    return in_place_if(inplace, functions.relu6, input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.leaky_relu`."""
    return in_place_if(inplace, functions.leaky_relu, input, negative_slope)


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:
    """See `gradcore.functions.rrelu`."""
    return in_place_if(inplace, functions.rrelu, input, lower, upper, training)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.elu`."""
    return in_place_if(inplace, functions.elu, input, alpha)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.selu`."""
    return in_place_if(inplace, functions.selu, input)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.celu`."""
    return in_place_if(inplace, functions.celu, input, alpha)


def silu(input: Any, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.silu`."""
    return in_place_if(inplace, functions.silu, input)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.mish`."""
    return in_place_if(inplace, functions.mish, input)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.hardtanh`."""
    return in_place_if(inplace, functions.hardtanh, input, min_val, max_val)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.hardswish`."""
    return in_place_if(inplace, functions.hardswish, input)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.hardsigmoid`."""
    return in_place_if(inplace, functions.hardsigmoid, input)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.threshold`."""
    return in_place_if(inplace, functions.threshold, input, threshold, value)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.dropout`."""
    return in_place_if(inplace, functions.dropout, input, p, training)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.dropout1d`."""
    return in_place_if(inplace, functions.dropout1d, input, p, training)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.dropout2d`."""
    return in_place_if(inplace, functions.dropout2d, input, p, training)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.dropout3d`."""
    return in_place_if(inplace, functions.dropout3d, input, p, training)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """See `gradcore.functions.alpha_dropout`."""
    return in_place_if(inplace, functions.alpha_dropout, input, p, training)


# -- activations under PyTorch's name of the input ------------------------------------------------------------------
def sigmoid(input: Any) -> Tensor:
    """See `gradcore.functions.sigmoid`."""
    return functions.sigmoid(input)


def tanh(input: Any) -> Tensor:
    """See `gradcore.functions.tanh`."""
    return functions.tanh(input)


def logsigmoid(input: Any) -> Tensor:
    """See `gradcore.functions.logsigmoid`."""
    return functions.logsigmoid(input)


def softsign(input: Any) -> Tensor:
    """See `gradcore.functions.softsign`."""
    return functions.softsign(input)


def tanhshrink(input: Any) -> Tensor:
    """See `gradcore.functions.tanhshrink`."""
    return functions.tanhshrink(input)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """See `gradcore.functions.hardshrink`."""
    return functions.hardshrink(input, lambd)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """See `gradcore.functions.softshrink`."""
    return functions.softshrink(input, lambd)


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """See `gradcore.functions.gelu`."""
    return functions.gelu(input, approximate)


def prelu(input: Any, weight: Tensor) -> Tensor:
    """See `gradcore.functions.prelu`."""
    return functions.prelu(input, weight)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """See `gradcore.functions.softplus`; the result is the input where beta · input exceeds `threshold`."""
    return softplus_up_to(input, beta, threshold)


# -- softmax --------------------------------------------------------------------------------------------------------
def softmax(input: Any, dim: Optional[int] = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """See `gradcore.functions.softmax`; by default `dim` is 0 for an input of 0, 1 or 3 dimensions, else 1."""
    return functions.softmax(input, implied_dim(dim, as_tensor(input).ndim, "softmax"), dtype)


def log_softmax(input: Any, dim: Optional[int] = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """See `gradcore.functions.log_softmax`; for `dim` see `softmax`."""
    return functions.log_softmax(input, implied_dim(dim, as_tensor(input).ndim, "log_softmax"), dtype)


def softmin(input: Any, dim: Optional[int] = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """See `gradcore.functions.softmin`; for `dim` see `softmax`."""
    return functions.softmin(input, implied_dim(dim, as_tensor(input).ndim, "softmin"), dtype)


# -- others ---------------------------------------------------------------------------------------------------------
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """One-hot encoding of integers (int64); with -1 the number of classes is inferred.

    >>> one_hot(Tensor([0, 2], dtype=int))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    index = as_tensor(tensor)
    if index.dtype.kind not in "iu":
        raise TypeError(f"one_hot: it takes integers; got {index.dtype}")
    needed = int(index.max()) + 1 if index.numel() else 0
    if index.numel() and int(index.min()) < 0 or num_classes not in (-1, max(needed, num_classes)):
        raise ValueError(f"one_hot: classes must be from 0 to {num_classes - 1 if num_classes > 0 else 'any number'}; "
                         f"got {int(index.min())} to {needed - 1}")
    return indexing.one_hot(index, needed if num_classes == -1 else num_classes).long()


def normalize(input: Any, p: float = 2.0, dim: Dims = 1, eps: float = 1e-12) -> Tensor:
    """Scale to p-norm 1 along `dim`: x / max(|x|_p, eps).

    >>> normalize(Tensor([[1.0, 3.0]]), p=1)
    tensor([[0.25, 0.75]])
    """
    if p == 2:
        return functions.normalize(input, dim, eps)
    x = as_tensor(input)
    return x / norm(x, p, dim, keepdim=True).clip(eps, None)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of every two rows of a matrix, in the order (0, 1), (0, 2), …, (1, 2), ….

    >>> pdist(Tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).tolist()[:2]
    [5.0, 1.0]
    """
    if input.ndim != 2:
        raise ValueError(f"pdist takes a matrix, a row for each point; got shape {input.shape}")
    first, second = triu_indices(len(input), len(input), 1, device=input.device)
    return norm(input[first] - input[second], p, -1)


publish(globals())
