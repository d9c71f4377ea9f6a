"""Indexing on CUDA devices over the stand-in for CuPy: positions that do not exist are refused where the host sees
them.  Else what is taken from them is NaN, and what is written to them an error at the next look at values.
"""

from __future__ import annotations

import numpy as np
import pytest

import fake_cupy
import gradcore
from gradcore import Tensor
from gradcore.backends import CuPyBackend
from gradcore.backends.formulas.cpp import TYPES
from gradcore.functions import cross_entropy, nll_loss
from native_compiler import needs_compiler

pytestmark = needs_compiler

X = np.arange(2 * 3 * 4 * 5, dtype="f4").reshape(2, 3, 4, 5)
INDICES = [([1, -1, 0],), (slice(None), [[0, 2], [-3, 1]]), (..., [4, 0]), ([0, 1], [2, -1]),
           (slice(None), [0, 1], [3, -4]),
           ([1, 0], slice(None), [3, 2]), (slice(None), None, [0, 2], ..., [1, 1]), ([[0], [1]], [0, 1, 2], [0, -1, 2]),
           (slice(None, None, -1), slice(0, 3, 2), [3]), (..., [0, 1], slice(1, 3)), ([],)]


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "bool"])
def test_taking_is_numpys(index, dtype, pretended):
    cuda = CuPyBackend()
    data = X.astype(dtype)
    on_host = tuple([np.array(part, "i8") if isinstance(part, list) else part for part in index])
    on_device = tuple([cuda.asarray(part) if isinstance(part, np.ndarray) else part for part in on_host])
    for array, there in [(data, cuda.asarray(data)), (data.T.copy().T, cuda.asarray(data.T.copy()).T)]:
        found = cuda.take(there, on_device)
        assert found.shape == array[on_host].shape and found.dtype == dtype and cuda.owns(found)
        np.testing.assert_array_equal(found, array[on_host])


@pytest.mark.parametrize("index, dtype", [*zip(INDICES, TYPES), (INDICES[-1], list(TYPES)[-1])], ids=str)
def test_writing_and_adding_are_numpys(index, dtype, pretended, rng):
    cuda = CuPyBackend()
    on_host = tuple([np.array(part, "i8") if isinstance(part, list) else part for part in index])
    on_device = tuple([cuda.asarray(part) if isinstance(part, np.ndarray) else part for part in on_host])
    data = rng.integers(0, 30, X.shape).astype(dtype)
    shape = data[on_host].shape
    whole = rng.integers(0, 3, shape).astype(dtype)
    values = [whole, np.asarray(whole.T.copy()).T, whole[..., :1], np.ones((1, 1, *shape), dtype), np.ones((), dtype)]
    for i, value in enumerate(values if whole.size else [whole]):
        expected, added = data.copy(), data.copy()
        expected[on_host] = value
        np.add.at(added, on_host, value.reshape(value.shape[-len(shape):] if value.ndim else ()))
        targets = [cuda.asarray(data.T.copy()).T if i % 2 else cuda.asarray(data, copy=True) for _ in range(2)]
        cuda.add_at(targets[1], on_device, cuda.asarray(value))
        np.testing.assert_array_equal(targets[1], added)
        cuda.assign(targets[0], on_device, cuda.asarray(value))
        np.testing.assert_array_equal(targets[0], expected)  # of elements that are named twice, the stand-in's last
    cuda.assign(targets[0], on_device, 1)
    assert (np.asarray(targets[0])[on_host] == 1).all()
    cuda.synchronize()  # where nothing is missed


