"""Ten layers of each activation: the time of forward and backward, and the most memory they take."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np

import gradcore
from gradcore import nn
from gradcore.backends import get_backend
from gradcore.functions import matmul

from .activations import Activation, activations, in_pytorch
from .data import SEED
from .memory import peak_of_gradcore, peak_of_pytorch, pytorch_on
from .summary import Summary
from .timing import Work, in_turn

LAYERS, NEURONS, SAMPLES = 10, 256, 256


class Network:
    """`LAYERS` times x = f(x W) on one device."""

    implementation = "gradcore"

    def __init__(self, activation: Activation, device: str):
        self.activation, self.backend = activation, get_backend(device)
        x, weights, upstream = _numbers()
        self.x, self.upstream = (gradcore.Tensor(array, device=device) for array in (x, upstream))
        self.weights = [nn.Parameter(gradcore.Tensor(array, device=device)) for array in weights]
        self.learned = [gradcore.Tensor([value], device=device) for value in activation.weights]

    def step(self) -> None:
        for weight in self.weights:
            weight.grad = None
        x = self.x
        for weight in self.weights:
            x = self.activation(matmul(x, weight), *self.learned)
        x.backward(self.upstream)

    def peak_bytes(self) -> int:
        """Beyond what is there before the step."""
        for weight in self.weights:
            weight.grad = None
        return peak_of_gradcore(self.step, self.backend)


class PyTorchNetwork:
    """The same in PyTorch."""

    implementation = "pytorch"

    def __init__(self, activation: Activation, device: str):
        torch = pytorch_on(device)
        self.device, self.backend = device, get_backend(device)
        self.function = in_pytorch(activation.name)
        x, weights, upstream = _numbers()
        self.x, self.upstream = (torch.from_numpy(array).to(device) for array in (x, upstream))
        self.weights = [torch.from_numpy(array).to(device).requires_grad_() for array in weights]
        self.learned = [torch.tensor([value], device=device) for value in activation.weights]

    def step(self) -> None:
        for weight in self.weights:
            weight.grad = None
        x = self.x
        for weight in self.weights:
            x = self.function(x @ weight, *self.learned)
        x.backward(self.upstream)

    def peak_bytes(self) -> int:
        for weight in self.weights:
            weight.grad = None
        return peak_of_pytorch(self.step, self.device)


def _numbers() -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    generator = np.random.default_rng(SEED)

    def normal(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape, np.float32)

    return normal(SAMPLES, NEURONS), [normal(NEURONS, NEURONS) / 16 for _ in range(LAYERS)], normal(SAMPLES, NEURONS)


def measure_networks(names: Sequence[str], devices: Sequence[str], seconds: float,
                     progress: Callable[[float, str], None] = lambda part, what: None) -> list[dict[str, Any]]:
    """Time and peak memory of every activation's network, gradcore and PyTorch in turn."""
    found = []
    for name in names:
        for device in devices:
            found += _measured(activations()[name], device, seconds / len(names) / len(devices))
        progress(1 / len(names), f"ten layers of {name}")
    return found


def _measured(activation: Activation, device: str, budget: float) -> list[dict[str, Any]]:
    networks: list[Any] = [Network(activation, device)]
    try:
        networks.append(PyTorchNetwork(activation, device))
    except (ImportError, RuntimeError):
        pass
    wait = get_backend(device).synchronize
    times = in_turn([Work(network.step, wait, lambda: None) for network in networks], budget, least=3, tries=1)
    return [{"activation": activation.name, "device": device, "implementation": network.implementation,
             "seconds": summary.median, "spread": summary.spread, "rounds": summary.rounds,
             "peak_bytes": network.peak_bytes()}
            for network, summary in zip(networks, (Summary.of(time.seconds) for time in times))]
