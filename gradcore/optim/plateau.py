"""A schedule that depends on a metric."""

from __future__ import annotations

import math
from typing import Any, Sequence, Union

from ..core.public import checks_calls
from .optimizer import Optimizer, check_number
from .scheduler import LRScheduler


@checks_calls
class ReduceLROnPlateau:
    """Multiply the rate by factor if a metric has not improved for more than patience epochs.

    `min_lr` is the least rate, one for all groups or one for each.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> optimizer.lr
    0.4
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
                 threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
                 min_lr: Union[float, Sequence[float]] = 0.0, eps: float = 1e-8):
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: `mode` is \"min\" or \"max\" and `threshold_mode` \"rel\" or "
                             f"\"abs\"; got {mode!r} and {threshold_mode!r}")
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: `factor` must be less than 1; got {factor}")
        count = len(optimizer.param_groups)
        if isinstance(min_lr, (list, tuple)) and len(min_lr) != count:
            raise ValueError(f"ReduceLROnPlateau: `min_lr` must be a number or one for each of {count} groups; got "
                             f"{min_lr}")
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * count
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown = threshold, threshold_mode, cooldown
        self.eps, self.last_epoch = eps, 0
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0

    def step(self, metrics: Any) -> None:
        """Record the metric of an epoch."""
        value = float(check_number("metrics", metrics.item() if getattr(metrics, "shape", None) == () else metrics))
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
        for group, least in zip(self.optimizer.param_groups, self.min_lrs):
            lr = max(group["lr"] * self.factor, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """The learning rates of the groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    state_dict = LRScheduler.state_dict
    load_state_dict = LRScheduler.load_state_dict
    _check_saved = LRScheduler._check_saved

    def _apply_loaded(self) -> None:
        """Nothing to do: the optimizer loads its rates itself."""
