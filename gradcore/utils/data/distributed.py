"""`DistributedSampler`: the part of a data set for each process."""

from __future__ import annotations

import math
from typing import Any, Iterator, Mapping, Optional, Sized

import numpy as np

from ...distributed import get_rank, get_world_size
from .sampler import Sampler


class DistributedSampler(Sampler):
    """Every `num_replicas`-th sample, beginning with that of this rank; all processes get equally many.

    Parameters
    ----------
    dataset : anything with a length.
    num_replicas, rank : the number of processes and this one's rank; by default those of the process group.
    shuffle : a new random order in each epoch, from `seed` and the epoch of `set_epoch`.
    drop_last : drop remaining samples; otherwise the first ones of the order are repeated.

    Raises
    ------
    ValueError : an invalid rank.
    RuntimeError : there is no process group.

    >>> [list(DistributedSampler(range(5), num_replicas=2, rank=rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(self, dataset: Sized, num_replicas: Optional[int] = None, rank: Optional[int] = None,
                 shuffle: bool = True, seed: int = 0, drop_last: bool = False):
        super().__init__(dataset)
        self.num_replicas: int = get_world_size() if num_replicas is None else num_replicas
        self.rank: int = get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"DistributedSampler: rank is a number from 0 to {self.num_replicas - 1}; got {self.rank}")
        self.dataset, self.shuffle, self.seed, self.drop_last, self.epoch = dataset, shuffle, seed, drop_last, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch that determines the order of the next pass; otherwise all passes have the same order."""
        self.epoch = int(epoch)

    def __iter__(self) -> Iterator[int]:
        count, total = len(self.dataset), len(self) * self.num_replicas
        order = np.random.default_rng((self.seed, self.epoch)).permutation(count) if self.shuffle else np.arange(count)
        return iter(np.resize(order, total)[self.rank::self.num_replicas].tolist())

    def __len__(self) -> int:
        share = len(self.dataset) / self.num_replicas
        return math.floor(share) if self.drop_last else math.ceil(share)

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if set(state_dict) != {"epoch"} or not isinstance(state_dict["epoch"], int):
            raise ValueError(f"DistributedSampler.load_state_dict takes {{'epoch': an integer}}; got {state_dict!r}")
        self.set_epoch(state_dict["epoch"])
