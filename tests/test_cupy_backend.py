"""What of the CUDA backend can be tested where there is no GPU: its reasons, and its code over a stand-in for CuPy."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest

import fake_cupy
import gradcore
from gradcore.backends import Backend, BackendUnavailable, CuPyBackend, Kernel, NumPyBackend
from gradcore.backends.cuda import compiler, device
from gradcore.backends.formulas.expression import Symbol
from gradcore.backends.philox import Place
from kernels import everything, primitives
from native_compiler import needs_compiler

pytestmark = needs_compiler


# -- why CUDA cannot be used ----------------------------------------------------------------------------------
def _raises(error):
    def function(*_, **__):
        raise error
    return function


def test_cupy_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(device, "_usable", set())
    assert device.device_count() == 0
    with pytest.raises(BackendUnavailable, match=r"cuda:0 cannot be used: CuPy is not installed.*gradcore\[cuda13\]"):
        CuPyBackend()


def test_no_driver(pretended, monkeypatch):
    error = RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")
    monkeypatch.setattr(pretended.cuda.runtime, "getDeviceCount", _raises(error))
    assert device.device_count() == 0
    with pytest.raises(BackendUnavailable,
                       match="no CUDA device or no driver.*cudaErrorInsufficientDriver.*nvidia-smi"):
        CuPyBackend()


def test_no_device(pretended, monkeypatch):
    monkeypatch.setattr(pretended.cuda.runtime, "getDeviceCount", lambda: 0)
    with pytest.raises(BackendUnavailable, match="sees no CUDA device"):
        CuPyBackend()


def test_no_device_with_that_index(pretended):
    assert device.device_count() == 2
    with pytest.raises(BackendUnavailable, match=r"cuda:7 cannot be used.*2 CUDA device\(s\), cuda:0, cuda:1"):
        CuPyBackend(7)


def test_a_cupy_without_its_compiler(pretended, monkeypatch):
    monkeypatch.setattr(pretended.cuda.nvrtc, "getVersion", _raises(ImportError("libnvrtc.so.13: cannot open")))
    with pytest.raises(BackendUnavailable, match="cannot compile.*ImportError: libnvrtc.*CUDA_PATH"):
        CuPyBackend()
    assert device.usable_reason() is not None


def test_a_device_on_which_no_kernel_runs(pretended, monkeypatch):
    monkeypatch.setattr(pretended, "RawModule", _raises(RuntimeError("CUDA_ERROR_NO_BINARY_FOR_GPU")))
    with pytest.raises(BackendUnavailable, match="cannot compile and run a kernel.*NO_BINARY_FOR_GPU"):
        CuPyBackend()


def test_asking_makes_no_context(pretended, monkeypatch):
    """A child process of one that has asked can use CUDA still: CUDA itself was not started."""
    monkeypatch.setattr(device, "managed", lambda: (2, 13020))
    for name in ("getDeviceCount", "getDevice", "getDeviceProperties"):
        monkeypatch.setattr(pretended.cuda.runtime, name, _raises(AssertionError(f"{name} starts CUDA")))
    monkeypatch.setattr(pretended.cuda, "Device", _raises(AssertionError("a device was entered")))
    assert device.usable_reason(1) is None and device.device_count() == 2
    assert "no device with that index" in device.usable_reason(2)


def test_a_driver_that_is_too_old(pretended, monkeypatch):
    monkeypatch.setattr(device, "managed", lambda: (1, 12080))
    assert "the driver supports CUDA 12.8, and this CuPy needs CUDA 13" in device.usable_reason()


# -- the backend over the stand-in ----------------------------------------------------------------------------
def test_signatures_are_the_base_class():
    for name, method in inspect.getmembers(Backend, inspect.isfunction):
        assert (list(inspect.signature(getattr(CuPyBackend, name)).parameters)
                == list(inspect.signature(method).parameters)), name


INTEGER_KERNELS = [name for name, kernel in primitives().items() if kernel.keeps_integers and name != "power"]
SOME_KERNELS = ["exp", "less", "remainder", "my_mish", "my_prelu_backward", "my_two_inputs", "my_two_inputs_backward"]


@pytest.mark.parametrize("dtype, names", [("float16", SOME_KERNELS), ("float32", SOME_KERNELS),
                                          ("float64", SOME_KERNELS), ("int8", INTEGER_KERNELS),
                                          ("int64", INTEGER_KERNELS), ("uint8", INTEGER_KERNELS), ("bool", ["add"])])
def test_kernels_give_what_numpy_gives(dtype, names, pretended, rng):
    cuda, cpu = CuPyBackend(1), NumPyBackend()
    for name in names:
        kernel = everything()[name]
        inputs = [(3 * rng.normal(size=300) if dtype[0] == "f" else rng.integers(-90, 100, 300)).astype(dtype)
                  for _ in kernel.inputs]
        constants = [0.75] * len(kernel.constants)
        outputs = cuda.elementwise(kernel, [cuda.asarray(array) for array in inputs], constants)
        for found, expected in zip(outputs, cpu.elementwise(kernel, inputs, constants)):
            assert cuda.owns(found) and found.dtype == expected.dtype, name
            tolerance = 8 * np.finfo(dtype).eps if dtype[0] == "f" else 0
            np.testing.assert_allclose(cuda.to_numpy(found), expected, tolerance, tolerance, err_msg=name)


def test_integer_powers(pretended):
    cuda, kernel = CuPyBackend(), Kernel.of_primitive("power")
    base, exponent = np.array([2, -3, 7, 0, 10]), np.array([10, 3, 0, 0, 18])
    (found,) = cuda.elementwise(kernel, [cuda.asarray(base), cuda.asarray(exponent)])
    np.testing.assert_array_equal(cuda.to_numpy(found), base ** exponent)


def test_broadcasting_numbers_and_constants(pretended, rng):
    cuda = CuPyBackend()
    x, y, scale = Symbol.array("x"), Symbol.array("y"), Symbol.constant("scale")
    kernel = Kernel("affine", (x, y), (scale,), (x * scale + y, x > y))
    a, b = rng.normal(size=(3, 1)).astype("float32"), rng.normal(size=(1, 4)).astype("float32")
    total, larger = cuda.elementwise(kernel, [cuda.asarray(a), cuda.asarray(b)], [2.0])
    np.testing.assert_allclose(cuda.to_numpy(total), 2 * a + b)
    np.testing.assert_array_equal(cuda.to_numpy(larger), a > b)
    total, _ = cuda.elementwise(kernel, [3, cuda.asarray(b)], [2.0])
    np.testing.assert_allclose(cuda.to_numpy(total), 6 + b)
    total, _ = cuda.elementwise(kernel, [3, 1.5], [2.0])
    assert total.shape == () and total.dtype == "float32" and total == 7.5


def test_a_kernel_is_compiled_once_for_its_dtypes(pretended, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cuda = CuPyBackend()
    x, scale = Symbol.array("x"), Symbol.constant("scale")

    def run() -> int:
        before = len(fake_cupy.NVRTC.compiled)
        kernel = Kernel("scaled", (x,), (scale,), (x * scale,))
        for n in (3, 4, 5):
            ones = cuda.full((n,), 1, np.dtype("float32"))
            cuda.elementwise(kernel, [ones], [float(n)])
        cuda.elementwise(kernel, [cuda.astype(ones, np.dtype("float16"))], [2.0])
        return len(fake_cupy.NVRTC.compiled) - before

    assert run() == 2
    assert run() == 0  # found on the disk
    for cubin in (tmp_path / "gradcore").glob("cuda-*.cubin"):
        cubin.write_bytes(cubin.read_bytes()[:-10])  # a full disk left half of it
    assert run() == 2
    assert "__global__ void __launch_bounds__(256) gradcore_scaled" in cuda.compile(
        Kernel("scaled", (x,), (scale,), (x * scale,)), np.dtype("float16"))


def test_the_compilers_words_are_shown(pretended, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"NVRTC \(13, 2\) failed for sm_90 .*\ngradcore.cu\(1\): error"):
        compiler.function(pretended, "#error", "f")


def test_numbers_close_to_zero_and_beyond_the_range(pretended):
    """What CuPy's own kernels would flush, and a number that warns where the host makes a float32 of it."""
    cuda = CuPyBackend()
    x = Symbol.array("x")
    tiny = cuda.asarray(np.float32([1e-38, 1e-40, -1e-45, 1]))
    (same,) = cuda.elementwise(Kernel.of_primitive("multiply"), [tiny, 1.0])
    np.testing.assert_array_equal(same, tiny)
    (large,) = cuda.elementwise(Kernel.of_primitive("add"), [tiny, 1e300])
    assert np.isinf(large).all() and large.dtype == "float32"
    scale = Symbol.constant("scale")
    (large,) = cuda.elementwise(Kernel("scaled", (x,), (scale,), (x * scale,)), [tiny], [1e300])
    assert np.isinf(large[3])
    assert np.isinf(cuda.full((2,), 1e300, np.dtype("float32"))).all()
    cuda.assign(tiny, 0, 1e300)
    assert np.isinf(tiny[0])


