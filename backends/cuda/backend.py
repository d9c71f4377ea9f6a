"""CUDA devices, through CuPy's public interface; `cupy` is imported when the first backend is made."""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable, Optional, Sequence

import numpy as np

from . import source
from ..base import Array, Backend
from .device import usable_reason
from .random import Draws
from ..device import Device
from ..formulas.dtypes import compute_and_result, kernel_dtypes
from ..errors import BackendUnavailable
from ..formulas.kernel import Kernel
from ..philox import Place


class CuPyBackend(Backend):
    """The backend of "cuda:N"; a `BackendUnavailable` says why a device cannot be used.

    Work is queued on CuPy's current stream.  Only `to_numpy`, `synchronize`, and what depends on the data's
    values (masks as indices) wait for the device.
    """

    is_synchronous = False

    def __init__(self, index: int = 0):
        self.device = Device(f"cuda:{index}")
        reason = usable_reason(index)
        if reason is not None:
            raise BackendUnavailable(f"{self.device} cannot be used: {reason}")
        import cupy
        import cupyx

        self._cupy, self._scatter_add = cupy, cupyx.scatter_add
        self.xp = _NamespaceOn(cupy, index)
        self._memory = _Memory(cupy, index)
        self._draws = Draws(cupy)

    def _here(self):
        """CuPy allocates and launches on the current device, which is a matter of each thread."""
        return self._cupy.cuda.Device(self.device.index)

    # -- moving data ------------------------------------------------------------------------------------------
    def asarray(self, data: Any, dtype: Optional[np.dtype] = None, copy: bool = False) -> Array:
        with self._here():
            if isinstance(data, self._cupy.ndarray) and data.device.id != self.device.index:
                data = data.copy()  # from another device to this one
            return self._cupy.array(data, dtype=dtype, copy=True if copy else None)

    def to_numpy(self, array: Array) -> np.ndarray:
        with self._here():
            return self._cupy.asnumpy(array)

    def owns(self, array: Any) -> bool:
        return isinstance(array, self._cupy.ndarray) and array.device.id == self.device.index

    # -- sharing memory with other libraries ------------------------------------------------------------------
    def dlpack(self, array: Array, **options: Any) -> Any:
        with self._here():
            return array.__dlpack__(**options)

    def dlpack_device(self, array: Array) -> tuple[int, int]:
        return array.__dlpack_device__()

    def from_dlpack(self, source: Any) -> Array:
        with self._here():
            return self._cupy.from_dlpack(source)

    def cuda_array_interface(self, array: Array) -> dict[str, Any]:
        return array.__cuda_array_interface__

    # -- making arrays ----------------------------------------------------------------------------------------
    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        with self._here():
            return self._cupy.empty(shape, dtype)

    def full(self, shape: tuple[int, ...], value: float, dtype: np.dtype) -> Array:
        with self._here():
            return self._cupy.full(shape, value, dtype)

    def copy(self, array: Array) -> Array:
        with self._here():
            return array.copy(order="C")

    def shares_memory(self, a: Array, b: Array) -> bool:
        return self._cupy.may_share_memory(a, b)

    def astype(self, array: Array, dtype: np.dtype) -> Array:
        with self._here():
            return array.astype(dtype, copy=False)

    # -- changing arrays in place -----------------------------------------------------------------------------
    def assign(self, array: Array, index: Any, value: Any) -> None:
        with self._here():
            array[index] = value

    def take(self, array: Array, index: Any) -> Array:
        with self._here():
            return array[index]

    def add_at(self, array: Array, index: Any, value: Array) -> None:
        with self._here():
            if _names_elements_once(index):
                view = array[index]
                self._cupy.add(view, value, out=view)
            else:
                self._scatter_add(array, index, value)

    # -- arithmetic -------------------------------------------------------------------------------------------
    def elementwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float] = ()) -> list[Array]:
        compute, result = compute_and_result(kernel, inputs)
        number = int if compute.kind in "iu" else float
        ndarray = self._cupy.ndarray
        dtypes = tuple([x.dtype if isinstance(x, ndarray) else None for x in inputs])
        arguments = [x if isinstance(x, ndarray) else number(x) for x in inputs]
        arguments += map(number, constants)
        with self._here():
            if not any(dtypes):  # CuPy takes the shape of the result from the arrays
                dtypes, arguments[0] = (compute,) + dtypes[1:], self._cupy.full((), arguments[0], compute)
            return list(self._program(kernel, compute, result, dtypes)(*arguments))

    def compile(self, kernel: Kernel, dtype: np.dtype) -> "CuPyProgram":
        compute, result = kernel_dtypes(kernel, np.dtype(dtype))
        return self._program(kernel, compute, result, (np.dtype(dtype),) * len(kernel.inputs))

    def _program(self, kernel: Kernel, compute: np.dtype, result: np.dtype, dtypes: tuple) -> "CuPyProgram":
        key = ("cuda", compute, result, dtypes)
        program = kernel.compiled.get(key)
        if program is None:
            program = kernel.compiled[key] = CuPyProgram(self._cupy, kernel, compute, result, dtypes)
        return program

    def sum(self, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        with self._here():
            return self._cupy.sum(array, axis=axis, keepdims=keepdims)

    def matmul(self, a: Array, b: Array) -> Array:
        with self._here():
            return self._cupy.matmul(a, b)

    # -- random numbers ---------------------------------------------------------------------------------------
    def random(self, place: Place, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        with self._here():
            return self._draws.draw(place, shape, dtype)

    # -- the device itself ------------------------------------------------------------------------------------
    def synchronize(self) -> None:
        self._here().synchronize()

    def memory_stats(self) -> dict[str, int]:
        """The figures of CuPy's memory pool; "peak" is exact from `reset_peak_memory` on, for what the thread that
        called it allocates, and before that the most that any call of this method has seen."""
        with self._here():
            return self._memory.stats()

    def reset_peak_memory(self) -> None:
        with self._here():
            self._memory.reset_peak()

    def empty_cache(self) -> None:
        with self._here():
            self._cupy.get_default_memory_pool().free_all_blocks()

    def description(self) -> str:
        return self._cupy.cuda.runtime.getDeviceProperties(self.device.index)["name"].decode()


class CuPyProgram:
    """A kernel as CuPy's `ElementwiseKernel`; str() of it is the whole CUDA source, as one would write it by hand."""

    def __init__(self, cupy: Any, kernel: Kernel, compute: np.dtype, result: np.dtype, dtypes: tuple):
        parts = source.parts(kernel, compute, result, dtypes)
        self._source = functools.partial(source.source_of, kernel, compute, result, dtypes)
        self._run = cupy.ElementwiseKernel(parts.in_params, parts.out_params, parts.operation, parts.name,
                                           preamble=parts.preamble, return_tuple=True,
                                           options=source.OPTIONS)

    def __call__(self, *arguments: Any) -> tuple[Array, ...]:
        return self._run(*arguments)

    def __str__(self) -> str:
        return self._source()


class _NamespaceOn:
    """CuPy's functions, each run with the given device as the current one."""

    def __init__(self, cupy: Any, index: int):
        self._cupy, self._index = cupy, index

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._cupy, name)
        if callable(value) and not isinstance(value, type):
            value = self._on_device(value)
        setattr(self, name, value)  # found at once from now on
        return value

    def _on_device(self, function: Callable) -> Callable:
        device, index = self._cupy.cuda.Device, self._index

        def on_device(*args: Any, **kwargs: Any) -> Any:
            with device(index):
                return function(*args, **kwargs)

        on_device.__name__ = getattr(function, "__name__", "function")
        return on_device


def _names_elements_once(index: Any) -> bool:
    """Whether an index has no index arrays, so that it is a view and may be added to in place."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer))
               and not isinstance(part, bool) for part in parts)


class _Memory:
    """Memory figures of one device, kept by CuPy's default pool; the peak is counted by a hook into it."""

    def __init__(self, cupy: Any, index: int):
        self._pool = cupy.get_default_memory_pool()
        self._peak = 0
        self._hooks = threading.local()  # CuPy calls a hook in the thread that entered it
        memory = self

        class Peak(cupy.cuda.MemoryHook):
            name = f"gradcore_peak_cuda{index}"

            def malloc_postprocess(self, **call: Any) -> None:
                if call["device_id"] == index and call["mem_ptr"]:
                    self.used += call["mem_size"]
                    memory._peak = max(memory._peak, self.used)

            def free_postprocess(self, **call: Any) -> None:
                if call["device_id"] == index:
                    self.used -= call["mem_size"]

        self._make_hook = Peak

    def stats(self) -> dict[str, int]:
        used = self._pool.used_bytes()
        self._peak = max(self._peak, used)
        return {"allocated": used, "reserved": self._pool.total_bytes(), "peak": self._peak}

    def reset_peak(self) -> None:
        if not hasattr(self._hooks, "hook"):
            self._hooks.hook = self._make_hook()
            self._hooks.hook.__enter__()
        self._peak = self._hooks.hook.used = self._pool.used_bytes()
