"""Distributions: densities, entropies and divergences with gradients as PyTorch's, and draws that follow them."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, distributions

# (name, parameters' names, draws of them, draws of values)
KINDS = [
    ("Normal", ("loc", "scale"), lambda rng, n: (rng.normal(size=n), rng.uniform(0.5, 2, n)),
     lambda rng, n: rng.normal(size=n)),
    ("Laplace", ("loc", "scale"), lambda rng, n: (rng.normal(size=n), rng.uniform(0.5, 2, n)),
     lambda rng, n: rng.normal(size=n)),
    ("Uniform", ("low", "high"), lambda rng, n: (rng.uniform(-2, -1, n), rng.uniform(2, 3, n)),
     lambda rng, n: rng.uniform(-1, 1, n)),
    ("Exponential", ("rate",), lambda rng, n: (rng.uniform(0.5, 2, n),), lambda rng, n: rng.uniform(0, 3, n)),
    ("Bernoulli", ("probs",), lambda rng, n: (rng.uniform(0.1, 0.9, n),), lambda rng, n: rng.integers(0, 2, n) * 1.0),
    ("Bernoulli", ("logits",), lambda rng, n: (rng.normal(size=n),), lambda rng, n: rng.integers(0, 2, n) * 1.0),
    ("Categorical", ("probs",), lambda rng, n: (rng.uniform(0.1, 3, (*n, 5)),), lambda rng, n: rng.integers(0, 5, n)),
    ("Categorical", ("logits",), lambda rng, n: (rng.normal(size=(*n, 5)),), lambda rng, n: rng.integers(0, 5, n)),
]
EVERY_KIND = pytest.mark.parametrize("name, keys, parameters, values", KINDS,
                                     ids=[f"{name}-{keys[-1]}" for name, keys, *_ in KINDS])


def _made(library, name, keys, arrays, **place):
    """The distribution and its parameters, leaves."""
    leaves = [library.tensor(array, requires_grad=True, **place) for array in arrays]
    return getattr(library.distributions, name)(**dict(zip(keys, leaves))), leaves


def _with_gradients(result, leaves):
    result.sum().backward()
    return [result.detach().cpu().numpy(), *[leaf.grad.cpu().numpy() for leaf in leaves if leaf.grad is not None]]


@EVERY_KIND
@pytest.mark.parametrize("what", ["log_prob", "more values", "entropy", "mean", "variance", "stddev", "divergence"])
def test_as_pytorchs(name, keys, parameters, values, what, backend, torch, rng):
    if name == "Categorical" and what in ("mean", "variance", "stddev"):
        pytest.skip("the numbers of categories have no mean")
    import torch.distributions  # noqa: F401
    arrays, others = parameters(rng, (3, 4)), parameters(rng, (3, 4))
    if name == "Uniform":
        others = [others[0] - 5, others[1] + 5]
    samples = values(rng, (2, 3, 4) if what == "more values" else (3, 4))

    def result(library, place):
        ours, leaves = _made(library, name, keys, arrays, **place)
        if what in ("log_prob", "more values"):
            return _with_gradients(ours.log_prob(library.tensor(samples, **place)), leaves)
        if what == "divergence":
            other, more = _made(library, name, keys, others, **place)
            return _with_gradients(library.distributions.kl_divergence(ours, other), leaves + more)
        found = getattr(ours, what)
        return _with_gradients(found() if callable(found) else found * 1.0, leaves)

    for a, b in zip(result(gradcore, {"device": backend.device}), result(torch, {}), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


@EVERY_KIND
def test_draws_follow_the_density(name, keys, parameters, values, backend):
    gradcore.manual_seed(11)
    rng = np.random.default_rng(1)
    kind, _ = _made(gradcore, name, keys, parameters(rng, (3,)), device=backend.device)
    n = 20_000
    draws = kind.sample((n,))
    assert draws.shape == (n, 3) and not draws.requires_grad and draws.device == backend.device
    drawn = draws.numpy().astype(float)
    if name == "Categorical":
        probs = kind.probs.detach().numpy()
        for category in range(5):
            np.testing.assert_allclose((drawn == category).mean(axis=0), probs[:, category], atol=0.02)
        assert draws.dtype == np.int64 and kind.mode.tolist() == probs.argmax(-1).tolist()
        return
    mean, deviation = kind.mean.detach().numpy(), kind.stddev.detach().numpy()
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * deviation / np.sqrt(n)).all()
    np.testing.assert_allclose(drawn.std(axis=0), deviation, rtol=0.05)
    # The mean of -log p over draws is the entropy, whatever the distribution.
    estimate = -kind.log_prob(draws).detach().numpy().mean(axis=0)
    np.testing.assert_allclose(estimate, kind.entropy().detach().numpy(), rtol=0.05, atol=0.02)


def test_gradients_pass_through_draws(backend):
    for name, arrays in (("Normal", [[1.0], [2.0]]), ("Laplace", [[1.0], [2.0]]), ("Uniform", [[1.0], [2.0]]),
                         ("Exponential", [[2.0]])):
        keys = next(keys for kind, keys, *_ in KINDS if kind == name)
        gradcore.manual_seed(3)
        arrays = [np.array(array) for array in arrays]
        kind, leaves = _made(gradcore, name, keys, arrays, device=backend.device)
        draws = kind.rsample((4,))
        draws.sum().backward()
        moved = [array + 1e-3 * (i == 0) for i, array in enumerate(arrays)]
        gradcore.manual_seed(3)
        again = _made(gradcore, name, keys, moved, device=backend.device)[0].rsample((4,))
        difference = (again.detach().sum() - draws.detach().sum()).item() / 1e-3
        assert kind.has_rsample and leaves[0].grad.item() == pytest.approx(difference, rel=0.01, abs=0.02)
    for kind in (distributions.Bernoulli(0.5), distributions.Categorical(Tensor([1.0]))):
        with pytest.raises(NotImplementedError, match="take sample"):
            kind.rsample()


def test_numbers_tensors_and_shapes():
    both = distributions.Normal(Tensor([0.0, 1.0]), gradcore.ones(3, 1))
    assert both.batch_shape == (3, 2) and both.sample().shape == (3, 2) and both.sample((4,)).shape == (4, 3, 2)
    assert distributions.Normal(0, 1).sample().shape == ()
    assert distributions.Normal(gradcore.tensor(0.0, dtype="float64"), 1).sample().dtype == np.float64
    rows = distributions.Categorical(logits=gradcore.zeros(2, 3, 4))
    assert rows.sample((5, 6)).shape == (5, 6, 2, 3) and rows.sample((0,)).shape == (0, 2, 3)
    assert rows.enumerate_support().shape == (4, 2, 3)
    assert distributions.Bernoulli(Tensor([0.5, 0.1])).enumerate_support(expand=False).tolist() == [[0.0], [1.0]]
    assert repr(both) == "Normal(loc: (3, 2), scale: (3, 2))"


def test_below_and_its_inverse(torch):
    x = np.linspace(-2, 2, 9)
    ours, theirs = distributions.Normal(0.5, 2.0), torch.distributions.Normal(0.5, 2.0)
    np.testing.assert_allclose(ours.cdf(gradcore.tensor(x)).numpy(), theirs.cdf(torch.tensor(x)).numpy(), atol=1e-7)
    np.testing.assert_allclose(ours.icdf(ours.cdf(gradcore.tensor(x))).numpy(), x, atol=1e-6)
    assert distributions.Uniform(0.0, 4.0).cdf(Tensor([-1.0, 1.0, 5.0])).tolist() == [0.0, 0.25, 1.0]


def test_what_is_impossible_is_refused():
    cases = [
        ("`scale` must be above 0; 1 of 2", lambda: distributions.Normal(0.0, Tensor([1.0, 0.0]))),
        ("`low` must be less", lambda: distributions.Uniform(1.0, 1.0)),
        ("between 0 and 1", lambda: distributions.Bernoulli(1.5)),
        ("either `probs` or `logits`", lambda: distributions.Bernoulli()),
        ("either `probs` or `logits`", lambda: distributions.Categorical(Tensor([1.0]), Tensor([1.0]))),
        ("at least 0", lambda: distributions.Categorical(Tensor([-1.0, 2.0]))),
        ("dimension is that of categories", lambda: distributions.Categorical(0.5)),
        ("values are 0 to 1", lambda: distributions.Categorical(Tensor([1.0, 1.0])).log_prob(Tensor(2))),
        ("numbers of categories", lambda: distributions.Categorical(Tensor([1.0, 1.0])).log_prob(0.5)),
        ("values are 0 and 1", lambda: distributions.Bernoulli(0.5).log_prob(0.5)),
        ("do not broadcast", lambda: distributions.Normal(gradcore.zeros(2), gradcore.ones(3))),
    ]
    for message, make in cases:
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="parameters must be floats; got int64"):
        distributions.Normal(gradcore.tensor([1]), 1.0)
    with pytest.raises(NotImplementedError, match="got Normal and Uniform"):
        distributions.kl_divergence(distributions.Normal(0.0, 1.0), distributions.Uniform(0.0, 1.0))
    assert distributions.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0


def test_impossible_values_have_no_density(torch):
    assert distributions.Uniform(0.0, 1.0).log_prob(Tensor([2.0, -0.1])).tolist() == [-np.inf, -np.inf]
    certain = distributions.Categorical(logits=Tensor([0.0, -np.inf]))
    assert certain.log_prob(Tensor([1])).tolist() == [-np.inf] and certain.entropy().item() == 0.0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_parts_of_one_event(count, backend, torch, rng):
    import torch.distributions  # noqa: F401
    loc, value = rng.normal(size=(4, 3)), rng.normal(size=(2, 4, 3))

    def results(library, **place):
        mean = library.tensor(loc, requires_grad=True, **place)
        joint = library.distributions.Independent(library.distributions.Normal(mean, 0.5), count)
        assert tuple(joint.rsample((5,)).shape) == (5, 4, 3) and not joint.sample().requires_grad
        shapes = tuple(joint.batch_shape), tuple(joint.event_shape)
        log_prob = joint.log_prob(library.tensor(value, **place))
        return shapes, [*_with_gradients(log_prob, [mean]), *[one.detach().cpu().numpy() for one in (
            joint.entropy(), joint.mean, joint.variance)]]

    (ours, mine), (theirs, other) = results(gradcore, device=backend.device), results(torch)
    assert ours == theirs
    for x, y in zip(mine, other, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-9)


def test_parts_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="Independent: `reinterpreted_batch_ndims` must be from 0 to 1"):
        distributions.Independent(distributions.Normal(Tensor([0.0]), 1.0), 2)
