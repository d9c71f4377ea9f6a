"""Sharing memory with other libraries: DLPack, NumPy, and the CUDA array interface.

Writes of either side are visible to the other.  Writes of other libraries do not increment the version that guards a
backward pass.

>>> import numpy as np
>>> array = np.zeros(2)
>>> shared = from_dlpack(array)
>>> array[0] = 5
>>> shared.tolist(), np.from_dlpack(shared)[0].item()
([5.0, 0.0], 5.0)
"""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ..backends import get_backend
from ..backends.formulas.dtypes import kind_of
from ..core.sharing import shared
from ..core.tensor import Tensor


def from_dlpack(x: Any) -> Tensor:
    """A tensor that shares the memory of an array of another library (PyTorch, CuPy, JAX, NumPy, ...) on the same
    device.

    Nothing is copied.  Tensors of read-only arrays cannot be changed in place; on the CPU this includes arrays of
    libraries with DLPack before version 1.0, and all but NumPy's own arrays with NumPy 2.0.

    Raises
    ------
    TypeError : `x` does not support DLPack, or tensors do not support its dtype.
    BufferError : the other library does not share the array.
    BackendUnavailable : its device cannot be used here.

    >>> from_dlpack(np.arange(3.0)).sum().item()
    3.0
    """
    if isinstance(x, Tensor):
        return x.detach()
    if not (hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")):
        raise TypeError(f"from_dlpack takes an array with __dlpack__ and __dlpack_device__; got {type(x).__name__} "
                        f"(for numbers and lists there is gradcore.tensor)")
    return Tensor._wrap(*shared(x, "from_dlpack"))


def from_numpy(array: np.ndarray) -> Tensor:
    """A CPU tensor that shares the memory of a NumPy array; it cannot be changed in place if the array is read-only.

    >>> from_numpy(np.arange(3)).dtype
    dtype('int64')
    """
    kind_of(array.dtype)
    if not array.dtype.isnative:
        raise TypeError(f"from_numpy: an array of {array.dtype}, which is not this processor's byte order, cannot be "
                        f"shared; gradcore.tensor makes a copy")
    backend = get_backend("cpu")
    return Tensor._wrap(backend.asarray(array), backend)


def dlpack(x: Tensor, *, stream: Any = None, max_version: Optional[tuple[int, int]] = None,
           dl_device: Optional[tuple[int, int]] = None, copy: Optional[bool] = None) -> Any:
    """A DLPack capsule of the tensor's memory, for another library's `from_dlpack`."""
    _refuse_history(x, "__dlpack__")
    options = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
    # Libraries know of these by their age.
    return x._backend.dlpack(x._array, **{name: value for name, value in options.items() if value is not None})


def dlpack_device(x: Tensor) -> tuple[int, int]:
    """The pair (device type, index) of DLPack."""
    return x._backend.dlpack_device(x._array)


def cuda_array_interface(x: Tensor) -> dict[str, Any]:
    """The CUDA array interface of the tensor's memory; an attribute of CUDA tensors only."""
    interface = x._backend.cuda_array_interface(x._array)
    _refuse_history(x, "__cuda_array_interface__")
    return interface


def _refuse_history(x: Tensor, name: str) -> None:
    if x._requires_grad:
        raise BufferError(f"{name}: the tensor requires a gradient, which the other library would ignore; "
                          f"pass tensor.detach()")
