"""Numbers in formulas: among integers and truth values, beside float64, and under any floating-point settings."""

from __future__ import annotations

import numpy as np
import pytest

from gradcore import Tensor, elementwise, rowwise, tensor
from gradcore.backends import Backend, get_backend
from native_compiler import needs_compiler

_BEYOND = 2 ** 53 + 1  # no float64 is equal to it


@pytest.mark.parametrize("formula, expected", [
    (lambda xp, x: x + 300, [44, 45, 43]), (lambda xp, x: -(2 * x), [0, 254, 2]),
    (lambda xp, x: x < 300, [True, True, True]), (lambda xp, x: -1 < x, [True, True, True]),
    (lambda xp, x: x == 256, [False, False, False]), (lambda xp, x: (x > 255) | (x == 1), [False, True, False]),
    (lambda xp, x: xp.minimum(x, 300), [0, 1, 255]), (lambda xp, x: xp.maximum(x, -1), [0, 1, 255]),
    (lambda xp, x: xp.clip(x, -5, 300), [0, 1, 255]), (lambda xp, x: xp.where(x > 0, -1, 257), [1, 255, 255]),
    (lambda xp, x: xp.maximum(xp.where(x > 0, 257, 1) + 255, x), [0, 1, 255]),
])
def test_a_number_that_the_integers_cannot_hold(formula, expected, backend: Backend):
    found = elementwise(formula)(Tensor(np.array([0, 1, 255], np.uint8), device=backend.device))
    assert found.tolist() == expected and found.dtype in (np.uint8, np.bool_)


def test_the_same_in_the_text_for_cuda(cuda: Backend):
    formula = elementwise(lambda xp, x: (x + 300, x < 300, xp.minimum(x, 300)))
    wrapped, less, least = formula(Tensor(np.array([0, 1, 255], np.uint8), device=cuda.device))
    assert (wrapped.tolist(), less.tolist(), least.tolist()) == ([44, 45, 43], [True] * 3, [0, 1, 255])


@pytest.mark.parametrize("formula, expected", [
    (lambda xp, x: x + _BEYOND, _BEYOND + 1), (lambda xp, x: -(_BEYOND * x), -_BEYOND),
    (lambda xp, x: xp.where(x > 0, 2 ** 63 - 1, 0), 2 ** 63 - 1),
])
def test_integers_keep_all_their_digits(formula, expected, backend: Backend):
    assert elementwise(formula)(tensor([1], device=backend.device)).tolist() == [expected]


@pytest.mark.parametrize("formula, expected, dtype", [
    (lambda xp, x: xp.where(x, 5, 3), [5, 3], "int64"), (lambda xp, x: x + 1, [2, 1], "int64"),
    (lambda xp, x: x + x, [True, False], "bool"), (lambda xp, x: xp.where(x == 1, x, x * x), [True, False], "bool"),
    (lambda xp, x: xp.where(x, 0.5, 2), [0.5, 2.0], "float32"),
])
def test_numbers_make_integers_of_truth_values(formula, expected, dtype, backend: Backend):
    found = elementwise(formula)(tensor([True, False], device=backend.device))
    assert found.dtype == dtype and found.tolist() == expected


@pytest.mark.parametrize("formula", [lambda xp, x: x / 1, lambda xp, x: x / -1.0])
def test_integers_divided_by_one_are_floats(formula, backend: Backend):
    found = elementwise(formula)(tensor([1, 2], device=backend.device))
    assert found.dtype == np.float32 and abs(found).tolist() == [1.0, 2.0]


