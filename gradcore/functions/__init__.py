"""Activations, losses and common operations on Tensors: ``from gradcore.functions import *``.

NaN propagates: an activation of NaN is NaN, and its gradient is not 0.  If the derivative is computed from the input,
it is NaN.  Piecewise linear activations choose it from constants: there it is the slope of a piece that is not
constant, so the upstream gradient passes, as in PyTorch (where only hardsigmoid gives 0).
"""

from __future__ import annotations

from typing import Any

from ..operations.arithmetic import (arctan, ceil, cos, cosh, erf, exp, exp2, expm1, floor, log, log1p, log2,
                                     logaddexp, maximum, minimum, rsqrt, sign, sin, sinh, sqrt, square)
from ..core.elementwise import Elementwise
from ..backends.lazy import loader
from ..operations.linear_algebra import linear, matmul
from ..operations.extrema import argmax, argmin
from ..operations.norms import logsumexp, norm
from ..operations.reduction import mean, std, var
from ..operations.selection import clip, where
from ..operations.shaping import cat, flatten, permute, reshape, squeeze, stack, transpose, unsqueeze
from ..core.public import publish as _publish
from ..core.public import published
from ..core.tensor import Tensor
from . import exponentials, rectifiers, sigmoids
from .dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d
from .exponentials import celu, elu, selu, softplus
from .class_losses import cross_entropy, nll_loss
from .losses import binary_cross_entropy, binary_cross_entropy_with_logits, mse_loss
from .normalization import (batch_norm, cosine_similarity, group_norm, instance_norm, layer_norm, normalize,
                            rms_norm)
from .parametric import prelu, rrelu
from .rectifiers import (hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, relu, relu6, softshrink,
                         threshold)
from .sigmoids import gelu, logsigmoid, mish, sigmoid, silu, softsign, swish, tanh, tanhshrink
from .softmax import glu, gumbel_softmax, log_softmax, softmax, softmin

# Loaded on first use.
_LATER = {
    "attention": "scaled_dot_product_attention",
    "bags": "embedding_bag",
    "convolution": "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d",
    "ctc": "ctc_loss",
    "embeddings": "embedding",
    "margin_losses": "cosine_embedding_loss hinge_embedding_loss margin_ranking_loss multi_margin_loss "
                     "multilabel_margin_loss multilabel_soft_margin_loss pairwise_distance triplet_margin_loss "
                     "triplet_margin_with_distance_loss",
    "folding": "fold unfold",
    "grids": "affine_grid grid_sample",
    "local_response": "local_response_norm",
    "pooling": "avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d max_pool1d max_pool2d max_pool3d",
    "regression_losses": "gaussian_nll_loss huber_loss kl_div l1_loss poisson_nll_loss smooth_l1_loss soft_margin_loss",
    "places": "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d max_unpool1d max_unpool2d max_unpool3d",
    "resampling": "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d channel_shuffle interpolate "
                  "pixel_shuffle pixel_unshuffle",
}
__getattr__ = loader(__name__, _LATER, published)

# Every activation that is one elementwise kernel of one array, by name.
ACTIVATIONS: dict[str, Elementwise[Any]] = {
    operation.name: operation for module in (rectifiers, exponentials, sigmoids) for operation in vars(module).values()
    if isinstance(operation, Elementwise)}

_publish(globals())

# Without names of built-in functions (abs, max, min, pow, round, sum), which a star import would replace.
__all__ = [
    "Tensor",
    # activations
    "relu", "leaky_relu", "prelu", "rrelu", "elu", "softplus", "swish", "silu", "sigmoid", "tanh",
    "gelu", "selu", "celu", "mish", "softsign", "hardsigmoid", "hardswish", "hardtanh", "relu6", "logsigmoid",
    "threshold", "softmax", "log_softmax", "softmin", "glu", "gumbel_softmax", "hardshrink", "softshrink", "tanhshrink",
    # losses, and layers without parameters
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "mse_loss", "nll_loss",
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "linear", "layer_norm", "rms_norm", "batch_norm",
    "group_norm", "instance_norm", "normalize", "cosine_similarity",
    *" ".join(_LATER.values()).split(),
    # common operations
    "arctan", "argmax", "argmin", "cat", "ceil", "clip", "cos", "cosh", "erf", "exp", "exp2", "expm1", "flatten",
    "floor", "log", "log1p", "log2", "logaddexp", "logsumexp", "matmul", "maximum", "mean", "minimum", "norm",
    "permute", "reshape", "rsqrt", "sign", "sin", "sinh", "sqrt", "square", "squeeze", "stack", "std", "transpose",
    "unsqueeze", "var", "where",
]
