"""From a call of a kernel to the run of its NumPy program: dtypes, shapes and memory are looked after here."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

import numpy as np

from . import native, numpy_tiles
from .dtypes import BOOL, compute_and_result
from .kernel import Kernel
from .memory_pool import SMALLEST, MemoryPool
from .numpy_choices import constant_conditions, settled, truths
from .numpy_program import NumPyProgram

Outputs = list[np.ndarray]


class Launcher:
    """Runs one kernel on the CPU, with a program for every combination of dtypes and choices that it meets.

    With `is_native` that is a native program where the inputs are contiguous and alike, else always one of NumPy
    calls.

    `quick` runs small contiguous arrays like those of the last call and returns None for all others, which `run`
    takes.  For an array of a thousand elements the way to the program would otherwise take as long as the program.
    """

    def __init__(self, kernel: Kernel, pool: MemoryPool, is_native: bool):
        self.kernel, self.pool, self.is_native = kernel, pool, is_native
        self.conditions = constant_conditions(kernel)
        self.programs: dict[tuple, _TypedLauncher] = {}
        self.quick: Callable[[Sequence[Any], Sequence[float]], Optional[Outputs]] = lambda inputs, constants: None

    def run(self, inputs: Sequence[Any], constants: Sequence[float]) -> Outputs:
        key = tuple([a.dtype.char if isinstance(a, np.ndarray) and a.ndim else _kind(a) for a in inputs])
        if self.conditions:
            key += truths(self.kernel, self.conditions, constants)
        typed = self.programs.get(key)
        if typed is None:
            kernel = settled(self.kernel, self.conditions, key[len(inputs):]) if self.conditions else self.kernel
            typed = self.programs[key] = _TypedLauncher(kernel, inputs, self.pool, self.is_native)
        self.quick = typed.quick_for(tuple(constants)) if self.conditions else typed.quick
        return typed.run(inputs, constants)


def _kind(value: Any) -> Any:
    """What the promotion of dtypes looks at in a number or a zero-dimensional array."""
    return (0, value.dtype.char) if isinstance(value, np.ndarray) else value.__class__


class _TypedLauncher:
    """Runs one kernel on inputs of one combination of dtypes."""

    def __init__(self, kernel: Kernel, inputs: Sequence[Any], pool: MemoryPool, is_native: bool):
        self.pool = pool
        self.compute, result = compute_and_result(kernel, inputs)
        is_scalar = [not isinstance(value, np.ndarray) for value in inputs]
        self.program = NumPyProgram(kernel, self.compute, is_scalar)
        self.result_dtypes = [BOOL if boolean else result for boolean in self.program.is_boolean]
        self.casts = result != self.compute
        self.last_scalars: tuple = (None, ())
        self.native = native.program(kernel, self.compute, result, is_scalar) if is_native else None
        self.quick = self._quick(is_scalar)

    def run(self, inputs: Sequence[Any], constants: Sequence[float]) -> Outputs:
        """Run on any inputs of this combination of dtypes."""
        arrays = [value for value in inputs if isinstance(value, np.ndarray)]
        shape = arrays[0].shape if len(arrays) == 1 else np.broadcast_shapes(*[array.shape for array in arrays])
        outputs = [self.pool.empty(shape, dtype) for dtype in self.result_dtypes]
        same_dtypes = not self.casts and all(array.dtype == self.compute for array in arrays)
        contiguous = same_dtypes and all(array.flags.c_contiguous for array in arrays)
        if self.native is not None and contiguous and all(array.shape == shape for array in arrays):
            self.native(outputs[0].size, inputs, constants, outputs)
            return outputs
        if len(arrays) < len(inputs):
            constants = (*(value for value in inputs if not isinstance(value, np.ndarray)), *constants)
        scalars = self.scalars(constants) if self.program.scalars is not None else ()
        # An array of one element is met by every tile as it is.
        if contiguous and all(array.shape == shape or array.size == 1 for array in arrays):
            numpy_tiles.run_flat(self.program, self.compute, [a.reshape(-1) for a in (*arrays, *outputs)], scalars)
        elif same_dtypes and self.program.is_single_call:
            numpy_tiles.quietly(self.program.run, *arrays, *outputs, *scalars)
        elif outputs[0].size <= numpy_tiles.tile_of(self.compute):
            numpy_tiles.quietly(self._run_gathered, arrays, outputs, scalars)  # casts overflow too
        else:
            numpy_tiles.run_strided(self.program, self.compute, arrays, outputs, scalars)
        return outputs

    def _run_gathered(self, arrays: Sequence[np.ndarray], outputs: Outputs, scalars: tuple) -> None:
        """Run on copies of small arrays that are contiguous and alike: quicker than an iterator over the originals."""
        shape, program = outputs[0].shape, self.program
        alike = [np.array(np.broadcast_to(array, shape), self.compute, order="C", copy=None) for array in arrays]
        results = [np.empty(shape, self.compute) if self.casts and not is_boolean else output
                   for output, is_boolean in zip(outputs, program.is_boolean)]
        numpy_tiles.run_flat(program, self.compute, [array.reshape(-1) for array in (*alike, *results)], scalars)
        for output, result in zip(outputs, results):
            if result is not output:
                np.copyto(output, result, casting="unsafe")

    def quick_for(self, expected: tuple) -> Callable:
        """`quick`, for no other constants than these."""
        def quick(inputs: Sequence[Any], constants: Sequence[float]) -> Optional[Outputs]:
            return self.quick(inputs, constants) if constants == expected else None

        return quick

    def scalars(self, constants: Sequence[float]) -> tuple:
        """The scalars of a call as zero-dimensional arrays; most calls repeat those of the last."""
        last, scalars = self.last_scalars
        if last != constants or 0.0 in constants:  # 0.0 == -0.0, but 1 / 0.0 != 1 / -0.0
            scalars = numpy_tiles.quietly(self.program.scalars, *constants)
            self.last_scalars = (tuple(constants), scalars)
        return scalars

    def _quick(self, is_scalar: Sequence[bool]) -> Callable:
        """The short way to the program, written out for the kernel's number of inputs and outputs."""
        names = [f"in{i}" for i in range(len(is_scalar))]
        arrays = [name for name, scalar in zip(names, is_scalar) if not scalar]
        outputs = [f"out{i}" for i in range(len(self.result_dtypes))]
        if self.casts or any(is_scalar):
            return lambda inputs, constants: None
        first, *others = arrays
        tests = [f"{name}.__class__ is ndarray and {name}.dtype is dtype and {name}.flags.c_contiguous"
                 for name in arrays]
        tests += [f"{name}.shape == {first}.shape" for name in others]
        largest = min(numpy_tiles.tile_of(self.compute), (SMALLEST - 1) // self.compute.itemsize)
        lines = ["def quick(inputs, constants):", f"    {', '.join(names)}, = inputs",
                 f"    if not ({' and '.join(tests)}):", "        return None",
                 f"    n, shape = {first}.size, {first}.shape", f"    if n > {largest}:", "        return None"]
        lines += [f"    {name} = empty(shape, {name}_dtype)" for name in outputs]
        lines += [f"    {line}" for line in self._run_lines(arrays, outputs)]
        lines += [f"    return [{', '.join(outputs)}]"]
        namespace: dict[str, Any] = {
            "ndarray": np.ndarray, "empty": np.empty, "dtype": self.compute, "program": self.program,
            "program_run": self.program.run, "native": self.native, "scalars": self.scalars,
            "scratch": numpy_tiles.scratch, "copy_context": numpy_tiles.quiet_context,
            **{f"{name}_dtype": dtype for name, dtype in zip(outputs, self.result_dtypes)}}
        exec("\n".join(lines), namespace)
        return namespace["quick"]

    def _run_lines(self, arrays: Sequence[str], outputs: Sequence[str]) -> list[str]:
        if self.native is not None:
            return [f"native(n, inputs, constants, [{', '.join(outputs)}])"]
        names = [*arrays, *outputs]
        others = ["*scalars(constants)"] * (self.program.scalars is not None)
        others += ["*scratch(program, dtype, n)"] * self.program.needs_scratch
        flat = [f"{name}.reshape(-1)" for name in names]
        return ["if len(shape) == 1:", f"    copy_context().run(program_run, {', '.join(names + others)})", "else:",
                f"    copy_context().run(program_run, {', '.join(flat + others)})"]
