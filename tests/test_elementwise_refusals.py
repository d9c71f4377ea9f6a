"""What is refused of a user's formula and of its calls, in words that say what to do."""

from __future__ import annotations

import numpy as np
import pytest

import kernels
from gradcore import FormulaError, Tensor
from gradcore import elementwise

mish = elementwise(kernels.mish)


@elementwise
def with_constants(xp, x, alpha=0.5, beta=2.0):
    return xp.minimum(alpha * x, beta)


@pytest.mark.parametrize("formula, hint", [
    (lambda xp, x: x if x > 0 else -x, "xp.where"),
    (lambda xp, x: max(x, 0), "xp.maximum"),
    (lambda xp, x: -1 < x < 1, "xp.logical_and"),
    (lambda xp, x: x - x.mean(), "mean"),
    (lambda xp, x: x - xp.sum(x), "sum"),
    (lambda xp, x: xp.fancy(x), "fancy"),
    (lambda xp, x: x[0] * x, "index"),
    (lambda xp, x: x * len(x), "len()"),
    (lambda xp, x: x * float(x), "float()"),
    (lambda xp, x: np.exp(x), "xp.exp"),
    (lambda xp, x: sum(x), "iterate"),
    (lambda xp, x: [x, x], "tuple"),
    (lambda xp, x: (x, 1.0), "none of its arrays"),
    (lambda xp, x: (), "tuple"),
    (lambda xp, x: None, "returned None"),
    (lambda xp, x: 1.0, "none of its arrays"),
    (lambda xp, x: x + np.ones(3), "ndarray"),
    (lambda xp, x: x + "1", "str"),
    (lambda xp, x: xp.where(x > 0, x), "argument"),
])
def test_what_is_no_elementwise_kernel_is_refused_in_words(formula, hint):
    operation = elementwise(formula)
    with pytest.raises((FormulaError, TypeError), match=None) as error:
        operation(Tensor([1.0, 2.0]))
    assert hint in str(error.value)


def test_an_error_in_the_formula_keeps_its_traceback():
    def helper():
        raise KeyError("mine")

    @elementwise
    def broken(xp, x):
        return x * helper()

    with pytest.raises(KeyError, match="mine") as error:
        broken(Tensor([1.0]))
    assert error.traceback[-1].name == "helper" and any(entry.name == "broken" for entry in error.traceback)


@pytest.mark.parametrize("call, hint", [
    (lambda: with_constants(Tensor([1.0]), gamma=1), "gamma"),
    (lambda: with_constants(), "missing: x"),
    (lambda: with_constants(Tensor([1.0]), 1, 2, 3), "4 positional"),
    (lambda: with_constants(Tensor([1.0]), alpha=Tensor([1.0])), "`alpha` must be a number"),
    (lambda: mish("x"), "str"),
])
def test_wrong_calls_are_refused_in_words(call, hint):
    with pytest.raises(TypeError) as error:
        call()
    assert hint in str(error.value)


def test_bad_signatures_are_refused():
    with pytest.raises(FormulaError, match="first parameter"):
        elementwise(lambda: 0)
    with pytest.raises(FormulaError, match="default"):
        elementwise(lambda xp, x, mode="tanh": x)
    with pytest.raises(FormulaError, match="cannot be a parameter"):
        elementwise(lambda xp, *arrays: arrays[0])
    with pytest.raises(FormulaError, match="takes no array"):
        elementwise(lambda xp, alpha=1.0: alpha)

    @elementwise
    def double(xp, x):
        return 2 * x

    @double.derivative
    def _(xp, z):
        return 2.0

    with pytest.raises(FormulaError, match="`z`"):
        double(Tensor([1.0], requires_grad=True))
