"""Too large steps kill ReLU units; leaky and parametric ReLU let them recover.

A ReLU unit that is negative for all samples outputs 0 and has no gradient, so it never changes.  Leaky variants have a
small slope there, so units can recover and the layers below still learn.
"""

from __future__ import annotations

import gradcore
from gradcore import nn, optim
from gradcore.functions import mse_loss

from .study import Bar, Findings

STEPS = 300
_UNITS, _RATE = 40, 0.1


def _below(model: nn.Sequential, x: gradcore.Tensor) -> int:
    """The number of units of the second layer that are negative for all samples."""
    with gradcore.no_grad():
        return int((model[2](model[1](model[0](x))) <= 0).all(dim=0).sum())


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Train one network with each activation, and count the negative units after each step."""
    x = gradcore.linspace(-1.0, 1.0, 100, device=device).reshape(-1, 1)
    y = gradcore.sin(4 * x)
    counts: dict[str, list[int]] = {}
    losses: dict[str, float] = {}
    for name, activation in (("relu", nn.ReLU), ("leaky_relu", lambda: nn.LeakyReLU(0.1)), ("prelu", nn.PReLU)):
        gradcore.manual_seed(0)
        model = nn.Sequential(nn.Linear(1, _UNITS), activation(), nn.Linear(_UNITS, _UNITS), activation(),
                              nn.Linear(_UNITS, 1)).to(device)
        optimizer = optim.Adam(model.parameters(), lr=_RATE)
        counts[name] = [_below(model, x)]
        for _ in bar(range(steps), name):
            loss = mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            counts[name].append(_below(model, x))
        losses[name] = loss.item()
    sentences = [f"{name}: {count[0]} of {_UNITS} units are below 0 for all samples at first, {count[-1]} after "
                 f"{steps} steps; loss {losses[name]:.1e}" for name, count in counts.items()]
    measures = {**{f"{name} below": float(count[-1]) for name, count in counts.items()},
                **{f"{name} loss": loss for name, loss in losses.items()}}
    return Findings(sentences, measures, list(range(steps + 1)), counts, "step", "units below 0 for all samples")
