"""Sums and extrema of floats along any dimensions, in a fixed order.

In CuPy's own sums each thread adds thousands of numbers sequentially, and its reductions flush subnormal numbers to 0.
Here long rows are reduced in parts, whose results are reduced again: the error is that of pairwise summation.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Callable

from ..base import Array
from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.rows import row
from .row_launcher import RowLauncher

_ELEMENTS = Symbol.array("x")


def kernel_of(name: str) -> Kernel:
    """The row kernel of "sum", "max" or "min"."""
    return Kernel(name, (_ELEMENTS,), (), (row(f"row_{name}", _ELEMENTS),))


class Reductions:
    """Reductions on one device, which must be the current one."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any]):
        def launcher(name: str) -> RowLauncher:
            return RowLauncher(kernel_of(name), cupy, compile, True)

        self._launcher = functools.cache(launcher)

    def reduce(self, name: str, array: Array, dims: tuple[int, ...], keepdims: bool) -> Array:
        """The "sum", "max" or "min" of a non-empty float array, in its dtype; NaN propagates."""
        kept = [1 if i in dims else n for i, n in enumerate(array.shape) if keepdims or i not in dims]
        (total,) = self._launcher(name).run([array], (), dims, array.shape)
        size = math.prod([n for i, n in enumerate(array.shape) if i not in dims])
        while total.size > size:
            (total,) = self._launcher(name).run([total], (), (0,), total.shape)
        return total.reshape(kept)
