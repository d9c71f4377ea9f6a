"""Random splits and batches of samples, the same on every device."""

from __future__ import annotations

from typing import Iterator, Optional

import numpy as np

from ..core.tensor import Tensor
from ..operations.generator import Generator
from ..operations.random import randperm
from ..utils.data import DataLoader, TensorDataset


def train_test_split(count: int, test_fraction: float = 0.25, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The indices of training and test samples, in random order.

    >>> train, test = train_test_split(8)
    >>> sorted([*train, *test]) == list(range(8)), len(test)
    (True, 2)
    """
    if not 0 <= test_fraction <= 1:
        raise ValueError(f"`test_fraction` must be between 0 and 1; got {test_fraction}")
    order = randperm(count, device="cpu", generator=Generator().manual_seed(seed)).numpy()
    tests = round(count * test_fraction)
    return order[tests:], order[:tests]


def batches(x: Tensor, y: Tensor, size: int, seed: Optional[int] = None) -> Iterator[list[Tensor]]:
    """One pass over samples and targets in a new random order, in batches of `size`.

    The order depends on `gradcore.manual_seed`, or on `seed` if given.  The last batch may be smaller.

    >>> import gradcore
    >>> [len(x) for x, y in batches(gradcore.zeros(5, 2), gradcore.zeros(5), size=2)]
    [2, 2, 1]
    """
    generator = None if seed is None else Generator().manual_seed(seed)
    return iter(DataLoader(TensorDataset(x, y), size, shuffle=True, generator=generator))
