"""CuPy's functions for arrays of one device."""

from __future__ import annotations

import types
from typing import Any, Callable


# Of linear algebra, what fails for some matrices.  CuPy leaves what is in memory then, unless it is told to look.
_CAN_FAIL = frozenset({"cholesky", "eigh", "inv", "solve", "svd"})


class NamespaceOn:
    """CuPy's functions, each run with the given device as the current one.

    Those that can fail wait for the device, as PyTorch's do, and raise NumPy's LinAlgError.
    """

    def __init__(self, cupy: Any, index: int, functions: Any = None):
        self._cupy, self._index, self._functions = cupy, index, functions or cupy

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._functions, name)
        if isinstance(value, types.ModuleType):  # linalg
            value = NamespaceOn(self._cupy, self._index, value)
        elif callable(value) and not isinstance(value, type):
            value = self._on_device(value, self._functions is not self._cupy and name in _CAN_FAIL)
        setattr(self, name, value)  # found at once from now on
        return value

    def _on_device(self, function: Callable[..., Any], can_fail: bool) -> Callable[..., Any]:
        device, index = self._cupy.cuda.Device, self._index

        def on_device(*args: Any, **kwargs: Any) -> Any:
            with device(index):
                return function(*args, **kwargs)

        def looked_at(*args: Any, **kwargs: Any) -> Any:
            import cupyx

            with cupyx.errstate(linalg="raise"):
                return on_device(*args, **kwargs)

        on_device.__name__ = looked_at.__name__ = getattr(function, "__name__", "function")
        return looked_at if can_fail else on_device
