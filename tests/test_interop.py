"""Other people's functions on tensors: SciPy, scikit-learn and einops, where they are installed, with gradients.

Each is called with tensors and gives what it gives for NumPy arrays; its gradient is the one by finite differences.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, array_api


# From these on they take arrays of any library in the functions below.
VERSIONS = {"scipy": "1.17", "sklearn": "1.8", "einops": "0.8"}


def _installed(name: str) -> Any:
    library = name.partition(".")[0]
    reason = f"{library} {VERSIONS[library]} or newer is not installed (the extra interop brings it)"
    pytest.importorskip(library, VERSIONS[library], reason)
    return pytest.importorskip(name)


@pytest.fixture
def scipy() -> Callable[[str], Any]:
    """The modules of SciPy by their names; it takes tensors since conftest has set SCIPY_ARRAY_API."""
    return lambda name: _installed(f"scipy.{name}")


@pytest.fixture
def sklearn() -> Any:
    """scikit-learn with its array API support switched on."""
    library = _installed("sklearn")
    _installed("scipy")
    with library.config_context(array_api_dispatch=True):
        yield lambda name: _installed(f"sklearn.{name}")


def _hold_to_numpy(function: Callable, *arrays: np.ndarray, rtol: float = 1e-9) -> None:
    """`function` of tensors gives tensors with the values that it gives of arrays, and the right gradient."""
    expected = function(*arrays)
    tensors = [Tensor(array, True) for array in arrays]
    result = function(*tensors)
    assert isinstance(result, Tensor) and result.requires_grad
    np.testing.assert_allclose(result.detach().numpy(), np.asarray(expected), rtol=rtol, atol=1e-12)
    assert gradcore.gradcheck(function, tensors)


SPECIAL = {
    "logsumexp": lambda S, x: S.logsumexp(x, axis=1), "softmax": lambda S, x: S.softmax(x, axis=-1),
    "log_softmax": lambda S, x: S.log_softmax(x, axis=-1), "xlogy": lambda S, x: S.xlogy(x, x),
    "rel_entr": lambda S, x: S.rel_entr(x, 2 * x), "kl_div": lambda S, x: S.kl_div(x, 2 * x),
    "xlog1py": lambda S, x: S.xlog1py(x, x), "expit": lambda S, x: S.expit(x), "logit": lambda S, x: S.logit(x / 3),
    **{name: (lambda S, x, name=name: getattr(S, name)(x))
       for name in ("entr", "erf", "erfc", "gammaln", "ndtr", "psi")},
}
STATISTICS = {
    "moment": lambda S, x: S.moment(x, 3, axis=1), "skew": lambda S, x: S.skew(x, axis=0),
    "kurtosis": lambda S, x: S.kurtosis(x, axis=1), "tstd": lambda S, x: S.tstd(x, axis=1),
    "variation": lambda S, x: S.variation(x, axis=1), "sem": lambda S, x: S.sem(x, axis=1),
    "gmean": lambda S, x: S.gmean(x, axis=1), "pmean": lambda S, x: S.pmean(x, 3, axis=1),
    "entropy": lambda S, x: S.entropy(x, axis=1), "kstat": lambda S, x: S.kstat(x, 3, axis=1),
    "circmean": lambda S, x: S.circmean(x, axis=1),
}
MORE = {
    "trapezoid": ("integrate", lambda S, x: S.trapezoid(x, axis=1)),
    "cumulative_simpson": ("integrate", lambda S, x: S.cumulative_simpson(x, axis=1)),
    "rosen": ("optimize", lambda S, x: S.rosen(x)), "rosen_der": ("optimize", lambda S, x: S.rosen_der(x[0, :])),
    "rotation": ("spatial.transform", lambda S, x: S.Rotation.from_rotvec(x[:, :3]).as_matrix()),
}
SCIPY = [*[("special", name, call) for name, call in SPECIAL.items()],
         *[("stats", name, call) for name, call in STATISTICS.items()],
         *[(module, name, call) for name, (module, call) in MORE.items()]]


@pytest.mark.parametrize("module, name, call", SCIPY, ids=[f"{module}.{name}" for module, name, _ in SCIPY])
def test_functions_of_scipy(scipy, rng, module, name, call):
    library = scipy(module)
    # Constants that SciPy makes of Python numbers have the default dtype, float32.
    _hold_to_numpy(lambda x: call(library, x), rng.uniform(0.2, 2.0, (3, 5)), rtol=1e-6)


def test_roots_and_integrals_of_scipy(scipy):
    """Solvers that call a function of ours with tensors; the results have no history, as their loops write in place."""
    def number(value: float) -> Tensor:
        return array_api.asarray(value, dtype=array_api.float64)

    root = scipy("optimize.elementwise").find_root(lambda x, c: x ** 3 - c, (number(0.0), number(5.0)),
                                                   args=(number(2.0),))
    assert isinstance(root.x, Tensor) and abs(root.x.item() - 2 ** (1 / 3)) < 1e-12
    area = scipy("integrate").tanhsinh(lambda x: array_api.exp(-x * x), number(0.0), number(1.0))
    assert isinstance(area.integral, Tensor) and abs(area.integral.item() - 0.7468241328124271) < 1e-12
    slope = scipy("differentiate").derivative(array_api.exp, number(0.5))
    assert isinstance(slope.df, Tensor) and abs(slope.df.item() - np.exp(0.5)) < 1e-9


def test_what_scipy_leaves_to_numpy_loses_no_gradient_without_a_word(scipy):
    special, x = scipy("special"), Tensor([0.5], True)
    with pytest.raises(TypeError, match="the gradient would be lost"):
        special.i0(x)
    assert isinstance(special.i0(x.detach()), Tensor)


def test_what_is_overwritten_before_the_backward_pass_is_refused_in_words(scipy, rng):
    scores = scipy("stats").zscore(Tensor(rng.normal(size=(2, 5)), True), axis=1)  # which writes to its quotients
    with pytest.raises(RuntimeError, match="changed in place after it was used"):
        scores.sum().backward()


KERNELS = ["linear_kernel", "polynomial_kernel", "rbf_kernel", "sigmoid_kernel", "laplacian_kernel"]


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_of_scikit_learn(sklearn, rng, name):
    kernel = getattr(sklearn("metrics.pairwise"), name)
    _hold_to_numpy(kernel, rng.normal(size=(4, 3)), rng.normal(size=(5, 3)))


def test_projections_of_scikit_learn(sklearn, rng):
    pca = sklearn("decomposition").PCA(2, svd_solver="full")
    _hold_to_numpy(lambda x: pca.fit_transform(x), rng.normal(size=(6, 3)), rtol=1e-7)
    lda = sklearn("discriminant_analysis").LinearDiscriminantAnalysis()
    x, classes = rng.normal(size=(20, 3)), np.arange(20) % 3
    expected = lda.fit(x, classes).predict_proba(x)
    found = lda.fit(Tensor(x), gradcore.tensor(classes)).predict_proba(Tensor(x))
    assert isinstance(found, Tensor)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_regression_of_scikit_learn(sklearn, rng):
    """The prediction along the data that it was learnt from: the loss goes through the whole fit."""
    Ridge = sklearn("linear_model").Ridge
    x, y, new = rng.normal(size=(8, 3)), rng.normal(size=8), rng.normal(size=(2, 3))
    _hold_to_numpy(lambda x, y, new: Ridge(alpha=0.5, solver="svd").fit(x, y).predict(new), x, y, new, rtol=1e-7)


def test_metrics_of_scikit_learn(sklearn, rng):
    metrics, truth = sklearn("metrics"), rng.integers(0, 2, 30)
    guess, scores = rng.integers(0, 2, 30), rng.normal(size=(2, 30))
    for name in ("accuracy_score", "f1_score", "zero_one_loss", "confusion_matrix"):
        metric = getattr(metrics, name)
        found = metric(gradcore.tensor(truth), gradcore.tensor(guess))
        np.testing.assert_allclose(np.asarray(found), metric(truth, guess), rtol=1e-6)
    for name in ("mean_squared_error", "mean_absolute_error", "r2_score"):
        metric = getattr(metrics, name)
        assert abs(metric(*map(Tensor, scores)) - metric(*scores)) < 1e-12


EINOPS = {
    "rearrange": lambda E, x: E.rearrange(x, "b (h w) c -> b c h w", h=2),
    "reduce": lambda E, x: E.reduce(x, "b (h k) c -> b h c", "max", k=2),
    "reduce mean": lambda E, x: E.reduce(x, "b h c -> c b", "mean"),
    "repeat": lambda E, x: E.repeat(x, "b h c -> b (h k) c", k=3),
    "pack": lambda E, x: E.pack([x, x * 2], "b * c")[0],
}


@pytest.mark.parametrize("name", EINOPS)
def test_functions_of_einops(name, rng):
    library = _installed("einops.array_api")
    _hold_to_numpy(lambda x: EINOPS[name](library, x), rng.normal(size=(2, 6, 3)))
