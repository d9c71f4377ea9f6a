"""The whole library at work: a classifier made of neurons learns to read handwritten digits."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import gradcore
from gradcore import data, functions, nn, no_grad, optim


def accuracy(model: nn.Module, x: gradcore.Tensor, y: gradcore.Tensor) -> float:
    with no_grad():
        return (model.eval()(x).argmax(1) == y).numpy().mean()


@pytest.mark.parametrize("optimizer", [lambda p: optim.Adam(p, lr=3e-3), lambda p: optim.SGD(p, lr=0.1, momentum=0.9)],
                         ids=["Adam", "SGD"])
@pytest.mark.parametrize("activation", ["relu", "swish"])
def test_neurons_learn_to_read_digits(activation: str, optimizer):
    pytest.importorskip("sklearn")
    gradcore.manual_seed(0)
    digits = data.load_digits()
    model = nn.Sequential(nn.Neuron(64, 48, activation=activation), nn.Linear(48, 10))
    learn = optimizer(model.parameters())
    for _ in range(12):
        for x, y in data.batches(digits.x_train, digits.y_train, size=32):
            learn.zero_grad()
            functions.cross_entropy(model(x), y).backward()
            learn.step()
    assert accuracy(model, digits.x_train, digits.y_train) >= 0.98
    assert accuracy(model, digits.x_test, digits.y_test) >= 0.95


def test_the_digits():
    pytest.importorskip("sklearn")
    digits = data.load_digits(test_fraction=0.2, seed=1)
    assert digits.x_train.shape == (1438, 64) and digits.x_test.shape == (359, 64)
    assert digits.x_train.dtype == np.float32 and digits.y_train.dtype == np.int64
    assert set(digits.y_test.tolist()) == set(range(10))
    assert abs(digits.x_train.mean().item()) < 1e-6 and abs(digits.x_train.std().item() - 1) < 1e-4
    again = data.load_digits(test_fraction=0.2, seed=1)
    np.testing.assert_array_equal(digits.x_test.numpy(), again.x_test.numpy())


def test_the_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r'pip install "gradcore\[bench\]"'):
        data.load_digits()


def test_batches_hold_every_sample_once(backend):
    x = gradcore.arange(10.0, device=backend.device)
    passes = [[*data.batches(x, x * 2, size=4)] for _ in range(2)]
    for batches in passes:
        assert [len(samples) for samples, _ in batches] == [4, 4, 2]
        assert all(samples.device == backend.device for samples, _ in batches)
        assert all((targets == samples * 2).all() for samples, targets in batches)
        assert sorted(value for samples, _ in batches for value in samples.tolist()) == list(range(10))
    first, second = [[value for samples, _ in batches for value in samples.tolist()] for batches in passes]
    assert first != second or first != list(range(10))


def test_batches_repeat_with_a_seed():
    x = gradcore.arange(20.0)
    gradcore.manual_seed(5)
    first = [samples.tolist() for samples, _ in data.batches(x, x, size=7)]
    gradcore.manual_seed(5)
    assert first == [samples.tolist() for samples, _ in data.batches(x, x, size=7)]
    assert ([samples.tolist() for samples, _ in data.batches(x, x, size=7, seed=1)]
            == [samples.tolist() for samples, _ in data.batches(x, x, size=7, seed=1)])
    with pytest.raises(ValueError, match=r"one target for each sample; got lengths \[20, 3\]"):
        next(data.batches(x, x[:3], size=7))
    with pytest.raises(ValueError, match="got batch_size=0"):
        next(data.batches(x, x, size=0))


def test_a_split_has_every_sample_once():
    train, test = data.train_test_split(100, 0.3, seed=2)
    assert len(test) == 30 and sorted([*train, *test]) == list(range(100))
    with pytest.raises(ValueError, match="got 1.5"):
        data.train_test_split(100, 1.5)
