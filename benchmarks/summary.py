"""Medians, spreads and ratios of round times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Sequence

import numpy as np


@dataclass(frozen=True)
class Summary:
    """The middle of some times and their spread, the interquartile range."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Summary":
        low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75))
        return cls(float(median), float(low), float(high), len(seconds))

    @property
    def spread(self) -> float:
        """The interquartile range as a part of the median."""
        return (self.high - self.low) / self.median


def ratio(slower: Sequence[float], faster: Sequence[float]) -> float:
    """How many times faster the second is: the median of the ratios of times from the same rounds.

    >>> ratio([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    2.0
    """
    return float(np.median(np.divide(slower, faster)))


def geometric_mean(values: Iterable[float]) -> float:
    """
    >>> round(geometric_mean([1.0, 4.0]), 6)
    2.0
    """
    return float(np.exp(np.mean(np.log(list(values)))))
