"""Row kernels as native code: loops over rows, whose values stay in the first-level cache."""

from __future__ import annotations

import ctypes
from typing import Callable, Optional, Sequence

import numpy as np

from ..formulas.cpp import TYPES, identifier
from ..formulas.dtypes import FLOAT32, FLOAT64
from ..formulas.kernel import Kernel
from ..formulas.stages import Plan
from . import handles, vector_math
from .build import library
from .row_source import FEW, LANES, SHORT, Kinds, LongRows, ShortRows
from .streaming import STREAM, cache_bytes
from .threads import IN_PARTS, PARALLEL_FROM, share_address

_CHUNKS = 16  # chunks of rows with separate sums, so that results do not depend on the number of threads

RowLoop = Callable[[int, int, Sequence[np.ndarray], Sequence[float], Sequence[np.ndarray]], None]


def row_program(kernel: Kernel, plan: Plan, dtype: np.dtype, kinds: Kinds,
                sums: Sequence[bool] = ()) -> Optional[RowLoop]:
    """Native code for a row kernel, or None for dtypes other than float32 and float64.

    It is called as ``run(rows, n, inputs, constants, outputs)`` with C-contiguous arrays of `dtype`.  `kinds` says for
    each input whether it varies between rows, and within a row.  An output flagged in `sums` is a row of `n` elements,
    the sums over all rows.
    """
    if dtype not in (FLOAT32, FLOAT64):
        return None
    function = library(source(kernel, plan, dtype, kinds, sums)).gradcore_run
    function.restype = ctypes.c_int
    numbers, arrays = len(kernel.constants), len(kernel.inputs) + len(kernel.outputs)
    function.argtypes = [ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p, *[ctypes.c_double] * numbers,
                         *[ctypes.c_void_p] * arrays]
    share, handle = share_address(), handles.handle

    def run(rows: int, n: int, inputs: Sequence[np.ndarray], constants: Sequence[float],
            outputs: Sequence[np.ndarray]) -> None:
        if function(rows, n, share, *constants, *map(handle, inputs), *map(handle, outputs)):
            raise MemoryError(f"{kernel.name}: no memory for the values of a row of {n} elements")

    return run


