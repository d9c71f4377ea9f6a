"""Medians, spreads and ratios of round times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterable, Sequence


@dataclass(frozen=True)
class Summary:
    """The middle of some times and their spread, the interquartile range."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Summary":
        low, median, high = quantiles(seconds, 0.25, 0.5, 0.75)
        return cls(median, low, high, len(seconds))

    @property
    def spread(self) -> float:
        """The interquartile range as a part of the median."""
        return (self.high - self.low) / self.median


def quantiles(values: Sequence[float], *parts: float) -> list[float]:
    """As numpy.quantile, which takes longer than all else for the few values that there are.

    >>> quantiles([3.0, 1.0, 2.0, 4.0], 0.25, 0.5)
    [1.75, 2.5]
    """
    ordered = sorted(values)
    found = []
    for part in parts:
        place = part * (len(ordered) - 1)
        below = ordered[int(place)]
        above = ordered[min(int(place) + 1, len(ordered) - 1)]
        found.append(below if above == below else below + (above - below) * (place - int(place)))
    return found


def median(values: Sequence[float]) -> float:
    return quantiles(values, 0.5)[0]


def ratio(slower: Sequence[float], faster: Sequence[float]) -> float:
    """How many times faster the second is: the median of the ratios of times from the same rounds.

    >>> ratio([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    2.0
    """
    return median([a / b for a, b in zip(slower, faster)])


def geometric_mean(values: Iterable[float]) -> float:
    """
    >>> round(geometric_mean([1.0, 4.0]), 6)
    2.0
    """
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))
