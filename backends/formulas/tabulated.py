"""float32 functions by table lookup: the value at the nearest grid point, and a short Taylor series from there.

In NumPy, gathering from a table is faster than evaluating a polynomial for the whole range, and it is more accurate:
nearly all of the result comes from the table, so the error is one unit in the last place, or two for small results.
See P. T. P. Tang, "Table-Lookup Algorithms for Elementary Functions and Their Error Analysis", ARITH-10 (1991).
"""

from __future__ import annotations

import functools
from typing import Callable, Optional

import numpy as np

from .quiet import quietly

Array = np.ndarray

_STEPS = 2048  # grid points per unit: fine enough for a series of two terms
# Floats of this size are the multiples of 1 / _STEPS, so adding it rounds to the grid and gives the point's index.
_ROUNDER = np.array(1.5 * 2.0 ** 23 / _STEPS, np.float32)
_BLOCK = 1 << 15  # elements at a time: enough to amortize a dozen NumPy calls, few enough for the cache


class Tabulated:
    """A float32 function f that is constant outside [first, last] and has f''(x) = -2 bend x f'(x).

    Integrals of exp(-bend x^2) are such functions: value(x + d) = value(x) + slope(x) (d - bend x d^2).
    """

    def __init__(self, first: float, last: float, value: Callable[[Array], Array], slope: Callable[[Array], Array],
                 bend: float):
        # Zero-dimensional arrays: NumPy's functions accept them faster than numbers.
        self.first, self.last = np.array(first, np.float32), np.array(last, np.float32)
        self.value, self.slope, self.bend = value, slope, bend
        self.inverse = np.array(1.0 / bend, np.float32)

    @functools.cached_property
    def tables(self) -> tuple[Array, Array, Array]:
        """The values and -bend times the slopes, indexed by the lowest bits of a point's number, and a mask of these
        bits; computed on first use."""
        numbers = np.arange(round(float(self.first) * _STEPS), round(float(self.last) * _STEPS) + 1)
        mask = (1 << (numbers.size - 1).bit_length()) - 1
        grid, places = numbers / _STEPS, (_ROUNDER.view(np.int32) + numbers) & mask
        values, slopes = np.zeros((2, mask + 1), np.float32)

        def fill() -> None:
            values[places] = self.value(grid)
            slopes[places] = -self.bend * self.slope(grid)

        quietly(fill)  # both underflow
        return values, slopes, np.array(mask, np.int32)

    def __call__(self, x: Array, out: Optional[Array] = None) -> Array:
        """The function of every element, for float32 arrays; `out` may share memory with `x`."""
        given = np.ascontiguousarray(x).reshape(-1)
        direct = out is not None and out.flags.c_contiguous and out.shape == x.shape
        result = out.reshape(-1) if out is not None and direct else np.empty_like(given)
        d, near, number = np.empty((3, min(given.size, _BLOCK)), np.float32)
        places = np.empty(d.size, np.intp)
        for low in range(0, given.size, _BLOCK):
            block = given[low:low + _BLOCK]
            n = block.size
            self._run(block, d[:n], near[:n], number[:n], places[:n], result[low:low + _BLOCK])
        if out is None:
            return result.reshape(x.shape)[()]
        if not direct:
            out[...] = result.reshape(x.shape)
        return out

    def _run(self, x: Array, d: Array, near: Array, number: Array, places: Array, out: Array) -> None:
        values, slopes, mask = self.tables
        bits = number.view(np.int32)
        x.clip(self.first, self.last, out=d)
        np.add(d, _ROUNDER, out=number)
        np.subtract(number, _ROUNDER, out=near)  # the nearest point
        np.bitwise_and(bits, mask, out=bits)  # NaN has some index; its series is NaN
        np.copyto(places, bits)
        np.subtract(d, near, out=d)  # exact: both are multiples of the last place of x
        np.multiply(near, d, out=near)
        np.subtract(near, self.inverse, out=near)
        np.multiply(near, d, out=near)
        slopes.take(places, out=number, mode="wrap")  # the fastest mode; no index is out of range
        np.multiply(number, near, out=number)
        values.take(places, out=out, mode="wrap")
        np.add(out, number, out=out)
