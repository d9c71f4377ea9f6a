"""Inspection of the namespace: devices, dtypes and capabilities."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Optional, Union

import numpy as np

from ..backends import Device
from ..backends import default_device as _default_device
from ..backends.cuda.device import device_count
from ..backends.formulas.dtypes import DEFAULT_FLOAT, INT64
from ..core.tensor import DeviceLike
from .data_types import KINDS, isdtype


def capabilities() -> dict[str, Any]:
    """The optional features of the standard: all are supported; arrays have at most 64 dimensions."""
    return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}


def default_device() -> Device:
    """The device of new tensors."""
    return _default_device()


def devices() -> list[Device]:
    """The available devices of this machine."""
    return [Device("cpu"), *[Device("cuda", i) for i in range(device_count())]]


def default_dtypes(*, device: DeviceLike = None) -> dict[str, Optional[np.dtype]]:
    """The default dtypes of new tensors; there is none for complex numbers."""
    return {"real floating": DEFAULT_FLOAT, "complex floating": None, "integral": INT64, "indexing": INT64}


def dtypes(*, device: DeviceLike = None, kind: Union[None, str, tuple[str, ...]] = None) -> dict[str, np.dtype]:
    """The dtypes of the standard by name, or those of some kinds; none are complex.

    >>> dtypes(kind="real floating")
    {'float32': dtype('float32'), 'float64': dtype('float64')}
    """
    known = (*KINDS["bool"], *KINDS["numeric"])
    return {dtype.name: dtype for dtype in known if kind is None or isdtype(dtype, kind)}


def __array_namespace_info__() -> SimpleNamespace:
    """The functions of this module, as one object.

    >>> __array_namespace_info__().default_dtypes()["integral"]
    dtype('int64')
    """
    return SimpleNamespace(capabilities=capabilities, default_device=default_device, default_dtypes=default_dtypes,
                           devices=devices, dtypes=dtypes)
