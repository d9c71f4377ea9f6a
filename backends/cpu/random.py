"""Random numbers on the CPU: each thread draws a part of the stream."""

from __future__ import annotations

import numpy as np

from .. import philox
from .tiles import share

# What a byte of random numbers costs, in additions of two numbers (see `tiles`).
_COST_PER_BYTE = 8


def draw_in_parts(numbers: np.ndarray, place: philox.Place) -> None:
    """Fill a contiguous one-dimensional array with the stream from `place` on, on several threads where that pays."""
    each = philox.per_block(numbers.dtype)

    def draw(start: int, stop: int) -> None:
        philox.fill(numbers[start * each:stop * each], place, skipped=start)

    share(philox.blocks(numbers.size, numbers.dtype), numbers.nbytes * _COST_PER_BYTE, draw)
