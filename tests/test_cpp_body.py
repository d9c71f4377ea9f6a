"""The C++ text that CUDA compiles too, executed on the CPU and held to NumPy's results.

There is one body for both devices, so that a wrong formula in it shows here, without a GPU.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gradcore.backends import Kernel, native
from gradcore.backends.formulas.expression import TABLE, Symbol, apply
from gradcore.testing.kernels import (CONSTANT, assert_same, assert_same_gradients, assert_same_values,
                                      differences)
from kernels import backward_kernels, everything, forward_kernels, primitives, whole_range
from native_compiler import needs_compiler

MILLION = 1_000_000

pytestmark = needs_compiler

FORWARD = {**primitives(), **forward_kernels()}
BACKWARD = backward_kernels()


def native_result(kernel: Kernel, inputs: list[np.ndarray], constants: list[float]) -> list[np.ndarray]:
    dtype = inputs[0].dtype
    outputs = [np.empty(inputs[0].size, bool if root.is_boolean else dtype) for root in kernel.outputs]
    compute = np.dtype("float64") if kernel.widens else dtype
    native.program(kernel, compute, dtype, (False,) * len(inputs))(inputs[0].size, inputs, constants, outputs)
    return outputs


@pytest.mark.parametrize("name", FORWARD)
def test_values_agree_over_the_whole_range(name, rng):
    kernel = FORWARD[name]
    assert_same_values(native_result, name, kernel, [whole_range(rng, MILLION) for _ in kernel.inputs])


@pytest.mark.parametrize("name", BACKWARD)
def test_gradients_agree_over_the_whole_range(name, rng):
    kernel = BACKWARD[name]
    assert_same_gradients(native_result, name, kernel, [whole_range(rng, MILLION) for _ in kernel.inputs])


@pytest.mark.parametrize("name", ["exp", "tanh", "my_swish", "my_mish", "my_swish_backward", "normcdf", "power",
                                  "remainder"])
def test_float64_agrees(name, rng):
    kernel = everything()[name]
    inputs = [whole_range(rng, 100_000, "float64") for _ in kernel.inputs]
    inputs[-1] = np.clip(np.nan_to_num(inputs[-1]), -100, 100)
    assert_same(native_result, kernel, inputs, [CONSTANT] * len(kernel.constants), ulps=8,
                allowance=1e-13 * np.abs(inputs[-1]))


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
            if any(wrong.any() for _, _, wrong in differences(native_result, kernel, inputs, constants)):
                found_by.append(name)
    assert primitive in found_by and len(found_by) > 1, found_by


def test_no_name_of_the_users_is_in_the_text():
    names = [Symbol.array("int"), Symbol.array("exp"), Symbol.constant("return")]
    kernel = Kernel("while", names[:2], names[2:], (apply("exp", names[0]) * names[1] + names[2],))
    inputs = [np.linspace(-1, 1, 100, dtype=np.float32)] * 2
    assert_same(native_result, kernel, inputs, [3.0])


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
