"""Devices and the kernels that run on them. Nothing here knows of tensors or of the autograd graph."""

from __future__ import annotations

from .base import Array, Backend
from .device import Device
from .errors import BackendUnavailable, DeviceMismatch, FormulaError
from .formulas.expression import Expression
from .formulas.kernel import Kernel
from .formulas.namespace import FormulaNamespace
from .formulas.rows import RowNamespace
from .lazy import loader
from .cpu.backend import NumPyBackend
from .registry import (as_device, backend_of, default_device, get_backend, register, set_default_device, unregister)

# Loaded on first use, since most programs use one kind of device.
__getattr__ = loader(__name__, {"absent": "cudnn mps", "cuda.backend": "CuPyBackend"})

register("cpu", lambda device: NumPyBackend())
register("cuda", lambda device: __getattr__("CuPyBackend")(device.index))

__all__ = ["Array", "Backend", "BackendUnavailable", "CuPyBackend", "Device", "DeviceMismatch", "Expression",
           "FormulaError", "FormulaNamespace", "Kernel", "NumPyBackend", "RowNamespace", "as_device", "backend_of",
           "default_device", "get_backend", "register", "set_default_device", "unregister"]
