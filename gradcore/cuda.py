"""CUDA devices: whether they can be used, and their memory.

Random numbers are those of the CPU, so that PyTorch's names for seeds and states of CUDA devices mean the one
generator of `gradcore.random`.
"""

from __future__ import annotations

from .backends import get_backend
from .backends.cuda.device import device_count, usable_reason
from .backends.registry import DeviceLike
from .operations.generator import get_rng_state, initial_seed, manual_seed, seed, set_rng_state

manual_seed_all, seed_all = manual_seed, seed


def is_available() -> bool:
    """Whether "cuda" can be used; never raises (`why_not` tells the reason)."""
    return usable_reason() is None


def why_not(index: int = 0) -> str | None:
    """Why a CUDA device cannot be used, as a sentence that says what to do; None where it can."""
    return usable_reason(index)


def synchronize(device: DeviceLike = "cuda") -> None:
    """Wait until all work that was given to the device is done."""
    get_backend(device).synchronize()


def memory_allocated(device: DeviceLike = "cuda") -> int:
    """Bytes in use by arrays."""
    return get_backend(device).memory_stats()["allocated"]


def memory_reserved(device: DeviceLike = "cuda") -> int:
    """Bytes held from the system, cached blocks included."""
    return get_backend(device).memory_stats()["reserved"]


def max_memory_allocated(device: DeviceLike = "cuda") -> int:
    """The most bytes in use at once since `reset_peak_memory_stats`, for what its thread has allocated.

    Counting costs time in each allocation, and ends here.
    """
    return get_backend(device).peak_memory()


def reset_peak_memory_stats(device: DeviceLike = "cuda") -> None:
    """Begin to count for `max_memory_allocated`."""
    get_backend(device).reset_peak_memory()


def empty_cache(device: DeviceLike = "cuda") -> None:
    """Give cached blocks back to the system."""
    get_backend(device).empty_cache()


def get_device_name(device: DeviceLike = "cuda") -> str:
    """The device's name, as "NVIDIA H100 80GB HBM3"."""
    return get_backend(device).description()


__all__ = ["device_count", "empty_cache", "get_device_name", "get_rng_state", "initial_seed", "is_available",
           "manual_seed", "manual_seed_all", "max_memory_allocated", "memory_allocated", "memory_reserved",
           "reset_peak_memory_stats", "seed", "seed_all", "set_rng_state", "synchronize", "why_not"]
