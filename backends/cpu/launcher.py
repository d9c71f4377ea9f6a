"""Dispatches a call of a kernel to a program, by dtypes, shapes and memory layout."""

from __future__ import annotations

import array
import copy
import functools
import math
from typing import Any, Optional, Sequence

import numpy as np

from .. import native
from . import tiles
from ..formulas.dtypes import BOOL, compute_and_result
from ..formulas.integers import fitted
from ..formulas.kernel import Kernel
from ..formulas.quiet import quietly
from ..formulas.shapes import broadcast_shapes
from .memory_pool import MemoryPool
from .choices import ConstantConditions, settled
from .program import NumPyProgram
from .quick import Outputs, Quick, binder, not_quick
from .workers import builder


_SMALL = 1 << 12  # elements; copying as many takes about as long as a NumPy call

Call = tuple[Sequence[Any], Sequence[np.ndarray]]  # inputs and outputs


class Launcher:
    """Runs one kernel on the CPU, with a program for each combination of dtypes and constant conditions.

    For the kind "native" this is a native program if all inputs are contiguous and of one shape and dtype, and
    otherwise one of NumPy calls.  "auto" behaves as "numpy" until a background thread has built the native program.

    `quick` is the fast path for small contiguous arrays like those of the last call with the same constants; it returns
    None for all others, which `run` handles (see the module `quick`).
    """

    def __init__(self, kernel: Kernel, pool: MemoryPool, kind: str):
        self.kernel, self.pool, self.kind = kernel, pool, kind
        self.conditions = ConstantConditions(kernel)
        self.programs: dict[tuple[Any, ...], _TypedLauncher] = {}
        self.quick: Quick = not_quick

    def run(self, inputs: Sequence[Any], constants: Sequence[float]) -> Outputs:
        alike = _alike(inputs)
        if alike is not None:
            inputs = alike
            outputs = quietly(self.quick, inputs, constants)
            if outputs is not None:
                return outputs
        key = self._key(inputs, constants)
        typed = self.programs.get(key) or self._typed(key, inputs)
        quick, scalars = typed.bound_to(inputs, tuple(constants))  # a tuple, which cannot change afterwards
        self.quick = quick
        if self.programs[key] is not typed:  # it became native in the meantime
            self.quick = not_quick
        outputs = quietly(quick, inputs, constants)
        return typed.run(inputs, constants, scalars) if outputs is None else outputs

    def run_into(self, calls: Sequence[Call], constants: Sequence[float]) -> Sequence[Call]:
        """Write the results of calls (inputs, outputs) to their outputs without temporary arrays.

        Returns the calls that only `run` can compute.
        """
        groups: dict[_TypedLauncher, list[Call]] = {}
        left: list[Call] = []
        typed, known = None, None
        for call in calls:
            inputs = call[0]
            classes = [value.__class__ for value in inputs]
            # A call like the last one has the same key.
            if typed is None or classes != known or not call[1][0].ndim or not typed.is_in_place(*call):
                known, key = classes, self._key(inputs, constants)
                typed = self.programs.get(key) or self._typed(key, inputs)
                if not typed.is_in_place(*call):
                    typed = None
            (left if typed is None else groups.setdefault(typed, [])).append(call)
        for typed, group in groups.items():
            left += typed.run_into(group, constants)
        return left

    def _key(self, inputs: Sequence[Any], constants: Sequence[float]) -> tuple[Any, ...]:
        key = tuple([a.dtype.char if isinstance(a, np.ndarray) and a.ndim else _kind(a) for a in inputs])
        if self.conditions:
            key += self.conditions.answers(constants, inputs, key)
        return key

    def _typed(self, key: tuple[Any, ...], inputs: Sequence[Any]) -> "_TypedLauncher":
        kernel = settled(self.kernel, self.conditions.conditions, key[len(inputs):]) if self.conditions else self.kernel
        typed = self.programs[key] = _TypedLauncher(kernel, inputs, self.pool, self.kind == "native")
        if self.kind == "auto":
            builder.submit(self._make_native, key)  # its errors stay in the job
        return typed

    def _make_native(self, key: tuple[Any, ...]) -> None:
        self.programs[key] = self.programs[key].made_native()
        self.quick = not_quick  # after the line above: see `run`


