"""Random numbers on the CPU: each thread draws a part of the stream."""

from __future__ import annotations

from typing import Callable, Optional

import numpy as np

from .. import native, philox
from .tiles import share
from .workers import builder

# What a byte of random numbers costs, in additions of two numbers (see `tiles`).
_COST_PER_BYTE = 8
_SMALL = 1 << 16  # bytes: never worth a second thread


class Draws:
    """Fills contiguous one-dimensional arrays by NumPy's generator, or by native code, as CPU kernels are chosen."""

    def __init__(self) -> None:
        self._native: Optional[Callable] = None
        self._is_asked_for = False

    def draw(self, numbers: np.ndarray, place: philox.Place, kind: str) -> None:
        """Write the stream from `place` on; `kind` is "numpy", "native", or "auto" (native once it is built)."""
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
    """Fill an array by NumPy's generator, on several threads where that pays."""
    if numbers.nbytes <= _SMALL:
        philox.fill(numbers, place)
        return
    each = philox.per_block(numbers.dtype)

    def draw(start: int, stop: int) -> None:
        philox.fill(numbers[start * each:stop * each], place, skipped=start)

    share(philox.blocks(numbers.size, numbers.dtype), numbers.nbytes * _COST_PER_BYTE, draw)
