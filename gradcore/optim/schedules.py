"""Schedules of the learning rate that depend on the epoch alone."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any, Callable, Sequence, Union

from .optimizer import Optimizer
from .scheduler import LRScheduler


class StepLR(LRScheduler):
    """Multiply the rate by gamma every step_size epochs.

    lr_t = lr_0 · gamma^floor(t / step_size) at epoch t.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.8 0.8 0.4 0.4
    """

    def __init__(self, optimizer: Optimizer, step_size: float, gamma: float = 0.1, last_epoch: int = -1):
        if not step_size >= 1:
            raise ValueError(f"StepLR: `step_size` must be at least 1; got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * float(self.gamma ** (epoch // self.step_size))


class MultiStepLR(LRScheduler):
    """Multiply the rate by gamma at each milestone.

    lr_t = lr_0 · gamma^n at epoch t, with n the number of milestones up to t.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.8 0.4 0.4 0.2
    """

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        passed = bisect_right(self.milestones, epoch)
        return base * float(self.gamma ** passed)


class ExponentialLR(LRScheduler):
    """Multiply the rate by gamma every epoch.

    lr_t = lr_0 · gamma^t at epoch t.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.8 0.4 0.2 0.1
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * float(self.gamma ** epoch)


class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch, one for all groups or one for each.

    lr_t = lr_0 · f(t) at epoch t.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.4 0.267 0.2
    """

    def __init__(self, optimizer: Optimizer,
                 lr_lambda: Union[Callable[[Any], float], Sequence[Callable[[Any], float]]], last_epoch: int = -1):
        count = len(self._groups_of(optimizer))
        self.lr_lambdas = [lr_lambda] * count if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != count:
            raise ValueError(f"{type(self).__name__}: expected {count} function(s), one for each group; got "
                             f"{len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    keeps_changes = False

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * self.lr_lambdas[index](epoch)


class MultiplicativeLR(LambdaLR):
    """Multiply the rate at each epoch by a function of the epoch, one for all groups or one for each.

    lr_t = lr_(t-1) · f(t) at epoch t.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = MultiplicativeLR(optimizer, lambda epoch: 1 / epoch)
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.8 0.4 0.133
    """

    keeps_changes = True

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * math.prod([self.lr_lambdas[index](before) for before in range(1, int(epoch) + 1)])


class PolynomialLR(LRScheduler):
    """Decrease the rate to 0 in total_iters epochs, as a polynomial of degree power.

    lr_t = lr_0 (1 - min(t, T) / T)^power at epoch t, with T = total_iters.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = PolynomialLR(optimizer, total_iters=4)
    >>> for _ in range(5):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.6 0.4 0.2 0.0
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        if not total_iters >= 1:
            raise ValueError(f"PolynomialLR: `total_iters` must be at least 1; got {total_iters}")
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * float((1.0 - min(epoch, self.total_iters) / self.total_iters) ** self.power)


class ConstantLR(LRScheduler):
    """Multiply the rate by factor until epoch total_iters.

    lr_t = factor · lr_0 for t < total_iters, else lr_0.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> for _ in range(4):
    ...     print(optimizer.lr, end=" ")
    ...     scheduler.step()
    0.4 0.4 0.8 0.8
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: `factor` must be between 0 and 1; got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        return base * self.factor if epoch < self.total_iters else base


class LinearLR(LRScheduler):
    """Multiply the rate by a factor that changes linearly from start_factor to end_factor in total_iters epochs.

    lr_t = lr_0 (start_factor + (end_factor - start_factor) min(t, T) / T) at epoch t, with T = total_iters.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.2 0.4 0.6 0.8
    """

    def __init__(self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0,
                 total_iters: int = 5, last_epoch: int = -1):
        if not (0 < start_factor <= 1 and 0 <= end_factor <= 1):
            raise ValueError(f"LinearLR: factors must be between 0 and 1; got {start_factor} and {end_factor}")
        if not total_iters >= 1:
            raise ValueError(f"LinearLR: `total_iters` must be at least 1; got {total_iters}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float, index: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)


def cosine(start: float, end: float, share: float) -> float:
    """Half a period of a cosine from start to end."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class CosineAnnealingLR(LRScheduler):
    """Decrease the rate to eta_min in T_max epochs along a cosine, and up again.

    lr_t = eta_min + (lr_0 - eta_min) (1 + cos(π t / T_max)) / 2 at epoch t.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=4)
    >>> for _ in range(5):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.683 0.4 0.117 0.0
    """

    def __init__(self, optimizer: Optimizer, T_max: float, eta_min: float = 0.0, last_epoch: int = -1):
        if not T_max >= 1:
            raise ValueError(f"CosineAnnealingLR: `T_max` must be at least 1; got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    @property
    def lowest(self) -> float:  # type: ignore[override]
        return self.eta_min

    def rate(self, base: float, epoch: float, index: int) -> float:
        return cosine(base, self.eta_min, epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Decrease the rate to eta_min along a cosine, with restarts after T_0 epochs, then T_mult times as many.

    lr_t = eta_min + (lr_0 - eta_min) (1 + cos(π t / T)) / 2, with t the epochs since the last restart and T the
    period.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> for _ in range(5):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.8 0.4 0.8 0.4 0.8
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        if not (T_0 >= 1 and T_mult >= 1):
            raise ValueError(f"CosineAnnealingWarmRestarts: `T_0` and `T_mult` must be at least 1; got {T_0} and "
                             f"{T_mult}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    keeps_changes = False

    def rate(self, base: float, epoch: float, index: int) -> float:
        length = self.T_0
        while epoch >= length:
            epoch, length = epoch - length, length * self.T_mult
        return cosine(base, self.eta_min, epoch / length)