def _alike(inputs: Sequence[Any]) -> Optional[list[Any]]:
    """The inputs with contiguous copies of small broadcast or strided arrays, or None if no input needs a copy.

    Copying them and taking the fast path is faster than any way without copies.
    """
    arrays = [value for value in inputs if isinstance(value, np.ndarray)]
    shape = broadcast_shapes(*[array.shape for array in arrays])
    is_small = shape and math.prod(shape) <= _SMALL and [array.dtype for array in arrays].count(
        arrays[0].dtype) == len(arrays)
    if not is_small or all([array.shape == shape and array.flags.c_contiguous for array in arrays]):
        return None
    return [_gathered(value, shape, value.dtype) if isinstance(value, np.ndarray) else value for value in inputs]


def _gathered(array: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The array, contiguous, in this shape and dtype: a copy unless it is so already."""
    if array.shape == shape and array.dtype == dtype and array.flags.c_contiguous:
        return array
    copied = np.empty(shape, dtype)
    copied[...] = array  # in a third of the time that np.broadcast_to takes
    return copied


def _kind(value: Any) -> Any:
    """What decides type promotion for a number or a zero-dimensional array."""
    return (0, value.dtype.char) if isinstance(value, np.ndarray) else value.__class__


def _are_apart(arrays: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> bool:
    """Whether no output shares memory with another array."""
    distinct = {id(array): array for array in (*arrays, *outputs)}.values()
    owners = [array if array.base is None else array.base for array in distinct]
    if len({*map(id, owners)}) == len(owners) and all([
            owner.__class__ is np.ndarray and owner.flags.owndata for owner in owners]):
        return True
    return not any(a is not b and np.may_share_memory(a, b) for a in outputs for b in distinct)


class _TypedLauncher:
    """Runs one kernel on inputs of one combination of dtypes."""

    def __init__(self, kernel: Kernel, inputs: Sequence[Any], pool: MemoryPool, is_native: bool):
        self.pool = pool
        self.compute, result = compute_and_result(kernel, inputs)
        kernel = fitted(kernel, self.compute)
        is_scalar = [not isinstance(value, np.ndarray) for value in inputs]
        self.program = NumPyProgram(kernel, self.compute, is_scalar)
        self._make_in_place = functools.partial(NumPyProgram, kernel, self.compute, is_scalar, in_place=True)
        self._in_place: Optional[tiles.Scratch] = None
        self._last_in_place: tuple[Any, tuple[Any, ...]] = (None, ())  # numbers, and the program's scalars for them
        self.result_dtypes = [BOOL if boolean else result for boolean in self.program.is_boolean]
        self.casts = result != self.compute
        self.scratch = tiles.Scratch(self.program, self.compute)
        self._native_program = functools.partial(native.program, kernel, self.compute, result)
        self._is_scalar, self._may_wait = is_scalar, is_native
        self._with_numbers: dict[tuple[bool, ...], Optional[native.Program]] = {}
        self._use(self._native_program(is_scalar) if is_native else None)

    def _use(self, native_program: Optional[native.Program]) -> None:
        self.native = native_program
        self._bind = None if self.casts else binder(self.program, self.compute, native_program)
        self._last: tuple[Any, Quick, tuple[Any, ...]] = (None, not_quick, ())

    def made_native(self) -> "_TypedLauncher":
        """A copy that runs native code, which is built now if necessary."""
        changed = copy.copy(self)
        changed._use(self._native_program(self._is_scalar))
        return changed

    def run(self, inputs: Sequence[Any], constants: Sequence[float], scalars: tuple[Any, ...]) -> Outputs:
        """Run on any inputs of this combination of dtypes; `scalars` is the result of `bound_to`."""
        arrays = [value for value in inputs if isinstance(value, np.ndarray)]
        shape = arrays[0].shape if len(arrays) == 1 else broadcast_shapes(*[array.shape for array in arrays])
        outputs = [self.pool.empty(shape, dtype) for dtype in self.result_dtypes]
        same_dtypes = not self.casts and all(array.dtype == self.compute for array in arrays)
        contiguous = same_dtypes and all(array.flags.c_contiguous for array in arrays)
        if self.native is not None and contiguous and self._runs_native(inputs, constants, outputs, shape):
            return outputs
        # An array of one element is passed whole to every tile.
        if contiguous and all(array.shape == shape or array.size == 1 for array in arrays):
            tiles.run_flat(self.scratch, [a.reshape(-1) for a in (*arrays, *outputs)], scalars)
        elif same_dtypes and self.program.is_single_call:
            quietly(self.program.run, *arrays, *outputs, *scalars)
        elif outputs[0].size <= tiles.tile_of(self.compute):
            quietly(self._run_gathered, arrays, outputs, scalars)  # casts may overflow
        else:
            tiles.run_strided(self.scratch, arrays, outputs, scalars)
        return outputs

    def _runs_native(self, inputs: Sequence[Any], constants: Sequence[float], outputs: Outputs,
                     shape: tuple[int, ...]) -> bool:
        """Run the native program, which takes arrays of one element as numbers; returns False for other shapes."""
        is_number = tuple([not isinstance(value, np.ndarray) or value.shape != shape for value in inputs])
        if not any(is_number) or list(is_number) == self._is_scalar:
            assert self.native is not None
            self.native.run(outputs[0].size, inputs, constants, outputs)
            return True
        numbers = [value for value, one in zip(inputs, is_number) if one and isinstance(value, np.ndarray)]
        if any([value.size != 1 for value in numbers]) or all(is_number) or not self._may_wait:  # for a build
            return False
        if is_number not in self._with_numbers:
            self._with_numbers[is_number] = self._native_program(is_number)
        values = [value.item() if one and isinstance(value, np.ndarray) else value
                  for value, one in zip(inputs, is_number)]
        program = self._with_numbers[is_number]
        assert program is not None  # since there is one without numbers
        program.run(outputs[0].size, values, constants, outputs)
        return True

    def is_in_place(self, inputs: Sequence[Any], outputs: Sequence[np.ndarray]) -> bool:
        """Whether all arrays of the call are contiguous and of one shape and dtype."""
        if self.casts or True in self.program.is_boolean:
            return False
        compute, shape = self.compute, outputs[0].shape
        for value in (*inputs, *outputs):
            if isinstance(value, np.ndarray) and (
                    value.shape != shape or value.dtype != compute or not value.flags.c_contiguous):
                return False
        return True

    def run_into(self, calls: Sequence[Call], constants: Sequence[float]) -> Sequence[Call]:
        """Run calls that satisfy `is_in_place`; returns those whose arrays overlap, which are not run."""
        if self.native is not None:  # it reads an element before it writes to it
            return self.native.run_several(calls, constants)
        return [call for call in calls if not self._ran_into(*call, constants)]

    def _ran_into(self, inputs: Sequence[Any], outputs: Sequence[np.ndarray], constants: Sequence[float]) -> bool:
        """Run the NumPy program unless arrays overlap; returns whether it ran."""
        arrays = [value for value in inputs if isinstance(value, np.ndarray)]
        if not _are_apart(arrays, outputs):
            return False
        if self._in_place is None:
            self._in_place = tiles.Scratch(self._make_in_place(), self.compute)
        numbers = [value for value in inputs if not isinstance(value, np.ndarray)]
        # Compared by bits, since 0.0 equals -0.0.  Integers may not fit in a double.
        given = array.array("d", (*numbers, *constants)).tobytes() if self.compute.kind == "f" else None
        known, made = self._last_in_place
        if given is None or given != known:
            scalars = self._in_place.program.scalars
            made = () if scalars is None else quietly(scalars, *numbers, *constants)
            self._last_in_place = given, made
        tiles.run_flat(self._in_place, [value.reshape(-1) for value in (*arrays, *outputs)], made)
        return True

    def _run_gathered(self, arrays: Sequence[np.ndarray], outputs: Outputs, scalars: tuple[Any, ...]) -> None:
        """Run on contiguous, cast copies of small arrays, which is faster than iterating over the originals."""
        shape = outputs[0].shape
        alike = [_gathered(array, shape, self.compute) for array in arrays]
        results = [np.empty(shape, self.compute) if self.casts and not is_boolean else output
                   for output, is_boolean in zip(outputs, self.program.is_boolean)]
        tiles.run_flat(self.scratch, [array.reshape(-1) for array in (*alike, *results)], scalars)
        for output, result in zip(outputs, results):
            if result is not output:
                np.copyto(output, result, casting="unsafe")

    def bound_to(self, inputs: Sequence[Any], constants: tuple[float, ...]) -> tuple[Quick, tuple[Any, ...]]:
        """`quick` for these constants and the numbers among the inputs, and the program's scalars, which are
        zero-dimensional arrays."""
        numbers = [value for value in inputs if not isinstance(value, np.ndarray)]
        known, quick, scalars = self._last
        if numbers or known is not constants:
            if self.program.scalars is not None:
                scalars = quietly(self.program.scalars, *numbers, *constants)
            if self._bind is not None:
                quick = self._bind(constants, *numbers, *scalars)
            self._last = constants, quick, scalars
        return quick, scalars
