"""Samples in a random order, split and in batches; drawn on the host, so equal on every device."""

from __future__ import annotations

from typing import Any, Iterator, Optional

import numpy as np

from ..operations.random import host_generator
from ..core.tensor import Tensor, tensor


def train_test_split(count: int, test_fraction: float = 0.25, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the samples to train with and of those to test with, in a random order.

    >>> train, test = train_test_split(8)
    >>> sorted([*train, *test]) == list(range(8)), len(test)
    (True, 2)
    """
    if not 0 <= test_fraction <= 1:
        raise ValueError(f"`test_fraction` must be between 0 and 1; got {test_fraction}")
    order = np.random.default_rng(seed).permutation(count)
    tests = round(count * test_fraction)
    return order[tests:], order[:tests]


def batches(x: Tensor, y: Tensor, size: int, seed: Optional[int] = None) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass over samples and their targets, in a new random order, `size` of them at a time.

    The order follows `gradcore.manual_seed`, or `seed` alone where it is given.  The last batch may be smaller.

    >>> import gradcore
    >>> [len(x) for x, y in batches(gradcore.zeros(5, 2), gradcore.zeros(5), size=2)]
    [2, 2, 1]
    """
    if len(x) != len(y):
        raise ValueError(f"there must be one target for each sample; got {len(x)} samples and {len(y)} targets")
    if size < 1:
        raise ValueError(f"a batch holds at least one sample; got size={size}")
    generator = host_generator() if seed is None else np.random.default_rng(seed)
    order = generator.permutation(len(x))
    for start in range(0, len(order), size):
        index: Any = tensor(order[start:start + size], device=x.device)
        yield x[index], y[index]
