"""Kernels: each primitive and each operation, over the whole range of numbers."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np
import pytest

from ..backends import Backend, Kernel, NumPyBackend
from ..backends.formulas.dtypes import compute_and_result
from ..backends.formulas.expression import Symbol
from ..core.rowwise import rowwise
from ..core.tensor import Tensor
from .kernels import (assert_same_gradients, assert_same_values, backward_kernels, forward_kernels, operations,
                      primitives, whole_range)
from .test_interface import needs_dtype

FORWARD = {**primitives(), **forward_kernels(operations())}
BACKWARD = backward_kernels(operations())
OF_INTEGERS = [name for name, kernel in primitives().items() if kernel.keeps_integers and name != "power"]
CPU = NumPyBackend()


def on(backend: Backend) -> Callable[..., list[np.ndarray]]:
    """A function that runs a kernel on the device for host arrays."""
    def compute(kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float]) -> list[np.ndarray]:
        outputs = backend.elementwise(kernel, [backend.asarray(array) for array in inputs], constants)
        assert all(map(backend.owns, outputs)) and len(outputs) == len(kernel.outputs)
        return list(map(backend.to_numpy, outputs))

    return compute


@pytest.mark.parametrize("name", FORWARD)
def test_values_over_the_whole_range(backend: Backend, rng: np.random.Generator, name: str) -> None:
    kernel = FORWARD[name]
    assert_same_values(on(backend), name, kernel, [whole_range(rng, 20_000) for _ in kernel.inputs])


@pytest.mark.parametrize("name", BACKWARD)
def test_gradients_over_the_whole_range(backend: Backend, rng: np.random.Generator, name: str) -> None:
    kernel = BACKWARD[name]
    assert_same_gradients(on(backend), name, kernel, [whole_range(rng, 20_000) for _ in kernel.inputs])


@pytest.mark.parametrize("name", ["exp", "tanh", "mish", "normcdf", "less", "swish_backward",
                                  "parametric_relu_backward"])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats(backend: Backend, rng: np.random.Generator, name: str, dtype: str) -> None:
    needs_dtype(backend, dtype)
    kernel = {**FORWARD, **BACKWARD}[name]
    inputs = [(3 * rng.normal(size=500)).astype(dtype) for _ in kernel.inputs]
    constants = [0.75] * len(kernel.constants)
    for found, expected in zip(on(backend)(kernel, inputs, constants), CPU.elementwise(kernel, inputs, constants)):
        tolerance = 8 * float(np.finfo(dtype).eps)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, tolerance, tolerance)


@pytest.mark.parametrize("dtype, name", [
    (dtype, name) for dtype in ("bool", "uint8", "int32", "int64") for name in OF_INTEGERS
    if dtype != "bool" or name not in ("subtract", "negative", "remainder", "floor_divide")])
def test_integers_are_exact(backend: Backend, rng: np.random.Generator, name: str, dtype: str) -> None:
    needs_dtype(backend, dtype)
    kernel = FORWARD[name]
    inputs = [rng.integers(1 if name in ("remainder", "floor_divide") else 0, 100, 300).astype(dtype)
              for _ in kernel.inputs]
    if dtype.startswith("int"):
        inputs[0] = inputs[0] - 50
    for found, expected in zip(on(backend)(kernel, inputs, []), CPU.elementwise(kernel, inputs)):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_arrays_broadcast_and_numbers_stand_in_for_arrays(backend: Backend, rng: np.random.Generator) -> None:
    a, b, scale = Symbol.array("a"), Symbol.array("b"), Symbol.constant("scale")
    kernel = Kernel("combined", (a, b), (scale,), (a - b * scale, a < b))
    for shapes in (((3, 1, 2), (4, 1)), ((), (5,)), ((2, 3), ()), ((0, 3), (1, 3)), ((), ())):
        one, other = (rng.normal(size=shape) for shape in shapes)
        difference, less = on(backend)(kernel, [one, other], [0.25])
        np.testing.assert_allclose(difference, one - other * 0.25, rtol=1e-13, atol=1e-15)
        np.testing.assert_array_equal(less, np.broadcast_to(one < other, difference.shape))
    outputs = backend.elementwise(kernel, [backend.asarray(one), 2.0], [-1.0])
    np.testing.assert_allclose(backend.to_numpy(outputs[0]), one + 2.0)


def test_any_layout_of_memory(backend: Backend, rng: np.random.Generator) -> None:
    x = rng.normal(size=(6, 5))
    kernel = Kernel.of_primitive("add")
    array = backend.asarray(x)
    for index in ((slice(None), slice(None, None, 2)), (slice(None, None, -1),), (slice(1, 4), 2)):
        view = backend.take(array, index)
        (total,) = backend.elementwise(kernel, [view, view])
        np.testing.assert_array_equal(backend.to_numpy(total), 2 * x[index])
    transposed = backend.xp.permute_dims(array, (1, 0))
    np.testing.assert_array_equal(backend.to_numpy(backend.elementwise(kernel, [transposed, transposed])[0]), 2 * x.T)


@pytest.mark.parametrize("name", ["add", "less", "exp", "maximum"])
def test_dtypes_of_results(backend: Backend, name: str) -> None:
    kernel = FORWARD[name]
    for dtypes in (("float32", "float64"), ("int64", "float32"), ("int32", "int64"), ("bool", "int64")):
        inputs = [np.ones(3, dtype) for dtype in dtypes[:len(kernel.inputs)]]
        (output,) = on(backend)(kernel, inputs, [])
        expected = np.dtype(bool) if kernel.outputs[0].is_boolean else compute_and_result(kernel, inputs)[1]
        assert output.dtype == expected


def test_a_kernel_has_a_program_to_read(backend: Backend) -> None:
    assert str(backend.compile(FORWARD["mish"], np.dtype("float32")))


# -- rows -----------------------------------------------------------------------------------------------------
def softmax(xp: Any, x: Tensor) -> Any:
    e = xp.exp(x - xp.stop_gradient(xp.max(x)))
    return e / xp.sum(e)


def standardized(xp: Any, x: Tensor, eps: Any = 1e-5) -> Any:
    centred = x - xp.mean(x)
    return centred / xp.sqrt(xp.mean(centred * centred) + eps)


def spread(xp: Any, x: Tensor) -> Any:
    return xp.max(x) - xp.min(x)


def weighted(xp: Any, x: Tensor, rate: Any = 0.25) -> Any:
    return xp.sum(xp.where(xp.position < 3, x, rate * x * xp.position))


@pytest.mark.parametrize("formula", [softmax, standardized, spread, weighted], ids=lambda formula: formula.__name__)
@pytest.mark.parametrize("dim", [-1, 0, (0, 2), (-2, -1)])
def test_rows(backend: Backend, rng: np.random.Generator, formula: Any, dim: Any) -> None:
    operation, values = rowwise(formula), rng.normal(size=(4, 3, 70))
    results = []
    for device in ("cpu", backend.device):
        x = Tensor(values, requires_grad=True, device=device)
        y = operation(x, dim=dim)
        (y * y).sum().backward()
        assert y.device == device
        assert x.grad is not None
        results.append((y.detach().numpy(), x.grad.numpy()))
    for expected, found in zip(*results):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dims", [(1,), (0,), (0, 2)])
def test_rows_that_are_summed(backend: Backend, rng: np.random.Generator, dims: Any) -> None:
    kernel, x = rowwise(standardized).kernel, rng.normal(size=(4, 5, 3))
    (plain,) = backend.rowwise(kernel, [backend.asarray(x)], [1e-5], dims, x.shape)
    (summed,) = backend.rowwise(kernel, [backend.asarray(x)], [1e-5], dims, x.shape, (True,))
    rows = tuple(i for i in range(3) if i not in dims)
    np.testing.assert_allclose(backend.to_numpy(summed), backend.to_numpy(plain).sum(rows, keepdims=True), atol=1e-12)
