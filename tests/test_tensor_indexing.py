"""Indexing and assignment, compared with NumPy, with gradients, on every device."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import gradcore
from gradcore import Tensor

from tensor_cases import FULL_SHAPES, SEEDS, check, layouts, normal


@st.composite
def indices(draw, shape):
    """An index of any kind for a tensor of `shape`, and how to index a tensor with the same."""
    kind = draw(st.sampled_from(["basic", "mask", "rows", "integers", "mixed"]))
    if kind == "basic":
        return draw(npst.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    if kind == "mask":
        return draw(npst.arrays(bool, shape[:draw(st.integers(1, len(shape)))]))
    rows = draw(npst.arrays(np.int64, npst.array_shapes(max_dims=2, min_side=0, max_side=4),
                            elements=st.integers(-shape[0], shape[0] - 1)))
    if kind == "rows" or len(shape) == 1:
        return rows
    if kind == "mixed":
        return (rows, draw(st.sampled_from([slice(None, None, 2), slice(None, None, -1), 0, Ellipsis, None])))
    return (rows, draw(npst.arrays(np.int64, rows.shape, elements=st.integers(0, shape[1] - 1))))


def on_device(index, backend):
    if isinstance(index, tuple):
        return tuple(on_device(part, backend) for part in index)
    return Tensor(index, device=backend.device) if isinstance(index, np.ndarray) else index


@given(data=st.data(), shape=FULL_SHAPES, seed=SEEDS)
def test_getitem(backend, data, shape, seed):
    index = data.draw(indices(shape))
    for values in layouts(normal(seed, shape)):
        check(backend, lambda t: t[index], lambda a: a[index], values, gradients=False)
    check(backend, lambda t: t[on_device(index, backend)] * 2, lambda a: a[index] * 2, normal(seed, shape))


@given(data=st.data(), shape=FULL_SHAPES, seed=SEEDS)
def test_setitem(backend, data, shape, seed):
    index = data.draw(indices(shape))
    x = normal(seed, shape)
    if isinstance(index, np.ndarray) and index.dtype != bool or isinstance(index, tuple) and any(
            isinstance(part, np.ndarray) for part in index):
        if np.unique(np.arange(x.size).reshape(shape)[index]).size != x[index].size:
            return  # which of several values an element keeps is not defined
    value = normal(seed + 1, x[index].shape)

    def assigned(array, value):
        array = array * 1
        array[index] = value
        return array

    check(backend, assigned, assigned, x, value)
    check(backend, assigned, assigned, x, normal(seed, ()))
    for number in (3, 2.5):
        check(backend, lambda t: assigned(t, number), lambda a: assigned(a, number), x)


def test_integers_choose_before_arrays_as_in_pytorch(backend):
    values = np.arange(48.0).reshape(2, 3, 2, 4)
    rows, mask = np.array([0, 2, 2]), np.array([True, False, True, True])
    for index, expected in (((0, slice(None), 1, rows), values[0, :, 1][:, rows]),
                            ((-1, ..., mask), values[-1][..., mask]),
                            ((slice(None), rows, None, 1), values[:, :, 1][:, rows][:, :, None])):
        x = Tensor(values, requires_grad=True, device=backend.device)
        taken = x[index]
        np.testing.assert_array_equal(taken.numpy(), expected)
        taken.backward(np.ones(taken.shape))
        written = x.detach().clone()
        written[index] = Tensor(expected + 1000, device=backend.device)
        assert (written[index].numpy() >= 1000).all() and written.sum().item() == 1128 + 1000 * len(np.unique(expected))
        np.testing.assert_array_equal(x.grad.numpy() > 0, written.numpy() >= 1000)
        assert x.grad.sum().item() == taken.size


def test_index_kinds(backend):
    x = gradcore.arange(12, device=backend.device).reshape(3, 4)
    for index in ([0, 2], [[0, 1], [1, 2]], ([0, 1], [1, 2]), np.array([1]), [True, False, True], (..., -1),
                  (None, 1), np.int64(2), Ellipsis, (), (slice(None), [1, 1])):
        np.testing.assert_array_equal(x[index].numpy(), np.arange(12).reshape(3, 4)[index])
    assert x[[]].shape == (0, 4)
    row = gradcore.arange(3, device=backend.device)
    assert x[row, row].tolist() == [0, 5, 10] and x[x > 8].tolist() == [9, 10, 11]
    assert x[Tensor(1, dtype=int, device=backend.device)].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("wrong", [3, (0, 0, 0), 1.5, "a", Tensor([0.5]), np.array([5]), np.ones(4, bool)])
def test_wrong_indices_are_refused(wrong):
    with pytest.raises((IndexError, TypeError)):
        gradcore.zeros(3, 4)[wrong]


def test_repeated_elements_add_up(backend):
    x = Tensor([1.0, 2.0, 3.0], device=backend.device, requires_grad=True)
    x[[0, 0, 2]].backward(Tensor([1.0, 10.0, 100.0], device=backend.device))
    assert x.grad.tolist() == [11, 0, 100]


def test_slices_are_views_and_index_tensors_copy(backend):
    x = gradcore.zeros(3, 3, device=backend.device)
    x[1].fill_(5)
    x[2, 2].fill_(7)
    x.T[0, 2:] = 9
    x[[0]].fill_(100)
    assert x.tolist() == [[0, 0, 0], [5, 5, 5], [9, 0, 7]]


def test_gather_and_friends(backend, torch, rng):
    values, index = rng.normal(size=(4, 3)), rng.integers(0, 3, (4, 2))
    for dim in (0, 1):
        x = Tensor(values, device=backend.device, requires_grad=True)
        theirs = torch.tensor(values, requires_grad=True)
        ours = x.gather(dim, Tensor(index, device=backend.device))
        expected = theirs.gather(dim, torch.tensor(index))
        np.testing.assert_array_equal(ours.numpy(), expected.detach().numpy())
        weight = rng.normal(size=(4, 2))
        ours.backward(weight)
        expected.backward(torch.tensor(weight))
        np.testing.assert_allclose(x.grad.numpy(), theirs.grad.numpy())
    check(backend, lambda t: t.index_select(1, [2, 0]), lambda a: a[:, [2, 0]], values)
    check(backend, lambda t: t.take([5, 1]), lambda a: a.ravel()[[5, 1]], values)
    check(backend, lambda t: t.masked_select(t > 0), lambda a: a[a > 0], values)
    check(backend, lambda t: t.masked_fill(t > 0, 3.0), lambda a: np.where(a > 0, 3.0, a), values)
    for ours, expected in zip(gradcore.where(Tensor(values, device=backend.device) > 0), np.nonzero(values > 0)):
        np.testing.assert_array_equal(ours.numpy(), expected)
    assert gradcore.one_hot(Tensor([2, 0], dtype=int, device=backend.device), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_an_index_that_changes_is_detected(backend):
    x = Tensor([1.0, 2.0], device=backend.device, requires_grad=True)
    index = Tensor([0], dtype=int, device=backend.device)
    y = x[index]
    index += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
    numbers = np.array([0])
    y = x[numbers]
    numbers += 1
    y.sum().backward()
    assert x.grad.tolist() == [1, 0]


@pytest.mark.parametrize("shape, index", [((2, 0), ([0, 3],)), ((2, 3), ([5], slice(0, 0))), ((2, 3), ([5], [])),
                                          ((2, 3), (slice(2, 2), [3])), ((0,), [0]), ((0, 2), (0, [1]))])
def test_positions_that_do_not_exist_are_refused_where_nothing_is_named(shape, index, backend):
    x = Tensor.zeros(shape, device=backend.device)
    for use in (lambda: x[index], lambda: x.__setitem__(index, 1.0)):
        with pytest.raises(IndexError):
            use()
