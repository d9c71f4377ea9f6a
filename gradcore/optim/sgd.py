"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, Iterable

from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .optimizer import Optimizer, check_at_least_zero


@elementwise
def decayed(xp, gradient, parameter, weight_decay=0.0):
    """The gradient of the loss with half of weight_decay times the squared parameter added."""
    return gradient + weight_decay * parameter


@elementwise
def velocity(xp, last, gradient, momentum=0.0, rate=1.0):
    """What is left of the last velocity, and the gradient."""
    return momentum * last + rate * gradient


@elementwise
def descended(xp, parameter, direction, lr=0.0):
    """One step downhill."""
    return parameter - lr * direction


class SGD(Optimizer):
    """Stochastic gradient descent with momentum and weight decay, as PyTorch's.

    With g = gradient + weight_decay p: v = momentum v + (1 - dampening) g (in the first step v = g), and
    p = p - lr v;  with Nesterov's momentum p = p - lr (g + momentum v).
    Source: Robbins and Monro, 1951; Polyak, 1964; Sutskever et al., "On the importance of initialization and momentum
    in deep learning", ICML 2013.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([x], lr=0.25)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.tolist()
    [0.5]
    """

    options = ("lr", "momentum", "dampening", "weight_decay", "nesterov")

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
                 weight_decay: float = 0.0, nesterov: bool = False):
        check_at_least_zero(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError(f"Nesterov's momentum needs a momentum and no dampening; got momentum={momentum} and "
                             f"dampening={dampening}")
        super().__init__(parameters)
        self.lr, self.momentum, self.dampening = lr, momentum, dampening
        self.weight_decay, self.nesterov = weight_decay, nesterov

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any]) -> None:
        direction = gradient
        if self.weight_decay:
            direction = gradient = decayed(gradient, parameter, weight_decay=self.weight_decay)
        if self.momentum:
            if "velocity" in state:
                state["velocity"] = velocity(state["velocity"], gradient, momentum=self.momentum,
                                             rate=1 - self.dampening)
            else:
                state["velocity"] = gradient.clone()
            direction = state["velocity"]
            if self.nesterov:
                direction = velocity(direction, gradient, momentum=self.momentum)
        parameter.copy_(descended(parameter, direction, lr=self.lr))
