"""From a call of a kernel to the run of its NumPy program: dtypes, shapes and memory are looked after here."""

from __future__ import annotations

import copy
import functools
from typing import Any, Callable, Optional, Sequence

import numpy as np

from .. import native
from . import tiles
from ..formulas.dtypes import BOOL, compute_and_result
from ..formulas.kernel import Kernel
from .memory_pool import MemoryPool
from .choices import ConstantConditions, settled
from .program import NumPyProgram
from .quick import Outputs, Quick, binder, not_quick
from .workers import builder


class Launcher:
    """Runs one kernel on the CPU, with a program for every combination of dtypes and choices that it meets.

    With kernels of the kind "native" that is a native program where the inputs are contiguous and alike, else always
    one of NumPy calls.  "auto" is the kind "numpy" until another thread has built the native program, and for good
    where it cannot be built.

    `quick` runs small contiguous arrays like those of the last call, with the same constants, and returns None for
    all others, which `run` takes (see `quick`).
    """

    def __init__(self, kernel: Kernel, pool: MemoryPool, kind: str):
        self.kernel, self.pool, self.kind = kernel, pool, kind
        self.conditions = ConstantConditions(kernel)
        self.programs: dict[tuple, _TypedLauncher] = {}
        self.quick: Quick = not_quick

    def run(self, inputs: Sequence[Any], constants: Sequence[float]) -> Outputs:
        key = self._key(inputs, constants)
        typed = self.programs.get(key) or self._typed(key, inputs)
        quick, scalars = typed.bound_to(inputs, tuple(constants))  # which nobody can change behind its back
        self.quick = quick
        if self.programs[key] is not typed:  # made native in the meantime: its short way is another
            self.quick = not_quick
        outputs = tiles.quietly(quick, inputs, constants)
        return typed.run(inputs, constants, scalars) if outputs is None else outputs

    def run_into(self, inputs: Sequence[Any], constants: Sequence[float], outputs: Sequence[np.ndarray]) -> bool:
        """Write the results to `outputs`, without temporary arrays; False where only `run` can compute them."""
        key = self._key(inputs, constants)
        return (self.programs.get(key) or self._typed(key, inputs)).run_into(inputs, constants, outputs)

    def _key(self, inputs: Sequence[Any], constants: Sequence[float]) -> tuple:
        key = tuple([a.dtype.char if isinstance(a, np.ndarray) and a.ndim else _kind(a) for a in inputs])
        if self.conditions:
            key += self.conditions.answers(constants, inputs, key)
        return key

    def _typed(self, key: tuple, inputs: Sequence[Any]) -> "_TypedLauncher":
        kernel = settled(self.kernel, self.conditions.conditions, key[len(inputs):]) if self.conditions else self.kernel
        typed = self.programs[key] = _TypedLauncher(kernel, inputs, self.pool, self.kind == "native")
        if self.kind == "auto":
            builder.submit(self._make_native, key)  # its errors are left with the job
        return typed

    def _make_native(self, key: tuple) -> None:
        self.programs[key] = self.programs[key].made_native()
        self.quick = not_quick  # after the line above: see `run`


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
        self._make_in_place = functools.partial(NumPyProgram, kernel, self.compute, is_scalar, in_place=True)
        self._in_place: Optional[tiles.Scratch] = None
        self.result_dtypes = [BOOL if boolean else result for boolean in self.program.is_boolean]
        self.casts = result != self.compute
        self.scratch = tiles.Scratch(self.program, self.compute)
        self._native_program = functools.partial(native.program, kernel, self.compute, result)
        self._is_scalar, self._may_wait = is_scalar, is_native
        self._with_numbers: dict[tuple[bool, ...], Optional[Callable]] = {}
        self._use(self._native_program(is_scalar) if is_native else None)

    def _use(self, native_program: Optional[Callable]) -> None:
        self.native = native_program
        self._bind = None if self.casts else binder(self.program, self.compute, native_program)
        self._last: tuple[Any, Quick, tuple] = (None, not_quick, ())

    def made_native(self) -> "_TypedLauncher":
        """The same with native code, which is built now where it is not there yet."""
        changed = copy.copy(self)
        changed._use(self._native_program(self._is_scalar))
        return changed

    def run(self, inputs: Sequence[Any], constants: Sequence[float], scalars: tuple) -> Outputs:
        """Run on any inputs of this combination of dtypes; `scalars` are what `bound_to` has made of them."""
        arrays = [value for value in inputs if isinstance(value, np.ndarray)]
        shape = arrays[0].shape if len(arrays) == 1 else np.broadcast_shapes(*[array.shape for array in arrays])
        outputs = [self.pool.empty(shape, dtype) for dtype in self.result_dtypes]
        same_dtypes = not self.casts and all(array.dtype == self.compute for array in arrays)
        contiguous = same_dtypes and all(array.flags.c_contiguous for array in arrays)
        if self.native is not None and contiguous and self._runs_native(inputs, constants, outputs, shape):
            return outputs
        # An array of one element is met by every tile as it is.
        if contiguous and all(array.shape == shape or array.size == 1 for array in arrays):
            tiles.run_flat(self.scratch, [a.reshape(-1) for a in (*arrays, *outputs)], scalars)
        elif same_dtypes and self.program.is_single_call:
            tiles.quietly(self.program.run, *arrays, *outputs, *scalars)
        elif outputs[0].size <= tiles.tile_of(self.compute):
            tiles.quietly(self._run_gathered, arrays, outputs, scalars)  # casts overflow too
        else:
            tiles.run_strided(self.scratch, arrays, outputs, scalars)
        return outputs

    def _runs_native(self, inputs: Sequence[Any], constants: Sequence[float], outputs: Outputs,
                     shape: tuple[int, ...]) -> bool:
        """Run the native program, which takes arrays of one element as numbers; False for other shapes."""
        is_number = tuple([not isinstance(value, np.ndarray) or value.shape != shape for value in inputs])
        if not any(is_number) or list(is_number) == self._is_scalar:
            self.native(outputs[0].size, inputs, constants, outputs)
            return True
        numbers = [value for value, one in zip(inputs, is_number) if one and isinstance(value, np.ndarray)]
        if any([value.size != 1 for value in numbers]) or all(is_number) or not self._may_wait:  # for a build
            return False
        if is_number not in self._with_numbers:
            self._with_numbers[is_number] = self._native_program(is_number)
        values = [value.item() if one and isinstance(value, np.ndarray) else value
                  for value, one in zip(inputs, is_number)]
        self._with_numbers[is_number](outputs[0].size, values, constants, outputs)
        return True

    def run_into(self, inputs: Sequence[Any], constants: Sequence[float], outputs: Sequence[np.ndarray]) -> bool:
        """Write the results to `outputs`; False for arrays that are not contiguous, alike, and the same or apart."""
        arrays, shape = [value for value in inputs if isinstance(value, np.ndarray)], outputs[0].shape
        if self.casts or True in self.program.is_boolean:
            return False
        for array in (*arrays, *outputs):
            if array.dtype != self.compute or array.shape != shape or not array.flags.c_contiguous:
                return False
        if any(a is not b and np.may_share_memory(a, b) for a in outputs for b in (*arrays, *outputs)):
            return False
        if self.native is not None:  # reads an element before it writes there
            self.native(outputs[0].size, inputs, constants, outputs)
            return True
        if self._in_place is None:
            self._in_place = tiles.Scratch(self._make_in_place(), self.compute)
        scalars = self._in_place.program.scalars
        numbers = [value for value in inputs if not isinstance(value, np.ndarray)]
        made = () if scalars is None else tiles.quietly(scalars, *numbers, *constants)
        tiles.run_flat(self._in_place, [array.reshape(-1) for array in (*arrays, *outputs)], made)
        return True

    def _run_gathered(self, arrays: Sequence[np.ndarray], outputs: Outputs, scalars: tuple) -> None:
        """Run on copies of small arrays that are contiguous and alike: quicker than an iterator over the originals."""
        shape = outputs[0].shape
        alike = [np.array(np.broadcast_to(array, shape), self.compute, order="C", copy=None) for array in arrays]
        results = [np.empty(shape, self.compute) if self.casts and not is_boolean else output
                   for output, is_boolean in zip(outputs, self.program.is_boolean)]
        tiles.run_flat(self.scratch, [array.reshape(-1) for array in (*alike, *results)], scalars)
        for output, result in zip(outputs, results):
            if result is not output:
                np.copyto(output, result, casting="unsafe")

    def bound_to(self, inputs: Sequence[Any], constants: tuple[float, ...]) -> tuple[Quick, tuple]:
        """`quick` for these constants and the numbers among the inputs, and what the program takes of them: scalars
        as zero-dimensional arrays."""
        numbers = [value for value in inputs if not isinstance(value, np.ndarray)]
        known, quick, scalars = self._last
        if numbers or known is not constants:
            if self.program.scalars is not None:
                scalars = tiles.quietly(self.program.scalars, *numbers, *constants)
            if self._bind is not None:
                quick = self._bind(constants, *numbers, *scalars)
            self._last = constants, quick, scalars
        return quick, scalars
