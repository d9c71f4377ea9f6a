"""Row formulas of a user's own: value, gradient and second gradient are PyTorch's, on every device."""

from __future__ import annotations

import math
from typing import Any, Callable, NamedTuple

import numpy as np
import pytest

import gradcore
from gradcore import FormulaError, Tensor, gradcheck, rowwise
from gradcore.backends.cpu import rows
from gradcore.backends.formulas.row_run import plan_of

from native_compiler import needs_compiler

LABELS = np.array([2, 0, 4, 1, 3, 3])


def masked_softmax(xp, x, length):
    shown = xp.position < length
    e = xp.where(shown, xp.exp(x - xp.stop_gradient(xp.max(xp.where(shown, x, -xp.inf)))), 0.0)
    return e / xp.sum(e)


def focal_loss(xp, x, label, gamma=2.0):
    shifted = x - xp.stop_gradient(xp.max(x))
    log_p = xp.sum(xp.where(xp.position == label, shifted, 0.0)) - xp.log(xp.sum(xp.exp(shifted)))
    return -(1.0 - xp.exp(log_p)) ** gamma * log_p


def hinge_against_the_best_wrong(xp, x, label):
    right = xp.sum(xp.where(xp.position == label, x, 0.0))
    return xp.maximum(1.0 + xp.max(xp.where(xp.position == label, -xp.inf, x)) - right, 0.0)


def standardized(xp, x, eps=1e-5):
    centred = x - xp.mean(x)
    return centred / xp.sqrt(xp.mean(centred * centred) + eps)


def cosine_distance(xp, a, b):
    return 1.0 - xp.sum(a * b) / xp.sqrt(xp.sum(a * a) * xp.sum(b * b))


def position_code(xp, x, rate=0.1):
    return x + xp.sin(rate * xp.position) * xp.mean(x)


def affine_norm(xp, x, weight, bias, eps=1e-5):
    centred = x - xp.mean(x)
    return centred / xp.sqrt(xp.mean(centred * centred) + eps) * weight + bias


def log_sum_exp(xp, x):
    top = xp.stop_gradient(xp.max(x))
    return xp.log(xp.sum(xp.exp(x - top))) + top


def spread(xp, x):
    return xp.max(x) - xp.min(x)


def moments(xp, x):
    mean = xp.mean(x)
    return mean, xp.mean((x - mean) ** 2), x - mean


def _torch_masked_softmax(torch, x, length):
    return x.masked_fill(torch.arange(x.shape[-1]) >= length, -math.inf).softmax(-1)


def _torch_focal(torch, x, label):
    log_p = torch.log_softmax(x, -1).gather(-1, label.long())[..., 0]
    return -(1 - log_p.exp()) ** 2 * log_p


def _torch_hinge(torch, x, label):
    mask = torch.arange(x.shape[-1]) == label
    return (1 + x.masked_fill(mask, -math.inf).amax(-1) - x.gather(-1, label.long())[..., 0]).clamp_min(0)


def _torch_standardized(torch, x):
    dims = (-2, -1) if x.ndim == 3 else (-1,)
    return (x - x.mean(dims, keepdim=True)) / (x.var(dims, correction=0, keepdim=True) + 1e-5).sqrt()


def _torch_position_code(torch, x):
    return x + torch.sin(0.1 * torch.arange(x.shape[-1], dtype=x.dtype)) * x.mean(-1, keepdim=True)


class Case(NamedTuple):
    formula: Callable
    theirs: Callable
    arrays: list  # shapes of random arrays, or arrays
    dim: Any = -1


