"""Functions that NumPy lacks, with the signature of ufuncs: `erf`, `normcdf`, and `floor_divide` of infinities.

Both integrals are computed from erf near the origin and from its complement erfc = 1 - erf elsewhere, which keeps its
relative accuracy where it is close to zero.  The approximations are those of W. J. Cody, "Rational Chebyshev
Approximations for the Error Function", Mathematics of Computation 23 (1969), 631-637, with the digits of his
CALERF (netlib.org/specfun/erf), evaluated in float64.  float32 arrays use tables of these values instead.
"""

from __future__ import annotations

import math
from typing import Callable, Optional, TypeGuard, Union

import numpy as np

from .quiet import quietly
from .tabulated import Tabulated

Array = np.ndarray


def _table(*rows: tuple[float, float]) -> list[Array]:
    """The coefficients of two polynomials P and Q, the highest power first, as columns to be multiplied by rows."""
    return [np.array(row)[:, np.newaxis] for row in rows]


# Where one approximation ends and the next begins.
_NEAR = 0.5  # erf and erfc are about equal here, so neither loses digits if computed from the other
_MIDDLE = 4.0
_NOTHING_LEFT = 40.0  # erfc(40 / sqrt(2)) is less than half of the smallest subnormal number

# erf(z) = z * P(z*z) / Q(z*z) for abs(z) <= _NEAR
_NEAR_RATIO = _table(
    (1.85777706184603153e-1, 1.0),
    (3.16112374387056560e0, 2.36012909523441209e1),
    (1.13864154151050156e2, 2.44024637934444173e2),
    (3.77485237685302021e2, 1.28261652607737228e3),
    (3.20937758913846947e3, 2.84423683343917062e3),
)
# exp(z*z) * erfc(z) = P(z) / Q(z) for _NEAR <= z <= _MIDDLE
_MIDDLE_RATIO = _table(
    (2.15311535474403846e-8, 1.0),
    (5.64188496988670089e-1, 1.57449261107098347e1),
    (8.88314979438837594e0, 1.17693950891312499e2),
    (6.61191906371416295e1, 5.37181101862009858e2),
    (2.98635138197400131e2, 1.62138957456669019e3),
    (8.81952221241769090e2, 3.29079923573345963e3),
    (1.71204761263407058e3, 4.36261909014324716e3),
    (2.05107837782607147e3, 3.43936767414372164e3),
    (1.23033935479799725e3, 1.23033935480374942e3),
)
# exp(z*z) * erfc(z) = (1 / sqrt(pi) - t * P(t) / Q(t)) / z with t = 1 / (z*z), for z >= _MIDDLE
_FAR_RATIO = _table(
    (1.63153871373020978e-2, 1.0),
    (3.05326634961232344e-1, 2.56852019228982242e0),
    (3.60344899949804439e-1, 1.87295284992346047e0),
    (1.25781726111229246e-1, 5.27905102951428412e-1),
    (1.60837851487422766e-2, 6.05183413124413191e-2),
    (6.58749161529837803e-4, 2.33520497626869185e-3),
)


