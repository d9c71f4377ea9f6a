"""Steps of bounded size: scaled by the largest gradient (Adamax), or by the sign of the gradient (Rprop)."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .adam import moved
from .optimizer import Optimizer, check_at_least_zero, check_betas, refuse_ways, two_numbers
from .sgd import with_decay_of


@elementwise
def adamax_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, average: Expression,
                largest: Expression, step: float = 0.0, rate: float = 0.1, memory: float = 0.999, eps: float = 1e-8,
                weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """The parameter after a step, the average gradient, and the largest one."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    average = moved(average, gradient, rate)
    largest = xp.maximum(memory * largest, xp.abs(gradient) + eps)
    return parameter - step * average / largest, average, largest


@elementwise
def rprop_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, before: Expression, size: Expression,
               shrink: float = 0.5, grow: float = 1.2, least: float = 1e-6,
               most: float = 50.0) -> tuple[Expression, ...]:
    """The parameter after a step against the sign of the gradient, the gradient used, and the step sizes."""
    product = gradient * before
    turns = product < 0
    size = xp.clip(size * xp.where(turns, shrink, xp.where(product > 0, grow, 1.0)), least, most)
    counted = xp.where(turns, 0.0, gradient)
    return parameter - xp.sign(counted) * size, counted, size


class Adamax(Optimizer):
    """Adam with the infinity norm instead of the root mean square, as in PyTorch.

    With g = gradient + weight_decay p: m = b1 m + (1 - b1) g, u = max(b2 u, |g| + eps) and, in step t,
    p = p - lr / (1 - b1^t) m / u.
    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 2.

    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adamax([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([ 0.9, -1.9])
    """

    kept = frozenset({"exp_avg", "exp_inf"})
    counted = frozenset({"step"})

    def __init__(self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0, foreach: Optional[bool] = None, *,
                 maximize: bool = False, differentiable: bool = False, capturable: bool = False):
        refuse_ways(self, capturable, differentiable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "eps", "weight_decay")
        check_betas(options["betas"])

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        if not state:
            state.update(step=0, exp_avg=Tensor.zeros_like(parameter), exp_inf=Tensor.zeros_like(parameter))
        state["step"] += 1
        b1, b2 = group["betas"]
        average, largest = state["exp_avg"], state["exp_inf"]
        self.later(adamax_step, (parameter, gradient, average, largest), (parameter, average, largest),
                   step=group["lr"] / (1 - b1 ** state["step"]), rate=1 - b1, memory=b2, eps=group["eps"],
                   weight_decay=group["weight_decay"])


class Rprop(Optimizer):
    """Resilient backpropagation: step sizes grow while the gradient keeps its sign and shrink when it changes.

    It is meant for full-batch gradients.  `etas` are the factors by which a step size shrinks and grows, `step_sizes`
    its bounds, and lr the initial size.
    Source: Riedmiller and Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP Algorithm",
    ICNN 1993.

    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Rprop([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([ 0.9, -1.9])
    """

    kept = frozenset({"prev", "step_size"})
    counted = frozenset({"step"})

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
                 foreach: Optional[bool] = None, maximize: bool = False, differentiable: bool = False):
        refuse_ways(self, capturable, differentiable)
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr")
        (shrink, grow), (least, most) = [two_numbers(name, options[name]) for name in ("etas", "step_sizes")]
        if not 0 < shrink < 1 < grow:
            raise ValueError(f"`etas` must be a number between 0 and 1 and one above 1; got {options['etas']}")
        if not 0 <= least <= most:
            raise ValueError(f"`step_sizes` must be at least 0, and rise; got {options['step_sizes']}")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        if not state:
            state.update(step=0, prev=Tensor.zeros_like(parameter),
                         step_size=Tensor.full_like(parameter, group["lr"]))
        state["step"] += 1
        before, size = state["prev"], state["step_size"]
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        self.later(rprop_step, (parameter, gradient, before, size), (parameter, before, size), shrink=shrink, grow=grow,
                   least=least, most=most)
