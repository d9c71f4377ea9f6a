"""CUDA devices: whether they can be used, their memory, streams and graphs.

Random numbers are those of the CPU, so that PyTorch's names for seeds and states of CUDA devices mean the one
generator of `gradcore.random`.
"""

from __future__ import annotations

from typing import Any, Callable, ContextManager, Optional, Sequence

from .backends import get_backend
from .backends.cuda import graphs, streams
from .backends.cuda.device import device_count, usable_reason
from .backends.registry import DeviceLike
from .core.arguments import publish_own
from .core.tensor import Tensor
from .operations.generator import default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state

manual_seed_all, seed_all = manual_seed, seed


def get_rng_state_all() -> list[Tensor]:
    """The one state, in a list, as PyTorch gives one for each device.

    >>> _ = manual_seed(5)
    >>> get_rng_state_all()
    [tensor([5, 0, 0])]
    """
    return [get_rng_state()]


def set_rng_state_all(new_states: Sequence[Tensor]) -> None:
    """Go on from where `get_rng_state_all` was called.

    >>> states = get_rng_state_all()
    >>> set_rng_state_all(states)
    """
    (state,) = new_states
    set_rng_state(state)


def is_available() -> bool:
    """Whether "cuda" can be used; never raises (`why_not` tells the reason).

    >>> is_available() == (why_not() is None)
    True
    """
    return usable_reason() is None


def why_not(index: int = 0) -> str | None:
    """Why a CUDA device cannot be used, as a sentence that says what to do; None where it can.

    >>> why_not(1000) is None  # a sentence: there are no 1001 devices
    False
    """
    return usable_reason(index)


def synchronize(device: DeviceLike = "cuda") -> None:
    """Wait until all work that was given to the device is done.

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
    """Bytes held from the system, cached blocks included.

    >>> memory_reserved() >= memory_allocated()
    True
    """
    return get_backend(device).memory_stats()["reserved"]


def max_memory_allocated(device: DeviceLike = "cuda") -> int:
    """The most bytes in use at once since `reset_peak_memory_stats`, for what its thread has allocated.

    Counting costs time in each allocation, and ends here.

    >>> from gradcore import ones
    >>> reset_peak_memory_stats()
    >>> x = ones(1000, device="cuda")
    >>> max_memory_allocated() >= 0
    True
    """
    return get_backend(device).peak_memory()


def reset_peak_memory_stats(device: DeviceLike = "cuda") -> None:
    """Begin to count for `max_memory_allocated`.

    >>> reset_peak_memory_stats()
    >>> max_memory_allocated() >= 0
    True
    """
    get_backend(device).reset_peak_memory()


def empty_cache(device: DeviceLike = "cuda") -> None:
    """Give cached blocks back to the system.

    >>> empty_cache()
    >>> memory_reserved() >= memory_allocated()
    True
    """
    get_backend(device).empty_cache()


def get_device_name(device: DeviceLike = "cuda") -> str:
    """The device's name, as "NVIDIA H100 80GB HBM3".

    >>> name = get_device_name()
    >>> isinstance(name, str)
    True
    """
    return get_backend(device).description()


class Event(streams.Event):
    """A place in a stream of a device, marked by `record`; `enable_timing` lets `elapsed_time` measure between two.

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
    """A queue of a device, worked off beside its other queues: see `stream`.

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
    """A context in which this thread's work on the stream's device goes to `stream`; None changes nothing.

    What one stream made is used in another after `wait_stream`, and its memory kept by `Tensor.record_stream`.

    >>> other = Stream()
    >>> with stream(other):
    ...     current_stream() == other
    True
    """
    return streams.as_current(stream)


def current_stream(device: DeviceLike = "cuda") -> streams.Stream:
    """The stream to which this thread's work on the device goes.

    >>> current_stream() == current_stream()
    True
    """
    return streams.current(_backend(device))


def graph(function: Callable[[], Any], *, device: DeviceLike = "cuda", warmup: int = 2) -> graphs.Graph[Any]:
    """Record what `function` asks of the device, as a training step; the graph's `replay()` does it again.

    The function is called `warmup` times as usual, which compiles its kernels, and once to be recorded, which computes
    nothing.  A replay reads and writes the same tensors: new batches are written into the old ones (`x.copy_(...)`),
    and `graph.result` is what the function returned, computed anew.  Python's part of the function does not run again:
    numbers, such as a learning rate, stay what they were, so that optimizers that count their steps need
    `capturable=True`, and nothing may depend on values or copy from the host.  Random numbers of the default generator
    (dropout, say) are drawn anew in each replay, those that the function itself would have drawn in its place.

    Matrix products of floats are computed by a kernel of this library while they are recorded, because CuPy refuses to
    record cuBLAS.  It is meant for the small networks that wait for launches; cuBLAS is quicker for large matrices.

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
    return get_backend(device)


__all__ = ["Event", "Stream", "current_stream", "device_count", "empty_cache", "get_device_name", "get_rng_state",
           "get_rng_state_all", "graph", "initial_seed", "is_available", "manual_seed", "manual_seed_all",
           "max_memory_allocated", "memory_allocated", "memory_reserved", "reset_peak_memory_stats", "seed", "seed_all",
           "set_rng_state", "set_rng_state_all", "stream", "synchronize", "why_not"]


publish_own(globals())
