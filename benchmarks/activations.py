"""Every activation in the words of the libraries that are compared."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Callable

import gradcore
from gradcore import functions
from gradcore.elementwise import Elementwise

from .cases import ONE_LINE_MISH


@gradcore.elementwise
def one_line_mish(xp, x):
    return x * xp.tanh(xp.log1p(xp.exp(-xp.abs(x))) + xp.maximum(x, 0))


@dataclass(frozen=True)
class Activation:
    """An activation: its operation in gradcore and what it takes beside x."""

    name: str
    operation: Elementwise
    weights: tuple[float, ...] = ()  # learned parameters of one element
    constants: tuple[float, ...] = ()

    def __call__(self, x: Any, *weights: Any) -> Any:
        return self.operation(x, *weights, *self.constants)

    @property
    def values(self) -> tuple[float, ...]:
        """The constants of a call, defaults included."""
        return self.constants + self.operation.defaults[len(self.constants):]

    def formula(self, xp: Any, x: Any, *weights: Any) -> Any:
        """The plain function that the operation was made of."""
        return self.operation.__wrapped__(xp, x, *weights, *self.values)


_WEIGHTS = {"prelu": (0.25,)}
_CONSTANTS = {"threshold": (0.5, -1.0)}


@functools.lru_cache(None)
def activations() -> dict[str, Activation]:
    """Every activation of gradcore by name, and a formula as a user would write it."""
    found = {name: Activation(name, operation, _WEIGHTS.get(name, ()), _CONSTANTS.get(name, ()))
             for name, operation in functions.ACTIVATIONS.items()}
    found[ONE_LINE_MISH] = Activation(ONE_LINE_MISH, one_line_mish)
    return found


def in_pytorch(name: str) -> Callable | None:
    """The activation as PyTorch spells it; None where it has none of that name."""
    import torch
    from torch.nn import functional as F

    spelled = {
        ONE_LINE_MISH: lambda x: x * torch.tanh(torch.log1p(torch.exp(-torch.abs(x))) + torch.clamp(x, min=0)),
        "swish": F.silu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "prelu": lambda x, weight: F.prelu(x, weight),
        "threshold": lambda x: F.threshold(x, *_CONSTANTS["threshold"]),
    }
    return spelled.get(name) or getattr(F, name, None)


def in_mygrad(name: str) -> Callable | None:
    import mygrad
    from mygrad.nnet import activations as given

    spelled = {
        "relu": given.relu,
        "leaky_relu": lambda x: given.leaky_relu(x, 0.01),
        "elu": lambda x: given.elu(x, 1.0),
        "softplus": lambda x: mygrad.logaddexp(x, 0.0),
        "swish": lambda x: x * given.sigmoid(x),
        "sigmoid": given.sigmoid,
        "tanh": given.tanh,
        ONE_LINE_MISH: lambda x: x * mygrad.tanh(mygrad.log1p(mygrad.exp(-mygrad.abs(x))) + mygrad.maximum(x, 0)),
    }
    return spelled.get(name)


def in_autograd(name: str) -> Callable | None:
    """As one writes it for HIPS autograd, which has arithmetic only."""
    import autograd.numpy as np

    spelled = {
        "relu": lambda x: np.maximum(x, 0),
        "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
        "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
        "softplus": lambda x: np.logaddexp(x, 0.0),
        "swish": lambda x: x / (1 + np.exp(-x)),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "tanh": np.tanh,
        ONE_LINE_MISH: lambda x: x * np.tanh(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)),
    }
    return spelled.get(name)
