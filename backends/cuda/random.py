"""Random numbers on CUDA devices: a kernel in which each thread computes blocks of the stream that `philox` defines."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .. import philox

# Ten rounds of Philox 4x64 by the constants of Salmon et al. (2011), and what becomes of a word; as in
# `numpy.random.Philox` the counter of the first block is 1.
_PHILOX = """\
typedef unsigned long long word;

struct Block { word words[4]; };

__device__ inline Block block_of(word key, word stream, word counter) {
    Block x = {{counter, 0, 0, 0}};
    for (int round = 0; round < 10; ++round) {
        const word high0 = __umul64hi(0xD2E7470EE14C6C93ull, x.words[0]), low0 = 0xD2E7470EE14C6C93ull * x.words[0];
        const word high1 = __umul64hi(0xCA5A826395121157ull, x.words[2]), low1 = 0xCA5A826395121157ull * x.words[2];
        x = {{high1 ^ x.words[1] ^ key, low1, high0 ^ x.words[3] ^ stream, low0}};
        key += 0x9E3779B97F4A7C15ull;
        stream += 0xBB67AE8584CAA73Bull;
    }
    return x;
}

__device__ inline void numbers_of(const Block& x, float* numbers) {
    for (int i = 0; i < 8; ++i) {
        const unsigned int half = (unsigned int)(x.words[i / 2] >> 32 * (i % 2));
        numbers[i] = (half >> 8) * (1.0f / 16777216.0f);
    }
}
__device__ inline void numbers_of(const Block& x, double* numbers) {
    for (int i = 0; i < 4; ++i) numbers[i] = (x.words[i] >> 11) * (1.0 / 9007199254740992.0);
}
__device__ inline void numbers_of(const Block& x, long long* numbers) {
    for (int i = 0; i < 4; ++i) numbers[i] = (long long)x.words[i];
}
"""

# The array begins at a multiple of 32 bytes, as all memory of a device does, so that a block is stored as a whole.
_KERNEL = """
extern "C" __global__ void gradcore_random_{name}(word seed, word stream, word offset, long long n, {type}* out) {{
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
_TYPES = {"float32": "float", "float64": "double", "int64": "long long"}

SOURCE = _PHILOX + "".join(_KERNEL.format(name=name, type=kind) for name, kind in _TYPES.items())
THREADS = 256
MOST_BLOCKS = 1 << 14  # of threads: enough for any device, whose threads go on to blocks further on


class Draws:
    """The kernels of one device, each compiled at its first draw."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any]):
        self._cupy, self._compile = cupy, compile
        self._kernels: dict[str, Any] = {}

    def draw(self, place: philox.Place, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """The numbers from `place` on, in an array on CuPy's current device."""
        count = philox.blocks(int(np.prod(shape, dtype=np.int64)), dtype)
        out = self._cupy.empty(shape, dtype)
        if count:
            grid = min(-(-count // THREADS), MOST_BLOCKS)
            self._kernel(dtype.name)((grid,), (THREADS,), (*map(np.uint64, place), np.int64(out.size), out))
        return out

    def _kernel(self, name: str) -> Any:
        kernel = self._kernels.get(name)
        if kernel is None:
            kernel = self._kernels[name] = self._compile(SOURCE, f"gradcore_random_{name}")
        return kernel
