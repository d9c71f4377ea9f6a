"""End to end: an epoch of training on digits, ten layers of each activation, and steps of training of networks."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from .activations import activations
from .cases import ONE_LINE_MISH
from .machine import description
from .models import MODELS, Model
from .networks import Network, PyTorchNetwork
from .steps import Contestant, implementations
from .training import PyTorchTrainer, Trainer

_LIBRARIES = ("gradcore", "pytorch")


def _made(library: str, classes: tuple[type, type], *arguments: Any) -> Any:
    """The library's object, or a skip that says why there is none."""
    try:
        return classes[_LIBRARIES.index(library)](*arguments)
    except (ImportError, RuntimeError, AssertionError) as error:
        pytest.skip(f"{library}: {error}")


@pytest.mark.parametrize("library", _LIBRARIES)
def test_training(device: str, library: str, benchmark: Any, require: Callable) -> None:
    require(device)
    trainer = _made(library, (Trainer, PyTorchTrainer), device)
    benchmark.group = "an epoch on digits"
    benchmark.extra_info["device"] = description(device)
    benchmark(trainer.epoch)


@pytest.mark.parametrize("library", _LIBRARIES)
@pytest.mark.parametrize("name", [name for name in activations() if name != ONE_LINE_MISH])
def test_ten_layers(name: str, device: str, library: str, benchmark: Any, require: Callable) -> None:
    require(device)
    network = _made(library, (Network, PyTorchNetwork), activations()[name], device)

    def step_and_wait() -> None:
        network.step()
        network.backend.synchronize()

    benchmark.group = f"ten layers of {name}"
    benchmark.extra_info.update(device=description(device), peak_bytes=network.peak_bytes())
    benchmark(step_and_wait)


@pytest.mark.parametrize("implementation", implementations("cpu"))
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_training_step(model: Model, device: str, implementation: str, benchmark: Any, require: Callable) -> None:
    require(device)
    if implementation not in implementations(device):
        pytest.skip(f"{implementation} is for the CPU")
    try:
        contestant = Contestant(implementation, model, device)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{implementation}: {error}")
    work = contestant.work()

    def step_and_wait() -> None:
        work.call()
        work.wait()

    benchmark.group = f"a training step, {model.name}"
    benchmark.extra_info.update(device=description(device), peak_bytes=contestant.peak_bytes())
    with work.mode():
        benchmark(step_and_wait)
