"""RMSprop, Adagrad and Adadelta: gradients scaled elementwise by their history."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .adam import moved, moved_square
from .optimizer import Optimizer, check_at_least_zero, refuse_ways
from .sgd import with_decay_of


# Parts of the formulas below, each of which is one kernel.
def _rms_direction(xp: Any, gradient: Any, square: Any, mean: Any, memory: Any, rate: Any, eps: Any) -> tuple[Any, ...]:
    """The gradient divided by its standard deviation (root mean square if `mean` is None), and the averages."""
    square = moved_square(xp, square, gradient, memory, rate)
    if mean is None:
        return gradient / (xp.sqrt(square) + eps), square
    mean = moved(mean, gradient, rate)
    return gradient / (xp.sqrt(square - xp.square(mean)) + eps), square, mean


@elementwise
def rmsprop_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, square: Expression,
                 lr: float = 0.01, memory: float = 0.99, rate: float = 0.01, eps: float = 1e-8,
                 weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """The parameter after a step scaled by the root mean square, and the mean square."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    direction, *kept = _rms_direction(xp, gradient, square, None, memory, rate, eps)
    return parameter - lr * direction, *kept


@elementwise
def rmsprop_centered_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, square: Expression,
                          mean: Expression, lr: float = 0.01, memory: float = 0.99, rate: float = 0.01,
                          eps: float = 1e-8, weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """As `rmsprop_step`, scaled by the standard deviation."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    direction, *kept = _rms_direction(xp, gradient, square, mean, memory, rate, eps)
    return parameter - lr * direction, *kept


@elementwise
def rmsprop_momentum_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, square: Expression,
                          last: Expression, lr: float = 0.01, memory: float = 0.99, rate: float = 0.01,
                          eps: float = 1e-8, weight_decay: float = 0.0,
                          momentum: float = 0.9) -> tuple[Expression, ...]:
    """As `rmsprop_step`, with momentum."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    direction, *kept = _rms_direction(xp, gradient, square, None, memory, rate, eps)
    velocity = momentum * last + direction
    return parameter - lr * velocity, *kept, velocity


@elementwise
def rmsprop_centered_momentum_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression,
                                   square: Expression, mean: Expression, last: Expression, lr: float = 0.01,
                                   memory: float = 0.99, rate: float = 0.01, eps: float = 1e-8,
                                   weight_decay: float = 0.0, momentum: float = 0.9) -> tuple[Expression, ...]:
    """As `rmsprop_centered_step`, with momentum."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    direction, *kept = _rms_direction(xp, gradient, square, mean, memory, rate, eps)
    velocity = momentum * last + direction
    return parameter - lr * velocity, *kept, velocity


# By whether it is centered, and whether it has momentum.
_RMSPROP_STEPS = {(False, False): rmsprop_step, (True, False): rmsprop_centered_step,
                  (False, True): rmsprop_momentum_step, (True, True): rmsprop_centered_momentum_step}


@elementwise
def adagrad_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, total: Expression, lr: float = 0.01,
                 eps: float = 1e-10, weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """The parameter after a step scaled by the root of the sum of squares, and this sum."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    total = total + xp.square(gradient)
    return parameter - lr * (gradient / (xp.sqrt(total) + eps)), total


@elementwise
def adadelta_step(xp: FormulaNamespace, parameter: Expression, gradient: Expression, square: Expression,
                  changes: Expression, lr: float = 1.0, memory: float = 0.9, rate: float = 0.1, eps: float = 1e-6,
                  weight_decay: float = 0.0) -> tuple[Expression, ...]:
    """The parameter after a step, and the mean squares of the gradient and of the updates."""
    gradient = with_decay_of(xp, gradient, parameter, weight_decay)
    square = moved_square(xp, square, gradient, memory, rate)
    change = xp.sqrt(changes + eps) / xp.sqrt(square + eps) * gradient
    return parameter - lr * change, square, moved_square(xp, changes, change, memory, rate)


