"""The schedule of one cycle: up to a large learning rate, and far down."""

from __future__ import annotations

from typing import Optional, Sequence, Union

from .optimizer import Optimizer
from .schedules import LRScheduler, cosine


class OneCycleLR(LRScheduler):
    """The rate up from max_lr / div_factor to max_lr, and down to 1 / final_div_factor of the first, in total_steps.

    The momentum ("momentum", or the first of "betas") goes the other way where `cycle_momentum` is set.

    >>> from gradcore import ones, optim
    >>> optimizer = optim.SGD([ones(1)], lr=0.1, momentum=0.9)
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=5)
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.04 0.95 0.611 0.188
    """

    def __init__(self, optimizer: Optimizer, max_lr: Union[float, Sequence[float]], total_steps: Optional[int] = None,
                 epochs: Optional[int] = None, steps_per_epoch: Optional[int] = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float = 0.85,
                 max_momentum: float = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4):
        steps = total_steps if total_steps is not None else (epochs or 0) * (steps_per_epoch or 0)
        if not steps >= 1:
            raise ValueError(f"OneCycleLR: give `total_steps`, or `epochs` and `steps_per_epoch`; got {total_steps}, "
                             f"{epochs} and {steps_per_epoch}")
        if anneal_strategy not in ("cos", "linear") or not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: `anneal_strategy` is \"cos\" or \"linear\" and `pct_start` between 0 and 1; "
                             f"got {anneal_strategy!r} and {pct_start}")
        count = len(optimizer.param_groups)
        self.max_lrs = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * count
        if len(self.max_lrs) != count:
            raise ValueError(f"OneCycleLR: `max_lr` must be a number or {count} of them; got {len(self.max_lrs)}")
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError("OneCycleLR: the optimizer has no momentum; pass cycle_momentum=False")
        self.total_steps, self.pct_start, self.anneal_strategy = steps, pct_start, anneal_strategy
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        for group, most in zip(optimizer.param_groups, self.max_lrs):
            group["initial_lr"] = most / div_factor
        super().__init__(optimizer)

    def step(self) -> None:
        if self.last_epoch + 1 >= self.total_steps + 1:
            raise ValueError(f"OneCycleLR: the cycle has {self.total_steps} steps; step {self.last_epoch + 1} is one "
                             f"too many")
        super().step()

    def rate(self, base: float, epoch: float, index: int) -> float:
        return self._along(base, self.max_lrs[index], base / self.final_div_factor, epoch)

    def _along(self, first: float, middle: float, last: float, epoch: float) -> float:
        """The value at an epoch of what goes from first to middle and to last."""
        blend = cosine if self.anneal_strategy == "cos" else _line
        turn = self.pct_start * self.total_steps - 1
        if epoch <= turn:
            return blend(first, middle, epoch / turn if turn else 1.0)
        return blend(middle, last, (epoch - turn) / (self.total_steps - 1 - turn))

    def go_to(self, epoch: int) -> None:
        super().go_to(epoch)
        if self.cycle_momentum:
            momentum = self._along(self.max_momentum, self.base_momentum, self.max_momentum, epoch)
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum


def _line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share
