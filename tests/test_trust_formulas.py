"""Formulas mean what they say at the edges: bounds that cross, signs of zero, names, constants, NaN."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from activation_cases import CASES
from gradcore import FormulaError, Tensor, elementwise, functions, nn
from gradcore.backends import Backend
from gradcore.backends.formulas.derivative import slope
from gradcore.backends.formulas.expression import Symbol, apply
from gradcore.operations.selection import clip

_VALUES = [-1.0, -0.0, 0.0, 1.0, 2.0, np.inf, -np.inf, np.nan]
_clip_in_a_formula = elementwise(lambda xp, x, low, high: xp.clip(x, low, high))


@pytest.mark.parametrize("function", [clip, _clip_in_a_formula], ids=["clip", "formula"])
def test_clip_gives_its_gradient_as_pytorch_does_also_where_the_bounds_cross(function, backend: Backend, torch):
    columns = np.array(list(itertools.product(_VALUES, repeat=3))).T
    ours = [Tensor(column, requires_grad=True, device=backend.device) for column in columns]
    theirs = [torch.tensor(column, requires_grad=True) for column in columns]
    result, expected = function(*ours), torch.clamp(*theirs)
    result.backward(np.ones(result.shape))
    expected.backward(torch.ones_like(expected))
    np.testing.assert_array_equal(result.numpy(), expected.detach().numpy())
    for name, x, their in zip(("x", "low", "high"), ours, theirs):
        np.testing.assert_array_equal(x.grad.numpy(), their.grad.numpy(), err_msg=name)


@pytest.mark.parametrize("formula, same", [
    (lambda xp, x: 0.0 - x, lambda x: 0.0 - x), (lambda xp, x: 0 - x, lambda x: 0 - x),
    (lambda xp, x: x + 0.0, lambda x: x + 0.0), (lambda xp, x: 0.0 + x, lambda x: 0.0 + x),
    (lambda xp, x: x + -0.0, lambda x: x + -0.0), (lambda xp, x: -0.0 + x, lambda x: -0.0 + x),
    (lambda xp, x: x - 0.0, lambda x: x - 0.0), (lambda xp, x: x - -0.0, lambda x: x - -0.0),
    (lambda xp, x: -0.0 - x, lambda x: -0.0 - x),
])
def test_sums_with_zero_keep_the_sign_of_zero(formula, same, backend: Backend):
    x = np.array([0.0, -0.0, 1.0, -1.0])
    found = elementwise(formula)(Tensor(x, device=backend.device)).numpy()
    np.testing.assert_array_equal(np.signbit(found), np.signbit(same(x)))
    np.testing.assert_array_equal(found, same(x))


def test_derivatives_add_no_zeros():
    x, bound = Symbol.array("x"), Symbol.array("bound")
    assert slope(apply("add", apply("floor", bound), apply("sin", x)), x) is apply("cos", x)
    assert slope(apply("add", apply("square", x), apply("power", x, 0.0)), x) is apply("multiply", 2.0, x)


def test_an_array_called_output_is_refused_beside_a_derivative_written_by_hand():
    @elementwise
    def scaled(xp, x, output):
        return x * output

    assert scaled(Tensor([2.0]), Tensor([3.0])).tolist() == [6.0]

    @scaled.derivative
    def _(xp, x, output):
        return output, x

    with pytest.raises(FormulaError, match="scaled: `output` is the formula's value"):
        scaled(Tensor([2.0], requires_grad=True), Tensor([3.0]))


def test_keyword_only_parameters_are_refused_when_the_formula_is_decorated():
    with pytest.raises(FormulaError, match="`alpha` can be given by keyword only"):
        elementwise(lambda xp, x, *, alpha=1.0: alpha * x)


def _chosen_by_constant(xp, x, c=1.0):
    return xp.where(c > 0, x, -x) + xp.where(c == 0.1, 10.0, 20.0)


@pytest.mark.parametrize("dtype, c", [("float32", 1e-300), ("float64", 1e-300), ("float32", 0.1), ("float64", 0.1)])
def test_conditions_on_constants_are_settled_in_the_dtype_of_the_kernel(dtype: str, c: float, backend: Backend):
    rounded, tenth = np.dtype(dtype).type(c), np.dtype(dtype).type(0.1)
    expected = (3.0 if rounded > 0 else -3.0) + (10.0 if rounded == tenth else 20.0)
    x = Tensor(np.array([3.0], dtype), device=backend.device)
    assert elementwise(_chosen_by_constant)(x, c=c).tolist() == [expected]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nan_is_never_hidden_by_an_activation_nor_by_its_gradient(case, backend: Backend):
    slopes = {"relu": 1.0, "relu6": 1.0, "hardtanh": 1.0, "threshold": 1.0, "leaky_relu": 0.01, "rrelu": 11 / 48,
              "hardsigmoid": 1 / 6, "hardshrink": 1.0, "softshrink": 1.0}
    x = Tensor([np.nan], requires_grad=True, device=backend.device)
    y = case(x)
    y.backward([2.0])
    assert np.isnan(y.item())
    np.testing.assert_allclose(x.grad.numpy(), [2.0 * slopes.get(case.name, np.nan)], rtol=1e-6)


def test_selu_takes_onnxs_alpha_and_gamma(backend: Backend):
    values = np.array([-2.0, -0.5, 0.0, 1.0, 3.0], np.float32)
    x = Tensor(values, requires_grad=True, device=backend.device)
    y = functions.selu(x, alpha=2.0, gamma=3.0)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), 3 * np.where(values > 0, values, 2 * np.expm1(values)), rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), 3 * np.where(values > 0, 1, 2 * np.exp(values)), rtol=1e-6)
    assert nn.SELU(alpha=2.0, gamma=3.0)(x).tolist() == y.tolist()
    assert functions.selu(x).tolist() == functions.selu(x, 1.6732632423543772, 1.0507009873554805).tolist()
