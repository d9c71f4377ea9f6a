"""The columns of a convolution (im2col) and their adjoint (col2im), which sums where windows overlap."""

from __future__ import annotations

import math
from typing import Any

from ..backends import Array, Backend
from ..backends.windows import Windows
from ..core.operation import Operation
from ..core.tensor import Tensor


def padded(backend: Backend, x: Any, windows: Windows, value: float = 0) -> Any:
    """The array with padding of `value` to the windows' padded sizes."""
    if not windows.is_padded:
        return x
    array = backend.full((*x.shape[:-len(windows.sizes)], *windows.padded), value, x.dtype)
    backend.assign(array, windows.inside, x)
    return array


def spread(backend: Backend, columns: Any, windows: Windows, is_in_rows: bool = False) -> Any:
    """Sum columns (samples, channels, window, ...) into the elements that the windows cover.

    With `is_in_rows`, for columns made from `in_rows`, the sums are over contiguous memory.
    """
    lead, kernel, span = columns.shape[:2], math.prod(windows.kernel), windows.span
    taps = backend.xp.reshape(columns, (*lead, kernel, *((span,) if is_in_rows else windows.positions)))
    total = backend.full((*lead, *((math.prod(windows.padded),) if is_in_rows else windows.padded)), 0, taps.dtype)
    places = [(..., slice(shift, shift + span)) for shift in windows.shifts] if is_in_rows else windows.taps()
    for k, place in enumerate(places):
        backend.add_at(total, place, backend.take(taps, (slice(None), slice(None), k, ...)))
    return backend.take(backend.xp.reshape(total, (*lead, *windows.padded)), windows.inside)


def in_rows(backend: Backend, y: Any, windows: Windows) -> Any:
    """A number for each window, (samples, channels, *positions), flattened, with zeros where no window starts."""
    shape = (*y.shape[:2], windows.positions[0], *windows.padded[1:])
    if shape != y.shape:
        rows = backend.full(shape, 0, y.dtype)
        backend.assign(rows, (..., *[slice(p) for p in windows.positions]), y)
        y = rows
    return backend.take(backend.xp.reshape(y, (*y.shape[:2], -1)), (..., slice(windows.span)))


class Columns(Operation):
    """The windows of (samples, channels, ...), as (samples, channels, window, positions)."""

    windows: Windows

    def forward(self, backend: Backend, x: Array) -> Array:
        seen = backend.windows(padded(backend, x, self.windows), self.windows)
        shape = (*x.shape[:2], math.prod(self.windows.kernel), math.prod(self.windows.positions))
        return backend.copy(backend.xp.reshape(seen, shape))

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [FromColumns.apply(gradient, windows=self.windows)]


class FromColumns(Operation):
    """The adjoint of `Columns`: adds each number to the element that it comes from."""

    windows: Windows

    def forward(self, backend: Backend, columns: Array) -> Array:
        return backend.copy(spread(backend, columns, self.windows))

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [Columns.apply(gradient, windows=self.windows)]
