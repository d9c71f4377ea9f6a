"""Row kernels on the CPU: blocks of rows that stay in the second-level cache, on several threads.

Each stage of the plan is a NumPy program, run on a block of rows before the next block begins.  Blocks of short rows
are transposed: NumPy pays for every row that it reduces by itself, but reduces a few long rows into one quickly.
"""

from __future__ import annotations

import math
from typing import Optional, Sequence

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
        self._layouts: dict[tuple, Layout] = {}
        self._last_scalars: tuple[tuple, dict] = ((), {})
        self._native: dict[tuple, Optional[native.RowLoop]] = {}
        reductions = sum(isinstance(step, Reduction) for step in self.plan.steps)
        self.cost = reductions + sum(program.cost for program in self.programs.values())  # of an element, in additions

    def native(self, kinds: tuple[tuple[bool, bool], ...]) -> Optional[native.RowLoop]:
        """Native code for inputs that vary so, or None where there is none."""
        if kinds not in self._native:
            self._native[kinds] = native.row_program(self.kernel, self.plan, self.dtype, kinds)
        return self._native[kinds]

    def layout(self, shapes: Sequence[tuple[int, ...]], dims: tuple[int, ...], shape: tuple[int, ...]) -> "Layout":
        """The layout of calls on such shapes, made once."""
        key = (*shapes, dims, shape)
        found = self._layouts.get(key)
        if found is None:
            if len(self._layouts) > 64:  # shapes change all the time: forget
                self._layouts.clear()
            found = self._layouts[key] = Layout(shapes, dims, shape)
        return found

    def scalars(self, constants: tuple[float, ...]) -> dict[tuple[Symbol, ...], tuple]:
        """What the programs take of the constants of a call."""
        known, scalars = self._last_scalars
        if known != constants or 0.0 in constants:  # 0.0 equals -0.0
            scalars = {makes: tiles.quietly(program.scalars, *constants) if program.scalars is not None else ()
                       for makes, program in self.programs.items()}
            self._last_scalars = constants, scalars
        return scalars

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


class Layout:
    """How arrays of some shapes become (rows, elements), and the outputs arrays again."""

    def __init__(self, shapes: Sequence[tuple[int, ...]], dims: tuple[int, ...], shape: tuple[int, ...]):
        self.shape, self.dims = shape, dims
        self.order = [i for i in range(len(shape)) if i not in dims] + list(dims)
        self.is_moved = self.order != list(range(len(shape)))
        self.rows = math.prod(n for i, n in enumerate(shape) if i not in dims)
        self.count = math.prod(shape[i] for i in dims)
        self.targets = [self._target(given) for given in shapes]
        self.kinds = tuple([(rows > 1, elements > 1) for _, (rows, elements) in self.targets])

    def _target(self, given: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int]]:
        """The shape to which an input of this shape is broadcast, in the order of the call's dimensions, and that shape
        as (rows, elements), either of which is one where the input does not vary along them."""
        padded = (1,) * (len(self.shape) - len(given)) + given
        split = len(self.shape) - len(self.dims)
        parts = []
        for dims in (self.order[:split], self.order[split:]):
            varies = any(padded[i] > 1 for i in dims)
            parts.append(tuple([self.shape[i] if varies else 1 for i in dims]))
        return parts[0] + parts[1], (math.prod(parts[0]), math.prod(parts[1]))

    def as_rows(self, array: np.ndarray, i: int) -> np.ndarray:
        """Input `i` as (rows, elements)."""
        target, flat = self.targets[i]
        if self.is_moved:
            array = array.reshape((1,) * (len(self.shape) - array.ndim) + array.shape).transpose(self.order)
        if array.size != flat[0] * flat[1]:
            array = np.broadcast_to(array, target)
        return array.reshape(flat)

    def finished(self, output: np.ndarray, is_row: bool) -> np.ndarray:
        """An output, (rows, elements) or (rows, 1), in the call's shape."""
        shape = [1 if is_row and i in self.dims else self.shape[i] for i in self.order]
        output = output.reshape(shape)
        return np.ascontiguousarray(output.transpose(np.argsort(self.order))) if self.is_moved else output


class RowCall:
    """One call: its inputs as (rows, elements), and the outputs in the same form."""

    scalars: dict[tuple[Symbol, ...], tuple]
    positions: Optional[np.ndarray] = None

    def __init__(self, program: RowProgram, inputs: Sequence[np.ndarray], constants: Sequence[float],
                 dims: tuple[int, ...], shape: tuple[int, ...], result: np.dtype, pool: MemoryPool):
        self.program, self.constants = program, constants
        self.layout = layout = program.layout([array.shape for array in inputs], dims, shape)
        self.rows, self.count = layout.rows, layout.count
        self._fits_native = result == program.dtype  # native loops do not cast
        self.inputs = [layout.as_rows(array, i) for i, array in enumerate(inputs)]
        self.outputs = [pool.empty((self.rows, 1 if symbol.is_row else self.count), result)
                        for symbol in program.plan.outputs]

    def _finished(self) -> list[np.ndarray]:
        return [self.layout.finished(output, symbol.is_row)
                for symbol, output in zip(self.program.plan.outputs, self.outputs)]

    def run(self, is_native: bool) -> list[np.ndarray]:
        native_run = self.program.native(self.layout.kinds) if is_native and self._fits_native else None
        if native_run is not None:
            arrays = [np.array(array, self.program.dtype, order="C", copy=None) for array in self.inputs]
            native_run(self.rows, self.count, arrays, self.constants, self.outputs)
            return self._finished()
        self.scalars = self.program.scalars((*self.constants, float(self.count)))
        if self.program.plan.uses_position:
            self.positions = np.arange(self.count, dtype=self.program.dtype)[None]
        tiles.share(self.rows, self.rows * self.count * self.program.cost, self._run_rows)
        return self._finished()

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
