"""Memory that is shared with other libraries by DLPack, by NumPy and by CUDA's array interface."""

from __future__ import annotations

import numpy as np
import pytest

import fake_cupy
import gradcore
from gradcore import Tensor, from_dlpack, from_numpy
from gradcore.backends import CuPyBackend, register, unregister
from native_compiler import needs_compiler

shares_by_versions = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.1.0",
    reason="NumPy 2.0 shares by the older DLPack, which does not say what may be written: it takes all as read-only")
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


class Exporter:
    """An array of a library that knows no more than DLPack."""

    dtype = "its own"

    def __init__(self, array, place=None):
        self.array, self.place = array, place

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.place or self.array.__dlpack_device__()


# -- in -------------------------------------------------------------------------------------------------------
@shares_by_versions
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_an_array_of_another_library_is_taken_without_a_copy(dtype, shape):
    array = np.ones(shape, dtype)
    x = from_dlpack(Exporter(array))
    assert (x.shape, x.dtype, x.device, x.requires_grad, x.is_leaf) == (shape, dtype, "cpu", False, True)
    array[...] = 0
    assert not x.any().item()
    x.fill_(1)
    assert array.all()


@shares_by_versions
def test_views_keep_their_strides():
    array = np.arange(12.0).reshape(3, 4)
    for view in (array.T, array[::2], array[:, 1:3], array[::-1], np.broadcast_to(array[0], (2, 4))):
        assert from_dlpack(Exporter(view)).tolist() == view.tolist()
        assert np.shares_memory(from_dlpack(Exporter(view)).numpy(), array)


@pytest.mark.parametrize("take", [
    from_dlpack, pytest.param(lambda array: from_dlpack(Exporter(array)), marks=shares_by_versions), from_numpy,
    gradcore.as_tensor])
def test_read_only_arrays_stay_as_they_are(take):
    array = np.ones(3)
    array.flags.writeable = False
    x = take(array)
    assert np.shares_memory(x.numpy(), array)
    for change in (lambda: x.add_(1), lambda: x.fill_(2), lambda: x.__setitem__(0, 5.0), x.zero_):
        with pytest.raises(RuntimeError, match="the tensor's memory is read-only.*clone"):
            change()
    assert array.tolist() == [1, 1, 1] and x._versions[0] == 0
    assert x.clone().add_(1).tolist() == [2, 2, 2]


@shares_by_versions
def test_a_read_only_tensor_tells_others_that_it_is():
    array = np.ones(3)
    array.flags.writeable = False
    assert not np.from_dlpack(from_numpy(array)).flags.writeable
    assert not np.asarray(from_numpy(array)).flags.writeable
    with pytest.raises(BufferError, match="readonly"):  # a reader of the old kind could not know
        from_numpy(array).__dlpack__()


def test_gradients_flow_to_a_shared_leaf():
    array = np.array([1.0, 2.0])
    x = from_numpy(array).requires_grad_()
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4] and array.tolist() == [1, 2]


def test_a_tensor_is_taken_as_its_values(backend):
    x = Tensor([1.0, 2.0], requires_grad=True, device=backend.device)
    shared = from_dlpack(x)
    assert shared._array is x._array and not shared.requires_grad
    assert shared._versions is x._versions


@pytest.mark.parametrize("wrong, error, text", [
    ([1.0], TypeError, "from_dlpack takes an array with __dlpack__ .*; got list .*gradcore.tensor"),
    (None, TypeError, "got NoneType"),
    (Exporter(np.ones(3), (7, 0)), BufferError, r"device type 7 belongs to no device here; known are .*1 \(cpu\)"),
    (Exporter(np.ones(3, complex)), TypeError, "got dtype complex128"),
    (Exporter(np.ones(3, ">f4")), BufferError, "Exporter of its own is not shared: .*native byte order"),
])
def test_what_cannot_be_taken_is_refused_in_words(wrong, error, text):
    with pytest.raises(error, match=text):
        from_dlpack(wrong)


@pytest.mark.parametrize("wrong, text", [([1.0], "must be a NumPy array; got list"), (np.ones(3, ">f4"), "byte order"),
                                         (np.ones(3, complex), "got dtype complex128"),
                                         (Tensor([1.0]), "got Tensor"), (np.float32(1), "got float32")])
def test_from_numpy_refuses_in_words(wrong, text):
    with pytest.raises(TypeError, match=text):
        from_numpy(wrong)


# -- out ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("read", [pytest.param(np.from_dlpack, marks=shares_by_versions), np.asarray])
@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_reads_the_tensor_s_own_memory(read, dtype):
    x = gradcore.ones(2, 3, dtype=dtype)
    array = read(x)
    assert array.dtype == dtype and array.shape == (2, 3)
    x[0, 1] = 0
    assert array[0, 1] == 0
    array[...] = 0
    assert not x.any().item()


def test_memory_outlives_the_tensor():
    """Large arrays come from a pool, which must not hand their memory out while another library reads it."""
    x = gradcore.full((1 << 19,), 3.0)
    array = np.from_dlpack(x)
    del x
    others = [gradcore.full((1 << 19,), 4.0) for _ in range(3)]
    assert (array == 3).all() and len(others) == 3


def test_numpy_converts_and_copies_where_it_is_asked_to():
    x = Tensor([1.5, 2.5])
    assert np.asarray(x, dtype="int64").tolist() == [1, 2]
    copied = np.array(x)
    copied[0] = 9
    assert x.tolist() == [1.5, 2.5]
    with pytest.raises(ValueError, match="[Cc]opy"):
        np.array(x, dtype="int64", copy=False)


