"""Launches row kernels: chooses how many threads share a row and how many elements each keeps in registers."""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

import numpy as np

from ..base import Array
from ..formulas.cpp import identifier
from ..formulas.kernel import Kernel
from ..formulas.row_run import plan_of, row_dtypes
from . import row_source
from .launcher import MOST_BLOCKS, as_structure
from .layout import broadcast_strides, joined

_MOST_EACH = 16  # the most elements of a row that a thread keeps in registers
_FEW_EACH = 4  # the same, if a row can have more threads
_MOST_LANES = 1024
_THREADS = 256  # the preferred size of a block
_MOST_REMEMBERED = 256  # the number of cached launches


def sharing(n: int, across: bool) -> tuple[int, int, int]:
    """For rows of `n` elements: rows per block, threads per row, and elements per thread (0: any number).

    >>> sharing(10, False), sharing(1000, False), sharing(4096, False), sharing(50_000, False)
    ((64, 4, 4), (1, 256, 4), (1, 256, 16), (1, 1024, 0))
    >>> sharing(10, True), sharing(512, True), sharing(5000, True)
    ((64, 4, 4), (32, 32, 16), (32, 32, 0))
    """
    most = 32 if across else _MOST_LANES  # across: a warp of neighbouring rows, and up to 32 threads for each
    lanes = min(_power_from(-(-n // _FEW_EACH)), 32 if across or n <= 32 * _MOST_EACH else _THREADS)
    if n > lanes * _MOST_EACH:
        lanes = most
    each = _power_from(-(-n // lanes))
    rows = max(_THREADS // lanes, 32 if across else 1)
    return rows, lanes, each if each <= _MOST_EACH else 0


def _power_from(n: int) -> int:
    """The smallest power of two that is at least `n`."""
    return 1 << max(0, n - 1).bit_length()


class RowLauncher:
    """Runs one row kernel on the arrays of one device, which must be the current one.

    With `in_parts`, rows that do not fit in registers are split, for kernels with one number for each row; the result
    then has a number for each part, in shape (parts, rows).
    """

    def __init__(self, kernel: Kernel, cupy: Any, compile: Callable[[str, str], Any], in_parts: bool = False):
        self.kernel, self.plan, self._cupy, self._compile = kernel, plan_of(kernel), cupy, compile
        self.in_parts = in_parts
        self._launches: dict[tuple[Any, ...], _RowLaunch] = {}
        self._functions: dict[row_source.RowVariant, Any] = {}

    def run(self, inputs: Sequence[Array], constants: Sequence[float], dims: tuple[int, ...],
            shape: tuple[int, ...]) -> list[Array]:
        """The outputs; `shape` must not be empty."""
        key = (dims, shape, *[(x.dtype.char, x.shape, x.strides) for x in inputs])
        launch = self._launches.get(key)
        if launch is None:
            if len(self._launches) >= _MOST_REMEMBERED:
                self._launches.clear()
            launch = self._launches[key] = self._launch(inputs, dims, shape)
        return launch.run(inputs, constants)

    def _launch(self, inputs: Sequence[Array], dims: tuple[int, ...], shape: tuple[int, ...]) -> "_RowLaunch":
        compute, result = row_dtypes(self.kernel, inputs)
        place = _Places(inputs, [symbol.is_row for symbol in self.plan.outputs], dims, shape, result.itemsize)
        across = place.is_across()
        rows, lanes, each = sharing(place.count, across)
        in_parts = self.in_parts and (not each or place.count > _THREADS * _MOST_EACH)
        if in_parts:
            rows, lanes, each = sharing(32 * _MOST_EACH if across else _THREADS * _MOST_EACH, across)
        parts = -(-place.count // (lanes * each)) if in_parts else 1
        varies = tuple([any(steps) for steps in place.steps[:len(inputs)]])
        variant = row_source.RowVariant(compute, result, tuple([x.dtype for x in inputs]), varies,
                                        (len(place.outer), len(place.inner)), rows, lanes, across, each, in_parts)
        function = self._functions.get(variant)
        if function is None:
            text = row_source.source_of(self.kernel, self.plan, variant)
            function = self._functions[variant] = self._compile(text, identifier(self.kernel))
        row_shape = tuple([1 if i in dims else n for i, n in enumerate(shape)])
        shapes = [row_shape if symbol.is_row else shape for symbol in self.plan.outputs]
        shapes = [(parts, place.rows)] if in_parts else shapes
        kept = 0 if each else max(1, row_source.scratch_values(self.kernel, self.plan))
        return _RowLaunch(self._cupy.ndarray, function, place.structure(parts), shapes, variant,
                          -(-place.rows * parts // rows), kept * place.rows * place.count)


class _Places:
    """The dimensions and strides of rows and of their elements, for the arrays of a call."""

    def __init__(self, inputs: Sequence[Array], are_rows: Sequence[bool], dims: tuple[int, ...], shape: tuple[int, ...],
                 itemsize: int):
        strides = [broadcast_strides(x.shape, x.strides, x.itemsize, shape) for x in inputs]
        contiguous = tuple([math.prod(shape[i + 1:]) for i in range(len(shape))])
        strides += [contiguous for is_row in are_rows if not is_row]
        rows = [i for i in range(len(shape)) if i not in dims]
        self.outer, self.row_steps = _part(shape, strides, rows)
        self.inner, self.steps = _part(shape, strides, sorted(dims))
        self.rows, self.count = math.prod(self.outer), math.prod(self.inner)

    def is_across(self) -> bool:
        """Whether adjacent elements in memory belong to adjacent rows."""
        return any(outer[-1] == 1 != inner[-1] and any(inner) for outer, inner in zip(self.row_steps, self.steps))

    def structure(self, parts: int) -> np.ndarray:
        """The argument `places` of the kernel."""
        steps = [step for steps in (*self.row_steps, *self.steps) for step in steps]
        return as_structure([self.rows, self.count, parts, *self.outer, *self.inner, *steps], np.dtype(np.int64))


def _part(shape: tuple[int, ...], strides: Sequence[tuple[int, ...]], dims: Sequence[int]) -> tuple[Any, ...]:
    return joined(tuple([shape[i] for i in dims]), [tuple([steps[i] for i in dims]) for steps in strides])


class _RowLaunch:
    """The launch of a row kernel for arrays of certain dtypes, shapes and strides."""

    def __init__(self, ndarray: type, function: Any, places: np.ndarray, shapes: list[tuple[int, ...]],
                 variant: row_source.RowVariant, blocks: int, scratch: int):
        self.ndarray, self.function, self.places, self.shapes = ndarray, function, places, shapes
        self.result, self.compute, self.scratch = variant.result, variant.compute, scratch
        self.grid, self.block = (min(blocks, MOST_BLOCKS),), (variant.rows * variant.lanes,)

    def run(self, inputs: Sequence[Array], constants: Sequence[float]) -> list[Array]:
        outputs = [self.ndarray(shape, self.result) for shape in self.shapes]
        scratch = [self.ndarray((self.scratch,), self.compute)] if self.scratch else []
        self.function(self.grid, self.block, (self.places, *inputs, *map(float, constants), *outputs, *scratch))
        return outputs
