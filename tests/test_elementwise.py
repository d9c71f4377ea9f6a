"""A user's formula: its value, its derived gradient and what it saves."""

from __future__ import annotations

import gc
import warnings

import numpy as np
import pytest

import gradcore
from gradcore import Tensor
from gradcore import elementwise

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


@elementwise
def mish(xp, x):
    return x * xp.tanh(xp.log1p(xp.exp(-xp.abs(x))) + xp.maximum(x, 0))


@elementwise
def gauss(xp, x):
    return xp.exp(-x * x)


@elementwise
def snake(xp, x, frequency=1.0):
    return x + xp.square(xp.sin(frequency * x)) / frequency


@elementwise
def softsign(xp, x):
    return x / (1 + abs(x))


@elementwise
def bent_identity(xp, x):
    return (xp.sqrt(x ** 2 + 1) - 1) / 2 + x


@elementwise
def hard_swish(xp, x):
    return x * xp.clip(x + 3, 0, 6) / 6


@elementwise
def piecewise(xp, x):
    return xp.where(x < -1, xp.expm1(x), xp.where(x > 2, xp.log(x), x ** 3))


@elementwise
def two_inputs(xp, x, y):
    return xp.arctan(x) * xp.maximum(x, y) - y / (1 + xp.square(x))


@elementwise
def with_constants(xp, x, alpha=0.5, beta=2.0):
    return xp.minimum(alpha * x, beta) + xp.sigmoid(beta * x) ** 1.5


@elementwise
def special(xp, x):
    return xp.erf(x) + xp.cosh(x / 4) * xp.cos(x) + xp.log2(xp.exp2(x) + 1) + xp.sinh(x / 5)


def _torch_piecewise(x):
    return torch.where(x < -1, torch.expm1(x), torch.where(x > 2, torch.log(torch.clamp(x, min=1e-3)), x ** 3))


FORMULAS = [
    (mish, lambda x: x * torch.tanh(torch.log1p(torch.exp(-torch.abs(x))) + torch.relu(x))),
    (gauss, lambda x: torch.exp(-x * x)),
    (snake, lambda x: x + torch.sin(x) ** 2),
    (softsign, torch.nn.functional.softsign),
    (bent_identity, lambda x: (torch.sqrt(x ** 2 + 1) - 1) / 2 + x),
    (hard_swish, torch.nn.functional.hardswish),
    (piecewise, _torch_piecewise),
    (with_constants, lambda x: torch.clamp(0.5 * x, max=2.0) + torch.sigmoid(2.0 * x) ** 1.5),
    (special, lambda x: torch.erf(x) + torch.cosh(x / 4) * torch.cos(x) + torch.log2(torch.exp2(x) + 1)
     + torch.sinh(x / 5)),
]


@pytest.mark.parametrize("dtype, tolerance", [(np.float16, 4e-3), (np.float32, 3e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("formula, reference", FORMULAS, ids=[formula.name for formula, _ in FORMULAS])
def test_agrees_with_pytorch(formula, reference, dtype, tolerance):
    rng = np.random.default_rng()
    values = rng.uniform(-6, 6, (37, 11)).astype(dtype)
    values[np.isin(values, [-3, -1, 0, 2, 3, 4])] += 0.5  # kinks, which float16 hits by chance, have their own test
    upstream = rng.standard_normal(values.shape).astype(dtype)
    x = Tensor(values, requires_grad=True)
    y = formula(x)
    y.backward(upstream)
    tx = torch.tensor(values.astype(np.float64), requires_grad=True)
    ty = reference(tx)
    ty.backward(torch.tensor(upstream.astype(np.float64)))
    assert y.dtype == x.grad.dtype == dtype
    np.testing.assert_allclose(y.numpy(), ty.detach().numpy(), rtol=tolerance, atol=tolerance * 4)
    np.testing.assert_allclose(x.grad.numpy(), tx.grad.numpy(), rtol=tolerance * 4, atol=tolerance * 8)


@pytest.mark.parametrize("shapes", [((4, 5), (4, 5)), ((4, 5), (5,)), ((4, 1), (1, 5)), ((), (3,)),
                                    ((2, 3, 4), (3, 1))])
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-6), (np.float64, 1e-13)])
def test_two_inputs_that_broadcast(shapes, dtype, tolerance):
    rng = np.random.default_rng()
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    tx, ty = (torch.tensor(v, requires_grad=True) for v in (a, b))
    out = two_inputs(x, y)
    expected = torch.arctan(tx) * torch.maximum(tx, ty) - ty / (1 + tx ** 2)
    upstream = rng.standard_normal(out.shape).astype(dtype)
    out.backward(upstream)
    expected.backward(torch.tensor(upstream))
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    for ours, theirs in ((x, tx), (y, ty)):
        assert ours.grad.shape == ours.shape
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=tolerance * 8, atol=tolerance * 8)


