"""A user-defined activation is one formula: its derivative is derived, checked against differences, and used."""

from __future__ import annotations

import gradcore
from gradcore import nn, optim
from gradcore.backends import Expression, FormulaNamespace
from gradcore.functions import mse_loss, relu
from typing import Callable

from .study import Bar, Findings

STEPS = 800


@gradcore.elementwise
def wavelet(xp: FormulaNamespace, x: Expression, width: float = 2.0) -> Expression:
    """cos(3 x) exp(-(x / width)²), a wavelet around 0."""
    return xp.cos(3 * x) * xp.exp(-xp.square(x / width))


def _fitted(activation: Callable[[gradcore.Tensor], gradcore.Tensor], x: gradcore.Tensor, y: gradcore.Tensor,
            steps: int, bar: Bar, name: str) -> list[float]:
    """The losses of a network with one hidden layer."""
    gradcore.manual_seed(1)
    first, last = nn.Linear(1, 24, device=x.device), nn.Linear(24, 1, device=x.device)
    optimizer = optim.Adam([*first.parameters(), *last.parameters()], lr=0.02)
    losses = []
    for _ in bar(range(steps), name):
        loss = mse_loss(last(activation(first(x))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Check the derivative, and fit a signal with the new activation and with ReLU."""
    points = gradcore.linspace(-4.0, 4.0, 41, dtype=gradcore.float64, device=device).requires_grad_()
    gradcore.gradcheck(wavelet, points)
    x = gradcore.linspace(-3.0, 3.0, 200, device=device).reshape(-1, 1)
    y = gradcore.sin(5 * x)
    curves = {"wavelet": _fitted(wavelet, x, y, steps, bar, "wavelet"), "relu": _fitted(relu, x, y, steps, bar, "relu")}
    measures = {name: losses[-1] for name, losses in curves.items()}
    sentences = ["the derivative that was found agrees with differences at 41 points",
                 *[f"{name}: the error of a tone is {loss:.4f} after {steps} steps" for name, loss in measures.items()]]
    return Findings(sentences, measures, list(range(steps)), curves, "step", "mean squared error")