def test_minus_zero_stays(pretended):
    cuda, float32 = CuPyBackend(), np.dtype("float32")
    assert np.signbit(cuda.full((3,), -0.0, float32)).all() and np.signbit(cuda.asarray(-0.0))
    assert np.signbit(cuda.asarray(np.float16(-0.0))) and not np.signbit(cuda.full((3,), 0.0, float32)).any()
    array = cuda.full((3,), 1.0, float32)
    cuda.assign(array, slice(None), -0.0)
    assert np.signbit(array).all()
    cuda.assign(array, 0, 0.0)
    assert np.signbit(array).tolist() == [False, True, True]


def test_a_matrix_that_cannot_be_decomposed_is_an_error(cuda):
    """CuPy returns what is in memory then, and says nothing unless it is told to look."""
    matrices = gradcore.Tensor([[4.0, 2.0], [2.0, 3.0]], device="cuda:1")
    np.testing.assert_allclose(gradcore.linalg.cholesky(matrices).numpy(), [[2, 0], [1, np.sqrt(2)]], rtol=1e-6)
    with pytest.raises(gradcore.linalg.LinAlgError, match="cholesky: error reported by spotrf in cuSOLVER"):
        gradcore.linalg.cholesky(-matrices)
    assert gradcore.linalg.det(matrices * 0).item() == 0  # no error, and so not looked at
    assert fake_cupy.errors == ["ignore"]


