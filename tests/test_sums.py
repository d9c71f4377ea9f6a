"""Sums are as exact as pairwise summation along any dimension, and sums of float16 are added up in float32."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore.backends.cpu.sums import CHUNK, pairwise_sum


def test_sums_over_any_dimensions_of_any_strides_agree_with_float64(rng):
    for _ in range(300):
        ndim = int(rng.integers(1, 5))
        array = rng.random(rng.integers(1, [0, 300, 60, 12, 9][ndim] + 1, ndim), np.float32)
        array = array.transpose(rng.permutation(ndim))
        array = array[::2] if rng.random() < 0.3 else array[::-1] if rng.random() < 0.3 else array
        axes = tuple(sorted(rng.choice(ndim, rng.integers(1, ndim + 1), replace=False).tolist()))
        keepdims = bool(rng.integers(2))
        found, expected = pairwise_sum(array, axes, keepdims), array.sum(axes, np.float64, keepdims=keepdims)
        assert found.shape == expected.shape and found.dtype == np.float32, (array.shape, array.strides, axes)
        np.testing.assert_allclose(found, expected, rtol=2e-6, err_msg=str((array.shape, array.strides, axes)))


@pytest.mark.parametrize("shape, axis", [((3_000_000, 2), 0), ((CHUNK + 1, 3), 0), ((4, 100_001, 5), 1),
                                         ((1000, 30, 17), (0, 2)), ((20, 1000, 30), (0, 1)), ((500_000, 3, 1), (0, 2))])
def test_long_sums_stay_exact(shape, axis, rng):
    x = rng.random(shape, np.float32)
    np.testing.assert_allclose(gradcore.tensor(x).mean(axis).numpy(), x.astype(np.float64).mean(axis), rtol=1e-6)


def test_the_variance_of_many_rows_far_from_zero(rng):
    x = rng.random((300_000, 3), np.float32) + np.float32(100)
    np.testing.assert_allclose(gradcore.tensor(x).var(0).numpy(), x.astype(np.float64).var(0, ddof=1), rtol=1e-4)


def test_the_gradient_of_a_bias_over_many_rows():
    bias = gradcore.zeros(2, requires_grad=True)
    (gradcore.full((3_000_000, 2), 0.1) + bias).backward(gradcore.full((3_000_000, 2), 0.1))
    np.testing.assert_allclose(bias.grad.numpy(), 300_000, rtol=1e-6)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])  # the stand-in has no float16
def test_float16_is_added_up_in_more(device):
    ones = gradcore.ones(3000, device=device).half()
    assert ones.cumsum(0)[-1].item() == 3000 and ones.cumsum(0).dtype == np.float16
    far = gradcore.tensor([300.0, 400.0], device=device).half()
    assert far.norm().item() == 500 and far.norm().dtype == np.float16
    assert (far * 100).mean().item() == 35_008  # the nearest float16 of 35,000; their sum is none
    assert far.var(correction=0).item() == 2500


def test_a_cumulative_sum_does_not_collect_errors(rng):
    x = rng.random(1_000_000, np.float32)
    np.testing.assert_allclose(gradcore.tensor(x).cumsum(0).numpy(), x.astype(np.float64).cumsum(), rtol=1e-6)
