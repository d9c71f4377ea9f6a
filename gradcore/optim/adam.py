"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

import math
from typing import Any, Iterable, Mapping

from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from ..operations.arithmetic import maximum
from .optimizer import Optimizer, check_at_least_zero, check_betas
from .sgd import with_weight_decay


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

    kept = frozenset({"exp_avg", "exp_avg_sq", "max_exp_avg_sq"})
    counted = frozenset({"step"})
    optional = frozenset({"max_exp_avg_sq"})

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, *, maximize: bool = False):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "eps", "weight_decay")
        check_betas(options["betas"])

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        gradient = with_weight_decay(gradient, parameter, group)
        self._adapt(parameter, gradient, state, group, kept=1.0)

    def _adapt(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any],
               kept: float) -> None:
        averaged(parameter, gradient, state, group["betas"])
        (b1, b2), square = group["betas"], state["exp_avg_sq"]
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"] = maximum(state.get("max_exp_avg_sq", square), square)
        parameter.copy_(adapted(parameter, state["exp_avg"], square, step=group["lr"] / (1 - b1 ** state["step"]),
                                correction=math.sqrt(1 - b2 ** state["step"]), eps=group["eps"], kept=kept))


def averaged(parameter: Tensor, gradient: Tensor, state: dict[str, Any], betas: tuple[float, float]) -> None:
    """Count the step, and take the gradient and its square into their averages."""
    if not state:
        state.update(step=0, exp_avg=Tensor.zeros_like(parameter), exp_avg_sq=Tensor.zeros_like(parameter))
    b1, b2 = betas
    state["step"] += 1
    state["exp_avg"] = moving_average(state["exp_avg"], gradient, rate=1 - b1)
    state["exp_avg_sq"] = moving_square(state["exp_avg_sq"], gradient, memory=b2, rate=1 - b2)


class AdamW(Adam):
    """Adam with weight decay beside the adaptive step and not inside of it: p = (1 - lr weight_decay) p - ....

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        self._adapt(parameter, gradient, state, group, kept=1.0 - group["lr"] * group["weight_decay"])
