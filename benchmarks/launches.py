"""`python -m benchmarks.launches`: what a launch costs on a CUDA device, and a training step with and without a graph.

Small arrays are bound by the host: by the microseconds from a call to the next one.  Beside them stands how long the
device works for a call, by its own clock, and PyTorch's time on the host.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import numpy as np

import gradcore
from gradcore import Tensor, functions, nn, optim
from gradcore.backends import BackendUnavailable, get_backend

from .data import SEED
from .tables import Table

_WARM, _CALLS, _ROUNDS = 30, 300, 5
_SIZE, _BATCH = 1000, 64


@dataclass
class Cost:
    """The microseconds of one call: on the host, on the device, and on the host in PyTorch."""

    what: str
    host: float
    device: float
    pytorch: Optional[float] = None


def host_and_device(call: Callable[[], Any], device: str) -> tuple[float, float]:
    """The microseconds of a call on the host until it returns, and on the device from the first call to the last."""
    for _ in range(_WARM):
        call()
    found = []
    for _ in range(_ROUNDS):
        begin, end = (gradcore.cuda.Event(enable_timing=True, device=device) for _ in range(2))
        get_backend(device).synchronize()
        begin.record()
        started = time.perf_counter()
        for _ in range(_CALLS):
            call()
        host = time.perf_counter() - started
        end.record()
        end.synchronize()
        found.append((host / _CALLS * 1e6, begin.elapsed_time(end) / _CALLS * 1e3))
    return min(host for host, _ in found), min(on_device for _, on_device in found)


def _pytorch_on_host(call: Callable[[], Any], device: str) -> float:
    for _ in range(_WARM):
        call()
    found = []
    for _ in range(_ROUNDS):
        get_backend(device).synchronize()  # of the whole device, whose work it is
        started = time.perf_counter()
        for _ in range(_CALLS):
            call()
        found.append((time.perf_counter() - started) / _CALLS * 1e6)
    return min(found)


def _calls(library: Any, target: Any, device: str) -> dict[str, Callable[[], Any]]:
    """Small calls of gradcore or PyTorch, in the words that both have; `target` are 32 classes."""
    x = library.ones(_SIZE, device=device)
    leaf, rows = x.clone().requires_grad_(), library.ones(32, 32, device=device)
    parameters = [library.ones(_SIZE, device=device, requires_grad=True) for _ in range(10)]
    for parameter in parameters:
        parameter.grad = library.ones(_SIZE, device=device)

    def both() -> None:
        leaf.grad = None
        library.relu(leaf).backward(x)

    return {"relu": lambda: library.relu(x), "relu forward and backward": both, "x + x": lambda: x + x,
            "x + 1.0": lambda: x + 1.0, "32 x 32 matrix product": lambda: rows @ rows, "sum": x.sum,
            "softmax of 32 rows": lambda: library.softmax(rows, -1),
            "cross_entropy of 32 rows": lambda: library.nn.functional.cross_entropy(rows, target),
            "Adam of 10 parameters": library.optim.Adam(parameters).step}


def _calls_in_pytorch(device: str) -> dict[str, Callable[[], Any]]:
    import torch

    return _calls(torch, (torch.arange(32) % 32).to(device), device)


def training_step(device: str, capturable: bool = False) -> Callable[[], Tensor]:
    """One step of a classifier 64-64-10 with Adam on a batch of 64."""
    generator = np.random.default_rng(SEED)
    gradcore.manual_seed(SEED)
    model = nn.Sequential(nn.Neuron(64, 64, activation="relu"), nn.Linear(64, 10)).to(device)
    optimizer = optim.Adam(model.parameters(), capturable=capturable)
    x = Tensor(generator.normal(size=(_BATCH, 64)), dtype="float32", device=device)
    target = Tensor(generator.integers(0, 10, _BATCH), device=device)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = functions.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _training_step_in_pytorch(device: str) -> Callable[[], Any]:
    import torch
    from torch import nn as layers

    generator = torch.Generator().manual_seed(SEED)
    model = layers.Sequential(layers.Linear(64, 64), layers.ReLU(), layers.Linear(64, 10)).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.randn(_BATCH, 64, generator=generator).to(device)
    target = torch.randint(0, 10, (_BATCH,), generator=generator).to(device)

    def step() -> Any:
        optimizer.zero_grad()
        loss = layers.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    return step


def measure(device: str) -> Iterator[Cost]:
    """The costs of all calls, one after another, and of a training step, which a graph must compute as it is."""
    has_pytorch = _pytorch_uses(device)
    theirs = _calls_in_pytorch(device) if has_pytorch else {}
    for what, call in _calls(gradcore, Tensor(np.arange(32) % 32, device=device), device).items():
        yield Cost(what, *host_and_device(call, device),
                   _pytorch_on_host(theirs[what], device) if what in theirs else None)
    pytorch = _pytorch_on_host(_training_step_in_pytorch(device), device) if has_pytorch else None
    yield Cost("training step", *host_and_device(training_step(device), device), pytorch)
    graph = gradcore.cuda.graph(training_step(device, capturable=True), device=device, warmup=1)
    _check(graph, device)
    yield Cost("training step, a graph", *host_and_device(graph.replay, device), pytorch)


def _check(graph: Any, device: str) -> None:
    """The losses of a graph must be those of the steps themselves."""
    step = training_step(device)
    expected = [step().item() for _ in range(4)][1:]
    found = [graph.replay().item() for _ in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def _pytorch_uses(device: str) -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


def table(costs: list[Cost], device: str) -> Table:
    """The costs, for people."""
    return Table(f"microseconds of a call, float32, {_SIZE} elements, on {device}",
                 ["call", "host", "device", "PyTorch, host"],
                 [[cost.what, f"{cost.host:.2f}", f"{cost.device:.2f}",
                   "" if cost.pytorch is None else f"{cost.pytorch:.2f}"] for cost in costs])


def main() -> int:
    """The exit status: 1 where there is no CUDA device that can be used."""
    parser = argparse.ArgumentParser("python -m benchmarks.launches", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the costs to this file too")
    options = parser.parse_args()
    try:
        name = get_backend(options.device).description()
    except BackendUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    costs: list[Cost] = []
    try:
        for cost in measure(options.device):
            costs.append(cost)
            if options.json:  # at once: what fails, or takes too long, takes nothing with it
                options.json.parent.mkdir(parents=True, exist_ok=True)
                options.json.write_text(json.dumps({"device": name, "costs": [asdict(c) for c in costs]}, indent=1))
    finally:
        print(table(costs, name).text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
