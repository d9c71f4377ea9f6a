"""How arrays of some shapes become rows of elements, and the outputs arrays again."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np


class RowLayout:
    """The layout of calls on arrays of `shapes`, which broadcast to `shape`, with rows along `dims`.

    `rows` rows have `count` elements each.  `kinds` says for each input whether it varies along the rows, and along the
    elements of a row.  `is_moved` where the rows do not lie in memory one after the other.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], dims: tuple[int, ...], shape: tuple[int, ...]):
        self.shape, self.dims = shape, dims
        self.order = [i for i in range(len(shape)) if i not in dims] + list(dims)
        self.is_moved = self.order != list(range(len(shape)))
        self.rows = math.prod(n for i, n in enumerate(shape) if i not in dims)
        self.count = math.prod(shape[i] for i in dims)
        self.targets = [self._target(given) for given in shapes]
        self.kinds = tuple([(rows > 1, elements > 1) for _, (rows, elements) in self.targets])
        # Inputs whose elements lie in memory as they are needed.
        self.fits = [not self.is_moved and math.prod(given) == rows * elements
                     for given, (_, (rows, elements)) in zip(shapes, self.targets)]

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

    def output_shape(self, is_row: bool, is_summed: bool) -> tuple[int, ...]:
        """That of an output as it is computed: of one number for each row, summed over the rows, or whole."""
        return tuple([1 if is_row and i in self.dims or is_summed and i not in self.dims else self.shape[i]
                      for i in self.order])

    def finished(self, output: np.ndarray) -> np.ndarray:
        """An output of such a shape with its dimensions in the call's order."""
        return np.ascontiguousarray(output.transpose(np.argsort(self.order))) if self.is_moved else output
