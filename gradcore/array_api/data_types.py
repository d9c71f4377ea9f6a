"""Data types: names, limits, kinds and promotion."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np

from ..backends.formulas.dtypes import dtype_of_number, highest_of
from ..core.tensor import DeviceLike, Tensor
from ..dtypes import (bool, float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32,  # noqa: F401
                      uint64)
from ..operations import conversion

KINDS = {"bool": (bool,), "signed integer": (int8, int16, int32, int64),
         "unsigned integer": (uint8, uint16, uint32, uint64), "real floating": (float32, float64),
         "complex floating": ()}
KINDS["integral"] = KINDS["signed integer"] + KINDS["unsigned integer"]
KINDS["numeric"] = KINDS["integral"] + KINDS["real floating"]


class finfo_object(NamedTuple):
    """The limits of a float dtype, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype


class iinfo_object(NamedTuple):
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: np.dtype


def _dtype_of(value: Any) -> np.dtype:
    return value.dtype if isinstance(value, Tensor) else np.dtype(value)


def finfo(type: Any, /) -> finfo_object:
    """The limits of a float dtype, or of the dtype of a tensor.

    >>> finfo(float32).bits
    32
    """
    limits = np.finfo(_dtype_of(type))
    eps, most, least, smallest = [float(getattr(limits, name)) for name in ("eps", "max", "min", "smallest_normal")]
    return finfo_object(limits.bits, eps, most, least, smallest, limits.dtype)


def iinfo(type: Any, /) -> iinfo_object:
    """The limits of an integer dtype, or of the dtype of a tensor.

    >>> iinfo(uint8).max
    255
    """
    dtype = _dtype_of(type)
    limits = np.iinfo(dtype)
    return iinfo_object(limits.bits, int(limits.max), int(limits.min), dtype)


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether a dtype equals another one, or is of a kind or of one of several kinds.

    The kinds are "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating" and
    "numeric".

    >>> isdtype(uint8, ("real floating", "integral"))
    True
    """
    if isinstance(kind, tuple):
        return any([isdtype(dtype, one) for one in kind])
    if not isinstance(kind, str):
        return builtins.bool(np.dtype(dtype) == np.dtype(kind))
    if kind not in KINDS:
        raise ValueError(f"isdtype: a kind is one of {', '.join(KINDS)}; got {kind!r}")
    # float16 is not in the standard, but is a real floating dtype
    return np.dtype(dtype) in KINDS[kind] or np.dtype(dtype) == float16 and kind in ("real floating", "numeric")


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The promoted dtype of tensors, dtypes and Python numbers; numbers take the dtype of others of their kind.

    >>> result_type(uint8, int8), result_type(float32, 2.5)
    (dtype('int16'), dtype('float32'))
    """
    numbers = [value for value in arrays_and_dtypes if isinstance(value, (int, float))]
    others = [_dtype_of(value) for value in arrays_and_dtypes if not isinstance(value, (int, float))]
    return highest_of([[dtype_of_number(value) for value in numbers], others])


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    """Whether a dtype, or that of a tensor, is promoted to another one.

    >>> can_cast(uint8, int16), can_cast(int16, uint8), can_cast(float32, int64)
    (True, False, False)
    """
    return highest_of([[_dtype_of(from_), _dtype_of(to)]]) == _dtype_of(to)


def astype(x: Tensor, dtype: Any, /, *, copy: builtins.bool = True, device: DeviceLike = None) -> Tensor:
    """`x` in a dtype; a copy unless ``copy=False`` and the dtype is the same.

    >>> astype(Tensor([1.5]), int64)
    tensor([1])
    """
    return conversion.to(x, device=device, dtype=dtype, copy=copy)
