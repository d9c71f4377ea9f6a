"""The losses against PyTorch's, ordinary predictions and extreme ones."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, functions, gradcheck
from gradcore.backends import Backend

REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
EXTREME = np.array([0.0, -0.0, 20.0, -20.0, 88.0, -88.0, 100.0, -100.0, 1e4, -1e4, 1e30, -1e30])


def compare(torch, name: str, prediction: np.ndarray, target: np.ndarray, dtype: str, along_target: bool = True,
            **options) -> None:
    """Value and gradients along the prediction, and along the target where it is made of floats, as PyTorch's."""
    prediction = prediction.astype(dtype)
    is_float = target.dtype.kind == "f"
    target = target.astype(dtype) if is_float else target
    ours = Tensor(prediction, requires_grad=True), Tensor(target, requires_grad=is_float)
    theirs = torch.tensor(prediction, requires_grad=True), torch.tensor(target, requires_grad=is_float)
    value = getattr(functions, name)(*ours, **options)
    their_value = getattr(torch.nn.functional, name)(*theirs, **options)
    assert value.dtype == dtype and value.shape == tuple(their_value.shape)
    upstream = np.random.default_rng().normal(size=value.shape).astype(dtype)
    value.backward(upstream)
    their_value.backward(torch.tensor(upstream))
    rtol, atol = (1e-5, 1e-6) if dtype == "float32" else (1e-8, 1e-14)  # PyTorch keeps a bound in float32
    np.testing.assert_allclose(value.numpy(), their_value.detach().numpy(), rtol, atol)
    for mine, other in list(zip(ours, theirs))[:1 + (is_float and along_target)]:
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol, atol)


@REDUCTIONS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(7, 5), (5,), (4, 5, 3), (2, 5, 3, 2)])
def test_cross_entropy(reduction: str, dtype: str, smoothing: float, shape: tuple, rng):
    torch = pytest.importorskip("torch")
    dim = min(1, len(shape) - 1)
    target = rng.integers(0, 5, shape[:dim] + shape[dim + 1:])
    compare(torch, "cross_entropy", rng.normal(size=shape) * 5, np.asarray(target), dtype, reduction=reduction,
            label_smoothing=smoothing)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [100.0, 1e4, 1e30])
def test_cross_entropy_of_extreme_scores(dtype: str, scale: float, rng):
    torch = pytest.importorskip("torch")
    compare(torch, "cross_entropy", rng.normal(size=(50, 4)) * scale, rng.integers(0, 4, 50), dtype)


@REDUCTIONS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nll_loss(reduction: str, dtype: str, rng):
    torch = pytest.importorskip("torch")
    compare(torch, "nll_loss", rng.normal(size=(7, 5)), rng.integers(0, 5, 7), dtype, reduction=reduction)


@REDUCTIONS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mse_loss(reduction: str, dtype: str, rng):
    torch = pytest.importorskip("torch")
    compare(torch, "mse_loss", rng.normal(size=(7, 5)), rng.normal(size=(7, 5)), dtype, reduction=reduction)


@REDUCTIONS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy(reduction: str, dtype: str, rng):
    torch = pytest.importorskip("torch")
    compare(torch, "binary_cross_entropy", rng.uniform(0.001, 0.999, (7, 5)), rng.uniform(0.001, 0.999, (7, 5)), dtype,
            reduction=reduction)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_of_certainties(dtype: str):
    torch = pytest.importorskip("torch")
    p = np.array([0.0, 0.0, 1.0, 1.0, 1e-30, 1e-8])
    compare(torch, "binary_cross_entropy", p, np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.25]), dtype, reduction="none",
            along_target=False)  # where PyTorch's is infinite, though its logarithms are bounded


@REDUCTIONS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_with_logits(reduction: str, dtype: str, rng):
    torch = pytest.importorskip("torch")
    name = "binary_cross_entropy_with_logits"
    compare(torch, name, rng.normal(size=(7, 5)) * 5, rng.uniform(0, 1, (7, 5)), dtype, reduction=reduction)
    for target in (np.zeros_like(EXTREME), np.ones_like(EXTREME), rng.integers(0, 2, EXTREME.shape).astype(dtype)):
        compare(torch, name, EXTREME, target, dtype, reduction="none")


