"""Devices and the kernels that run on them; it knows nothing of tensors or gradients' bookkeeping."""

from __future__ import annotations

from .base import Backend
from .device import Device
from .errors import BackendUnavailable, DeviceMismatch, FormulaError
from .formulas.kernel import Kernel
from .lazy import loader
from .cpu.backend import NumPyBackend
from .registry import (as_device, backend_of, default_device, get_backend, register, set_default_device, unregister)

# Loaded on first use: most programs are for one kind of device.
__getattr__ = loader(__name__, {"cuda.backend": "CuPyBackend"})

register("cpu", lambda device: NumPyBackend())
register("cuda", lambda device: __getattr__("CuPyBackend")(device.index))

__all__ = ["Backend", "BackendUnavailable", "CuPyBackend", "Device", "DeviceMismatch", "FormulaError", "Kernel",
           "NumPyBackend", "as_device", "backend_of", "default_device", "get_backend", "register",
           "set_default_device", "unregister"]
