"""Convolution: the windows of the input as the columns of a matrix (im2col), and one matrix product.

The expression  Σ y[n, o, p] w[o, c, k] x[n, c, p·stride + k·dilation]  is linear in each of x, w and y.  Its
derivatives with respect to them are three operations: `Convolve` (y), `ConvolveInput` (x), which is also the
transposed convolution, and `ConvolveWeight` (w).  The derivatives of each are the other two.

The columns take as many times the memory of the input as a window has elements, so they are computed for a few samples
at a time.
"""

from __future__ import annotations

import math
from typing import Any, Iterator, Optional

from ..backends import Array, Backend
from ..backends.windows import Windows
from ..core.operation import Operation
from ..core.tensor import Tensor
from .columns import in_rows, padded, spread
from .reduction import sum


class _OfWindows(Operation):
    """Base class of the three operations, with the options `windows` and `groups`."""

    windows: Windows
    groups: int

    def _parts(self, backend: Backend, samples: int, channels: int, itemsize: int) -> Iterator[slice]:
        """Slices of the samples whose columns fit in scratch memory."""
        columns = channels * math.prod(self.windows.kernel) * math.prod(self.windows.positions) * itemsize
        step = max(1, backend.scratch_bytes // max(columns, 1))
        return (slice(start, min(start + step, samples)) for start in range(0, samples, step))

    def _seen(self, backend: Backend, x: Any, part: slice) -> Any:
        """The windows of some samples: (samples, channels, *kernel, *positions)."""
        return backend.windows(padded(backend, backend.take(x, (part, ...)), self.windows), self.windows)

    def _in_groups(self, backend: Backend, y: Any) -> Any:
        """(samples, channels, ...) as (samples, groups, channels of a group, positions)."""
        return backend.xp.reshape(y, (y.shape[0], self.groups, y.shape[1] // self.groups, -1))

    def _matrix(self, backend: Backend, w: Any) -> Any:
        """The weight as a matrix for each group: (groups, out channels, window)."""
        return backend.xp.reshape(w, (self.groups, w.shape[0] // self.groups, math.prod(w.shape[1:])))


class Convolve(_OfWindows):
    """y[n, o, p] = Σ w[o, c, k] x[n, c, p·stride + k·dilation], plus a bias for each o."""

    saves = (0, 1)

    def forward(self, backend: Backend, x: Array, w: Array, *bias: Array) -> Array:
        xp, positions = backend.xp, self.windows.positions
        samples, channels = x.shape[:2]
        matrix = self._matrix(backend, w)
        y = backend.empty((samples, self.groups, matrix.shape[1], math.prod(positions)), x.dtype)
        for part in self._parts(backend, samples, channels, x.dtype.itemsize):
            seen = self._seen(backend, x, part)
            columns = xp.reshape(seen, (seen.shape[0], self.groups, matrix.shape[2], y.shape[3]))
            backend.matmul_into(y, (part, ...), matrix, columns)
            if bias:
                backend.add_at(y, (part, ...), xp.reshape(bias[0], (1, *y.shape[1:3], 1)))
        return xp.reshape(y, (samples, w.shape[0], *positions))

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        options = {"windows": self.windows, "groups": self.groups}
        wanted = [parent is not None for parent in self.parents]
        parts = [ConvolveInput.apply(gradient, self.saved(1), **options) if wanted[0] else None,
                 ConvolveWeight.apply(self.saved(0), gradient, **options) if wanted[1] else None]
        if len(wanted) == 3:
            dims = (0, *range(2, gradient.ndim))
            parts.append(sum(gradient, dims) if wanted[2] else None)
        return parts


class ConvolveInput(_OfWindows):
    """x[n, c, i] = Σ w[o, c, k] y[n, o, p], over all p and k with i = p·stride + k·dilation."""

    saves = (0, 1)

    def forward(self, backend: Backend, y: Array, w: Array) -> Array:
        xp, windows = backend.xp, self.windows
        samples, channels = y.shape[0], w.shape[1] * self.groups
        matrix = xp.permute_dims(self._matrix(backend, w), (0, 2, 1))
        x = backend.empty((samples, channels, *windows.sizes), y.dtype)
        for part in self._parts(backend, samples, channels, y.dtype.itemsize):
            numbers = backend.take(y, (part, ...))
            numbers = in_rows(backend, numbers, windows) if windows.is_dense else numbers
            columns = backend.matmul(matrix, self._in_groups(backend, numbers))
            columns = xp.reshape(columns, (numbers.shape[0], channels, math.prod(windows.kernel), columns.shape[-1]))
            backend.assign(x, (part, ...), spread(backend, columns, windows, windows.is_dense))
        return x

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        options = {"windows": self.windows, "groups": self.groups}
        along_y, along_w = [parent is not None for parent in self.parents]
        return [Convolve.apply(gradient, self.saved(1), **options) if along_y else None,
                ConvolveWeight.apply(gradient, self.saved(0), **options) if along_w else None]


class ConvolveWeight(_OfWindows):
    """w[o, c, k] = Σ y[n, o, p] x[n, c, p·stride + k·dilation]."""

    saves = (0, 1)

    def forward(self, backend: Backend, x: Array, y: Array) -> Array:
        xp, windows = backend.xp, self.windows
        samples, channels = x.shape[:2]
        of_group, out = channels // self.groups, y.shape[1]
        total = backend.full((self.groups, of_group * math.prod(windows.kernel), out // self.groups), 0, x.dtype)
        for part in self._parts(backend, samples, channels, x.dtype.itemsize):
            seen = self._seen(backend, x, part)
            last = tuple(range(2, seen.ndim))
            order = (1, *last[:len(windows.kernel)], 0, *last[len(windows.kernel):])
            columns = xp.reshape(xp.permute_dims(seen, order), (self.groups, total.shape[1], -1))
            rows = self._in_groups(backend, backend.take(y, (part, ...)))
            rows = xp.reshape(xp.permute_dims(rows, (1, 2, 0, 3)), (self.groups, total.shape[2], -1))
            backend.add_at(total, (...,), backend.matmul(columns, xp.permute_dims(rows, (0, 2, 1))))
        return xp.reshape(xp.permute_dims(total, (0, 2, 1)), (out, of_group, *windows.kernel))

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        options = {"windows": self.windows, "groups": self.groups}
        along_x, along_y = [parent is not None for parent in self.parents]
        return [ConvolveInput.apply(self.saved(1), gradient, **options) if along_x else None,
                Convolve.apply(self.saved(0), gradient, **options) if along_y else None]
