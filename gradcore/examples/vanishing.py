"""Gradients vanish through many sigmoid layers, but not through tanh, ReLU, swish and selu.

The slope of sigmoid is at most 1/4, so each layer reduces the gradient by three quarters or more.
"""

from __future__ import annotations

import math

import gradcore
from gradcore import nn

from .study import Bar, Findings

STEPS = 10  # batches over which the gradients are averaged
_DEPTH, _WIDTH, _BATCH = 20, 64, 128
# The standard deviation of weights times the square root of the width, which preserves the size of activations.
_GAINS = {"sigmoid": 1.0, "tanh": 1.0, "relu": math.sqrt(2), "swish": 1.7, "selu": 1.0}


def _sizes(activation: str, gain: float, device: gradcore.Device) -> list[float]:
    """The root mean square of the gradient of each layer's weights, for one batch."""
    neurons = [nn.Neuron(_WIDTH, _WIDTH, activation=activation) for _ in range(_DEPTH)]
    with gradcore.no_grad():
        for neuron in neurons:
            neuron.weight.copy_(gradcore.randn(_WIDTH, _WIDTH) * (gain / math.sqrt(_WIDTH)))
            if neuron.bias is not None:
                neuron.bias.zero_()
    model = nn.Sequential(*neurons).to(device)
    x = gradcore.randn(_BATCH, _WIDTH, device=device)
    (model(x) * gradcore.randn(_BATCH, _WIDTH, device=device)).sum().backward()
    gradients = [neuron.weight.grad for neuron in neurons]
    return [gradient.square().mean().sqrt().item() for gradient in gradients if gradient is not None]


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Measure the gradients of every layer at the start of training."""
    curves: dict[str, list[float]] = {}
    for name, gain in _GAINS.items():
        batches = [_sizes(name, gain, device) for _ in bar(range(steps), name)]
        curves[name] = [math.log10(sum(sizes) / steps) for sizes in zip(*batches)]
    shares = {name: 10 ** (curve[0] - curve[-1]) for name, curve in curves.items()}
    sentences = [f"{name}: the first layer's gradient is {share:.1e} of the last one's" for name, share in
                 shares.items()]
    return Findings(sentences, shares, list(range(1, _DEPTH + 1)), curves, "layer", "log10 of the gradient's size")
