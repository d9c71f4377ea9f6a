"""The accelerator of this machine, with PyTorch's names: the device "auto" unless that is the CPU."""

from __future__ import annotations

from typing import Optional

from .core.public import publish as _publish
from .backends import Device, get_backend
from .backends.registry import DeviceLike
from .cuda import device_count, empty_cache

__all__ = ["current_accelerator", "device_count", "empty_cache", "is_available", "synchronize"]


def current_accelerator(check_available: bool = False) -> Optional[Device]:
    """The device, or None.

    >>> device = current_accelerator() or Device("cpu")
    """
    found = get_backend("auto").device
    return None if found == get_backend("cpu").device else found


def is_available() -> bool:
    """Whether there is an accelerator.

    >>> is_available() == (current_accelerator() is not None)
    True
    """
    return current_accelerator() is not None


def synchronize(device: DeviceLike = None) -> None:
    """Wait until a device, by default the accelerator, has finished all queued work.

    >>> synchronize("cpu")  # nothing is queued there
    """
    get_backend("auto" if device is None else device).synchronize()


_publish(globals())
