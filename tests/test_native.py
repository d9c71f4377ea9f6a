"""Native kernels on the CPU: their mathematics, how they are called, and where they are kept."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import gradcore
from gradcore.backends import BackendUnavailable, Kernel, native
from gradcore.backends.native import build, handles, loops, threads, vector_math
from gradcore.backends.formulas import special
from gradcore.backends.formulas.expression import Symbol, apply
from gradcore.functions.parametric import parametric_relu
from kernels import whole_range
from native_compiler import needs_compiler

F32, F64 = np.dtype("float32"), np.dtype("float64")
X, Y, SCALE = Symbol.array("x"), Symbol.array("y"), Symbol.constant("scale")
DOUBLED = Kernel("doubled", (X,), (), (apply("multiply", 2.0, X),))


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of libraries, on disk and in the process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "_libraries", {})
    return tmp_path / "cache" / "gradcore"


def run(kernel, inputs, constants=(), scalar_inputs=None, dtype=F32):
    scalar_inputs = scalar_inputs or (False,) * len(inputs)
    n = next(array.size for array, scalar in zip(inputs, scalar_inputs) if not scalar)
    outputs = [np.empty(n, bool if root.is_boolean else dtype) for root in kernel.outputs]
    native.program(kernel, dtype, dtype, scalar_inputs)(n, inputs, constants, outputs)
    return outputs


# -- mathematics ----------------------------------------------------------------------------------------------
@needs_compiler
@pytest.mark.parametrize("name, ulps", [("exp", 1.1), ("exp2", 1.1), ("expm1", 1.5), ("log", 1.0), ("log2", 2.0),
                                        ("log1p", 1.0), ("tanh", 1.6), ("sinh", 3.0), ("cosh", 3.0), ("sin", 3.0),
                                        ("cos", 3.0), ("arctan", 3.0), ("sigmoid", 2.8), ("normpdf", 2.0)])
def test_float32_functions_over_the_whole_range(name, ulps, rng):
    x = whole_range(rng, 1_000_000)
    (found,) = run(Kernel.of_primitive(name), [x])
    with np.errstate(all="ignore"):
        wide = x.astype(F64)
        truth = 1 / (1 + np.exp(-wide)) if name == "sigmoid" else (getattr(np, name, None) or special.normpdf)(wide)
        rounded = truth.astype(F32)
        finite = np.isfinite(rounded)
        unit = np.spacing(np.maximum(np.abs(rounded), 1e-30, dtype=F32))
        error = np.abs(found[finite] - truth[finite]) / unit[finite]
    np.testing.assert_array_equal(found[~finite], rounded[~finite])  # NaN and infinities, with their sign
    assert error.max() <= ulps, f"{error.max()} units at {x[finite][error.argmax()]!r}"
    zero = (x == 0) & (rounded == 0)
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]))


@needs_compiler
def test_the_plain_c_library_will_do(monkeypatch, cache, rng):
    """Elsewhere than with glibc on x86-64 there are no vector functions to declare."""
    monkeypatch.setattr(vector_math, "_glibc_of_x86", lambda: (0, 0))
    assert "omp declare simd" not in vector_math.source()
    x = whole_range(rng, 1000)
    for name in ("sin", "sinh", "normcdf", "tanh"):
        with np.errstate(all="ignore"):
            expected = Kernel.of_primitive(name).outputs[0].primitive.numpy(x.astype(F64)).astype(F32)
        np.testing.assert_allclose(run(Kernel.of_primitive(name), [x])[0], expected, rtol=4e-7, atol=1e-37)


# -- calls ----------------------------------------------------------------------------------------------------
@needs_compiler
@pytest.mark.parametrize("n", [0, 1, 3, 17, 1000, threads.PARALLEL_FROM - 1, threads.PARALLEL_FROM,
                               3 * threads.PARALLEL_FROM + 5])
def test_every_element_is_computed_once_whatever_the_threads(n, rng):
    x = rng.normal(size=n).astype(F32)
    guarded = np.full(n + 2, 7, F32)
    native.program(DOUBLED, F32, F32, (False,))(n, [x], (), [guarded[1:-1]])
    np.testing.assert_array_equal(guarded[1:-1], 2 * x)
    assert guarded[0] == guarded[-1] == 7


@needs_compiler
@pytest.mark.parametrize("n", [1, 511, 512, 100_003])
@pytest.mark.parametrize("first", [0, 1, 3, 16])  # elements before the array in memory, which decide its alignment
def test_stores_past_the_caches_write_the_same(n, first, rng, monkeypatch):
    monkeypatch.setattr(loops, "cache_bytes", lambda: 0)
    kernel = Kernel("several", (X, Y), (SCALE,), (X * SCALE + Y, X > Y))
    x, y = rng.normal(size=(2, n)).astype(F32)
    total, larger = np.full(n + first + 1, 7, F32), np.full(n + first + 1, 7, np.uint8)
    parts = total[first:first + n], larger[first:first + n].view(bool)
    native.program(kernel, F32, F32, (False, False))(n, [x, y], (3.0,), parts)
    np.testing.assert_array_equal(parts[0], x * F32.type(3) + y)
    np.testing.assert_array_equal(parts[1], x > y)
    for array in (total, larger):  # nothing beside it was touched
        assert (array[:first] == 7).all() and array[-1] == 7


@needs_compiler
def test_numbers_constants_and_several_outputs(rng):
    kernel = Kernel("several", (X, Y), (SCALE,), (X * SCALE + Y, X > Y, apply("negative", Y)))
    x = rng.normal(size=100).astype(F32)
    total, larger, negative = run(kernel, [x, 0.25], (3.0,), (False, True))
    np.testing.assert_array_equal(total, x * F32.type(3) + F32.type(0.25))
    np.testing.assert_array_equal(larger, x > 0.25)
    np.testing.assert_array_equal(negative, np.full(100, -0.25, F32))


@needs_compiler
def test_the_output_may_be_the_memory_of_an_input(rng):
    x = rng.normal(size=1000)
    expected = 2 * x
    native.program(DOUBLED, F64, F64, (False,))(1000, [x], (), [x])
    np.testing.assert_array_equal(x, expected)


@needs_compiler
def test_what_widens_is_rounded_once(rng):
    x = rng.normal(size=1000).astype(F32)
    kernel = Kernel("one", (X,), (), ((X + 1e8) - 1e8,), widens=True)
    out = np.empty_like(x)
    native.program(kernel, F64, F32, (False,))(1000, [x], (), [out])
    np.testing.assert_array_equal(out, ((x.astype(F64) + 1e8) - 1e8).astype(F32))


@needs_compiler
def test_products_and_sums_are_rounded_apart(rng):
    """A fused a * b - b * a is the rounding error of the product, and not 0."""
    a, b = rng.normal(size=(2, 10_000)).astype(F32)
    kernel = Kernel("none", (X, Y), (), (X * Y - Y * X,))
    assert not run(kernel, [a, b])[0].any()


@pytest.mark.parametrize("compute, result", [("int64", "int64"), ("bool", "bool"), ("float32", "float16")])
def test_other_dtypes_are_left_to_numpy(compute, result):
    assert native.program(DOUBLED, np.dtype(compute), np.dtype(result), (False,)) is None


@needs_compiler
def test_arrays_can_be_asked_for_their_address(monkeypatch, cache, rng):
    """As is done where an array's place in memory is not its `id`."""
    monkeypatch.setattr(handles, "handle", handles.address)
    monkeypatch.setattr(handles, "DATA", handles.DATA_OF_ADDRESS)
    x = rng.normal(size=100).astype(F32)
    np.testing.assert_array_equal(run(DOUBLED, [x])[0], 2 * x)


