"""The C++ text that CUDA compiles too, executed on the CPU and held to NumPy's results.

There is one body for both devices, so that a wrong formula in it shows here, without a GPU.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gradcore.backends import Kernel, native
from gradcore.backends.formulas.cpp import body
from gradcore.backends.formulas.expression import TABLE, Symbol, apply
from gradcore.backends.cpu.backend import NumPyBackend
from kernels import backward_kernels, everything, forward_kernels, primitives, whole_range
from native_compiler import needs_compiler

MILLION = 1_000_000
NUMPY = NumPyBackend()

pytestmark = needs_compiler

FORWARD = {**primitives(), **forward_kernels()}
BACKWARD = backward_kernels()
CONSTANT = 0.5  # products with it are exact; after rounded ones exponentials of float32 and float64 differ
SUMS = ("logaddexp", "binary_log_loss", "binary_logit_loss")


def native_result(kernel: Kernel, inputs: list[np.ndarray], constants: list[float]) -> list[np.ndarray]:
    dtype = inputs[0].dtype
    outputs = [np.empty(inputs[0].size, bool if root.is_boolean else dtype) for root in kernel.outputs]
    compute = np.dtype("float64") if kernel.widens else dtype
    native.program(kernel, compute, dtype, (False,) * len(inputs))(inputs[0].size, inputs, constants, outputs)
    return outputs


def differs(found: np.ndarray, expected: np.ndarray, ulps: float = 4,
            allowance: np.ndarray | float = 0.0) -> np.ndarray:
    """Where two results are further apart than `ulps` units in the last place (of 1e-30 at least) and `allowance`."""
    if found.dtype == bool:
        return found != expected
    largest = np.finfo(found.dtype).max  # infinity counts as one unit more
    with np.errstate(all="ignore"):
        unit = np.spacing(np.clip(np.abs(expected), 1e-30, largest).astype(found.dtype)).astype(np.float64)
        distance = np.abs(np.clip(found, -largest, largest).astype(np.float64) - np.clip(expected, -largest, largest))
        return (np.isnan(found) != np.isnan(expected)) | (distance > ulps * unit + allowance)


def differences(kernel: Kernel, inputs: list[np.ndarray], constants: list[float], **tolerance) -> list[tuple]:
    """For each output what C++ gives, what the NumPy program gives, and where they differ.

    The NumPy program is run in the inputs' dtype and in float64: two results that are each within 4 units of the
    truth may be 8 apart, so that agreement with either is enough.
    """
    found = native_result(kernel, inputs, constants)
    expected = NUMPY.elementwise(kernel, inputs, constants)
    with np.errstate(invalid="ignore"):  # a signalling NaN among the bits
        doubles = [array.astype(np.float64) for array in inputs]
    precise = NUMPY.elementwise(kernel, doubles, constants)
    return [(f, e, differs(f, e, **tolerance) & differs(f, p, **tolerance))
            for f, e, p in zip(found, expected, precise)]


def assert_same(kernel: Kernel, inputs: list[np.ndarray], constants: list[float], **tolerance) -> None:
    for found, expected, wrong in differences(kernel, inputs, constants, **tolerance):
        if wrong.any():
            i = np.argmax(wrong)
            pytest.fail(f"{kernel!r}: {wrong.sum()} of {wrong.size} differ; at {[array[i] for array in inputs]!r} and "
                        f"constants {constants} C++ gives {found[i]!r}, NumPy {expected[i]!r}\n{body(kernel)}")


@pytest.mark.parametrize("name", FORWARD)
def test_values_agree_over_the_whole_range(name, rng):
    kernel = FORWARD[name]
    inputs = [whole_range(rng, MILLION) for _ in kernel.inputs]
    # A sum whose terms cancel is as exact as its terms.
    allowance = 3e-7 * np.nan_to_num(np.abs(inputs)).max(axis=0) if name in SUMS else 0.0
    assert_same(kernel, inputs, [CONSTANT] * len(kernel.constants), allowance=allowance)


@pytest.mark.parametrize("name", BACKWARD)
def test_gradients_agree_over_the_whole_range(name, rng):
    kernel = BACKWARD[name]
    inputs = [whole_range(rng, MILLION) for _ in kernel.inputs]
    inputs[-1] = np.clip(np.nan_to_num(inputs[-1]), -100, 100)  # the upstream gradient
    # Where a slope crosses zero its last places mean nothing, and derived slopes cancel: 1 - tanh(x) ** 2.
    allowance = (1e-6 if name.startswith("my_") else 3e-7) * np.abs(inputs[-1])
    assert_same(kernel, inputs, [CONSTANT] * len(kernel.constants), allowance=allowance)


@pytest.mark.parametrize("name", ["exp", "tanh", "my_swish", "my_mish", "my_swish_backward", "normcdf", "power",
                                  "remainder"])
def test_float64_agrees(name, rng):
    kernel = everything()[name]
    inputs = [whole_range(rng, 100_000, "float64") for _ in kernel.inputs]
    inputs[-1] = np.clip(np.nan_to_num(inputs[-1]), -100, 100)
    assert_same(kernel, inputs, [CONSTANT] * len(kernel.constants), ulps=8, allowance=1e-13 * np.abs(inputs[-1]))


@pytest.mark.parametrize("primitive, wrong", [
    ("tanh", "-tanh({0})"), ("subtract", "{0} + {1}"), ("negative", "{0}"), ("exp", "exp(-{0})"),
    ("log1p", "log1p(-{0})"), ("maximum", "minimum_of({0}, {1})"), ("where", "{0} ? {2} : {1}"),
])
def test_a_wrong_sign_in_the_table_is_found(primitive, wrong, monkeypatch, rng):
    monkeypatch.setitem(TABLE, primitive, dataclasses.replace(TABLE[primitive], cpp=wrong))
    found_by = []
    for name, kernel in {**FORWARD, **BACKWARD}.items():
        if primitive in repr(kernel):
            inputs = [whole_range(rng, 1000) for _ in kernel.inputs]
            constants = [CONSTANT] * len(kernel.constants)
            if any(wrong.any() for _, _, wrong in differences(kernel, inputs, constants)):
                found_by.append(name)
    assert primitive in found_by and len(found_by) > 1, found_by


def test_no_name_of_the_users_is_in_the_text():
    names = [Symbol.array("int"), Symbol.array("exp"), Symbol.constant("return")]
    kernel = Kernel("while", names[:2], names[2:], (apply("exp", names[0]) * names[1] + names[2],))
    inputs = [np.linspace(-1, 1, 100, dtype=np.float32)] * 2
    assert_same(kernel, inputs, [3.0])


@pytest.mark.parametrize("literal", [np.inf, -np.inf, np.nan, -0.0, 0.1, 1e300, 5e-324, 16777217.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_literals_are_exact(literal, dtype):
    x = Symbol.array("x")
    kernel = Kernel("literal", (x,), (), (apply("where", x > 0, literal, 1.0),))
    (found,) = native_result(kernel, [np.ones(1, dtype)], [])
    with np.errstate(over="ignore"):
        exact = np.asarray([literal]).astype(dtype)
    assert found.tobytes() == exact.tobytes() or np.isnan(literal) and np.isnan(found)


def test_an_output_may_be_a_number_and_another_a_truth_value():
    x = Symbol.array("x")
    kernel = Kernel("mixed", (x,), (), (apply("multiply", 2.0, 3.0), x > 0))
    found = [np.empty(3, np.float32), np.empty(3, bool)]
    native.program(kernel, np.dtype("f4"), np.dtype("f4"), (False,))(3, [np.array([-1, 0, 1], "f4")], [], found)
    assert found[0].tolist() == [6, 6, 6] and found[1].tolist() == [False, False, True]
