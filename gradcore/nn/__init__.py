"""Modules: functions with parameters, in PyTorch's names.

>>> import gradcore
>>> model = Sequential(Neuron(2, 8, activation="tanh"), Linear(8, 1))
>>> model(gradcore.rand(5, 2)).shape
(5, 1)
"""

from __future__ import annotations

from . import parallel
from .activations import (CELU, ELU, GELU, SELU, Activation, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid,
                          LogSoftmax, Mish, PReLU, ReLU, ReLU6, RReLU, Sigmoid, SiLU, Softmax, Softplus, Softsign,
                          Swish, Tanh, Threshold)
from .layers import Dropout, Flatten, Linear, Sequential
from .losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, MSELoss, NLLLoss
from .module import Module
from .parameter import Buffer, Parameter
from .neuron import Neuron

__all__ = [
    "parallel", "Module", "Parameter", "Buffer", "Linear", "Neuron", "Sequential", "Flatten", "Dropout", "Activation",
    "ReLU", "LeakyReLU", "PReLU", "RReLU", "ELU", "Softplus", "Swish", "SiLU", "Sigmoid", "Tanh",
    "GELU", "SELU", "CELU", "Mish", "Softsign", "Hardsigmoid", "Hardswish", "Hardtanh", "ReLU6", "LogSigmoid",
    "Threshold", "Softmax", "LogSoftmax",
    "CrossEntropyLoss", "NLLLoss", "MSELoss", "BCELoss", "BCEWithLogitsLoss",
]
