"""Sums along any dimensions, with the error of pairwise summation, in an order that is always the same.

CuPy's own let each thread add up thousands of numbers one by one.  Here long rows are sums of parts, whose sums are
summed again.
"""

from __future__ import annotations

from typing import Any, Callable

from ..base import Array
from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.rows import row
from .row_launcher import RowLauncher

_ELEMENTS = Symbol.array("x")


class Sums:
    """Sums on one device, which must be the current one."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any]):
        total = Kernel("sum", (_ELEMENTS,), (), (row("row_sum", _ELEMENTS),))
        self._launcher = RowLauncher(total, cupy, compile, in_parts=True)

    def sum(self, array: Array, dims: tuple[int, ...], keepdims: bool) -> Array:
        """The sum of a float array that is not empty, in its dtype."""
        kept = [1 if i in dims else n for i, n in enumerate(array.shape) if keepdims or i not in dims]
        (total,) = self._launcher.run([array], (), dims, array.shape)
        size = array.size
        for i in dims:
            size //= array.shape[i]
        while total.size > size:
            (total,) = self._launcher.run([total], (), (0,), total.shape)
        return total.reshape(kept)
