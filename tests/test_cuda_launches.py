"""Launches of elementwise kernels over the stand-in for CuPy: every thread of the very text runs on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

import fake_cupy
from gradcore.backends import CuPyBackend, Kernel
from gradcore.backends.cuda.launcher import SHORT_INDEX, _places
from gradcore.backends.cuda.layout import joined
from gradcore.backends.formulas.expression import Symbol
from native_compiler import needs_compiler

pytestmark = needs_compiler

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 1023, 1024, 1025, 2047, 2048, 2049, 4099]


def affine() -> Kernel:
    x, y, scale = Symbol.array("x"), Symbol.array("y"), Symbol.constant("scale")
    return Kernel("affine", (x, y), (scale,), (x * scale + y, x > y))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sizes_around_the_ends_of_packs_and_blocks(dtype, pretended, rng):
    cuda, kernel = CuPyBackend(), affine()
    for size in SIZES:
        for start in (0, 1):  # the second is no boundary of a pack
            x, y = (rng.normal(size=size + start).astype(dtype) for _ in range(2))
            total, larger = cuda.elementwise(kernel, [cuda.asarray(x)[start:], cuda.asarray(y)[start:]], [2.0])
            np.testing.assert_array_equal(total, (2 * x.astype("f8") + y).astype(dtype)[start:] if dtype != "float32"
                                          else (2 * x + y)[start:])
            np.testing.assert_array_equal(larger, (x > y)[start:])


def test_nothing_is_written_beyond_the_end(pretended):
    cuda, kernel = CuPyBackend(), Kernel.of_primitive("negative")
    for size in SIZES[1:]:
        for start in (0, 1):
            memory = cuda.full((size + 8,), 7.0, np.dtype("float32"))
            cuda.elementwise_into(kernel, [cuda.copy(memory[:size])], (), [memory[start:start + size]])
            assert (memory[:start] == 7).all() and (memory[start + size:] == 7).all()
            assert (memory[start:start + size] == -7).all()


def test_results_in_place_need_no_memory(pretended, rng):
    cuda, kernel, float32 = CuPyBackend(), affine(), np.dtype("float32")
    x, y = (cuda.asarray(rng.normal(size=(40, 50)).astype("f4")) for _ in range(2))
    larger, expected = cuda.empty((40, 50), np.dtype(bool)), 2 * np.asarray(x) + np.asarray(y)
    cuda.elementwise_into(kernel, [x, y], [2.0], [cuda.empty((40, 50), float32), larger])
    fake_cupy.log.clear()
    cuda.elementwise_into(kernel, [x, y], [2.0], [x, larger])
    assert fake_cupy.log == [("launch", "gradcore_affine", 2, 256)]
    np.testing.assert_array_equal(x, expected)


def test_results_over_other_elements_of_the_inputs_come_from_a_copy(pretended):
    cuda, kernel = CuPyBackend(), Kernel.of_primitive("negative")
    base = np.arange(30, dtype="f4").reshape(5, 6)
    for read, written in [((slice(1, 5),), (slice(0, 4),)), ((..., slice(None, None, -1)), (...,)),
                          ((slice(0, 3), slice(0, 3)), (slice(0, 3), slice(1, 4)))]:
        array, expected = cuda.asarray(base), base.copy()
        expected[written] = -base[read]
        cuda.elementwise_into(kernel, [array[read]], (), [array[written]])
        np.testing.assert_array_equal(array, expected)
    square = cuda.asarray(base[:, :5])
    cuda.elementwise_into(kernel, [square.T], (), [square])
    np.testing.assert_array_equal(square, -base[:, :5].T)


@pytest.mark.parametrize("size, blocks", [(1, 1), (1024, 1), (1025, 2), (4096, 4), (4097, 5)])
def test_a_block_takes_a_thousand_elements(size, blocks, pretended):
    cuda = CuPyBackend()
    cuda.elementwise(Kernel.of_primitive("exp"), [cuda.full((size,), 1.0, np.dtype("float32"))])
    assert fake_cupy.logged("launch")[-1] == ("gradcore_exp", blocks, 256)


def test_more_elements_than_threads_take_several_turns(pretended, monkeypatch):
    monkeypatch.setattr("gradcore.backends.cuda.launcher.MOST_BLOCKS", 2)
    cuda = CuPyBackend()
    for array in (np.arange(5000, dtype="f4"), np.arange(10_000, dtype="f4")[::2]):
        (found,) = cuda.elementwise(Kernel("minus", (Symbol.array("x"),), (), (-Symbol.array("x"),)),
                                    [cuda.asarray(np.arange(10_000, dtype="f4"))[::2] if array[1] == 2
                                     else cuda.asarray(array)])
        np.testing.assert_array_equal(found, -array)
        assert fake_cupy.logged("launch")[-1][1] == 2


def test_views_are_read_where_they_lie(pretended, rng):
    cuda, kernel = CuPyBackend(), affine()
    base = rng.normal(size=(6, 5, 7)).astype("f4")
    array = cuda.asarray(base)
    views = [(slice(None),), (slice(None, None, 2),), (..., slice(None, None, -1)), (slice(1, 4), 2),
             (0, slice(None), slice(2, 3)), (slice(None), 1, 3)]
    for view in views:
        x, device_x = base[view], array[view]
        for y, device_y in [(x.T.copy().T, None), (x[..., :1], device_x[..., :1]), (x[:1], device_x[:1])]:
            device_y = cuda.asarray(np.ascontiguousarray(y.T)).T if device_y is None else device_y
            total, _ = cuda.elementwise(kernel, [device_x, device_y], [0.5])
            np.testing.assert_array_equal(total, x * np.float32(0.5) + y)


def test_elements_are_counted_in_32_bits_where_that_is_enough():
    class Array:
        shape, strides, itemsize = (5, 3), (SHORT_INDEX, 4), 4

    assert _places([Array], (5, 3), 15)[0] == (2, "long long")  # a stride reaches far
    assert joined((5, 3), [(3, 1)]) == ((15,), [(1,)])
    (ndim, kind), structure = _places([np.empty((5, 3), "f4")[:, ::2]], (5, 2), 10)
    assert (ndim, kind) == (2, "int") and structure.tobytes() == np.int32([10, 5, 2, 3, 2]).tobytes()


def test_a_combination_is_found_out_once(pretended, monkeypatch):
    cuda, kernel = CuPyBackend(), Kernel.of_primitive("negative")
    x = cuda.full((10,), 1.0, np.dtype("float32"))
    cuda.elementwise(kernel, [x])
    monkeypatch.setattr("gradcore.backends.cuda.launcher.compute_and_result", None)
    fake_cupy.log.clear()
    for value in (2.0, 3.0):
        x.fill(value)
        assert (cuda.elementwise(kernel, [x])[0] == -value).all()
    assert not fake_cupy.logged("enter")  # the device is the current one


def test_another_device_is_entered(pretended):
    second = CuPyBackend(1)
    (found,) = second.elementwise(Kernel.of_primitive("negative"), [second.full((3,), 1.0, np.dtype("float32"))])
    assert second.owns(found) and fake_cupy.Device.current == [0]
