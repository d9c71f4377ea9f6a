"""Every backend is held to the interface, and to the same results for what the library asks of it."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from gradcore import Tensor
from gradcore.backends import Backend, CuPyBackend, NumPyBackend, get_backend

from strict_backend import StrictArray, StrictBackend

OPERATIONS = [name for name, member in vars(Backend).items() if inspect.isfunction(member)]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kind", [NumPyBackend, CuPyBackend, StrictBackend])
def test_signatures(kind, name):
    expected, own = (list(inspect.signature(getattr(owner, name)).parameters.values()) for owner in (Backend, kind))
    assert [(p.name, p.kind, p.default) for p in own] == [(p.name, p.kind, p.default) for p in expected]


def test_round_trip(backend, rng):
    values = rng.normal(size=(3, 4)).astype(np.float32)[:, ::2]
    array = backend.asarray(values)
    assert backend.owns(array) and array.shape == (3, 2) and array.dtype == np.float32
    np.testing.assert_array_equal(backend.to_numpy(array), values)


def test_asarray_copies_when_asked_to(backend):
    array = backend.asarray([1.0, 2.0])
    copy = backend.asarray(array, copy=True)
    backend.assign(copy, 0, 5.0)
    assert backend.to_numpy(array)[0] == 1.0


def test_take_gives_views_for_slices(backend):
    array = backend.asarray(np.zeros((3, 3)))
    backend.assign(backend.take(array, (1, slice(None), ...)), ..., 2.0)
    np.testing.assert_array_equal(backend.to_numpy(array), [[0] * 3, [2] * 3, [0] * 3])


def test_take_and_add_at_are_adjoint(backend, rng):
    """<take(x, i), y> = <x, add_at(0, i, y)>, with elements that are named several times and with masks."""
    x = rng.normal(size=(5, 4))
    for index in (2, (slice(None, None, -2), 1), rng.integers(-5, 5, 9), (rng.integers(0, 5, 6), rng.integers(0, 4, 6)),
                  rng.normal(size=(5, 4)) > 0, rng.normal(size=5) > 0):
        def on_device(part):
            return backend.asarray(part) if isinstance(part, np.ndarray) else part
        moved = tuple(map(on_device, index)) if isinstance(index, tuple) else on_device(index)
        taken = backend.to_numpy(backend.take(backend.asarray(x), moved))
        np.testing.assert_array_equal(taken, x[index])
        y = rng.normal(size=taken.shape)
        target = backend.full(x.shape, 0.0, np.float64)
        backend.add_at(target, moved, backend.asarray(y))
        np.testing.assert_allclose(np.sum(taken * y), np.sum(x * backend.to_numpy(target)), rtol=1e-12)


def test_memory_figures_and_description(backend):
    backend.synchronize()
    backend.reset_peak_memory()
    assert set(backend.memory_stats()) == {"allocated", "reserved"}
    assert backend.peak_memory() >= 0
    backend.empty_cache()
    assert isinstance(backend.description(), str)


class TestStandIn:
    """The stand-in device is as closed as a GPU."""

    array = get_backend("strict").asarray([1.0])

    @pytest.mark.parametrize("read", [float, int, bool, len, list, np.asarray, np.from_dlpack, np.exp, np.add.reduce],
                             ids=lambda f: f.__name__)
    def test_cannot_be_read(self, read):
        with pytest.raises((TypeError, AttributeError)):
            read(self.array)

    @pytest.mark.parametrize("mix", [lambda a: a + 1, lambda a: np.ones(1) + a, lambda a: np.ones(1) * a,
                                     lambda a: get_backend("strict").xp.add(a, np.ones(1)),
                                     lambda a: np.ones(1).__iadd__(a)])
    def test_does_not_mix_with_numpy(self, mix):
        with pytest.raises((TypeError, AssertionError)):
            mix(self.array)

    def test_numpy_array_is_no_operand(self):
        with pytest.raises(TypeError, match="different devices|met an array on"):
            Tensor([1.0], device="strict") + np.ones(1)

    def test_numpy_cannot_read_its_tensors(self):
        with pytest.raises(TypeError, match=r"\.numpy\(\)"):
            np.asarray(Tensor([1.0], device="strict"))
        assert isinstance(Tensor([1.0], device="strict")._array, StrictArray)