CASES = {
    "masked softmax": Case(masked_softmax, _torch_masked_softmax, [(6, 5), np.array([[1], [5], [3], [2], [4], [5]])]),
    "focal loss": Case(focal_loss, _torch_focal, [(6, 5), LABELS[:, None]]),
    "hinge loss": Case(hinge_against_the_best_wrong, _torch_hinge, [(6, 5), LABELS[:, None]]),
    "instance norm": Case(standardized, _torch_standardized, [(3, 4, 30)], (-2, -1)),
    "cosine distance": Case(cosine_distance, lambda torch, a, b: 1 - torch.cosine_similarity(a, b, -1),
                            [(4, 33), (33,)]),
    "position code": Case(position_code, _torch_position_code, [(3, 40)]),
    "layer norm": Case(affine_norm, lambda torch, x, w, b: torch.nn.functional.layer_norm(x, (7,), w, b),
                       [(2, 5, 7), (7,), (7,)]),
    "softmax along the first": Case(masked_softmax, lambda torch, x, n: torch.softmax(x, 0), [(6, 50), np.array(6)], 0),
    "log-sum": Case(log_sum_exp, lambda torch, x: torch.logsumexp(x, -1), [(4, 300)]),
    "spread": Case(spread, lambda torch, x: x.amax((0, 2)) - x.amin((0, 2)), [(4, 5, 6)], (0, 2)),
}


def _inputs(case: Case, rng: np.random.Generator, dtype: str) -> list[np.ndarray]:
    return [rng.normal(size=shape).astype(dtype) if isinstance(shape, tuple) else shape for shape in case.arrays]


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-11), ("float32", 2e-4)])
@pytest.mark.parametrize("name", CASES)
def test_value_gradient_and_second_gradient_are_pytorchs(name, dtype, tolerance, torch, backend, rng):
    case = CASES[name]
    arrays = _inputs(case, rng, dtype)
    is_float = [array.dtype == dtype for array in arrays]
    ours = [Tensor(array, requires_grad=f, device=backend.device) if f else
            gradcore.tensor(array, device=backend.device) for array, f in zip(arrays, is_float)]
    theirs = [torch.tensor(array, requires_grad=f) for array, f in zip(arrays, is_float)]
    result, expected = rowwise(case.formula)(*ours, dim=case.dim), case.theirs(torch, *theirs)
    weight = rng.normal(size=tuple(expected.shape)).astype(dtype)
    wanted = [i for i, f in enumerate(is_float) if f]
    first = gradcore.grad(result, [ours[i] for i in wanted], Tensor(weight, device=backend.device), create_graph=True)
    first_expected = torch.autograd.grad(expected, [theirs[i] for i in wanted], torch.tensor(weight), create_graph=True)
    for mine, other in [(result, expected), *zip(first, first_expected)]:
        assert mine.shape == tuple(other.shape) and mine.dtype == dtype
        np.testing.assert_allclose(mine.numpy(), other.detach().numpy(), rtol=tolerance, atol=tolerance)
    total, total_expected = (sum((g * g).sum() for g in grads) for grads in (first, first_expected))
    if total_expected.requires_grad and total_expected.grad_fn is not None:
        second = gradcore.grad(total, [ours[i] for i in wanted], allow_unused=True)
        second_expected = torch.autograd.grad(total_expected, [theirs[i] for i in wanted], allow_unused=True)
        for mine, other in zip(second, second_expected):
            other = torch.zeros(()) if other is None else other
            mine = np.zeros(()) if mine is None else mine.numpy()
            np.testing.assert_allclose(mine, other.numpy(), rtol=20 * tolerance, atol=20 * tolerance)


@pytest.mark.parametrize("name", CASES)
def test_float16_gives_what_float64_gives_rounded_once(name, backend, rng):
    if backend.device.type == "strict":
        pytest.skip("the array API standard, which this device keeps to, has no float16")
    case, operation = CASES[name], rowwise(CASES[name].formula)
    arrays = _inputs(case, rng, "float16")
    found = []
    for dtype in ("float16", "float64"):
        inputs = [Tensor(array.astype(dtype), requires_grad=True, device=backend.device) if array.dtype == "float16"
                  else gradcore.tensor(array, device=backend.device) for array in arrays]
        result = operation(*inputs, dim=case.dim)
        result.sum().backward()
        assert result.dtype == dtype
        found.append([result.detach().numpy(), *[value.grad.numpy() for value in inputs if value.requires_grad]])
    for half, exact in zip(*found):
        np.testing.assert_allclose(half, exact, rtol=2e-3, atol=4e-3)


