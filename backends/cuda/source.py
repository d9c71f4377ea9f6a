"""The CUDA C++ source of an elementwise kernel; nothing here needs CuPy or a GPU.

There are two forms.  The flat one is for contiguous arrays of one shape: each thread processes packs of 16 bytes of the
widest array.  The strided one computes the offset of each element in each array.

Numbers are passed as double or long long and converted to the compute dtype on the device, so that overflow gives
infinity, as in arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Union

import numpy as np

from ..formulas.cpp import TYPES, function, identifier, output_dtypes
from ..formulas.dtypes import kernel_dtypes
from ..formulas.integers import fitted
from ..formulas.kernel import Kernel
from .prelude import FUNCTION, PACK_BYTES, PRELUDE

THREADS = 256  # of a block


@dataclass(frozen=True)
class Variant:
    """What determines a kernel's source beside its formula.

    `dtypes` are those of the inputs, with None for a Python number; `singles` says which inputs are arrays of one
    element.  `strided` is None for the flat form, else the number of dimensions and the index type.  `table` is the
    greatest number of calls in one launch, or 0 if it is a single call.
    """

    compute: np.dtype
    result: np.dtype
    dtypes: tuple[Optional[np.dtype], ...]
    singles: tuple[bool, ...]
    strided: Optional[tuple[int, str]] = None
    table: int = 0

    @classmethod
    def contiguous(cls, kernel: Kernel, dtype: Union[np.dtype, str]) -> "Variant":
        """The variant for contiguous arrays of one dtype and shape."""
        compute, result = kernel_dtypes(kernel, np.dtype(dtype))
        count = len(kernel.inputs)
        return cls(compute, result, (np.dtype(dtype),) * count, (False,) * count)

    def pack(self, kernel: Kernel) -> int:
        """The number of elements that a thread processes at once."""
        if self.strided is not None:
            return 1
        arrays = [dtype for dtype, is_single in zip(self.dtypes, self.singles) if dtype is not None and not is_single]
        return PACK_BYTES // max(dtype.itemsize for dtype in arrays + output_dtypes(kernel, self.result))


def source(kernel: Kernel, dtype: Union[np.dtype, str]) -> str:
    """The complete CUDA C++ of `kernel` for contiguous arrays of `dtype`.

    >>> from gradcore.backends import Kernel
    >>> print(source(Kernel.of_primitive("abs"), "float16")[len(PRELUDE):])
    namespace gradcore {
    using real = float;
    static __device__ inline void element(const float16 in0, float16& out0) {
        const real x0 = in0;
        const real v0 = absolute(x0);
        out0 = v0;
    }
    }
    extern "C" __global__ void __launch_bounds__(256) gradcore_abs(const long long n, const float16* array_in0, \
float16* array_out0) {
        using namespace gradcore;
        const bool aligned = is_aligned<8>(array_in0) && is_aligned<8>(array_out0);
        const long long step = (long long)gridDim.x * blockDim.x * 8;
        for (long long i = ((long long)blockIdx.x * blockDim.x + threadIdx.x) * 8; i < n; i += step) {
            const int count = n - i < 8 ? int(n - i) : 8;
            const bool at_once = aligned && count == 8;
            pack<float16, 8> pack_in0;
            load(pack_in0, array_in0 + i, at_once, count);
            pack<float16, 8> pack_out0;
            #pragma unroll
            for (int j = 0; j < 8; ++j) element(pack_in0.at[j], pack_out0.at[j]);
            store(array_out0 + i, pack_out0, at_once, count);
        }
    }
    <BLANKLINE>
    """
    return source_of(kernel, Variant.contiguous(kernel, dtype))


def source_of(kernel: Kernel, variant: Variant) -> str:
    """The complete CUDA C++ of `kernel` in one of its variants."""
    text = _Text(fitted(kernel, variant.compute), variant)
    if variant.table:
        return PRELUDE + text.element() + text.of_table()
    return PRELUDE + text.element() + (text.flat() if variant.strided is None else text.strided(*variant.strided))


class _Text:
    """The parts of a source: `arrays` are read for each element, `singles` once, and `numbers` are passed by value."""

    def __init__(self, kernel: Kernel, variant: Variant):
        self.kernel, self.variant, self.name, self.pack = kernel, variant, identifier(kernel), variant.pack(kernel)
        self.real = TYPES[str(variant.compute)]
        self.number = "double" if variant.compute.kind == "f" else "long long"
        named = [(f"in{i}", dtype, single) for i, (dtype, single) in enumerate(zip(variant.dtypes, variant.singles))]
        self.arrays = [(name, TYPES[str(dtype)]) for name, dtype, single in named if dtype is not None and not single]
        self.singles = [(name, TYPES[str(dtype)]) for name, dtype, single in named if dtype is not None and single]
        self.numbers = [name for name, dtype, _ in named if dtype is None]
        self.numbers += [f"c{i}" for i in range(len(kernel.constants))]
        self.outputs = [(f"out{i}", TYPES[str(dtype)])
                        for i, dtype in enumerate(output_dtypes(kernel, variant.result))]

    def element(self) -> str:
        """The function that computes one element."""
        given = [f"const {kind} {name}" for name, kind in self.arrays + self.singles]
        given += [f"const real {name}" for name in self.numbers] + [f"{kind}& {name}" for name, kind in self.outputs]
        return "\n".join(["namespace gradcore {", f"using real = {self.real};",
                          function(self.kernel, "element", given, FUNCTION, self.number != "double"), "}", ""])

    def _head(self, first: str) -> list[str]:
        """The head of the kernel, whose arrays are parameters or entries of the table."""
        arrays = [(name, f"const {kind}*") for name, kind in self.arrays + self.singles]
        arrays += [(name, f"{kind}*") for name, kind in self.outputs]
        parameters = [first] + [f"const {self.number} number_{name}" for name in self.numbers]
        table = []
        if self.variant.table:
            table = ["int which = 0;",
                     "while (which + 1 < all.count && all.first[which + 1] <= blockIdx.x) ++which;",
                     *[f"{kind} array_{name} = ({kind})all.at[which][{i}];" for i, (name, kind) in enumerate(arrays)]]
        else:
            parameters += [f"{kind} array_{name}" for name, kind in arrays]
        return [f'extern "C" __global__ void __launch_bounds__({THREADS}) {self.name}({", ".join(parameters)}) {{',
                "    using namespace gradcore;", *[f"    {line}" for line in table],
                *[f"    const {kind} {name} = array_{name}[0];" for name, kind in self.singles],
                *[f"    const real {name} = real(number_{name});" for name in self.numbers]]

    def _call(self, arrays: Sequence[str], outputs: Sequence[str]) -> str:
        given = [*arrays, *[name for name, _ in self.singles], *self.numbers, *outputs]
        return f"element({', '.join(given)});"

    def _loop(self, begin: str, step: str) -> list[str]:
        """A loop over packs of contiguous arrays of `n` elements, from element `begin`."""
        size, both = self.pack, self.arrays + self.outputs
        call = self._call([f"pack_{name}.at[j]" for name, _ in self.arrays],
                          [f"pack_{name}.at[j]" for name, _ in self.outputs])
        loop = [f"const int count = n - i < {size} ? int(n - i) : {size};",
                f"const bool at_once = aligned && count == {size};"]
        for name, kind in self.arrays:
            loop += [f"pack<{kind}, {size}> pack_{name};", f"load(pack_{name}, array_{name} + i, at_once, count);"]
        loop += [f"pack<{kind}, {size}> pack_{name};" for name, kind in self.outputs]
        loop += ["#pragma unroll", f"for (int j = 0; j < {size}; ++j) {call}"]
        loop += [f"store(array_{name} + i, pack_{name}, at_once, count);" for name, _ in self.outputs]
        return [f"    const bool aligned = {' && '.join(f'is_aligned<{size}>(array_{name})' for name, _ in both)};",
                f"    const long long step = {step};", f"    for (long long i = {begin}; i < n; i += step) {{",
                *[f"        {line}" for line in loop], "    }", "}", ""]

    def flat(self) -> str:
        """The kernel for contiguous arrays."""
        begin = f"((long long)blockIdx.x * blockDim.x + threadIdx.x) * {self.pack}"
        return "\n".join([*self._head("const long long n"),
                          *self._loop(begin, f"(long long)gridDim.x * blockDim.x * {self.pack}")])

    def of_table(self) -> str:
        """The kernel for several calls on contiguous arrays, given by a table; each call has its own blocks."""
        calls, arrays = self.variant.table, len(self.arrays + self.singles + self.outputs)
        begin = f"((blockIdx.x - all.first[which]) * blockDim.x + threadIdx.x) * {self.pack}"
        return "\n".join([
            f"struct table {{ long long count, first[{calls}], blocks[{calls}], n[{calls}], at[{calls}][{arrays}]; }};",
            *self._head("const table all"), "    const long long n = all.n[which];",
            *self._loop(begin, f"all.blocks[which] * blockDim.x * {self.pack}")])

    def strided(self, ndim: int, index: str) -> str:
        """The kernel for arrays of any strides, with `ndim` dimensions."""
        arrays = range(len(self.arrays))
        sums = [" + ".join(f"at{dim} * where.strides[{a}][{dim}]" for dim in range(ndim)) for a in arrays]
        call = self._call([f"array_{name}[{sums[a]}]" for a, (name, _) in enumerate(self.arrays)],
                          [f"array_{name}[i]" for name, _ in self.outputs])
        return "\n".join([
            f"struct places {{ {index} n, shape[{ndim}], strides[{max(1, len(arrays))}][{ndim}]; }};",
            *self._head("const places where"),
            f"    const {index} step = ({index})gridDim.x * blockDim.x;",
            f"    for ({index} i = ({index})blockIdx.x * blockDim.x + threadIdx.x; i < where.n; i += step) {{",
            *[f"        {line}" for line in [*coordinates("i", "at", "where.shape", ndim, index), call]],
            "    }", "}", ""])


def coordinates(place: str, names: str, shape: str, ndim: int, index: str = "long long") -> list[str]:
    """Statements that compute the coordinates (`names` with a number) of the flat index `place` in an array of `shape`.

    >>> coordinates("i", "at", "shape", 1)
    ['long long at_left = i;', 'const long long at0 = at_left;']
    """
    lines = [f"{index} {names}_left = {place};"]
    for dim in reversed(range(1, ndim)):
        lines += [f"const {index} {names}{dim} = {names}_left % {shape}[{dim}];", f"{names}_left /= {shape}[{dim}];"]
    return [*lines, f"const {index} {names}0 = {names}_left;"]
