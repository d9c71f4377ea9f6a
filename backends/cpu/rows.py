"""Row kernels on the CPU, as native loops or as NumPy programs.

NumPy programs run on blocks of rows that stay in the second-level cache, on several threads.  Each stage of the plan is
a program, and all stages run on one block before the next.  Blocks of short rows are transposed, since NumPy has an
overhead for each contiguous row that it reduces, but none if it reduces along the first dimension.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, Sequence

import numpy as np

from .. import native
from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.quiet import quietly
from ..formulas.row_run import plan_of, row_dtypes
from ..formulas.rows import POSITION
from ..formulas.stages import Reduction, Stage
from . import tiles
from .memory_pool import SMALLEST, MemoryPool
from .program import NumPyProgram
from .row_layout import RowLayout
from .sums import FEW, pairwise_sum
from .workers import builder

BLOCK = 1 << 16  # elements of a block: smaller ones would fit in a faster cache, but each call has an overhead
SHORT = 40  # elements; blocks of rows up to this length are transposed
_MOST_CALLS = 64  # the number of cached calls
_REDUCE = {"sum": np.add, "max": np.maximum, "min": np.minimum}
LONG = 512  # elements; loops over rows of at least this length go row by row: see `tiles.unbuffered`
_MIDDLE = 256  # elements; a pairwise sum of as many is slower than a plain one, and hardly more accurate


def _reduced(name: str, array: np.ndarray, axis: int) -> np.ndarray:
    """The reduction of a block along `axis`."""
    rows, count = array.shape
    if axis == 0 or not array.flags.c_contiguous:
        return _REDUCE[name].reduce(array, axis=axis, keepdims=True)
    if name != "sum":  # one call for all rows, while `reduce` has an overhead for each
        return _REDUCE[name].reduceat(array.reshape(-1), np.arange(0, array.size, count))[:, None]
    pieces = -(-count // _MIDDLE)
    length = count // pieces
    parts = np.einsum("ijk->ij", array[:, :pieces * length].reshape(rows, pieces, length))
    sums = np.add.reduce(parts, axis=1, keepdims=True) if pieces > 1 else parts
    return sums + np.einsum("ij->i", array[:, pieces * length:])[:, None] if pieces * length < count else sums


class RowProgram:
    """A row kernel as NumPy programs, computed in one dtype."""

    def __init__(self, kernel: Kernel, dtype: np.dtype):
        self.kernel, self.dtype, self.plan = kernel, dtype, plan_of(kernel)
        self.programs = {step.makes: NumPyProgram(step.kernel, dtype) for step in self.plan.steps
                         if isinstance(step, Stage)}
        self.scratch = {makes: tiles.Scratch(program, dtype) for makes, program in self.programs.items()}
        self._last_scalars: tuple[tuple[Any, ...], dict[Any, Any]] = ((), {})
        reductions = sum(isinstance(step, Reduction) for step in self.plan.steps)
        self.cost = reductions + sum(program.cost for program in self.programs.values())  # of an element, in additions

    def scalars(self, constants: tuple[float, ...]) -> dict[tuple[Symbol, ...], tuple[Any, ...]]:
        """The programs' scalars for the constants of a call."""
        known, scalars = self._last_scalars
        if known != constants or 0.0 in constants:  # 0.0 equals -0.0
            scalars = {makes: quietly(program.scalars, *constants) if program.scalars is not None else ()
                       for makes, program in self.programs.items()}
            self._last_scalars = constants, scalars
        return scalars

    def run(self, values: dict[Symbol, np.ndarray], targets: dict[Symbol, np.ndarray], scalars: dict[Any, Any],
            axis: int, shape: tuple[int, int]) -> None:
        """Run the plan on one block of this shape, and add all results to `values`, which holds the inputs.

        Results with memory in `targets` are written there.
        """
        row_shape = tuple([1 if i == axis else n for i, n in enumerate(shape)])
        for step in self.plan.steps:
            if isinstance(step, Stage):
                size = row_shape if step.is_row else shape
                made = [targets[symbol] if symbol in targets else np.empty(size, self.dtype) for symbol in step.makes]
                self.programs[step.makes].run(*[values[symbol] for symbol in step.reads], *made, *scalars[step.makes],
                                              *self.scratch[step.makes].views[size])
                values.update(zip(step.makes, made))
            else:
                array = values[step.reads]
                if array.shape[axis] == 1 != shape[axis]:  # one number for all elements of a row
                    values[step.makes] = array * self.dtype.type(shape[axis]) if step.name == "sum" else array
                else:
                    values[step.makes] = _reduced(step.name, array, axis)


class RowCall:
    """Calls on arrays of given shapes and dtypes; outputs flagged in `sums` are summed over the rows."""

    def __init__(self, launcher: "RowLauncher", inputs: Sequence[np.ndarray], dims: tuple[int, ...],
                 shape: tuple[int, ...], sums: tuple[bool, ...]):
        kernel = launcher.kernel
        self.compute, self.result = row_dtypes(kernel, inputs)
        self.casts = self.result != self.compute
        self.pool, self.program = launcher.pool, launcher.program(self.compute)
        self.sums = sums or (False,) * len(kernel.outputs)
        self.layout = layout = RowLayout([array.shape for array in inputs], dims, shape)
        self.rows, self.count = layout.rows, layout.count
        self.shapes = [layout.output_shape(symbol.is_row, is_summed)
                       for symbol, is_summed in zip(self.program.plan.outputs, self.sums)]
        largest = max([math.prod(shape) for shape in self.shapes]) * self.result.itemsize
        self.empty: Callable[..., Any] = np.empty if largest < SMALLEST else self.pool.empty
        self.native: Optional[native.RowLoop] = None
        if launcher.kind != "numpy" and not self.casts:  # native loops do not cast
            if launcher.kind == "native":
                self._make_native()
            else:
                builder.submit(self._make_native)  # its errors stay in the job

    def _make_native(self) -> None:
        program = self.program
        self.native = native.row_program(program.kernel, program.plan, self.compute, self.layout.kinds, self.sums)

    def run(self, inputs: Sequence[np.ndarray], constants: Sequence[float]) -> list[np.ndarray]:
        empty, result = self.empty, self.result
        outputs = [empty(shape, result) for shape in self.shapes]
        if self.native is not None:
            compute, fits = self.compute, self.layout.fits
            arrays = [array if fits[i] and array.dtype is compute and array.flags.c_contiguous else
                      np.array(self.layout.as_rows(array, i), compute, order="C", copy=None)
                      for i, array in enumerate(inputs)]
            self.native(self.rows, self.count, arrays, constants, outputs)
        else:
            _BlockRun(self, inputs, constants, outputs).run()
        return [self.layout.finished(output) for output in outputs] if self.layout.is_moved else outputs