def test_several_results_each_with_its_gradient(backend, rng):
    x = Tensor(rng.normal(size=(4, 9)), requires_grad=True, dtype="float64", device=backend.device)
    operation = rowwise(moments)
    mean, variance, centred = operation(x)
    assert mean.shape == variance.shape == (4,) and centred.shape == (4, 9)
    np.testing.assert_allclose(variance.numpy(), x.numpy().var(-1))
    assert operation(x, keepdim=True)[0].shape == (4, 1)
    assert gradcheck(lambda x: operation(x), [x])


def test_a_derivative_by_hand(backend, rng):
    @rowwise
    def total(xp, x):
        return xp.sum(x * x)

    @total.derivative
    def _(xp, x, upstream):
        return 2.0 * x * upstream

    x = Tensor(rng.normal(size=(3, 5)), requires_grad=True, dtype="float64", device=backend.device)
    assert gradcheck(lambda x: total(x), [x])
    assert gradcheck(lambda x: gradcore.grad(total(x).sum(), x, create_graph=True)[0], [x])


def test_float16_is_computed_in_float32(rng):
    x = Tensor(np.full((2, 4096), 1.0), dtype="float16", requires_grad=True)
    y = gradcore.softmax(x)
    assert y.dtype == np.float16 and np.all(y.numpy() == np.float16(1 / 4096))
    y.sum().backward()
    assert x.grad.dtype == np.float16


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 7), (5, rows.SHORT), (5, rows.SHORT + 1), (2000, 10), (700, 100),
                                   (9, rows.LONG + 3), (3, rows.BLOCK - 1), (3, rows.BLOCK + 1), (1, 300_000),
                                   (70_000, 3)])
def test_blocks_of_every_size_agree_with_numpy(shape, rng):
    x = rng.normal(size=shape)
    e = np.exp(x - x.max(-1, keepdims=True))
    np.testing.assert_allclose(gradcore.softmax(gradcore.tensor(x)).numpy(), e / e.sum(-1, keepdims=True), rtol=1e-12)


def test_settings_of_numpy_stay_as_they_are():
    before = np.getbufsize(), np.geterr()
    gradcore.softmax(gradcore.tensor(np.zeros((9, rows.LONG))))
    assert (np.getbufsize(), np.geterr()) == before


def test_what_takes_long_is_computed_once():
    @rowwise
    def weighted(xp, x):
        weight = xp.exp(x) / (1.0 + x * x)
        return weight * (x - xp.sum(weight * x))

    plan = plan_of(weighted.kernel)
    assert sum("exp" in repr(step) for step in plan.steps) == 1
    x = np.linspace(-1.0, 2.0, 12).reshape(3, 4)
    weight = np.exp(x) / (1 + x * x)
    np.testing.assert_allclose(weighted(Tensor(x)).numpy(), weight * (x - (weight * x).sum(1, keepdims=True)))


def test_what_a_row_does_not_need_may_be_empty(backend):
    assert gradcore.softmax(Tensor.zeros(3, 0, device=backend.device)).shape == (3, 0)
    assert gradcore.softmax(Tensor.zeros(0, 3, device=backend.device)).shape == (0, 3)
    with pytest.raises(ValueError, match="spread: the max of an empty row"):
        rowwise(spread)(Tensor.zeros(3, 0, device=backend.device))


def test_what_is_no_row_formula_is_refused_in_words():
    with pytest.raises(FormulaError, match="returned None; it returns an expression"):
        rowwise(lambda xp, x: None)(Tensor([1.0]))
    with pytest.raises(FormulaError, match="xp.cumsum combines several elements"):
        rowwise(lambda xp, x: xp.cumsum(x))(Tensor([1.0]))
    with pytest.raises(FormulaError, match="has no array"):
        rowwise(lambda xp: 1.0)
    with pytest.raises(FormulaError, match="`dim` is an option of every call"):
        rowwise(lambda xp, x, dim=2.0: x * dim)
    with pytest.raises(ValueError, match=r"do not broadcast to one shape; got a \(3,\), b \(4,\)"):
        rowwise(cosine_distance)(Tensor.zeros(3), Tensor.zeros(4))
    with pytest.raises(IndexError, match="dimension 2 does not exist"):
        rowwise(spread)(Tensor.zeros(3, 3), dim=2)


