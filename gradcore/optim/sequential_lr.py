"""Schedulers in sequence, or combined."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Mapping, Optional, Sequence

from ..core.public import checks_calls
from .optimizer import Optimizer
from .saved import refuse_unlike
from .scheduler import LRScheduler


@checks_calls
class SequentialLR:
    """The first of `schedulers` until the first of `milestones`, then the second from its start, and so on.

    >>> from gradcore import ones, optim
    >>> from gradcore.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> parts = [ConstantLR(optimizer, factor=0.25), ExponentialLR(optimizer, gamma=0.5)]
    >>> scheduler = SequentialLR(optimizer, parts, milestones=[2])
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.2 0.2 0.8 0.4
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int],
                 last_epoch: int = -1):
        schedulers, milestones = list(schedulers), list(milestones)
        for scheduler in schedulers:
            if not isinstance(scheduler, LRScheduler) or scheduler.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: expected schedulers of the same optimizer that step without a "
                                 f"measure; got {scheduler!r:.80}")
        if not schedulers or len(milestones) != len(schedulers) - 1 or milestones != sorted(milestones):
            raise ValueError(f"SequentialLR: expected a rising milestone between each two schedulers; got "
                             f"{len(schedulers)} scheduler(s) and milestones {milestones}")
        self.optimizer, self._schedulers, self._milestones = optimizer, schedulers, milestones
        self.last_epoch = last_epoch + 1
        begun = max([0, *[milestone for milestone in milestones if milestone <= self.last_epoch]])
        self._at(self.last_epoch).go_to(self.last_epoch - begun)

    def step(self) -> None:
        """Advance to the next epoch."""
        epoch = self.last_epoch + 1
        if epoch in self._milestones:
            self._at(epoch).go_to(0)
        else:
            self._at(epoch).step()
        self.last_epoch = epoch

    def _at(self, epoch: int) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, epoch)]

    def get_last_lr(self) -> list[float]:
        """The last learning rates set, one for each group."""
        return self._at(self.last_epoch).get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """The epoch, the milestones and the states of all schedulers."""
        return {"last_epoch": self.last_epoch, "_milestones": list(self._milestones),
                "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a `state_dict`; raises ValueError, without changes, if it does not match."""
        refuse_unlike("SequentialLR", self.state_dict(), state_dict, 0)
        saved = _checked(self, self._schedulers, state_dict["_schedulers"])
        if len(state_dict["_milestones"]) != len(self._milestones):
            raise ValueError(f"SequentialLR.load_state_dict: expected {len(self._milestones)} milestone(s); got "
                             f"{state_dict['_milestones']}")
        for scheduler, state in zip(self._schedulers, saved):
            scheduler.load_state_dict(state)
        self.last_epoch, self._milestones = state_dict["last_epoch"], list(state_dict["_milestones"])
        self._at(self.last_epoch)._apply_loaded()


@checks_calls
class ChainedScheduler:
    """Schedulers that step together, each changing the rates set by the previous ones.

    >>> from gradcore import ones, optim
    >>> from gradcore.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer = optim.SGD([ones(1)], lr=0.8)
    >>> scheduler = ChainedScheduler([ConstantLR(optimizer, factor=0.5, total_iters=2), ExponentialLR(optimizer, 0.5)])
    >>> for _ in range(4):
    ...     print(round(optimizer.lr, 3), end=" ")
    ...     scheduler.step()
    0.4 0.2 0.2 0.1
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optional[Optimizer] = None):
        schedulers = list(schedulers)
        first = optimizer or (schedulers[0].optimizer if schedulers else None)
        if not schedulers or any([scheduler.optimizer is not first for scheduler in schedulers]):
            raise ValueError("ChainedScheduler: expected one scheduler at least, all of the same optimizer")
        self.optimizer, self._schedulers = first, schedulers

    def step(self) -> None:
        """Advance to the next epoch."""
        for scheduler in self._schedulers:
            scheduler.step()

    def get_last_lr(self) -> list[float]:
        """The last learning rates set, one for each group."""
        return self._schedulers[-1].get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """The states of all schedulers."""
        return {"_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a `state_dict`; raises ValueError, without changes, if it does not match."""
        refuse_unlike("ChainedScheduler", self.state_dict(), state_dict, 0)
        saved = _checked(self, self._schedulers, state_dict["_schedulers"])
        for scheduler, state in zip(self._schedulers, saved):
            scheduler.load_state_dict(state)


def _checked(owner: Any, schedulers: Sequence[Any], saved: Sequence[Any]) -> Sequence[Any]:
    """The saved states, refused where one does not fit its scheduler."""
    if len(saved) != len(schedulers):
        raise ValueError(f"{type(owner).__name__}.load_state_dict: expected the states of {len(schedulers)} "
                         f"scheduler(s); got {len(saved)}")
    for scheduler, state in zip(schedulers, saved):
        scheduler._check_saved(state)
    return saved
