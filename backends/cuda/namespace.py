"""CuPy's functions for arrays of one device."""

from __future__ import annotations

import types
from typing import Any, Callable


class NamespaceOn:
    """CuPy's functions, each run with the given device as the current one."""

    def __init__(self, cupy: Any, index: int, functions: Any = None):
        self._cupy, self._index, self._functions = cupy, index, functions or cupy

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._functions, name)
        if isinstance(value, types.ModuleType):  # linalg
            value = NamespaceOn(self._cupy, self._index, value)
        elif callable(value) and not isinstance(value, type):
            value = self._on_device(value)
        setattr(self, name, value)  # found at once from now on
        return value

    def _on_device(self, function: Callable[..., Any]) -> Callable[..., Any]:
        device, index = self._cupy.cuda.Device, self._index

        def on_device(*args: Any, **kwargs: Any) -> Any:
            with device(index):
                return function(*args, **kwargs)

        on_device.__name__ = getattr(function, "__name__", "function")
        return on_device
