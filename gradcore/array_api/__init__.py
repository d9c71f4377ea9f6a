"""The array API standard, version 2024.12: its names, signatures and dtypes, over the operations of this library.

Code for any array library (SciPy, scikit-learn, einops, ...) obtains this namespace by ``x.__array_namespace__()``;
gradients flow through it.  If a name has another meaning in PyTorch, such as `max` along a dimension, PyTorch's is in
`gradcore` and the standard's here.  `special`, which is not part of the standard, is where SciPy looks for special
functions.

Begin with `elementwise`.  Complex numbers and the extension `fft` are not supported: the inspection functions do not
list them, and using them raises an error.  https://data-apis.org/array-api/2024.12

>>> from gradcore import array_api as xp
>>> xp.max(xp.asarray([[1.0, 5.0], [7.0, 3.0]]), axis=1)
tensor([5., 7.])

`special`, which is no part of the standard, is where SciPy looks for special functions.

Begin to read in `elementwise`.  Complex numbers and the extension `fft` are not there: the inspection functions do not
name them, and asking for one is refused in words.  https://data-apis.org/array-api/2024.12
"""

from __future__ import annotations

import math as _math

from .. import special
from . import linalg
from ..core.public import publish as _publish
from ..dtypes import float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64
from .creation import (arange, asarray, empty, empty_like, eye, from_dlpack, full, full_like, linspace, meshgrid, ones,
                       ones_like, tril, triu, zeros, zeros_like)
from .data_types import astype, can_cast, finfo, iinfo, isdtype, result_type
from .elementwise import (abs, acos, acosh, add, asin, asinh, atan, atan2, atanh, bitwise_and, bitwise_invert,
                          bitwise_left_shift, bitwise_or, bitwise_right_shift, bitwise_xor, ceil, clip, conj, copysign,
                          cos, cosh, divide, equal, exp, expm1, floor, floor_divide, greater, greater_equal, hypot,
                          imag, isfinite, isinf, isnan, less, less_equal, log, log1p, log2, log10, logaddexp,
                          logical_and, logical_not, logical_or, logical_xor, maximum, minimum, multiply, negative,
                          nextafter, not_equal, positive, pow, real, reciprocal, remainder, round, sign, signbit, sin,
                          sinh, sqrt, square, subtract, tan, tanh, trunc)
from .inspection import __array_namespace_info__
from .linalg import matmul, matrix_transpose, tensordot, vecdot
from .manipulation import (broadcast_arrays, broadcast_to, concat, expand_dims, flip, moveaxis, permute_dims, repeat,
                           reshape, roll, squeeze, stack, tile, unstack)
from .searching import (argmax, argmin, argsort, count_nonzero, nonzero, searchsorted, sort, take, take_along_axis,
                        unique_all, unique_counts, unique_inverse, unique_values, where)
from .statistics import (all, any, cumulative_prod, cumulative_sum, diff, max, mean, min, prod, std, sum, var)
# Last, since it is also a built-in name.
from ..dtypes import bool  # noqa: E402

__array_api_version__ = "2024.12"

e, inf, nan, newaxis, pi = _math.e, _math.inf, _math.nan, None, _math.pi

_publish(globals())

_MISSING = {"fft": "the extension fft is", "complex64": "complex dtypes are", "complex128": "complex dtypes are"}


def __getattr__(name: str) -> None:
    if name in _MISSING:
        raise AttributeError(f"gradcore.array_api.{name}: {_MISSING[name]} not there; tensors hold booleans, integers "
                             f"and real floats (__array_namespace_info__() names all that is there)")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
