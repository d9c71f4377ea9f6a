"""The rarer distributions, mixtures, transforms and divergences: values, gradients and draws, as PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor
from gradcore import distributions as D
from gradcore.core.elementwise import Elementwise
from gradcore.operations import gamma_draws
from gradcore.operations.gamma_draws import _slope, poisson, standard_gamma

from native_compiler import needs_compiler


def _positive(rng, *shape):
    return rng.uniform(0.6, 3.0, shape)


def _share(rng, *shape):
    return rng.uniform(0.1, 0.9, shape)


def _simplex(rng, *shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def _factor(rng, *shape):
    return np.tril(rng.normal(size=(*shape, 3, 3))) * 0.3 + np.eye(3)


def _covariance(rng, *shape):
    L = _factor(rng, *shape)
    return L @ np.swapaxes(L, -1, -2)


# (name, parameters, values): how both are drawn, with their names; what is no function is given as it is.
KINDS = [
    ("Gamma", {"concentration": _positive, "rate": _positive}, _positive), ("Chi2", {"df": _positive}, _positive),
    ("InverseGamma", {"concentration": lambda rng, *s: _positive(rng, *s) + 2, "rate": _positive}, _positive),
    # Where both were below 1 the density has two modes.
    ("Beta", {"concentration1": lambda rng, *s: _positive(rng, *s) + 0.5, "concentration0": _positive}, _share),
    ("Dirichlet", {"concentration": lambda rng, *s: _positive(rng, *s, 3) + 0.5}, lambda rng, *s: _simplex(rng, *s, 3)),
    ("StudentT", {"df": lambda rng, *s: _positive(rng, *s) + 2, "loc": _positive, "scale": _positive}, _positive),
    ("Cauchy", {"loc": _positive, "scale": _positive}, _positive),
    ("Gumbel", {"loc": _positive, "scale": _positive}, _positive),
    ("Weibull", {"scale": _positive, "concentration": _positive}, _positive),
    ("Pareto", {"scale": _positive, "alpha": lambda rng, *s: _positive(rng, *s) + 2},
     lambda rng, *s: _positive(rng, *s) + 3),
    ("Kumaraswamy", {"concentration1": _positive, "concentration0": _positive}, _share),
    ("HalfNormal", {"scale": _positive}, _positive), ("HalfCauchy", {"scale": _positive}, _positive),
    ("LogNormal", {"loc": _share, "scale": _share}, _positive),
    ("Poisson", {"rate": _positive}, lambda rng, *s: rng.integers(0, 5, s) * 1.0),
    ("Geometric", {"probs": _share}, lambda rng, *s: rng.integers(0, 5, s) * 1.0),
    ("Geometric", {"logits": _positive}, lambda rng, *s: rng.integers(0, 5, s) * 1.0),
    ("Binomial", {"total_count": 6, "probs": _share}, lambda rng, *s: rng.integers(0, 7, s) * 1.0),
    ("Binomial", {"total_count": 6, "logits": _positive}, lambda rng, *s: rng.integers(0, 7, s) * 1.0),
    ("NegativeBinomial", {"total_count": _positive, "probs": _share}, lambda rng, *s: rng.integers(0, 7, s) * 1.0),
    ("Multinomial", {"total_count": 4, "probs": lambda rng, *s: _share(rng, *s, 3)},
     lambda rng, *s: rng.multinomial(4, [0.2, 0.3, 0.5], s) * 1.0),
    ("OneHotCategorical", {"logits": lambda rng, *s: _share(rng, *s, 3)},
     lambda rng, *s: rng.multinomial(1, [0.2, 0.3, 0.5], s) * 1.0),
    ("MultivariateNormal", {"loc": lambda rng, *s: _share(rng, *s, 3), "scale_tril": _factor},
     lambda rng, *s: rng.normal(size=(*s, 3))),
    ("MultivariateNormal", {"loc": lambda rng, *s: _share(rng, *s, 3), "covariance_matrix": _covariance},
     lambda rng, *s: rng.normal(size=(*s, 3))),
    ("MultivariateNormal", {"loc": lambda rng, *s: _share(rng, *s, 3), "precision_matrix": _covariance},
     lambda rng, *s: rng.normal(size=(*s, 3))),
    ("RelaxedBernoulli", {"temperature": 1.5, "logits": _share}, _share),
    ("RelaxedOneHotCategorical", {"temperature": 1.5, "logits": lambda rng, *s: _share(rng, *s, 3)},
     lambda rng, *s: _simplex(rng, *s, 3)),
]
EVERY_KIND = pytest.mark.parametrize("name, parameters, values", KINDS,
                                     ids=[f"{name}-{[*parameters][-1]}" for name, parameters, _ in KINDS])


def _made(library, name, arrays, **place):
    leaves = {key: library.tensor(array, requires_grad=True, **place) if isinstance(array, np.ndarray)
              else library.tensor(array, dtype=library.float64, **place) if key == "temperature" else array
              for key, array in arrays.items()}
    kind = getattr(library.distributions, name)(**leaves)
    return kind, [leaf for leaf in leaves.values() if getattr(leaf, "requires_grad", False)]


def _drawn(parameters, rng, shape):
    return {key: draw(rng, *shape) if callable(draw) else draw for key, draw in parameters.items()}


def _read(kind, what, value):
    """A property or the result of a method, or None where it is not stated."""
    try:
        found = getattr(kind, what)
        return found(*[value] * (what in ("log_prob", "cdf"))) if callable(found) else found
    except (NotImplementedError, AttributeError):
        return None


@EVERY_KIND
def test_as_pytorchs(name, parameters, values, backend, torch, rng):
    import torch.distributions  # noqa: F401
    arrays, value = _drawn(parameters, rng, (2, 4)), values(rng, 2, 4)
    for what in ("log_prob", "entropy", "mean", "mode", "variance", "stddev", "cdf"):
        results = []
        if name in ("Gamma", "Chi2", "InverseGamma") and what == "cdf":
            continue  # not stated
        for library, place in ((gradcore, {"device": backend.device}), (torch, {})):
            kind, leaves = _made(library, name, arrays, **place)
            found = _read(kind, what, library.tensor(value, **place))
            if found is not None and found.requires_grad and what != "mode":
                found.sum().backward()
            results.append(None if found is None else [found.detach().cpu().numpy(), *[
                None if leaf.grad is None else leaf.grad.cpu().numpy() for leaf in leaves]])
        if name == "Kumaraswamy" and what == "mode":
            continue  # PyTorch's is NaN
        assert (results[0] is None) == (results[1] is None) or what == "mode", what
        for a, b in zip(*results) if None not in results else ():
            if a is not None and b is not None and np.isfinite(b).all():
                np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-8, err_msg=what)
    ours, theirs = _made(gradcore, name, arrays)[0], _made(torch, name, arrays)[0]
    assert ours.batch_shape == tuple(theirs.batch_shape) and ours.event_shape == tuple(theirs.event_shape)
    assert ours.has_rsample == theirs.has_rsample
    larger = ours.expand((3, 2, 4))
    assert larger.batch_shape == (3, 2, 4) and larger.event_shape == ours.event_shape
    assert larger.log_prob(gradcore.tensor(value)).shape == (3, 2, 4) == larger.sample().shape[:3]


@EVERY_KIND
def test_draws_follow_the_density(name, parameters, values, backend):
    gradcore.manual_seed(5)
    kind, leaves = _made(gradcore, name, _drawn(parameters, np.random.default_rng(1), (2,)), device=backend.device)
    n = 6_000
    draws = kind.sample((n,))
    assert draws.shape == (n, 2, *kind.event_shape) and not draws.requires_grad and draws.device == backend.device
    assert draws.isfinite().all().item()
    if kind.has_rsample:
        kind.rsample((3,)).sum().backward()
        assert all(np.isfinite(leaf.grad.numpy()).all() for leaf in leaves)
    drawn = draws.numpy().astype(float)
    if "Cauchy" in name:
        share = kind.cdf(gradcore.tensor(np.median(drawn, axis=0), device=backend.device))
        np.testing.assert_allclose(share.detach().numpy(), 0.5, atol=0.04)
        return
    if "Relaxed" not in name:
        mean, deviation = kind.mean.detach().numpy(), kind.stddev.detach().numpy()
        assert (np.abs(drawn.mean(axis=0) - mean) < 6 * deviation / np.sqrt(n)).all()
    if _read(kind, "entropy", None) is not None:
        logs = -kind.log_prob(draws).detach().numpy()
        np.testing.assert_allclose(logs.mean(axis=0), kind.entropy().detach().numpy(),
                                   atol=6 * logs.std() / np.sqrt(n) + 1e-6)


def test_gradients_of_gamma_draws_are_those_of_the_quantiles(rng):
    special = pytest.importorskip("scipy.special")
    shape = rng.uniform(8.0, 60.0, 500)
    z = rng.gamma(shape)
    step = 1e-4
    share = special.gammainc(shape, z)
    expected = (special.gammaincinv(shape + step, share) - special.gammaincinv(shape - step, share)) / (2 * step)
    np.testing.assert_allclose(_slope(gradcore.tensor(z), gradcore.tensor(shape)).numpy(), expected, rtol=2e-3)
    # The mean of draws of shape a is a, so that the mean of slopes is 1.
    for a in (0.3, 1.0, 5.0):
        leaf = gradcore.tensor(a, dtype="float64", requires_grad=True)
        gradcore.manual_seed(1)
        standard_gamma(leaf.expand(40_000)).mean().backward()
        assert leaf.grad.item() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("rate", [0.0, 0.3, 9.9, 10.0, 45.0, 2000.0])
def test_poisson_numbers_have_their_moments(rate):
    gradcore.manual_seed(2)
    draws = poisson(gradcore.full((40_000,), rate, dtype="float64")).numpy()
    assert (draws == np.floor(draws)).all() and abs(draws.mean() - rate) <= 6 * np.sqrt(rate / 40_000)
    assert draws.var() == pytest.approx(rate, rel=0.06)
    if rate:
        third = ((draws - rate) ** 3).mean() / rate ** 1.5
        assert third == pytest.approx(rate ** -0.5, abs=0.15)


DIVERGENCES = [("Gamma", 2), ("Beta", 2), ("Dirichlet", 1), ("Poisson", 1), ("Gumbel", 2), ("HalfNormal", 1),
               ("Cauchy", 2), ("LogNormal", 2), ("Exponential", 1), ("Laplace", 2), ("Normal", 2)]


@pytest.mark.parametrize("name, count", DIVERGENCES)
def test_divergences_are_pytorchs(name, count, torch, rng):
    pairs = [_positive(rng, count, 3, 4), _positive(rng, count, 3, 4)]
    results = []
    for library in (gradcore, torch):
        kinds = [getattr(library.distributions, name)(*[library.tensor(row) for row in rows]) for rows in pairs]
        results.append(library.distributions.kl_divergence(*kinds).numpy())
    np.testing.assert_allclose(*results, rtol=1e-6, atol=1e-9)
    assert (results[0] >= 0).all()


def test_more_divergences(torch, rng):
    a, b, L, M = _positive(rng, 2, 3), _positive(rng, 2, 3), _factor(rng, 2), _factor(rng, 2)
    cases = {
        "exponential and gamma": lambda d, t: (d.Exponential(t(a)), d.Gamma(t(b), t(a))),
        "vectors": lambda d, t: (d.MultivariateNormal(t(a), scale_tril=t(L)),
                                 d.MultivariateNormal(t(b), scale_tril=t(M))),
        "independent": lambda d, t: (d.Independent(d.Normal(t(a), t(b)), 1), d.Independent(d.Normal(t(b), t(a)), 1)),
        "one-hot": lambda d, t: (d.OneHotCategorical(logits=t(a)), d.OneHotCategorical(logits=t(b))),
        "geometric": lambda d, t: (d.Geometric(t(a) / 4), d.Geometric(t(b) / 4)),
        "binomial": lambda d, t: (d.Binomial(3, t(a) / 4), d.Binomial(3, t(b) / 4)),
        "pareto": lambda d, t: (d.Pareto(t(a), t(b)), d.Pareto(t(b), t(a))),
    }
    for name, pair in cases.items():
        results = [library.distributions.kl_divergence(*pair(library.distributions, library.tensor)).numpy()
                   for library in (gradcore, torch)]
        np.testing.assert_allclose(*results, rtol=1e-6, atol=1e-9, err_msg=name)

    class Mine(D.Normal):
        pass

    assert D.kl_divergence(Mine(0.0, 1.0), D.Normal(1.0, 1.0)).item() == 0.5
    with pytest.raises(NotImplementedError, match="got Normal and Laplace"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Laplace(0.0, 1.0))
    with pytest.raises(TypeError, match="register_kl takes classes"):
        D.register_kl(int, D.Normal)


def test_mixtures_are_pytorchs(torch, rng):
    weights, loc, scale = _share(rng, 4, 3), rng.normal(size=(4, 3)), _positive(rng, 4, 3)
    places, value = rng.normal(size=(3, 2)), rng.normal(size=(5, 4))
    results = []
    for library in (gradcore, torch):
        d, t = library.distributions, library.tensor
        leaf = t(loc, requires_grad=True)
        mixture = d.MixtureSameFamily(d.Categorical(t(weights)), d.Normal(leaf, t(scale)))
        density = mixture.log_prob(t(value))
        density.sum().backward()
        joint = d.MixtureSameFamily(d.Categorical(t(weights[0])), d.Independent(d.Normal(t(places), t(1.0)), 1))
        assert tuple(joint.sample((7,)).shape) == (7, 2) and tuple(mixture.sample((6, 7)).shape) == (6, 7, 4)
        results.append([density.detach().numpy(), leaf.grad.numpy(), mixture.mean.detach().numpy(),
                        mixture.variance.detach().numpy(), mixture.cdf(t(value)).detach().numpy(),
                        joint.log_prob(t(value[:, :2])).numpy(), joint.mean.numpy(), joint.variance.numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    with pytest.raises(ValueError, match="must be the 3 of the mixture"):
        D.MixtureSameFamily(D.Categorical(Tensor([1.0, 1.0, 1.0])), D.Normal(gradcore.zeros(2), 1.0))


TRANSFORMS = [("ExpTransform", ()), ("AffineTransform", (1.0, -3.0)), ("PowerTransform", (2.0,)),
              ("SigmoidTransform", ()), ("TanhTransform", ()), ("SoftplusTransform", ()),
              ("StickBreakingTransform", ())]


@pytest.mark.parametrize("name, options", TRANSFORMS)
def test_transforms_are_pytorchs(name, options, torch, rng):
    x = rng.uniform(0.2, 1.5, (4, 3))
    results = []
    for library in (gradcore, torch):
        transform = getattr(library.distributions, name)(*options)
        x_of = library.tensor(x)
        y = transform(x_of)
        np.testing.assert_allclose(transform.inv(y).numpy(), x, rtol=1e-5)
        results.append([y.numpy(), transform.log_abs_det_jacobian(x_of, y).numpy(),
                        transform.inv.log_abs_det_jacobian(y, x_of).numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_transformed_distributions_are_pytorchs(torch, rng):
    value, scale = rng.uniform(-0.8, 0.8, (5, 3)), _positive(rng, 3)
    shares = _simplex(rng, 5, 4)
    results = []
    for library in (gradcore, torch):
        d, t = library.distributions, library.tensor
        leaf = t(scale, requires_grad=True)
        squashed = d.TransformedDistribution(d.Normal(t(np.zeros(3)), leaf), [d.AffineTransform(t(0.1), t(0.5)),
                                                                            d.TanhTransform()])
        density = squashed.log_prob(t(value))
        density.sum().backward()
        joint = d.TransformedDistribution(d.Independent(d.Normal(t(np.zeros(3)), leaf), 1), d.SigmoidTransform())
        sticks = d.TransformedDistribution(d.Normal(t(np.zeros(3)), leaf), d.StickBreakingTransform())
        falling = d.TransformedDistribution(d.Normal(t(np.zeros(3)), leaf), d.AffineTransform(1.0, -2.0))
        for kind, shape in ((squashed, (6, 3)), (joint, (6, 3)), (sticks, (6, 4))):
            assert tuple(kind.rsample((6,)).shape) == shape
        results.append([density.detach().numpy(), leaf.grad.numpy(),
                        joint.log_prob(t(np.abs(value))).detach().numpy(), sticks.log_prob(t(shares)).detach().numpy(),
                        falling.cdf(t(value)).detach().numpy(), falling.icdf(t(np.abs(value))).detach().numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_what_is_impossible_is_refused():
    cases = [("`rate` must be above 0", lambda: D.Gamma(1.0, 0.0)),
             ("`probs` must be above 0", lambda: D.Geometric(0.0)),
             ("pass either", lambda: D.Binomial(3)), ("values are at most", lambda: D.Binomial(3, 0.5).log_prob(4.0)),
             ("values are counts", lambda: D.Poisson(1.0).log_prob(0.5)),
             ("add up to `total_count`", lambda: D.Multinomial(2, Tensor([0.5, 0.5])).log_prob(Tensor([1.0, 2.0]))),
             ("shares that add up to 1", lambda: D.Dirichlet(Tensor([1.0, 1.0])).log_prob(Tensor([0.5, 0.9]))),
             ("give one of", lambda: D.MultivariateNormal(Tensor([0.0]))),
             ("needs square matrices", lambda: D.MultivariateNormal(Tensor([0.0]), gradcore.ones(2, 2)))]
    for words, call in cases:
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(TypeError, match="`transforms` must be a Transform or a tuple or list of Transforms; got list"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), [3])


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("unitriangular", [False, True])
def test_triangular_systems_are_pytorchs(upper, left, unitriangular, torch, rng):
    A, B = rng.normal(size=(2, 4, 4)) + 3 * np.eye(4), rng.normal(size=(2, 4, 4))
    results = []
    for library in (gradcore, torch):
        a, b = library.tensor(A, requires_grad=True), library.tensor(B, requires_grad=True)
        x = library.linalg.solve_triangular(a, b, upper=upper, left=left, unitriangular=unitriangular)
        (x ** 3).sum().backward()
        results.append([x.detach().numpy(), a.grad.numpy(), b.grad.numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("upper", [False, True])
def test_systems_by_cholesky_factors_are_pytorchs(upper, torch, rng):
    L = np.tril(rng.normal(size=(4, 4))) + 3 * np.eye(4)
    factor, B = L.T.copy() if upper else L, rng.normal(size=(4, 2))
    results = []
    for library in (gradcore, torch):
        a, b = library.tensor(factor, requires_grad=True), library.tensor(B, requires_grad=True)
        x, inverse = library.cholesky_solve(b, a, upper=upper), library.cholesky_inverse(a, upper=upper)
        ((x ** 2).sum() + (inverse ** 2).sum()).backward()
        half = a.grad.numpy().T if upper else a.grad.numpy()
        results.append([x.detach().numpy(), inverse.detach().numpy(), np.tril(half), b.grad.numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_several_dimensions_are_flipped_as_pytorch_flips_them(torch, rng):
    x = rng.normal(size=(2, 3, 4))
    for dims in ((0, 2), (-1, 0), (1,), ((0, 1),)):
        np.testing.assert_array_equal(gradcore.tensor(x).flip(*dims).numpy(), torch.tensor(x).flip(*dims).numpy())


FORMULAS = {operation.name: operation for module in (D.continuous, D.divergence, D.gammas, D.heavy, gamma_draws)
            for operation in vars(module).values()
            if isinstance(operation, Elementwise) and operation.name.startswith("_")}


@needs_compiler
@pytest.mark.parametrize("name", FORMULAS)
def test_native_kernels_of_distributions_give_what_numpys_give(name, rng):
    operation = FORMULAS[name]
    values = [_share(rng, 10_000) for _ in operation.arrays]  # which all of the parameters may have

    def found(kind):
        gradcore.set_cpu_kernels(kind)
        inputs = [Tensor(value, requires_grad=True) for value in values]
        results = operation(*inputs)
        results = results if isinstance(results, tuple) else (results,)
        if results[0].requires_grad:
            results[0].sum().backward()
        return [part.detach().numpy() for part in (*results, *[x.grad for x in inputs]) if part is not None]

    before = gradcore.cpu_kernels()
    try:
        pairs = list(zip(found("native"), found("numpy"), strict=True))
    finally:
        gradcore.set_cpu_kernels(before)
    for native, expected in pairs:
        largest = np.abs(expected, where=np.isfinite(expected), out=np.zeros(expected.shape, "f4")).max()
        same = np.isclose(native, expected, 1e-4, 1e-5 * largest, equal_nan=True)
        assert same.mean() > 0.999  # a comparison may fall on either side of its bound
