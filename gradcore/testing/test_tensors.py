"""Tensors on the device: operations, gradients, random numbers, copies and training, compared with the CPU."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import copy
import pickle

import numpy as np
import pytest

import gradcore
from .. import Tensor, nn, optim
from ..backends import Backend
from ..functions import binary_cross_entropy_with_logits, cross_entropy, dropout, mse_loss, rrelu

# Functions of a float64 matrix of 4 rows and 6 columns.
OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "arithmetic": lambda x: (x + 1.5) * x / (x * x + 2) - 2 ** x + x ** 3, "negative": lambda x: -abs(x),
    "elementary": lambda x: x.exp().log1p().sqrt().tanh() + x.sin() * x.cos() + x.erf(),
    "extrema": lambda x: x.maximum(x * 0.5).minimum(1.0).clip(-1, 1),
    "where": lambda x: gradcore.where(x > 0, x, x * x), "broadcast": lambda x: x * x[0] + x[:, :1],
    "sum": lambda x: x.sum(), "sum along": lambda x: x.sum(1) * x.sum(0, keepdim=True)[0, :4],
    "mean": lambda x: x.mean(0), "var": lambda x: x.var(1), "std": lambda x: x.std(), "norm": lambda x: x.norm(dim=1),
    "max": lambda x: x.max(1).values + x.min(1).values, "amax": lambda x: x.amax((0, 1)), "prod": lambda x: x.prod(1),
    "cumsum": lambda x: x.cumsum(1), "logsumexp": lambda x: x.logsumexp(0), "argmax": lambda x: x.argmax(1),
    "any": lambda x: (x > 1).any(1), "count": lambda x: (x > 0).count_nonzero(),
    "reshape": lambda x: x.reshape(3, 8).T.reshape(2, -1), "permute": lambda x: x.reshape(2, 2, 6).permute(2, 0, 1),
    "flip": lambda x: x.flip(0), "repeat": lambda x: x.repeat(2, 1), "expand": lambda x: x[:, None].expand(4, 3, 6),
    "cat": lambda x: gradcore.cat([x, x * 2], 1), "stack": lambda x: gradcore.stack([x, -x], 1),
    "split": lambda x: x.split(4, 1)[1] * 2, "unbind": lambda x: x.unbind(0)[2], "roll": lambda x: x.roll(2, 1),
    "slices": lambda x: x[1:3, ::2] + x[:2, 1::2],
    "integers": lambda x: x[[3, 0, 0]], "pairs": lambda x: x[[0, 1, 1], [5, 2, 2]], "new axis": lambda x: x[None, :, 2],
    "mask": lambda x: x[x > 0], "masked_fill": lambda x: x.masked_fill(x < 0, 9.0),
    "gather": lambda x: x.gather(1, x.argsort(1)), "index_select": lambda x: x.index_select(0, _index(x, [2, 2, 1])),
    "scatter_add": lambda x: x.scatter_add(1, x.argsort(1), x * x), "tril": lambda x: x.tril(),
    "sort": lambda x: x.sort(1).values, "topk": lambda x: x.topk(3, 1).values, "nonzero": lambda x: (x > 0).nonzero(),
    "matmul": lambda x: x @ x.T, "stacked matmul": lambda x: x.reshape(2, 2, 6) @ x.T,
    "vectors": lambda x: x @ x[0], "einsum": lambda x: gradcore.einsum("ij,kj->ik", x, x),
    "softmax": lambda x: x.softmax(1) + x.log_softmax(0), "layer_norm": lambda x: gradcore.functions.layer_norm(x, 6),
    "cross_entropy": lambda x: cross_entropy(x, _index(x, [5, 0, 3, 3])), "mse": lambda x: mse_loss(x, x * 0.5),
    "logits": lambda x: binary_cross_entropy_with_logits(x, (x > 0).double()),
    "cast": lambda x: x.float().double() * 2, "write": lambda x: _written(x),
    "dropout": lambda x: dropout(x, 0.4), "rrelu": lambda x: rrelu(x, training=True),
    "draws": lambda x: gradcore.rand(50, device=x.device), "normal": lambda x: gradcore.randn(51, device=x.device),
    "randint": lambda x: gradcore.randint(-9, 1000, (40,), device=x.device),
    "randperm": lambda x: gradcore.randperm(100, device=x.device),
    "bernoulli": lambda x: gradcore.bernoulli(x.sigmoid()), "multinomial": lambda x: x.exp().multinomial(3),
    "arange": lambda x: gradcore.arange(0.0, 9.0, 0.5, device=x.device),
    "eye": lambda x: gradcore.eye(3, device=x.device),
    "linspace": lambda x: gradcore.linspace(0, 1, 7, device=x.device), "zeros": lambda x: gradcore.zeros_like(x),
}


def _index(x: Tensor, positions: list[int]) -> Tensor:
    return gradcore.tensor(positions, device=x.device)


def _written(x: Tensor) -> Tensor:
    y = x * 2
    y[1:3, 0] = x[0, :2]
    y[3] = x[0] * x[3]
    y.add_(1)
    return y


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_and_their_gradients(backend: Backend, rng: np.random.Generator, name: str) -> None:
    values, results = rng.normal(size=(4, 6)), []
    for device in ("cpu", backend.device):
        gradcore.manual_seed(3)
        x = Tensor(values, requires_grad=True, device=device)
        y = OPERATIONS[name](x)
        assert y.device == device
        if y.requires_grad:
            upstream = np.random.default_rng(0).normal(size=y.shape)
            y.backward(Tensor(upstream, device=device))
        results.append((y.detach().numpy(), None if x.grad is None else x.grad.numpy()))
    (expected, expected_slope), (found, slope) = results
    assert found.dtype == expected.dtype and found.shape == expected.shape
    tolerance = 1e-5 if found.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    if expected_slope is not None:
        assert slope is not None
        np.testing.assert_allclose(slope, expected_slope, rtol=tolerance, atol=tolerance)


def test_gradients_of_gradients(backend: Backend, rng: np.random.Generator) -> None:
    x = Tensor(rng.normal(size=(3, 4)), requires_grad=True, device=backend.device)
    (slope,) = gradcore.grad((x.tanh() * x @ x.T).sum(), [x], create_graph=True)
    (slope * slope).sum().backward()
    there = Tensor(x.numpy(), requires_grad=True, device="cpu")
    (slope,) = gradcore.grad((there.tanh() * there @ there.T).sum(), [there], create_graph=True)
    (slope * slope).sum().backward()
    assert x.grad is not None and there.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), there.grad.numpy(), rtol=1e-10, atol=1e-11)


def test_gradients_move_with_the_tensor(backend: Backend) -> None:
    x = Tensor([1.0, 2.0], requires_grad=True, device="cpu")
    (x.to(backend.device) * 3).cpu().sum().backward()
    assert x.grad is not None and x.grad.device == "cpu" and x.grad.tolist() == [3, 3]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_stay_on_the_device(backend: Backend, copied: Callable[[Tensor], Tensor]) -> None:
    x = Tensor([[1.0, 2.0]], requires_grad=True, device=backend.device)
    other = copied(x)
    assert other.device == backend.device and other.requires_grad and other.tolist() == x.tolist()
    other.detach().fill_(0)
    assert x.tolist() == [[1, 2]]


def test_a_tensor_is_printed_with_its_device(backend: Backend) -> None:
    text = repr(Tensor([1.5], device=backend.device))
    assert text == ("tensor([1.5])" if backend.device == "cpu" else f"tensor([1.5], device='{backend.device}')")


def test_the_same_training_as_on_the_cpu(backend: Backend, rng: np.random.Generator) -> None:
    inputs, targets = rng.normal(size=(32, 5)).astype(np.float32), rng.integers(0, 3, 32)

    def losses(device: Any) -> Iterator[float]:
        gradcore.manual_seed(7)
        model = nn.Sequential(nn.Linear(5, 16, device=device), nn.Swish(), nn.Dropout(0.2),
                              nn.Linear(16, 3, device=device))
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        x, y = Tensor(inputs, device=device), gradcore.tensor(targets, device=device)
        for _ in range(15):
            loss = cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()

    found = list(losses(backend.device))
    np.testing.assert_allclose(found, list(losses("cpu")), rtol=1e-4)
    assert found[-1] < found[0]