def test_no_finite_score_gives_nan(backend: Backend):
    for target in (0.0, 1.0, 0.5):
        x = Tensor(EXTREME.astype("float32"), requires_grad=True, device=backend.device)
        loss = functions.binary_cross_entropy_with_logits(x, Tensor.full_like(x, target), reduction="sum")
        loss.backward()
        assert np.isfinite(loss.item()) and np.isfinite(x.grad.numpy()).all()


def test_losses_on_every_device(backend: Backend, rng):
    logits, classes = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    x = Tensor(logits, requires_grad=True, device=backend.device)
    loss = functions.cross_entropy(x, Tensor(classes, device=backend.device))
    loss.backward()
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(loss.item(), -np.log(probabilities[range(6), classes]).mean(), rtol=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), (probabilities - np.eye(4)[classes]) / 6, rtol=1e-10, atol=1e-15)
    assert functions.cross_entropy(x, classes.tolist()).item() == loss.item()  # a list goes to the scores' device
    assert functions.mse_loss(x, logits.tolist()).item() == pytest.approx(0, abs=1e-12)


def test_second_derivatives(rng):
    classes = rng.integers(0, 4, 3)
    x = Tensor(rng.normal(size=(3, 4)), requires_grad=True)
    functions.cross_entropy(x, classes, reduction="sum").backward(create_graph=True)
    slope, x.grad = x.grad, None
    slope[0, 1].backward()
    s = np.exp(x.numpy()[0]) / np.exp(x.numpy()[0]).sum()
    np.testing.assert_allclose(x.grad.numpy()[0], s * (np.eye(4)[1] - s[1]), rtol=1e-9)
    assert gradcheck(lambda x: functions.cross_entropy(x, classes, label_smoothing=0.2), [x])


@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"label_smoothing": 0.1}, {"ignore_index": 2}], ids=str)
@pytest.mark.parametrize("is_weighted", [False, True])
def test_gradients_of_gradients_of_reduced_losses(options, is_weighted, torch, rng):
    scores, classes, weight = rng.normal(size=(5, 4, 3)), rng.integers(0, 4, (5, 3)), rng.random(4)

    def derivatives(make, grad, loss_of):
        x = make(scores)
        loss = loss_of(x, make(classes), make(weight) if is_weighted else None, **options)
        first, = grad(loss * loss, x, create_graph=True)
        return loss, first, *grad((first * first * first).sum(), x)

    ours = derivatives(lambda a: gradcore.tensor(a, requires_grad=a is scores), gradcore.grad, functions.cross_entropy)
    theirs = derivatives(lambda a: torch.tensor(a, requires_grad=a is scores), torch.autograd.grad,
                         torch.nn.functional.cross_entropy)
    for mine, other in zip(ours, theirs):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-13)


def test_targets_that_do_not_fit_are_refused():
    scores = Tensor.zeros(3, 4)
    with pytest.raises(ValueError, match=r"classes, integers in shape \(3,\); got float32 in shape \(4, 3\)"):
        functions.cross_entropy(scores, Tensor.zeros(4, 3))
    with pytest.raises(ValueError, match="need a dimension of classes"):
        functions.cross_entropy(Tensor(1.0), 0)
    with pytest.raises(ValueError, match=r"one shape; got \(3, 4\) and \(4,\)"):
        functions.mse_loss(scores, Tensor.zeros(4))
    with pytest.raises(ValueError, match="one of mean, sum, none; got 'average'"):
        functions.mse_loss(scores, scores, reduction="average")
    with pytest.raises(ValueError, match="between 0 and 1; got 2"):
        functions.cross_entropy(scores, [0, 1, 2], label_smoothing=2)


@pytest.mark.parametrize("wrong", [-1, -101, 3])
def test_classes_that_do_not_exist_are_refused(wrong: int):
    scores = Tensor.zeros(2, 3)
    for loss in (functions.cross_entropy, functions.nll_loss):
        with pytest.raises(IndexError, match=rf"from 0 to 2, or ignore_index \(-100\); got {wrong}"):
            loss(scores, [0, wrong])


def test_classes_of_any_integer_dtype(backend: Backend):
    scores = Tensor(np.eye(300, dtype="float32"), device=backend.device)
    for dtype in ("uint8", "int32", "int64"):
        target = np.arange(300) % 250
        losses = functions.nll_loss(scores, Tensor(target.astype(dtype), device=backend.device), reduction="none")
        np.testing.assert_array_equal(losses.numpy(), -(target == np.arange(300)).astype("float32"))
