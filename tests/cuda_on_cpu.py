"""CUDA C++ run on the CPU, once for each thread of the grid, so that a kernel's text can be tested without a GPU."""

from __future__ import annotations

import ctypes
from typing import Any, Sequence

import numpy as np

from gradcore.backends.native.build import library

_CUDA = """\
#define __device__
#define __global__
struct Index { unsigned int x; };
static Index blockIdx, blockDim, gridDim, threadIdx;
struct alignas(16) int4 { int x, y, z, w; };
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned __int128)a * b >> 64;
}
extern "C" __attribute__((visibility("default"))) void place_thread(unsigned block, unsigned blocks, unsigned thread,
                                                                    unsigned threads) {
    blockIdx.x = block; gridDim.x = blocks; threadIdx.x = thread; blockDim.x = threads;
}
"""


def launch(source: str, name: str, grid: int, threads: int, arguments: Sequence[Any]) -> None:
    """Run the kernel `name`; arguments are NumPy scalars and arrays, whose addresses are passed."""
    exported = source.replace('extern "C" __global__', 'extern "C" __attribute__((visibility("default")))')
    built = library(_CUDA + exported)
    function = getattr(built, name)
    passed = [ctypes.c_void_p(value.ctypes.data) if isinstance(value, np.ndarray)
              else np.ctypeslib.as_ctypes_type(value.dtype)(value) for value in arguments]
    for block in range(grid):
        for thread in range(threads):
            built.place_thread(block, grid, thread, threads)
            function(*passed)
