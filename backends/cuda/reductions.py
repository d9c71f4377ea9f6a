"""Sums and extrema of floats along any dimensions, in an order that is always the same.

CuPy's own sums let each thread add up thousands of numbers one by one, and all of its reductions take numbers close to
zero for 0.  Here long rows are reduced in parts, whose results are reduced again: the error is that of pairwise sums.
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


class Reductions:
    """Reductions on one device, which must be the current one."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any]):
        def launcher(name: str) -> RowLauncher:
            return RowLauncher(Kernel(name, (_ELEMENTS,), (), (row(f"row_{name}", _ELEMENTS),)), cupy, compile, True)

        self._launcher = functools.cache(launcher)

    def reduce(self, name: str, array: Array, dims: tuple[int, ...], keepdims: bool) -> Array:
        """The "sum", "max" or "min" of a float array that is not empty, in its dtype; NaN where an element is."""
        kept = [1 if i in dims else n for i, n in enumerate(array.shape) if keepdims or i not in dims]
        (total,) = self._launcher(name).run([array], (), dims, array.shape)
        size = math.prod([n for i, n in enumerate(array.shape) if i not in dims])
        while total.size > size:
            (total,) = self._launcher(name).run([total], (), (0,), total.shape)
        return total.reshape(kept)