def test_the_version_of_what_was_saved_is_checked():
    x = Tensor([1.0, 2.0], requires_grad=True) * 1.0
    y = rowwise(log_sum_exp)(x)
    x.mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


@needs_compiler
@pytest.mark.parametrize("name", CASES)
def test_native_rows_agree_with_numpys(name, rng, chosen_kernels):
    case, operation, results = CASES[name], rowwise(CASES[name].formula), []
    arrays = _inputs(case, rng, "float32")
    for kernels in ("native", "numpy"):
        gradcore.set_cpu_kernels(kernels)
        inputs = [Tensor(array, requires_grad=True) if array.dtype == "float32" else gradcore.tensor(array)
                  for array in arrays]
        output = operation(*inputs, dim=case.dim)
        (output * output).sum().backward()
        results.append([output.detach(), *[value.grad for value in inputs if value.requires_grad]])
    for native, plain in zip(*results):
        np.testing.assert_allclose(native.numpy(), plain.numpy(), rtol=1e-4, atol=1e-5)


@needs_compiler
def test_native_sums_and_extrema_of_long_rows(rng, chosen_kernels):
    gradcore.set_cpu_kernels("native")
    x = rng.random((3, 200_000), np.float32)
    mean = rowwise(lambda xp, x: xp.mean(x))(gradcore.tensor(x))
    np.testing.assert_allclose(mean.numpy(), x.mean(-1, dtype=np.float64), rtol=2e-7)
    x[1, 77] = np.nan
    highest = rowwise(lambda xp, x: xp.max(x))(gradcore.tensor(x)).numpy()
    np.testing.assert_array_equal(highest, x.max(-1))


@pytest.mark.parametrize("formula", [lambda xp, x: xp.where(x > 0, xp.max(x), xp.max(x)),
                                     lambda xp, x: xp.where(x > 0, xp.stop_gradient(xp.max(x)), xp.max(x)),
                                     lambda xp, x: xp.where(True, xp.max(x), x)])
def test_a_choice_among_elements_has_every_element(formula, backend):
    found = rowwise(formula)(Tensor([[1.0, -2.0], [3.0, 4.0]], device=backend.device))
    assert found.tolist() == [[1.0, 1.0], [4.0, 4.0]]


@pytest.mark.parametrize("shape, dim", [((2, 1), 1), ((1, 3), 0), ((), -1), ((3,), 1), ((1, 1), (0, 1))])
def test_an_input_that_is_repeated_along_a_row_counts_for_each_element(shape, dim, backend, rng, torch):
    """Its gradient may be one number for each row, which is that of every element."""
    total = rowwise(lambda xp, x, weight: xp.sum(weight - 1) * xp.mean(x) + xp.sum(weight * weight))
    arrays = rng.normal(size=(2, 3)), rng.normal(size=shape)
    x, weight = [Tensor(array, dtype="float64", requires_grad=True, device=backend.device) for array in arrays]
    (slope,) = gradcore.grad(total(x, weight, dim=dim).sum(), [weight], create_graph=True)
    (second,) = gradcore.grad((slope * slope).sum(), [weight])
    a, b = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
    whole = b.expand(2, 3)
    theirs = ((whole - 1).sum(dim, keepdim=True) * a.mean(dim, keepdim=True) + (whole * whole).sum(dim, keepdim=True))
    (their_slope,) = torch.autograd.grad(theirs.sum(), [b], create_graph=True)
    (their_second,) = torch.autograd.grad((their_slope * their_slope).sum(), [b])
    np.testing.assert_allclose(slope.numpy(), their_slope.detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(second.numpy(), their_second.numpy(), rtol=1e-9)
