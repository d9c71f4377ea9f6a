"""The operations of a backend one by one, as documented in `Backend`."""

from __future__ import annotations

from typing import Any

import inspect

import numpy as np
import pytest

from .. import DeviceMismatch, Tensor
from ..backends import Backend, backend_of, get_backend, philox

INTERFACE = [name for name, member in vars(Backend).items() if inspect.isfunction(member) and name[0] != "_"]
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def needs_dtype(backend: Backend, dtype: str) -> None:
    """Skip the test if the device lacks the dtype."""
    try:
        backend.full((1,), 1, np.dtype(dtype))
    except TypeError as error:
        pytest.skip(f"{backend.device} lacks {dtype}: {error}")


@pytest.mark.parametrize("name", INTERFACE)
def test_its_parameters_are_the_interfaces(backend: Backend, name: str) -> None:
    expected, own = (list(inspect.signature(getattr(owner, name)).parameters.values())
                     for owner in (Backend, type(backend)))
    assert [(p.name, p.kind, p.default) for p in own] == [(p.name, p.kind, p.default) for p in expected]


def test_the_registry_knows_it(backend: Backend) -> None:
    assert get_backend(backend.device) is backend and get_backend(str(backend.device)) is backend
    assert backend_of(backend.full((2,), 1.0, np.dtype("float32"))) is backend


# -- moving data ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_come_back_from_the_device(backend: Backend, rng: np.random.Generator, dtype: str) -> None:
    needs_dtype(backend, dtype)
    for values in (rng.integers(0, 100, (3, 4)).astype(dtype)[:, ::2], np.ones((), dtype), np.ones((0, 3), dtype)):
        array = backend.asarray(values)
        assert backend.owns(array) and array.shape == values.shape and array.dtype == np.dtype(dtype)
        assert (array.ndim, array.size) == (values.ndim, values.size)
        back = backend.to_numpy(array)
        assert isinstance(back, np.ndarray) and back.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(back, values)


def test_numbers_and_lists_become_arrays(backend: Backend) -> None:
    assert backend.to_numpy(backend.asarray(2, np.dtype("float32"))).tolist() == 2
    assert backend.to_numpy(backend.asarray([[1, 2], [3, 4]], np.dtype("int64"))).tolist() == [[1, 2], [3, 4]]
    assert not backend.owns([1.0]) and not backend.owns(None) and not backend.owns(1.0)


def test_asarray_copies_when_asked_to(backend: Backend) -> None:
    array = backend.asarray([1.0, 2.0])
    copy = backend.asarray(array, copy=True)
    backend.assign(copy, 0, 5.0)
    assert backend.to_numpy(array)[0] == 1.0
    assert backend.asarray(array) is array


def test_sharing_works_or_is_refused_in_words(backend: Backend) -> None:
    array = backend.asarray([1.0, 2.0])
    try:
        backend.dlpack_device(array)
    except BufferError as error:
        assert str(backend.device) in str(error)
        return
    assert backend.owns(backend.from_dlpack(_Exporter(backend, array)))


class _Exporter:
    def __init__(self, backend: Backend, array: Any) -> None:
        self.backend, self.array = backend, array

    def __dlpack__(self, **options: Any) -> Any:
        return self.backend.dlpack(self.array, **options)

    def __dlpack_device__(self) -> Any:
        return self.backend.dlpack_device(self.array)


# -- making arrays --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_new_arrays(backend: Backend, dtype: str) -> None:
    needs_dtype(backend, dtype)
    for shape in ((), (3,), (2, 0, 3), (4, 5)):
        empty, full = backend.empty(shape, np.dtype(dtype)), backend.full(shape, 1, np.dtype(dtype))
        assert empty.shape == full.shape == shape and empty.dtype == full.dtype == np.dtype(dtype)
        assert (backend.to_numpy(full) == 1).all()


def test_copies_have_memory_of_their_own(backend: Backend) -> None:
    array = backend.asarray(np.arange(6.0).reshape(2, 3))
    for source in (array, backend.take(array, (slice(None), 1))):
        copy = backend.copy(source)
        np.testing.assert_array_equal(backend.to_numpy(copy), backend.to_numpy(source))
        assert backend.shares_memory(source, source)
        backend.assign(copy, ..., -1.0)
        assert (backend.to_numpy(source) >= 0).all()


def test_conversions(backend: Backend) -> None:
    array = backend.asarray(np.array([-1.7, 0.0, 2.5], np.float32))
    assert backend.astype(array, np.dtype("float32")) is array
    for dtype, expected in (("int64", [-1, 0, 2]), ("bool", [True, False, True]), ("float64", [-1.7, 0, 2.5])):
        converted = backend.astype(array, np.dtype(dtype))
        assert converted.dtype == np.dtype(dtype)
        np.testing.assert_allclose(backend.to_numpy(converted), expected, rtol=1e-6)


# -- changing arrays in place ---------------------------------------------------------------------------------
def test_take_gives_views_for_slices(backend: Backend) -> None:
    array = backend.asarray(np.zeros((3, 3)))
    backend.assign(backend.take(array, (1, slice(None), ...)), ..., 2.0)
    np.testing.assert_array_equal(backend.to_numpy(array), [[0] * 3, [2] * 3, [0] * 3])


