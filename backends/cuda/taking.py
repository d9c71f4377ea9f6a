"""Elements by index arrays: one kernel, which gives NaN for a position that does not exist.

CuPy counts such a position from the other end, so that a wrong index goes unnoticed.  To look at the index first would
be a wait for the device.  Integers and booleans have no NaN: there it is the smallest number of their dtype.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np

from ..base import Array
from ..formulas.cpp import TYPES
from . import source
from .launcher import as_structure, blocks
from .layout import broadcast_strides, joined
from .prelude import PRELUDE
from .source import coordinates

_MISSING = {"f": "nan_of<float>()", "u": "0", "b": "false"}


class Taking:
    """Takes elements on one device, which must be the current one."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any]):
        self._cupy, self._compile = cupy, compile
        self._functions: dict[str, Any] = {}

    def takes(self, index: Any) -> bool:
        """Whether an index is of the kind that `take` is for."""
        parts = index if isinstance(index, tuple) else (index,)
        arrays = [part for part in parts if isinstance(part, self._cupy.ndarray)]
        return bool(arrays) and all(part.dtype.kind in "iu" for part in arrays) and all(
            part is None or part is Ellipsis or isinstance(part, (slice, self._cupy.ndarray)) for part in parts)

    def take(self, array: Array, index: Any) -> Array:
        """``array[index]`` for an index of arrays of integers, slices, None and Ellipsis."""
        parts = index if isinstance(index, tuple) else (index,)
        where = [i for i, part in enumerate(parts) if isinstance(part, self._cupy.ndarray)]
        indices = [parts[i] for i in where]
        view = array[tuple([slice(None) if i in where else part for i, part in enumerate(parts)])]
        at = _dims_of(where, parts, view.ndim)
        chosen = np.broadcast_shapes(*[part.shape for part in indices])
        rest = [i for i in range(view.ndim) if i not in at]
        is_together = where == list(range(where[0], where[-1] + 1))  # else their dimensions come first
        before = [i for i in rest if i < at[0]] if is_together else []
        after = [i for i in rest if i not in before]
        shape = (*[view.shape[i] for i in before], *chosen, *[view.shape[i] for i in after])
        result = self._cupy.ndarray(shape, array.dtype)
        if result.size:
            steps = [stride // view.itemsize for stride in view.strides]
            inner = (*[steps[i] for i in before], *[0] * len(chosen), *[steps[i] for i in after])
            places = [(*[0] * len(before), *broadcast_strides(part.shape, part.strides, part.itemsize, chosen),
                       *[0] * len(after)) for part in indices]
            self._launch(view, indices, shape, [inner, *places], [(view.shape[i], steps[i]) for i in at], result)
        return result

    def _launch(self, view: Array, indices: Sequence[Array], shape: tuple[int, ...], strides: list[tuple[int, ...]],
                indexed: list[tuple[int, int]], result: Array) -> None:
        dims, strides = joined(shape, strides)
        numbers = [result.size, *dims, *[step for steps in strides for step in steps]]
        numbers += [length for length, _ in indexed] + [step for _, step in indexed]
        text = text_of(view.dtype, [part.dtype for part in indices], len(dims))
        function = self._functions.get(text)
        if function is None:
            function = self._functions[text] = self._compile(text, "gradcore_take")
        grid = (blocks(result.size, source.THREADS),)
        function(grid, (source.THREADS,), (as_structure(numbers, np.dtype(np.int64)), view, *indices, result))


def _dims_of(where: Sequence[int], parts: Sequence[Any], ndim: int) -> list[int]:
    """The dimensions that the parts at `where` have in a view of `ndim`: each part but an ellipsis has one."""
    gap = ndim - sum(part is not Ellipsis for part in parts)
    ellipsis = [i for i, part in enumerate(parts) if part is Ellipsis]
    return [i + gap - 1 if ellipsis and i > ellipsis[0] else i for i in where]


def text_of(dtype: np.dtype, index_dtypes: Sequence[np.dtype], ndim: int) -> str:
    """The kernel for an array of `dtype` and so many dimensions of the result.

    >>> "nan_of" in text_of(np.dtype("float32"), [np.dtype("int64")], 1)
    True
    """
    kind, count = TYPES[str(dtype)], len(index_dtypes)
    missing = _MISSING.get(dtype.kind) or f"1ll << {8 * dtype.itemsize - 1}"
    place = " + ".join(f"at{dim} * where.{{0}}[{dim}]" for dim in range(ndim))
    lines = coordinates("i", "at", "where.shape", ndim)
    lines += [f"long long offset = {place.format('inner')};", "bool exists = true;"]
    for k in range(count):
        lines += [f"long long position{k} = (long long)index{k}[{place.format(f'places[{k}]')}];",
                  f"if (position{k} < 0) position{k} += where.length[{k}];",
                  f"exists = exists && position{k} >= 0 && position{k} < where.length[{k}];",
                  f"offset += position{k} * where.step[{k}];"]
    lines += [f"to[i] = exists ? from[offset] : ({kind})({missing});"]
    parameters = [f"const {TYPES[str(index)]}* index{k}" for k, index in enumerate(index_dtypes)]
    return "\n".join([
        PRELUDE + f"struct places {{ long long n, shape[{ndim}], inner[{ndim}], places[{count}][{ndim}], "
                  f"length[{count}], step[{count}]; }};",
        f'extern "C" __global__ void __launch_bounds__({source.THREADS}) gradcore_take(const places where, '
        f'const {kind}* from, {", ".join(parameters)}, {kind}* to) {{',
        "    using namespace gradcore;",
        "    const long long threads = (long long)gridDim.x * blockDim.x;",
        "    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < where.n; i += threads) {",
        *["        " + line for line in lines], "    }", "}", ""])
