"""Steps in units of each element's usual gradient: RMSprop, Adagrad and Adadelta."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ..core.elementwise import elementwise
from ..core.tensor import Tensor
from .adam import moving_average, moving_square
from .optimizer import Optimizer, check_at_least_zero
from .sgd import descended, velocity, with_weight_decay


@elementwise
def scaled(xp, gradient, square, eps=1e-8):
    """A gradient in units of its usual size."""
    return gradient / (xp.sqrt(square) + eps)


@elementwise
def scaled_centered(xp, gradient, square, mean, eps=1e-8):
    """A gradient in units of its standard deviation."""
    return gradient / (xp.sqrt(square - xp.square(mean)) + eps)


@elementwise
def scaled_by_changes(xp, gradient, square, changes, eps=1e-6):
    """A gradient in units of its usual size, times the usual size of a change."""
    return xp.sqrt(changes + eps) / xp.sqrt(square + eps) * gradient


class RMSprop(Optimizer):
    """The gradient divided by the root of its mean square, as PyTorch's.

    v = alpha v + (1 - alpha) g² and p = p - lr g / (sqrt(v) + eps); centered takes the variance for v, and momentum
    adds up the steps.  Source: Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012.

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
                 weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False, *, maximize: bool = False):
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay,
                                  "momentum": momentum, "centered": centered, "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "alpha", "eps", "weight_decay", "momentum")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        gradient = with_weight_decay(gradient, parameter, group)
        alpha = group["alpha"]
        for name in ("square_avg", *["grad_avg"] * group["centered"], *["momentum_buffer"] * bool(group["momentum"])):
            if name not in state:
                state[name] = Tensor.zeros_like(parameter)
        state["step"] = state.get("step", 0) + 1
        square = state["square_avg"]
        moving_square(square, gradient, memory=alpha, rate=1 - alpha, out=square)
        if group["centered"]:
            mean = state["grad_avg"]
            moving_average(mean, gradient, rate=1 - alpha, out=mean)
            direction = scaled_centered(gradient, square, mean, eps=group["eps"])
        else:
            direction = scaled(gradient, square, eps=group["eps"])
        if group["momentum"]:
            direction = velocity(state["momentum_buffer"], direction, momentum=group["momentum"],
                                 out=state["momentum_buffer"])
        descended(parameter, direction, lr=group["lr"], out=parameter)


class Adagrad(Optimizer):
    """The gradient divided by the root of the sum of all its squares, as PyTorch's.

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
                 initial_accumulator_value: float = 0.0, eps: float = 1e-10, *, maximize: bool = False):
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "eps": eps,
                                  "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        gradient = with_weight_decay(gradient, parameter, group)
        if not state:
            state.update(step=0, sum=Tensor.full_like(parameter, group["initial_accumulator_value"]))
        lr = group["lr"] / (1 + state["step"] * group["lr_decay"])
        state["step"] += 1
        moving_square(state["sum"], gradient, memory=1.0, rate=1.0, out=state["sum"])
        descended(parameter, scaled(gradient, state["sum"], eps=group["eps"]), lr=lr, out=parameter)


class Adadelta(Optimizer):
    """The gradient in units of its usual size, times the usual size of a change, as PyTorch's.

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
                 weight_decay: float = 0.0, *, maximize: bool = False):
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "rho", "eps", "weight_decay")
        if options["rho"] > 1:
            raise ValueError(f"`rho` must be at most 1; got {options['rho']}")

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        gradient = with_weight_decay(gradient, parameter, group)
        if not state:
            state.update(step=0, square_avg=Tensor.zeros_like(parameter), acc_delta=Tensor.zeros_like(parameter))
        rho = group["rho"]
        state["step"] += 1
        moving_square(state["square_avg"], gradient, memory=rho, rate=1 - rho, out=state["square_avg"])
        change = scaled_by_changes(gradient, state["square_avg"], state["acc_delta"], eps=group["eps"])
        moving_square(state["acc_delta"], change, memory=rho, rate=1 - rho, out=state["acc_delta"])
        descended(parameter, change, lr=group["lr"], out=parameter)
