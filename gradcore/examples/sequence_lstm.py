"""An LSTM remembers two numbers over a long sequence and adds them; a plain recurrent network forgets them.

Each step of a sequence is a number and a mark.  Two numbers are marked, one in each half, and the target is their sum.
The constant answer 1 has a mean squared error of 1/6.
Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997, experiment 4.
"""

from __future__ import annotations

import gradcore
from gradcore import nn, optim
from gradcore.functions import mse_loss

from .study import Bar, Findings

STEPS = 800
_LENGTH, _BATCH, _WIDTH = 30, 64, 32


class _Adder(nn.Module):
    """A recurrent layer, and a linear layer on its last state."""

    def __init__(self, recurrent: nn.Module):
        super().__init__()
        self.recurrent, self.last = recurrent, nn.Linear(_WIDTH, 1)

    def forward(self, x: gradcore.Tensor) -> gradcore.Tensor:
        states, _ = self.recurrent(x)
        last: gradcore.Tensor = self.last(states[:, -1])
        return last[:, 0]


def _sequences(device: gradcore.Device) -> tuple[gradcore.Tensor, gradcore.Tensor]:
    """Sequences of marked numbers, and the sums of the marked ones."""
    half = _LENGTH // 2
    numbers = gradcore.rand(_BATCH, _LENGTH, device=device)
    places = gradcore.stack([gradcore.randint(0, half, (_BATCH,), device=device),
                             gradcore.randint(half, _LENGTH, (_BATCH,), device=device)], dim=1)
    marks = gradcore.zeros(_BATCH, _LENGTH, device=device).scatter(1, places, 1.0)
    return gradcore.stack([numbers, marks], dim=2), (numbers * marks).sum(dim=1)


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Train both networks on new random sequences."""
    curves: dict[str, list[float]] = {}
    for name, layer in (("LSTM", nn.LSTM), ("RNN", nn.RNN)):
        gradcore.manual_seed(0)
        model = _Adder(layer(2, _WIDTH, batch_first=True)).to(device)
        optimizer = optim.Adam(model.parameters(), lr=5e-3)
        curves[name], average = [], 1 / 6
        for _ in bar(range(steps), name):
            x, y = _sequences(device)
            loss = mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            average += 0.05 * (loss.item() - average)
            curves[name].append(average)
    sentences = [f"{name}: the mean squared error of a sum is {curve[-1]:.4f} after {steps} steps (1 always: 0.1667)"
                 for name, curve in curves.items()]
    return Findings(sentences, {name: curve[-1] for name, curve in curves.items()}, list(range(1, steps + 1)), curves,
                    "step", "mean squared error")