def test_only_the_gradients_that_are_wanted():
    x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 0.5])
    two_inputs(x, y).sum().backward()
    assert x.grad is not None and y.grad is None


def test_kinks_follow_pytorch_or_the_constants_side():
    @elementwise
    def with_constant(xp, x):
        return xp.maximum(x, 0) + xp.abs(x) + xp.clip(x, -1, 1)

    x = Tensor([0.0, -1.0, 1.0], requires_grad=True)
    with_constant(x).sum().backward()
    assert x.grad.tolist() == [0 + 0 + 1, 0 - 1 + 1, 1 + 1 + 1]
    a, b = (Tensor([2.0], requires_grad=True) for _ in range(2))
    gradcore.maximum(a, b).backward()
    assert a.grad.item() == b.grad.item() == 0.5


@pytest.mark.parametrize("upstream", [1.0, np.inf, np.nan])
def test_where_lets_nothing_of_the_other_branch_through(upstream):
    @elementwise
    def safe_log(xp, x):
        return xp.where(x > 0, xp.log(x), 0.0)

    @elementwise
    def elu_like(xp, x):
        return xp.where(x > 0, x, xp.exp(x) - 1)

    x = Tensor([-1.0, 0.0, 2.0], requires_grad=True)
    safe_log(x).backward(Tensor([upstream, upstream, 1.0]))
    assert x.grad.tolist() == [0.0, 0.0, 0.5]
    x = Tensor([100.0, 1e4, 1e30], requires_grad=True)
    elu_like(x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_gradients_of_gradients():
    values = np.random.default_rng().uniform(0.5, 2, 20)
    weights = np.random.default_rng().uniform(0.5, 2, (3, 20))  # an upstream gradient of ones would hide its square
    x = Tensor(values, requires_grad=True)
    (first,) = gradcore.grad((mish(x) * weights[0]).sum(), [x], create_graph=True)
    (second,) = gradcore.grad((first * weights[1]).sum(), [x], create_graph=True)
    (third,) = gradcore.grad((second * weights[2]).sum(), [x])
    tx = torch.tensor(values, requires_grad=True)
    expected = torch.nn.functional.mish(tx)
    for ours, weight in zip((first, second, third), weights):
        (expected,) = torch.autograd.grad((expected * torch.tensor(weight)).sum(), tx, create_graph=True)
        np.testing.assert_allclose(ours.numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-9)


def test_gradients_of_gradients_through_a_saved_output_and_by_hand():
    @elementwise
    def logistic(xp, x):
        return xp.sigmoid(x)

    @logistic.derivative
    def _(xp, output):
        return output * (1 - output)

    x = Tensor(np.linspace(-3, 3, 7), requires_grad=True)
    (first,) = gradcore.grad(logistic(x).sum(), [x], create_graph=True)
    (second,) = gradcore.grad(first.sum(), [x])
    s = 1 / (1 + np.exp(-x.numpy()))
    np.testing.assert_allclose(second.numpy(), s * (1 - s) * (1 - 2 * s), rtol=1e-12, atol=1e-15)
    assert gradcore.gradcheck(lambda t: gradcore.grad((logistic(t) * t).sum(), [t], create_graph=True)[0], [x])


def test_it_is_traced_once_and_constants_are_arguments():
    calls = []

    @elementwise
    def leaky(xp, x, slope=0.1):
        calls.append(slope)
        return xp.where(x > 0, x, slope * x)

    x = Tensor([-1.0, 2.0], requires_grad=True)
    for slope in (0.1, 0.2, -3.0, 0.0):
        x.grad = None
        y = leaky(x, slope=slope)
        y.sum().backward()
        np.testing.assert_allclose(y.numpy(), np.array([-slope, 2], np.float32))
        np.testing.assert_allclose(x.grad.numpy(), np.array([slope, 1], np.float32))
    assert len(calls) == 1
    assert leaky(x, 0.7).tolist() == leaky(x, slope=0.7).tolist()
    (launcher,) = leaky.kernel.compiled.values()
    assert len(launcher.programs) == 1


@pytest.mark.parametrize("name, saved, output", [("exp", (), True), ("tanh", (), True), ("sigmoid", (), True),
                                                 ("relu", (), True), ("sin", (0,), False), ("negative", (), False),
                                                 ("softplus", (0,), False)])
def test_only_what_the_derivative_uses_is_saved(name, saved, output):
    from gradcore.operations import arithmetic
    from gradcore import functions
    operation = getattr(functions, name, None) or getattr(arithmetic, name)
    needs = operation.gradient((0,))
    assert needs.saved == saved and needs.saves_output == output


def test_an_input_that_is_not_needed_is_freed():
    before = gradcore.get_backend("cpu").memory_stats()["allocated"]
    x = Tensor(np.ones(1 << 20, np.float32), requires_grad=True)
    y = x
    for _ in range(5):
        y = gradcore.functions.tanh(y)  # each saves its output alone
    gc.collect()
    kept = gradcore.get_backend("cpu").memory_stats()["allocated"] - before
    assert kept <= 5 * (1 << 22) * 1.01


def test_shared_subexpressions_are_computed_once():
    source = str(gradcore.get_backend("cpu").compile(mish.kernel, np.float32))
    assert source.count("exp(") == source.count("log1p(") == source.count("absolute(") == 2  # once in each form


def test_comparisons_give_booleans_and_count_as_numbers():
    @elementwise
    def inside(xp, x):
        return xp.logical_and(x > 0, x < 1)

    @elementwise
    def count(xp, x):
        return (x > 0) + (x > 1)

    x = Tensor([-1.0, 0.5, 2.0], requires_grad=True)
    assert inside(x).dtype == bool and inside(x).tolist() == [False, True, False]
    assert not inside(x).requires_grad
    assert count(x).tolist() == [0, 1, 2]


@pytest.mark.parametrize("formula, expected", [
    (lambda xp, x: xp.where(x > 0, x > 1, 2.0), [2.0, 0.0, 1.0]),
    (lambda xp, x: xp.where(x > 0, -1.0, x < 0), [1.0, -1.0, -1.0]),
    (lambda xp, x: xp.where(x > 0, True, 0.5), [0.5, 1.0, 1.0]),
    (lambda xp, x: xp.where(x > 0, True, x < -2), [False, True, True]),
    (lambda xp, x: xp.where(x > 1, False, True), [True, True, False]),
])
def test_truth_values_can_be_chosen(formula, expected):
    result = elementwise(formula)(Tensor([-1.0, 0.5, 2.0]))
    assert result.tolist() == expected and result.dtype == (bool if isinstance(expected[0], bool) else np.float32)


def test_a_bound_beyond_float32_is_infinite_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert elementwise(lambda xp, x: xp.minimum(x, 1e300))(Tensor([1.0, np.inf])).tolist() == [1.0, np.inf]


def test_casts_of_small_arrays_overflow_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradcore.exp(Tensor(np.full(3, 20, np.float16))).tolist() == [np.inf] * 3


def test_numbers_and_names_that_could_clash():
    @elementwise
    def clash(xp, exp, out0, c0, lambda_=2.0):
        return xp.exp(exp) * out0 + c0 * lambda_

    arrays = [Tensor(np.random.default_rng().standard_normal(5), requires_grad=True) for _ in range(3)]
    out = clash(*arrays)
    np.testing.assert_allclose(out.numpy(), np.exp(arrays[0].numpy()) * arrays[1].numpy() + 2 * arrays[2].numpy())
    assert clash(0.0, arrays[1], 3).tolist() == pytest.approx((arrays[1].numpy() + 6).tolist())
    assert gradcore.gradcheck(clash, arrays)


def test_any_layout_of_memory_and_no_warnings():
    rng = np.random.default_rng()
    base = rng.standard_normal((40, 60)).astype(np.float32) * 50
    layouts = [base.T, base[::2, ::-3], np.asfortranarray(base), base[:, :1], base[:0], np.array(1.5, np.float32),
               np.broadcast_to(base[:1], base.shape), np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], np.float32)]
    for values in layouts:
        before = values.copy()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            x = Tensor(values, requires_grad=True)
            x._array = values  # the layout itself: Tensor(...) makes a contiguous copy
            y = mish(x)
            y.backward(np.ones_like(values))
        expected = mish(Tensor(np.ascontiguousarray(values)))
        assert y.shape == x.grad.shape == values.shape
        np.testing.assert_array_equal(y.numpy(), expected.numpy().reshape(values.shape))
        np.testing.assert_array_equal(values, before)
