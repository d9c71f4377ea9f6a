"""Launches elementwise kernels; launch parameters are cached by dtypes, shapes and strides."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, Sequence

import numpy as np

from ..base import Array
from ..formulas.cpp import identifier, output_dtypes
from ..formulas.dtypes import compute_and_result
from ..formulas.kernel import Kernel
from ..formulas.shapes import broadcast_shapes
from . import source
from .layout import broadcast_strides, joined, reach

MOST_BLOCKS = 2 ** 31 - 1
SHORT_INDEX = 2 ** 30  # up to this size indices are 32-bit: one step beyond the end must fit too
_MOST_REMEMBERED = 256  # the number of cached launches


class Launcher:
    """Runs one kernel on the arrays of one device, which must be the current one."""

    def __init__(self, kernel: Kernel, cupy: Any, compile: Callable[[str, str], Any]):
        self.kernel, self._cupy, self._compile = kernel, cupy, compile
        self._launches: dict[tuple[Any, ...], _Launch] = {}  # by dtypes, shapes and strides
        self._functions: dict[source.Variant, Any] = {}

    def run(self, inputs: Sequence[Any], constants: Sequence[float],
            outputs: Optional[list[Array]] = None) -> list[Any]:
        """The outputs; they are written to `outputs` if given, contiguous arrays of the right shape and dtype."""
        ndarray = self._cupy.ndarray
        key = tuple([(x.dtype.char, x.shape, x.strides) if isinstance(x, ndarray) else x.__class__ for x in inputs])
        launch = self._launches.get(key)
        if launch is None:
            if len(self._launches) >= _MOST_REMEMBERED:  # shapes keep changing
                self._launches.clear()
            launch = self._launches[key] = self._launch(inputs)
        return launch.run(inputs, constants, outputs)

    def _launch(self, inputs: Sequence[Any]) -> "_Launch":
        arrays = [x if isinstance(x, self._cupy.ndarray) else None for x in inputs]
        shape = broadcast_shapes(*[array.shape for array in arrays if array is not None])
        compute, result = compute_and_result(self.kernel, inputs)
        size = math.prod(shape)
        singles = [array is not None and array.size == 1 for array in arrays]
        varied = [array for array, is_single in zip(arrays, singles) if array is not None and not is_single]
        strided = first = None
        if not all(array.shape == shape and array.flags.c_contiguous for array in varied) and size:
            strided, first = _places(varied, shape, size)
        variant = source.Variant(compute, result, tuple([None if array is None else array.dtype for array in arrays]),
                                 tuple(singles), strided)
        return _Launch(self._cupy.ndarray, self.function(variant), variant, self.kernel, shape, first)

    def function(self, variant: source.Variant) -> Any:
        """The compiled function of a variant."""
        found = self._functions.get(variant)
        if found is None:
            text = source.source_of(self.kernel, variant)
            found = self._functions[variant] = self._compile(text, identifier(self.kernel))
        return found


def _places(arrays: Sequence[Array], shape: tuple[int, ...], size: int) -> tuple[tuple[int, str], np.ndarray]:
    """The parameters of the strided source, and its argument, the structure `places`."""
    dims, strides = joined(shape, [broadcast_strides(a.shape, a.strides, a.itemsize, shape) for a in arrays])
    is_short = max(size, *[reach(dims, steps) for steps in strides]) < SHORT_INDEX
    index = np.dtype(np.int32 if is_short else np.int64)
    flat = [size, *dims, *[step for steps in strides for step in steps]]
    return (len(dims), "int" if is_short else "long long"), as_structure(flat, index)


def as_structure(values: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Integers as one struct element, which CuPy passes to a kernel by value."""
    return np.array(values, dtype).view(np.dtype((np.void, dtype.itemsize * len(values)))).reshape(())


class _Launch:
    """The launch of a kernel for arrays of certain dtypes, shapes and strides."""

    def __init__(self, ndarray: type, function: Any, variant: source.Variant, kernel: Kernel, shape: tuple[int, ...],
                 places: Optional[np.ndarray]):
        self.ndarray, self.function, self.shape = ndarray, function, shape
        self.dtypes = output_dtypes(kernel, variant.result)
        size = math.prod(shape)
        self.is_empty = size == 0
        self.first = (size if places is None else places,)
        self.number = float if variant.compute.kind == "f" else int
        # The order of the kernel's parameters: numbers, constants, arrays, single elements, outputs.
        given = list(enumerate(zip(variant.dtypes, variant.singles)))
        self.arrays = [i for i, (dtype, single) in given if dtype is not None and not single]
        self.arrays += [i for i, (dtype, single) in given if dtype is not None and single]
        self.numbers = [i for i, (dtype, _) in given if dtype is None]
        self.grid, self.block = (blocks(size, source.THREADS * variant.pack(kernel)),), (source.THREADS,)

    def run(self, inputs: Sequence[Any], constants: Sequence[float], outputs: Optional[list[Array]]) -> list[Array]:
        if outputs is None:
            shape, ndarray = self.shape, self.ndarray
            outputs = [ndarray(shape, dtype) for dtype in self.dtypes]
        if not self.is_empty:
            arguments = (*self.first, *[self.number(inputs[i]) for i in self.numbers], *map(self.number, constants),
                         *[inputs[i] for i in self.arrays], *outputs)
            self.function(self.grid, self.block, arguments)
        return outputs


def is_apart(arrays: Sequence[Array], outputs: Sequence[Array]) -> bool:
    """Whether a kernel may write to `outputs` while it reads `arrays`.

    The outputs must be contiguous, and each must be one of the arrays or overlap none of them.
    """
    def is_plain(array: Array) -> bool:
        return array.shape == outputs[0].shape and array.flags.c_contiguous

    if not all(map(is_plain, outputs)) or len({output.data.ptr for output in outputs}) < len(outputs):
        return False
    ordered = sorted({(*bounds(array), is_plain(array)) for array in (*arrays, *outputs) if array.size})
    return all(end <= after[0] for (_, end, _), after in zip(ordered, ordered[1:]))


def bounds(array: Array) -> tuple[int, int]:
    """The lowest and highest address of an array's memory."""
    steps = [(n - 1) * stride for n, stride in zip(array.shape, array.strides)]
    start = array.data.ptr
    return start + sum(min(step, 0) for step in steps), start + sum(max(step, 0) for step in steps) + array.itemsize


def meets(a: Array, b: Array) -> bool:
    """Whether two arrays may have memory in common."""
    (first, end), (other, other_end) = bounds(a), bounds(b)
    return first < other_end and other < end and a.size > 0 and b.size > 0


def blocks(elements: int, of_each: int) -> int:
    """The number of thread blocks for `elements`, `of_each` for each block; threads loop if the limit is reached.

    >>> blocks(1024, 1024), blocks(1025, 1024), blocks(2 ** 45, 1024)
    (1, 2, 2147483647)
    """
    return max(1, min(-(-elements // of_each), MOST_BLOCKS))
