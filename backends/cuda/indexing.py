"""Indexing with index arrays: a kernel each to gather elements, to assign to them, and to add to them.

CuPy wraps indices that are out of range, so errors go unnoticed, and checking an index first would wait for the device.
Here reading such an element gives NaN (for integers and booleans, the smallest number of the dtype).  Writes to it are
skipped and set a flag in host memory, which is checked whenever the host has waited for the device.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

import numpy as np

from ..base import Array
from ..formulas.cpp import TYPES
from ..formulas.shapes import broadcast_shapes
from . import source
from .launcher import as_structure, blocks, meets
from .layout import broadcast_strides, joined
from .prelude import PRELUDE, on_device
from .source import coordinates

_MISSING = {"f": "nan_of<float>()", "u": "0", "b": "false"}

# Several threads may add to one element.  Elements of fewer than 32 bits are updated within a 32-bit word.
_ADDING = on_device("""\
FN void add_to(float* to, float x) { atomicAdd(to, x); }
FN void add_to(double* to, double x) { atomicAdd(to, x); }
FN void add_to(int* to, int x) { atomicAdd(to, x); }
FN void add_to(unsigned int* to, unsigned int x) { atomicAdd(to, x); }
FN void add_to(unsigned long long* to, unsigned long long x) { atomicAdd(to, x); }
FN void add_to(long long* to, long long x) { atomicAdd((unsigned long long*)to, (unsigned long long)x); }
FN void add_to(bool* to, bool x) { if (x) *to = true; }
template <class T> FN void add_to(T* to, T x) {
    unsigned int* const word = (unsigned int*)((size_t)to / 4 * 4);
    union { unsigned int whole; T parts[4 / sizeof(T)]; } before, after;
    unsigned int seen = *word;
    do {
        before.whole = after.whole = seen;
        T& part = after.parts[(size_t)to % 4 / sizeof(T)];
        part = T(part + x);
        seen = atomicCAS(word, before.whole, after.whole);
    } while (seen != before.whole);
}
""")


class Indexing:
    """Gathers and scatters elements on one device, which must be the current one."""

    def __init__(self, cupy: Any, compile: Callable[[str, str], Any], pinned: Callable[..., np.ndarray]):
        self._cupy, self._compile = cupy, compile
        self._functions: dict[tuple[Any, ...], Any] = {}
        self._missed = pinned((1,), np.int32)  # CUDA devices access pinned memory at its host address
        self._missed[...] = 0
        self._address = np.uint64(self._missed.__array_interface__["data"][0])

    def has_missed(self) -> bool:
        """Whether completed work has written to an index out of range; resets the flag."""
        if not self._missed[0]:
            return False
        self._missed[...] = 0
        return True

    def is_for(self, index: Any) -> bool:
        """Whether these kernels support an index: arrays of integers, with slices, None and Ellipsis."""
        parts = index if isinstance(index, tuple) else (index,)
        arrays = [part for part in parts if isinstance(part, self._cupy.ndarray)]
        return bool(arrays) and all(part.dtype.kind in "iu" for part in arrays) and all(
            part is None or part is Ellipsis or isinstance(part, (slice, self._cupy.ndarray)) for part in parts)

    def take(self, array: Array, index: Any) -> Array:
        """``array[index]``."""
        named = _Named(array, index, self._cupy.ndarray)
        result = self._cupy.ndarray(named.shape, array.dtype)
        self._launch("take", named, result)
        return result

    def put(self, array: Array, index: Any, value: Any, adds: bool = False) -> None:
        """``array[index] = value``, or `value`, an array or a NumPy number, added there."""
        named = _Named(array, index, self._cupy.ndarray)
        if isinstance(value, self._cupy.ndarray):
            value = value.astype(array.dtype, copy=False)
            if meets(array, value):
                value = value.copy()  # it must be read before it is overwritten
        self._launch("add" if adds else "put", named, value)

    def _launch(self, action: str, named: "_Named", other: Any) -> None:
        if not named.size:
            return
        is_read = action != "take" and isinstance(other, self._cupy.ndarray)
        strides = [*named.strides, *[named.strides_of(other)] * is_read]
        dims, strides = joined(named.shape, strides)
        numbers = [named.size, *dims, *[step for steps in strides for step in steps]]
        numbers += [length for length, _ in named.indexed] + [step for _, step in named.indexed]
        dtypes = [part.dtype for part in named.indices]
        key = (action, is_read, len(dims), named.view.dtype.char, *[dtype.char for dtype in dtypes])
        function = self._functions.get(key)
        if function is None:
            text = text_of(action, named.view.dtype, dtypes, len(dims), is_read)
            function = self._functions[key] = self._compile(text, f"gradcore_{action}")
        function((blocks(named.size, source.THREADS),), (source.THREADS,), (
            as_structure(numbers, np.dtype(np.int64)), named.view, *named.indices, other,
            *[self._address] * (action != "take")))


class _Named:
    """The elements of an array that an index selects: their shape, and the location of each.

    `strides` holds, for each dimension of the shape, the stride in the array without indexed dimensions, and then the
    stride in each index array.  `indexed` holds the length and the stride of each indexed dimension.
    """

    def __init__(self, array: Array, index: Any, ndarray: type):
        parts = index if isinstance(index, tuple) else (index,)
        where = [i for i, part in enumerate(parts) if isinstance(part, ndarray)]
        self.indices = indices = [parts[i] for i in where]
        self.view = view = array[tuple([slice(None) if i in where else part for i, part in enumerate(parts)])]
        at = _dims_of(where, parts, view.ndim)
        chosen = broadcast_shapes(*[part.shape for part in indices])
        rest = [i for i in range(view.ndim) if i not in at]
        is_together = where == list(range(where[0], where[-1] + 1))  # otherwise their dimensions come first
        before = [i for i in rest if i < at[0]] if is_together else []
        after = [i for i in rest if i not in before]
        self.shape = (*[view.shape[i] for i in before], *chosen, *[view.shape[i] for i in after])
        self.size = math.prod(self.shape)
        steps = [stride // view.itemsize for stride in view.strides]
        inner = (*[steps[i] for i in before], *[0] * len(chosen), *[steps[i] for i in after])
        self.strides = [inner]
        for part in indices:
            own = broadcast_strides(part.shape, part.strides, part.itemsize, chosen)
            self.strides.append((*[0] * len(before), *own, *[0] * len(after)))
        self.indexed = [(view.shape[i], steps[i]) for i in at]

    def strides_of(self, value: Array) -> tuple[int, ...]:
        """The strides of an array that broadcasts to the shape of the selected elements."""
        extra = max(0, value.ndim - len(self.shape))  # without leading dimensions of length 1
        shape, strides = value.shape[extra:], value.strides[extra:]
        fits = all(n in (1, own) for n, own in zip(reversed(shape), reversed(self.shape)))
        if not fits or math.prod(value.shape[:extra]) != 1:
            raise ValueError(f"an array of shape {value.shape} does not broadcast to shape {self.shape}")
        return broadcast_strides(shape, strides, value.itemsize, self.shape)


def _dims_of(where: Sequence[int], parts: Sequence[Any], ndim: int) -> list[int]:
    """The dimensions of the parts at `where` in a view of `ndim` dimensions; each part except an ellipsis has one."""
    gap = ndim - sum(part is not Ellipsis for part in parts)
    ellipsis = [i for i, part in enumerate(parts) if part is Ellipsis]
    return [i + gap - 1 if ellipsis and i > ellipsis[0] else i for i in where]


def text_of(action: str, dtype: np.dtype, index_dtypes: Sequence[np.dtype], ndim: int, reads: bool = False) -> str:
    """The kernel of "take", "put" or "add" for an array of `dtype` and `ndim` dimensions of selected elements.

    With `reads` the values written come from another array, else they are one number.

    >>> "nan_of" in text_of("take", np.dtype("float32"), [np.dtype("int64")], 1)
    True
    """
    kind, count = TYPES[str(dtype)], len(index_dtypes)

    def place(steps: str) -> str:
        return " + ".join(f"at{dim} * where.{steps}[{dim}]" for dim in range(ndim))

    lines = coordinates("i", "at", "where.shape", ndim)
    lines += [f"long long offset = {place('inner')};", "bool exists = true;"]
    for k in range(count):
        lines += [f"long long position{k} = (long long)index{k}[{place(f'places[{k}]')}];",
                  f"if (position{k} < 0) position{k} += where.length[{k}];",
                  f"exists = exists && position{k} >= 0 && position{k} < where.length[{k}];",
                  f"offset += position{k} * where.step[{k}];"]
    if action == "take":
        missing = _MISSING.get(dtype.kind) or f"1ll << {8 * dtype.itemsize - 1}"
        lines += [f"other[i] = exists ? array[offset] : ({kind})({missing});"]
    else:
        other = f"other[{place('other')}]" if reads else "other"
        write = f"array[offset] = {other};" if action == "put" else f"add_to(array + offset, {other});"
        lines += ["if (!exists) *missed = 1;", f"else {write}"]
    parameters = [f"{kind}* array", *[f"const {TYPES[str(index)]}* index{k}" for k, index in enumerate(index_dtypes)],
                  f"{kind}{'*' * (reads or action == 'take')} other", *["int* missed"] * (action != "take")]
    of_other = f", other[{ndim}]" * reads
    return "\n".join([
        PRELUDE + _ADDING * (action == "add")
        + f"struct places {{ long long n, shape[{ndim}], inner[{ndim}], places[{count}][{ndim}]{of_other}, "
          f"length[{count}], step[{count}]; }};",
        f'extern "C" __global__ void __launch_bounds__({source.THREADS}) gradcore_{action}(const places where, '
        f'{", ".join(parameters)}) {{',
        "    using namespace gradcore;",
        "    const long long threads = (long long)gridDim.x * blockDim.x;",
        "    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < where.n; i += threads) {",
        *["        " + line for line in lines], "    }", "}", ""])