def test_take_and_add_at_are_adjoint(backend: Backend, rng: np.random.Generator) -> None:
    """<take(x, i), y> = <x, add_at(0, i, y)>, with elements that are named several times and with masks."""
    x = rng.normal(size=(5, 4))
    for index in (2, (slice(None, None, -2), 1), rng.integers(-5, 5, 9), (rng.integers(0, 5, 6), rng.integers(0, 4, 6)),
                  rng.normal(size=(5, 4)) > 0, rng.normal(size=5) > 0, (None, ..., 1)):
        def on_device(part: Any) -> Any:
            return backend.asarray(part) if isinstance(part, np.ndarray) else part
        moved = tuple(map(on_device, index)) if isinstance(index, tuple) else on_device(index)
        taken = backend.to_numpy(backend.take(backend.asarray(x), moved))
        np.testing.assert_array_equal(taken, x[index])
        y = rng.normal(size=taken.shape)
        target = backend.full(x.shape, 0.0, np.dtype("float64"))
        backend.add_at(target, moved, backend.asarray(y))
        np.testing.assert_allclose(np.sum(taken * y), np.sum(x * backend.to_numpy(target)), rtol=1e-12)


def test_assignments(backend: Backend) -> None:
    array = backend.full((3, 4), 0.0, np.dtype("float32"))
    backend.assign(array, (0, slice(1, 3)), 5)
    backend.assign(array, (slice(1, 3), 0), backend.asarray([1.5, 2.5]))
    backend.assign(array, (2, backend.asarray([1, 3])), backend.asarray([7.0, 8.0]))
    assert backend.to_numpy(array).tolist() == [[0, 5, 5, 0], [1.5, 0, 0, 0], [2.5, 7, 0, 8]]


# -- arithmetic -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis", [None, (0,), (1,), (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums(backend: Backend, rng: np.random.Generator, axis: Any, keepdims: Any) -> None:
    for values in (rng.normal(size=(3, 4, 5)), rng.integers(-9, 9, (3, 4, 5)), np.ones((2, 0, 3))):
        summed = backend.sum(backend.asarray(values), axis, keepdims)
        assert summed.dtype == values.dtype
        np.testing.assert_allclose(backend.to_numpy(summed), values.sum(axis, keepdims=keepdims), atol=1e-12)


def test_the_error_of_long_sums_is_that_of_pairwise_ones(backend: Backend, rng: np.random.Generator) -> None:
    values = rng.random((3, 1 << 20), np.float32)
    for axis in (None, (0,), (1,)):
        exact = values.sum(axis, dtype=np.float64)
        summed = backend.to_numpy(backend.sum(backend.asarray(values), axis, False))
        np.testing.assert_allclose(summed, exact, rtol=1e-6)


def test_sorting_keeps_the_order_of_equals_and_puts_nan_last(backend: Backend, rng: np.random.Generator) -> None:
    values = rng.integers(0, 5, (7, 40)).astype(np.float64)
    values[2, ::7] = np.nan
    for axis in (0, 1):
        np.testing.assert_array_equal(backend.to_numpy(backend.argsort(backend.asarray(values), axis)),
                                      np.argsort(values, axis, kind="stable"))


@pytest.mark.parametrize("shapes", [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((0, 3), (3, 2)),
                                    ((2, 0), (0, 3))])
def test_products_of_matrices(backend: Backend, rng: np.random.Generator, shapes: Any) -> None:
    a, b = (rng.normal(size=shape) for shape in shapes)
    product = backend.matmul(backend.asarray(a), backend.asarray(b))
    np.testing.assert_allclose(backend.to_numpy(product), a @ b, rtol=1e-12, atol=1e-12)


# -- random numbers -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_random_numbers_are_numpys_stream(backend: Backend, rng: np.random.Generator, dtype: str) -> None:
    needs_dtype(backend, dtype)
    for n in (0, 1, 7, 8, 9, 100_001):
        place = philox.Place(int(rng.integers(2 ** 63)) * 2 + 1, int(rng.integers(5)), int(rng.integers(2 ** 40)))
        bits = np.random.Philox(key=np.array([place.seed, place.stream], np.uint64), counter=place.offset)
        expected = (bits.random_raw(n).view(np.int64) if dtype == "int64"
                    else np.random.Generator(bits).random(n, np.float32 if dtype == "float32" else np.float64))
        drawn = backend.random(place, (n,), np.dtype(dtype))
        assert backend.owns(drawn) and drawn.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(backend.to_numpy(drawn), expected)


# -- the device itself ----------------------------------------------------------------------------------------
def test_memory_figures_and_description(backend: Backend) -> None:
    backend.synchronize()
    backend.reset_peak_memory()
    assert set(backend.memory_stats()) == {"allocated", "reserved"}
    assert backend.peak_memory() >= 0
    backend.empty_cache()
    assert backend.description() and isinstance(backend.description(), str)


def test_devices_do_not_mix(backend: Backend) -> None:
    here = Tensor([1.0], device=backend.device)
    if backend.device == "cpu":
        assert np.asarray(here).tolist() == [1]
        return
    with pytest.raises(DeviceMismatch, match="different devices"):
        here + Tensor([1.0], device="cpu")
    with pytest.raises(TypeError, match="different devices|cannot be combined"):
        here + np.ones(1)
    with pytest.raises(TypeError, match=r"\.numpy\(\)"):
        np.asarray(here)
    assert here.cpu().tolist() == Tensor([1.0], device="cpu").to(backend.device).tolist() == [1]
