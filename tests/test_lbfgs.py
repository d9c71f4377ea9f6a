"""LBFGS beside PyTorch's, step by step, and what is special to it."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, optim

OPTIONS = [{}, {"lr": 0.3, "max_iter": 4}, {"line_search_fn": "strong_wolfe"}, {"history_size": 2, "max_iter": 7},
           {"line_search_fn": "strong_wolfe", "history_size": 3, "lr": 0.1, "max_iter": 5, "max_eval": 9},
           {"line_search_fn": "strong_wolfe", "lr": 30.0}, {"max_iter": 1},
           {"line_search_fn": "strong_wolfe", "max_iter": 1}, {"line_search_fn": "strong_wolfe", "max_eval": 2}]


def _rosenbrock(x, y):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum() + ((y - x[0]) ** 2).mean()


def _bowl(x, y):
    return ((x - 1) ** 2).sum() * 3 + (y ** 2).sum() + (x[0] * y[0, 0])


def _steps(library, loss_of, starts, options, count, **place):
    """The losses of each step and evaluation, and the parameters at the end."""
    leaves = [library.tensor(start, requires_grad=True, **place) for start in starts]
    optimizer, losses = library.optim.LBFGS(leaves, **options), []

    def closure():
        optimizer.zero_grad()
        loss = loss_of(*leaves)
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(count):
        losses.append(optimizer.step(closure).item())
    return losses, [leaf.detach().cpu().numpy() for leaf in leaves]


@pytest.mark.parametrize("loss_of", [_rosenbrock, _bowl])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_evaluation_as_pytorchs(loss_of, options, torch, rng):
    starts = [rng.normal(size=3) * 0.5, rng.normal(size=(2, 1)) * 0.5]
    if loss_of is _rosenbrock and "line_search_fn" not in options:  # its long first steps would leave for infinity
        options = {"lr": 1e-3, **{name: value for name, value in options.items() if name != "lr"}}
    ours, at = _steps(gradcore, loss_of, starts, options, 3)
    theirs, there = _steps(torch, loss_of, starts, options, 3)
    # Long steps, and those along Rosenbrock's valley, make much of the last digits.
    n = 12 if options.get("lr", 1) > 1 or loss_of is _rosenbrock else 30
    np.testing.assert_allclose(ours[:n], theirs[:n], rtol=1e-4, atol=1e-12)
    if len(ours) <= n:
        assert len(ours) == len(theirs)
        for a, b in zip(at, there):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-8)


def test_on_every_device(backend, rng):
    starts = [rng.normal(size=3), rng.normal(size=(2, 1))]
    _, (x, y) = _steps(gradcore, _bowl, starts, {"line_search_fn": "strong_wolfe"}, 2, device=backend.device)
    np.testing.assert_allclose(3 * 2 * (x - 1) + np.array([y[0, 0], 0, 0]), 0, atol=1e-3)


@pytest.mark.parametrize("options", OPTIONS[1:5], ids=str)
def test_it_goes_on_from_a_saved_state(options, tmp_path):
    def closure():
        optimizer.zero_grad()
        loss = _bowl(x, y)
        loss.backward()
        return loss

    def new():
        leaves = Tensor([0.3, -0.4, 2.0], requires_grad=True), Tensor([[0.5], [1.0]], requires_grad=True)
        return *leaves, optim.LBFGS(leaves, **{"max_iter": 3, **options})

    x, y, optimizer = new()
    for _ in range(2):
        optimizer.step(closure)
    gradcore.save([x, y, optimizer.state_dict()], tmp_path / "a.npz")
    optimizer.step(closure)
    expected = x.tolist()
    saved_x, saved_y, state = gradcore.load(tmp_path / "a.npz")
    x, y, optimizer = new()
    with gradcore.no_grad():
        x.copy_(saved_x)
        y.copy_(saved_y)
    optimizer.load_state_dict(state)
    optimizer.step(closure)
    assert x.tolist() == expected


def test_mistakes_are_named():
    x = Tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="needs a closure"):
        optim.LBFGS([x]).step()
    with pytest.raises(ValueError, match="one group"):
        optim.LBFGS([{"params": [x]}, {"params": [Tensor([1.0], requires_grad=True)]}])
    with pytest.raises(ValueError, match="got 'armijo'"):
        optim.LBFGS([x], line_search_fn="armijo")
    optimizer = optim.LBFGS([x])
    state = optimizer.state_dict()
    state["state"] = {0: {"n_iter": 1, "func_evals": 1}}
    with pytest.raises(ValueError, match="missing: H_diag"):
        optimizer.load_state_dict(state)
