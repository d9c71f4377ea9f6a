"""A caching allocator for large host buffers.

The page faults of a new buffer of some megabytes cost as much as the arithmetic that fills it.  The pool therefore
keeps buffers of deleted arrays and reuses them, as CuPy and PyTorch do for device memory.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any, Optional

import numpy as np

from ..locks import Guard

SMALLEST = 1 << 20  # bytes; below that the C library's allocator is as fast
MOST_KEPT = 1 << 30  # bytes of unused buffers; any more are returned to the system
_ALIGNMENT = 64

# glibc returns freed blocks of this size to the system, so that reusing them causes page faults.  Once a block of four
# mebibytes has been freed, it raises its threshold to that size (mallopt(3), M_MMAP_THRESHOLD).
np.empty(4 * SMALLEST, np.uint8)


class _Buffer(np.ndarray):
    """Memory of the pool.

    It needs a class of its own, since NumPy sets an array's base to the oldest array of the same class that owns the
    memory.  If this were a plain array, arrays in use would refer to it instead of their lease.
    """


class _Lease(np.ndarray):
    """The owner of a buffer in use; deleting it returns the memory to the pool.

    Arrays on this memory, and their views, keep it alive as their base.
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
        self._guard = Guard()  # the garbage collector may delete a lease while the lock is held
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
        with self._guard.lock:
            self.allocated += size
            self.peak = max(self.peak, self.allocated)
        return np.ndarray(shape, dtype, buffer=lease)

    def _buffer(self, size: int) -> _Buffer:
        with self._guard.lock:
            if self._free[size]:
                self.kept -= size
                return self._free[size].pop()
        return _aligned(size)

    def _give_back(self, buffer: Any, size: int) -> None:  # uses no globals of the module, which may be gone at exit
        with self._guard.lock:
            self.allocated -= size
            if self.kept + size <= self.most_kept:
                self.kept += size
                self._free[size].append(buffer)

    def clear(self) -> None:
        """Return every free buffer to the system."""
        with self._guard.lock:
            self._free.clear()
            self.kept = 0


def _rounded(size: int) -> int:
    """`size` rounded up by at most an eighth, so that arrays of similar sizes share buffers."""
    step = max(1 << 12, 1 << (size.bit_length() - 4))
    return -(-size // step) * step


def _aligned(size: int) -> _Buffer:
    """Bytes aligned to cache lines, so that vector loads never straddle two."""
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset:offset + size].view(_Buffer)
