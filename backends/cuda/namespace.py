"""CuPy's functions for arrays of one device."""

from __future__ import annotations

import types
from typing import Any, Callable


# Functions of linear algebra that fail for some matrices.  By default CuPy does not check, and returns garbage.
_CAN_FAIL = frozenset({"cholesky", "eigh", "inv", "solve", "svd"})


class NamespaceOn:
    """CuPy's functions, each run with the given device as the current one.

    Functions that can fail wait for the device, like PyTorch's, and raise NumPy's LinAlgError.
    """

    def __init__(self, cupy: Any, index: int, functions: Any = None):
        self._cupy, self._index, self._functions = cupy, index, functions or cupy

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._functions, name)
        if isinstance(value, types.ModuleType):  # linalg
            value = NamespaceOn(self._cupy, self._index, value)
        elif callable(value) and not isinstance(value, type):
            value = self._on_device(value, self._functions is not self._cupy and name in _CAN_FAIL)
        setattr(self, name, value)  # later look-ups do not come here
        return value

    def _on_device(self, function: Callable[..., Any], can_fail: bool) -> Callable[..., Any]:
        device, index = self._cupy.cuda.Device, self._index

        def on_device(*args: Any, **kwargs: Any) -> Any:
            with device(index):
                return function(*args, **kwargs)

        def checked(*args: Any, **kwargs: Any) -> Any:
            import cupyx

            with cupyx.errstate(linalg="raise"):
                return on_device(*args, **kwargs)

        on_device.__name__ = checked.__name__ = getattr(function, "__name__", "function")
        return checked if can_fail else on_device
