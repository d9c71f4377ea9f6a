"""Row kernels on the CPU: blocks of rows that stay in the second-level cache, on several threads.

Each stage of the plan is a NumPy program, run on a block of rows before the next block begins.  Blocks of short rows
are transposed: NumPy pays for every row that it reduces by itself, but reduces a few long rows into one quickly.
"""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import numpy as np

from .. import native
from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.row_run import plan_of, row_dtypes
from ..formulas.rows import POSITION
from ..formulas.stages import Reduction, Stage
from . import tiles
from .memory_pool import MemoryPool
from .program import NumPyProgram

BLOCK = 1 << 15  # elements of a block
SHORT = 24  # elements of a row up to which blocks are transposed
_REDUCE = {"sum": np.add.reduce, "max": np.maximum.reduce, "min": np.minimum.reduce}


class RowProgram:
    """A row kernel computed in one dtype."""

    def __init__(self, kernel: Kernel, dtype: np.dtype):
        self.kernel, self.dtype, self.plan = kernel, dtype, plan_of(kernel)
        self.programs = {step.makes: NumPyProgram(step.kernel, dtype) for step in self.plan.steps
                         if isinstance(step, Stage)}
        self.scratch = {makes: tiles.Scratch(program, dtype) for makes, program in self.programs.items()}
        self._native: dict[tuple, Optional[native.RowLoop]] = {}
        reductions = sum(isinstance(step, Reduction) for step in self.plan.steps)
        self.cost = reductions + sum(program.cost for program in self.programs.values())  # of an element, in additions

    def native(self, kinds: tuple[tuple[bool, bool], ...]) -> Optional[native.RowLoop]:
        """Native code for inputs that vary so, or None where there is none."""
        if kinds not in self._native:
            self._native[kinds] = native.row_program(self.kernel, self.plan, self.dtype, kinds)
        return self._native[kinds]

    def scalars(self, constants: Sequence[float]) -> dict[tuple[Symbol, ...], tuple]:
        """What the programs take of the constants of a call."""
        return {makes: program.scalars(*constants) if program.scalars is not None else ()
                for makes, program in self.programs.items()}

    def run(self, values: dict[Symbol, np.ndarray], scalars: dict, axis: int, shape: tuple[int, int]) -> None:
        """Add to `values`, the inputs of one block of this shape, all that the plan makes."""
        row_shape = tuple([1 if i == axis else n for i, n in enumerate(shape)])
        for step in self.plan.steps:
            if isinstance(step, Stage):
                size = row_shape if step.is_row else shape
                made = [np.empty(size, self.dtype) for _ in step.makes]
                self.programs[step.makes].run(*[values[symbol] for symbol in step.reads], *made, *scalars[step.makes],
                                              *self.scratch[step.makes].views[size])
                values.update(zip(step.makes, made))
            else:
                array = values[step.reads]
                if array.shape[axis] == 1 != shape[axis]:  # one number for all elements of a row
                    values[step.makes] = array * self.dtype.type(shape[axis]) if step.name == "sum" else array
                else:
                    values[step.makes] = _REDUCE[step.name](array, axis=axis, keepdims=True)


