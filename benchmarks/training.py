"""Learning to read handwritten digits: forward, loss, backward and optimiser, on every device."""

from __future__ import annotations

import time
from typing import Any, Callable, Iterator, Sequence

import numpy as np

import gradcore
from gradcore import nn, optim
from gradcore.backends import get_backend
from gradcore.data import load_digits
from gradcore.functions import cross_entropy

from .data import SEED
from .summary import Summary

EPOCHS = 15
_BATCH = 32
_HIDDEN = 64
_RATE = 3e-3


class Trainer:
    """A classifier of neurons on one device."""

    implementation = "gradcore"

    def __init__(self, device: str = "auto"):
        self.backend = get_backend(device)
        self.device = str(self.backend.device)
        gradcore.manual_seed(SEED)
        self.digits = load_digits(seed=SEED, device=self.device)
        self.model = nn.Sequential(nn.Neuron(64, _HIDDEN, activation="relu"), nn.Neuron(_HIDDEN, 10, activation=None))
        self.model.to(self.device)
        self.optimizer = optim.Adam(self.model.parameters(), lr=_RATE)

    def epoch(self) -> None:
        x, y = self.digits.x_train, self.digits.y_train
        for index in orders(len(x)):
            at = gradcore.tensor(index, device=self.device)
            self.optimizer.zero_grad()
            cross_entropy(self.model(x[at]), y[at]).backward()
            self.optimizer.step()
        self.backend.synchronize()

    def accuracy(self) -> float:
        """The part of the test images that are read right."""
        with gradcore.no_grad():
            guesses = self.model(self.digits.x_test).argmax(1)
        return float((guesses.numpy() == self.digits.y_test.numpy()).mean())


class PyTorchTrainer:
    """The same network in PyTorch."""

    implementation = "pytorch"

    def __init__(self, device: str):
        import torch
        from torch import nn as layers

        torch.manual_seed(SEED)
        digits = load_digits(seed=SEED, device="cpu")
        self.torch, self.device, self.backend = torch, device, get_backend(device)
        self.digits = [torch.from_numpy(part.numpy().copy()).to(device) for part in digits]
        self.model = layers.Sequential(layers.Linear(64, _HIDDEN), layers.ReLU(), layers.Linear(_HIDDEN, 10)).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=_RATE)

    def epoch(self) -> None:
        x, y = self.digits[:2]
        for index in orders(len(x)):
            at = self.torch.from_numpy(index).to(self.device)
            self.optimizer.zero_grad()
            self.torch.nn.functional.cross_entropy(self.model(x[at]), y[at]).backward()
            self.optimizer.step()
        self.backend.synchronize()

    def accuracy(self) -> float:
        x, y = self.digits[2:]
        with self.torch.no_grad():
            return float((self.model(x).argmax(1) == y).float().mean())


def orders(samples: int) -> Iterator[np.ndarray]:
    """The samples of each batch of an epoch; the same order in every epoch and library."""
    order = np.random.default_rng(SEED).permutation(samples)
    yield from np.array_split(order, -(-samples // _BATCH))


def trainers(devices: Sequence[str]) -> list[Any]:
    """One for each device, and PyTorch's beside it where that can use the device."""
    found: list[Any] = []
    for device in devices:
        found.append(Trainer(device))
        try:
            found.append(PyTorchTrainer(device))
        except (ImportError, RuntimeError, AssertionError):  # not installed, or built without CUDA
            pass
    return found


def train_in_turn(devices: Sequence[str], epochs: int = EPOCHS,
                  progress: Callable[[float, str], None] = lambda part, what: None) -> list[dict[str, Any]]:
    """Train everywhere, an epoch of each in turn; steps per second, their spread and the accuracy on unseen images."""
    contestants = trainers(devices)
    seconds: dict[Any, list[float]] = {trainer: [] for trainer in contestants}
    for epoch in range(epochs):
        for trainer in contestants:
            begin = time.perf_counter()
            trainer.epoch()
            seconds[trainer].append(time.perf_counter() - begin)
        progress(1 / epochs, f"training on digits, epoch {epoch + 1}/{epochs}")
    steps = len(list(orders(len(contestants[0].digits[0]))))
    found = []
    for trainer in contestants:
        summary = Summary.of(seconds[trainer][1:] or seconds[trainer])  # the first epoch compiles kernels
        found.append({"implementation": trainer.implementation, "device": trainer.device,
                      "steps_per_second": steps / summary.median, "spread": summary.spread, "rounds": summary.rounds,
                      "accuracy": trainer.accuracy()})
    return found
