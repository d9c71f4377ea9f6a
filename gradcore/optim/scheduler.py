"""The base class of learning rate schedulers."""

from __future__ import annotations

import math
from typing import Any, Mapping, Optional, Sequence

from ..core.public import checks_calls
from .optimizer import Optimizer
from .saved import refuse_unlike


@checks_calls
class LRScheduler:
    """Base class: `step` after each epoch sets the "lr" of every group.

    A subclass defines `rate`, the learning rate of a group at an epoch.  If a group's rate was changed since the last
    step, for example by another scheduler, the step scales that rate proportionally.  To resume a training, pass
    `last_epoch`; the groups must then have an "initial_lr".

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

    keeps_changes = True  # whether rates changed by others are scaled, not replaced
    lowest = 0.0  # the difference from it is scaled
    _unchecked = ("rate",)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checks_calls(cls)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self._groups_of(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"{type(self).__name__}: to go on after epoch {last_epoch}, every group of the "
                               f"optimizer needs an \"initial_lr\"; group {i} has none")
        self.base_lrs: list[Any] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch, self._last_lr = last_epoch, list(self.base_lrs)
        if last_epoch == -1:
            self._follow(self.base_lrs, 0)
        else:
            self.go_to(last_epoch + 1)

    def _groups_of(self, optimizer: Any) -> list[dict[str, Any]]:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} needs an Optimizer; got {type(optimizer).__name__}")
        return optimizer.param_groups

    def rate(self, base: float, epoch: float, index: int) -> float:
        """The learning rate of group `index` at an epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define rate()")

    def step(self, epoch: Optional[float] = None) -> None:
        """Advance to the next epoch, or to a given one."""
        if epoch is not None or not self.keeps_changes:
            self.go_to(self.last_epoch + 1 if epoch is None else epoch)
        else:
            self._follow(self._rates(self.last_epoch), self.last_epoch + 1)

    def _rates(self, epoch: Any) -> list[float]:
        return [self.rate(base, epoch, i) for i, base in enumerate(self.base_lrs)]

    def _follow(self, before: Sequence[float], epoch: int) -> None:
        """Set the rates of an epoch that follows one with the rates `before`."""
        rates = self._rates(epoch)
        for i, group in enumerate(self.optimizer.param_groups):
            distance = before[i] - self.lowest
            if self.keeps_changes and group["lr"] != before[i] and distance:
                rates[i] = self.lowest + (group["lr"] - self.lowest) * (rates[i] - self.lowest) / distance
        self._set(epoch, rates)

    def go_to(self, epoch: float) -> None:
        """Set the rates of an epoch; an error in computing one leaves all unchanged."""
        if not math.isfinite(epoch):
            raise ValueError(f"{type(self).__name__}: `epoch` must be finite; got {epoch}")
        self._set(epoch, self._rates(epoch))

    def _set(self, epoch: Any, rates: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates):
            group["lr"] = lr
        self.last_epoch, self._last_lr = epoch, rates

    def get_last_lr(self) -> list[float]:
        """The last learning rates set, one for each group."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """The attributes except the optimizer and functions."""
        return {name: list(value) if isinstance(value, list) else value for name, value in vars(self).items()
                if name != "optimizer" and not callable(value) and name != "lr_lambdas"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a `state_dict`; raises ValueError, without changes, if its names or kinds of values differ."""
        self._check_saved(state_dict)
        vars(self).update({name: list(value) if isinstance(value, list) else value
                           for name, value in state_dict.items()})
        self._apply_loaded()

    def _check_saved(self, state_dict: Any) -> None:
        refuse_unlike(type(self).__name__, self.state_dict(), state_dict, len(self.optimizer.param_groups))

    def _apply_loaded(self) -> None:
        """Set the loaded rates, since the optimizer may be new."""
        self._set(self.last_epoch, list(self._last_lr))
