"""What is refused of a user's formula and of its calls, in words that say what to do."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest

import gradcore
import kernels
from gradcore import FormulaError, Tensor
from gradcore import elementwise, rowwise

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
    (lambda xp, x: x + np.ones(3), "ndarray"), (lambda xp, x: xp.where(np.ones(3), x, x), "ndarray"),
    (lambda xp, x: x + "1", "str"),
    (lambda xp, x: xp.where(x > 0, x), "argument"),
])
def test_what_is_no_elementwise_kernel_is_refused_in_words(formula, hint):
    operation = elementwise(formula)
    with pytest.raises((FormulaError, TypeError), match=None) as error:
        operation(Tensor([1.0, 2.0]))
    assert hint in str(error.value)


def _calls_itself(xp, x):
    return _calls_itself(xp, x)


_number = Tensor(3.0)
_formulas_that_are_wrong = [
    (lambda xp, x: x if x > 0 else -x, "xp.where"), (lambda xp, x: xp.where(x > 0, x), "missing 1 required"),
    (lambda xp, x: xp.exp(x, out=x), "no `out`"), (lambda xp, x: xp.clip(x, min=0), "no `min`"),
    (lambda xp, x: xp.isnan(), "missing 1 required"), (lambda xp, x: xp(x), "'xp' object is not callable"),
    (lambda xp, x: x @ x, "'array' and 'array'"), (lambda xp, x: x << 1, "'array' and 'int'"),
    (lambda xp, x: divmod(x, 2)[0], "divmod"),
    (lambda xp, x: divmod(x, np.float64(2))[0], "numpy.divmod"),
    (lambda xp, x: x if 3 in x else -x, "'array' is not iterable"),
    (lambda xp, x: x(1), "'array' object is not callable"), (lambda xp, x: f"{x:.2f}", "array.__format__"),
    (lambda xp, x: setattr(x, "scale", 2) or x, "'array' object has no attribute 'scale'"),
    (lambda xp, x: x * _number, "a Tensor"), (lambda xp, x: _number * x, "tensors, arrays or numbers"),
    (lambda xp, x: mish(x), "tensors, arrays or numbers"), (lambda xp, x: gradcore.exp(x), "exp"),
    (lambda xp, x: x * 1j, "complex"), (lambda xp, x: x + 10 ** 400, "integer of 1329 bits"),
    (lambda xp, x: xp.position * x, "gradcore.rowwise"), (lambda xp, x: x - xp.mean(x), "gradcore.rowwise"),
    (_calls_itself, "recurses infinitely"),
]


@pytest.mark.parametrize("formula, hint", _formulas_that_are_wrong)
def test_wrong_formulas_are_refused_by_their_name(formula, hint):
    with pytest.raises(FormulaError) as error:
        elementwise(formula)(Tensor([1.0, 2.0]))
    assert str(error.value).startswith(f"formula {formula.__name__}") and hint in str(error.value)
    assert not re.search("Symbol|Apply|Literal|Namespace", str(error.value))


@pytest.mark.parametrize("formula, hint", [
    (lambda xp, x: xp.sum(x, axis=-1), "'axis'"), (lambda xp, x: xp.max(x, keepdims=True), "'keepdims'"),
    (lambda xp, x: xp.var(x), "xp.var"), (lambda xp, x: xp.sum(), "missing 1 required"),
    (lambda xp, x: x @ x, "'array' and 'array'"),
])
def test_wrong_row_formulas_are_refused_by_their_name(formula, hint):
    with pytest.raises(FormulaError) as error:
        rowwise(formula)(Tensor([1.0, 2.0]))
    assert str(error.value).startswith("formula <lambda>") and hint in str(error.value)


async def _asynchronous(xp, x):
    return x


def _generator(xp, x):
    yield x


class _Scaling:
    def scaled(self, xp, x):
        return 2 * x

    def __call__(self, xp, x):
        return 3 * x


@pytest.mark.parametrize("function, words", [
    (_asynchronous, "_asynchronous is asynchronous"), (_generator, "_generator is a generator"),
    (max, "max: Python does not know its parameters"), (lambda xp, x, out: x + out, "`out` is an option"),
    (functools.partial(with_constants.__wrapped__, beta=1.0), "`beta` can be given by keyword only"),
])
def test_what_is_no_formula_is_refused_when_it_is_decorated(function, words):
    with pytest.raises(FormulaError, match=re.escape(words)):
        elementwise(function)


def test_methods_and_other_callables_are_formulas():
    assert elementwise(_Scaling().scaled)(Tensor([1.0])).tolist() == [2.0]
    assert repr(elementwise(_Scaling())) == "<elementwise operation _Scaling>"
    assert elementwise(_Scaling())(Tensor([1.0])).tolist() == [3.0]
    assert elementwise(functools.partial(lambda xp, x: 2 * x))(Tensor([1.0])).tolist() == [2.0]


@pytest.mark.parametrize("value, words", [("1", "returned '1' for an array"), (None, "returned None for an array"),
                                          ((1.0, 2.0), "returned 2 expression(s) for 1 array(s)")])
def test_a_derivative_that_returns_something_else(value, words):
    double = elementwise(lambda xp, x: 2 * x)
    double.derivative(lambda xp, x: value)
    with pytest.raises(FormulaError, match=re.escape(f"the derivative of <lambda> {words}")):
        double(Tensor([1.0], requires_grad=True))


def test_integers_have_no_negative_powers():
    with pytest.raises(FormulaError, match="integers cannot have negative integer exponents"):
        elementwise(lambda xp, x: x ** -2)(gradcore.tensor([1, 2]))
    assert elementwise(lambda xp, x: x ** -2)(Tensor([2.0])).tolist() == [0.25]


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
    with pytest.raises(FormulaError, match="has no array"):
        elementwise(lambda xp, alpha=1.0: alpha)

    @elementwise
    def double(xp, x):
        return 2 * x

    @double.derivative
    def _(xp, z):
        return 2.0

    with pytest.raises(FormulaError, match="`z`"):
        double(Tensor([1.0], requires_grad=True))