def test_a_history_is_not_given_away_unseen():
    x = Tensor([1.0], requires_grad=True)
    for y in (x, x * 2):
        with pytest.raises(BufferError, match=r"__dlpack__: the tensor requires a gradient.*tensor.detach\(\)"):
            np.from_dlpack(y)
    assert np.from_dlpack((x * 2).detach()).tolist() == [2]


def test_elements_that_lie_backwards_are_refused_before_a_reader_stumbles():
    """PyTorch ends the whole process over such an array."""
    x = from_numpy(np.arange(3.0)[::-1])
    with pytest.raises(BufferError, match=r"shape \(3,\) with negative strides .*-8,.*contiguous"):
        x.__dlpack__()
    assert np.from_dlpack(x.contiguous()).tolist() == [2, 1, 0] and np.asarray(x).tolist() == [2, 1, 0]


@shares_by_versions
def test_elements_that_lie_backwards_are_copied_where_that_is_asked_for():
    assert np.from_dlpack(from_numpy(np.arange(3.0)[::-1]), copy=True).tolist() == [2, 1, 0]


def test_a_device_without_the_protocol_says_so():
    x = Tensor([1.0], device="strict")
    for ask in (x.__dlpack__, x.__dlpack_device__, lambda: x._backend.from_dlpack(np.ones(1))):
        with pytest.raises(BufferError, match="arrays on strict:0 cannot be shared.*cpu()"):
            ask()


@pytest.mark.parametrize("name", ["cpu", "strict"])
def test_only_cuda_tensors_have_cuda_s_interface(name):
    x = Tensor([1.0], device=name)
    assert not hasattr(x, "__cuda_array_interface__")
    with pytest.raises(AttributeError, match="has no __cuda_array_interface__"):
        x.__cuda_array_interface__


@needs_compiler
def test_the_cuda_backend_hands_on_what_cupy_offers(pretended, monkeypatch):
    """Over the stand-in for CuPy: the array's own methods, and CuPy's from_dlpack, on the backend's device."""
    calls = []

    def noted(name, result):
        def method(*args, **options):
            calls.append((name, fake_cupy.Device.current[-1], options))
            return result
        return method

    made = fake_cupy._on_device(np.ones(3))
    monkeypatch.setattr(fake_cupy.ndarray, "__dlpack__", noted("out", "capsule"), raising=False)
    monkeypatch.setattr(fake_cupy.ndarray, "__dlpack_device__", lambda array: (2, 1), raising=False)
    monkeypatch.setattr(fake_cupy.ndarray, "__cuda_array_interface__", property(lambda array: {"version": 3}),
                        raising=False)
    monkeypatch.setattr(pretended, "from_dlpack", noted("in", made), raising=False)
    register("cuda", lambda device: CuPyBackend(device.index))
    try:
        x = from_dlpack(Exporter(np.ones(3), (2, 1)))
        assert x.device == "cuda:1" and x._array is made
        assert x.__dlpack__(stream=5) == "capsule" and x.__dlpack_device__() == (2, 1)
        assert x.__cuda_array_interface__ == {"version": 3}
        assert calls == [("in", 1, {}), ("out", 1, {"stream": 5})]
        with pytest.raises(BufferError, match="__cuda_array_interface__: the tensor requires a gradient"):
            x.requires_grad_().__cuda_array_interface__
    finally:
        unregister("cuda")
        register("cuda", lambda device: CuPyBackend(device.index))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pytorch_and_gradcore_share_memory_both_ways(dtype, torch):
    theirs = torch.ones(2, 3, dtype=getattr(torch, dtype))
    ours = from_dlpack(theirs)
    theirs[0, 1] = 0
    assert ours[0, 1].item() == 0 and ours.dtype == dtype
    back = torch.from_dlpack(ours)
    assert back.data_ptr() == theirs.data_ptr() and back.dtype == theirs.dtype
    assert torch.utils.dlpack.from_dlpack(gradcore.ones(3, dtype=dtype)).tolist() == [1, 1, 1]


def test_what_pytorch_cannot_share_is_refused_in_words(torch):
    for wrong in (torch.ones(3, dtype=torch.bfloat16), torch.ones(3, requires_grad=True), torch.eye(3).to_sparse()):
        with pytest.raises(BufferError, match=f"from_dlpack: a torch.Tensor of {wrong.dtype} is not shared: "):
            from_dlpack(wrong)


def test_tensors_of_pytorch_are_data_and_operands_as_numpys_arrays_are(torch, rng):
    values = rng.normal(size=(2, 3)).astype("float32")
    theirs, x = torch.tensor(values), Tensor(rng.normal(size=(2, 3)))
    for made in (gradcore.tensor(theirs), Tensor(theirs), gradcore.as_tensor(theirs)):
        np.testing.assert_array_equal(made.numpy(), values)
    assert gradcore.tensor(theirs.T[:, 1:], dtype="float64").tolist() == values.T[:, 1:].tolist()
    assert gradcore.tensor(torch.arange(3)).dtype == "int64" and gradcore.tensor(torch.tensor(True)).item() is True
    np.testing.assert_array_equal((x + theirs).numpy(), x.numpy() + values)
    np.testing.assert_allclose((x @ theirs.T).numpy(), x.numpy() @ values.T, 1e-6)
    copy = gradcore.tensor(theirs)
    copy += 1.0
    np.testing.assert_array_equal(theirs.numpy(), values)
    with pytest.raises(BufferError, match="tensor: a torch.Tensor of torch.float32 is not shared: .*detach"):
        gradcore.tensor(torch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="data must be a gradcore.Tensor; got torch.Tensor"):
        x.data = theirs
