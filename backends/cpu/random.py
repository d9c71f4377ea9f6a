"""Random numbers on the CPU: each thread draws a part of the stream; small draws are taken from one large one."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional

import numpy as np

from .. import native, philox
from .memory_pool import MemoryPool
from .tiles import share
from .workers import builder

# The cost of a byte of random numbers, in additions (see `tiles`).
_COST_PER_BYTE = 8
_SMALL = 1 << 16  # bytes: never worth a second thread
_FEW = 1 << 14  # numbers that may have been drawn ahead
_MOST_AHEAD = 1 << 14  # blocks that are drawn ahead at once: enough work for two threads
_LARGEST_GAP = 1 << 12  # blocks that other draws may have taken since the last draw of this dtype


class Draws:
    """Draws by NumPy's generator, or by native code, as CPU kernels are chosen."""

    def __init__(self, pool: MemoryPool) -> None:
        self._pool = pool
        self._native: Optional[Callable[..., Any]] = None
        self._is_asked_for = False
        # Seed, stream, a block of it, and the numbers from there on.
        self._ahead = {dtype: (0, 0, 0, np.empty(0, dtype)) for dtype in map(np.dtype, philox.TYPES)}

    def draw(self, place: philox.Place, shape: tuple[int, ...], dtype: np.dtype, kind: str) -> np.ndarray:
        """The random numbers of the stream from `place` on; `kind` is "numpy", "native" or "auto" (native once built).
        """
        n = math.prod(shape)
        if n <= _FEW:
            numbers = self._few(place, n, dtype, kind)
        else:
            numbers = self._pool.empty((n,), dtype)
            self.fill(numbers, place, kind)
        return numbers if len(shape) == 1 else numbers.reshape(shape)

    def _few(self, place: philox.Place, n: int, dtype: np.dtype, kind: str) -> np.ndarray:
        """A copy of numbers that were drawn ahead.

        What is at a place never changes, so that it does not matter who has drawn it, in which thread, and when.
        """
        seed, stream, offset = place
        of_seed, of_stream, first, ahead = self._ahead[dtype]
        start = (offset - first) * philox.PER_BLOCK[dtype]
        if seed != of_seed or stream != of_stream or not 0 <= start <= ahead.size - n:
            start, ahead = 0, self._draw_ahead(place, n, dtype, kind)
        return ahead[start:start + n].copy()

    def _draw_ahead(self, place: philox.Place, n: int, dtype: np.dtype, kind: str) -> np.ndarray:
        """Draw at least `n` numbers; for consecutive draws twice as many as the last time."""
        seed, stream, offset = place
        of_seed, of_stream, first, ahead = self._ahead[dtype]
        count, last = philox.blocks(n, dtype), philox.blocks(ahead.size, dtype)
        if seed == of_seed and stream == of_stream and first <= offset <= first + last + _LARGEST_GAP:
            count = max(count, min(2 * last, _MOST_AHEAD))
        drawn = np.empty(count * philox.PER_BLOCK[dtype], dtype)
        self.fill(drawn, place, kind)
        self._ahead[dtype] = seed, stream, offset, drawn
        return drawn

    def fill(self, numbers: np.ndarray, place: philox.Place, kind: str) -> None:
        """Write to a contiguous one-dimensional array as `draw` does."""
        if kind == "native" and self._native is None:
            self._build()
        elif kind == "auto" and not self._is_asked_for:
            self._is_asked_for = True
            builder.submit(self._build)  # its errors are left with the job
        if kind == "numpy" or self._native is None:
            draw_in_parts(numbers, place)
        else:
            self._native(numbers, place)

    def _build(self) -> None:
        self._native = native.drawing()


def draw_in_parts(numbers: np.ndarray, place: philox.Place) -> None:
    """Fill an array by NumPy's generator, on several threads if that is faster."""
    if numbers.nbytes <= _SMALL:
        philox.fill(numbers, place)
        return
    each = philox.PER_BLOCK[numbers.dtype]

    def draw(start: int, stop: int) -> None:
        philox.fill(numbers[start * each:stop * each], place, skipped=start)

    share(philox.blocks(numbers.size, numbers.dtype), numbers.nbytes * _COST_PER_BYTE, draw)
