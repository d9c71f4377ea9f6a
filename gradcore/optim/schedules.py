"""Schedulers: how the learning rate of each group of an optimizer changes from epoch to epoch."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any, Callable, Mapping, Sequence, Union

from .optimizer import Optimizer


class LRScheduler:
    """Base class: `step` after each epoch sets the "lr" of every group.

    A subclass states `rate`, the learning rate of a group at an epoch from its initial one.

    >>> from gradcore import ones, optim
    >>> class Halving(LRScheduler):
    ...     def rate(self, base, epoch, index):
    ...         return base / 2 ** epoch
    ...
    >>> scheduler = Halving(optim.SGD([ones(1)], lr=0.8))
    >>> for _ in range(2):
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.2]
    """

    def __init__(self, optimizer: Optimizer):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} needs an Optimizer; got {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.go_to(0)

    def rate(self, base: float, epoch: float, index: int) -> float:
        """The learning rate of group `index` at an epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not say what the rate is: define rate()")

    def step(self) -> None:
        """Go to the next epoch."""
        self.go_to(self.last_epoch + 1)

    def go_to(self, epoch: int) -> None:
        """Set the rates of an epoch; where one cannot be computed, nothing changes."""
        rates = [self.rate(base, epoch, i) for i, base in enumerate(self.base_lrs)]
        for group, lr in zip(self.optimizer.param_groups, rates):
            group["lr"] = lr
        self.last_epoch, self._last_lr = epoch, rates

    def get_last_lr(self) -> list[float]:
        """The learning rates that were set last, one for each group."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and functions."""
        return {name: list(value) if isinstance(value, list) else value for name, value in vars(self).items()
                if name != "optimizer" and not callable(value) and name != "lr_lambdas"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; one with other names is refused, and changes nothing."""
        own = self.state_dict()
        if not isinstance(state_dict, Mapping) or set(state_dict) != set(own):
            raise ValueError(f"{type(self).__name__}.load_state_dict: expected {sorted(own)}; got "
                             f"{sorted(state_dict) if isinstance(state_dict, Mapping) else state_dict!r:.80}")
        vars(self).update({name: list(value) if isinstance(value, list) else value
                           for name, value in state_dict.items()})
        self._apply_loaded()

    def _apply_loaded(self) -> None:
        """Set the rates of the epoch that was loaded: the optimizer may have begun anew."""
        self.go_to(self.last_epoch)


class StepLR(LRScheduler):
    """The rate times gamma after every step_size epochs.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.8 0.8 0.4 0.4
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        if not step_size >= 1:
            raise ValueError(f"StepLR: `step_size` must be at least 1; got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times gamma at each milestone.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.8 0.4 0.4 0.2
    """

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * self.gamma ** bisect_right(self.milestones, epoch)


class ExponentialLR(LRScheduler):
    """The rate times gamma after every epoch.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.8 0.4 0.2 0.1
    """

    def __init__(self, optimizer: Optimizer, gamma: float):
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * self.gamma ** epoch


class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch, one for all groups or one for each.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.4 0.267 0.2
    """

    def __init__(self, optimizer: Optimizer,
                 lr_lambda: Union[Callable[[int], float], Sequence[Callable[[int], float]]]):
        count = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * count if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != count:
            raise ValueError(f"LambdaLR: expected {count} function(s), one for each group; got {len(self.lr_lambdas)}")
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * self.lr_lambdas[index](epoch)


class ConstantLR(LRScheduler):
    """The rate times factor until epoch total_iters.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.4 0.4 0.8 0.8
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5):
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: `factor` must be between 0 and 1; got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * self.factor if epoch < self.total_iters else base


class LinearLR(LRScheduler):
    """A factor on the rate that goes along a line from start_factor to end_factor in total_iters epochs.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.2 0.4 0.6 0.8
    """

    def __init__(self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0,
                 total_iters: int = 5):
        if not (0 < start_factor <= 1 and 0 <= end_factor <= 1):
            raise ValueError(f"LinearLR: factors must be between 0 and 1; got {start_factor} and {end_factor}")
        if not total_iters >= 1:
            raise ValueError(f"LinearLR: `total_iters` must be at least 1; got {total_iters}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)


def cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a period of a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class CosineAnnealingLR(LRScheduler):
    """The rate along a cosine, down to eta_min in T_max epochs and up again.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=4)
    >>> for _ in range(5):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.683 0.4 0.117 0.0
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        if not T_max >= 1:
            raise ValueError(f"CosineAnnealingLR: `T_max` must be at least 1; got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return cosine(base, self.eta_min, epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """The rate along a cosine down to eta_min, again and again: first in T_0 epochs, then each time in T_mult more.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> for _ in range(5):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.4 0.8 0.4 0.8
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0):
        if not (T_0 >= 1 and T_mult >= 1):
            raise ValueError(f"CosineAnnealingWarmRestarts: `T_0` and `T_mult` must be at least 1; got {T_0} and "
                             f"{T_mult}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer)

    def rate(self, base: float, epoch: float, index: int) -> float:
        length = self.T_0
        while epoch >= length:
            epoch, length = epoch - length, length * self.T_mult
        return cosine(base, self.eta_min, epoch / length)


class ReduceLROnPlateau:
    """The rate times factor when a measure has not become better for more than patience epochs.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> optimizer.lr
    0.4
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
                 threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0, min_lr: float = 0.0,
                 eps: float = 1e-8):
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: `mode` is \"min\" or \"max\" and `threshold_mode` \"rel\" or "
                             f"\"abs\"; got {mode!r} and {threshold_mode!r}")
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: `factor` must be less than 1; got {factor}")
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown = threshold, threshold_mode, cooldown
        self.min_lr, self.eps, self.last_epoch = min_lr, eps, 0
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0

    def step(self, metrics: Any) -> None:
        """Take note of the measure of an epoch."""
        value = float(metrics)
        self.last_epoch += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, value: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            return sign * value > sign * self.best * (1 + sign * self.threshold)
        return sign * value > sign * self.best + self.threshold

    def _reduce(self) -> None:
        for group in self.optimizer.param_groups:
            lr = max(group["lr"] * self.factor, self.min_lr)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """The learning rates of the groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    state_dict = LRScheduler.state_dict
    load_state_dict = LRScheduler.load_state_dict

    def _apply_loaded(self) -> None:
        """The rates are the optimizer's, which loads them itself."""
