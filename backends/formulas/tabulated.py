"""Functions of float32 by a table: the value at the nearest point of a grid, and a short series from there.

Gathering from a table costs NumPy less than evaluating a polynomial that covers all numbers, and rounds less: nearly
all of the result comes from the table, so that one unit in the last place is lost, and two where it is small.  See
P. T. P. Tang, "Table-Lookup Algorithms for Elementary Functions and Their Error Analysis", ARITH-10 (1991).
"""

from __future__ import annotations

from typing import Callable, Optional

import numpy as np

Array = np.ndarray
Series = Callable[[Array, Array], None]

_STEPS = 256  # of the grid, to 1
# The numbers around this one are the multiples of 1 / _STEPS: adding it rounds, and shows the point's number.
_ROUNDER = np.array(1.5 * 2.0 ** 23 / _STEPS, np.float32)
_BLOCK = 1 << 14  # elements at a time: enough to make up for a dozen NumPy calls, and few enough for the cache


class Tabulated:
    """A function of float32 numbers that is constant outside of first...last.

    value(x + d) = value(x) + slope(x) * s, where series(x, d) writes s over x; d may be overwritten, too.
    """

    def __init__(self, first: float, last: float, value: Callable[[Array], Array], slope: Callable[[Array], Array],
                 series: Series):
        grid = np.arange(round(first * _STEPS), round(last * _STEPS) + 1) / _STEPS
        # As zero-dimensional arrays, the operands that take NumPy the least time.
        self.first, self.last = np.array(first, np.float32), np.array(last, np.float32)
        self.zeroth = np.array(_ROUNDER + self.first).view(np.int32)
        self.series = series
        with np.errstate(under="ignore"):
            self.values = _as_long_as_a_power_of_two(value(grid))
            self.slopes = _as_long_as_a_power_of_two(slope(grid))
        self.mask = np.array(self.values.size - 1, np.int32)

    def __call__(self, x: Array, out: Optional[Array] = None) -> Array:
        """The function of every element, for float32 arrays; `out` may be the memory of `x`."""
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
        bits = number.view(np.int32)
        x.clip(self.first, self.last, out=d)
        np.add(d, _ROUNDER, out=number)
        np.subtract(number, _ROUNDER, out=near)  # the nearest point
        np.subtract(bits, self.zeroth, out=bits)
        np.bitwise_and(bits, self.mask, out=bits)  # NaN is taken to be somewhere; its series is NaN
        np.copyto(places, bits)
        np.subtract(d, near, out=d)  # without rounding, as both are multiples of the last place of x
        self.series(near, d)
        self.slopes.take(places, out=number, mode="wrap")  # the quickest, where nothing is to be wrapped
        np.multiply(number, near, out=number)
        self.values.take(places, out=out, mode="wrap")
        np.add(out, number, out=out)


def _as_long_as_a_power_of_two(values: Array) -> Array:
    """The values, and zeros behind them."""
    table = np.zeros(1 << (values.size - 1).bit_length(), np.float32)
    table[:values.size] = values
    return table
