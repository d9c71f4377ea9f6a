"""A kernel as native code: the body of `cpp` in a loop over contiguous memory, called through ctypes."""

from __future__ import annotations

import ctypes
from typing import Callable, Optional, Sequence, Union

import numpy as np

from . import handles, vector_math
from ..formulas.cpp import TYPES, body, identifier, output_dtypes
from ..formulas.dtypes import FLOAT32, FLOAT64
from ..formulas.kernel import Kernel
from .build import library
from .streaming import STREAM, cache_bytes
from .threads import IN_PARTS, PARALLEL_FROM, share_address

Program = Callable[[int, Sequence[Union[np.ndarray, float]], Sequence[float], Sequence[np.ndarray]], None]


def program(kernel: Kernel, compute: np.dtype, result: np.dtype, scalar_inputs: Sequence[bool]) -> Optional[Program]:
    """Native code for `kernel`, or None for dtypes that are left to NumPy.

    The program is called as ``run(n, inputs, constants, outputs)`` with C-contiguous arrays of `n` elements of
    dtype `result` (bool where an output is a truth value), and numbers at `scalar_inputs`.  It is built at the
    first call in any process and found on disk afterwards; without a compiler that is a `BackendUnavailable`.
    """
    if {compute, result} - {FLOAT32, FLOAT64}:
        return None
    function = library(source(kernel, compute, result, scalar_inputs)).gradcore_run
    function.restype = None
    numbers = sum(scalar_inputs) + len(kernel.constants)
    arrays = len(kernel.inputs) - sum(scalar_inputs) + len(kernel.outputs)
    function.argtypes = [ctypes.c_ssize_t, ctypes.c_void_p] + [ctypes.c_double] * numbers + [ctypes.c_void_p] * arrays
    share = share_address()
    if numbers == 0:
        return _arrays_only(function, share)
    return _with_numbers(function, share, tuple(scalar_inputs))


def _arrays_only(function: Callable, share: int) -> Program:
    handle = handles.handle

    def run(n, inputs, constants, outputs):
        function(n, share, *map(handle, inputs), *map(handle, outputs))

    return run


def _with_numbers(function: Callable, share: int, scalar_inputs: tuple[bool, ...]) -> Program:
    scalars = [i for i, is_scalar in enumerate(scalar_inputs) if is_scalar]
    arrays = [i for i, is_scalar in enumerate(scalar_inputs) if not is_scalar]
    handle = handles.handle

    def run(n, inputs, constants, outputs):
        function(n, share, *[inputs[i] for i in scalars], *constants,
                 *[handle(inputs[i]) for i in arrays], *map(handle, outputs))

    return run


def source(kernel: Kernel, compute: np.dtype, result: np.dtype, scalar_inputs: Sequence[bool]) -> str:
    """The complete C++ of the program."""
    numbers = [f"in{i}" for i, is_scalar in enumerate(scalar_inputs) if is_scalar]
    numbers += [f"c{i}" for i in range(len(kernel.constants))]
    reads = [(f"in{i}", TYPES[str(result)]) for i, is_scalar in enumerate(scalar_inputs) if not is_scalar]
    outputs = output_dtypes(kernel, result)
    writes = [(f"out{i}", TYPES[str(dtype)]) for i, dtype in enumerate(outputs)]
    bytes_of_element = result.itemsize * len(reads) + sum(dtype.itemsize for dtype in outputs)
    pointers = [f"const {kind}* array_{name}" for name, kind in reads]
    pointers += [f"{kind}* array_{name}" for name, kind in writes]
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
"""
