"""A saturated sigmoid with the wrong output learns nothing from the squared error; the log loss corrects it.

The gradient of (p - 1)² with respect to the input of a sigmoid is 2 (p - 1) p (1 - p), which is nearly 0 for p near
0; that of -log(p) is p - 1.
"""

from __future__ import annotations

import gradcore
from gradcore import optim
from gradcore.functions import binary_cross_entropy_with_logits, mse_loss
from typing import Callable

from .study import Bar, Findings

STEPS = 200
_WRONG = -8.0  # the input of the sigmoid at the beginning, where the right answer is 1


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Gradient descent on both losses from one wrong start."""
    one = gradcore.ones(1, device=device)
    losses: dict[str, Callable[[gradcore.Tensor], gradcore.Tensor]] = {
        "squared error": lambda x: mse_loss(gradcore.sigmoid(x), one),
        "log loss": lambda x: binary_cross_entropy_with_logits(x, one)}
    curves: dict[str, list[float]] = {}
    slopes: dict[str, float] = {}
    for name, loss_of in losses.items():
        x = gradcore.full((1,), _WRONG, device=device, requires_grad=True)
        optimizer = optim.SGD([x], lr=0.5)
        curves[name] = [gradcore.sigmoid(x).item()]
        for step in bar(range(steps), name):
            optimizer.zero_grad()
            loss_of(x).backward()
            if step == 0 and x.grad is not None:
                slopes[name] = abs(x.grad.item())
            optimizer.step()
            curves[name].append(gradcore.sigmoid(x).item())
    sentences = [f"{name}: the first gradient is {slopes[name]:.1e}; after {steps} steps p = {curve[-1]:.3f}"
                 for name, curve in curves.items()]
    return Findings(sentences, {name: curve[-1] for name, curve in curves.items()}, list(range(steps + 1)), curves,
                    "step", "p, which should be 1")
