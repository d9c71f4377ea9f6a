"""Adam with Nesterov momentum, and rectified Adam."""

from __future__ import annotations

import math
from typing import Any, Iterable, Mapping, Optional

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import Elementwise, elementwise
from ..core.tensor import Tensor
from .adam import adam_step, adapted, begin, moved, moved_square
from .optimizer import Optimizer, check_at_least_zero, check_betas, refuse_ways
from .sgd import with_decay_of


@elementwise
def nadam_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, average: Expression,
               square: Expression, step: Expression, correction: Expression, now: float = 0.0, ahead: float = 1.0,
               rate: float = 0.1, memory: float = 0.999, square_rate: float = 0.001, eps: float = 1e-8,
               kept: float = 1.0, weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """As `adam_step`, along `now` times the gradient plus `ahead` times its average."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    average = moved(average, gradient, rate)
    square = moved_square(xp, square, gradient, memory, square_rate)
    direction = now * gradient + ahead * average
    return adapted(xp, parameter, direction, square, step, correction, eps, kept), average, square


@elementwise
def unadapted_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, average: Expression,
                   square: Expression, step: Expression, rate: float = 0.1, memory: float = 0.999,
                   square_rate: float = 0.001, kept: float = 1.0, weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """As `adam_step`, along the average gradient without scaling."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    average = moved(average, gradient, rate)
    return kept * parameter - step * average, average, moved_square(xp, square, gradient, memory, square_rate)


class NAdam(Optimizer):
    """Adam with Nesterov momentum, as in PyTorch.

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
                 decoupled_weight_decay: bool = False, *, foreach: Optional[bool] = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False):
        refuse_ways(self, capturable, differentiable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "momentum_decay": momentum_decay,
                                  "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "eps", "weight_decay", "momentum_decay")
        check_betas(options["betas"])

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        begin(parameter, state)
        (b1, b2), count, decay = group["betas"], state["step"], group["momentum_decay"]
        mu, next_mu = [b1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (count, count + 1)]
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        _later(self, nadam_step, parameter, gradient, state, group, (group["lr"], math.sqrt(1 - b2 ** count)),
               now=(1 - mu) / (1 - product), ahead=next_mu / (1 - product * next_mu), eps=group["eps"])


class RAdam(Optimizer):
    """Rectified Adam, which does not scale its steps before it has seen enough gradients, as in PyTorch.

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
                 foreach: Optional[bool] = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False):
        refuse_ways(self, capturable, differentiable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "eps", "weight_decay")
        check_betas(options["betas"])

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        begin(parameter, state)
        (b1, b2), count = group["betas"], state["step"]
        lr, unbiased = group["lr"] / (1 - b1 ** count), 1 - b2 ** count
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * count * b2 ** count / unbiased  # the effective number of averaged squares
        if length > 5:
            lr *= math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            # PyTorch adds eps before the correction here, not after it as in Adam.
            _later(self, adam_step, parameter, gradient, state, group, (lr * math.sqrt(unbiased), 1.0),
                   eps=group["eps"])
        else:
            _later(self, unadapted_step, parameter, gradient, state, group, (lr,))


def _later(optimizer: Optimizer, formula: Elementwise[Any], parameter: Tensor, gradient: Tensor, state: dict[str, Any],
           group: Mapping[str, Any], numbers: tuple[float, ...], **constants: float) -> None:
    """Queue a step by a formula of the averages and some numbers, with coupled or decoupled weight decay."""
    (b1, b2), decay = group["betas"], group["weight_decay"]
    is_beside = group["decoupled_weight_decay"]
    averages = state["exp_avg"], state["exp_avg_sq"]
    optimizer.later(formula, (parameter, gradient, *averages, *numbers), (parameter, *averages), rate=1 - b1,
                    memory=b2, square_rate=1 - b2, kept=1 - group["lr"] * decay if is_beside else 1.0,
                    weight_decay=0.0 if is_beside else decay, **constants)
