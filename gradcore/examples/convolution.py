"""A small convolutional network on handwritten digits, compared with a fully connected one of equal size."""

from __future__ import annotations

import gradcore
from gradcore import nn, optim
from gradcore.data import load_digits
from gradcore.functions import cross_entropy
from gradcore.utils.data import DataLoader, TensorDataset

from .study import Bar, Findings

STEPS = 12  # epochs
_BATCH = 32


def _convolutional() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10))


def _of_neurons() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 82), nn.ReLU(), nn.Linear(82, 10))


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Train both for some epochs, and test after each."""
    digits = load_digits(device=device)
    images, new_images = (x.reshape(-1, 1, 8, 8) for x in (digits.x_train, digits.x_test))
    curves: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    for name, made in (("convolutions", _convolutional), ("neurons", _of_neurons)):
        gradcore.manual_seed(0)
        model = made().to(device)
        sizes[name] = sum(parameter.numel() for parameter in model.parameters())
        optimizer = optim.Adam(model.parameters(), lr=3e-3)
        loader = DataLoader(TensorDataset(images, digits.y_train), batch_size=_BATCH, shuffle=True)
        curves[name] = []
        for _ in bar(range(steps), name):
            for x, y in loader:
                loss = cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with gradcore.no_grad():
                curves[name].append((model(new_images).argmax(dim=1) == digits.y_test).float().mean().item())
    sentences = [f"{name}: {sizes[name]} parameters read {curve[-1]:.1%} of new digits right after {steps} epochs"
                 for name, curve in curves.items()]
    return Findings(sentences, {name: curve[-1] for name, curve in curves.items()}, list(range(1, steps + 1)), curves,
                    "epoch", "share of new digits read right")
