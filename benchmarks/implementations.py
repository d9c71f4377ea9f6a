"""Each library's way to compute a case, as a piece of work that can be timed and whose result can be checked."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import sysconfig
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Callable, ContextManager, Iterator, Sequence

import numpy as np

import gradcore
from gradcore import Tensor, no_grad
from gradcore.backends import Backend, BackendUnavailable, get_backend

from .activations import Activation, in_autograd, in_jax, in_mygrad, in_pytorch
from .cases import ARTICLE, ONE_LINE_MISH, Case
from .data import Data
from .plain import PlainNamespace, evaluate
from .timing import Work


YARDSTICK = "yardstick"
# OpenMP's threads spin for some milliseconds after their part is done, on cores that the next in turn would use.
_OPENMP_FROM = 32768  # elements
OPENMP_SPINS = 5e-3  # seconds


def rest_after(group: Case) -> float:
    """The seconds to leave the machine alone after a batch of a library that uses OpenMP."""
    return OPENMP_SPINS if group.device == "cpu" and group.size >= _OPENMP_FROM else 0.0


class Implementation(ABC):
    """One way to compute `y = f(x)` and its gradient; everything public, nothing prepared but the inputs."""

    name: str

    def is_for(self, group: Case) -> bool:
        """Whether this way exists at all for the case, on whatever machine."""
        return True

    def why_not(self, group: Case) -> str | None:
        """Why a case that it is for cannot be measured here, in words; None where it can."""
        return None

    @abstractmethod
    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        """The case, ready to be timed."""


def _in_rotation(sets: Sequence[Any]) -> Callable[[], Any]:
    """The input sets by turns."""
    return itertools.cycle(sets).__next__ if len(sets) > 1 else lambda only=sets[0]: only


def inside_of(*contexts: Callable[[], ContextManager]) -> Callable[[], ContextManager]:
    """One context manager that enters what each of `contexts` makes."""
    @contextlib.contextmanager
    def entered() -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for make in contexts:
                stack.enter_context(make())
            yield

    return entered


def tape_work(direction: str, f: Callable, sets: Sequence[tuple], no_grad: Callable, wait: Callable,
              to_numpy: Callable, mode: Callable = contextlib.nullcontext, rest: float = 0.0) -> Work:
    """Work of a library with a tape, in PyTorch's words; a set is (x, its weights, the upstream gradient)."""
    following = _in_rotation(sets)

    def forward() -> Any:
        x, weights, _ = following()
        return f(x, *weights)

    def both() -> Any:
        x, weights, upstream = following()
        x.grad = None
        f(x, *weights).backward(upstream)
        return x.grad

    if direction == "forward":
        return Work(forward, wait, lambda: to_numpy(forward()), inside_of(mode, no_grad), rest)
    if direction == "both":
        return Work(both, wait, lambda: to_numpy(both()), mode, rest)

    recorded = _in_rotation([(x, f(x, *weights), upstream) for x, weights, upstream in sets])

    def backward() -> Any:
        x, y, upstream = recorded()
        x.grad = None
        y.backward(upstream, retain_graph=True)
        return x.grad

    return Work(backward, wait, lambda: to_numpy(backward()), mode, rest)


class Gradcore(Implementation):
    """This library, with one of the CPU's two kinds of kernels."""

    def __init__(self, name: str = "gradcore", cpu_kernels: str = "numpy"):
        self.name, self.cpu_kernels = name, cpu_kernels

    def is_for(self, group: Case) -> bool:
        return self.cpu_kernels == "numpy" or group.device == "cpu"

    def why_not(self, group: Case) -> str | None:
        try:
            with cpu_kernels(self.cpu_kernels):
                return None
        except BackendUnavailable as error:
            return str(error)

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        def on_device(array: np.ndarray, requires_grad: bool = False) -> Tensor:
            return Tensor(array, requires_grad, device=group.device)

        sets = [(on_device(data.x, True), [on_device(weight, True) for weight in data.weights],
                 on_device(data.upstream)) for _ in range(data.sets)]
        with cpu_kernels(self.cpu_kernels):
            return tape_work(group.direction, activation, sets, no_grad, get_backend(group.device).synchronize,
                             Tensor.numpy, lambda: cpu_kernels(self.cpu_kernels))


