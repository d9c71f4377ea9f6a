"""Maps arrays to matrices of (rows, elements), and outputs back to arrays."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np


class RowLayout:
    """The layout of calls on arrays of `shapes`, which broadcast to `shape`, with rows along `dims`.

    There are `rows` rows of `count` elements.  `kinds` says for each input whether it varies between rows, and within a
    row.  `is_moved` is True if the rows are not contiguous in memory.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], dims: tuple[int, ...], shape: tuple[int, ...]):
        self.shape, self.dims = shape, dims
        self.order = [i for i in range(len(shape)) if i not in dims] + list(dims)
        self.is_moved = self.order != list(range(len(shape)))
        self.inverse = sorted(range(len(shape)), key=self.order.__getitem__)
        self.rows = math.prod(n for i, n in enumerate(shape) if i not in dims)
        self.count = math.prod(shape[i] for i in dims)
        self.targets = [self._target(given) for given in shapes]
        self.kinds = tuple([(rows > 1, elements > 1) for _, (rows, elements) in self.targets])
        # Whether an input needs no copy if it is contiguous.
        self.fits = [not self.is_moved and math.prod(given) == rows * elements
                     for given, (_, (rows, elements)) in zip(shapes, self.targets)]

    def _target(self, given: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int]]:
        """The shape to which an input is broadcast, with the row dimensions last, and the same as (rows, elements).

        Either of these is 1 if the input does not vary along it.
        """
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

    def output_shape(self, is_row: bool, is_summed: bool) -> tuple[int, ...]:
        """The shape of an output as computed: one number for each row, summed over the rows, or full."""
        return tuple([1 if is_row and i in self.dims or is_summed and i not in self.dims else self.shape[i]
                      for i in self.order])

    def finished(self, output: np.ndarray) -> np.ndarray:
        """A computed output with its dimensions in the original order."""
        return np.ascontiguousarray(output.transpose(self.inverse)) if self.is_moved else output
