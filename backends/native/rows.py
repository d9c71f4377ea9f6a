"""A row kernel as native code: one loop over rows, whose values stay in the first-level cache.

The plan's stages become loops over one row, its reductions sums of 256 elements that are added up in double.
"""

from __future__ import annotations

import ctypes
from typing import Callable, Optional, Sequence

import numpy as np

from ..formulas.cpp import TYPES, body, identifier
from ..formulas.dtypes import FLOAT32, FLOAT64
from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.rows import POSITION
from ..formulas.stages import Plan, Reduction, Stage
from . import vector_math
from .build import library
from .loops import address
from .threads import IN_PARTS, PARALLEL_FROM, share_address

# How an input varies: along both dimensions, the rows, the elements, or neither.
INDEX = {(True, True): "[r * n + i]", (True, False): "[r]", (False, True): "[i]", (False, False): "[0]"}

RowLoop = Callable[[int, int, Sequence[np.ndarray], Sequence[float], Sequence[np.ndarray]], None]


def row_program(kernel: Kernel, plan: Plan, dtype: np.dtype, kinds: Sequence[tuple[bool, bool]]) -> Optional[RowLoop]:
    """Native code for a row kernel, or None for dtypes that are left to NumPy.

    It is called as ``run(rows, n, inputs, constants, outputs)`` with C-contiguous arrays of `dtype`; `kinds` says for
    each input whether it varies along the rows, and along the elements of a row.
    """
    if dtype not in (FLOAT32, FLOAT64):
        return None
    function = library(source(kernel, plan, dtype, kinds)).gradcore_run
    function.restype = None
    numbers, arrays = len(kernel.constants), len(kernel.inputs) + len(kernel.outputs)
    function.argtypes = [ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p, *[ctypes.c_double] * numbers,
                         *[ctypes.c_void_p] * arrays]

    share = share_address()

    def run(rows, n, inputs, constants, outputs):
        function(rows, n, share, *constants, *map(address, inputs), *map(address, outputs))

    return run


def source(kernel: Kernel, plan: Plan, dtype: np.dtype, kinds: Sequence[tuple[bool, bool]]) -> str:
    """The complete C++ of the program."""
    real = TYPES[str(dtype)]
    names = {symbol: f"in{i}" + INDEX[kind] for i, (symbol, kind) in enumerate(zip(kernel.inputs, kinds))}
    names[POSITION] = "real(i)"
    buffers, lines, varies = [], [], {symbol: kind[1] for symbol, kind in zip(kernel.inputs, kinds)}
    places = {symbol: f"out{i}" for i, symbol in reversed([*enumerate(plan.outputs)]) if symbol not in names}
    for step in plan.steps:
        if isinstance(step, Stage):
            for symbol in step.makes:
                if not step.is_row and symbol not in places:
                    buffers.append(f"buffer{len(buffers)}")
                names[symbol] = f"row_{symbol.name}" if step.is_row else (
                    places[symbol] + "[r * n + i]" if symbol in places else buffers[-1] + "[i]")
            lines += _stage(step, names)
        else:
            names[step.makes] = f"row_{step.makes.name}"
            lines.append(_reduction(step, names, varies.get(step.reads, True)))
    for i, symbol in enumerate(plan.outputs):
        if symbol.is_row:
            lines.append(f"out{i}[r] = {names[symbol]};")
        elif places.get(symbol) != f"out{i}":
            lines.append(f"for (long i = 0; i < n; ++i) out{i}[r * n + i] = {names[symbol]};")
    arrays = [f"const real* __restrict in{i}" for i in range(len(kernel.inputs))]
    arrays += [f"real* __restrict out{i}" for i in range(len(plan.outputs))]
    numbers = [f"c{i}" for i in range(len(kernel.constants))]
    pointers = [name.split()[-1] for name in arrays]
    return _SOURCE.format(
        mathematics=vector_math.source(), in_parts=IN_PARTS, parallel_from=PARALLEL_FROM, real=real,
        name=identifier(kernel), count=f"c{len(numbers)}",
        parameters=", ".join([f"const real {name}" for name in numbers] + arrays),
        arguments=", ".join(numbers + pointers),
        outer="".join([f", double {name}" for name in numbers] + [f", void* {name}" for name in pointers]),
        given=", ".join([f"real({name})" for name in numbers] + [f"(real*){name}" for name in pointers]),
        buffers="".join(f"    real* __restrict {name} = memory + {i} * n;\n" for i, name in enumerate(buffers)),
        number_of_buffers=len(buffers), body="\n".join("        " + line for line in lines))


def _stage(step: Stage, names: dict[Symbol, str]) -> list[str]:
    inner = [f"const real in_{i} = {names[symbol]};" for i, symbol in enumerate(step.reads)]
    inner += [f"real made_{i};" for i in range(len(step.makes))]
    text = body(step.kernel)
    for i in range(len(step.reads)):
        text = text.replace(f"= in{i};", f"= in_{i};")
    for i in range(len(step.makes)):
        text = text.replace(f"out{i} = ", f"made_{i} = ")
    inner += text.splitlines() + [f"{names[symbol]} = made_{i};" for i, symbol in enumerate(step.makes)]
    inner = ["    " + line for line in inner]
    if step.is_row:
        return [f"real {', '.join(names[symbol] for symbol in step.makes)};", "{", *inner, "}"]
    return ["#pragma omp simd", "for (long i = 0; i < n; ++i) {", *inner, "}"]


def _reduction(step: Reduction, names: dict[Symbol, str], varies: bool) -> str:
    value, made = names[step.reads], names[step.makes]
    if not varies:
        return f"const real {made} = {value}{' * real(n)' if step.name == 'sum' else ''};"
    return f"const real {made} = row_{step.name}(n, [&](long i) {{ return {value}; }});"


_SOURCE = """\
{mathematics}
#include <cstdlib>
namespace {{ namespace gradcore {{
{in_parts}
typedef {real} real;
template <class F> inline real row_sum(const long n, F value) {{
    double total = 0;
    for (long start = 0; start < n; start += 256) {{
        const long stop = start + 256 < n ? start + 256 : n;
        real part = 0;
        #pragma omp simd reduction(+: part)
        for (long i = start; i < stop; ++i) part += value(i);
        total += part;
    }}
    return real(total);
}}
template <class F> inline real row_max(const long n, F value) {{
    real top = -infinity_of<real>();
    int is_nan = 0;
    #pragma omp simd reduction(max: top) reduction(|: is_nan)
    for (long i = 0; i < n; ++i) {{
        const real x = value(i);
        top = x > top ? x : top;
        is_nan |= x != x;
    }}
    return is_nan ? nan_of<real>() : top;
}}
template <class F> inline real row_min(const long n, F value) {{
    return -row_max(n, [&](long i) {{ return -value(i); }});
}}
void {name}(const long begin, const long end, const long n, {parameters}) {{
    real* memory = (real*)malloc(sizeof(real) * (n * {number_of_buffers} + 1));
{buffers}    const real {count} = real(n);
    for (long r = begin; r < end; ++r) {{
{body}
    }}
    free(memory);
}}
void run(const long rows, const long n, void* share, {parameters}) {{
    in_parts(share, rows, 1, rows * n >= {parallel_from}, [=](long begin, long end) {{
        {name}(begin, end, n, {arguments});
    }});
}}
}} }}
typedef gradcore::real real;
extern "C" __attribute__((visibility("default")))
void gradcore_run(long rows, long n, void* share{outer}) {{ gradcore::run(rows, n, share, {given}); }}
"""
