"""Row kernels and sums on CUDA devices over the stand-in for CuPy: every thread of the very text runs on the CPU, with
the others of its block where it waits for them.
"""

from __future__ import annotations

import numpy as np
import pytest

import fake_cupy
import gradcore
from gradcore.backends import CuPyBackend, Kernel, NumPyBackend
from gradcore.backends.cuda.row_launcher import sharing
from gradcore.backends.formulas.rows import RowNamespace
from gradcore.core.rowwise import rowwise
from kernels import row_kernels
from native_compiler import needs_compiler

pytestmark = needs_compiler

KERNELS = row_kernels()
CPU = NumPyBackend()


@rowwise
def everything_of_a_row(xp, x, scale, shift):
    """All that the language has of rows, in two results."""
    weighted = x * scale + 0.1 * xp.position
    return weighted / (xp.max(weighted) - xp.min(weighted) + xp.sum(x * x)) + shift, xp.mean(weighted)


def arrays_for(kernel: Kernel, shape: tuple, dims: tuple, dtype: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Random inputs; labels are classes, and what is one number for each row has its shape."""
    rows = tuple(1 if i in dims else n for i, n in enumerate(shape))
    count = int(np.prod([shape[i] for i in dims]))

    def array_for(symbol):
        if symbol.name == "target" and "probability" not in kernel.name:
            return rng.integers(0, count, rows)
        normal = rng.normal(size=rows if symbol.is_row else shape).astype(dtype)
        # A saved number of the row may be a variance, of which no negative one exists.
        return np.abs(normal) if symbol.name.startswith("_output") else normal

    return [array_for(symbol) for symbol in kernel.inputs]


def check(kernel: Kernel, arrays: list[np.ndarray], dims: tuple, shape: tuple, moved=lambda array: array) -> None:
    cuda = CuPyBackend()
    constants = [0.3] * len(kernel.constants)
    found = cuda.rowwise(kernel, [moved(cuda.asarray(array)) for array in arrays], constants, dims, shape)
    doubles = [np.asarray(moved(array), np.float64 if array.dtype.kind == "f" else None) for array in arrays]
    for result, exact in zip(found, CPU.rowwise(kernel, doubles, constants, dims, shape)):
        assert result.shape == exact.shape and cuda.owns(result) and result.flags.c_contiguous
        dtype = arrays[0].dtype
        assert result.dtype == dtype
        tolerance = {"float16": 2e-3, "float32": 3e-6, "float64": 1e-13}[str(dtype)]
        np.testing.assert_allclose(np.asarray(result, "f8"), exact, tolerance, tolerance * np.nanmax(np.abs(exact)))


SIZES = [1, 4, 5, 16, 33, 128, 129, 512, 513, 1025, 4097]


@pytest.mark.parametrize("n", SIZES)
def test_rows_of_every_length(n, pretended, rng):
    for rows in (1, 3, 67 if n < 33 else 2):
        arrays = arrays_for(everything_of_a_row.kernel, (rows, n), (1,), "float32", rng)
        check(everything_of_a_row.kernel, arrays, (1,), (rows, n))


@pytest.mark.parametrize("n", [1, 5, 64, 65, 512, 513])
def test_rows_across_memory(n, pretended, rng):
    shape = (2, n, 35)
    arrays = arrays_for(everything_of_a_row.kernel, shape, (1,), "float32", rng)
    arrays[1], arrays[2] = arrays[1][:1, :, :1], arrays[2][:, :1]  # one for each place, one for each row
    check(everything_of_a_row.kernel, arrays, (1,), shape)


@pytest.mark.parametrize("dims", [(0, 2), (0, 1), (1, 2), (0, 1, 2), ()])
@pytest.mark.parametrize("n", [6, 700])
def test_rows_of_several_dimensions(dims, n, pretended, rng):
    shape = (3, 5, n)
    check(everything_of_a_row.kernel, arrays_for(everything_of_a_row.kernel, shape, dims, "float32", rng), dims, shape)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_dtypes(dtype, pretended, rng):
    for shape in ((3, 40), (2, 5000)):
        arrays = arrays_for(everything_of_a_row.kernel, shape, (1,), dtype, rng)
        check(everything_of_a_row.kernel, arrays, (1,), shape)


@pytest.mark.parametrize("name", KERNELS)
def test_built_in_kernels(name, pretended, rng):
    shape = (5, 20)
    check(KERNELS[name], arrays_for(KERNELS[name], shape, (1,), "float32", rng), (1,), shape)


def test_views_are_read_where_they_lie(pretended, rng):
    kernel = KERNELS["softmax_rows"]
    base = rng.normal(size=(12, 40)).astype("f4")
    check(kernel, [base], (1,), (6, 20), lambda array: array[::2, ::2])
    check(kernel, [base], (1,), (40, 12), lambda array: array.T)
    check(kernel, [base], (0,), (12, 40), lambda array: array[:, ::-1])


def test_nan_and_infinity(pretended):
    x = np.zeros((4, 40), "f4")
    x[0, 7], x[1, 39], x[2, 0] = np.nan, np.inf, -np.inf
    kernel = KERNELS["softmax_rows"]
    cuda = CuPyBackend()
    (found,), (expected,) = (backend.rowwise(kernel, [backend.asarray(x)], (), (1,), x.shape)
                             for backend in (cuda, CPU))
    np.testing.assert_allclose(found, expected, 1e-6)


@pytest.mark.parametrize("shape, dim", [((2, 20_000), 1), ((2, 3000), 1), ((700, 40), 0)])
def test_sums_are_as_exact_as_pairwise_ones(shape, dim, pretended, rng):
    @rowwise
    def total(xp, x):
        return xp.sum(x)

    x = rng.uniform(0.9, 1.1, shape).astype("f4")
    cuda = CuPyBackend()
    (found,) = cuda.rowwise(total.kernel, [cuda.asarray(x)], (), (dim,), shape)
    exact = x.sum(dim, dtype="f8", keepdims=True)
    assert (np.abs(found - exact) <= 2 * np.spacing(exact.astype("f4"))).all()


@pytest.mark.parametrize("shape, dims", [((5,), (0,)), ((9000,), (0,)), ((3, 5000), (1,)), ((1100, 3), (0,)),
                                         ((700, 5, 4), (0, 2)), ((4, 5, 6), (1,)), ((4, 5, 6), (0, 1, 2)), ((2, 3), ()),
                                         ((2, 600, 40), (0, 1))])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_along_any_dimensions(shape, dims, dtype, pretended, rng):
    cuda = CuPyBackend()
    x = rng.uniform(0.9, 1.1, shape).astype(dtype)
    for keepdims in (False, True):
        found = cuda.sum(cuda.asarray(x), dims, keepdims)
        exact = np.sum(x, dims, np.longdouble, keepdims=keepdims)
        assert found.shape == exact.shape and found.dtype == dtype
        assert (np.abs(found - exact) <= 2 * np.spacing(exact.astype(dtype))).all()
    assert float(cuda.sum(cuda.asarray(x.T), None, False)) == pytest.approx(x.sum(dtype="f8"), rel=1e-6)


@pytest.mark.parametrize("shape, dims", [((), ()), ((9000,), (0,)), ((3, 5000), (1,)), ((700, 5, 4), (0, 2)),
                                         ((4, 5, 6), (0, 1, 2)), ((2, 3), ())])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
def test_extrema_along_any_dimensions(shape, dims, dtype, pretended, rng):
    cuda, x = CuPyBackend(), (rng.normal(size=shape) * 100).astype(dtype)
    for which in ("max", "min"):
        for keepdims in (False, True):
            found = cuda.extremum(which, cuda.asarray(x), dims, keepdims)
            np.testing.assert_array_equal(found, getattr(np, which)(x, dims, keepdims=keepdims))
            assert found.dtype == dtype
        assert cuda.extremum(which, cuda.asarray(x.T), None, False) == getattr(x, which)()
    if x.size > 1 and dtype != "int32":
        x.flat[x.size // 2] = np.nan
        np.testing.assert_array_equal(cuda.extremum("max", cuda.asarray(x), dims, False), np.max(x, dims))


TINY = np.float32([[1e-40, 3e-40, -2e-42], [-1e-45, 5e-39, 1e-38], [-3e-39, -1e-40, -2e-41]])
OF_TINY = {"sum": lambda x: x.sum(1), "mean": lambda x: x.mean(0), "amax": lambda x: x.amax(1),
           "amin": lambda x: x.amin(0), "prod": lambda x: (x * 1e38).prod(1),
           "var": lambda x: (x * 1e20).var(1), "max": lambda x: x.max()}


@pytest.mark.parametrize("name", OF_TINY)
def test_reductions_of_numbers_close_to_zero_are_the_cpus(name, pretended):
    """With their gradients, twice: the second is added to the first.  The stand-in's own functions make 0 of them."""
    found = []
    for device in ("cpu", "cuda"):
        x = gradcore.Tensor(TINY, requires_grad=True, device=device)
        for _ in range(2):
            result = OF_TINY[name](x)
            (result * (1.0 if name in ("prod", "var") else 1e-39)).sum().backward()
        found.append((result.detach().numpy(), x.grad.numpy()))
    for expected, ours in zip(*found):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1.5e-45)
    assert found[0][0].any() and found[0][1].any()


