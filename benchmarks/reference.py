"""The truth in float64, from the formula itself and from differences of it.

It shares nothing with what is timed: neither the tracing of a formula nor its derivative, neither a lowering nor a
kernel.  A case whose result differs is refused, since the time of a wrong kernel means nothing.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

import numpy as np

from .plain import PlainNamespace

SAMPLE = 2048  # elements that are checked, spread over the whole array
_STEP = 1e-5
_TOLERANCES = {"float16": (4e-3, 4e-3), "float32": (2e-5, 2e-6), "float64": (1e-6, 1e-8)}  # relative, absolute


class WrongResult(AssertionError):
    """An implementation computes something else than the formula, so it is not timed."""


def sample(size: int) -> np.ndarray:
    """The indices of the elements that are checked: the ends, and some of every part in between."""
    return np.unique(np.linspace(0, size - 1, min(size, SAMPLE)).astype(np.int64))


def values_and_slopes(formula: Callable, x: np.ndarray, others: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The formula at `x` and its derivative along `x`, in float64; the slope is NaN at a kink.

    `formula(xp, x, *others)` is a kernel's plain function.
    """
    namespace = PlainNamespace(np, np.float64, np.vectorize(math.erf, [float]))
    x = x.astype(np.float64)
    others = [other.astype(np.float64) for other in others]
    with np.errstate(all="ignore"):
        left, middle, right = (formula(namespace, x + shift, *others) for shift in (-_STEP, 0.0, _STEP))
        slopes = (right - left) / (2 * _STEP)
        kinked = np.abs(right - 2 * middle + left) > _STEP * 1e-3
    return middle, np.where(kinked, np.nan, slopes)


def check(what: str, found: Any, expected: np.ndarray, dtype: str) -> None:
    """Raise `WrongResult` unless `found` equals `expected` within the accuracy of `dtype` (NaN is not compared)."""
    relative, absolute = _TOLERANCES[dtype]
    known = ~np.isnan(expected)
    error = np.abs(found.astype(np.float64) - expected)
    wrong = known & ~(error <= absolute + relative * np.abs(expected))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise WrongResult(f"{what} is not timed because it is wrong at {int(wrong.sum()):,} of {int(known.sum()):,} "
                          f"elements that were checked: {found[i]!r} instead of {expected[i]!r} at the first of them")
