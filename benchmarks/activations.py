"""Every activation in the words of the libraries that are compared."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Callable

import gradcore
from gradcore import functions
from gradcore.core.elementwise import Elementwise
from gradcore.functions.parametric import parametric_relu

from .cases import ARTICLE, ONE_LINE_MISH


@gradcore.elementwise
def one_line_mish(xp, x):
    return x * xp.tanh(xp.log1p(xp.exp(-xp.abs(x))) + xp.maximum(x, 0))


@dataclass(frozen=True)
class Activation:
    """An activation: the function that a user calls, the kernel behind it, and what both take beside x."""

    name: str
    function: Callable
    operation: Elementwise
    arguments: tuple[float, ...] = ()  # numbers that the function needs
    constants: tuple[float, ...] = ()  # those that it passes on to the kernel
    weights: tuple[float, ...] = ()  # learned parameters of one element

    def __call__(self, x: Any, *weights: Any) -> Any:
        return self.function(x, *weights, *self.arguments)

    @property
    def values(self) -> tuple[float, ...]:
        """The kernel's constants, defaults included."""
        return self.constants + self.operation.defaults[len(self.constants):]

    def formula(self, xp: Any, x: Any, *weights: Any) -> Any:
        """The plain function that the kernel was made of."""
        return self.operation.__wrapped__(xp, x, *weights, *self.values)


_THRESHOLD = (0.5, -1.0)


@functools.lru_cache(None)
def activations() -> dict[str, Activation]:
    """Every activation of gradcore by name, those of the article first, and a formula as a user would write it."""
    kernels = dict(functions.ACTIVATIONS)
    found = {name: Activation(name, getattr(functions, name, kernel), kernel) for name, kernel in kernels.items()}
    special = (
        Activation("gelu", functions.gelu, kernels["gelu_erf"]),
        Activation("threshold", functions.threshold, kernels["threshold"], _THRESHOLD, _THRESHOLD),
        Activation("prelu", functions.prelu, parametric_relu, weights=(0.25,)),
        Activation("rrelu", functions.rrelu, kernels["leaky_relu"], constants=((1 / 8 + 1 / 3) / 2,)),
        Activation(ONE_LINE_MISH, one_line_mish, one_line_mish),
    )
    found.update({activation.name: activation for activation in special})
    del found["gelu_erf"]  # gelu's kernel
    first = [name for name in ARTICLE if name in found]
    return {name: found[name] for name in (*first, *(name for name in found if name not in first))}


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
        "threshold": lambda x: F.threshold(x, *_THRESHOLD),
    }
    return spelled.get(name) or getattr(F, name, None)


def in_jax(name: str) -> Callable:
    import jax
    from jax import numpy as jnp

    spelled = {
        "swish": jax.nn.silu,
        "tanh": jnp.tanh,
        ONE_LINE_MISH: lambda x: x * jnp.tanh(jnp.log1p(jnp.exp(-jnp.abs(x))) + jnp.maximum(x, 0)),
    }
    return spelled.get(name) or getattr(jax.nn, name)


def in_mygrad(name: str) -> Callable:
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
    return spelled[name]


def in_autograd(name: str) -> Callable:
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
    return spelled[name]
