"""Random numbers on CUDA devices: a kernel in which each thread computes blocks of a stream of `philox`.

A CUDA graph draws new numbers in each replay: its kernels read the current place in the stream from device memory.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from .. import philox

# Device memory is aligned to at least 32 bytes, so that a block is stored as a whole.
_KERNEL = """
extern "C" __global__ void gradcore_random_{name}(word seed, word stream, word offset, const word* moved, long long n,
                                                  {type}* out) {{
    if (moved) {{
        seed = moved[0];
        stream = moved[1];
        offset += moved[2];
    }}
    const int each = 32 / sizeof({type});
    const long long step = (long long)blockDim.x * gridDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i * each < n; i += step) {{
        alignas(16) {type} numbers[each];
        numbers_of(block_of(seed, stream, offset + 1 + (word)i), numbers);
        if ((i + 1) * each <= n) {{
            const int4* from = (const int4*)numbers;
            int4* to = (int4*)(out + i * each);
            to[0] = from[0];
            to[1] = from[1];
        }} else {{
            for (int j = 0; i * each + j < n; ++j) out[i * each + j] = numbers[j];
        }}
    }}
}}
"""
_MOVE = """
extern "C" __global__ void gradcore_random_move(word seed, word stream, word by, word* moved) {
    moved[0] = seed;
    moved[1] = stream;
    moved[2] = by;
}
"""
_HEAD = philox.CPP.replace("FN ", "__device__ inline ").replace("high_product(", "__umul64hi(")

SOURCE = _HEAD + "".join(_KERNEL.format(name=name, type=kind) for name, kind in philox.TYPES.items()) + _MOVE
THREADS = 256
MOST_BLOCKS = 1 << 14  # thread blocks: enough for any device; threads loop over the rest


class Draws:
    """The kernels of one device, each compiled at its first draw."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any]):
        self._cupy, self._compile = cupy, compile
        self._kernels: dict[str, Any] = {}

    def draw(self, place: philox.Place, shape: tuple[int, ...], dtype: np.dtype, moved: Any = None) -> Any:
        """The random numbers from `place` on, on CuPy's current device; `moved` is that of `moved_to`, in a graph."""
        count = philox.blocks(math.prod(shape), dtype)
        out = self._cupy.empty(shape, dtype)
        if count:
            grid = min(-(-count // THREADS), MOST_BLOCKS)
            pointer = np.uint64(0) if moved is None else moved
            arguments = (*map(np.uint64, place), pointer, np.int64(out.size), out)
            self._kernel(dtype.name)((grid,), (THREADS,), arguments)
        return out

    def nowhere(self) -> Any:
        """Memory for `moved_to`."""
        return self._cupy.empty(3, np.uint64)

    def moved_to(self, place: philox.Place, since: int, moved: Any) -> None:
        """Let kernels captured with `moved` at the offset `since` draw from `place` on."""
        words = place.seed, place.stream, (place.offset - since) % 2 ** 64
        self._kernel("move")((1,), (1,), (*map(np.uint64, words), moved))

    def _kernel(self, name: str) -> Any:
        kernel = self._kernels.get(name)
        if kernel is None:
            kernel = self._kernels[name] = self._compile(SOURCE, f"gradcore_random_{name}")
        return kernel
