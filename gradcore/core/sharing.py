"""Arrays of other libraries, whose memory DLPack shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import Backend, backend_of
from ..backends.formulas.dtypes import kind_of
from ..backends.registry import backend_of_dlpack


def shared(x: Any, name: str) -> tuple[Any, Backend]:
    """An array that shares the memory of `x`, and its backend; a BufferError where the other library refuses."""
    backend = backend_of_dlpack(x.__dlpack_device__())
    try:
        array = backend.from_dlpack(x)
    except (BufferError, RuntimeError) as error:
        kind, dtype = type(x), getattr(x, "dtype", "unknown dtype")
        raise BufferError(f"{name}: a {kind.__module__}.{kind.__name__} of {dtype} is not shared: {error}") from error
    kind_of(array.dtype)
    return array, backend


def own_array(data: Any, name: str) -> Any:
    """An array of a library that no device here is made of, such as PyTorch's, as one of a device; other data as it is.
    """
    is_foreign = hasattr(data, "__dlpack__") and not (
        isinstance(data, (np.ndarray, type)) or hasattr(data, "_backend"))
    if is_foreign and backend_of(data) is None:
        return shared(data, name)[0]
    return data