@contextlib.contextmanager
def cpu_kernels(kind: str) -> Iterator[None]:
    """The CPU's kernels are of this kind inside of it."""
    before = gradcore.cpu_kernels()
    gradcore.set_cpu_kernels(kind)
    try:
        yield
    finally:
        gradcore.set_cpu_kernels(before)


class Plain(Implementation):
    """The unfused array expression on the same device: what the fusion buys."""

    name = "plain"

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        backend = get_backend(group.device)
        namespace = PlainNamespace.of(backend, group.dtype)
        operation = activation.operation
        gradient = operation.gradient(tuple(range(len(operation.arrays))))
        arrays = (data.x, *data.weights, data.upstream)
        following = _in_rotation([[backend.asarray(array, copy=True) for array in arrays] for _ in range(data.sets)])
        mode = functools.partial(_plainly_on, backend)

        def forward(*inputs: Any) -> Any:
            return activation.formula(namespace, *inputs)

        def backward(inputs: Sequence[Any], output: Any, upstream: Any) -> Any:
            if gradient.kernel is None:
                return upstream
            arrays = [inputs[i] for i in gradient.saved] + [output] * gradient.saves_output + [upstream]
            along_x, *along_weights = evaluate(gradient.kernel, namespace, arrays, activation.values)
            for part in along_weights:
                part.sum()
            return along_x

        def run_forward() -> Any:
            return forward(*following()[:-1])

        def run_both() -> Any:
            *inputs, upstream = following()
            return backward(inputs, forward(*inputs), upstream)

        call = {"forward": run_forward, "both": run_both}.get(group.direction)
        if call is None:
            with mode():
                recorded = _in_rotation([(inputs[:-1], forward(*inputs[:-1]), inputs[-1])
                                         for inputs in (following() for _ in range(data.sets))])

            def call() -> Any:
                return backward(*recorded())

        def result() -> np.ndarray:
            with mode():
                return backend.to_numpy(call())

        return Work(call, backend.synchronize, result, mode)


@contextlib.contextmanager
def _plainly_on(backend: Backend) -> Iterator[None]:
    """The operators of plain arrays work on the current device, whichever the arrays are on."""
    with _without_warnings(), backend.here():
        yield


def _without_warnings() -> ContextManager:
    """Overflow to infinity is meant: the formulas take it to their limits."""
    return np.errstate(all="ignore")


class Yardstick(Implementation):
    """Fixed array code, in turn with every case: how quick the machine itself is at that moment.

    Two runs are compared by the ratios to it, which do not change when the machine slows down for a while, or for
    good, and which no change to this library can move.
    """

    name = YARDSTICK

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        backend = get_backend(group.device)
        xp, x, upstream = backend.xp, backend.asarray(data.x), backend.asarray(data.upstream)
        result = backend.empty(x.shape, x.dtype)  # once: fresh memory costs now this much, now that

        def call() -> Any:
            xp.tanh(x, out=result)
            return xp.multiply(result, upstream, out=result)

        return Work(call, backend.synchronize, lambda: backend.to_numpy(call()))


class PyTorch(Implementation):
    """PyTorch on the same device, eager, with its default number of threads."""

    name = "pytorch"

    def why_not(self, group: Case) -> str | None:
        try:
            import torch
        except ImportError:
            return "PyTorch is not installed"
        if group.device != "cpu" and not torch.cuda.is_available():
            return "this PyTorch cannot use CUDA"
        return None if in_pytorch(group.activation) else f"PyTorch has no {group.activation}"

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        import torch

        def on_device(array: np.ndarray, requires_grad: bool = False) -> Any:
            return torch.from_numpy(array.copy()).to(group.device).requires_grad_(requires_grad)

        sets = [(on_device(data.x, True), [on_device(weight, True) for weight in data.weights],
                 on_device(data.upstream)) for _ in range(data.sets)]
        return tape_work(group.direction, in_pytorch(group.activation), sets, torch.no_grad,
                         get_backend(group.device).synchronize, lambda y: y.detach().cpu().numpy(),
                         rest=rest_after(group))


