"""Cyclic schedules: up to a maximum learning rate and down again, once or repeatedly."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, Union

from ..core.expectations import described
from .optimizer import Optimizer
from .scheduler import LRScheduler
from .schedules import cosine


class _WithMomentum(LRScheduler):
    """Also sets the momentum ("momentum", or the first of "betas") if `cycle_momentum`."""

    cycle_momentum: bool
    keeps_changes = False

    def momentum(self, epoch: float) -> float:
        """The momentum at an epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define momentum()")

    def _set(self, epoch: Any, rates: list[float]) -> None:
        super()._set(epoch, rates)
        if not self.cycle_momentum:
            return
        momentum = self.momentum(epoch)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class OneCycleLR(_WithMomentum):
    """From max_lr / div_factor up to max_lr, then down to 1 / final_div_factor of the initial rate, in total_steps.

    Source: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
    2018.

    With `cycle_momentum`, the momentum ("momentum", or the first of "betas") moves in the opposite direction.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.1, momentum=0.9)
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=5)
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.04 0.95 0.611 0.188
    """

    def __init__(self, optimizer: Optimizer, max_lr: Union[float, Sequence[float]], total_steps: Optional[int] = None,
                 epochs: Optional[int] = None, steps_per_epoch: Optional[float] = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float = 0.85,
                 max_momentum: float = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
                 three_phase: bool = False, last_epoch: int = -1):
        steps = total_steps if total_steps is not None else (epochs or 0) * (steps_per_epoch or 0)
        if not steps >= 1:
            raise ValueError(f"OneCycleLR: give `total_steps`, or `epochs` and `steps_per_epoch`; got {total_steps}, "
                             f"{epochs} and {steps_per_epoch}")
        if anneal_strategy not in ("cos", "linear") or not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: `anneal_strategy` is \"cos\" or \"linear\" and `pct_start` between 0 and 1; "
                             f"got {anneal_strategy!r} and {pct_start}")
        if not (div_factor > 0 and final_div_factor > 0):
            raise ValueError(f"OneCycleLR: `div_factor` and `final_div_factor` must be above 0; got {div_factor} and "
                             f"{final_div_factor}")
        self.max_lrs: list[float] = _for_each(optimizer, "max_lr", max_lr, "OneCycleLR")
        _check_momentum(optimizer, cycle_momentum, "OneCycleLR")
        self.total_steps, self.pct_start, self.anneal_strategy = steps, pct_start, anneal_strategy
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        self.div_factor, self.final_div_factor, self.three_phase = div_factor, final_div_factor, three_phase
        for group, most in zip(optimizer.param_groups, self.max_lrs if last_epoch == -1 else ()):
            group["initial_lr"] = most / div_factor
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: Optional[float] = None) -> None:
        if epoch is None and self.last_epoch + 1 >= self.total_steps + 1:
            raise ValueError(f"OneCycleLR: the cycle has {self.total_steps} steps; step {self.last_epoch + 1} is one "
                             f"too many")
        super().step(epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return self._along(base, self.max_lrs[index], base / self.final_div_factor, epoch)

    def _along(self, first: float, middle: float, last: float, epoch: float) -> float:
        """The value at an epoch between first, middle and last, in three phases that return to first in between."""
        blend = cosine if self.anneal_strategy == "cos" else _line
        turn = self.pct_start * self.total_steps - 1
        if epoch <= turn:
            return blend(first, middle, epoch / turn if turn else 1.0)
        if self.three_phase:
            if epoch <= 2 * turn:
                return blend(middle, first, (epoch - turn) / turn)
            middle, turn = first, 2 * turn
        return blend(middle, last, (epoch - turn) / (self.total_steps - 1 - turn))

    def momentum(self, epoch: float) -> float:
        return self._along(self.max_momentum, self.base_momentum, self.max_momentum, epoch)


class CyclicLR(_WithMomentum):
    """From base_lr up to max_lr and down again, in cycles of step_size_up and step_size_down steps.

    The height of cycles is constant ("triangular"), halved after each cycle ("triangular2"), multiplied by gamma after
    each step ("exp_range"), or a function of the cycle or, with scale_mode="iterations", of the step.  The momentum
    moves in the opposite direction.
    Source: Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.1, momentum=0.9)
    >>> scheduler = CyclicLR(optimizer, base_lr=0.1, max_lr=0.5, step_size_up=2)
    >>> for _ in range(5):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.1 0.3 0.5 0.3 0.1
    """

    def __init__(self, optimizer: Optimizer, base_lr: Union[float, Sequence[float]],
                 max_lr: Union[float, Sequence[float]], step_size_up: int = 2000, step_size_down: Optional[int] = None,
                 mode: str = "triangular", gamma: float = 1.0, scale_fn: Optional[Callable[[float], float]] = None,
                 scale_mode: str = "cycle", cycle_momentum: bool = True, base_momentum: float = 0.8,
                 max_momentum: float = 0.9, last_epoch: int = -1):
        _check_modes(scale_fn, mode, scale_mode)
        if not (step_size_up > 0 and (step_size_down is None or step_size_down > 0)):
            raise ValueError(f"CyclicLR: `step_size_up` and `step_size_down` must be above 0; got {step_size_up} and "
                             f"{step_size_down}")
        self.max_lrs, lows = [_for_each(optimizer, option, value, "CyclicLR") for option, value in
                              (("max_lr", max_lr), ("base_lr", base_lr))]
        _check_momentum(optimizer, cycle_momentum, "CyclicLR")
        self.step_size_up, self.step_size_down = step_size_up, step_size_down or step_size_up
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        for group, low in zip(optimizer.param_groups, lows if last_epoch == -1 else ()):
            group["initial_lr"] = group["lr"] = low
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base + (self.max_lrs[index] - base) * self._height(epoch)

    def momentum(self, epoch: float) -> float:
        return self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(epoch)

    def _check_saved(self, state_dict: Any) -> None:
        super()._check_saved(state_dict)
        if state_dict.get("scale_fn") is not None:
            raise ValueError("CyclicLR.load_state_dict: `scale_fn` must be None, since functions are not saved; got "
                             f"{described(state_dict['scale_fn'])}")
        _check_modes(self.scale_fn, state_dict["mode"], state_dict["scale_mode"])

    def _height(self, epoch: float) -> float:
        """The height in the cycle, from 0 to 1, times the scale of the cycle."""
        length = self.step_size_up + self.step_size_down
        cycle, place = divmod(epoch, length)
        up = place / self.step_size_up if place <= self.step_size_up else (length - place) / self.step_size_down
        if self.scale_fn is not None:
            return up * self.scale_fn(epoch if self.scale_mode == "iterations" else cycle + 1)
        heights: dict[str, float] = {"triangular": 1.0, "triangular2": 0.5 ** cycle, "exp_range": self.gamma ** epoch}
        return up * heights[self.mode]


def _check_modes(scale_fn: Any, mode: str, scale_mode: str) -> None:
    if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range") \
            or scale_mode not in ("cycle", "iterations"):
        raise ValueError(f"CyclicLR: `mode` is \"triangular\", \"triangular2\" or \"exp_range\", and `scale_mode` "
                         f"\"cycle\" or \"iterations\"; got {mode!r} and {scale_mode!r}")


def _for_each(optimizer: Optimizer, option: str, value: Any, name: str) -> list[float]:
    """A number for each group."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{name}: `{option}` must be a number or {count} of them; got {len(values)}")
    return values


def _check_momentum(optimizer: Optimizer, cycle_momentum: bool, name: str) -> None:
    if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError(f"{name}: the optimizer has no momentum; pass cycle_momentum=False")


def _line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share
