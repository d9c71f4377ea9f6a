"""Reductions, compared with NumPy and PyTorch, with gradients, on every device."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradcore
from gradcore import Tensor
from gradcore.operations.linear_algebra import linear

from tensor_cases import FULL_SHAPES, SEEDS, SHAPES, check, layouts, normal

NUMPY = {
    "sum": np.sum, "mean": np.mean, "amax": np.max, "amin": np.min, "all": np.all, "any": np.any,
    "var": lambda a, **k: np.var(a, ddof=1, **k), "std": lambda a, **k: np.std(a, ddof=1, **k),
    "norm": lambda a, **k: np.sqrt(np.sum(a * a, **k)), "logsumexp": lambda a, **k: np.log(np.sum(np.exp(a), **k)),
}


@pytest.mark.parametrize("name", NUMPY)
@given(data=st.data(), shape=FULL_SHAPES, seed=SEEDS, keepdims=st.booleans())
def test_over_any_dimensions(backend, name, data, shape, seed, keepdims):
    dims = data.draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1),
                               st.permutations(range(len(shape))).map(lambda p: tuple(p[:1 + seed % len(p)]))))
    if name in ("var", "std"):
        reduced = range(len(shape)) if dims is None else dims if isinstance(dims, tuple) else (dims,)
        if np.prod([shape[d] for d in reduced]) < 2:
            return
    for values in layouts(normal(seed, shape)):
        check(backend, lambda t: getattr(t, name)(dim=dims, keepdim=keepdims),
              lambda a: NUMPY[name](a, axis=dims, keepdims=keepdims), values, gradients=False)
    check(backend, lambda t: getattr(t, name)(axis=dims, keepdims=keepdims),
          lambda a: NUMPY[name](a, axis=dims, keepdims=keepdims), normal(seed, shape))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "prod", "cumsum"])
@given(data=st.data(), shape=FULL_SHAPES, seed=SEEDS)
def test_along_one_dimension(backend, name, data, shape, seed):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    reference = getattr(np, name)
    for values in layouts(normal(seed, shape)):
        def along(t):
            result = getattr(t, name)(dim)
            return result.values if name in ("max", "min") else result
        check(backend, along, lambda a: reference(a, axis=dim), values, gradients=values.flags.c_contiguous)
        if name != "cumsum":
            check(backend, lambda t: getattr(t, name)(), reference, values, gradients=values.flags.c_contiguous)
            check(backend, lambda t: getattr(t, name)(dim=dim, keepdim=True)[0], lambda a: reference(
                a, axis=dim, keepdims=True)[0] if name[:3] not in ("max", "min") else reference(
                a, axis=dim, keepdims=True), values, gradients=False)


@given(shape=SHAPES, seed=SEEDS)
def test_empty_and_zero_dimensional(backend, shape, seed):
    x = normal(seed, shape)
    for name in ("sum", "any", "all", "prod"):
        check(backend, lambda t: getattr(t, name)(), getattr(np, name), x, gradients=x.ndim < 2)
    if not x.size:
        assert np.isnan(Tensor(x, device=backend.device).mean().item())
        with pytest.raises(ValueError, match="no elements"):
            Tensor(x, device=backend.device).max()


def test_numbers_have_a_dimension_to_be_reduced_along(backend):
    x = Tensor(3.0, device=backend.device, requires_grad=True)
    assert x.sum(0).item() == x.mean(-1).item() == x.max(0).values.item() == 3 and x.argmax(0).item() == 0
    assert x.max(0).indices.shape == ()


def test_integers_and_booleans(backend):
    x = Tensor([[3, 1], [2, 5]], dtype="int32", device=backend.device)
    assert x.sum().dtype == x.prod().dtype == x.cumsum(0).dtype == x.argmax().dtype == "int64"
    assert x.max().dtype == "int32" and x.mean().dtype == "float32" and x.mean().item() == 2.75
    truth = x > 2
    assert truth.sum().item() == 2 and truth.sum().dtype == "int64" and truth.argmax(1).tolist() == [0, 1]
    assert truth.max().item() is True and truth.min().item() is False
    assert truth.count_nonzero(0).tolist() == [1, 1] and truth.any(0).tolist() == [True, True]


def test_ties_share_the_gradient_or_follow_the_index(backend, torch):
    values = np.array([[2.0, 2.0, 1.0], [2.0, 0.0, 0.0]])
    for reduce in (lambda t: t.max(), lambda t: t.min(), lambda t: t.amax(1).sum(), lambda t: t.amin((0, 1)),
                   lambda t: t.max(1).values.sum(), lambda t: t.min(0).values.sum()):
        x = Tensor(values, requires_grad=True, device=backend.device)
        reduce(x).backward()
        theirs = torch.tensor(values, requires_grad=True)
        reduce(theirs).backward()
        np.testing.assert_allclose(x.grad.numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("p", [1, 2, 3, float("inf")])
def test_norms(backend, torch, rng, p):
    values = rng.normal(size=(3, 4))
    for dim in (None, 0, 1):
        x = Tensor(values, requires_grad=True, device=backend.device)
        theirs = torch.tensor(values, requires_grad=True)
        ours, expected = x.norm(p, dim), torch.linalg.vector_norm(theirs, p, dim)
        np.testing.assert_allclose(ours.numpy(), expected.detach().numpy(), rtol=1e-12)
        ours.sum().backward()
        expected.sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)


def test_flat_where_there_is_no_slope(backend):
    for function in (Tensor.norm, Tensor.std):
        x = gradcore.zeros(3, device=backend.device, requires_grad=True)
        function(x).backward()
        assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, float("inf")])
def test_norms_are_flat_at_zero(backend, p):
    x = gradcore.tensor([[0.0, 0.0], [3.0, 0.0]], device=backend.device, requires_grad=True)
    y = x.norm(p, dim=1)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), [0, 3], rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), [[0, 0], [1, 0]], rtol=1e-6)


def test_reductions_of_nothing_and_of_numbers(backend):
    x = gradcore.zeros(2, 0, device=backend.device)
    assert x.logsumexp(1).tolist() == [-np.inf] * 2 and x.logsumexp(1, keepdim=True).shape == (2, 1)
    assert x.logsumexp(0).shape == (0,)
    number = Tensor(3.0, device=backend.device, requires_grad=True)
    number.prod(0).backward()
    assert number.prod(-1, keepdim=True).item() == 3 and number.grad.item() == 1
    with pytest.raises(IndexError):
        number.prod(1)


def test_logsumexp_of_extremes(backend):
    x = Tensor([[1000.0, 1000.0], [-1000.0, -1000.0], [-np.inf, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]],
               device=backend.device)
    np.testing.assert_allclose(x.logsumexp(1).numpy(), [1000 + np.log(2), -1000 + np.log(2), 0, np.inf, -np.inf])


def test_product_with_zeros(backend, torch):
    for values in ([1.0, 2, 3, 4, 5], [1.0, 0, 3], [0.0, 0, 3], [0.0], []):
        x = Tensor(np.array(values), requires_grad=True, device=backend.device)
        theirs = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        x.prod().backward()
        theirs.prod().backward()
        np.testing.assert_allclose(x.grad.numpy() if values else [], theirs.grad.numpy())


def test_nan_is_extreme(backend):
    x = Tensor([1.0, np.nan, 2.0], device=backend.device)
    assert np.isnan(x.max().item()) and np.isnan(x.min().item()) and x.argmax().item() == 1


def test_variance_options(backend):
    x = Tensor([1.0, 2.0, 4.0], device=backend.device)
    assert np.isclose(x.var(correction=0).item(), np.var([1, 2, 4])) and np.isclose(x.var(ddof=0).item(), 14 / 9)
    assert np.isclose(x.std(unbiased=False).item(), np.std([1, 2, 4])) and np.isnan(x[:1].var().item())


@given(shapes=st.data(), seed=SEEDS)
def test_matmul(backend, shapes, seed):
    size = st.integers(0, 4)
    n, k, m = shapes.draw(size), shapes.draw(size), shapes.draw(size)
    stacks = shapes.draw(st.sampled_from([((), ()), ((3,), ()), ((), (3,)), ((2, 1), (3,)), ((2, 3), (2, 3))]))
    a, b = normal(seed, (*stacks[0], n, k)), normal(seed + 1, (*stacks[1], k, m))
    check(backend, lambda x, y: x @ y, np.matmul, a, b)
    check(backend, lambda x, y: x @ y.mT, lambda x, y: x @ np.swapaxes(y, -1, -2), a, np.swapaxes(b, -1, -2))
    vector = normal(seed + 2, (k,))
    check(backend, gradcore.matmul, np.matmul, vector, b)
    check(backend, gradcore.matmul, np.matmul, a, vector)
    check(backend, gradcore.matmul, np.matmul, vector, vector)


def test_matmul_refuses_in_words(backend):
    x = gradcore.ones(2, 3, device=backend.device)
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 3\)"):
        x @ x
    with pytest.raises(ValueError, match="dimensions"):
        x @ Tensor(2.0, device=backend.device)
    assert (x @ gradcore.ones(3, dtype="float64", device=backend.device)).dtype == "float64"


@pytest.mark.parametrize("rows", [(), (5,), (2, 4), (0,)])
def test_linear(backend, rng, rows):

    x, w, b = rng.normal(size=(*rows, 3)), rng.normal(size=(2, 3)), rng.normal(size=2)
    check(backend, linear, lambda x, w, b: x @ w.T + b, x, w, b)
    check(backend, linear, lambda x, w: x @ w.T, x, w)
    for wrong in ((w.T, b), (w, b[:1]), (w[0], b)):
        with pytest.raises(ValueError, match="linear needs"):
            linear(*(Tensor(v, device=backend.device) for v in (x, *wrong)))