class RMSprop(Optimizer):
    """The gradient divided by its root mean square, as in PyTorch.

    v = alpha v + (1 - alpha) g² and p = p - lr g / (sqrt(v) + eps); if centered, v is the variance, and momentum
    accumulates the steps.  Source: Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> optimizer = RMSprop([x], lr=0.05)
    >>> x.sum().backward()
    >>> optimizer.step()
    >>> round(x.item(), 4)
    0.5
    """

    kept = frozenset({"square_avg", "grad_avg", "momentum_buffer"})
    counted = frozenset({"step"})
    optional = frozenset({"grad_avg", "momentum_buffer"})

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
                 capturable: bool = False, foreach: Optional[bool] = None, maximize: bool = False,
                 differentiable: bool = False):
        refuse_ways(self, capturable, differentiable)
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay,
                                  "momentum": momentum, "centered": centered, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "alpha", "eps", "weight_decay", "momentum")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        alpha, centered, momentum = group["alpha"], bool(group["centered"]), group["momentum"]
        names = ["square_avg", *["grad_avg"] * centered, *["momentum_buffer"] * bool(momentum)]
        for name in names:
            if name not in state:
                state[name] = Tensor.zeros_like(parameter)
        state["step"] = state.get("step", 0) + 1
        kept = [state[name] for name in names]
        options = {"momentum": momentum} if momentum else {}
        self.later(_RMSPROP_STEPS[centered, bool(momentum)], (parameter, gradient, *kept), (parameter, *kept),
                   lr=group["lr"], memory=alpha, rate=1 - alpha, eps=group["eps"], weight_decay=group["weight_decay"],
                   **options)


class Adagrad(Optimizer):
    """The gradient divided by the root of the sum of its squares, as in PyTorch.

    s = s + g² and p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps).
    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods", JMLR 12, 2011.

    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adagrad([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([ 0.9, -1.9])
    """

    kept = frozenset({"sum"})
    counted = frozenset({"step"})

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
                 initial_accumulator_value: float = 0.0, eps: float = 1e-10,
                 foreach: Optional[bool] = None, *, maximize: bool = False, differentiable: bool = False,
                 fused: Optional[bool] = None):
        refuse_ways(self, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "eps": eps,
                                  "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        if not state:
            state.update(step=0, sum=Tensor.full_like(parameter, group["initial_accumulator_value"]))
        lr = group["lr"] / (1 + state["step"] * group["lr_decay"])
        state["step"] += 1
        self.later(adagrad_step, (parameter, gradient, state["sum"]), (parameter, state["sum"]), lr=lr,
                   eps=group["eps"], weight_decay=group["weight_decay"])


class Adadelta(Optimizer):
    """The gradient scaled by the ratio of root mean squares of updates and gradients, as in PyTorch.

    v = rho v + (1 - rho) g², d = sqrt(u + eps) / sqrt(v + eps) g, u = rho u + (1 - rho) d² and p = p - lr d.
    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.

    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adadelta([x])
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> (x.detach() - Tensor([1.0, -2.0])).round(decimals=4)
    tensor([-0.0032,  0.0032])
    """

    kept = frozenset({"square_avg", "acc_delta"})
    counted = frozenset({"step"})

    def __init__(self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0.0, foreach: Optional[bool] = None, *, capturable: bool = False,
                 maximize: bool = False,
                 differentiable: bool = False):
        refuse_ways(self, capturable, differentiable)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "rho", "eps", "weight_decay")
        if options["rho"] > 1:
            raise ValueError(f"`rho` must be at most 1; got {options['rho']}")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        if not state:
            state.update(step=0, square_avg=Tensor.zeros_like(parameter), acc_delta=Tensor.zeros_like(parameter))
        rho, kept = group["rho"], (state["square_avg"], state["acc_delta"])
        state["step"] += 1
        self.later(adadelta_step, (parameter, gradient, *kept), (parameter, *kept), lr=group["lr"], memory=rho,
                   rate=1 - rho, eps=group["eps"], weight_decay=group["weight_decay"])