def _write_sum(output: np.ndarray, parts: np.ndarray) -> None:
    output[...] = pairwise_sum(parts, (0,), False)  # narrower, perhaps


class _BlockRun:
    """One call by NumPy programs, block by block."""

    def __init__(self, call: RowCall, inputs: Sequence[np.ndarray], constants: Sequence[float],
                 outputs: Sequence[np.ndarray]):
        self.call, self.program, self.count = call, call.program, call.count
        self.inputs = [call.layout.as_rows(array, i) for i, array in enumerate(inputs)]
        self.outputs = [output.reshape(1 if is_summed else call.rows, -1)
                        for output, is_summed in zip(outputs, call.sums)]
        self.scalars = self.program.scalars((*constants, float(self.count)))
        self.positions = np.arange(self.count, dtype=call.compute)[None] if self.program.plan.uses_position else None
        self.parts: dict[tuple[int, int], np.ndarray] = {}  # sums of blocks, by the output and the first row

    def run(self) -> None:
        rows, count = self.call.rows, self.count
        within = tiles.unbuffered if count >= LONG else quietly
        tiles.share(rows, rows * count * self.program.cost, self._run_rows, within)
        for i, is_summed in enumerate(self.call.sums):
            if is_summed:
                parts = [self.parts[key] for key in sorted(self.parts) if key[0] == i]
                quietly(_write_sum, self.outputs[i], np.stack(parts))

    def _run_rows(self, start: int, stop: int) -> None:
        step = BLOCK // self.count
        step = max(1, step // FEW * FEW or step)  # sums over rows are computed in groups
        for low in range(start, stop, step):
            self._run_block(low, min(low + step, stop))

    @tiles.with_registers
    def _run_block(self, low: int, high: int) -> None:
        is_transposed = self.count <= SHORT
        shape, axis = ((self.count, high - low), 0) if is_transposed else ((high - low, self.count), 1)
        values = {symbol: self._part(array, low, high, is_transposed)
                  for symbol, array in zip(self.program.kernel.inputs, self.inputs)}
        if self.positions is not None:
            values[POSITION] = self.positions.T if is_transposed else self.positions
        parts = [(i, symbol, self.outputs[i][low:high]) for i, symbol in enumerate(self.program.plan.outputs)]
        targets = {} if is_transposed or self.call.casts else {
            symbol: part for i, symbol, part in parts if not self.call.sums[i]}
        self.program.run(values, targets, self.scalars, axis, shape)
        for i, symbol, part in parts:
            value = values[symbol]
            if self.call.sums[i]:
                whole = value if value.shape == shape else np.broadcast_to(value, shape)
                self.parts[i, low] = pairwise_sum(whole, (1 - axis,), False)
            elif value is not part:
                part[...] = value.T if is_transposed else value

    def _part(self, array: np.ndarray, low: int, high: int, is_transposed: bool) -> np.ndarray:
        part = array[low:high] if len(array) > 1 else array
        if not is_transposed and part.dtype is self.program.dtype and part.flags.c_contiguous:
            return part
        return np.array(part.T if is_transposed else part, self.program.dtype, order="C", copy=None)


class RowLauncher:
    """Runs one row kernel on the CPU with kernels of one kind; calls are cached by shapes and dtypes."""

    def __init__(self, kernel: Kernel, pool: MemoryPool, kind: str):
        self.kernel, self.pool, self.kind = kernel, pool, kind
        self._calls: dict[tuple[Any, ...], Optional[RowCall]] = {}

    def program(self, dtype: np.dtype) -> RowProgram:
        found = self.kernel.compiled.get(("rows", dtype))
        if found is None:
            found = self.kernel.compiled["rows", dtype] = RowProgram(self.kernel, dtype)
        return found

    def run(self, inputs: Sequence[Any], constants: Sequence[float], dims: tuple[int, ...], shape: tuple[int, ...],
            sums: tuple[bool, ...]) -> Optional[list[np.ndarray]]:
        """The outputs, or None for rows that are longer than a block."""
        key = (dims, shape, sums, *[(array.shape, array.dtype) for array in inputs])
        try:
            call = self._calls[key]
        except KeyError:
            if len(self._calls) >= _MOST_CALLS:  # shapes keep changing
                self._calls.clear()
            call = self._calls[key] = self._call(inputs, dims, shape, sums)
        return None if call is None else call.run(inputs, constants)

    def _call(self, inputs: Sequence[np.ndarray], dims: tuple[int, ...], shape: tuple[int, ...],
              sums: tuple[bool, ...]) -> Optional[RowCall]:
        call = RowCall(self, inputs, dims, shape, sums)
        return call if call.rows and 0 < call.count <= tiles.tile_of(call.compute) else None
