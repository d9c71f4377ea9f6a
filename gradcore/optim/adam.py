"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

import math
from typing import Any, Iterable, Mapping, Optional, Union

from ..backends import Expression, FormulaNamespace
from ..backends.formulas.dtypes import FLOAT64
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .optimizer import Optimizer, check_at_least_zero, check_betas, refuse_ways
from .sgd import with_decay_of


# Parts of formulas; each formula is one kernel.
def moved(average: Any, value: Any, rate: Any) -> Any:
    """The moving average updated by a new value."""
    return average + rate * (value - average)


def moved_square(xp: Any, average: Any, value: Any, memory: Any, rate: Any) -> Any:
    """The moving average of squares updated by a new value."""
    return memory * average + rate * xp.square(value)


def adapted(xp: Any, parameter: Any, average: Any, square: Any, step: Any, correction: Any, eps: Any,
            kept: Any) -> Any:
    """One step along the average gradient, scaled by the root of the mean square, with weight decay."""
    return kept * parameter - step * average / (xp.sqrt(square) / correction + eps)


@elementwise(widens=True)
def corrections(xp: FormulaNamespace, count: Expression, lr: float = 1e-3, b1: float = 0.9,
                b2: float = 0.999) -> tuple[Expression, ...]:
    """The step size, and the square root of the second bias correction, after `count` steps."""
    return -lr / xp.expm1(count * xp.log(b1)), xp.sqrt(-xp.expm1(count * xp.log(b2)))  # of 1 - b^count


@elementwise
def adam_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, average: Expression,
              square: Expression, step: Expression, correction: Expression, rate: float = 0.1, memory: float = 0.999,
              square_rate: float = 0.001, eps: float = 1e-8, kept: float = 1.0,
              weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """The parameter after a step, and the updated averages."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    average = moved(average, gradient, rate)
    square = moved_square(xp, square, gradient, memory, square_rate)
    return adapted(xp, parameter, average, square, step, correction, eps, kept), average, square


@elementwise
def amsgrad_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, average: Expression,
                 square: Expression, highest: Expression, step: Expression, correction: Expression, rate: float = 0.1,
                 memory: float = 0.999, square_rate: float = 0.001, eps: float = 1e-8, kept: float = 1.0,
                 weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """As `adam_step`, scaled by the maximum mean square so far."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    average = moved(average, gradient, rate)
    square = moved_square(xp, square, gradient, memory, square_rate)
    highest = xp.maximum(highest, square)
    return adapted(xp, parameter, average, highest, step, correction, eps, kept), average, square, highest


class Adam(Optimizer):
    """Adam: steps whose size adapts to each element, as in PyTorch.

    With g = gradient + weight_decay p: m = b1 m + (1 - b1) g and v = b2 v + (1 - b2) g², both divided by 1 - b^t in
    step t, and p = p - lr m / (sqrt(v) + eps).  With `capturable`, t is counted on the device, so that replays of a
    CUDA graph of the step (`gradcore.cuda.graph`) continue to count.
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
                 eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, *, foreach: Optional[bool] = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False,
                 fused: Optional[bool] = None,
                 decoupled_weight_decay: bool = False):
        refuse_ways(self, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize, "capturable": capturable})
        self.decays_apart = decoupled_weight_decay

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "eps", "weight_decay")
        check_betas(options["betas"])

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        decay = group["weight_decay"]
        kept, weight_decay = (1.0 - group["lr"] * decay, 0.0) if self.decays_apart else (1.0, decay)
        begin(parameter, state, group["capturable"])
        (b1, b2), count = group["betas"], state["step"]
        step: Union[float, Tensor]
        correction: Union[float, Tensor]
        if group["capturable"]:
            step, correction = corrections(count, lr=group["lr"], b1=b1, b2=b2)
        else:
            step, correction = group["lr"] / (1 - b1 ** count), math.sqrt(1 - b2 ** count)
        formula, names = adam_step, ["exp_avg", "exp_avg_sq"]
        if group["amsgrad"]:
            formula, names = amsgrad_step, [*names, "max_exp_avg_sq"]
            state.setdefault("max_exp_avg_sq", Tensor.zeros_like(parameter))
        kept_tensors = [state[name] for name in names]
        self.later(formula, (parameter, gradient, *kept_tensors, step, correction), (parameter, *kept_tensors),
                   rate=1 - b1, memory=b2, square_rate=1 - b2, eps=group["eps"], kept=kept, weight_decay=weight_decay)


def begin(parameter: Tensor, state: dict[str, Any], capturable: bool = False) -> None:
    """Count the step, on the device if `capturable`; the first step initializes the averages to zero."""
    if not state:
        state.update(step=0, exp_avg=Tensor.zeros_like(parameter), exp_avg_sq=Tensor.zeros_like(parameter))
    if not capturable:
        state["step"] = int(state["step"]) + 1
        return
    if not isinstance(state["step"], Tensor):
        state["step"] = Tensor(float(state["step"]), dtype=FLOAT64, device=parameter.device)
    state["step"].add_(1)


class AdamW(Adam):
    """Adam with decoupled weight decay: p = (1 - lr weight_decay) p - ....

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.

    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = AdamW([x], lr=0.1, weight_decay=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([ 0.85, -1.8 ])
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
                 foreach: Optional[bool] = None, capturable: bool = False, differentiable: bool = False,
                 fused: Optional[bool] = None):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, capturable=capturable,
                         differentiable=differentiable, decoupled_weight_decay=True)
