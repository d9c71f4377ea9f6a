"""Adam with Nesterov's momentum, and Adam with a rectified first phase."""

from __future__ import annotations

import math
from typing import Any, Iterable, Mapping

from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .adam import adapted, averaged
from .optimizer import Optimizer, check_at_least_zero, check_betas
from .sgd import descended, with_weight_decay


@elementwise
def looked_ahead(xp, gradient, mean, now=0.0, ahead=1.0):
    """A share of the gradient, and one of its mean."""
    return now * gradient + ahead * mean


class NAdam(Optimizer):
    """Adam that looks ahead along its momentum, as PyTorch's.

    Source: Dozat, "Incorporating Nesterov Momentum into Adam", 2016.

    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = NAdam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([ 0.8944, -1.8944])
    """

    kept = frozenset({"exp_avg", "exp_avg_sq"})
    counted = frozenset({"step", "mu_product"})

    def __init__(self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, momentum_decay: float = 4e-3,
                 decoupled_weight_decay: bool = False, *, maximize: bool = False):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "momentum_decay": momentum_decay,
                                  "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "eps", "weight_decay", "momentum_decay")
        check_betas(options["betas"])

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        gradient, kept = _with_decay(parameter, gradient, group)
        averaged(parameter, gradient, state, group["betas"])
        (b1, b2), step, decay = group["betas"], state["step"], group["momentum_decay"]
        mu, next_mu = [b1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1)]
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        mean = looked_ahead(gradient, state["exp_avg"], now=(1 - mu) / (1 - product),
                            ahead=next_mu / (1 - product * next_mu))
        adapted(parameter, mean, state["exp_avg_sq"], step=group["lr"], correction=math.sqrt(1 - b2 ** step),
                eps=group["eps"], kept=kept, out=parameter)


class RAdam(Optimizer):
    """Adam that does not adapt before it has seen enough gradients, as PyTorch's.

    Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020.

    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RAdam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([ 0.8, -1.6])
    """

    kept = frozenset({"exp_avg", "exp_avg_sq"})
    counted = frozenset({"step"})

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *,
                 maximize: bool = False):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "eps", "weight_decay")
        check_betas(options["betas"])

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        gradient, kept = _with_decay(parameter, gradient, group)
        averaged(parameter, gradient, state, group["betas"])
        (b1, b2), step = group["betas"], state["step"]
        lr, unbiased = group["lr"] / (1 - b1 ** step), 1 - b2 ** step
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * step * b2 ** step / unbiased  # how many squares the average holds, in effect
        if length > 5:
            lr *= math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            # PyTorch adds eps before the correction here, not after it as in Adam.
            adapted(parameter, state["exp_avg"], state["exp_avg_sq"], step=lr * math.sqrt(unbiased), correction=1.0,
                    eps=group["eps"], kept=kept, out=parameter)
        else:
            descended(kept * parameter, state["exp_avg"], lr=lr, out=parameter)


def _with_decay(parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> tuple[Tensor, float]:
    """The gradient with weight decay in it, or what decay beside it keeps of the parameter."""
    if group["decoupled_weight_decay"]:
        return gradient, 1 - group["lr"] * group["weight_decay"]
    return with_weight_decay(gradient, parameter, group), 1.0
