"""CUDA devices: availability, memory, streams and graphs.

All devices share one random number generator, so PyTorch's functions for seeds and states of CUDA devices refer to that
of `gradcore.random`.
"""

from __future__ import annotations

from typing import Any, Callable, ContextManager, Optional, Sequence

from .backends import get_backend
from .backends.cuda import graphs, streams
from .backends.cuda.backend import CuPyBackend
from .backends.cuda.device import device_count, usable_reason
from .backends.registry import DeviceLike
from .core.public import checks_calls, publish
from .core.tensor import Tensor
from .operations.generator import default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state

manual_seed_all, seed_all = manual_seed, seed


def get_rng_state_all() -> list[Tensor]:
    """The state of the random numbers in a list, as PyTorch has one for each device.

    >>> _ = manual_seed(5)
    >>> get_rng_state_all()
    [tensor([5, 0, 0])]
    """
    return [get_rng_state()]


def set_rng_state_all(new_states: Sequence[Tensor]) -> None:
    """Restore a `get_rng_state_all`.

    >>> states = get_rng_state_all()
    >>> set_rng_state_all(states)
    """
    (state,) = new_states
    set_rng_state(state)


def is_available() -> bool:
    """Whether "cuda" can be used; never raises (`why_not` gives the reason).

    >>> is_available() == (why_not() is None)
    True
    """
    return usable_reason() is None


def why_not(index: int = 0) -> str | None:
    """Why a CUDA device cannot be used, and what to do; None if it can be used.

    >>> why_not(1000) is None  # a sentence: there are no 1001 devices
    False
    """
    return usable_reason(index)


def synchronize(device: DeviceLike = "cuda") -> None:
    """Wait until the device has finished all queued work.

    >>> from gradcore import ones
    >>> y = ones(1000, device="cuda").exp()  # queued
    >>> synchronize()
    """
    get_backend(device).synchronize()


def memory_allocated(device: DeviceLike = "cuda") -> int:
    """Bytes in use by arrays.

    >>> 0 <= memory_allocated() <= memory_reserved()
    True
    """
    return get_backend(device).memory_stats()["allocated"]


def memory_reserved(device: DeviceLike = "cuda") -> int:
    """Bytes reserved from the system, including cached blocks.

    >>> memory_reserved() >= memory_allocated()
    True
    """
    return get_backend(device).memory_stats()["reserved"]


def max_memory_allocated(device: DeviceLike = "cuda") -> int:
    """The peak of allocated bytes since `reset_peak_memory_stats`, for allocations of its thread.

    Counting slows down allocations, and ends here.

    >>> from gradcore import ones
    >>> reset_peak_memory_stats()
    >>> x = ones(1000, device="cuda")
    >>> max_memory_allocated() >= 0
    True
    """
    return get_backend(device).peak_memory()


def reset_peak_memory_stats(device: DeviceLike = "cuda") -> None:
    """Start counting for `max_memory_allocated`.

    >>> reset_peak_memory_stats()
    >>> max_memory_allocated() >= 0
    True
    """
    get_backend(device).reset_peak_memory()


def empty_cache(device: DeviceLike = "cuda") -> None:
    """Return cached blocks to the system.

    >>> empty_cache()
    >>> memory_reserved() >= memory_allocated()
    True
    """
    get_backend(device).empty_cache()


def get_device_name(device: DeviceLike = "cuda") -> str:
    """The device's name, such as "NVIDIA H100 80GB HBM3".

    >>> name = get_device_name()
    >>> isinstance(name, str)
    True
    """
    return get_backend(device).description()


class Event(streams.Event):
    """A point in a stream, set by `record`; with `enable_timing`, `elapsed_time` measures between two events.

    >>> begin, end = Event(enable_timing=True), Event(enable_timing=True)
    >>> begin.record()
    >>> end.record()
    >>> end.synchronize()
    >>> begin.elapsed_time(end) >= 0  # in milliseconds
    True
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, device: DeviceLike = "cuda"):
        super().__init__(_backend(device), enable_timing, blocking)


class Stream(streams.Stream):
    """A queue of work of a device, which runs concurrently with other queues: see `stream`.

    >>> from gradcore import ones
    >>> beside = Stream()
    >>> beside.wait_stream(current_stream())
    >>> with stream(beside):
    ...     y = ones(3, device="cuda") * 2
    >>> current_stream().wait_stream(beside)
    >>> y.tolist()
    [2.0, 2.0, 2.0]
    """

    def __init__(self, device: DeviceLike = "cuda"):
        super().__init__(_backend(device))


def stream(stream: Optional[streams.Stream]) -> ContextManager[Any]:
    """A context in which `stream` is this thread's current stream on its device; None changes nothing.

    To use a result of one stream in another, call `wait_stream`; `Tensor.record_stream` keeps its memory alive.

    >>> other = Stream()
    >>> with stream(other):
    ...     current_stream() == other
    True
    """
    return streams.as_current(stream)


def current_stream(device: DeviceLike = "cuda") -> streams.Stream:
    """This thread's current stream on the device.

    >>> current_stream() == current_stream()
    True
    """
    return streams.current(_backend(device))


def graph(function: Callable[[], Any], *, device: DeviceLike = "cuda", warmup: int = 2) -> graphs.Graph[Any]:
    """Capture the device work of `function`, such as a training step; the graph's `replay()` launches it again.

    The function is called `warmup` times normally, which compiles its kernels, and once for the capture, which computes
    nothing.  A replay reads and writes the same tensors: copy new batches into the old ones (`x.copy_(...)`);
    `graph.result` is the function's result, with new values.  Python code is not run again: numbers such as a learning
    rate are constant, optimizers that count steps need `capturable=True`, and nothing may depend on values or copy from
    the host.  Each replay draws new random numbers from the default generator, the ones that the function would draw.

    Matrix products of floats use a kernel of this library during the capture, since CuPy does not capture cuBLAS.  It
    is meant for small networks; cuBLAS is faster for large matrices.
    Source: CUDA graphs, as in PyTorch's torch.cuda.graph.

    >>> from gradcore import ones
    >>> x = ones(3, device="cuda")
    >>> step = graph(lambda: x * 2)
    >>> _ = x.fill_(5.0)
    >>> step.replay()
    tensor([10., 10., 10.], device='cuda:0')
    >>> step.result.tolist()
    [10.0, 10.0, 10.0]
    """
    return graphs.Graph(_backend(device), function, warmup, default_generator)


def _backend(device: DeviceLike) -> Any:
    """The backend of a device, whose own class is loaded on first use."""
    found = get_backend(device)
    if not isinstance(found, CuPyBackend):
        raise ValueError(f"`device` must be a CUDA device; got {found.device}")
    return found


__all__ = ["Event", "Stream", "current_stream", "device_count", "empty_cache", "get_device_name", "get_rng_state",
           "get_rng_state_all", "graph", "initial_seed", "is_available", "manual_seed", "manual_seed_all",
           "max_memory_allocated", "memory_allocated", "memory_reserved", "reset_peak_memory_stats", "seed", "seed_all",
           "set_rng_state", "set_rng_state_all", "stream", "synchronize", "why_not"]


for _kind in (streams.Stream, streams.Event, graphs.Graph):
    checks_calls(_kind)
publish(globals())
