"""The unfused array expression: what a formula costs when NumPy or CuPy runs it call by call."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np

from gradcore.backends import Backend, Kernel
from gradcore.backends.formulas.expression import Apply, Literal, in_order
from gradcore.backends.formulas.special import TANH_CUBIC, TANH_SLOPE


class PlainNamespace:
    """The array library itself under the names that formulas use.

    It adds the few functions that NumPy and CuPy lack (`sigmoid`, `erf`, `normcdf`, its density and its tanh form), and
    keeps Python numbers in `where` from widening the dtype.
    """

    pi, e, inf, nan = np.pi, np.e, np.inf, np.nan

    def __init__(self, xp: Any, dtype: Any, erf: Callable):
        self._xp, self._type, self.erf = xp, np.dtype(dtype).type, erf

    @classmethod
    def of(cls, backend: Backend, dtype: Any) -> "PlainNamespace":
        return cls(getattr(backend.xp, "module", backend.xp), dtype, backend.erf)  # NumPy itself

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xp, {"round": "rint"}.get(name, name))

    def sigmoid(self, x: Any) -> Any:
        return 1.0 / (1.0 + self._xp.exp(-x))

    def normcdf(self, x: Any) -> Any:
        return 0.5 * (1.0 + self.erf(x * 0.7071067811865476))

    def normpdf(self, x: Any) -> Any:
        return self._xp.exp(-0.5 * (x * x)) * 0.3989422804014327

    def normcdf_tanh(self, x: Any) -> Any:
        return self.sigmoid(TANH_SLOPE * (x + TANH_CUBIC * (x * x * x)))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        if isinstance(condition, (bool, np.bool_)):  # from constants alone; CuPy's `where` takes arrays only
            condition = self._xp.asarray(condition)
        return self._xp.where(condition, *[self._type(v) if isinstance(v, (int, float)) else v for v in (a, b)])


def evaluate(kernel: Kernel, namespace: PlainNamespace, arrays: Sequence[Any], constants: Sequence[float]) -> list:
    """The outputs of `kernel`, one array call for each node of its expression, subexpressions shared."""
    values: dict[Any, Any] = dict(zip((*kernel.inputs, *kernel.constants), (*arrays, *constants)))
    for node in in_order(kernel.outputs):
        if isinstance(node, Literal):
            values[node] = node.value
        elif isinstance(node, Apply):
            values[node] = getattr(namespace, node.primitive.name)(*[values[arg] for arg in node.args])
    return [values[output] for output in kernel.outputs]
