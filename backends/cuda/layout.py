"""Merges dimensions of arrays that can be traversed as one, so that kernels have as few as possible."""

from __future__ import annotations

from typing import Sequence

Shape = tuple[int, ...]


def joined(shape: Shape, strides: Sequence[Shape]) -> tuple[Shape, list[Shape]]:
    """`shape` and the strides of arrays of it, without dimensions of length 1, adjacent dimensions merged if possible.

    >>> joined((2, 3, 4), [(12, 4, 1), (12, 4, 1)])
    ((24,), [(1,), (1,)])
    >>> joined((2, 3, 4), [(12, 4, 1), (0, 0, 1)])
    ((6, 4), [(4, 1), (0, 1)])
    """
    kept: list[int] = []
    columns: list[Shape] = []
    for n, column in zip(shape, zip(*strides) if strides else [()] * len(shape)):
        if n == 1:
            continue
        if kept and all(outer == n * inner for outer, inner in zip(columns[-1], column)):
            kept[-1] *= n
            columns[-1] = column
        else:
            kept.append(n)
            columns.append(column)
    if not kept:
        kept, columns = [1], [(0,) * len(strides)]
    return tuple(kept), [tuple([column[a] for column in columns]) for a in range(len(strides))]


def broadcast_strides(array_shape: Shape, array_strides: Shape, itemsize: int, shape: Shape) -> Shape:
    """The strides, in elements, of an array broadcast to `shape`.

    >>> broadcast_strides((3, 1), (4, 4), 4, (2, 3, 5))
    (0, 1, 0)
    """
    padding = len(shape) - len(array_shape)
    own = [0 if n == 1 else stride // itemsize for n, stride in zip(array_shape, array_strides)]
    return (0,) * padding + tuple(own)


def reach(shape: Shape, strides: Shape) -> int:
    """The greatest distance, in elements, from the first element in either direction."""
    return sum((n - 1) * abs(stride) for n, stride in zip(shape, strides))