def test_values_are_converted_read_before_they_are_written_and_must_fit(pretended):
    cuda = CuPyBackend()
    array, index = cuda.asarray(np.arange(5, dtype="f4")), cuda.asarray([0, 1, 2, 3])
    cuda.assign(array, index, cuda.asarray(np.array([1.5, 2.5, 3.5, 4.5])))
    np.testing.assert_array_equal(array, np.array([1.5, 2.5, 3.5, 4.5, 4], "f4"))
    cuda.assign(array, index + 1, array[:4])
    np.testing.assert_array_equal(array, np.array([1.5, 1.5, 2.5, 3.5, 4.5], "f4"))
    cuda.assign(array, index, -0.0)
    assert np.signbit(array[:4]).all()
    for shape in ((3,), (2, 4), (4, 1)):
        with pytest.raises(ValueError, match=r"of shape \(.*\) does not broadcast to shape \(4,\)"):
            cuda.assign(array, index, cuda.asarray(np.ones(shape, "f4")))


WRITES = {
    "x[index] = number": lambda x, index: x.__setitem__(index, 1.0),
    "x[index] = rows": lambda x, index: x.__setitem__(index, gradcore.ones(2, 4, device=x.device)),
    "x[:, index] = number": lambda x, index: x.__setitem__((slice(None), index), 1.0),
    "index_add": lambda x, index: gradcore.index_add(x, 0, index, gradcore.ones(2, 4, device=x.device)),
    "index_copy": lambda x, index: gradcore.index_copy(x, 0, index, gradcore.ones(2, 4, device=x.device)),
    "index_fill": lambda x, index: gradcore.index_fill(x, 0, index, 1.0),
    "index_put": lambda x, index: gradcore.index_put(x, (index, index), 1.0),
    "index_put, added": lambda x, index: gradcore.index_put(x, (index,), 1.0, accumulate=True),
    "scatter": lambda x, index: gradcore.scatter(x, 0, index.reshape(2, 1), 1.0),
    "scatter_add": lambda x, index: gradcore.scatter_add(x, 0, index.reshape(2, 1), 1.0),
}


@pytest.mark.parametrize("bad, dtype", [(9, "float32"), (-5, "int64")])
@pytest.mark.parametrize("name", WRITES)
def test_a_write_to_a_position_of_the_device_that_does_not_exist_is_an_error_later(name, bad, dtype, cuda):
    before = np.arange(12).reshape(3, 4)
    x = Tensor(before, dtype=dtype, device=cuda.device)
    index = Tensor(np.array([bad, 0]), device=cuda.device)
    fake_cupy.log.clear()
    made = WRITES[name](x, index)
    assert not fake_cupy.logged("wait") and not fake_cupy.logged("to device")
    with pytest.raises(IndexError, match="an index on cuda:1 names a position that does not exist, in something that"):
        x.numpy()
    result = (x if made is None else made).numpy()  # said once
    assert (result[1:] == before[1:])[:, 1:].all()  # nothing has gone elsewhere


@pytest.mark.parametrize("look", [lambda x: x.item(), lambda x: gradcore.cuda.synchronize(x.device),
                                  lambda x: gradcore.cuda.current_stream(x.device).synchronize(),
                                  lambda x: gradcore.cuda.current_stream(x.device).record_event().synchronize()])
def test_every_wait_tells_of_a_write_that_was_left_out(look, cuda):
    x = gradcore.zeros(3, device=cuda.device)
    x[Tensor(np.array([3]), device=cuda.device)] = 1.0
    with pytest.raises(IndexError, match="names a position that does not exist"):
        look(gradcore.ones(1, device=cuda.device))
    look(gradcore.ones(1, device=cuda.device))


@pytest.mark.parametrize("dtype, missing", [("float32", np.nan), ("float16", np.nan), ("float64", np.nan),
                                            ("int8", -128), ("int64", -2 ** 63), ("uint8", 0), ("bool", False)])
def test_an_element_that_does_not_exist_is_no_number(dtype, missing, pretended):
    cuda = CuPyBackend()
    array, index = cuda.asarray(np.ones((3, 2), dtype)), cuda.asarray(np.array([3, 0, -4, 2]))
    expected = np.array([[missing] * 2, [1, 1], [missing] * 2, [1, 1]], dtype)
    np.testing.assert_array_equal(cuda.take(array, index), expected)
    pairs = cuda.take(array, (index, cuda.asarray([0, 1, 1, 2])))
    np.testing.assert_array_equal(pairs, np.array([missing, 1, missing, missing], dtype))


