"""The type promotion rules of all devices, which are PyTorch's.

The kinds are bool < integer < float.  The highest kind present decides, and within it arrays with dimensions take
precedence over zero-dimensional ones, and those over Python numbers.  So a float32 array combined with an integer, a
NumPy scalar or a Python number stays float32.
"""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np

from .kernel import Kernel, has_numbers

BOOL, INT64, FLOAT16, FLOAT32, FLOAT64 = map(np.dtype, ("bool", "int64", "float16", "float32", "float64"))
DEFAULT_FLOAT = FLOAT32
_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2}


def kind_of(dtype: np.dtype) -> int:
    """0 for bool, 1 for integers, 2 for floats; raises TypeError for other dtypes."""
    kind = _KINDS.get(dtype.kind)
    if kind is None or dtype.itemsize > 8:
        raise TypeError(f"tensors hold booleans, integers and floats of at most 64 bits; got dtype {dtype}")
    return kind


def as_dtype(dtype: Any) -> np.dtype:
    """`dtype` as a NumPy dtype that tensors support, in native byte order.

    >>> as_dtype("float32"), as_dtype(int)
    (dtype('float32'), dtype('int64'))
    """
    try:
        found: np.dtype = np.dtype(dtype)
    except Exception:  # NumPy raises several exceptions, and warnings that may be errors
        raise TypeError(f'a dtype must be a name or a type, such as "float32" or float; got {dtype!r:.60}') from None
    kind_of(found)
    return found if found.isnative else found.newbyteorder("=")


def dtype_of_number(value: Any) -> np.dtype:
    """The dtype of a Python number or NumPy scalar by itself."""
    if isinstance(value, (bool, np.bool_)):
        return BOOL
    return INT64 if isinstance(value, (int, np.integer)) else DEFAULT_FLOAT


def result_type(operands: Iterable[Any], alike: bool = False) -> np.dtype:
    """The promoted dtype of arrays and numbers; with `alike`, zero-dimensional arrays count like all others.

    >>> result_type([np.ones(3, np.float32), 2.5]), result_type([np.ones(3, np.int64), 2.5])
    (dtype('float32'), dtype('float32'))
    """
    ranks: list[list[np.dtype]] = [[], [], []]  # Python numbers, zero-dimensional arrays, arrays with dimensions
    for operand in operands:
        if isinstance(operand, (int, float, np.generic)):
            ranks[0].append(dtype_of_number(operand))
        else:
            ranks[2 if operand.ndim or alike else 1].append(operand.dtype)
    return highest_of(ranks)


def highest_of(ranks: Sequence[Sequence[np.dtype]]) -> np.dtype:
    """The promoted dtype of dtypes of several ranks, the lowest rank first.

    >>> highest_of([[INT64], [FLOAT16, FLOAT32]])
    dtype('float32')
    """
    kind = max([kind_of(dtype) for rank in ranks for dtype in rank], default=None)
    for rank in reversed(ranks):
        dtypes = [dtype for dtype in rank if kind_of(dtype) == kind]
        if dtypes:
            return np.result_type(*dtypes)
    raise ValueError("result_type() of no operands")


def compute_and_result(kernel: Kernel, inputs: Sequence[Any]) -> tuple[np.dtype, np.dtype]:
    """The dtype in which `kernel` is computed on these inputs, and that of its non-boolean outputs.

    float16 is computed in float32 on every device.  Integers stay integers in kernels of sums, products, choices and
    comparisons, and become float32 in all others.  Kernels with boolean outputs only compute in the widest dtype of
    their inputs, since rounding to a narrower one could change the answer.
    """
    tells_truth = all([output.is_boolean for output in kernel.outputs])
    return kernel_dtypes(kernel, result_type(inputs, alike=tells_truth))


def kernel_dtypes(kernel: Kernel, dtype: np.dtype) -> tuple[np.dtype, np.dtype]:
    """As `compute_and_result`, for inputs whose promoted dtype is `dtype`."""
    if dtype == BOOL and kernel.keeps_integers:
        return INT64, INT64 if has_numbers(kernel.outputs) else BOOL  # True + True is True, as in NumPy and PyTorch
    if dtype.kind != "f" and not kernel.keeps_integers:
        dtype = DEFAULT_FLOAT
    if dtype == FLOAT16:
        return FLOAT32, FLOAT16
    return (FLOAT64 if kernel.widens and dtype == FLOAT32 else dtype), dtype


def accumulator(dtype: np.dtype) -> np.dtype:
    """The dtype in which elements of `dtype` are summed: float32 for float16, int64 for integers and booleans."""
    return FLOAT32 if dtype == FLOAT16 else dtype if dtype.kind == "f" else INT64
