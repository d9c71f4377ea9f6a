"""`erf` and `normcdf` of float32 arrays, which take them from tables, held to Python's own functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradcore.backends.formulas import special
from kernels import whole_range

TRUTH = {"erf": math.erf, "normcdf": lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0))}
EACH = pytest.mark.parametrize("name", TRUTH)


def expected(name: str, x: np.ndarray) -> np.ndarray:
    return np.array([TRUTH[name](float(value)) for value in x.ravel()]).reshape(x.shape)


@EACH
def test_float32_is_exact_to_the_last_places(name, rng):
    ordinary = np.concatenate([rng.uniform(-15, 15, 50_000), rng.normal(size=50_000)]).astype(np.float32)
    x = np.concatenate([ordinary, whole_range(rng, 50_000)])
    with np.errstate(all="ignore"):
        found, wanted = getattr(special, name)(x), expected(name, x)
        unit = np.spacing(np.abs(wanted).astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found), np.isnan(x))
    off = np.nan_to_num(np.abs(found - wanted) / unit)
    assert off.max() <= 2.5, f"{name}({x[off.argmax()]!r}) is off by {off.max():.2f} ulp"
    assert not np.signbit(special.normcdf(np.float32([-np.inf, -20.0, -0.0]))).any()
    np.testing.assert_array_equal(np.signbit(special.erf(np.float32([-0.0, 0.0, -1e-45]))), [True, False, True])


@EACH
def test_float32_of_any_layout(name, rng):
    function = getattr(special, name)
    x = rng.normal(size=(150, 160)).astype(np.float32)  # several blocks
    wanted = function(x)
    np.testing.assert_array_equal(function(x.T), wanted.T)
    np.testing.assert_array_equal(function(x[::2, ::-3]), wanted[::2, ::-3])
    assert function(x[:0]).shape == (0, 160)
    assert function(x[3, 4, ...]) == wanted[3, 4] and function(x[3, 4]).dtype == np.float32
    out = np.empty((2, 160, 150), np.float32)
    assert function(x.T, out) is out
    np.testing.assert_array_equal(out, np.broadcast_to(wanted.T, out.shape))
    assert function(x, x) is x
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("name", ["erf", "normcdf", "normpdf", "normcdf_tanh"])
@pytest.mark.parametrize("given, whole", [((1,), (40_000,)), ((16, 1), (16, 64)), ((64,), (16, 64)),
                                          ((3,), (40_000, 3))])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_repeat_what_they_are_given_as_ufuncs_do(name, given, whole, dtype):
    function, x = getattr(special, name), np.linspace(-2.0, 2.0, int(np.prod(given)), dtype=dtype).reshape(given)
    out = np.full(whole, np.nan, dtype)
    function(x, out)
    np.testing.assert_array_equal(out, np.broadcast_to(function(x), whole))
