"""Functions of this library as functions of JAX arrays."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import gradcore
from gradcore import elementwise, rowwise
from gradcore import functions as F
from gradcore.interop import to_jax


@pytest.fixture
def jax():
    return pytest.importorskip("jax", reason="JAX is not installed; nothing to share with")


@elementwise
def scaled(xp, x, y, scale=2.0):
    return xp.tanh(x * scale) * y


@rowwise
def moments(xp, x):
    mean = xp.mean(x)
    return mean, xp.mean((x - mean) ** 2)


USES = {
    "mish": (F.mish, lambda f, x: f(x)), "gelu": (F.gelu, lambda f, x: f(x, approximate="tanh")),
    "two": (scaled, lambda f, x: f(x, x[0], scale=0.5)), "rows": (moments, lambda f, x: sum(f(x, dim=0))),
    "list": (gradcore.cat, lambda f, x: f([x, x * 2], dim=1)), "matmul": (gradcore.matmul, lambda f, x: f(x, x.T)),
    "named tuple": (gradcore.max, lambda f, x: f(x, 1).values), "layer_norm": (F.layer_norm, lambda f, x: f(x, (4,))),
}


@pytest.mark.parametrize("name", USES)
def test_gradients_of_both_orders_compiled_and_not(name, jax, rng):
    function, use = USES[name]
    ours, x = to_jax(function), jax.numpy.asarray(rng.normal(size=(3, 4)).astype(np.float32))
    there = gradcore.tensor(np.asarray(x), requires_grad=True)
    expected = use(function, there)
    (slope,) = gradcore.grad((expected * expected).sum(), there, create_graph=True)
    np.testing.assert_allclose(use(ours, x), expected.detach().numpy(), rtol=1e-5, atol=1e-6)

    def total(x):
        return (use(ours, x) ** 2).sum()

    for gradient in (jax.grad(total), jax.jit(jax.grad(total))):
        np.testing.assert_allclose(gradient(x), slope.detach().numpy(), rtol=1e-4, atol=1e-5)
    second = jax.grad(lambda x: (jax.grad(total)(x) ** 2).sum())(x)
    np.testing.assert_allclose(second, gradcore.grad((slope * slope).sum(), there)[0].numpy(), rtol=1e-3, atol=1e-4)


def test_whole_numbers_and_what_has_no_gradient(jax):
    loss, x = to_jax(F.cross_entropy), jax.numpy.arange(6.0).reshape(2, 3)
    slope = jax.grad(loss)(x, jax.numpy.asarray([0, 2]))
    np.testing.assert_allclose(slope, jax.grad(lambda x: -jax.nn.log_softmax(x)[jax.numpy.arange(2),
                                                                              jax.numpy.asarray([0, 2])].mean())(x),
                               atol=1e-6)
    assert to_jax(gradcore.argmax)(x, 1).tolist() == [2, 2]
    values, places = to_jax(gradcore.max)(x, dim=1)
    assert values.tolist() == [2, 5] and places.dtype == jax.numpy.int32


def test_vectorised_over_a_dimension(jax):
    x = jax.numpy.arange(12.0).reshape(3, 4)
    rows = jax.vmap(to_jax(lambda x: x.softmax(0)))(x)
    np.testing.assert_allclose(rows, jax.nn.softmax(x, axis=1), rtol=1e-6)


def test_draws_are_those_of_the_tracing(jax):
    noisy = jax.jit(to_jax(lambda x: F.dropout(x, 0.5)))
    x = jax.numpy.ones(100)
    first = noisy(x)
    gradcore.rand(5)
    assert bool((noisy(x) == first).all()) and 20 < (first == 0).sum() < 80


def test_wrong_uses_are_told(jax):
    with pytest.raises(TypeError, match="to_jax: `function` must be a function; got str"):
        to_jax("relu")
    with pytest.raises(TypeError, match="mish, made by to_jax, takes JAX arrays, at least one.*got float"):
        to_jax(F.mish)(1.0)


def test_without_jax_there_is_a_word_about_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ModuleNotFoundError, match="to_jax needs JAX.*pip install jax"):
        to_jax(F.mish)
