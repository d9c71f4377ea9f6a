"""The activations as modules.

Those without parameters are made from their functions: the function's constants are the module's options.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable

from .. import functions
from ..core.tensor import DeviceLike, Tensor
from . import initial
from .module import Module


class Activation(Module):
    """Base class of modules that apply one function; options are arguments of the constructor.

    >>> ELU(alpha=0.5)
    ELU(alpha=0.5)
    """

    function: Callable[..., Tensor]
    signature = inspect.Signature()

    def __init__(self, *args: Any, **kwargs: Any):
        options = self.signature.bind(*args, **kwargs)
        options.apply_defaults()
        self.options = dict(options.arguments)

    def forward(self, x: Any) -> Tensor:
        return self.function(x, **self.options)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


def _module(name: str, function: Callable) -> type[Activation]:
    """A module class for an activation function; its options are the function's parameters with a default."""
    parameters = [parameter for parameter in inspect.signature(function).parameters.values()
                  if parameter.default is not parameter.empty]
    members = {"function": staticmethod(function), "signature": inspect.Signature(parameters),
               "__signature__": inspect.Signature(parameters), "__module__": __name__,
               "__doc__": f"{function.__doc__.splitlines()[0]}\n\nSee `gradcore.functions.{function.__name__}`."}
    return type(name, (Activation,), members)


ReLU = _module("ReLU", functions.relu)
LeakyReLU = _module("LeakyReLU", functions.leaky_relu)
ELU = _module("ELU", functions.elu)
Softplus = _module("Softplus", functions.softplus)
Swish = _module("Swish", functions.swish)
SiLU = _module("SiLU", functions.silu)
Sigmoid = _module("Sigmoid", functions.sigmoid)
Tanh = _module("Tanh", functions.tanh)
GELU = _module("GELU", functions.gelu)
SELU = _module("SELU", functions.selu)
CELU = _module("CELU", functions.celu)
Mish = _module("Mish", functions.mish)
Softsign = _module("Softsign", functions.softsign)
Hardsigmoid = _module("Hardsigmoid", functions.hardsigmoid)
Hardswish = _module("Hardswish", functions.hardswish)
Hardtanh = _module("Hardtanh", functions.hardtanh)
ReLU6 = _module("ReLU6", functions.relu6)
LogSigmoid = _module("LogSigmoid", functions.logsigmoid)
Threshold = _module("Threshold", functions.threshold)
Softmax = _module("Softmax", functions.softmax)
LogSoftmax = _module("LogSoftmax", functions.log_softmax)


class PReLU(Module):
    """A leaky rectifier whose slope is learned: one, or one for each channel (dimension 1 of the input).

    See `gradcore.functions.prelu`.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: DeviceLike = None):
        self.num_parameters = num_parameters
        self.weight = initial.constant((num_parameters,), init, device)

    def forward(self, x: Any) -> Tensor:
        return functions.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """A leaky rectifier whose slopes are drawn at random in training.

    See `gradcore.functions.rrelu`.
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3):
        self.lower, self.upper = lower, upper

    def forward(self, x: Any) -> Tensor:
        return functions.rrelu(x, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"
