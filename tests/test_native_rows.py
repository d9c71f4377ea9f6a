"""Native row kernels: both forms of the loops, every kind of input, sums over rows, results too large for a cache."""

from __future__ import annotations

import numpy as np
import pytest

from gradcore.backends import Kernel, native
from gradcore.backends.formulas.expression import Symbol
from gradcore.backends.formulas.row_run import plan_of
from gradcore.backends.formulas.rows import RowNamespace
from gradcore.backends.native import rows as native_rows
from native_compiler import needs_compiler

pytestmark = needs_compiler

F32, F64 = np.dtype("float32"), np.dtype("float64")
X, OF_ROW, OF_PLACE, NUMBER, SCALE = *map(Symbol.array, ("x", "of_row", "of_place", "number")), Symbol.constant("scale")
KINDS = ((True, True), (True, False), (False, True), (False, False))


def _formula(xp, x, of_row, of_place, number, scale):
    """Values that are kept from pass to pass, row numbers that meet elements again, an input as an output."""
    centred = x - xp.mean(x)
    e = xp.exp(xp.minimum(scale * centred, 3.0) - xp.max(centred) / 8)
    y = e * of_place / xp.sum(e) + number
    low = xp.where(xp.logical_or(of_row < 0, of_row > xp.max(xp.position)), xp.min(x), of_row)
    return y, xp.where(xp.position == of_row, low, y * e), low + xp.mean(of_row), x, of_place * x, xp.max(x) + xp.sum(e)


KERNEL = Kernel("mixed", (X, OF_ROW, OF_PLACE, NUMBER), (SCALE,),
                _formula(RowNamespace(), X, OF_ROW, OF_PLACE, NUMBER, SCALE))


class _NumPyRows:
    """The namespace of a row formula, on arrays of (rows, elements)."""

    exp, minimum, where, logical_or = np.exp, np.minimum, staticmethod(np.where), np.logical_or

    def __init__(self, n):
        self.position = np.arange(n)[None]

    def __getattr__(self, name):
        return lambda x: getattr(np, name)(x, axis=1, keepdims=True)


def _inputs(rows, n, dtype, rng):
    return [rng.normal(size=(rows, n)).astype(dtype), rng.integers(-1, n + 1, size=(rows, 1)).astype(dtype),
            rng.normal(size=(1, n)).astype(dtype), rng.normal(size=(1, 1)).astype(dtype)]


def _run(rows, n, dtype, inputs, sums=(False,) * 6):
    run = native.row_program(KERNEL, plan_of(KERNEL), dtype, KINDS, sums)
    shapes = [(1, n) if is_summed else (rows, 1 if root.is_row else n)
              for root, is_summed in zip(KERNEL.outputs, sums)]
    guarded = [np.full(rows_ * n_ + 2, 7, dtype) for rows_, n_ in shapes]
    outputs = [memory[1:-1].reshape(shape) for memory, shape in zip(guarded, shapes)]
    run(rows, n, inputs, (0.5,), outputs)
    assert all(memory[0] == memory[-1] == 7 for memory in guarded)
    return outputs


def _expected(rows, n, inputs):
    values = _formula(_NumPyRows(n), *[array.astype(F64) for array in inputs], 0.5)
    return [np.broadcast_to(value, (rows, 1 if root.is_row else n)) for value, root in zip(values, KERNEL.outputs)]


SIZES = [(1, 1), (3, 1), (5, 2), (16, 10), (35, 15), (19, 16), (17, 31), (33, 32), (5, 47), (7, 256), (3, 300),
         (2, 4099), (40_000, 3), (2000, 100)]


@pytest.mark.parametrize("is_streamed", [False, True], ids=["through the cache", "past the cache"])
@pytest.mark.parametrize("dtype, tolerance", [(F32, 3e-5), (F64, 1e-12)], ids=str)
@pytest.mark.parametrize("rows, n", SIZES, ids=str)
def test_rows_are_what_numpy_computes(rows, n, dtype, tolerance, is_streamed, rng, monkeypatch):
    if is_streamed:
        monkeypatch.setattr(native_rows, "cache_bytes", lambda: 0)
    inputs = _inputs(rows, n, dtype, rng)
    for found, expected in zip(_run(rows, n, dtype, inputs), _expected(rows, n, inputs)):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["through the cache", "past the cache"])
@pytest.mark.parametrize("rows, n", SIZES, ids=str)
def test_outputs_summed_over_rows(rows, n, is_streamed, rng, monkeypatch):
    if is_streamed:
        monkeypatch.setattr(native_rows, "cache_bytes", lambda: 0)
    inputs, sums = _inputs(rows, n, F32, rng), (False, True, False, True, True, False)
    results = zip(_run(rows, n, F32, inputs, sums), _expected(rows, n, inputs), sums)
    for found, expected, is_summed in results:
        if is_summed:
            scale = np.abs(expected).sum(0, keepdims=True)
            assert (np.abs(found - expected.sum(0, keepdims=True)) <= 3e-6 * scale + 1e-6).all()
        else:
            np.testing.assert_allclose(found, expected, rtol=3e-5, atol=3e-5)


def test_sums_over_rows_are_the_same_whatever_the_threads(rng):
    inputs = _inputs(3000, 70, F32, rng)
    first, *others = [_run(3000, 70, F32, inputs, (True,) * 2 + (False,) * 4) for _ in range(5)]
    for other in others:
        np.testing.assert_array_equal(first[0], other[0])


@pytest.mark.parametrize("n", [5, 200])
def test_nan_wins_an_extremum(n, rng):
    inputs = _inputs(20, n, F32, rng)
    inputs[0][3, n // 2] = np.nan
    for found, expected in zip(_run(20, n, F32, inputs), _expected(20, n, inputs)):
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))


def test_the_text_is_the_same_in_every_process():
    """Or nothing would be found in the cache of libraries."""
    again = Kernel("mixed", KERNEL.inputs, KERNEL.constants, KERNEL.outputs)
    assert (native_rows.source(KERNEL, plan_of(KERNEL), F32, KINDS)
            == native_rows.source(again, plan_of(again), F32, KINDS))
