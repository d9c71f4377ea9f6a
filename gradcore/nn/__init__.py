"""Modules: functions with parameters, with PyTorch's names.

Begin with `module`, then `layers`.  `functional` has the functions alone, `init` initial values, and `utils` training
helpers.

>>> import gradcore
>>> model = Sequential(Neuron(2, 8, activation="tanh"), Linear(8, 1))
>>> model(gradcore.rand(5, 2)).shape
(5, 1)
"""

from __future__ import annotations

from ..backends.lazy import loader
from . import init
from .activations import (CELU, ELU, GELU, GLU, SELU, Activation, Hardshrink, Hardsigmoid, Hardswish, Hardtanh,
                          LeakyReLU, LogSigmoid, LogSoftmax, Mish, PReLU, ReLU, ReLU6, RReLU, Sigmoid, SiLU, Softmax,
                          Softmax2d, Softmin, Softplus, Softshrink, Softsign, Swish, Tanh, Tanhshrink, Threshold)
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .layers import Dropout, Flatten, Identity, Linear
from .module import Module
from .neuron import Neuron
from .parameter import Buffer, Parameter

# Loaded on first use.
_LATER = {
    "attention": "MultiheadAttention",
    "convolution": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "embedding": "Embedding EmbeddingBag",
    "functional": "",
    "images": "ChannelShuffle Fold PixelShuffle PixelUnshuffle Unfold Upsample UpsamplingBilinear2d "
              "UpsamplingNearest2d",
    "layers": "AlphaDropout Bilinear Dropout1d Dropout2d Dropout3d Unflatten",
    "losses": "BCELoss BCEWithLogitsLoss CTCLoss CrossEntropyLoss GaussianNLLLoss HuberLoss KLDivLoss L1Loss MSELoss "
              "NLLLoss PoissonNLLLoss SmoothL1Loss SoftMarginLoss",
    "margin_losses": "CosineEmbeddingLoss CosineSimilarity HingeEmbeddingLoss MarginRankingLoss MultiLabelMarginLoss "
                     "MultiLabelSoftMarginLoss MultiMarginLoss PairwiseDistance TripletMarginLoss "
                     "TripletMarginWithDistanceLoss",
    "normalization": "BatchNorm1d BatchNorm2d BatchNorm3d GroupNorm InstanceNorm1d InstanceNorm2d "
                     "InstanceNorm3d LayerNorm LocalResponseNorm RMSNorm",
    "padding": "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d "
               "ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d "
               "ZeroPad3d",
    "pooling": "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d "
               "AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d MaxPool1d MaxPool2d MaxPool3d "
               "MaxUnpool1d MaxUnpool2d MaxUnpool3d",
    "recurrent": "GRU GRUCell LSTM LSTMCell RNN RNNCell",
    "transformer": "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer",
    "parallel": "",
    "utils": "",
}
__getattr__ = loader(__name__, _LATER)

__all__ = [
    "parallel", "Module", "Parameter", "Buffer", "Linear", "Neuron", "Sequential", "Flatten", "Identity", "Dropout",
    "Activation",
    "ReLU", "LeakyReLU", "PReLU", "RReLU", "ELU", "Softplus", "Swish", "SiLU", "Sigmoid", "Tanh",
    "GELU", "SELU", "CELU", "Mish", "Softsign", "Hardsigmoid", "Hardswish", "Hardtanh", "ReLU6", "LogSigmoid",
    "Threshold", "Softshrink", "Hardshrink", "Tanhshrink", "GLU", "Softmax", "LogSoftmax", "Softmin", "Softmax2d",
    "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "init", "functional", "utils",
    *" ".join(_LATER.values()).split(),
]