class RowCall:
    """One call: its inputs as (rows, elements), and the outputs in the same form."""

    def __init__(self, program: RowProgram, inputs: Sequence[np.ndarray], constants: Sequence[float],
                 dims: tuple[int, ...], shape: tuple[int, ...], result: np.dtype, pool: MemoryPool):
        self.program, self.shape, self.dims = program, shape, dims
        self.order = [i for i in range(len(shape)) if i not in dims] + list(dims)
        self.rows = math.prod(n for i, n in enumerate(shape) if i not in dims)
        self.count = math.prod(shape[i] for i in dims)
        self.inputs = [self._as_rows(array) for array in inputs]
        self.outputs = [pool.empty((self.rows, 1 if symbol.is_row else self.count), result)
                        for symbol in program.plan.outputs]
        self.constants = constants
        self.scalars = tiles.quietly(program.scalars, (*constants, float(self.count)))
        self.positions = np.arange(self.count, dtype=program.dtype)[None] if program.plan.uses_position else None

    def _as_rows(self, array: np.ndarray) -> np.ndarray:
        """An input as (rows, elements), either of which is one where it does not vary along them."""
        ndim, along = len(self.shape), len(self.dims)
        array = array.reshape((1,) * (ndim - array.ndim) + array.shape).transpose(self.order)
        whole = tuple(self.shape[i] for i in self.order)
        parts = []
        for size, full in ((array.shape[:ndim - along], whole[:ndim - along]), (array.shape[ndim - along:],
                                                                               whole[ndim - along:])):
            parts.append(full if any(n > 1 for n in size) else (1,) * len(size))
        target = parts[0] + parts[1]
        return np.broadcast_to(array, target).reshape(math.prod(parts[0]), math.prod(parts[1]))

    def run(self, is_native: bool) -> list[np.ndarray]:
        native_run = self.program.native(self._kinds()) if is_native and self._fits_native() else None
        if native_run is not None:
            arrays = [np.array(array, self.program.dtype, order="C", copy=None) for array in self.inputs]
            native_run(self.rows, self.count, arrays, self.constants, self.outputs)
            return [self._finished(output) for output in self.outputs]
        tiles._share(self.rows, self.rows * self.count * self.program.cost, self._run_rows)
        return [self._finished(output) for output in self.outputs]

    def _fits_native(self) -> bool:
        return all(output.dtype == self.program.dtype for output in self.outputs)

    def _kinds(self) -> tuple[tuple[bool, bool], ...]:
        """Whether each input varies along the rows, and along the elements of a row."""
        return tuple([(array.shape[0] > 1, array.shape[1] > 1) for array in self.inputs])

    def _run_rows(self, start: int, stop: int) -> None:
        step = max(1, BLOCK // self.count)
        for low in range(start, stop, step):
            self._run_block(low, min(low + step, stop))

    def _run_block(self, low: int, high: int) -> None:
        is_turned = self.count <= SHORT
        shape, axis = ((self.count, high - low), 0) if is_turned else ((high - low, self.count), 1)
        values = {symbol: self._part(array, low, high, is_turned)
                  for symbol, array in zip(self.program.kernel.inputs, self.inputs)}
        if self.positions is not None:
            values[POSITION] = self.positions.T if is_turned else self.positions
        self.program.run(values, self.scalars, axis, shape)
        for symbol, output in zip(self.program.plan.outputs, self.outputs):
            output[low:high] = values[symbol].T if is_turned else values[symbol]

    def _part(self, array: np.ndarray, low: int, high: int, is_turned: bool) -> np.ndarray:
        part = array[low:high] if len(array) > 1 else array
        return np.array(part.T if is_turned else part, self.program.dtype, order="C", copy=None)

    def _finished(self, output: np.ndarray) -> np.ndarray:
        sizes = [self.shape[i] if output.shape[1] == self.count or i not in self.dims else 1 for i in self.order]
        return np.ascontiguousarray(output.reshape(sizes).transpose(np.argsort(self.order)))


def run_rows(kernel: Kernel, inputs: Sequence[np.ndarray], constants: Sequence[float], dims: tuple[int, ...],
             shape: tuple[int, ...], pool: MemoryPool, is_native: bool) -> Optional[list[np.ndarray]]:
    """The outputs of a row kernel, or None for rows that no block can hold."""
    compute, result = row_dtypes(kernel, inputs)
    count = math.prod(shape[i] for i in dims)
    if not 0 < count <= tiles.tile_of(compute) or not math.prod(shape):
        return None
    program = kernel.compiled.get(("rows", compute))
    if program is None:
        program = kernel.compiled["rows", compute] = RowProgram(kernel, compute)
    return RowCall(program, inputs, constants, dims, shape, result, pool).run(is_native)
