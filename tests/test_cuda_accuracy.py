"""The kernels on a card, over millions of numbers of any size, beside the CPU's."""

from __future__ import annotations

import numpy as np
import pytest

from gradcore.backends import get_backend
from gradcore.testing.kernels import assert_same_gradients, assert_same_values
from kernels import backward_kernels, forward_kernels, primitives, whole_range

pytestmark = pytest.mark.gpu

MILLION = 1_000_000
FORWARD, BACKWARD = {**primitives(), **forward_kernels()}, backward_kernels()


def on_the_card(kernel, inputs, constants):
    cuda = get_backend("cuda")
    outputs = cuda.elementwise(kernel, [cuda.asarray(array) for array in inputs], constants)
    return [cuda.to_numpy(output) for output in outputs]


@pytest.mark.parametrize("name", FORWARD)
def test_values_agree_over_the_whole_range(name, rng):
    kernel = FORWARD[name]
    assert_same_values(on_the_card, name, kernel, [whole_range(rng, MILLION) for _ in kernel.inputs])


@pytest.mark.parametrize("name", BACKWARD)
def test_gradients_agree_over_the_whole_range(name, rng):
    kernel = BACKWARD[name]
    assert_same_gradients(on_the_card, name, kernel, [whole_range(rng, MILLION) for _ in kernel.inputs])


@pytest.mark.parametrize("name", ["exp", "tanh", "log1p", "erf", "sin", "sigmoid"])
def test_every_float16_number(name):
    """There are 65,536, and each is computed in float32."""
    kernel = FORWARD[name]
    every = np.arange(2 ** 16, dtype=np.uint16).view(np.float16)
    (found,) = on_the_card(kernel, [every], [])
    (precise,) = get_backend("cpu").elementwise(kernel, [every.astype(np.float64)], [])
    with np.errstate(all="ignore"):
        expected = precise.astype(np.float16)
        distance = np.abs(found.astype(np.float64) - expected) / np.spacing(np.abs(expected))
    assert found.dtype == np.float16 and (np.isnan(found) == np.isnan(expected)).all()
    assert not (distance[np.isfinite(distance)] > 1).any()
