"""Activations, losses and the common operations on Tensors: ``from gradcore.functions import *``."""

from __future__ import annotations

from ..elementwise import Elementwise
from .exponentials import celu, elu, selu, softplus
from .rectifiers import hardsigmoid, hardswish, hardtanh, leaky_relu, relu, relu6, threshold
from .sigmoids import gelu_erf, gelu_tanh, logsigmoid, mish, sigmoid, silu, softsign, swish, tanh

# Every activation that is one elementwise kernel, by name.
ACTIVATIONS: dict[str, Elementwise] = {operation.name: operation for operation in (
    relu, leaky_relu, elu, softplus, swish, sigmoid, tanh, selu, celu, mish, softsign, hardsigmoid,
    hardswish, hardtanh, relu6, logsigmoid, threshold, gelu_erf, gelu_tanh)}
