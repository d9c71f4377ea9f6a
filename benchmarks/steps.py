"""Training steps of networks beside PyTorch's: time in turn, and the most memory they take.

`python -m benchmarks --only networks` measures these and the ten layers of each activation.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, ContextManager, Iterator, Sequence

import numpy as np

import gradcore
from gradcore.backends import BackendUnavailable, get_backend

from .implementations import OPENMP_SPINS, cpu_kernels
from .memory import peak_of_gradcore, peak_of_pytorch, pytorch_on
from .models import MODELS, Model, Training
from .summary import median, ratio
from .timing import Work, in_turn

PYTORCH = "pytorch"
_KERNELS = {"gradcore": "numpy", "gradcore native": "native"}
_CHECKED, _CLOSE = 3, 1e-3  # so many losses must be those of the first contestant, so closely

Progress = Callable[[float, str], None]


class Contestant:
    """A model in one library, and on the CPU with one kind of kernels."""

    def __init__(self, implementation: str, model: Model, device: str):
        self.implementation, self.device = implementation, device
        with self.mode():
            self.training = Training(model, _library(implementation, device), device)
            self.losses = np.array([self.training.step().item() for _ in range(_CHECKED)])

    def mode(self) -> ContextManager:
        """Where its steps belong."""
        kind = _KERNELS.get(self.implementation)
        return cpu_kernels(kind) if kind and self.device == "cpu" else contextlib.nullcontext()

    def work(self) -> Work:
        wait = get_backend(self.device).synchronize
        rest = OPENMP_SPINS if self.device == "cpu" and self.implementation == PYTORCH else 0.0
        return Work(self.training.step, wait, lambda: self.training.step().item(), self.mode, rest)

    def peak_bytes(self) -> int:
        """Of a step, beyond weights, optimizer and inputs."""
        self.training.optimizer.zero_grad()
        with self.mode():
            if self.implementation == PYTORCH:
                return peak_of_pytorch(self.training.step, self.device)
            return peak_of_gradcore(self.training.step, get_backend(self.device))


def _library(implementation: str, device: str) -> Any:
    return pytorch_on(device) if implementation == PYTORCH else gradcore


def implementations(device: str) -> list[str]:
    """What there is for the device, on whatever machine."""
    return [name for name in (*_KERNELS, PYTORCH) if device == "cpu" or name != "gradcore native"]


def contestants(model: Model, device: str) -> Iterator[Contestant]:
    """Every library and kind of kernels that can be used here."""
    for implementation in implementations(device):
        with contextlib.suppress(ImportError, BackendUnavailable):
            yield Contestant(implementation, model, device)


def measure_steps(devices: Sequence[str], seconds: float, progress: Progress = lambda part, what: None,
                  models: Sequence[Model] = MODELS) -> list[dict[str, Any]]:
    """Seconds of a step in each round, and its peak memory, for every model, device and contestant."""
    found = []
    for model in models:
        for device in devices:
            progress(0.0, f"training step, {model.name}")
            found += _measured(model, device, seconds / len(models) / len(devices))
            progress(1 / len(models) / len(devices), f"training step, {model.name}")
    return found


def _measured(model: Model, device: str, budget: float) -> list[dict[str, Any]]:
    steps = list(contestants(model, device))
    for step in steps[1:]:
        if not np.allclose(step.losses, steps[0].losses, rtol=_CLOSE):
            raise AssertionError(f"the losses of {model.name} by {step.implementation} on {device} are {step.losses}, "
                                 f"where {steps[0].implementation} has {steps[0].losses}: nothing is timed")
    times = in_turn([step.work() for step in steps], budget, least=3)
    return [{"network": model.name, "what": model.what, "device": device, "implementation": step.implementation,
             "seconds": median(time.seconds), "rounds_s": [float(f"{second:.4g}") for second in time.seconds],
             "disturbed_rounds": time.disturbed, "peak_bytes": step.peak_bytes()} for step, time in zip(steps, times)]


def beside_pytorch(steps: Sequence[dict[str, Any]]) -> Iterator[tuple[dict, dict | None, float | None]]:
    """gradcore's figures, PyTorch's of the same network and device, and how many times as fast ours are; or None."""
    theirs = {(one["network"], one["device"]): one for one in steps if one["implementation"] == PYTORCH}
    for one in steps:
        if one["implementation"] != PYTORCH:
            other = theirs.get((one["network"], one["device"]))
            yield one, other, ratio(other["rounds_s"], one["rounds_s"]) if other else None
