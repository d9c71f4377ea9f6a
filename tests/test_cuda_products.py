"""Matrix products of recorded graphs over the stand-in for CuPy, whose cuBLAS cannot be recorded."""

from __future__ import annotations

import numpy as np
import pytest

import fake_cupy
import gradcore
from gradcore import Tensor, nn
from gradcore.backends.cuda import products
from gradcore.backends.cuda.products import Products
from native_compiler import needs_compiler

pytestmark = needs_compiler

SHAPES = [((1, 1), (1, 1)), ((16, 16), (16, 16)), ((17, 33), (33, 15)), ((3, 70), (70, 65)), ((64, 20), (20, 10)),
          ((5,), (5,)), ((5,), (5, 3)), ((4, 5), (5,)), ((2, 3, 4, 5), (5, 6)), ((3, 1, 4, 5), (2, 5, 6)),
          ((4, 0), (0, 3)), ((0, 4), (4, 3)), ((2, 0, 4), (4, 3))]


@pytest.mark.parametrize("many", [1, 10 ** 9], ids=["16 for a thread", "one for a thread"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_products_are_numpys(dtype, many, cuda, monkeypatch, rng):
    monkeypatch.setattr(products, "_MANY_BLOCKS", many)
    engine, ulps = Products(cuda.cupy, cuda._compile), {"float16": 1e-3, "float32": 1e-5, "float64": 1e-13}[dtype]
    with cuda.here():
        for first, second in SHAPES:
            a, b = rng.normal(size=first).astype(dtype), rng.normal(size=second).astype(dtype)
            found = engine.matmul(cuda.asarray(a), cuda.asarray(b))
            expected = np.matmul(a.astype("f8"), b.astype("f8"))
            assert found.shape == expected.shape and found.dtype == dtype
            np.testing.assert_allclose(cuda.to_numpy(found).astype("f8"), expected, rtol=ulps, atol=20 * ulps)


@pytest.mark.parametrize("rows, columns", [
    (lambda a: a, lambda b: b.T), (lambda a: a[::2], lambda b: b.T[:, ::-1]), (lambda a: a.T, lambda b: b[:40]),
    (lambda a: a[:, ::-3], lambda b: b.T[::3])])
def test_views_are_multiplied_where_they_lie(rows, columns, cuda, rng):
    a, b = rng.normal(size=(40, 30)).astype("f4"), rng.normal(size=(50, 30)).astype("f4")
    with cuda.here():
        there, before = (rows(cuda.asarray(a)), columns(cuda.asarray(b))), len(fake_cupy.log)
        found = Products(cuda.cupy, cuda._compile).matmul(*there)
        assert len(fake_cupy.logged("allocate", before)) == 1  # the result
    np.testing.assert_allclose(cuda.to_numpy(found), rows(a) @ columns(b), rtol=1e-4, atol=1e-4)


def test_infinities_stay_in_their_rows_and_columns(cuda):
    a, b = np.ones((20, 20), "f4"), np.ones((20, 20), "f4")
    a[3, 5], b[7, 9] = np.inf, np.nan
    with cuda.here():
        found = cuda.to_numpy(Products(cuda.cupy, cuda._compile).matmul(cuda.asarray(a), cuda.asarray(b)))
    np.testing.assert_array_equal(found, a @ b)


@pytest.mark.parametrize("layer, shape", [
    (lambda: nn.Linear(5, 3), (4, 5)), (lambda: nn.Conv2d(2, 3, 3), (2, 2, 6, 6)), (lambda: nn.LSTM(3, 2), (4, 2, 3)),
    (lambda: nn.MultiheadAttention(4, 2), (3, 2, 4))])
def test_layers_are_recorded(layer, shape, cuda, rng):
    gradcore.manual_seed(1)
    layer, x = layer().to("cuda:1"), Tensor(rng.normal(size=shape), dtype="float32", device="cuda:1")

    def work():
        layer.zero_grad()
        result = layer(*[x] * 3) if isinstance(layer, nn.MultiheadAttention) else layer(x)
        result = result[0] if isinstance(result, tuple) else result
        (result * result).sum().backward()
        return result, *[parameter.grad for parameter in layer.parameters() if parameter.grad is not None]

    expected = [tensor.numpy().copy() for tensor in work()]
    graph = gradcore.cuda.graph(work, device="cuda:1", warmup=1)
    for found, mine in zip(graph.replay(), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), mine, rtol=1e-4, atol=1e-5)