def test_classes_of_the_host_are_refused(cuda):
    scores = Tensor(np.zeros((2, 3)), device=cuda.device)
    for loss in (cross_entropy, nll_loss):
        for targets in ([0, 3], [-1, 0], np.array([0, 7])):
            with pytest.raises(IndexError, match="classes from 0 to 2"):
                loss(scores, targets)


def test_classes_of_the_device_give_nan_without_a_wait(cuda):
    scores = Tensor(np.zeros((3, 3)), device=cuda.device, requires_grad=True)
    targets = Tensor(np.array([0, 3, -1]), device=cuda.device)
    fake_cupy.log.clear()
    losses = cross_entropy(scores, targets, reduction="none")
    assert not fake_cupy.logged("wait")
    np.testing.assert_allclose(losses.numpy(), [np.log(3), np.nan, np.nan], rtol=1e-6)


def test_positions_of_the_host_are_refused(cuda):
    x = Tensor(np.arange(12.0).reshape(3, 4), device=cuda.device)
    for index in ([3], [-4], np.array([[0, 5]])):
        for refused in (lambda: x[index], lambda: x.index_select(0, np.ravel(index)), lambda: x.take(index, 0)):
            with pytest.raises(IndexError, match="an index must be between -3 and 2 in dimension 0"):
                refused()
    for refused in (lambda: x[:, [4]], lambda: x[..., [4]], lambda: x[[0], [4]], lambda: x[None, :, [4]]):
        with pytest.raises(IndexError, match="between -4 and 3 in dimension [12]"):
            refused()
    with pytest.raises(IndexError, match="gather: the index must hold positions from 0 to 3 along dimension 1"):
        x.gather(1, [[0, 4]])
    with pytest.raises(IndexError, match="scatter: the index must hold positions from 0 to 2"):
        gradcore.scatter(x, 0, [[-1, 0, 0, 0]], 1.0)
    with pytest.raises(IndexError, match="a mask must have the shape of the dimensions"):
        x[[True, False]]


def test_positions_of_the_device_give_nan_without_a_wait(cuda):
    x = Tensor(np.arange(12.0).reshape(3, 4), device=cuda.device)
    index = Tensor(np.array([1, 7]), device=cuda.device)
    fake_cupy.log.clear()
    found = [x[index], x.index_select(0, index), x.take(index, 0), x.gather(0, index.reshape(2, 1) - 2)]
    assert not fake_cupy.logged("wait")
    for taken in found[:3]:
        np.testing.assert_array_equal(taken.numpy(), [[4, 5, 6, 7], [np.nan] * 4])
    np.testing.assert_array_equal(found[3].numpy(), [[np.nan], [np.nan]])


def test_a_mask_is_waited_for_once(cuda):
    x = Tensor(np.arange(12.0).reshape(3, 4), device=cuda.device, requires_grad=True)
    mask = x.detach() > 6
    fake_cupy.log.clear()
    taken = x[mask]
    (taken * taken).sum().backward()
    assert fake_cupy.logged("wait") == [("nonzero",)]
    np.testing.assert_array_equal(x.grad.numpy(), np.where(x.numpy() > 6, 2 * x.numpy(), 0))
    rows = x[Tensor([True, False, True], dtype=bool, device=cuda.device), 1:]
    np.testing.assert_array_equal(rows.numpy(), x.numpy()[[0, 2], 1:])


def test_parts_are_moved_within_an_array(cuda):
    """CuPy copies the bytes of contiguous arrays at once, and CUDA does not say in which order."""
    x = cuda.asarray(np.arange(10.0))
    cuda.assign(x, slice(1, None), cuda.take(x, slice(None, -1)))
    assert x.tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    cuda.assign(x, slice(None, None, -1), x)
    assert x.tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
