"""The dtypes that tensors can have, in the names of NumPy and PyTorch; each is a NumPy dtype.

>>> float, long
(dtype('float32'), dtype('int64'))
"""

from __future__ import annotations

import numpy as np

from .backends.formulas.dtypes import BOOL, FLOAT16, FLOAT32, FLOAT64, INT64

dtype = np.dtype
float16 = half = FLOAT16
float32 = float = FLOAT32
float64 = double = FLOAT64
int8, int16, int32 = map(np.dtype, ("int8", "int16", "int32"))
uint8, uint16, uint32, uint64 = map(np.dtype, ("uint8", "uint16", "uint32", "uint64"))
short, int = int16, int32
int64 = long = INT64
bool = BOOL
