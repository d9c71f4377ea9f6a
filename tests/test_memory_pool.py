"""The CPU's memory for large arrays: used again once nobody looks at it, and never before."""

from __future__ import annotations

from types import FunctionType

import numpy as np

from gradcore.backends.cpu import memory_pool

FLOAT32 = np.dtype("float32")


def test_memory_is_used_again_once_its_last_view_has_gone():
    pool = memory_pool.MemoryPool()
    array = pool.empty((1 << 18,), FLOAT32)
    view, place = array[5:7], array.ctypes.data
    del array
    assert pool.allocated == 1 << 20 and pool.kept == 0
    assert pool.empty((1 << 18,), FLOAT32).ctypes.data != place
    del view
    assert pool.allocated == 0 and pool.kept == 2 << 20
    assert pool.empty((1 << 18,), FLOAT32).ctypes.data == place


def test_an_array_may_outlive_the_modules():
    """At the interpreter's end a module's names may be gone before the last array."""
    pool = memory_pool.MemoryPool()
    lease = np.empty(1 << 20, np.uint8).view(memory_pool._Buffer).view(memory_pool._Lease)
    lease.pool, pool.allocated = pool, lease.nbytes
    pool._give_back = FunctionType(memory_pool.MemoryPool._give_back.__code__, {}).__get__(pool)
    FunctionType(memory_pool._Lease.__del__.__code__, {})(lease)
    lease.pool = None
    assert pool.allocated == 0 and pool.kept == 1 << 20