def erf(x: Union[Array, float], out: Optional[Array] = None) -> Array:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t*t) from 0 to x, by Cody's approximations (1969).

    >>> erf(np.array([-0.0, 0.5, 1.0, np.inf]))
    array([-0.        ,  0.52049988,  0.84270079,  1.        ])
    """
    if _is_single(x, out):
        return _SINGLE_ERF(x, out)
    return _in_two_parts(
        x, out, 1.0,
        near=lambda erf: erf,
        beyond=lambda x, erfc: np.copysign(1.0 - erfc, x),
    )


def normcdf(x: Union[Array, float], out: Optional[Array] = None) -> Array:
    """The standard normal distribution function, erfc(-x / sqrt(2)) / 2, by Cody's approximations (1969).

    >>> normcdf(np.array([-37.0, -1.0, 0.0, 1.0]))
    array([5.72557122e-300, 1.58655254e-001, 5.00000000e-001, 8.41344746e-001])
    """
    if _is_single(x, out):
        return _SINGLE_NORMCDF(x, out)
    return _in_two_parts(
        x, out, 0.5,
        near=lambda erf: 0.5 + 0.5 * erf,
        beyond=lambda x, erfc: np.where(x < 0.0, 0.5 * erfc, 1.0 - 0.5 * erfc),
    )


def normpdf(x: Union[Array, float], out: Optional[Array] = None) -> Array:
    """The density of `normcdf`, exp(-x*x / 2) / sqrt(2 pi), whose relative error is that of the square's rounding.

    >>> normpdf(np.array([-np.inf, -1.0, 0.0]))
    array([0.        , 0.24197072, 0.39894228])
    """
    result = np.multiply(x, x, out)
    result = np.exp(np.multiply(result, -0.5, out), out)
    return np.multiply(result, 1.0 / math.sqrt(2.0 * math.pi), out)


TANH_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)  # twice, since 1 + tanh(u) = 2 sigmoid(2u)
TANH_CUBIC = 0.044715
_TANH_BLOCK = 1 << 14  # elements at a time, so that the float64 temporaries stay in the cache


def normcdf_tanh(x: Union[Array, float], out: Optional[Array] = None) -> Array:
    """The approximation of `normcdf` by tanh: (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 (Hendrycks, Gimpel 2016).

    >>> normcdf_tanh(np.array([-np.inf, -1.0, 0.0, 1.0]))
    array([0.        , 0.15880801, 0.5       , 0.84119199])
    """
    x = np.asarray(x)
    result = out if out is not None else np.empty(x.shape, np.result_type(x, np.float16))
    if x.shape == result.shape and x.flags.c_contiguous and result.flags.c_contiguous:
        given, flat = x.reshape(-1), result.reshape(-1)
        for low in range(0, given.size, _TANH_BLOCK):
            flat[low:low + _TANH_BLOCK] = _tanh_gate(given[low:low + _TANH_BLOCK])
    else:
        result[...] = _tanh_gate(x)
    return result if out is not None else result[()]


def _tanh_gate(x: Array) -> Array:
    """1 / (1 + exp(-TANH_SLOPE (x + TANH_CUBIC x^3))) in float64."""
    x = x.clip(-100.0, 100.0).astype(np.float64, copy=False)
    z: Array = x * x
    z *= -TANH_SLOPE * TANH_CUBIC
    z -= TANH_SLOPE
    z *= x
    quietly(np.exp, z, z)  # it may overflow
    z += 1.0
    np.divide(1.0, z, out=z)
    return z


def _is_single(x: Union[Array, float], out: Optional[Array]) -> TypeGuard[Array]:
    return isinstance(x, np.ndarray) and x.dtype == np.float32 and (out is None or out.dtype == np.float32)


def _in_two_parts(x: Union[Array, float], out: Optional[Array], scale: float,
                  near: Callable[[Array], Array], beyond: Callable[[Array, Array], Array]) -> Array:
    """near(erf(z)) around the origin and beyond(x, erfc(abs(z))) elsewhere, where z = sqrt(scale) * x."""
    x = np.asarray(x)
    wide = x.ravel().astype(np.float64, copy=False)
    is_near = np.abs(wide) <= _NEAR / math.sqrt(scale)  # NaN takes the other branch
    result = np.empty_like(wide)

    # Integer indices instead of masks: NumPy gathers and scatters with them several times faster.
    here = np.flatnonzero(is_near)
    result[here] = near(_erf(wide[here] * math.sqrt(scale)))
    here = np.flatnonzero(~is_near)
    wide = wide[here]
    result[here] = beyond(wide, _erfc(wide, scale))

    if out is None:  # the dtype and, for a number, the scalar that a ufunc would return
        scalar: Array = result.astype(np.result_type(x, np.float16), copy=False).reshape(x.shape)[()]
        return scalar
    out[...] = result.reshape(x.shape)  # last, since `out` may share memory with `x`
    return out


def _erf(z: Array) -> Array:
    """erf(z) for abs(z) <= _NEAR."""
    product: Array = z * _ratio(_NEAR_RATIO, z * z)
    return product


def _erfc(x: Array, scale: float) -> Array:
    """erfc(z) for z = sqrt(scale) * abs(x) >= _NEAR.

    Rounding z*z = scale * x*x would cost exp(-z*z) about z*z units in the last place.  So x is split into a part whose
    square is exact in float64, and a small remainder.
    """
    x = np.minimum(np.abs(x), _NOTHING_LEFT)  # infinity would have the remainder NaN
    short = x.astype(np.float32).astype(np.float64)
    rest = (x - short) * (x + short)  # x*x - short*short
    # The smallest factor comes last, so that no intermediate result is subnormal if the final one is normal.
    return _scaled_erfc(x * math.sqrt(scale)) * np.exp(-scale * rest) * np.exp(-scale * (short * short))


def _scaled_erfc(z: Array) -> Array:
    """exp(z*z) * erfc(z) for z >= _NEAR."""
    result = _ratio(_MIDDLE_RATIO, z)
    far = np.flatnonzero(z > _MIDDLE)
    if far.size:
        z = z[far]
        t = 1.0 / (z * z)
        result[far] = (1.0 / math.sqrt(math.pi) - t * _ratio(_FAR_RATIO, t)) / z
    return result


def _ratio(table: list[Array], t: Array) -> Array:
    """P(t) / Q(t), both by Horner's method at once and in place."""
    value = table[0] * t
    for coefficients in table[1:-1]:
        value += coefficients
        value *= t
    value += table[-1]
    quotient: Array = value[0] / value[1]
    return quotient


_SINGLE_ERF = Tabulated(
    -4.0, 4.0, bend=1.0,
    value=lambda x: np.where(x == 0.0, -0.0, erf(x)),  # -0.0, since adding a zero of either sign to it keeps that sign
    slope=lambda x: np.exp(-x * x) * 2.0 / math.sqrt(math.pi))
_SINGLE_NORMCDF = Tabulated(-14.5, 6.0, bend=0.5, value=normcdf, slope=normpdf)


def floor_divide(a: Union[Array, float], b: Union[Array, float], out: Optional[Array] = None) -> Array:
    """floor(a / b), also for infinities, as in the array API standard; NumPy has inf // 2 = NaN and -1 // inf = -1.

    >>> floor_divide(np.array([7.0, np.inf, -1.0]), np.array([2.0, 2.0, np.inf])).tolist()
    [3.0, inf, -0.0]
    """
    if (np.result_type(a, b) if out is None else out.dtype).kind != "f":
        return np.floor_divide(a, b, out)
    infinite = np.isinf(a) | np.isinf(b)
    if not infinite.any():
        return np.floor_divide(a, b, out)
    quotient = quietly(lambda: np.where(infinite, np.floor(np.divide(a, b)), np.floor_divide(a, b)))
    if out is None:
        return quotient[()]
    out[...] = quotient  # last, since `out` may share memory with `a` or `b`
    return out
