"""Elementwise kernels as native code: the C++ body in a loop over contiguous memory, called through ctypes."""

from __future__ import annotations

import array
import ctypes
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from . import handles, vector_math
from ..formulas.cpp import TYPES, body, identifier, output_dtypes
from ..formulas.dtypes import FLOAT32, FLOAT64
from ..formulas.kernel import Kernel
from .build import library
from .streaming import STREAM, cache_bytes
from .threads import IN_PARTS, PARALLEL_FROM, share_address

Inputs = Sequence[Union[np.ndarray, float]]


class Program:
    """Native code for one kernel: see `program`."""

    def __init__(self, library: ctypes.CDLL, kernel: Kernel, scalar_inputs: Sequence[bool]):
        self._scalars = [i for i, is_scalar in enumerate(scalar_inputs) if is_scalar]
        self._arrays = [i for i, is_scalar in enumerate(scalar_inputs) if not is_scalar]
        self._several, self._share = library.gradcore_run_several, share_address()
        self._several.argtypes = [ctypes.c_ssize_t, *[ctypes.c_void_p] * 3]
        self._columns = 1 + len(self._arrays) + len(kernel.outputs)
        numbers = len(self._scalars) + len(kernel.constants)
        function = library.gradcore_run
        function.restype = None
        function.argtypes = [ctypes.c_ssize_t, ctypes.c_void_p, *[ctypes.c_double] * numbers,
                             *[ctypes.c_void_p] * (self._columns - 1)]
        self.run = self._with_numbers(function) if numbers else self._arrays_only(function)

    def __call__(self, n: int, inputs: Inputs, constants: Sequence[float], outputs: Sequence[np.ndarray]) -> None:
        self.run(n, inputs, constants, outputs)

    def _arrays_only(self, function: Callable[..., Any]) -> Callable[..., Any]:
        handle, share = handles.handle, self._share

        def run(n: int, inputs: Sequence[Any], constants: Sequence[float], outputs: Sequence[np.ndarray]) -> None:
            function(n, share, *map(handle, inputs), *map(handle, outputs))

        return run

    def _with_numbers(self, function: Callable[..., Any]) -> Callable[..., Any]:
        handle, share, scalars, arrays = handles.handle, self._share, self._scalars, self._arrays

        def run(n: int, inputs: Sequence[Any], constants: Sequence[float], outputs: Sequence[np.ndarray]) -> None:
            function(n, share, *[inputs[i] for i in scalars], *constants,
                     *[handle(inputs[i]) for i in arrays], *map(handle, outputs))

        return run

    def run_several(self, calls: Sequence[tuple[Sequence[Any], Sequence[np.ndarray]]],
                    constants: Sequence[float]) -> Sequence[Any]:
        """Run several calls (inputs, outputs), and return those that were not run.

        Not run are calls with an output that partially overlaps another array.
        """
        handle, scalars, arrays = handles.handle, self._scalars, self._arrays
        numbers: list[float] = []
        table: list[int] = []
        for inputs, outputs in calls:
            numbers += [inputs[i] for i in scalars]
            numbers += constants
            table.append(outputs[0].size)
            table += [handle(inputs[i]) for i in arrays]
            table += map(handle, outputs)
        given, rows = array.array("d", numbers), array.array("q", table)
        if not self._several(len(calls), self._share, given.buffer_info()[0], rows.buffer_info()[0]):
            return ()
        return [call for i, call in enumerate(calls) if rows[i * self._columns] < 0]


def program(kernel: Kernel, compute: np.dtype, result: np.dtype, scalar_inputs: Sequence[bool]) -> Optional[Program]:
    """Native code for `kernel`, or None for dtypes other than float32 and float64.

    The program is called as ``run(n, inputs, constants, outputs)`` with C-contiguous arrays of `n` elements of
    dtype `result` (bool for boolean outputs), and with numbers at `scalar_inputs`.  It is compiled once and then cached
    on disk; raises `BackendUnavailable` without a compiler.
    """
    if {compute, result} - {FLOAT32, FLOAT64}:
        return None
    return Program(library(source(kernel, compute, result, scalar_inputs)), kernel, scalar_inputs)


