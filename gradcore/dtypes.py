"""The dtypes of tensors, with NumPy's and PyTorch's names; each is a NumPy dtype.

>>> float, long
(dtype('float32'), dtype('int64'))
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .backends.formulas.dtypes import BOOL, DEFAULT_FLOAT, FLOAT16, FLOAT32, FLOAT64, INT64, as_dtype

dtype = np.dtype
float16 = half = FLOAT16
float32 = float = FLOAT32
float64 = double = FLOAT64
int8, int16, int32 = map(np.dtype, ("int8", "int16", "int32"))
uint8, uint16, uint32, uint64 = map(np.dtype, ("uint8", "uint16", "uint32", "uint64"))
short, int = int16, int32
int64 = long = INT64
bool = BOOL

# PyTorch's names for Python's and NumPy's objects: shapes are tuples, and None inserts a dimension.
Size = tuple  # type: ignore[type-arg]  # the class itself: Size([2, 3]), isinstance(x.shape, Size)
inf, nan, pi, e, newaxis = np.inf, np.nan, np.pi, np.e, None
finfo, iinfo = np.finfo, np.iinfo


def get_default_dtype() -> np.dtype:
    """The dtype of Python floats: float32.

    >>> get_default_dtype()
    dtype('float32')
    """
    return DEFAULT_FLOAT


def set_default_dtype(d: Any) -> None:
    """Accepts float32, the default; raises ValueError for others, which must be passed when tensors are created.

    >>> set_default_dtype("float32")
    """
    if as_dtype(d) != DEFAULT_FLOAT:
        raise ValueError(f"set_default_dtype: Python's floats are {DEFAULT_FLOAT} here, whoever else uses the library; "
                         f"name {np.dtype(d)} where tensors are made, or call .double() of modules")
