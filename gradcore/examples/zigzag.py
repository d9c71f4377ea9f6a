"""Positive inputs make the weights zigzag: each step moves all of them in one direction.

The gradient of a neuron's weights is one number times its inputs.  If all inputs are positive, as after a sigmoid, all
weights increase or all decrease; a path on which one increases and another decreases must zigzag.
"""

from __future__ import annotations

import gradcore
from gradcore import nn, optim

from .study import Bar, Findings

STEPS, _DRAWN = 400, 100  # steps, and how many of them the picture shows
_TARGET, _NOISE = (2.0, -2.0), 0.3


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Fit two weights to positive inputs and to centred ones, one sample at a time."""
    target = gradcore.tensor([_TARGET], device=device)
    uniform, noise = gradcore.rand(steps, 2, device=device), _NOISE * gradcore.randn(steps, 1, device=device)
    paths: dict[str, list[list[float]]] = {}
    shares: dict[str, float] = {}
    for name, inputs in (("positive inputs", uniform), ("centred inputs", 2 * uniform - 1)):
        neuron = nn.Linear(2, 1, bias=False, device=device)
        with gradcore.no_grad():
            neuron.weight.zero_()
        optimizer = optim.SGD(neuron.parameters(), lr=0.15)
        paths[name], together = [[0.0, 0.0]], 0
        for i in bar(range(steps), name):
            x = inputs[i:i + 1]
            loss = (neuron(x) - (x * target).sum() - noise[i]).square().sum()
            optimizer.zero_grad()
            loss.backward()
            slope = neuron.weight.grad
            together += slope is not None and (bool((slope >= 0).all()) or bool((slope <= 0).all()))
            optimizer.step()
            paths[name].append(neuron.weight.detach()[0].tolist())
        shares[name] = together / steps
    sentences = [f"{name}: both weights moved in one direction in {share:.0%} of the steps" for name, share in
                 shares.items()]
    firsts = [[weights[0] for weights in path[:_DRAWN]] for path in paths.values()]
    curves = {name: [weights[1] for weights in path[:_DRAWN]] for name, path in paths.items()}
    return Findings(sentences, shares, firsts, curves, "first weight", "second weight")
