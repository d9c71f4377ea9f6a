"""What a Tensor is: its dtype, its device, its way to and from NumPy, and Python's protocols."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import gradcore
from gradcore import BackendUnavailable, DeviceMismatch, Tensor, no_grad


@pytest.mark.parametrize("data, expected", [
    (3, "float32"), ([1, 2], "float32"), ([1.5], "float32"), ([True], "float32"), ([[]], "float32"),
    (np.arange(3), "int64"), (np.ones(2), "float64"), (np.ones(2, np.float16), "float16"), (np.float64(2), "float64"),
    (np.array([True]), "bool")])
def test_tensor_class_takes_numbers_as_float32_and_arrays_as_they_are(data, expected):
    assert Tensor(data).dtype == expected
    assert Tensor(data, dtype="float64").dtype == "float64"


@pytest.mark.parametrize("data", [3, [1, 2], [1.5], [True, False], [1, 2.0], 2.5, np.ones(2),
                                  np.arange(2, dtype=np.int32)])
def test_tensor_function_infers_as_pytorch(torch, data):
    assert str(gradcore.tensor(data).dtype) == str(torch.tensor(data).dtype).removeprefix("torch.")


@pytest.mark.parametrize("data, expected", [
    ([np.arange(3.0)], "float64"), ([np.float64(1)], "float64"), ([1.5, np.float16(1)], "float32"),
    ([[np.float16(1)], [2]], "float16"), ([1.5, np.int64(2)], "float32"), ([np.int32(1)], "int32"),
    ([gradcore.ones(2, dtype="float64")], "float64")])
def test_lists_of_arrays_are_inferred_by_the_arrays(data, expected):
    assert gradcore.tensor(data).dtype == expected
    assert Tensor(data).dtype == "float32"


def test_integers_become_float_where_a_gradient_is_required():
    assert Tensor([1, 2], requires_grad=True).dtype == "float32"
    assert gradcore.arange(3, requires_grad=True).dtype == "float32"
    for make in (lambda: Tensor([1, 2], requires_grad=True, dtype=int),
                 lambda: gradcore.zeros(2, dtype="int64", requires_grad=True),
                 lambda: gradcore.tensor([1, 2], requires_grad=True),
                 lambda: Tensor(np.arange(2)).requires_grad_()):
        with pytest.raises(TypeError, match="float"):
            make()


@pytest.mark.parametrize("data", ["text", [[1, 2], [3]], [1j], {"a": 1}, None, [None]])
def test_what_is_no_tensor_is_refused(data):
    with pytest.raises((TypeError, ValueError)):
        Tensor(data)


def test_new_tensors_own_their_memory(backend):
    source = np.ones(3)
    for x in (Tensor(source, device=backend.device), gradcore.tensor(source, device=backend.device)):
        x += 1
        y = Tensor(x)
        y += 1
        np.testing.assert_array_equal(source, 1)
        np.testing.assert_array_equal(x.numpy(), 2)
        assert y.device == backend.device


def test_properties(backend):
    x = Tensor(np.zeros((2, 3)), device=backend.device, requires_grad=True)
    assert (x.shape, x.ndim, x.size, x.dtype, x.device) == ((2, 3), 2, 6, np.float64, backend.device)
    assert x.requires_grad and x.is_leaf and x.grad is None and x.grad_fn is None
    y = x * 2
    assert y.requires_grad and not y.is_leaf and y.device == backend.device
    assert "multiply" in repr(y) and "requires_grad=True" in repr(x)
    assert "shape=(2, 0)" in repr(gradcore.zeros(2, 0, device=backend.device))
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad = False


def test_to_the_host(backend):
    x = Tensor([[1, 2]], device=backend.device, requires_grad=True)
    assert type(x.numpy()) is np.ndarray and x.numpy().dtype == np.float32
    assert x.tolist() == [[1.0, 2.0]] and x[0, 1].item() == 2.0 and isinstance(x[0, 1].item(), float)
    assert float(x[0, 0]) == 1.0 and int(x[0, 1]) == 2 and bool(x[0, 0]) and f"{x[0, 1]:.2f}" == "2.00"
    with pytest.raises(ValueError, match="one element"):
        x.item()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)


def test_integer_tensors_are_python_indices():
    assert [10, 20, 30][Tensor(1, dtype=int)] == 20
    with pytest.raises(TypeError, match="integer"):
        [10, 20][Tensor(1.0)]


def test_numpy_reads_cpu_tensors():
    x = Tensor([1, 2], requires_grad=True)
    np.testing.assert_array_equal(np.asarray(x.detach()), [1, 2])
    assert np.asarray(x.detach(), dtype=np.float64).dtype == np.float64
    with pytest.raises(TypeError, match=r"the gradient would be lost; pass tensor.detach\(\)"):
        np.asarray(x * 2)  # as functions do that know of NumPy only
    with gradcore.no_grad():
        np.testing.assert_array_equal(np.asarray(x), [1, 2])


def test_array_on_the_left_gives_a_tensor_with_a_graph():
    x = Tensor([1, 2], requires_grad=True)
    for left in (np.array([3, 4], np.float32), np.float64(3), np.float32(3), np.int64(3)):
        x.zero_grad()
        for result in (left * x, left + x, left - x, left / x, left ** x):
            assert isinstance(result, Tensor) and result.requires_grad and result.dtype == np.float32
        (left * x).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), np.broadcast_to(left, 2))
        assert isinstance(left < x, Tensor) and isinstance(left == x, Tensor)


def test_no_number_widens_float32(backend):
    x = Tensor([0.5, 2], device=backend.device)
    for result in (x * 2, x * 2.5, x + np.float64(1), np.float64(1) - x, x / np.int64(3), x ** 2, x // 2, x % 2,
                   x * Tensor(2.0, dtype="float64", device=backend.device),
                   x * Tensor([1, 2], dtype=int, device=backend.device),
                   x.mean(), x.sum(), x.max(), x.min(), x.std(), x.var(), x.norm(), x.exp(), x.clip(0, 1), x.cumsum(0),
                   x.prod(), x.logsumexp(0), gradcore.where(x > 1, x, 0.0), gradcore.where(x > 1, np.float64(1), x),
                   x @ x, x[0], x.T, gradcore.stack([x, x])):
        assert result.dtype == np.float32


def test_conversions(backend, rng):
    x = Tensor(rng.normal(size=(2, 2)), device=backend.device, requires_grad=True)
    for y, dtype in ((x.float(), "float32"), (x.double(), "float64"), (x.int(), "int32"), (x.long(), "int64"),
                     (x.bool(), "bool"), (x.to("float32"), "float32"), (x.to(np.float32), "float32"),
                     (x.to(dtype="int64"), "int64"), (x.to(backend.device, "float32"), "float32"),
                     (x.type_as(x.float()), "float32"), (x.astype(int), "int64")):
        assert y.dtype == dtype and y.device == backend.device
    assert x.to("float64") is x and x.to(backend.device) is x and x.double() is x
    x.float().sum().backward()
    assert x.grad.dtype == np.float64


def test_half_precision_exists_on_the_cpu():
    x = Tensor([1.0, 2.0], requires_grad=True).half()
    assert x.dtype == np.float16 and (x * 2.5).dtype == np.float16 and x.sum().dtype == np.float16
    assert Tensor(np.full(4096, 1.0, np.float16)).sum().item() == 4096  # float16 itself cannot count beyond 2048
    assert Tensor(np.full((4096, 2), 1.0, np.float16)).sum(0).tolist() == [4096, 4096]
    assert Tensor(np.full(200, 1000.0, np.float16)).mean().item() == 1000


def test_moves_between_devices_are_differentiable(backend):
    x = Tensor([1, 2], requires_grad=True, device="cpu")
    y = x.to(backend.device) * 2
    assert y.device == backend.device
    back = y.cpu()
    assert back.device == "cpu"
    (back * Tensor([3, 4])).sum().backward()
    assert x.grad.device == "cpu" and x.grad.tolist() == [6, 8]


def test_devices_do_not_mix():
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 2.0], device="strict")
    for name, operation in (("add", lambda: x + y), ("matmul", lambda: x @ y),
                            ("where", lambda: gradcore.where(x > 0, x, y)),
                            ("cat", lambda: gradcore.cat([x, y])), ("indexing", lambda: x[y.long()]),
                            ("assignment", lambda: x.__setitem__(0, y[0])), ("add", lambda: x.__iadd__(y)),
                            ("backward", lambda: (x.requires_grad_() * 1).backward(y))):
        with pytest.raises(DeviceMismatch, match=name) as caught:
            operation()
        assert "cpu" in str(caught.value) and "strict" in str(caught.value)
    assert issubclass(DeviceMismatch, TypeError)


def test_cuda_never_falls_back():
    if not gradcore.cuda.is_available():
        assert gradcore.cuda.why_not()
        for ask in (lambda: Tensor([1.0], device="cuda"), lambda: Tensor([1.0]).cuda(),
                    lambda: gradcore.zeros(2, device="cuda:0")):
            with pytest.raises(BackendUnavailable):
                ask()
    assert isinstance(gradcore.cuda.device_count(), int)
    assert Tensor([1.0], device="auto").device in ("cpu", "cuda:0")


def test_default_device():
    before = gradcore.default_device()
    gradcore.set_default_device("strict")
    try:
        assert gradcore.zeros(2).device == gradcore.rand(2).device == Tensor([1]).device == "strict"
        assert Tensor(np.ones(2)).device == "cpu"  # arrays stay where they are
        assert (Tensor([1, 2]) + [1, 2]).device == "strict"
    finally:
        gradcore.set_default_device(before)


def test_detach_and_clone(backend):
    x = Tensor([1, 2], device=backend.device, requires_grad=True)
    for constant in (x.detach(), x.data):
        assert not constant.requires_grad and constant.tolist() == [1, 2]
    with no_grad():
        x.detach().mul_(3)
    assert x.tolist() == [3, 6]
    copied = x.clone()
    copied.backward(Tensor([5, 7], device=backend.device))
    assert x.grad.tolist() == [5, 7]
    with no_grad():
        copied += 1
    assert x.tolist() == [3, 6]


def test_copies_and_pickles(backend):
    x = Tensor([1, 2], device=backend.device, requires_grad=True)
    x.grad = Tensor([3, 4], device=backend.device)
    copied = copy.deepcopy(x)
    assert copied.requires_grad and copied.tolist() == [1, 2] and copied.grad.tolist() == [3, 4]
    assert copied.grad is not x.grad and copied.device == x.device
    loaded = pickle.loads(pickle.dumps(x))
    assert loaded.requires_grad and loaded.tolist() == [1, 2] and loaded.device == x.device
    with pytest.raises(RuntimeError, match="detach"):
        copy.deepcopy(x * 2)


def test_python_protocols(backend):
    x = Tensor([[1, 2], [3, 4]], device=backend.device)
    assert len(x) == 2 and [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert {x: 1}[x] == 1 and x in {x}
    assert (x == None) is False and (x != None) is True and (x == "x") is False  # noqa: E711
    for refused in (lambda: len(x[0, 0]), lambda: iter(x[0, 0]), lambda: x + "text", lambda: x + None):
        with pytest.raises(TypeError):
            refused()


@pytest.mark.parametrize("make, values", [
    (lambda **k: Tensor.zeros(2, 3, **k), np.zeros((2, 3))), (lambda **k: gradcore.ones((2,), **k), np.ones(2)),
    (lambda **k: gradcore.full((2, 2), 2.5, **k), np.full((2, 2), 2.5)),
    (lambda **k: gradcore.eye(2, 3, **k), np.eye(2, 3)),
    (lambda **k: Tensor.arange(-8.0, 8.0, 0.1, **k), np.arange(-8.0, 8.0, 0.1)),
    (lambda **k: gradcore.linspace(0, 1, 7, **k), np.linspace(0, 1, 7)),
    (lambda **k: gradcore.zeros(**k), np.zeros(()))])
def test_factories(backend, make, values):
    x = make(device=backend.device)
    assert x.device == backend.device and x.dtype == np.float32 and not x.requires_grad
    np.testing.assert_array_equal(x.numpy(), values.astype(np.float32))
    x = make(device=backend.device, dtype="float64", requires_grad=True)
    assert x.dtype == np.float64 and x.requires_grad and x.is_leaf
    np.testing.assert_array_equal(x.numpy(), values)


def test_factories_of_integers():
    assert gradcore.arange(3).dtype == gradcore.full((2,), 3).dtype == "int64"
    assert gradcore.full((2,), True).dtype == "bool" and gradcore.arange(3.0).dtype == "float32"
    assert gradcore.empty(2, 3).shape == (2, 3)


def test_factories_like_another(backend, rng):
    x = Tensor(rng.normal(size=(2, 3)), device=backend.device)
    for make in (gradcore.zeros_like, gradcore.ones_like, gradcore.empty_like, gradcore.rand_like, gradcore.randn_like,
                 lambda x, **k: gradcore.full_like(x, 3, **k), Tensor.zeros_like, Tensor.ones_like):
        y = make(x)
        assert (y.shape, y.dtype, y.device) == (x.shape, x.dtype, x.device)
        y = make(x, dtype="float32", device="cpu", requires_grad=True)
        assert y.dtype == "float32" and y.device == "cpu" and y.requires_grad
    with pytest.raises(TypeError, match="Tensor"):
        gradcore.zeros_like(np.ones(2))


def test_manual_seed(backend):
    def draws():
        return [draw.numpy() for draw in (
            gradcore.rand(3, 2, device=backend.device), gradcore.randn(50, device=backend.device),
            gradcore.randint(0, 10, (20,), device=backend.device), gradcore.randperm(10, device=backend.device),
            gradcore.bernoulli(gradcore.full((50,), 0.5, device=backend.device)))]

    gradcore.manual_seed(7)
    first = draws()
    other = draws()
    gradcore.manual_seed(7)
    again = draws()
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other))
    assert sorted(first[3]) == list(range(10)) and set(first[4]) <= {0, 1} and first[2].max() < 10


def test_integers_and_permutations_are_equal_on_all_devices(backend):
    gradcore.manual_seed(3)
    expected = gradcore.randint(100, size=(5,)).tolist(), gradcore.randperm(6).tolist()
    gradcore.manual_seed(3)
    assert expected == (gradcore.randint(100, size=(5,), device=backend.device).tolist(),
                        gradcore.randperm(6, device=backend.device).tolist())


def test_moments_of_draws(backend):
    uniform, normal = gradcore.rand(40000, device=backend.device), gradcore.randn(40000, device=backend.device)
    assert uniform.min().item() >= 0 and uniform.max().item() < 1
    for value, expected in ((uniform.mean(), 0.5), (uniform.var(), 1 / 12), (normal.mean(), 0.0), (normal.var(), 1.0)):
        assert abs(value.item() - expected) < 0.04


def test_draws_of_float16():
    x = gradcore.rand(20_000, dtype="float16", requires_grad=True)
    y = gradcore.randn_like(x)
    assert x.dtype == y.dtype == "float16" and x.requires_grad and x.is_leaf
    assert 0 <= x.numpy().min() and x.numpy().max() < 1
    assert abs(x.numpy().mean(dtype=float) - 0.5) < 0.02 and abs(y.numpy().std(dtype=float) - 1) < 0.05


def test_arithmetic_of_truth_values_gives_truth_values(backend):
    a, b = (gradcore.tensor(values, device=backend.device) for values in ([True, False, True], [True, True, False]))
    for result, expected in ((a + b, [True, True, True]), (a * b, [True, False, False]),
                             (gradcore.maximum(a, b), [True, True, True]),
                             (gradcore.where(a, b, a), [True, False, False])):
        assert result.dtype == bool and result.tolist() == expected
    assert (a + 1).dtype == np.int64 and (a * 2.0).dtype == np.float32