@needs_compiler
@pytest.mark.skipif(threads.CORES == 1, reason="one core has one thread")
def test_other_threads_take_parts():
    began: dict[int, list] = {}  # the parts of each thread
    lock, others_began = threading.Lock(), threading.Event()

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_long, ctypes.c_long)
    def part(_, begin, end):
        with lock:
            began.setdefault(threading.get_ident(), []).append((begin, end))
            if len(began) > 1:
                others_began.set()
        others_began.wait(timeout=1)

    share = ctypes.CFUNCTYPE(None, ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    for _ in range(60):  # whoever had to wait for another thread goes on alone for a while
        began.clear()
        share(threads.share_address())(1000, 64, ctypes.cast(part, ctypes.c_void_p), None)
        parts = sorted(part for parts in began.values() for part in parts)
        assert [0, *(end for _, end in parts)] == [*(begin for begin, _ in parts), 1000]
        if others_began.is_set():
            break
    assert others_began.is_set() and all(begin % 64 == 0 for begin, _ in parts)


@needs_compiler
def test_cores_that_belong_to_other_processes_are_left_to_them():
    seen: set[int] = set()

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_long, ctypes.c_long)
    def part(_, begin, end):
        seen.add(threading.get_ident())

    share = ctypes.CFUNCTYPE(None, ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    threads.use_cores(1)
    try:
        for _ in range(50):
            share(threads.share_address())(100_000, 64, ctypes.cast(part, ctypes.c_void_p), None)
    finally:
        threads.use_cores(threads.CORES)
    assert seen == {threading.get_ident()}


@needs_compiler
def test_several_threads_may_call_at_once(rng):
    x = rng.normal(size=(4, 3 * threads.PARALLEL_FROM)).astype(F32)
    run_doubled, outputs = native.program(DOUBLED, F32, F32, (False,)), np.empty_like(x)

    def repeat(i):
        for _ in range(50):
            outputs[i] = 0
            run_doubled(x.shape[1], [x[i]], (), [outputs[i]])
            np.testing.assert_array_equal(outputs[i], 2 * x[i])

    with ThreadPoolExecutor(4) as pool:
        assert not any(job.exception() for job in [pool.submit(repeat, i) for i in range(4)])


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_computes_too():
    text = """
import os, signal
import numpy as np
from gradcore.backends import Kernel, native
n, f = 1 << 20, np.dtype("float32")
run = native.program(Kernel.of_primitive("exp"), f, f, (False,))
x, y = np.zeros(n, f), np.empty(n, f)
run(n, [x], (), [y])  # wakes the threads
child = os.fork()
if child == 0:
    signal.alarm(20)
    y[:] = 0
    run(n, [x], (), [y])
    os._exit(0 if (y == 1).all() else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", text], check=True, timeout=60)


# -- the compiler and the cache -------------------------------------------------------------------------------
@needs_compiler
def test_a_library_is_built_once_and_kept_for_this_user_alone(cache, monkeypatch):
    run(DOUBLED, [np.ones(3, F32)])
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert {path.suffix for path in cache.iterdir()} == {".so"}  # and no temporary file is left
    monkeypatch.setattr(build, "_libraries", {})
    monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("built again"))
    run(DOUBLED, [np.ones(3, F32)])


@needs_compiler
@pytest.mark.parametrize("change", ["flags", "compiler", "processor", "source"])
def test_what_decides_the_code_is_in_its_name(change, monkeypatch):
    command = [*native.compiler(), *build.FLAGS]
    before = build._key("source", command)
    if change == "compiler":
        monkeypatch.setattr(build, "_compiler_identity", lambda name: "another version")
    elif change == "processor":
        monkeypatch.setattr(build, "_processor", lambda: "another")
    after = build._key("other" if change == "source" else "source", command + ["-g"] * (change == "flags"))
    assert before != after


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system has no user numbers")
@pytest.mark.parametrize("why", ["open to others", "belongs to another user", "no folder", "cannot be made"])
def test_code_is_not_loaded_from_a_folder_that_is_not_ours_alone(why, cache, monkeypatch, tmp_path):
    cache.parent.mkdir()
    if why == "open to others":
        cache.mkdir()
        cache.chmod(0o770)
    elif why == "belongs to another user":
        monkeypatch.setattr(os, "getuid", lambda: os.stat(tmp_path).st_uid + 1)
    elif why == "no folder":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        cache.symlink_to(tmp_path / "elsewhere")
    else:
        cache.write_text("a file is in its place")
    folder = native.cache_folder()
    assert folder != cache and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert run(DOUBLED, [np.ones(3, F32)])[0].tolist() == [2, 2, 2]
    if cache.is_dir():
        assert not list(cache.iterdir())


@pytest.mark.parametrize("environment, text", [({"CXX": "", "PATH": ""}, "install one"),
                                               ({"CXX": "no-such-compiler"}, "CXX names 'no-such-compiler'")])
def test_a_machine_without_a_compiler_is_told_so(environment, text, monkeypatch, cache):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BackendUnavailable, match=text):
        native.program(DOUBLED, F32, F32, (False,))


@needs_compiler
def test_a_compiler_that_fails_is_quoted(monkeypatch, cache):
    monkeypatch.setattr(build, "FLAGS", ("--no-such-option",))
    with pytest.raises(BackendUnavailable, match="no-such-option"):
        native.program(DOUBLED, F32, F32, (False,))
    assert not list(cache.iterdir())


# -- through operations ---------------------------------------------------------------------------------------
@needs_compiler
def test_an_array_of_one_element_is_a_number_of_the_loop(rng, chosen_kernels):
    values, slopes = rng.normal(size=(2, 1000)).astype(F32)
    results = []
    for kind in ("native", "numpy"):
        gradcore.set_cpu_kernels(kind)
        for slope in (slopes[0], slopes[:1]):  # no dimension, and one of another shape than x
            x, weight = (gradcore.Tensor(array, requires_grad=True) for array in (values, slope))
            y = parametric_relu(x, weight) + weight / x
            y.backward(values)
            results.append([array.numpy() for array in (y, x.grad, weight.grad)])
    for other in results[1:]:
        for found, expected in zip(results[0], other):
            np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=1e-5)
