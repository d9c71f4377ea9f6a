"""Where a formula changes from one form to another: values and derivatives there, up to the third, are those nearby.

A smooth function that is computed in pieces (|x|, a maximum, a choice close to 0) has right derivatives at the seams
only if the pieces are differentiated with care; random inputs never meet them.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, functions
from gradcore.nn import functional
from native_compiler import needs_compiler

INF, NAN = math.inf, math.nan


def _weighted_logit_loss(x, target, pos_weight):
    return functional.binary_cross_entropy_with_logits(x, target, pos_weight=pos_weight, reduction="none")


# Smooth functions and, for each of their arguments, the points where a form ends.
SEAMS = {
    "logaddexp": (gradcore.logaddexp, [0.0, 1.0, -3.0, 2.0], [0.0, 1.0, -3.0, -2.0]),
    "sinc": (gradcore.sinc, [0.0, 1e-9, -1e-5, 0.5, -0.5, 1.0]),
    "gelu": (functions.gelu, [0.0, 1.0]),
    "gelu_tanh": (lambda x: functions.gelu(x, "tanh"), [0.0, 1.0]),
    "mish": (functions.mish, [0.0, 0.5]),
    "swish": (functions.swish, [0.0, 0.5]),
    "softplus": (functions.softplus, [0.0, 0.5]),
    "logsigmoid": (functions.logsigmoid, [0.0, 0.5]),
    "sigmoid": (functions.sigmoid, [0.0, 0.5]),
    "tanhshrink": (functions.tanhshrink, [0.0, 1.0, -1.0]),
    "asinh": (gradcore.asinh, [0.0, 1.0]),
    "erfinv": (gradcore.erfinv, [0.0, 0.5]),
    "lgamma": (gradcore.lgamma, [0.5, 1.0, 2.0, 7.0]),
    "digamma": (gradcore.digamma, [0.5, 1.0, 2.0, 7.0]),
    "lerp": (gradcore.lerp, [0.0, 1.0], [0.0, 2.0], [0.5, -0.5]),
    "weighted_logit_loss": (_weighted_logit_loss, [0.0, 0.0, 1.0], [0.0, 1.0, 0.5], [1.0, 2.0, 3.0]),
    "fmod": (gradcore.fmod, [0.0, 5.5], [2.0, 2.0]),
}


def _derivatives(function, arrays, device):
    """The value and all partial derivatives up to the third, mixed ones too, by the arguments they are along."""
    leaves = [Tensor(array, requires_grad=True, device=device) for array in arrays]
    found = {(): function(*leaves)}
    for path in [(), *((i,) for i in range(len(leaves))), *np.ndindex((len(leaves),) * 2)]:
        if found[path].requires_grad:
            slopes = gradcore.grad(found[path].sum(), leaves, create_graph=True, allow_unused=True)
            found.update({(*path, i): slope for i, slope in enumerate(slopes) if slope is not None})
        found.update({(*path, i): found[()] * 0 for i in range(len(leaves)) if (*path, i) not in found})
    return {path: tensor.detach().numpy() for path, tensor in found.items()}


@pytest.mark.parametrize("name", SEAMS)
def test_derivatives_at_seams(name, backend, rng):
    function, *points = SEAMS[name]
    points = [np.array(values) for values in points]
    at = _derivatives(function, points, backend.device)
    steps = [rng.choice([-1, 1], size=values.shape) * 1e-5 for values in points]
    sides = [_derivatives(function, [x + sign * step for x, step in zip(points, steps)], backend.device)
             for sign in (1, -1)]
    for path in at:
        nearby = (sides[0][path] + sides[1][path]) / 2
        np.testing.assert_allclose(at[path], nearby, rtol=1e-3, atol=1e-4, err_msg=f"{name} along {path}")


def test_limits(backend, torch):
    """Infinities, NaN and poles of functions with a choice in them."""
    def both(name, *arrays, grad=True):
        mine = [Tensor(np.array(x), requires_grad=True, device=backend.device) for x in arrays]
        other = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in arrays]
        ours, theirs = getattr(gradcore, name)(*mine), getattr(torch, name)(*other)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), err_msg=name)
        if grad:
            ours.sum().backward()
            theirs.sum().backward()
            for a, b in zip(mine, other):
                np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), err_msg=name)

    both("logaddexp", [INF, -INF, 1.0, NAN], [INF, 2.0, INF, 1.0], grad=False)
    both("logit", [-0.5, 0.25, 1.5, 1.0])
    both("digamma", [0.0, -0.0, 0.5])
    both("fmod", [0.0, 5.0, -5.0, 4.0], [2.0, 3.0, 3.0, 2.0])
    both("clamp_min", [1.0, 2.0, -3.0], [INF, 2.0, -5.0])
    both("clamp_max", [1.0, 2.0, -3.0], [-INF, 2.0, 5.0])
    x = Tensor(np.array([NAN, -1.0, 0.0, 2.0]), device=backend.device)
    assert np.array_equal(gradcore.heaviside(x, 5.0).numpy(), [NAN, 0, 5, 1], equal_nan=True)


LOSSES = {
    "margin_ranking_loss": lambda lib, x: lib.nn.functional.margin_ranking_loss(
        x[:, 0], x[:, 1], lib.tensor([1.0, -1.0])),
    "hinge_embedding_loss": lambda lib, x: lib.nn.functional.hinge_embedding_loss(x, -lib.ones_like(x)),
    "cosine_embedding_loss": lambda lib, x: lib.nn.functional.cosine_embedding_loss(
        x, lib.tensor([[1.0, -1.0], [1.0, 0.0]]), lib.tensor([-1.0, -1.0])),
    "triplet_margin_loss": lambda lib, x: lib.nn.functional.triplet_margin_loss(
        x, x.detach() + lib.tensor([1.0, 0.0]), x.detach() + lib.tensor([2.0, 0.0]), eps=0.0),
    "mode": lambda lib, x: lib.mode(x, 1)[0].sum(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_at_their_bends(name, torch):
    """Scores that are equal at first, as those of a new network, get PyTorch's gradient."""
    start = [[1.0, 1.0], [-1.0, -1.0]]
    x = gradcore.tensor(start, requires_grad=True)
    expected = torch.tensor(start, requires_grad=True)
    LOSSES[name](gradcore, x).backward()
    LOSSES[name](torch, expected).backward()
    np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy(), atol=1e-6)


