"""Reuse of large host buffers.

A fresh buffer of some megabytes costs as much in page faults as the arithmetic that fills it.  As CuPy and PyTorch
do for device memory, the pool therefore keeps buffers whose arrays have died and hands them out again.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from typing import Any, Optional

import numpy as np

SMALLEST = 1 << 20  # bytes; below, the C library's allocator is as quick
MOST_KEPT = 1 << 30  # bytes of unused buffers; what would exceed it goes back to the system
_ALIGNMENT = 64

# glibc gives freed blocks of this size back to the system and then faults them in anew, page by page.  Having seen a
# block of four mebibytes freed once, it keeps as much (mallopt(3), M_MMAP_THRESHOLD).
np.empty(4 * SMALLEST, np.uint8)


class _Buffer(np.ndarray):
    """Memory of the pool.

    A class of its own, since NumPy makes an array's base the oldest array of the same class that the memory comes
    from: were this a plain array, arrays in use would hold it and not their lease.
    """


class _Lease(np.ndarray):
    """The owner of a buffer in use: an array whose death returns the memory to the pool.

    Arrays made of it, and their views, keep it alive as their base.
    """

    pool: Optional[MemoryPool] = None

    def __del__(self) -> None:
        if self.pool is not None:
            self.pool._give_back(self.base, self.nbytes)


class MemoryPool:
    """Free buffers by size."""

    def __init__(self) -> None:
        self._free: dict[int, list[_Buffer]] = defaultdict(list)
        self.most_kept = MOST_KEPT
        self._lock = threading.RLock()  # reentrant: the collector may end a lease while one is being made
        self.kept = 0  # bytes in free buffers
        self.allocated = 0  # bytes in use
        self.peak = 0

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        size = math.prod(shape) * dtype.itemsize
        if size < SMALLEST:
            return np.empty(shape, dtype)
        size = _rounded(size)
        lease = self._buffer(size).view(_Lease)
        lease.pool = self
        with self._lock:
            self.allocated += size
            self.peak = max(self.peak, self.allocated)
        return np.ndarray(shape, dtype, buffer=lease)

    def _buffer(self, size: int) -> _Buffer:
        with self._lock:
            if self._free[size]:
                self.kept -= size
                return self._free[size].pop()
        return _aligned(size)

    def _give_back(self, buffer: Any, size: int) -> None:  # which names nothing of the module: it may have ended
        with self._lock:
            self.allocated -= size
            if self.kept + size <= self.most_kept:
                self.kept += size
                self._free[size].append(buffer)

    def clear(self) -> None:
        """Give every free buffer back to the system."""
        with self._lock:
            self._free.clear()
            self.kept = 0


def _rounded(size: int) -> int:
    """Up to an eighth more than `size`, so that arrays of similar sizes share buffers."""
    step = max(1 << 12, 1 << (size.bit_length() - 4))
    return -(-size // step) * step


def _aligned(size: int) -> _Buffer:
    """Bytes that begin at a cache line, where vector loads never straddle two."""
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset:offset + size].view(_Buffer)
