"""The inputs: the same numbers for every implementation, made anew from a fixed seed."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from .activations import Activation
from .cases import Case
from .reference import sample, values_and_slopes

SEED = 20240
# Inputs on a GPU are taken from sets that together exceed every cache (an H100 has 50 MB, a B200 126 MB).
_ROTATED_BYTES = 256 << 20
_MOST_SETS = 256  # of small arrays, whose time is that of launching the kernel


@dataclass(frozen=True)
class Data:
    """Host arrays: the input, the upstream gradient, and parameters of one element each."""

    x: np.ndarray
    upstream: np.ndarray
    weights: tuple[np.ndarray, ...]
    sets: int  # how many copies of the inputs are used by turns

    @classmethod
    def of(cls, group: Case, activation: Activation) -> "Data":
        x, upstream = _drawn(group.size, group.dtype)
        weights = tuple(np.full(1, value, group.dtype) for value in activation.weights)
        sets = 1 if group.device == "cpu" else min(_MOST_SETS, -(-_ROTATED_BYTES // (2 * x.nbytes)))
        return cls(x, upstream, weights, sets)

    def expected(self, group: Case, activation: Activation) -> np.ndarray:
        """What the case must compute, at the elements that are checked."""
        at = sample(group.size)
        values, slopes = values_and_slopes(activation.formula, self.x[at], self.weights)
        return values if group.direction == "forward" else slopes * self.upstream[at]


@functools.lru_cache(2)
def _drawn(size: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Wide enough for the tails: most activations are flat or straight beyond 9."""
    generator = np.random.default_rng(SEED)
    drawn = [generator.standard_normal(size, np.float32) for _ in range(2)]
    return tuple((array * scale).astype(dtype) for array, scale in zip(drawn, (np.float32(3), np.float32(1))))