ROWS = {
    "normalize": lambda lib, x: lib.nn.functional.normalize(x, dim=-1),
    "cosine_similarity": lambda lib, x: lib.nn.functional.cosine_similarity(x, x.flip([0]), -1),
    "normalize_1": lambda lib, x: lib.nn.functional.normalize(x, 1.0, -1),
    "softmax": lambda lib, x: lib.softmax(x, -1),
    "logsumexp": lambda lib, x: lib.logsumexp(x, -1),
    # PyTorch's own layer_norm is wrong from the third derivative on.
    "layer_norm": lambda lib, x: (lib.nn.functional.layer_norm(x, (3,)) if lib is gradcore else
                                  (x - x.mean(-1, True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()),
    "rms_norm": lambda lib, x: lib.nn.functional.rms_norm(x, (3,), eps=1e-5),
    "max": lambda lib, x: lib.amax(x, -1) * x.sum(-1) ** 2,
}


@pytest.mark.parametrize("name, kernels", [*((name, "numpy") for name in ROWS), pytest.param(
    "normalize", "native", marks=needs_compiler)])
def test_third_derivatives_of_rows(name, kernels, torch, rng, chosen_kernels):
    gradcore.set_cpu_kernels(kernels)
    array, weight = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))

    def derivatives(lib, along, tensor):
        x = tensor(array).requires_grad_(True)
        y, found = ROWS[name](lib, x), []
        for _ in range(3):
            y, = along((y * tensor(weight if y.ndim == 2 else weight[:, 0])).sum() + (y * y).sum(), [x],
                       create_graph=True)
            found.append(y.detach().numpy())
        return found

    ours = derivatives(gradcore, gradcore.grad, gradcore.tensor)
    for mine, other in zip(ours, derivatives(torch, torch.autograd.grad, torch.tensor), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-7 * np.abs(other).max())


def test_statistics_of_little(torch):
    """What few, equal or no observations have."""
    for shape in [(1, 3), (3,), (2, 1), (2, 0), (0, 3)]:
        x = np.arange(np.prod(shape), dtype=float).reshape(shape)
        for correction in (0, 1):
            ours = gradcore.cov(Tensor(x), correction=correction)
            if shape[-1] <= correction or not shape[-1]:
                assert np.isnan(ours.numpy()).all()
            else:
                theirs = torch.cov(torch.tensor(x), correction=correction).numpy()
                assert ours.shape == theirs.shape
                np.testing.assert_allclose(ours.numpy(), theirs)
    values, places = gradcore.mode(Tensor([[NAN, NAN, NAN], [2.0, NAN, 1.0], [3.0, 3.0, NAN]]), 1)
    assert np.array_equal(values.numpy(), [NAN, 1, 3], equal_nan=True) and places.tolist()[1:] == [2, 1]
    assert [part.shape for part in gradcore.chunk(gradcore.ones(0, 3), 2)] == [(0, 3)] * 2
    assert functional.glu(gradcore.ones(2, 0)).shape == (2, 0)
    big = gradcore.tensor([2 ** 53 + 1])
    assert gradcore.addcmul(big, gradcore.tensor([1]), gradcore.tensor([2]), value=3).tolist() == [2 ** 53 + 7]
