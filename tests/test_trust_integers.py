"""Integers stay integers, whatever number they meet."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import gradcore
from gradcore import Tensor

from tensor_cases import share_memory


LARGE = 2**53 + 1  # float64 does not hold it, let alone float32
INTEGER_DTYPES = ["uint8", "int8", "int32", "int64"]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "trunc"])
@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
def test_rounding_leaves_integers_alone(backend, name, dtype):
    x = gradcore.tensor([1, 100], dtype=dtype, device=backend.device)
    for result in (getattr(x, name)(), getattr(gradcore, name)(x)):
        assert result.dtype == dtype and result.tolist() == [1, 100] and not share_memory(result, x)
    large = gradcore.tensor([LARGE, -LARGE], device=backend.device)
    assert getattr(large, name)().tolist() == [LARGE, -LARGE]
    if name in ("floor", "ceil", "round"):
        assert getattr(large, f"{name}_")() is large and large.tolist() == [LARGE, -LARGE]


@pytest.mark.parametrize("ours, theirs", [
    (lambda F, x: F.hardtanh(x), lambda F, x: F.hardtanh(x)),
    (lambda F, x: F.hardtanh(x, min_val=-1.5, max_val=LARGE + 1), lambda F, x: F.hardtanh(x, -1.5, LARGE + 1)),
    (lambda F, x: F.hardtanh(x, -2, 4), lambda F, x: F.hardtanh(x, -2, 4)),
    (lambda F, x: F.threshold(x), lambda F, x: F.threshold(x, 0, 0)),
    (lambda F, x: F.threshold(x, 0.5, 7.5), lambda F, x: F.threshold(x, 0.5, 7.5)),
    (lambda F, x: F.threshold(x, threshold=5, value=-1), lambda F, x: F.threshold(x, 5, -1)),
    (lambda F, x: F.relu(x), lambda F, x: F.relu(x)), (lambda F, x: F.relu6(x), lambda F, x: F.relu6(x))])
def test_activations_made_of_choices_keep_integers(backend, torch, ours, theirs):
    values = np.array([-3, -1, 0, 1, 5, LARGE])
    result = ours(gradcore.functions, gradcore.tensor(values, device=backend.device))
    np.testing.assert_array_equal(result.numpy(), theirs(torch.nn.functional, torch.tensor(values)).numpy())
    assert result.dtype == np.int64
    assert ours(gradcore.functions, gradcore.tensor(values[:4].astype("int8"), device=backend.device)).dtype == np.int8


def test_bounds_of_integers_may_lie_outside_of_the_dtype(backend):
    x = gradcore.tensor([0, 3, 255], dtype="uint8", device=backend.device)
    assert gradcore.functions.hardtanh(x).tolist() == [0, 1, 1]
    assert gradcore.functions.hardtanh(x, -np.inf, np.inf).tolist() == x.clip(-1, 300).tolist() == [0, 3, 255]
    assert gradcore.functions.threshold(x, threshold=-np.inf).tolist() == [0, 3, 255]
    assert gradcore.functions.threshold(x, threshold=np.inf, value=9).tolist() == [9, 9, 9]
    assert gradcore.functions.threshold(-x.int(), threshold=-3.5, value=9).tolist() == [0, -3, 9]
    for wrong in (lambda: gradcore.functions.threshold(x, value=np.inf), lambda: x.masked_fill(x > 1, np.nan),
                  lambda: x.masked_fill(x > 1, 256), lambda: x.where(x > 1, 300), lambda: x ** 300, lambda: x ** -1):
        with pytest.raises(OverflowError, match="(threshold|masked_fill|where|power): a tensor of"):
            wrong()


@pytest.mark.parametrize("dtype", ["bool", *INTEGER_DTYPES])
def test_masked_fill_keeps_integers(backend, torch, dtype):
    values, mask = np.array([1, 0, 3]).astype(dtype), np.array([True, False, True])
    x, theirs = gradcore.tensor(values, device=backend.device), torch.tensor(values)
    for value in (7, 0, 2.0, 2.5, True, np.float64(3.7), *([-1] if dtype != "bool" else [])):
        for given in (value, gradcore.tensor(float(value), device=backend.device)) if value != -1 else (value,):
            result = x.masked_fill(Tensor(mask, device=backend.device), given)
            expected = theirs.masked_fill(torch.tensor(mask), value).numpy()
            np.testing.assert_array_equal(result.numpy(), expected)
            assert result.dtype == dtype
    large = gradcore.tensor([LARGE, 1], device=backend.device)
    assert large.masked_fill(large == 1, 7.0).tolist() == [LARGE, 7]
    assert large.masked_fill_(large == 1, 7.5).tolist() == [LARGE, 7]
    assert (large + 0.0).masked_fill(large == 7, 0.1).dtype == np.float32


@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
@pytest.mark.parametrize("number", [0, 1, -1, 44, 127, 128, 200, 255, 256, 300, -56, -128, -129, 2**31, -2**31 - 1,
                                    2**63 - 1, 2**63, -2**63 - 1, 2**70, -2**70])
def test_numbers_beyond_an_integer_dtype(backend, dtype, number):
    """Comparisons with them give the mathematical answer, arithmetic counts modulo 2^bits."""
    info = np.iinfo(dtype)
    values = [int(info.min), 0, 1, 44, int(info.max)]
    x = gradcore.tensor(np.array(values, dtype), device=backend.device)
    for compare in COMPARISONS:
        assert compare(x, number).tolist() == [compare(value, number) for value in values]
        assert compare(number, x).tolist() == [compare(number, value) for value in values]

    def held(exact):
        return [(value - int(info.min)) % 2**info.bits + int(info.min) for value in exact]

    for arithmetic in (operator.add, operator.sub, operator.mul):
        assert arithmetic(x, number).tolist() == held(arithmetic(value, number) for value in values)
        assert arithmetic(number, x).tolist() == held(arithmetic(number, value) for value in values)
    if number <= info.max:  # else the result could not be held
        assert gradcore.maximum(x, number).tolist() == [max(value, number) for value in values]
    if number >= info.min:
        assert gradcore.minimum(number, x).tolist() == [min(value, number) for value in values]
    assert gradcore.logical_and(x, number).tolist() == [bool(value and number) for value in values]
    changed = x.clone()
    changed += number
    assert changed.dtype == dtype and changed.tolist() == held(value + number for value in values)


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_division_by_numbers_beyond_the_dtype_is_as_in_pytorch(backend, torch, dtype):
    values = np.array([0, 44, 127], dtype)
    x, theirs = gradcore.tensor(values, device=backend.device), torch.tensor(values)
    for number in (-1, 300, 7, -300):
        for divide in (operator.floordiv, operator.mod):
            np.testing.assert_array_equal(divide(x, number).numpy(), divide(theirs, number).numpy())


DIVISIONS = [lambda a, b: a // b, lambda a, b: a % b, gradcore.operations.arithmetic.floor_divide,
             gradcore.operations.arithmetic.remainder, lambda a, b: a.floor_divide_(b), lambda a, b: a.remainder_(b)]


def test_comparisons_with_a_tensor_without_dimensions_are_those_of_the_numbers(backend):
    small = gradcore.tensor([0, 100, 255], dtype="uint8", device=backend.device)
    for number, dtype in ((300, "uint16"), (-1, "int8"), (2 ** 40, "int64")):
        one = gradcore.tensor(number, dtype=dtype, device=backend.device)
        assert (small < one).tolist() == [n < number for n in (0, 100, 255)]
        assert (one != small).tolist() == [True] * 3 and (small >= one).tolist() == [number < 0] * 3
        assert (small + one).dtype == "uint8"  # as in PyTorch
    third = gradcore.tensor(1 / 3, dtype="float64", device=backend.device)
    assert (gradcore.tensor([1 / 3], device=backend.device) == third).tolist() == [False]


@pytest.mark.parametrize("divide", DIVISIONS)
def test_integers_are_not_divided_by_zero(backend, divide):
    x = gradcore.tensor([5, 6], device=backend.device)
    small = gradcore.tensor([5, 6], dtype="uint8", device=backend.device)
    with pytest.raises(ZeroDivisionError, match="(floor_divide|remainder): an integer"):
        divide(x, 0)
    with pytest.raises(ZeroDivisionError):
        divide(small, 256)  # which is 0 in uint8
    if backend.is_synchronous:  # a look at the divisor is no wait
        for divisor in ([1, 0], 0, [False, True]):
            with pytest.raises(ZeroDivisionError):
                divide(x, gradcore.tensor(divisor, device=backend.device))
        with pytest.raises(ZeroDivisionError):
            divide(small, gradcore.tensor(256, device=backend.device))
    if backend.device == "cpu":
        with pytest.raises(ZeroDivisionError):
            divide(x, np.array([0, 1]))
    assert x.tolist() == [5, 6]
    assert divide(gradcore.zeros(0, dtype=int, device=backend.device), 0).shape == (0,)
    assert not np.isfinite(divide(x.double(), 0).numpy()).any()
    assert divide(x, 4).tolist() in ([1, 1], [1, 2])


def test_a_number_is_not_divided_by_zeros(backend):
    zeros = gradcore.tensor([1, 0], device=backend.device)
    if backend.is_synchronous:
        for divide in (operator.floordiv, operator.mod):
            with pytest.raises(ZeroDivisionError):
                divide(5, zeros)
    assert np.isnan((5.0 % zeros).numpy()).tolist() == [False, True]


def test_squares_of_truth_values_are_int64(backend):
    x = gradcore.tensor([True, False], device=backend.device)
    for result in (x.square(), gradcore.square(x), x.cumsum(0), x ** 2):
        assert result.dtype == np.int64 and result.tolist()[0] == 1
    assert (x * x).dtype == bool
    with pytest.raises(TypeError, match="square_"):
        x.square_()
    y = gradcore.tensor([3.0], device=backend.device, requires_grad=True)
    y.square().backward()
    assert y.grad.tolist() == [6]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dropout_keeps_the_dtype(dtype):
    x = gradcore.ones(64, dtype=dtype, requires_grad=True)
    for p in (0.25, 1):
        y = gradcore.functions.dropout(x, p)
        assert y.dtype == dtype and set(y.tolist()) <= {0.0, float(np.asarray(1 / 0.75).astype(dtype))}
    x.grad = None
    y = gradcore.nn.Dropout(0.25)(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype and x.grad.tolist() == y.tolist()