def test_a_python_number_beside_float64_keeps_its_digits_along_rows(backend: Backend):
    scaled = rowwise(lambda xp, x, factor: x * factor)
    assert scaled(Tensor([1.0], dtype="float64", device=backend.device), 0.1).tolist() == [0.1]
    assert scaled(Tensor([1.0], device=backend.device), 0.1).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_truth_values_along_rows_are_numbers(dtype, backend: Backend):
    if dtype == "float16" and backend.device.type == "strict":
        pytest.skip("the array API standard, which this device keeps to, has no float16")

    @rowwise
    def above(xp, x):
        high = x > xp.mean(x)
        return high, xp.where(high, x, xp.position), xp.max(x) > 2

    rows, double = np.array([[0.0, 3.0, 1.0]], dtype), np.float64(4)
    found = above(Tensor(rows, device=backend.device))
    assert [result.tolist() for result in found] == [[[0.0, 1.0, 0.0]], [[0.0, 3.0, 2.0]], [1.0]]
    assert {result.dtype for result in found} == {np.dtype(dtype)}
    only = rowwise(lambda xp, x, bound: x > bound)(Tensor(rows, device=backend.device),
                                                   Tensor(double, device=backend.device))
    assert only.dtype == dtype and only.tolist() == [[0.0, 0.0, 0.0]]


def test_numbers_that_become_zero_or_infinite_warn_of_nothing(backend: Backend):
    formula = elementwise(lambda xp, x: xp.maximum(x, 1e-310) + 1e300 * xp.where(x > 2, 1e300, -1e-310))
    with np.errstate(all="raise"):
        assert formula(Tensor([1.0], device=backend.device)).dtype == np.float32


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_gradients_that_overflow_when_they_are_added_up_warn_of_nothing(kernels, chosen_kernels):
    get_backend("cpu").use_kernels(kernels)
    scaled = rowwise(lambda xp, x, weight: x * weight)
    x, weight = Tensor(np.full((4, 3), 6e4, np.float16)), Tensor(np.ones(3, np.float16), requires_grad=True)
    with np.errstate(all="raise"):
        scaled(x, weight).backward(np.ones((4, 3), np.float16))
    assert weight.grad.tolist() == [np.inf] * 3


def test_integers_at_a_call_count_as_numbers_in_the_formula_do(backend: Backend):
    formula = elementwise(lambda xp, x, n: (x + n, x < n, xp.minimum(x, n), n - x))
    numbers = Tensor(np.array([0, 1, 255], np.uint8), device=backend.device)
    found = formula(numbers, 300)
    assert [result.tolist() for result in found] == [[44, 45, 43], [True] * 3, [0, 1, 255], [44, 43, 45]]
    assert [str(result.dtype) for result in found] == ["uint8", "bool", "uint8", "uint8"]
    assert formula(n=-1, x=numbers)[0].tolist() == [255, 0, 254]
    less = elementwise(lambda xp, x, n: x < n)
    assert less(tensor([1], device=backend.device), 2 ** 70).tolist() == [True]
    with pytest.raises(OverflowError, match=r"out of the range of the numbers that it meets; got 1000"):
        less(tensor([1.0], device=backend.device), 10 ** 400)


@pytest.mark.parametrize("formula, values, expected", [
    (lambda xp, x: x + 1 > x, [2 ** 63 - 1, 5], [False, True]), (lambda xp, x: xp.square(x) < 0, [3037000500], [True]),
    (lambda xp, x: x - 1 < x, [-2 ** 63, 5], [False, True]), (lambda xp, x: -x, [-2 ** 63, 5], [-2 ** 63, -5]),
    (lambda xp, x: xp.abs(x) < 0, [-2 ** 63], [True]), (lambda xp, x: x ** 25 % 5, [25], [0]),
])
def test_integers_wrap_round_in_the_text_for_cuda(formula, values, expected, cuda: Backend):
    """C++ may take it that signed integers never overflow."""
    found = elementwise(formula)
    assert found(tensor(values)).tolist() == found(tensor(values, device=cuda.device)).tolist() == expected


@pytest.mark.parametrize("condition", [2.0, 0.0, -0.0, 1e-310, np.nan, 3, True, np.bool_(False)])
def test_a_number_is_a_condition_as_in_python(condition, backend):
    @rowwise
    def chosen(xp, x, y):
        return xp.where(condition, xp.min(x), x * y)

    x = Tensor([[1.0, 2.0], [3.0, 4.0]], device=backend.device)
    expected = [[1.0, 1.0], [3.0, 3.0]] if condition else [[2.0, 4.0], [6.0, 8.0]]
    assert chosen(x, Tensor(2.0, device=backend.device)).tolist() == expected