def test_float16_products_of_a_row_and_a_column_are_added_up_in_float32(pretended):
    cuda = CuPyBackend()
    row, column = cuda.full((1, 4), 200, np.dtype("float16")), cuda.full((4, 1), 0.1, np.dtype("float16"))
    exact = float(4 * 200 * np.float64(np.float16(0.1)))
    for a, b in [(row, column), (row[0], column[:, 0]), (row, column[:, 0]), (row[0], column)]:
        found = cuda.matmul(a, b)
        assert found.dtype == "float16" and abs(float(found.reshape(())) - exact) <= 0.04
    big, opposite = cuda.asarray(np.float16([[300, 300]])), cuda.asarray(np.float16([[300], [-300]]))
    assert cuda.matmul(big, opposite).tolist() == [[0]]


def test_moving_and_changing_arrays(pretended):
    first, second = CuPyBackend(0), CuPyBackend(1)
    a = first.asarray([[1, 2, 3], [4, 5, 6]], np.dtype("float32"))
    assert first.owns(a) and not second.owns(a) and not first.owns(np.ones(3))
    assert first.asarray(a) is a and first.asarray(a, copy=True) is not a
    assert second.owns(second.asarray(a))
    first.add_at(a, (slice(None), 0), first.full((2,), 10, np.dtype("float32")))
    first.add_at(a, first.asarray([1, 1]), first.full((2, 3), 1, np.dtype("float32")))
    first.assign(a, (0, 2), 9)
    assert first.to_numpy(a).tolist() == [[11, 2, 9], [16, 7, 8]]
    assert first.to_numpy(first.take(a, (Ellipsis, None, 1))).tolist() == [[2], [7]]
    assert first.to_numpy(first.matmul(a, first.copy(a.T))).shape == (2, 2)
    assert second.owns(second.xp.sum(second.empty((2, 3), np.dtype("float32")), axis=0)) and second.xp.pi == np.pi


def test_rows_are_summed_where_that_is_asked_for(pretended, rng):
    kernel = gradcore.rowwise(lambda xp, x: x - xp.mean(x)).kernel
    cuda, cpu, x = CuPyBackend(1), NumPyBackend(), rng.normal(size=(4, 5))
    (found,) = cuda.rowwise(kernel, [cuda.asarray(x)], [], (1,), x.shape, (True,))
    (expected,) = cpu.rowwise(kernel, [x], [], (1,), x.shape, (True,))
    assert found.shape == (1, 5)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_random_numbers_are_those_of_the_cpu(dtype, pretended):
    place, dtype = Place(5, 1, 9), np.dtype(dtype)
    for shape in ((), (3, 5), (0, 2), (1001,)):
        drawn = CuPyBackend(1).random(place, shape, dtype)
        assert CuPyBackend(1).owns(drawn) and drawn.shape == shape and drawn.dtype == dtype
        np.testing.assert_array_equal(drawn, NumPyBackend().random(place, shape, dtype))


def test_memory_figures(pretended):
    cuda, pool = CuPyBackend(), pretended.get_default_memory_pool()
    pool.malloc(1000)
    assert cuda.memory_stats() == {"allocated": 1000, "reserved": 1512} and cuda.peak_memory() == 1000
    cuda.reset_peak_memory()
    pool.malloc(500)
    pool.free(700)
    assert cuda.memory_stats() == {"allocated": 800, "reserved": 1312}
    pool.malloc(300)
    assert cuda.peak_memory() == 1500
    cuda.reset_peak_memory()
    assert cuda.peak_memory() == 1100
    cuda.empty_cache()
    cuda.synchronize()
    assert cuda.description() == "Pretended GPU 0"


def test_allocations_are_counted_until_the_peak_is_read(pretended):
    """Each passes through Python as long as they are counted."""
    cuda, hooks = CuPyBackend(), fake_cupy.MemoryHook.entered
    cuda.reset_peak_memory()
    cuda.reset_peak_memory()
    cuda.memory_stats()
    assert len(hooks) == 1
    cuda.peak_memory()
    assert not hooks


def test_copies_are_told_from_views(pretended):
    cuda = CuPyBackend()
    x = cuda.full((2, 3), 1.0, np.dtype("float32"))
    assert cuda.shares_memory(x, x.T) and cuda.shares_memory(x[1:], x)
    assert not cuda.shares_memory(x, cuda.copy(x)) and not cuda.shares_memory(x[:1], x[1:])
