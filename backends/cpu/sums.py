"""Sums along any dimensions with the error of pairwise summation.

NumPy sums pairwise along the contiguous dimension only, and sequentially along all others: the sum of three million
rows of float32 is then wrong in its third digit.  Here rows are added in groups until few are left, which is also a
tree of additions.
"""

from __future__ import annotations

import functools
import math
from typing import Sequence

import numpy as np

FEW = 16  # rows that are added sequentially, as in the leaves of NumPy's pairwise sums
WIDE = 256  # elements of a row that make an inner loop of NumPy efficient
CHUNK = 1 << 17  # elements that fit in the second-level cache


def pairwise_sum(array: np.ndarray, axes: tuple[int, ...], keepdims: bool) -> np.ndarray:
    """The sum of a float array over `axes`, in its own dtype.

    >>> float(np.full((3_000_000, 2), 0.1, np.float32).sum(0)[0]) > 299_999  # one by one
    False
    >>> abs(float(pairwise_sum(np.full((3_000_000, 2), 0.1, np.float32), (0,), False)[0]) - 300_000) < 0.1
    True
    """
    steps, shape_after = _plan(array.shape, axes, keepdims)
    if not steps:
        # NumPy's annotations want `keepdims` as a literal.
        return np.asarray(np.add.reduce(array, axis=axes, keepdims=keepdims))  # type: ignore[call-overload]
    if not array.flags.c_contiguous:
        array, axes = _by_strides(array, axes)
        steps, _ = _plan(array.shape, axes, keepdims)
    reduced = array
    for before, count, after in steps:
        parts = reduced.reshape(before, count, after)
        reduced = np.add.reduce(parts[:, :, 0], 1) if after == 1 else _rows(parts)
    return reduced.reshape(shape_after)


@functools.lru_cache(1024)
def _plan(shape: tuple[int, ...], axes: tuple[int, ...],
          keepdims: bool) -> tuple[Sequence[tuple[int, int, int]], tuple[int, ...]]:
    """The sum over `axes` as sums over the middle one of three dimensions, and the shape of the result.

    There are no such steps if NumPy's own sum is as accurate.
    """
    shape_after = tuple([1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes])
    if math.prod(shape[i] for i in axes) <= FEW or 0 in shape:
        return (), shape_after
    steps, sizes = [], list(shape)
    for start, stop in reversed(_runs(axes)):  # innermost first, which leaves the least for the others
        steps.append((math.prod(sizes[:start]), math.prod(sizes[start:stop]), math.prod(sizes[stop:])))
        sizes[start:stop] = [1] * (stop - start)
    return steps, shape_after


def _by_strides(array: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    """The array with its dimensions in memory order if this keeps the remaining ones in order, else a copy."""
    order = sorted(range(array.ndim), key=lambda i: (-abs(array.strides[i]), i))
    if [i for i in order if i not in axes] != [i for i in range(array.ndim) if i not in axes]:
        return np.ascontiguousarray(array), axes
    moved = np.ascontiguousarray(array.transpose(order))
    return moved, tuple(sorted(order.index(i) for i in axes))


def _runs(axes: tuple[int, ...]) -> list[tuple[int, int]]:
    """Runs of adjacent dimensions as (start, stop)."""
    runs: list[tuple[int, int]] = []
    for axis in sorted(axes):
        if runs and runs[-1][1] == axis:
            runs[-1] = (runs[-1][0], axis + 1)
        else:
            runs.append((axis, axis + 1))
    return runs


def _rows(parts: np.ndarray) -> np.ndarray:
    """The sum along the middle one of three dimensions."""
    before, count, after = parts.shape
    if count <= FEW:
        total: np.ndarray = np.add.reduce(parts, 1)
        return total
    if after >= WIDE:
        return _rows(_fewer(parts, neighbours=True))
    chunk = max(2 * FEW, CHUNK // after)
    if count > chunk:
        return _rows(np.stack([_until_few(parts[:, i:i + chunk]) for i in range(0, count, chunk)], 1))
    step = max(1, chunk // count)  # several of `before` at a time
    if step >= before:
        return _until_few(parts)
    return np.concatenate([_until_few(parts[i:i + step]) for i in range(0, before, step)])


def _until_few(parts: np.ndarray) -> np.ndarray:
    while parts.shape[1] > FEW:
        parts = _fewer(parts, neighbours=False)
    total: np.ndarray = np.add.reduce(parts, 1)
    return total


def _fewer(parts: np.ndarray, neighbours: bool) -> np.ndarray:
    """Sums of groups of `FEW` rows.

    A group consists of neighbours, which is fast for long rows, or of one row from each sixteenth of the array, which
    makes long inner loops even for short rows.
    """
    before, count, after = parts.shape
    groups = count // FEW
    sizes, axis = ((groups, FEW), 2) if neighbours else ((FEW, groups), 1)
    sums: np.ndarray = np.add.reduce(parts[:, :FEW * groups].reshape(before, *sizes, after), axis)
    if count % FEW:
        sums[:, 0] += np.add.reduce(parts[:, FEW * groups:], 1)
    return sums