def source(kernel: Kernel, compute: np.dtype, result: np.dtype, scalar_inputs: Sequence[bool]) -> str:
    """The complete C++ source of the program."""
    numbers = [f"in{i}" for i, is_scalar in enumerate(scalar_inputs) if is_scalar]
    numbers += [f"c{i}" for i in range(len(kernel.constants))]
    reads = [(f"in{i}", TYPES[str(result)]) for i, is_scalar in enumerate(scalar_inputs) if not is_scalar]
    outputs = output_dtypes(kernel, result)
    writes = [(f"out{i}", TYPES[str(dtype)]) for i, dtype in enumerate(outputs)]
    bytes_of_element = result.itemsize * len(reads) + sum(dtype.itemsize for dtype in outputs)
    pointers = [f"const {kind}* array_{name}" for name, kind in reads]
    pointers += [f"{kind}* array_{name}" for name, kind in writes]
    of_call = [f"numbers[{i}]" for i in range(len(numbers))]
    places = [f"(void*)row[{1 + i}]" for i in range(len(pointers))]
    return _SOURCE.format(
        mathematics=vector_math.source(), in_parts=IN_PARTS, stream=STREAM, data=handles.DATA,
        parallel_from=PARALLEL_FROM, streamed_from=cache_bytes() // bytes_of_element, real=TYPES[str(compute)],
        name=identifier(kernel),
        loop_parameters=", ".join([f"const real {name}" for name in numbers] + pointers),
        loop_arguments=", ".join(numbers + [f"array_{name}" for name, _ in reads + writes]),
        parameters="".join([f", double {name}" for name in numbers]
                           + [f", void* {name}" for name, _ in reads + writes]),
        arguments=", ".join([f"real({name})" for name in numbers]
                            + [f"gradcore::data<const {kind}>({name})" for name, kind in reads]
                            + [f"gradcore::data<{kind}>({name})" for name, kind in writes]),
        columns=1 + len(pointers), count_of_numbers=len(numbers), count_of_reads=len(reads),
        several_arguments="".join(f", {argument}" for argument in of_call + places),
        bounds="".join(f"        {{gradcore::data<char>({place}), n * long(sizeof({kind}))}},\n"
                       for place, (_, kind) in zip(places, reads + writes)),
        element="\n".join([f"        const {kind} {name} = array_{name}[i];" for name, kind in reads]
                          + [f"        {kind} {name};" for name, kind in writes]),
        body="\n".join("        " + line for line in body(kernel).splitlines()),
        blocks="\n".join(f"    alignas(64) {kind} block_{name}[BLOCK];" for name, kind in writes),
        fetches="\n".join(f"        fetch_ahead(array_{name} + i);" for name, _ in reads),
        block_arguments=", ".join(numbers + [f"array_{name} + i" for name, _ in reads]
                                  + [f"block_{name}" for name, _ in writes]),
        copies="\n".join(f"        stream(array_{name} + i, block_{name}, count * sizeof({kind}));"
                         for name, kind in writes),
        store="\n".join(f"        array_{name}[i] = {name};" for name, _ in writes))


_SOURCE = """\
{mathematics}
namespace {{ namespace gradcore {{
{in_parts}{stream}{data}typedef {real} real;
void {name}(const long begin, const long end, {loop_parameters}) {{
    #pragma omp simd
    for (long i = begin; i < end; ++i) {{
{element}
{body}
{store}
    }}
}}
void streamed(const long begin, const long end, {loop_parameters}) {{
{blocks}
    for (long i = begin; i < end; i += BLOCK) {{
        const long count = end - i < BLOCK ? end - i : BLOCK;
{fetches}
        {name}(0, count, {block_arguments});
{copies}
    }}
    finish_streams();
}}
void run(const long n, void* share, {loop_parameters}) {{
    const bool is_streamed = n > {streamed_from};
    in_parts(share, n, 64, n >= {parallel_from}, [=](long begin, long end) {{
        if (is_streamed) streamed(begin, end, {loop_arguments});
        else {name}(begin, end, {loop_arguments});
    }});
}}
}} }}
typedef gradcore::real real;
extern "C" __attribute__((visibility("default")))
void gradcore_run(long n, void* share{parameters}) {{ gradcore::run(n, share, {arguments}); }}
// A row of the table: how many elements a call has, which becomes -1 where it is not run, and its arrays.
extern "C" __attribute__((visibility("default")))
int gradcore_run_several(long calls, void* share, const double* numbers, long* table) {{
    int left = 0;
    for (long call = 0; call < calls; ++call, numbers += {count_of_numbers}) {{
        long* row = table + call * {columns};
        const long n = row[0];
        const struct {{ const char* begin; long size; }} at[] = {{
{bounds}        }};
        bool is_apart = true;
        for (long i = {count_of_reads}; i < {columns} - 1; ++i)
            for (long j = 0; j < {columns} - 1; ++j)
                is_apart &= at[i].begin == at[j].begin || at[i].begin + at[i].size <= at[j].begin ||
                            at[j].begin + at[j].size <= at[i].begin;
        if (is_apart) gradcore_run(n, share{several_arguments});
        else {{ row[0] = -1; ++left; }}
    }}
    return left;
}}
"""
