"""The CUDA C++ of a kernel as text; nothing here needs CuPy or a GPU.

>>> from gradcore.backends import Kernel
>>> print(parts(Kernel.of_primitive("abs"), np.dtype("float32"), np.dtype("float16"), [np.dtype("float16")]).operation)
using namespace gradcore;
using real = float;
const real x0 = in0;
const real v0 = absolute(x0);
out0 = v0;
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Optional, Sequence, Union

import numpy as np

from ..formulas.cpp import HELPERS, TYPES, body, identifier, output_dtypes
from ..formulas.dtypes import kernel_dtypes
from ..formulas.kernel import Kernel

# The formula is computed as it is written, so that the CPU and the GPU agree: no a * b + c with one rounding.
OPTIONS = ("--fmad=false",)

# CUDA's normcdff may be 5 units in the last place off, so that a product with it, as in gelu, could be more.
_NORMCDF = """
FN double normcdf_of(double x) { return normcdf(x); }
FN float normcdf_of(float x) { return float(normcdf(double(x))); }
"""
PREAMBLE = "namespace gradcore {\n" + (HELPERS + _NORMCDF).replace("FN ", "static __device__ inline ") + "}\n"

# Half-precision numbers for a source that stands alone; CuPy has its own class of this name.
_FLOAT16 = """\
struct float16 {
    unsigned short bits;
    __device__ float16(float x) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x)); }
    __device__ operator float() const { float x; asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits)); return x; }
};
"""


@dataclass(frozen=True)
class ElementwiseParts:
    """The arguments of CuPy's `ElementwiseKernel`."""

    in_params: str
    out_params: str
    operation: str
    preamble: str
    name: str


def parts(kernel: Kernel, compute: np.dtype, result: np.dtype,
          dtypes: Sequence[Optional[np.dtype]]) -> ElementwiseParts:
    """`kernel` for inputs of these dtypes, where None stands for a plain number."""
    inputs = [f"{compute if dtype is None else dtype} in{i}" for i, dtype in enumerate(dtypes)]
    constants = [f"{compute} c{i}" for i in range(len(kernel.constants))]
    outputs = [f"{dtype} out{i}" for i, dtype in enumerate(output_dtypes(kernel, result))]
    return ElementwiseParts(", ".join(inputs + constants), ", ".join(outputs), _operation(kernel, compute), PREAMBLE,
                            identifier(kernel))


def _operation(kernel: Kernel, compute: np.dtype) -> str:
    return f"using namespace gradcore;\nusing real = {TYPES[str(compute)]};\n{body(kernel)}"


def source(kernel: Kernel, dtype: Union[np.dtype, str]) -> str:
    """The complete CUDA C++ of `kernel` for inputs of `dtype`: contiguous arrays of `n` elements each."""
    dtype = np.dtype(dtype)
    return source_of(kernel, *kernel_dtypes(kernel, dtype), (dtype,) * len(kernel.inputs))


def source_of(kernel: Kernel, compute: np.dtype, result: np.dtype, dtypes: Sequence[Optional[np.dtype]]) -> str:
    """As `source`, for inputs whose dtypes differ; None stands for a plain number."""
    numbers = [(f"in{i}", compute) for i, dtype in enumerate(dtypes) if dtype is None]
    numbers += [(f"c{i}", compute) for i in range(len(kernel.constants))]
    arrays = [(f"in{i}", dtype) for i, dtype in enumerate(dtypes) if dtype is not None]
    outputs = [(f"out{i}", dtype) for i, dtype in enumerate(output_dtypes(kernel, result))]
    parameters = ["const long long n"]
    parameters += [f"const {TYPES[str(dtype)]}* array_{name}" for name, dtype in arrays]
    parameters += [f"const {TYPES[str(dtype)]} {name}" for name, dtype in numbers]
    parameters += [f"{TYPES[str(dtype)]}* array_{name}" for name, dtype in outputs]
    elements = [f"const {TYPES[str(dtype)]}& {name} = array_{name}[i];" for name, dtype in arrays]
    elements += [f"{TYPES[str(dtype)]}& {name} = array_{name}[i];" for name, dtype in outputs]
    loop = "\n".join(elements + [_operation(kernel, compute)])
    text = [_FLOAT16 if any(dtype == np.float16 for _, dtype in arrays + outputs) else "", PREAMBLE,
            f'extern "C" __global__ void {identifier(kernel)}({", ".join(parameters)}) {{',
            "    const long long stride = (long long)blockDim.x * gridDim.x;",
            "    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride) {",
            textwrap.indent(loop, " " * 8), "    }", "}", ""]
    return "\n".join(text).lstrip("\n")
