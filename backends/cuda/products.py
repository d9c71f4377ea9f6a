"""Matrix products during the capture of a graph, since CuPy does not call cuBLAS there.

A block of threads computes a square tile of the product, in steps of 16 columns and rows, which it keeps in shared
memory.  Each thread computes one element of the tile, or 16 if there is enough work.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from ..base import Array
from ..formulas.cpp import TYPES
from ..formulas.dtypes import FLOAT16, FLOAT32
from ..formulas.shapes import broadcast_shapes
from .launcher import as_structure, blocks
from .layout import broadcast_strides, joined
from .prelude import PRELUDE
from .source import coordinates

_SIDE = 16  # threads along a tile, and columns and rows in shared memory
_MANY_BLOCKS = 128  # tiles that keep a device busy

# In the loop over `first`, elements beyond the matrices are zero in both factors.
_BODY = """\
    __shared__ real of_a[16][TILE + 1], of_b[16][TILE + 1];
    const int row = threadIdx.x / 16, column = threadIdx.x % 16;
    const long long down = (where.m + TILE - 1) / TILE, along = (where.n + TILE - 1) / TILE;
    for (long long tile = blockIdx.x; tile < where.count * down * along; tile += gridDim.x) {
        const long long stack = tile / (down * along), top = tile / along % down * TILE, left = tile % along * TILE;
        FIND_STACK
        real sums[EACH][EACH] = {};
        for (long long first = 0; first < where.k; first += 16) {
            for (int e = threadIdx.x; e < 16 * TILE; e += 256) {  // neighbours in memory by neighbouring threads
                const int i = where.a_inner == 1 ? e / 16 : e % TILE, p = where.a_inner == 1 ? e % 16 : e / TILE;
                const bool exists = top + i < where.m && first + p < where.k;
                of_a[p][i] = exists ? real(a[from_a + (top + i) * where.a_row + (first + p) * where.a_inner]) : real(0);
                const int j = where.b_inner == 1 ? e / 16 : e % TILE, q = where.b_inner == 1 ? e % 16 : e / TILE;
                const bool is_there = left + j < where.n && first + q < where.k;
                of_b[q][j] = is_there ? real(b[from_b + (first + q) * where.b_inner + (left + j) * where.b_column])
                                      : real(0);
            }
            __syncthreads();
            for (int p = 0; p < 16; ++p) {
                #pragma unroll
                for (int i = 0; i < EACH; ++i) {
                    #pragma unroll
                    for (int j = 0; j < EACH; ++j)
                        sums[i][j] = fma(of_a[p][row + 16 * i], of_b[p][column + 16 * j], sums[i][j]);
                }
            }
            __syncthreads();
        }
        for (int i = 0; i < EACH; ++i) {
            for (int j = 0; j < EACH; ++j) {
                const long long r = top + row + 16 * i, c = left + column + 16 * j;
                if (r < where.m && c < where.n) out[(stack * where.m + r) * where.n + c] = (KIND)sums[i][j];
            }
        }
    }
}
"""


class Products:
    """Products of float matrices on one device, which must be the current one."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any]):
        self._cupy, self._compile = cupy, compile
        self._functions: dict[tuple[np.dtype, int, int], Any] = {}

    def matmul(self, a: Array, b: Array) -> Array:
        """``a @ b``, as `numpy.matmul` defines it, of arrays of one float dtype that fit."""
        rows, columns = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
        stack, (m, k), n = broadcast_shapes(rows.shape[:-2], columns.shape[:-2]), rows.shape[-2:], columns.shape[-1]
        out = self._cupy.ndarray((*stack, m, n), a.dtype)
        if out.size:
            steps = [broadcast_strides(x.shape[:-2], x.strides[:-2], x.itemsize, stack) for x in (rows, columns)]
            dims, steps = joined(stack, steps)
            inner = [step // x.itemsize for x in (rows, columns) for step in x.strides[-2:]]
            numbers = [math.prod(stack), m, n, k, *dims, *steps[0], *steps[1], *inner]
            each = 4 if math.prod(stack) * (-(-m // 64)) * (-(-n // 64)) >= _MANY_BLOCKS else 1
            tiles = math.prod(stack) * (-(-m // (_SIDE * each))) * (-(-n // (_SIDE * each)))
            self._function(a.dtype, len(dims), each)((blocks(tiles, 1),), (_SIDE * _SIDE,), (
                as_structure(numbers, np.dtype(np.int64)), rows, columns, out))
        return out.reshape((*stack, *[m] * (a.ndim > 1), *[n] * (b.ndim > 1)))

    def _function(self, dtype: np.dtype, ndim: int, each: int) -> Any:
        function = self._functions.get((dtype, ndim, each))
        if function is None:
            function = self._compile(text_of(dtype, ndim, each), "gradcore_matmul")
            self._functions[dtype, ndim, each] = function
        return function


def text_of(dtype: np.dtype, ndim: int, each: int) -> str:
    """The kernel for matrices of a float dtype, batched over leading dimensions.

    A thread computes `each` by `each` elements of a tile.

    >>> "fma" in text_of(np.dtype("float32"), 1, 4)
    True
    """
    kind, real = TYPES[str(dtype)], TYPES[str(FLOAT32 if dtype == FLOAT16 else dtype)]
    stack = coordinates("stack", "at", "where.shape", ndim)
    stack += [f"const long long from_{x} = " + " + ".join(f"at{dim} * where.of_{x}[{dim}]" for dim in range(ndim)) + ";"
              for x in "ab"]
    body = _BODY.replace("FIND_STACK", "\n        ".join(stack)).replace("KIND", kind)
    return "\n".join([
        PRELUDE + f"namespace gradcore {{\nusing real = {real};\nconstexpr int EACH = {each}, TILE = 16 * EACH;\n}}",
        f"struct places {{ long long count, m, n, k, shape[{ndim}], of_a[{ndim}], of_b[{ndim}], "
        f"a_row, a_inner, b_inner, b_column; }};",
        f'extern "C" __global__ void __launch_bounds__({_SIDE * _SIDE}) gradcore_matmul(const places where, '
        f'const {kind}* a, const {kind}* b, {kind}* out) {{',
        "    using namespace gradcore;", body])
