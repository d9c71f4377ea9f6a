"""Groups, options and states of optimizers against PyTorch's; what is refused changes nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn, optim

CASES = [
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1}), ("Adam", {"lr": 0.05, "maximize": True}),
    ("AdamW", {"lr": 0.05, "amsgrad": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "foreach": False}),
    ("Adamax", {}), ("Adamax", {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {}), ("Rprop", {"lr": 0.05, "etas": (0.4, 1.3), "step_sizes": (1e-3, 0.2), "maximize": True}),
    ("RMSprop", {"lr": 0.02}), ("RMSprop", {"lr": 0.02, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {}), ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.02}), ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "momentum_decay": 0.01, "maximize": True}),
    ("RAdam", {"lr": 0.02}), ("RAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.1, "maximize": True}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_two_groups_step_as_pytorchs(name, options, dtype, rng, torch):
    start = [rng.normal(size=(3, 2)).astype(dtype), rng.normal(size=4).astype(dtype)]
    ours = [Tensor(value, requires_grad=True) for value in start]
    theirs = [torch.tensor(value, requires_grad=True) for value in start]
    groups = lambda p: [{"params": [p[0]]}, {"params": p[1], "lr": 0.01}]  # noqa: E731
    mine = getattr(optim, name)(groups(ours), **options)
    other = getattr(torch.optim, name)(groups(theirs), **options)
    for _ in range(20):
        for parameter, their in zip(ours, theirs):
            gradient = rng.normal(size=parameter.shape).astype(dtype)
            parameter.grad, their.grad = Tensor(gradient), torch.tensor(gradient)
        mine.step()
        other.step()
    tolerance = 1e-11 if dtype == "float64" else 3e-5
    if name == "NAdam":  # PyTorch keeps mu_product in float32 beside float64 parameters too
        assert other.state_dict()["state"][0]["mu_product"].dtype == torch.float32
        tolerance = max(tolerance, 1e-8)
    for parameter, their in zip(ours, theirs):
        np.testing.assert_allclose(parameter.numpy(), their.detach().numpy(), rtol=tolerance, atol=tolerance)
    saved, expected = mine.state_dict(), other.state_dict()
    mine.load_state_dict(saved)
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    for index, state in expected["state"].items():
        assert set(saved["state"][index]) == set(state)


def test_ways_to_run_a_step(torch):
    parameters = [Tensor([1.0], requires_grad=True)]
    for name in ("SGD", "Adam", "AdamW", "Adagrad"):
        getattr(optim, name)(parameters, foreach=True, fused=None)
    for name in ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "NAdam", "RAdam", "Adamax", "Rprop"):
        with pytest.raises(NotImplementedError, match=f"{name}: `differentiable` is not supported"):
            getattr(optim, name)(parameters, differentiable=True)


@pytest.mark.parametrize("options", [{"etas": (0.5, 0.9)}, {"step_sizes": (1.0, 0.1)}, {"lr": -1.0}], ids=str)
def test_options_of_rprop_are_refused_in_words(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}`"):
        optim.Rprop([Tensor([1.0], requires_grad=True)], **options)


def _two():
    parameters = [Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0], requires_grad=True)]
    optimizer = optim.Adam(parameters, lr=0.1)
    for parameter in parameters:
        parameter.grad = Tensor(np.ones(parameter.shape, "float32"))
    optimizer.step()
    return parameters, optimizer


def _snapshot(parameters, optimizer):
    state = optimizer.state_dict()
    return repr([[parameter.tolist() for parameter in parameters], state["param_groups"],
                 [[(name, value.tolist() if isinstance(value, Tensor) else value) for name, value in entry.items()]
                  for entry in state["state"].values()]])


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("bad", [Tensor([[1.0]]), Tensor([1.0, 2.0, 3.0])], ids=["2d", "three"])
def test_a_refused_gradient_moves_nothing(position, bad):
    parameters, optimizer = _two()
    before = _snapshot(parameters, optimizer)
    try:  # an assignment may refuse it already
        parameters[position].grad = bad
    except (ValueError, TypeError, RuntimeError):
        return
    with pytest.raises(ValueError, match=f"Adam.step: the gradient of parameter {position}"):
        optimizer.step()
    assert _snapshot(parameters, optimizer) == before


def test_a_refused_option_moves_nothing():
    parameters, optimizer = _two()
    optimizer.lr = -1
    before = _snapshot(parameters, optimizer)
    with pytest.raises(ValueError, match="`lr` must be at least 0; got -1"):
        optimizer.step()
    assert _snapshot(parameters, optimizer) == before


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("name, value", [("step", Tensor([1.0, 2.0])), ("step", "x"), ("exp_avg", 3),
                                         ("exp_avg_sq", Tensor(np.ones((4, 4)))), ("foreign", 1)], ids=str)
def test_a_refused_state_moves_nothing(position, name, value):
    parameters, optimizer = _two()
    before, saved = _snapshot(parameters, optimizer), optimizer.state_dict()
    saved["param_groups"][0]["lr"] = 0.5
    saved["state"][position][name] = value
    with pytest.raises(ValueError, match=f"Adam.load_state_dict: `{name}` of parameter {position}"):
        optimizer.load_state_dict(saved)
    assert _snapshot(parameters, optimizer) == before


def test_groups_closures_and_zeros():
    first, second = Tensor([1.0], requires_grad=True), Tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([first], lr=0.5)
    optimizer.add_param_group({"params": [second], "lr": 0.25})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25] and optimizer.defaults["lr"] == 0.5
    with pytest.raises(ValueError, match="more than one group"):
        optimizer.add_param_group({"params": [first]})

    def closure():
        loss = (first + second).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 3.0
    assert (first.item(), second.item()) == (0.5, 1.75)
    optimizer.zero_grad(set_to_none=False)
    assert first.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert first.grad is None


@pytest.mark.parametrize("name", ["RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam"])
def test_a_step_on_every_device(name, backend):
    parameter = Tensor([1.0, -2.0], requires_grad=True, device=backend.device)
    (parameter * parameter).sum().backward()
    optimizer = getattr(optim, name)([parameter])
    optimizer.step()
    assert parameter.device == backend.device and (abs(parameter.numpy()) < [1.0, 2.0]).all()
    with pytest.raises(ValueError, match="`lr` must be at least 0; got -1"):
        getattr(optim, name)([parameter], lr=-1)


@pytest.mark.parametrize("position", [0, 1])
def test_half_a_state_moves_nothing(position):
    parameters, optimizer = _two()
    before, saved = _snapshot(parameters, optimizer), optimizer.state_dict()
    del saved["state"][position]["exp_avg"]
    with pytest.raises(ValueError, match=f"parameter {position} has no exp_avg"):
        optimizer.load_state_dict(saved)
    assert _snapshot(parameters, optimizer) == before


@pytest.mark.parametrize("damage", [
    lambda saved: saved.update(param_groups=3), lambda saved: saved.update(param_groups=[1]),
    lambda saved: saved.update(param_groups={}), lambda saved: saved.update(state=[1]),
    lambda saved: saved.update(state={0: 3}), lambda saved: saved["state"][0].update(step=-1),
    lambda saved: saved["state"][0].update(step=float("nan")), lambda saved: saved["state"].update(a={}),
    lambda saved: saved["param_groups"][0].update(params=[0, 0]),
    lambda saved: saved["param_groups"][0].update(params=[[0], [1]])])
def test_damaged_states_are_refused_and_change_nothing(damage):
    layer = nn.Linear(2, 2)
    optimizer = optim.Adam(layer.parameters())
    layer(gradcore.ones(1, 2)).sum().backward()
    optimizer.step()
    before, saved = str(optimizer.state_dict()), copy.deepcopy(optimizer.state_dict())
    damage(saved)
    with pytest.raises(ValueError, match="Adam.load_state_dict: "):
        optimizer.load_state_dict(saved)
    assert str(optimizer.state_dict()) == before
    optimizer.step()
