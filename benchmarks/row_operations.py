"""Operations along rows, forward and backward: softmax, losses and normalisations, beside PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Sequence

import numpy as np

import gradcore
from gradcore import functions
from gradcore.backends import get_backend

from .cases import Case
from .data import SEED
from .implementations import OURS, Implementation, cpu_kernels, rest_after
from .reference import WrongResult, check, sample
from .results import Results
from .timing import Work

LENGTHS = (10, 100, 1000)
CPU_SIZES = (10**4, 10**5, 10**6, 10**7)
GPU_SIZES = CPU_SIZES + (2**26,)


@dataclass(frozen=True)
class RowData:
    """Host arrays: the input, the upstream gradient, a class for each row, a weight and a bias for each place."""

    x: np.ndarray
    upstream: np.ndarray
    classes: np.ndarray
    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, rows: int, length: int) -> "RowData":
        generator = np.random.default_rng(SEED)
        x, upstream = (generator.standard_normal((rows, length), np.float32) for _ in range(2))
        weight, bias = (generator.standard_normal(length, np.float32) for _ in range(2))
        return cls(x, upstream, generator.integers(0, length, rows), weight, bias)


@dataclass(frozen=True)
class RowOperation:
    """The call in the words of a library (`f`: gradcore.functions or torch.nn.functional), and its gradient along x."""

    call: Callable[[Any, Any, Any, Any, Any], Any]  # of f, x, classes, weight, bias
    gradient: Callable[[RowData], np.ndarray]  # in plain NumPy and float64
    is_loss: bool = False  # one number, without an upstream gradient
    weights: int = 0  # how many of weight and bias get a gradient


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _class_gradient(data: RowData) -> np.ndarray:
    gradient = _softmax(data.x.astype(np.float64))
    gradient[np.arange(len(gradient)), data.classes] -= 1.0
    return gradient / len(gradient)


def _softmax_gradient(data: RowData) -> np.ndarray:
    y = _softmax(data.x.astype(np.float64))
    return y * (data.upstream - (y * data.upstream).sum(1, keepdims=True))


def _norm_gradient(data: RowData, is_centred: bool, eps: float) -> np.ndarray:
    x = data.x.astype(np.float64)
    x = x - x.mean(1, keepdims=True) if is_centred else x
    root = np.sqrt((x * x).mean(1, keepdims=True) + eps)
    y, g = x / root, data.upstream * data.weight.astype(np.float64)
    g = g - g.mean(1, keepdims=True) - y * (g * y).mean(1, keepdims=True) if is_centred else g - y * (
        g * y).mean(1, keepdims=True)
    return g / root


OPERATIONS = {
    "softmax": RowOperation(lambda f, x, classes, weight, bias: f.softmax(x, -1), _softmax_gradient),
    "log_softmax": RowOperation(
        lambda f, x, classes, weight, bias: f.log_softmax(x, -1),
        lambda data: data.upstream - _softmax(data.x.astype(np.float64)) * data.upstream.sum(1, keepdims=True)),
    "cross_entropy": RowOperation(lambda f, x, classes, weight, bias: f.cross_entropy(x, classes), _class_gradient,
                                  is_loss=True),
    "layer_norm": RowOperation(lambda f, x, classes, weight, bias: f.layer_norm(x, (x.shape[1],), weight, bias),
                               lambda data: _norm_gradient(data, True, 1e-5), weights=2),
    "rms_norm": RowOperation(lambda f, x, classes, weight, bias: f.rms_norm(x, (x.shape[1],), weight, 1e-6),
                             lambda data: _norm_gradient(data, False, 1e-6), weights=1),
}
# "softmax:100" is the softmax of rows of 100 elements.
_NAMES = {f"{name}:{length}": (operation, length)
          for name, operation in OPERATIONS.items() for length in LENGTHS}


def is_row_operation(name: str) -> bool:
    return name in _NAMES


def row_groups(devices: Sequence[str]) -> list[Case]:
    """Every operation, length of rows and size, forward and backward together."""
    return [Case(name, "both", size, "float32", device, "*") for device in devices
            for size in (CPU_SIZES if device == "cpu" else GPU_SIZES) for name in _NAMES]


def row_bytes(group: Case) -> int:
    """The least traffic: x read once each way, the upstream gradient read, the result and the gradient written."""
    operation, _ = _NAMES[group.activation]
    return group.size * 4 * (3 if operation.is_loss else 5)


def row_works(group: Case, implementations: Sequence[Implementation], results: Results, first: bool) -> dict[str, Work]:
    """The work of each implementation that has the operation and computes it rightly."""
    operation, length = _NAMES[group.activation]
    data = RowData.of(group.size // length, length)
    works = {}
    for implementation in implementations:
        if implementation.name not in (*OURS, "pytorch") or not implementation.is_for(group):
            continue
        if implementation.name == "pytorch":
            work = _in_pytorch(group, operation, data)
        else:
            work = None if implementation.why_not(group) else _ours(group, operation, data, implementation.cpu_kernels)
        if work is not None and (not first or _is_right(group, operation, data, implementation.name, work, results)):
            works[implementation.name] = work
    return works


def _is_right(group: Case, operation: RowOperation, data: RowData, name: str, work: Work, results: Results) -> bool:
    case = Case(group.activation, group.direction, group.size, group.dtype, group.device, name)
    with work.mode():
        found = work.result().reshape(-1)
    at = sample(found.size)
    expected = operation.gradient(data).reshape(-1)
    # Of a sum's own size, since terms of a row cancel.
    try:
        check(case.key, found[at] + np.float32(1), expected[at] + 1.0, group.dtype)
    except WrongResult as error:
        results.refused[case] = str(error)
        return False
    return True


def _both(operation: RowOperation, f: Any, x: Any, upstream: Any, *rest: Any) -> Callable[[], Any]:
    learned = (x, *rest[1:1 + operation.weights])

    def both() -> Any:
        for tensor in learned:
            tensor.grad = None
        y = operation.call(f, x, *rest)
        y.backward(*(() if operation.is_loss else (upstream,)))
        return x.grad

    return both


def _ours(group: Case, operation: RowOperation, data: RowData, kind: str) -> Work:
    def on_device(array: np.ndarray, requires_grad: bool = False) -> Any:
        return gradcore.tensor(array, requires_grad=requires_grad, device=group.device)

    both = _both(operation, functions, on_device(data.x, True), on_device(data.upstream), on_device(data.classes),
                 *[on_device(array, i < operation.weights) for i, array in enumerate((data.weight, data.bias))])
    return Work(both, get_backend(group.device).synchronize, lambda: both().numpy(), lambda: cpu_kernels(kind))


def _in_pytorch(group: Case, operation: RowOperation, data: RowData) -> Work | None:
    try:
        import torch
    except ImportError:
        return None
    if group.device != "cpu" and not torch.cuda.is_available():
        return None

    def on_device(array: np.ndarray, requires_grad: bool = False) -> Any:
        return torch.from_numpy(array.copy()).to(group.device).requires_grad_(requires_grad)

    both = _both(operation, torch.nn.functional, on_device(data.x, True), on_device(data.upstream),
                 on_device(data.classes),
                 *[on_device(array, i < operation.weights) for i, array in enumerate((data.weight, data.bias))])
    return Work(both, get_backend(group.device).synchronize, lambda: both().cpu().numpy(), rest=rest_after(group))
