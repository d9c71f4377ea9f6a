"""Shapes: the same elements in another arrangement, compared with NumPy, with gradients, on every device."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import gradcore
from gradcore import Tensor

from tensor_cases import FULL_SHAPES, SEEDS, SHAPES, check, layouts, normal


@given(data=st.data(), shape=SHAPES, seed=SEEDS)
def test_permute_and_transpose(backend, data, shape, seed):
    x = normal(seed, shape)
    dims = data.draw(st.permutations(range(len(shape))))
    for values in layouts(x):
        check(backend, lambda t: t.permute(*dims), lambda a: np.transpose(a, dims), values, gradients=False)
    check(backend, lambda t: t.permute(dims), lambda a: np.transpose(a, dims), x)
    check(backend, lambda t: t.T, lambda a: a.T, x)
    if len(shape) > 1:
        first, second = dims[:2]
        check(backend, lambda t: t.transpose(first, second - len(shape)), lambda a: np.swapaxes(a, first, second), x)
        check(backend, lambda t: t.mT, lambda a: np.swapaxes(a, -1, -2), x)


@given(data=st.data(), shape=SHAPES, seed=SEEDS)
def test_reshape(backend, data, shape, seed):
    x = normal(seed, shape)
    new = data.draw(st.permutations(shape))
    for values in layouts(x):
        check(backend, lambda t: t.reshape(*new), lambda a: a.reshape(new), values, gradients=False)
    check(backend, lambda t: t.view(tuple(new)), lambda a: a.reshape(new), x)
    if x.size:
        check(backend, lambda t: t.reshape(-1), np.ravel, x)
        check(backend, lambda t: t.flatten(), np.ravel, x)
        check(backend, lambda t: t.reshape((-1, *shape)), lambda a: a[None], x)


@given(data=st.data(), shape=SHAPES, seed=SEEDS)
def test_squeeze_and_unsqueeze(backend, data, shape, seed):
    x = normal(seed, shape)
    dim = data.draw(st.integers(-len(shape) - 1, len(shape)))
    check(backend, lambda t: t.unsqueeze(dim), lambda a: np.expand_dims(a, dim), x)
    check(backend, lambda t: t.unsqueeze(axis=dim).squeeze(dim), lambda a: a, x)
    check(backend, lambda t: t.squeeze(), np.squeeze, x)


@given(shapes=npst.mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 1, 3), max_dims=3), seed=SEEDS)
def test_expand(backend, shapes, seed):
    (shape,), full = shapes.input_shapes, np.broadcast_shapes(*shapes.input_shapes, (2, 1, 3))
    check(backend, lambda t: t.expand(full), lambda a: np.broadcast_to(a, full), normal(seed, shape))
    check(backend, lambda t: t.broadcast_to(full), lambda a: np.broadcast_to(a, full), normal(seed, shape))


@given(data=st.data(), shape=SHAPES, seed=SEEDS)
def test_flip(backend, data, shape, seed):
    dims = data.draw(st.lists(st.sampled_from(range(len(shape))), unique=True)) if shape else []
    for values in layouts(normal(seed, shape)):
        check(backend, lambda t: t.flip(tuple(dims)), lambda a: np.flip(a, tuple(dims)), values)


@given(data=st.data(), shape=FULL_SHAPES, seed=SEEDS)
def test_cat_stack_and_split(backend, data, shape, seed):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    parts = [normal(seed + i, tuple(n if d == dim % len(shape) else size for d, size in enumerate(shape)))
             for i, n in enumerate(lengths)]
    check(backend, lambda *t: gradcore.cat(t, dim), lambda *a: np.concatenate(a, dim), *parts)
    check(backend, lambda *t: gradcore.stack(t, axis=dim), lambda *a: np.stack(a, dim), parts[0], parts[0] + 1)
    whole = Tensor(np.concatenate(parts, dim), device=backend.device)
    for piece, part in zip(whole.split(lengths, dim), parts):
        np.testing.assert_array_equal(piece.numpy(), part)
    for piece, expected in zip(whole.chunk(2, dim), np.split(whole.numpy(), [-(-whole.shape[dim] // 2)], dim)):
        np.testing.assert_array_equal(piece.numpy(), expected)
    check(backend, lambda t: t.split(lengths, dim)[-1] * 2, lambda a: parts[-1] * 2, np.concatenate(parts, dim))


def test_split_by_size(backend):
    x = gradcore.arange(5, device=backend.device)
    assert [part.tolist() for part in x.split(2)] == [[0, 1], [2, 3], [4]]
    assert [part.tolist() for part in x.chunk(3)] == [[0, 1], [2, 3], [4]]
    assert [row.tolist() for row in x[:4].reshape(2, 2).unbind(1)] == [[0, 2], [1, 3]]


@given(shape=FULL_SHAPES, times=st.lists(st.integers(0, 3), min_size=3, max_size=4), seed=SEEDS)
def test_repeat(backend, shape, times, seed):
    check(backend, lambda t: t.repeat(*times), lambda a: np.tile(a, times), normal(seed, shape))


def test_flatten_some_dimensions(backend):
    x = gradcore.zeros(2, 3, 4, 5, device=backend.device)
    assert x.flatten(1).shape == (2, 60) and x.flatten(1, 2).shape == (2, 12, 5) and x.flatten(-2).shape == (2, 3, 20)
    assert x[0, 0, 0, 0].flatten().shape == (1,)


def test_parts_of_other_dtypes_meet(backend):
    ones, steps = gradcore.ones(1, device=backend.device), gradcore.arange(2, device=backend.device)
    assert gradcore.cat([ones, steps]).dtype == "float32"
    assert gradcore.stack([steps, [3, 4]]).tolist() == [[0, 1], [3, 4]]


@pytest.mark.parametrize("error, wrong", [
    (ValueError, lambda x: x.reshape(4)), (ValueError, lambda x: x.reshape(-1, -1)),
    (ValueError, lambda x: x.reshape(-1, 4)), (ValueError, lambda x: x.reshape(-2, 3)),
    (ValueError, lambda x: x.permute(0)), (ValueError, lambda x: x.permute(0, 0)),
    (IndexError, lambda x: x.permute(2, 0)),
    (IndexError, lambda x: x.transpose(0, 2)), (TypeError, lambda x: x.transpose(0)),
    (IndexError, lambda x: x.unsqueeze(4)), (ValueError, lambda x: x.expand(3, 3)), (ValueError, lambda x: x.expand(3)),
    (ValueError, lambda x: gradcore.cat([])), (ValueError, lambda x: gradcore.cat([x, x.T])),
    (ValueError, lambda x: gradcore.stack([x, x.T])), (ValueError, lambda x: x.split([1, 2])),
    (ValueError, lambda x: x.split(0)), (TypeError, lambda x: x.sum(dim=0, axis=0)), (IndexError, lambda x: x.sum(2)),
    (TypeError, lambda x: x.sum(1.5)), (ValueError, lambda x: x.sum((0, -2))), (ValueError, lambda x: x.repeat(2)),
    (ValueError, lambda x: x.flatten(1, 0)), (ValueError, lambda x: x.chunk(0))])
def test_what_cannot_be_is_said_in_words(error, wrong):
    with pytest.raises(error, match=" "):
        wrong(gradcore.zeros(2, 3))