class TorchCompile(PyTorch):
    """PyTorch's compiler, which writes fused C++ loops on the CPU; forward and backward together."""

    name = "torch.compile"

    def is_for(self, group: Case) -> bool:
        return _is_for_peers(group)

    def why_not(self, group: Case) -> str | None:
        found = super().why_not(group)
        if found is None and not Path(sysconfig.get_path("include"), "Python.h").is_file():
            return "torch.compile needs Python's headers, which are not installed"
        return found

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        import torch

        x, upstream = torch.from_numpy(data.x.copy()).requires_grad_(), torch.from_numpy(data.upstream.copy())
        compiled = torch.compile(in_pytorch(group.activation), dynamic=False)
        return tape_work("both", compiled, [(x, (), upstream)], torch.no_grad, get_backend("cpu").synchronize,
                         lambda y: y.detach().numpy(), rest=rest_after(group))


class Jax(Implementation):
    """JAX, forward and backward together in one function that XLA compiles."""

    name = "jax"

    def is_for(self, group: Case) -> bool:
        return _is_for_peers(group)

    def why_not(self, group: Case) -> str | None:
        return None if importlib.util.find_spec("jax") else "JAX is not installed"

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        import jax

        f, x, upstream = in_jax(group.activation), jax.numpy.asarray(data.x), jax.numpy.asarray(data.upstream)

        @jax.jit
        def both(x: Any, upstream: Any) -> Any:
            y, pull_back = jax.vjp(f, x)
            return y, pull_back(upstream)[0]

        def call() -> Any:
            return jax.block_until_ready(both(x, upstream))

        return Work(call, get_backend("cpu").synchronize, lambda: np.asarray(call()[1]), rest=rest_after(group))


class MyGrad(Implementation):
    """MyGrad, an autograd library of NumPy's; forward and backward together."""

    name = "mygrad"

    def is_for(self, group: Case) -> bool:
        return _is_for_peers(group)

    def why_not(self, group: Case) -> str | None:
        return None if importlib.util.find_spec("mygrad") else "MyGrad is not installed"

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        import mygrad

        f, x, upstream = in_mygrad(group.activation), mygrad.tensor(data.x), data.upstream.copy()

        def both() -> Any:
            x.null_grad()
            f(x).backward(upstream)
            return x.grad

        return Work(both, get_backend("cpu").synchronize, both, _without_warnings)


class Autograd(Implementation):
    """HIPS autograd; forward and backward together."""

    name = "autograd"

    def is_for(self, group: Case) -> bool:
        return _is_for_peers(group)

    def why_not(self, group: Case) -> str | None:
        return None if importlib.util.find_spec("autograd") else "HIPS autograd is not installed"

    def work(self, group: Case, activation: Activation, data: Data) -> Work:
        from autograd import make_vjp

        f, x, upstream = in_autograd(group.activation), data.x.copy(), data.upstream.copy()

        def both() -> Any:
            pull_back, _ = make_vjp(f)(x)
            return pull_back(upstream)

        return Work(both, get_backend("cpu").synchronize, both, _without_warnings)


def _is_for_peers(group: Case) -> bool:
    """Small libraries know no GPU, and are compared over the activations that the article has."""
    return (group.device == "cpu" and group.direction == "both" and group.dtype == "float32"
            and group.activation in (*ARTICLE, ONE_LINE_MISH))


STANDARD = (Gradcore(), Yardstick(), Gradcore("gradcore native", "native"), Plain(), PyTorch())
PEERS = STANDARD + (Jax(), TorchCompile(), MyGrad(), Autograd())
NAMES = tuple(implementation.name for implementation in PEERS)
OURS = ("gradcore", "gradcore native")
