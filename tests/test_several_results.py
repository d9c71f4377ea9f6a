"""Formulas that return a tuple: one kernel for all results, one for their gradients; these are PyTorch's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import gradcore
from gradcore import FormulaError, Tensor, elementwise, gradcheck, rowwise

from native_compiler import needs_compiler


@elementwise
def lstm_cell(xp, i, f, g, o, c):
    sigmoid = [1.0 / (1.0 + xp.exp(-gate)) for gate in (i, f, o)]
    new = sigmoid[1] * c + sigmoid[0] * xp.tanh(g)
    return sigmoid[2] * xp.tanh(new), new


def _torch_cell(torch, i, f, g, o, c):
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(new), new


@rowwise
def normalized(xp, x, weight):
    mean = xp.mean(x)
    root = xp.sqrt(xp.mean((x - mean) ** 2) + 1e-5)
    return (x - mean) / root * weight, mean, root


def _torch_normalized(torch, x, weight):
    mean = x.mean(-1, keepdim=True)
    root = (((x - mean) ** 2).mean(-1, keepdim=True) + 1e-5).sqrt()
    return (x - mean) / root * weight, mean[..., 0], root[..., 0]


CASES = {"lstm cell": (lstm_cell, _torch_cell, [(3, 4)] * 4 + [(4,)]),
         "normalized": (normalized, _torch_normalized, [(5, 6), (6,)])}
SUBSETS = [("lstm cell", which) for which in [(0,), (1,), (0, 1)]]
SUBSETS += [("normalized", which) for n in (1, 2, 3) for which in itertools.combinations(range(3), n)]


@pytest.mark.parametrize("name, which", SUBSETS)
def test_gradients_and_second_gradients_of_any_of_the_results(name, which, torch, backend, rng):
    formula, theirs, shapes = CASES[name]
    arrays = [rng.normal(size=shape) for shape in shapes]
    ours = [Tensor(array, requires_grad=True, dtype="float64", device=backend.device) for array in arrays]
    others = [torch.tensor(array, requires_grad=True) for array in arrays]
    results, expected = formula(*ours), theirs(torch, *others)
    weights = [rng.normal(size=tuple(other.shape)) for other in expected]
    for mine, other in zip(results, expected):
        np.testing.assert_allclose(mine.numpy(), other.detach().numpy(), rtol=1e-12)
    first = gradcore.grad([results[k] for k in which], ours, [Tensor(weights[k], device=backend.device) for k in which],
                          create_graph=True, allow_unused=True)
    first_expected = torch.autograd.grad([expected[k] for k in which], others,
                                         [torch.tensor(weights[k]) for k in which], create_graph=True,
                                         allow_unused=True)
    assert [g is None for g in first] == [g is None for g in first_expected]
    pairs = [(mine, other) for mine, other in zip(first, first_expected) if mine is not None]
    for mine, other in pairs:
        np.testing.assert_allclose(mine.numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-12)
    plain = gradcore.grad([formula(*ours)[k] for k in which], ours, [Tensor(weights[k], device=backend.device)
                                                                    for k in which], allow_unused=True)
    for mine, other in zip(plain, first):  # by the kernel that reads what the forward pass has kept
        assert mine is other is None or np.allclose(mine.numpy(), other.numpy(), rtol=1e-9, atol=1e-12)
    total, total_expected = (sum((g * g).sum() for g in grads) for grads in zip(*pairs))
    if total_expected.requires_grad and total_expected.grad_fn is not None:
        second = gradcore.grad(total, ours, allow_unused=True)
        second_expected = torch.autograd.grad(total_expected, others, allow_unused=True)
        for mine, other in zip(second, second_expected):
            mine, other = 0.0 if mine is None else mine.numpy(), 0.0 if other is None else other.numpy()
            np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-10)


def test_one_kernel_serves_the_gradients_of_all_results(monkeypatch):
    x = Tensor([0.5, 2.0], requires_grad=True)
    both = elementwise(lambda xp, x: (xp.sin(x), xp.cos(x)))
    sine, cosine = both(x)
    calls, backend = [], x._backend
    run = backend.elementwise
    monkeypatch.setattr(backend, "elementwise", lambda kernel, *rest: calls.append(kernel.name) or run(kernel, *rest))
    gradcore.grad([sine, cosine], x, [gradcore.ones(2), gradcore.ones(2)])
    assert calls == ["<lambda>_backward"]


def test_numbers_among_the_inputs_and_results_that_are_truth_values(backend):
    split = elementwise(lambda xp, x, y: (x * y, x > y))
    x = Tensor([1.0, 3.0], requires_grad=True, dtype="float64", device=backend.device)
    product, is_larger = split(x, 2.0)
    assert is_larger.tolist() == [False, True] and not is_larger.requires_grad
    assert gradcheck(lambda x: split(x, 0.1)[0], [x])
    product.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_derivative_by_hand_receives_the_gradients_of_all_results(backend, rng):
    @elementwise
    def powers(xp, x):
        return x * x, x * x * x

    @powers.derivative
    def _(xp, x, output, upstream):
        return 2.0 * x * upstream[0] + 3.0 * output[0] * upstream[1]

    x = Tensor(rng.normal(size=5), requires_grad=True, dtype="float64", device=backend.device)
    assert gradcheck(lambda x: powers(x), [x])
    assert gradcheck(lambda x: powers(x)[1], [x])
    assert gradcheck(lambda x: gradcore.grad(powers(x)[1].sum(), x, create_graph=True)[0], [x])


def test_a_result_that_was_changed_in_place_is_refused_where_the_gradient_needs_it():
    formula = elementwise(lambda xp, x: (xp.exp(x), x * 2.0))
    x = Tensor([1.0], requires_grad=True)
    exponential, double = formula(x)
    exponential.mul_(2.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        (exponential + double).backward()


def test_the_result_of_a_sibling_can_be_differentiated_again(backend):
    formula = elementwise(lambda xp, x: (xp.exp(x), xp.exp(2.0 * x)))
    x = Tensor([0.3], requires_grad=True, dtype="float64", device=backend.device)
    first, second = formula(x)
    slope, = gradcore.grad(second, x, create_graph=True)
    np.testing.assert_allclose(gradcore.grad(slope, x)[0].item(), 4 * np.exp(0.6))


def test_a_backward_kernel_reads_the_row_numbers_of_the_forward_pass():
    """A norm keeps its mean and root: its backward kernel does not compute them again."""
    norm = rowwise(lambda xp, x, eps=1e-5: (x - xp.mean(x)) / xp.sqrt(xp.mean((x - xp.mean(x)) ** 2) + eps))
    needs = norm.joint_gradient((0,), (0,), keeps=True)
    assert len(needs.kept) >= 1 and "sqrt" not in repr(needs.kernel)
    assert "sqrt" in repr(norm.joint_gradient((0,), (0,)).kernel)


def test_float16_keeps_nothing_that_would_overflow():
    x = Tensor(np.full((2, 4096), 10.0), dtype="float16", requires_grad=True)
    log_sum = rowwise(lambda xp, x: xp.log(xp.sum(xp.exp(x))))(x)
    log_sum.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / 4096, rtol=1e-3)


def test_a_derivative_by_hand_of_the_wrong_length_is_refused():
    formula = elementwise(lambda xp, x, y: (x, y))
    formula.derivative(lambda xp, x: x)
    with pytest.raises(FormulaError, match="returned 1 expression"):
        formula(Tensor([1.0], requires_grad=True), Tensor([1.0]))


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("native", marks=needs_compiler)])
@pytest.mark.parametrize("size", [1, 7, 5000, 300_000])
def test_results_may_go_to_the_inputs(kernels, size, backend, rng, chosen_kernels):
    if backend.device.type == "cpu":
        gradcore.set_cpu_kernels(kernels)
    step = elementwise(lambda xp, x, v, rate=0.5: (x + rate * xp.exp(-v), v - x * x, v))
    a, b = rng.normal(size=size), rng.normal(size=size)
    x, v, last = (Tensor(array, dtype="float64", device=backend.device) for array in (a, b, b))
    versions = x._versions[0]
    returned = step(x, v, rate=0.25, out=(x, v, last))
    assert all(mine is other for mine, other in zip(returned, (x, v, last)))
    np.testing.assert_allclose(x.numpy(), a + 0.25 * np.exp(-b), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(v.numpy(), b - a * a, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(last.numpy(), b)
    assert x._versions[0] > versions


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_results_may_change_places_and_go_to_views(kernels, backend, rng, chosen_kernels):
    if backend.device.type == "cpu":
        gradcore.set_cpu_kernels(kernels)
    swap = elementwise(lambda xp, x, y: (y, x))
    x, y = (Tensor(rng.normal(size=(4, 6)), device=backend.device) for _ in range(2))
    a, b = x.numpy().copy(), y.numpy().copy()
    swap(x, y, out=(x, y))
    np.testing.assert_array_equal(x.numpy(), b)
    np.testing.assert_array_equal(y.numpy(), a)
    column = gradcore.zeros(3, 4, device=backend.device).T
    gradcore.exp(column, out=column)
    np.testing.assert_array_equal(column.numpy(), np.ones((4, 3)))
    shifted = Tensor(np.arange(10.0), device=backend.device)
    gradcore.mul(shifted[:-1], 2.0, out=shifted[1:])  # as if the results had been made apart
    np.testing.assert_array_equal(shifted.numpy(), [0, *2 * np.arange(9.0)])


def test_what_cannot_receive_results_is_refused_and_nothing_is_changed(backend):
    x = Tensor([1.0, 2.0], device=backend.device)
    for _ in range(2):  # what is remembered of calls that pass lets no other one pass
        gradcore.exp(x, out=Tensor.zeros(2, device=backend.device))
    for out, error, words in [
            (Tensor.zeros(3, device=backend.device), ValueError, r"exp\(out=\): the result has shape \(2,\)"),
            (Tensor.zeros(2, dtype="float64", device=backend.device), ValueError, "dtype float32; got .* float64"),
            ((x, x), TypeError, r"has 1 result\(s\)"), ([1.0], TypeError, "got list"),
            (Tensor.zeros(1, device=backend.device).expand(2), RuntimeError, "expanded")]:
        with pytest.raises(error, match=words):
            gradcore.exp(x, out=out)
    weight = Tensor([1.0, 2.0], requires_grad=True, device=backend.device)
    with pytest.raises(RuntimeError, match="not recorded"):
        gradcore.exp(weight, out=x)
    with gradcore.no_grad():
        gradcore.exp(weight, out=weight)
    assert x.tolist() == [1.0, 2.0] and weight.is_leaf
    if backend.memory_is_on_host:
        x.numpy().flags.writeable = False
        with pytest.raises(RuntimeError, match="read-only"):
            gradcore.exp(x, out=x)


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_several_calls_at_once_do_what_each_would_alone(kernels, backend, rng, chosen_kernels):
    if backend.device.type == "cpu":
        gradcore.set_cpu_kernels(kernels)
    formula = elementwise(lambda xp, x, y, shift, scale=0.0: (x + scale * y, 1.0 / (shift * y)))
    arrays = [rng.uniform(1, 2, size) for size in ((3, 4), (5,), (), (2, 0), (8,), (6,))]
    tensors = [[Tensor(array, device=backend.device) for array in (x, -x)] for x in arrays]
    shifted = Tensor(np.arange(1.0, 10.0), device=backend.device)
    tensors.append([shifted[:-1], shifted[1:]])
    shifts = [0.5, 2, 0.0, 1.0, -0.0, 0.0, 1.0]
    inputs = [tuple(value.clone() for value in pair) for pair in tensors]
    formula.into_each([((x, y, shift), (y, x)) for (x, y), shift in zip(tensors, shifts)], scale=-0.0)
    for (x, y), given, shift in zip(tensors[:-1], inputs, shifts):  # the last writes to what it reads, in another order
        first, second = formula(*given, shift, scale=-0.0)
        np.testing.assert_array_equal(y.numpy(), first.numpy())
        np.testing.assert_array_equal(x.numpy(), second.numpy())
    column = Tensor(arrays[0], device=backend.device).T
    formula.into_each([((column, column, 1.0), (column, gradcore.zeros_like(column)))], scale=1.0)
    np.testing.assert_array_equal(column.numpy(), 2 * arrays[0].T)
    with pytest.raises(TypeError, match="scales"):
        formula.into_each([((column, column, 1.0), (column, column))], scales=1.0)


def test_a_result_that_does_not_depend_on_an_input_is_none_of_its_gradients(backend):
    """It may be read in the backward pass of another result, and the second gradient then comes to it."""
    for operation in (elementwise(_shared), rowwise(_shared)):
        x = Tensor([1.0, 2.0], requires_grad=True, device=backend.device)
        weight = Tensor([3.0, 4.0], device=backend.device)
        product, gate = operation(x, weight)
        (slope,) = gradcore.grad((product * product).sum(), [x], create_graph=True)
        (second,) = gradcore.grad(slope.sum(), [x])
        assert not gate.requires_grad
        np.testing.assert_allclose(second.numpy(), 2 * np.tanh([3.0, 4.0]) ** 2, rtol=1e-6)


def _shared(xp, x, weight):
    gate = xp.tanh(weight)
    return x * gate, gate
