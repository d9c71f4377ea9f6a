"""Handwritten digits: a fully connected network, batches of a DataLoader, and the test accuracy."""

from __future__ import annotations

import gradcore
from gradcore import nn, optim
from gradcore.data import load_digits
from gradcore.functions import cross_entropy
from gradcore.utils.data import DataLoader, TensorDataset

from .study import Bar, Findings

STEPS = 15  # epochs


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Train for some epochs, and test after each."""
    digits = load_digits(device=device)
    loader = DataLoader(TensorDataset(digits.x_train, digits.y_train), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Neuron(64, 64, activation="swish"), nn.Dropout(0.2), nn.Linear(64, 10)).to(device)
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    curves: dict[str, list[float]] = {"train": [], "test": []}
    for _ in bar(range(steps), "digits"):
        model.train()
        for x, y in loader:
            loss = cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        model.eval()
        with gradcore.no_grad():
            for name, x, y in (("train", digits.x_train, digits.y_train), ("test", digits.x_test, digits.y_test)):
                curves[name].append((model(x).argmax(dim=1) == y).float().mean().item())
    sentences = [f"of {len(digits.x_test)} digits that it has not seen it reads {curves['test'][-1]:.1%} after {steps} "
                 f"epochs of {len(digits.x_train)}"]
    return Findings(sentences, {name: curve[-1] for name, curve in curves.items()}, list(range(1, steps + 1)), curves,
                    "epoch", "share read right")
