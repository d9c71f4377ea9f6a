"""Training helpers: gradient clipping, parameters as one vector, packed sequences, parametrizations.

Begin with `clipping`; `rnn` has the sequences, `parametrize` and `weight_norms` the weights.
"""

from __future__ import annotations

from . import parametrizations, parametrize, rnn, stateless
from .clipping import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from ...core.public import publish as _publish
from .vectors import parameters_to_vector, vector_to_parameters
from .weight_norms import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "fuse_conv_bn_eval", "fuse_linear_bn_eval",
           "get_total_norm", "parameters_to_vector", "parametrizations", "parametrize", "remove_spectral_norm",
           "remove_weight_norm", "rnn", "spectral_norm", "stateless", "vector_to_parameters",
           "weight_norm"]

_publish(globals())
