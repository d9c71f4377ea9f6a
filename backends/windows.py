"""Windows that slide over the last dimensions of an array: where they lie, and their elements as slices or views."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterator


@dataclass(frozen=True)
class Windows:
    """How windows lie over an array: a number for each of its last dimensions.

    Element k of the window at position p is element ``p * stride + k * dilation`` of the array with `before` and
    `after` elements more at its ends.
    """

    sizes: tuple[int, ...]  # of the array
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @cached_property
    def padded(self) -> tuple[int, ...]:
        """The sizes with the elements at both ends."""
        return tuple([n + b + a for n, b, a in zip(self.sizes, self.before, self.after)])

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """How many windows there are along each dimension."""
        return tuple([(n - d * (k - 1) - 1) // s + 1
                      for n, k, s, d in zip(self.padded, self.kernel, self.stride, self.dilation)])

    @property
    def is_padded(self) -> bool:
        return self.padded != self.sizes

    @property
    def inside(self) -> tuple[Any, ...]:
        """The index of the array itself within the longer one."""
        return (..., *[slice(b, b + n) for b, n in zip(self.before, self.sizes)])

    def taps(self) -> Iterator[tuple[Any, ...]]:
        """For each element of a window the index, within the longer array, of that element of all windows."""
        for places in itertools.product(*map(range, self.kernel)):
            yield (..., *[slice(k * d, k * d + s * (p - 1) + 1, s)
                          for k, d, s, p in zip(places, self.dilation, self.stride, self.positions)])

    # Windows at every place lie at fixed distances in memory, counted through all dimensions of the longer array.
    @cached_property
    def is_dense(self) -> bool:
        """Whether there is a window at every place, and few places between the last of a row and the next row."""
        return max(self.stride) == 1 and self.span <= 1.5 * math.prod(self.positions)

    @cached_property
    def span(self) -> int:
        """From the first element of the first window to that of the last, both counted."""
        return 1 + sum([(p - 1) * step for p, step in zip(self.positions, self._steps)])

    @cached_property
    def shifts(self) -> list[int]:
        """How far each element of a window lies behind its first one."""
        return [sum([k * d * step for k, d, step in zip(places, self.dilation, self._steps)])
                for places in itertools.product(*map(range, self.kernel))]

    @property
    def _steps(self) -> list[int]:
        return [math.prod(self.padded[i + 1:]) for i in range(len(self.padded))]

    def view(self, as_strided: Any, array: Any) -> Any:
        """The windows of the longer `array`, (..., *kernel, *positions), as a view that `as_strided` makes."""
        lead = array.ndim - len(self.kernel)
        steps = array.strides[lead:]
        shape = (*array.shape[:lead], *self.kernel, *self.positions)
        strides = (*array.strides[:lead], *[step * d for step, d in zip(steps, self.dilation)],
                   *[step * s for step, s in zip(steps, self.stride)])
        return as_strided(array, shape, strides)