def test_long_sums_use_the_whole_device(pretended):
    cuda = CuPyBackend()
    for shape, axis in [((100_000,), None), ((30_000, 2), (0,))]:
        x = cuda.full(shape, 1.0, np.dtype("float32"))
        fake_cupy.log.clear()
        assert (cuda.sum(x, axis, False) == shape[0]).all()
        first, *rest = fake_cupy.logged("launch")
        assert first[1] >= 4 and len(rest) == 1


def test_one_launch_for_a_call(pretended, rng):
    cuda, kernel = CuPyBackend(), KERNELS["log_softmax_rows_backward"]
    arrays = [cuda.asarray(array) for array in arrays_for(kernel, (8, 100), (1,), "float32", rng)]
    cuda.rowwise(kernel, arrays, (), (1,), (8, 100))
    fake_cupy.log.clear()
    cuda.rowwise(kernel, arrays, (), (1,), (8, 100))
    assert fake_cupy.log == [("allocate", (8, 100)), ("launch", "gradcore_log_softmax_rows_backward", 1, 256)]


@pytest.mark.parametrize("across", [False, True])
def test_every_element_has_a_thread(across):
    for n in [*range(1, 1100), 4095, 4096, 4097, 16384, 16385, 10 ** 6]:
        rows, lanes, each = sharing(n, across)
        assert each == 0 or lanes * each >= n
        assert rows * lanes <= 1024 and rows * lanes % 32 == 0 and (rows == 1 or lanes <= 32)
        assert lanes & (lanes - 1) == 0 and each & (each - 1) == 0


def test_the_language_of_rows_is_all_there():
    assert {name for name in vars(RowNamespace) if not name.startswith("_")} == {
        "position", "stop_gradient", "sum", "mean", "max", "min"}
