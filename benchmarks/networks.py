"""Ten layers of each activation: the time of forward and backward, and the most memory they take."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import numpy as np

import gradcore
from gradcore import nn
from gradcore.backends import get_backend
from gradcore.functions import matmul

from .activations import Activation, activations, in_pytorch
from .data import SEED
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
        if self.backend.device == "cpu":
            self.backend.empty_cache()
            return _peak_of_numpy(self.step)
        self.backend.synchronize()
        self.backend.reset_peak_memory()
        before = self.backend.memory_stats()["allocated"]
        self.step()
        self.backend.synchronize()
        return self.backend.peak_memory() - before


class PyTorchNetwork:
    """The same in PyTorch."""

    implementation = "pytorch"

    def __init__(self, activation: Activation, device: str):
        import torch

        if device != "cpu" and not torch.cuda.is_available():
            raise RuntimeError("this PyTorch cannot use CUDA")
        self.torch, self.device, self.backend = torch, device, get_backend(device)
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
        if self.device == "cpu":
            return _peak_of_cpu_allocator(self.step)
        cuda = self.torch.cuda
        cuda.synchronize()
        cuda.reset_peak_memory_stats()
        before = cuda.memory_allocated()
        self.step()
        cuda.synchronize()
        return cuda.max_memory_allocated() - before


def _peak_of_numpy(step: Callable[[], None]) -> int:
    """Python and NumPy report every allocation to tracemalloc, whoever asked for it."""
    tracemalloc.start()
    try:
        step()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _peak_of_cpu_allocator(step: Callable[[], None]) -> int:
    """PyTorch keeps no count of host memory, but its profiler writes down every allocation and release."""
    from torch.profiler import ProfilerActivity, profile

    with _standard_error_dropped(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    return int(max(np.cumsum([size for _, size in changes]), default=0))


@contextlib.contextmanager
def _standard_error_dropped() -> Iterator[None]:
    """The profiler's C++ part writes two lines there every time, past Python."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


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