def source(kernel: Kernel, plan: Plan, dtype: np.dtype, kinds: Kinds, sums: Sequence[bool] = ()) -> str:
    """The complete C++ of the program."""
    sums = tuple(sums) or (False,) * len(plan.outputs)
    long_rows, short_rows = LongRows(kernel, plan, kinds, sums), ShortRows(kernel, plan, kinds, sums)
    numbers = [f"c{i}" for i in range(len(kernel.constants))]
    inputs, outputs = ([f"{kind}{i}" for i in range(len(group))] for kind, group in
                       (("in", kernel.inputs), ("out", plan.outputs)))
    pointers = inputs + outputs
    whole = [i for i, symbol in enumerate(plan.outputs) if not symbol.is_row and not sums[i]]
    summed = [i for i, is_summed in enumerate(sums) if is_summed]
    buffers = [f"buffer{k}" for k in range(len(long_rows.kept))] + [f"few{i}" for i in summed]
    full = [f"in{i}" for i, kind in enumerate(kinds) if kind == (True, True)]
    blocks = [f"block{i}" for i in whole]
    return _SOURCE.format(
        mathematics=vector_math.source(), in_parts=IN_PARTS, stream=STREAM, data=handles.DATA, real=TYPES[str(dtype)],
        integer="int" if dtype == FLOAT32 else "long", name=identifier(kernel), lanes=LANES, short=SHORT, few=FEW,
        chunks=_CHUNKS, parallel_from=PARALLEL_FROM // 2, count=f"c{len(numbers)}",
        parameters=", ".join([f"const real {name}" for name in numbers] + [f"const real* __restrict {name}" for name in
                             inputs] + [f"real* __restrict {name}" for name in outputs]),
        arguments=", ".join(numbers + pointers),
        block_arguments=", ".join(numbers + inputs + [f"block{i} - r * n" if i in whole else f"out{i}" for i in
                                                      range(len(outputs))]),
        outer="".join([f", double {name}" for name in numbers] + [f", void* {name}" for name in pointers]),
        given=", ".join([f"real({name})" for name in numbers] + [f"gradcore::data<real>({name})" for name in pointers]),
        number_of_buffers=len(buffers), number_of_blocks=len(blocks), number_of_sums=len(summed),
        buffers="".join(f"    real* __restrict {name} = memory + {i} * width;\n" for i, name in enumerate(buffers)),
        blocks="".join(f"        real* {name} = memory + {len(buffers)} * width + {i} * room;\n"
                       for i, name in enumerate(blocks)),
        fetches="".join(f"            fetch({name} + (r + count) * n, count * n);\n" for name in full),
        copies="".join(f"            stream(out{i} + r * n, block{i}, count * n * sizeof(real));\n" for i in whole),
        clear="".join(f"        for (long i = 0; i < n; ++i) few{i}[i] = 0;\n" for i in summed),
        add="".join(f"        for (long i = 0; i < n; ++i) sums[{k} * n + i] += few{i}[i];\n"
                    for k, i in enumerate(summed)),
        finish="".join(f"    add_up(sums + {k} * n, chunks, {len(summed)} * n, n, out{i});\n"
                       for k, i in enumerate(summed)),
        lane_arrays="".join(f"    alignas(64) real {name}[{SHORT * LANES}] = {{}};\n" for name in short_rows.arrays),
        long_body=long_rows.text(), short_body=short_rows.text(),
        streamed_from=cache_bytes() // (dtype.itemsize * max(1, len(full) + len(whole))) if whole else 1 << 62)


# The rows of a part are computed in one of the two forms, some at a time where sums over rows are wanted, and in blocks
# that are then copied past the caches where those could not hold the whole.
_SOURCE = """\
{mathematics}
#include <cstdlib>
namespace {{ namespace gradcore {{
{in_parts}{stream}{data}typedef {real} real;
#ifdef __clang__
#define ONE_BY_ONE _Pragma("clang loop vectorize(disable)")
#define APART
#else
#define ONE_BY_ONE
#define APART __attribute__((noinline, optimize("no-tree-vectorize")))
#endif
// Copies of {lanes} rows of n elements with their elements side by side, and back: scattered stores would take longer.
APART void turn_in(const real* __restrict from, real* __restrict to, long n, long rows) {{
    for (long l = 0; l < rows; ++l) {{
        ONE_BY_ONE
        for (long i = 0; i < n; ++i) to[i * {lanes} + l] = from[l * n + i];
    }}
}}
APART void turn_out(const real* __restrict from, real* __restrict to, long n, long rows) {{
    for (long l = 0; l < rows; ++l) {{
        ONE_BY_ONE
        for (long i = 0; i < n; ++i) to[l * n + i] = from[i * {lanes} + l];
    }}
}}
inline real first_lanes(const real* values, long rows) {{
    real total = 0;
    for (long l = 0; l < {lanes}; ++l) total += l < rows ? values[l] : real(0);
    return total;
}}
// A vector of a long row, and what reductions have found in the vectors of a row.
typedef real Lanes __attribute__((vector_size({lanes} * sizeof(real))));
inline Lanes lanes_of(const real* from) {{
    Lanes lanes;
    __builtin_memcpy(&lanes, from, sizeof(Lanes));
    return lanes;
}}
// One number of a vector, by halves: what a compiler makes of a loop adds one after the other.
template <class T, long n> struct Vector {{ typedef T type __attribute__((vector_size(n * sizeof(T)))); }};
template <class T, long n, class Of> inline T folded(typename Vector<T, n>::type lanes, Of of) {{
    typename Vector<T, n / 2>::type halves[2];
    __builtin_memcpy(halves, &lanes, sizeof(halves));
    if constexpr (n == 4) return of(of(halves[0][0], halves[1][0]), of(halves[0][1], halves[1][1]));
    else return folded<T, n / 2>(of(halves[0], halves[1]), of);
}}
inline real sum_of(Lanes lanes) {{ return folded<real, {lanes}>(lanes, [](auto a, auto b) {{ return a + b; }}); }}
typedef {integer} Marks __attribute__((vector_size({lanes} * sizeof(real))));
inline real highest_of(Lanes lanes, Marks nan) {{  // NaN where anything is marked
    const real highest = folded<real, {lanes}>(lanes, [](auto a, auto b) {{ return a > b ? a : b; }});
    const bool any = folded<{integer}, {lanes}>(nan, [](auto a, auto b) {{ return a | b; }});
    return any ? nan_of<real>() : highest;
}}
inline void fetch(const real* from, long count) {{
    for (long i = 0; i < count; i += 64 / sizeof(real)) __builtin_prefetch(from + i);
}}
// The sums of a chunk follow those of the chunk before.
inline void add_up(const double* sums, long chunks, long stride, long n, real* out) {{
    for (long i = 0; i < n; ++i) {{
        double total = 0;
        for (long chunk = 0; chunk < chunks; ++chunk) total += sums[chunk * stride + i];
        out[i] = real(total);
    }}
}}
inline long width_of(long n) {{ return (n + {lanes} - 1) / {lanes} * {lanes}; }}
void long_rows(const long begin, const long end, const long n, real* memory, {parameters}) {{
    const long width = width_of(n);
    const real {count} = real(n);
{buffers}    for (long r = begin; r < end; ++r) {{
{long_body}
    }}
}}
void short_rows(const long begin, const long end, const long n, real* memory, {parameters}) {{
    const long width = width_of(n);
    const real {count} = real(n);
{buffers}{lane_arrays}    for (long r = begin; r < end; r += {lanes}) {{
        const long rows = end - r < {lanes} ? end - r : {lanes};
{short_body}
    }}
}}
void rows_of(const long begin, const long end, const long n, real* memory, {parameters}) {{
    if (n < {short}) short_rows(begin, end, n, memory, {arguments});
    else long_rows(begin, end, n, memory, {arguments});
}}
void streamed(const long begin, const long end, const long n, real* memory, const long room, {parameters}) {{
    const long width = width_of(n), step = room / n;
{blocks}    for (long r = begin; r < end; r += step) {{
            const long count = end - r < step ? end - r : step;
{fetches}            rows_of(r, r + count, n, memory, {block_arguments});
{copies}    }}
    finish_streams();
}}
void added_up(const long begin, const long end, const long n, real* memory, const long room, double* sums,
              {parameters}) {{
    const long width = width_of(n);
{buffers}    for (long i = 0; i < {number_of_sums} * n; ++i) sums[i] = 0;
    for (long r = begin; r < end; r += {few}) {{
        const long stop = r + {few} < end ? r + {few} : end;
{clear}        if (room) streamed(r, stop, n, memory, room, {arguments});
        else rows_of(r, stop, n, memory, {arguments});
{add}    }}
}}
int run(const long rows, const long n, void* share, {parameters}) {{
    const bool is_worth_it = rows * n >= {parallel_from};
    // Elements of a block: some pages, and whole rows.
    const long room = rows * n <= {streamed_from} || n > 8192 ? 0 : n > 2048 ? n : 2048 / n * n;
    const long elements = {number_of_buffers} * width_of(n) + {number_of_blocks} * room;
    const long most = rows / {few} < 1 ? 1 : rows / {few}, chunks = most < {chunks} ? most : {chunks};
    double* sums = {number_of_sums} ? (double*)malloc(sizeof(double) * chunks * {number_of_sums} * n) : 0;
    int failed = {number_of_sums} && sums == 0;
    const auto part = [&](long begin, long end, double* sums) {{
        real* memory = (real*)(elements ? malloc(sizeof(real) * elements) : 0);
        if (elements && memory == 0) __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
        else if ({number_of_sums}) added_up(begin, end, n, memory, room, sums, {arguments});
        else if (room) streamed(begin, end, n, memory, room, {arguments});
        else rows_of(begin, end, n, memory, {arguments});
        free(memory);
    }};
    if (failed) return 1;
    if ({number_of_sums} == 0) in_parts(share, rows, {lanes}, is_worth_it, [&](long begin, long end) {{
        part(begin, end, 0);
    }});
    else in_parts(share, chunks, 1, is_worth_it, [&](long begin, long end) {{
        for (long chunk = begin; chunk < end; ++chunk)
            part(rows * chunk / chunks, rows * (chunk + 1) / chunks, sums + chunk * {number_of_sums} * n);
    }});
{finish}    free(sums);
    return failed;
}}
}} }}
typedef gradcore::real real;
extern "C" __attribute__((visibility("default")))
int gradcore_run(long rows, long n, void* share{outer}) {{ return gradcore::run(rows, n, share, {given}); }}
"""
