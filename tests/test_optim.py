"""The optimizers against PyTorch's, step by step."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn, optim
from gradcore.backends import Backend

OPTIONS = [
    ("SGD", {"lr": 0.05}), ("SGD", {"lr": 0.05, "weight_decay": 0.1}), ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.05}), ("Adam", {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.2}),
]
EVERY_OPTIMIZER = pytest.mark.parametrize("name, options", OPTIONS, ids=lambda value: str(value))


def bowl(x, y):
    """A loss with curvature of its own in each direction."""
    return ((x * x * 3 + x * 2).sum() + ((y - 1) * (y - 1)).sum() * 0.25 + x.sum() * y.sum() * 0.1)


@EVERY_OPTIMIZER
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fifty_steps_as_pytorch_takes_them(name: str, options: dict, dtype: str, rng):
    torch = pytest.importorskip("torch")
    start = [rng.normal(size=(4, 3)).astype(dtype), rng.normal(size=5).astype(dtype)]
    ours = [Tensor(value, requires_grad=True) for value in start]
    theirs = [torch.tensor(value, requires_grad=True) for value in start]
    mine, other = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for _ in range(50):
        other.zero_grad()
        bowl(*theirs).backward()
        # Both get PyTorch's gradients: where steps are long for the curvature, gradients of one's own would blow up
        # the difference of one rounding from step to step.
        for parameter, their in zip(ours, theirs):
            parameter.grad = Tensor(their.grad.numpy().copy())
        mine.step()
        other.step()
    tolerance = 1e-12 if dtype == "float64" else 3e-5  # 50 roundings, which momentum may gather tenfold
    for parameter, their in zip(ours, theirs):
        assert parameter.dtype == dtype
        np.testing.assert_allclose(parameter.numpy(), their.detach().numpy(), rtol=tolerance, atol=tolerance)


@EVERY_OPTIMIZER
def test_parameters_change_in_place_on_every_device(name: str, options: dict, backend: Backend):
    parameter = Tensor([1.0, -2.0], requires_grad=True, device=backend.device)
    view = parameter.detach()
    (parameter * parameter).sum().backward()
    optimizer = getattr(optim, name)([parameter], **options)
    optimizer.step()
    assert parameter.is_leaf and parameter.requires_grad and parameter.device == backend.device
    assert (abs(parameter.numpy()) < [1.0, 2.0]).all()
    np.testing.assert_array_equal(view.numpy(), parameter.numpy())


@EVERY_OPTIMIZER
def test_going_on_from_a_saved_state(name: str, options: dict, rng):
    start = rng.normal(size=3)

    def steps(parameter, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            bowl(parameter, parameter).backward()
            optimizer.step()

    whole = Tensor(start, requires_grad=True)
    steps(whole, getattr(optim, name)([whole], **options), 6)
    first = Tensor(start, requires_grad=True)
    optimizer = getattr(optim, name)([first], **options)
    steps(first, optimizer, 3)
    saved, second = optimizer.state_dict(), Tensor(first.numpy(), requires_grad=True)
    steps(first, optimizer, 1)  # does not change what was saved
    other = getattr(optim, name)([second], lr=123.0)
    other.load_state_dict(saved)
    steps(second, other, 3)
    np.testing.assert_array_equal(second.numpy(), whole.numpy())


def test_a_step_between_forward_and_backward_is_noticed():
    parameter = Tensor([1.0, 2.0], requires_grad=True)
    loss = (parameter * parameter).sum()
    loss.backward(retain_graph=True)
    optim.SGD([parameter], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_parameters_without_a_gradient_stay_as_they_are():
    used, unused = Tensor([1.0], requires_grad=True), Tensor([1.0], requires_grad=True)
    used.sum().backward()
    optim.Adam([used, unused]).step()
    assert unused.item() == 1.0 != used.item()


def test_options_can_be_changed_between_steps():
    parameter = Tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([parameter], lr=0.5)
    parameter.sum().backward()
    optimizer.lr = 0.25
    optimizer.step()
    assert parameter.item() == 0.75
    assert repr(optimizer) == ("SGD(lr=0.25, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, "
                               "maximize=False)")


def test_shared_parameters_are_changed_once():
    layer = nn.Linear(2, 2)
    assert len(optim.SGD([*layer.parameters(), *layer.parameters()]).parameters) == 2


@pytest.mark.parametrize("make, message", [
    (lambda: optim.SGD([]), "SGD was given no parameters"),
    (lambda: optim.SGD([Tensor([1.0], requires_grad=True)], lr=-1), "`lr` must be at least 0; got -1"),
    (lambda: optim.SGD([Tensor([1.0], requires_grad=True)], nesterov=True), "needs a momentum and no dampening"),
    (lambda: optim.Adam([Tensor([1.0], requires_grad=True)], betas=(0.9, 1.0)), "less than 1; got"),
])
def test_wrong_options_are_refused(make, message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("value", ["x", None, [0.1], True, Tensor([0.1])], ids=str)
def test_options_that_are_no_numbers_are_named(value):
    parameter = Tensor([1.0], requires_grad=True)
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "LBFGS"):
        with pytest.raises(TypeError, match="`lr` must be a number; got"):
            getattr(optim, name)([parameter], lr=value)
    optimizer = optim.Adam([parameter])
    optimizer.param_groups[0]["lr"] = value
    parameter.grad = gradcore.ones(1)
    with pytest.raises(TypeError, match="`lr` must be a number"):
        optimizer.step()
    assert parameter.item() == 1.0
    with pytest.raises(TypeError, match="`betas` must be"):
        optim.Adam([parameter], betas=(0.9, value))
    with pytest.raises(TypeError, match="`betas` must be 2 values: a number and a number"):
        optim.Adam([parameter], betas=0.9)


def test_only_leaves_are_changed():
    with pytest.raises(TypeError, match="needs leaf tensors"):
        optim.SGD([Tensor([1.0], requires_grad=True) * 2])
