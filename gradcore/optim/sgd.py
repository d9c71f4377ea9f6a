"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .optimizer import Optimizer, check_at_least_zero, refuse_ways


def with_decay_of(xp: FormulaNamespace, gradient: Expression, parameter: Expression, weight_decay: float) -> Expression:
    """The gradient with weight decay."""
    return xp.where(weight_decay == 0, gradient, gradient + weight_decay * parameter)


@elementwise
def plain_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, lr: float = 0.0,
               weight_decay: float = 0.0) -> Expression:
    """The parameter after a step along the gradient."""
    return parameter - lr * with_decay_of(xp, gradient, parameter, weight_decay)


@elementwise
def momentum_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, last: Expression, lr: float = 0.0,
                  momentum: float = 0.0, rate: float = 1.0, ahead: float = 0.0,
                  weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """The parameter after a step along the velocity, or with `ahead` = 1 Nesterov's, and the velocity."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    new = momentum * last + rate * gradient
    return parameter - lr * xp.where(ahead == 0, new, gradient + momentum * new), new


class SGD(Optimizer):
    """Stochastic gradient descent with momentum and weight decay, as in PyTorch.

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

    kept = optional = frozenset({"momentum_buffer"})

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
                 weight_decay: float = 0.0, nesterov: bool = False, *, maximize: bool = False,
                 foreach: Optional[bool] = None, differentiable: bool = False, fused: Optional[bool] = None):
        refuse_ways(self, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening,
                                  "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "momentum", "weight_decay")
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            raise ValueError(f"Nesterov's momentum needs a momentum and no dampening; got momentum="
                             f"{options['momentum']} and dampening={options['dampening']}")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        lr, momentum, weight_decay = group["lr"], group["momentum"], group["weight_decay"]
        if not momentum:
            self.later(plain_step, (parameter, gradient), (parameter,), lr=lr, weight_decay=weight_decay)
            return
        rate = 1 - group["dampening"]
        if "momentum_buffer" not in state:  # the first gradient is the first velocity
            state["momentum_buffer"], rate = Tensor.zeros_like(parameter), 1.0
        last = state["momentum_buffer"]
        self.later(momentum_step, (parameter, gradient, last), (parameter, last), lr=lr, momentum=momentum, rate=rate,
                   ahead=float(group["nesterov"]), weight_decay=weight_decay)
