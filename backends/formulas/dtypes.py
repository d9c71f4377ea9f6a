"""Which dtype comes out: the rules of promotion, in one place for every device.

They are PyTorch's.  The kinds are bool < integer < float; the highest kind present decides, and within it arrays
with dimensions outrank zero-dimensional ones, which outrank Python numbers.  So a float32 array stays float32
whatever integer, NumPy scalar or Python number it meets.
"""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np

from .kernel import Kernel

BOOL, INT64, FLOAT16, FLOAT32, FLOAT64 = map(np.dtype, ("bool", "int64", "float16", "float32", "float64"))
DEFAULT_FLOAT = FLOAT32
_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2}


def kind_of(dtype: np.dtype) -> int:
    """0 for bool, 1 for integers, 2 for floats; a TypeError for anything else."""
    kind = _KINDS.get(dtype.kind)
    if kind is None or dtype.itemsize > 8:
        raise TypeError(f"tensors hold booleans, integers and floats of at most 64 bits; got dtype {dtype}")
    return kind


def as_dtype(dtype: Any) -> np.dtype:
    """What `dtype` names, as a dtype that tensors can hold, in the processor's order of bytes.

    >>> as_dtype("float32"), as_dtype(int)
    (dtype('float32'), dtype('int64'))
    """
    try:
        found: np.dtype = np.dtype(dtype)
    except Exception:  # NumPy raises several kinds, and warnings, which may be errors
        raise TypeError(f'a dtype is given by its name or its type, as "float32" or float; got {dtype!r:.60}') from None
    kind_of(found)
    return found if found.isnative else found.newbyteorder("=")


def dtype_of_number(value: Any) -> np.dtype:
    """The dtype that a Python number or NumPy scalar stands for when it is no array's equal."""
    if isinstance(value, (bool, np.bool_)):
        return BOOL
    return INT64 if isinstance(value, (int, np.integer)) else DEFAULT_FLOAT


def result_type(operands: Iterable[Any], alike: bool = False) -> np.dtype:
    """The dtype in which arrays and numbers meet; where they are `alike` arrays without dimensions count as others do.

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
    """The dtype in which dtypes of several ranks meet, the lowest rank first.

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
    """The dtype in which `kernel` is computed on these inputs, and the one of its (not boolean) outputs.

    float16 is computed in float32 on every device.  Integers stay integers in kernels of sums, products,
    choices and comparisons, and become float32 in all others.  Truth is told in the widest dtype: what a narrower one
    would cut off could change it, and no dtype of a result depends on it.
    """
    tells_truth = all([output.is_boolean for output in kernel.outputs])
    return kernel_dtypes(kernel, result_type(inputs, alike=tells_truth))


def kernel_dtypes(kernel: Kernel, dtype: np.dtype) -> tuple[np.dtype, np.dtype]:
    """As `compute_and_result`, of inputs that meet in `dtype`."""
    if dtype == BOOL and kernel.keeps_integers:
        return INT64, BOOL  # True + True is True, as in NumPy and PyTorch
    if dtype.kind != "f" and not kernel.keeps_integers:
        dtype = DEFAULT_FLOAT
    if dtype == FLOAT16:
        return FLOAT32, FLOAT16
    return (FLOAT64 if kernel.widens and dtype == FLOAT32 else dtype), dtype


def accumulator(dtype: np.dtype) -> np.dtype:
    """The dtype in which elements of `dtype` are added up: float32 of float16, int64 of integers and booleans."""
    return FLOAT32 if dtype == FLOAT16 else dtype if dtype.kind == "f" else INT64
