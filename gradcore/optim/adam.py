"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

import math
from typing import Any, Iterable

from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .optimizer import Optimizer, check_at_least_zero
from .sgd import decayed


@elementwise
def moving_average(xp, average, value, rate=0.1):
    """A step from the average so far towards a new value."""
    return average + rate * (value - average)


@elementwise
def moving_square(xp, average, value, memory=0.999, rate=0.001):
    """The moving average of squares."""
    return memory * average + rate * xp.square(value)


@elementwise
def adapted(xp, parameter, mean, square, step=0.0, correction=1.0, eps=1e-8, kept=1.0):
    """One step along the mean gradient, in units of its usual size, after weight decay."""
    return kept * parameter - step * mean / (xp.sqrt(square) / correction + eps)


class Adam(Optimizer):
    """Steps of a size that adapts to each element, as PyTorch's.

    With g = gradient + weight_decay p: m = b1 m + (1 - b1) g and v = b2 v + (1 - b2) g², both divided by 1 - b^t in
    step t, and p = p - lr m / (sqrt(v) + eps).
    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([x], lr=0.25)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.75], requires_grad=True)
    """

    options = ("lr", "betas", "eps", "weight_decay")

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0):
        check_at_least_zero(lr=lr, eps=eps, weight_decay=weight_decay)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"`betas` must be at least 0 and less than 1; got {betas}")
        super().__init__(parameters)
        self.lr, self.betas, self.eps, self.weight_decay = lr, tuple(betas), eps, weight_decay

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any]) -> None:
        if self.weight_decay:
            gradient = decayed(gradient, parameter, weight_decay=self.weight_decay)
        self._adapt(parameter, gradient, state, kept=1.0)

    def _adapt(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], kept: float) -> None:
        if not state:
            state.update(step=0, mean=Tensor.zeros_like(parameter), square=Tensor.zeros_like(parameter))
        (b1, b2), state["step"] = self.betas, state["step"] + 1
        state["mean"] = moving_average(state["mean"], gradient, rate=1 - b1)
        state["square"] = moving_square(state["square"], gradient, memory=b2, rate=1 - b2)
        parameter.copy_(adapted(parameter, state["mean"], state["square"], step=self.lr / (1 - b1 ** state["step"]),
                                correction=math.sqrt(1 - b2 ** state["step"]), eps=self.eps, kept=kept))


class AdamW(Adam):
    """Adam with weight decay beside the adaptive step and not inside of it: p = (1 - lr weight_decay) p - ....

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2):
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any]) -> None:
        self._adapt(parameter, gradient, state, kept=1.0 - self.lr * self.weight_decay)
