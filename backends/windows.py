"""Sliding windows over the last dimensions of an array, as slices or strided views."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterator

import numpy as np


@dataclass(frozen=True)
class Windows:
    """The geometry of windows; each field has a number for each of the last dimensions.

    Element k of the window at position p is element ``p * stride + k * dilation`` of the array padded with `before` and
    `after` elements.
    """

    sizes: tuple[int, ...]  # of the array
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @cached_property
    def padded(self) -> tuple[int, ...]:
        """The sizes with padding."""
        return tuple([n + b + a for n, b, a in zip(self.sizes, self.before, self.after)])

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """The number of windows along each dimension."""
        return tuple([(n - d * (k - 1) - 1) // s + 1
                      for n, k, s, d in zip(self.padded, self.kernel, self.stride, self.dilation)])

    @property
    def is_padded(self) -> bool:
        return self.padded != self.sizes

    @property
    def inside(self) -> tuple[Any, ...]:
        """The index of the original array in the padded one."""
        return (..., *[slice(b, b + n) for b, n in zip(self.before, self.sizes)])

    @cached_property
    def first_inside(self) -> np.ndarray:
        """For each window the number of its first element that lies in the array itself."""
        number = np.zeros((), np.int64)
        for dim, kernel in enumerate(self.kernel):
            starts = np.arange(self.positions[dim]) * self.stride[dim] - self.before[dim]
            first = np.minimum(-(np.minimum(starts, 0) // self.dilation[dim]), kernel - 1)
            number = number[..., None] * kernel + first
        return number

    def taps(self) -> Iterator[tuple[Any, ...]]:
        """For each element of a window, the index of that element of all windows in the padded array."""
        for places in itertools.product(*map(range, self.kernel)):
            yield (..., *[slice(k * d, k * d + s * (p - 1) + 1, s)
                          for k, d, s, p in zip(places, self.dilation, self.stride, self.positions)])

    # The following count positions in the flattened padded array.
    @cached_property
    def is_dense(self) -> bool:
        """Whether the stride is 1 and few positions of the span are not the start of a window."""
        return max(self.stride) == 1 and self.span <= 1.5 * math.prod(self.positions)

    @cached_property
    def span(self) -> int:
        """The number of elements from the start of the first window to the start of the last, both included."""
        return 1 + sum([(p - 1) * step for p, step in zip(self.positions, self._steps)])

    @cached_property
    def shifts(self) -> list[int]:
        """The offset of each element of a window from its first one."""
        return [sum([k * d * step for k, d, step in zip(places, self.dilation, self._steps)])
                for places in itertools.product(*map(range, self.kernel))]

    @property
    def _steps(self) -> list[int]:
        return [math.prod(self.padded[i + 1:]) for i in range(len(self.padded))]

    def view(self, as_strided: Any, array: Any) -> Any:
        """The windows of the padded `array` as a strided view of shape (..., *kernel, *positions)."""
        lead = array.ndim - len(self.kernel)
        steps = array.strides[lead:]
        shape = (*array.shape[:lead], *self.kernel, *self.positions)
        strides = (*array.strides[:lead], *[step * d for step, d in zip(steps, self.dilation)],
                   *[step * s for step, s in zip(steps, self.stride)])
        return as_strided(array, shape, strides)
