"""`gradcore.special` beside SciPy's functions, at their edges too, and beside PyTorch's gradients."""

from __future__ import annotations

import numpy as np
import pytest

from gradcore import Tensor, special

EDGES = [0.0, -0.0, 1.0, 2.5, -1.0, np.inf, np.nan, -np.inf]
ONE = ["entr", "erf", "erfc", "expit", "gammaln", "ndtr"]
TWO = ["kl_div", "rel_entr", "xlog1py", "xlogy"]


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_values_are_scipys(name, backend, rng):
    scipy = pytest.importorskip("scipy.special", reason="SciPy is not installed; nothing to compare with")
    edges = EDGES[:-1] if name == "gammaln" else EDGES  # at -infinity it is PyTorch's
    values = np.concatenate([rng.normal(size=300) * 4, edges])
    arrays = [values] if name in ONE else [*np.meshgrid(values[-40:], values[-40:])]
    with np.errstate(all="ignore"):
        expected = getattr(scipy, name)(*arrays)
    found = getattr(special, name)(*[Tensor(array, device=backend.device) for array in arrays]).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", [*ONE, "erfinv", "logit", "psi", "xlog1py"])
def test_gradients_are_pytorchs(name, torch, rng):
    arrays = [rng.uniform(0.1, 0.9, 20) for _ in range(1 + (name == "xlog1py"))]
    ours, theirs = [Tensor(array, True) for array in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    getattr(special, name)(*ours).sum().backward()
    getattr(torch.special, name)(*theirs).sum().backward()
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-9)
