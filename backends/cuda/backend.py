"""CUDA devices through CuPy's public interface; `cupy` is imported when the first backend is created."""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from typing import Any, Callable, ContextManager, Iterator, Optional, Sequence

import numpy as np

from ..base import Array, Backend
from ..communicator import Communicator
from ..device import Device
from ..errors import BackendUnavailable
from ..formulas.dtypes import FLOAT16, FLOAT32
from ..formulas.kernel import Kernel
from ..formulas.quiet import quietly
from ..windows import Windows
from ..philox import Place
from . import compiler, nccl, source
from .device import device_count, usable_reason, why_no_kernels
from .indexing import Indexing
from .launcher import Launcher, is_apart, meets
from .memory import Memory
from .namespace import NamespaceOn
from .products import Products
from .random import Draws
from .reductions import Reductions
from .row_launcher import RowLauncher
from .several import Call, SeveralLauncher, is_plain

_HERE = contextlib.nullcontext()
_ADD = Kernel.of_primitive("add")
_NO_VALUES = "no values are read: they are computed later; read the graph's result after replay"


class CuPyBackend(Backend):
    """The backend of "cuda:N"; raises `BackendUnavailable` with the reason if the device cannot be used.

    Work is queued on CuPy's current stream.  Only `to_numpy`, `synchronize`, and operations that depend on values, such
    as indexing with a mask, wait for the device.

    >>> backend = CuPyBackend(0)
    >>> backend.to_numpy(backend.asarray([1.0, 2.0]))
    array([1., 2.])
    """

    is_synchronous = False

    def __init__(self, index: int = 0):
        self.device = Device(f"cuda:{index}")
        reason = usable_reason(index) or why_no_kernels(index)
        if reason is not None:
            raise BackendUnavailable(f"{self.device} cannot be used: {reason}")
        import cupy
        import cupyx

        self.cupy, self._scatter_add, self._pinned = cupy, cupyx.scatter_add, cupyx.empty_pinned
        self.xp = NamespaceOn(cupy, index)
        self._memory = Memory(cupy, index)
        self._index, self._name, self._current = index, str(self.device), cupy.cuda.runtime.getDevice
        self._compile = functools.partial(compiler.function, cupy)
        self.draws = Draws(cupy, self._compile)
        self._reductions, self._products = Reductions(cupy, self._compile), Products(cupy, self._compile)
        with self.here():
            self._indexing = Indexing(cupy, self._compile, self._pinned)
        self._kept: list[tuple[Any, Array]] = []  # memory used by other streams, with the events after which it is free
        self._recording = threading.local()

    def here(self) -> ContextManager[None]:
        """A context that makes this device CuPy's current one, a setting of each thread."""
        return _HERE if self._current() == self._index else self.cupy.cuda.Device(self._index)

    # -- streams and graphs -----------------------------------------------------------------------------------
    def keep(self, array: Array, event: Any) -> None:
        """Keep an array's memory alive until `event` has completed.

        Memory of a recording stays anyway, and its events cannot be queried.
        """
        if self._is_recording():
            return
        self._kept = [(other, held) for other, held in self._kept if not other.done] + [(event, array)]

    @contextlib.contextmanager
    def as_recorded(self) -> Iterator[None]:
        """This thread computes with the kernels of a recording: what is compiled and loaded need not be recorded."""
        before, self._recording.has_products = getattr(self._recording, "has_products", False), True
        try:
            yield
        finally:
            self._recording.has_products = before

    @contextlib.contextmanager
    def recording(self, place: Place, moved: Array) -> Iterator[None]:
        """A context in which this thread's work is recorded into a graph: what a replay would do wrong raises.

        Random draws from the stream of `place` are shifted by the contents of `moved` at each replay.
        """
        self._recording.draws = place, moved
        try:
            yield
        finally:
            self._recording.draws = None

    def _is_recording(self) -> bool:
        return getattr(self._recording, "draws", None) is not None

    def _refuse_in_recording(self, what: str) -> None:
        if self._is_recording():
            raise RuntimeError(f"while a CUDA graph is recorded, {what}")

    # -- moving data ------------------------------------------------------------------------------------------
    def asarray(self, data: Any, dtype: Optional[np.dtype] = None, copy: bool = False) -> Array:
        if isinstance(data, self.cupy.ndarray) and data.device.id != self._index:
            data = self._from_another_device(data)
        with self.here():
            if isinstance(data, self.cupy.ndarray):
                return self.cupy.array(data, dtype=dtype, copy=True if copy else None)
            host = _on_host(data, dtype)
            if host.ndim:
                return self._uploaded(host, False)
            return self.full((), host[()], host.dtype)  # type: ignore[arg-type]  # a scalar of NumPy's will do

    def _uploaded(self, host: np.ndarray, non_blocking: bool) -> Array:
        """A queued copy of a host array.  Pinned memory is waited for, since the owner may change it next."""
        self._refuse_in_recording("nothing can be copied from the host: a replay would copy other numbers; make the "
                                  "tensor before, and write to it with copy_ between replays")
        address = host.__array_interface__["data"][0]
        is_pinned = bool(host.size) and self.cupy.cuda.pinned_memory.is_memory_pinned(address)
        return self.cupy.array(host, blocking=is_pinned and not non_blocking)

    def to_numpy(self, array: Array) -> np.ndarray:
        self._refuse_in_recording(_NO_VALUES)
        with self.here():
            values = self.cupy.asnumpy(array)
        self.check_positions()
        return values

    def check_positions(self) -> None:
        """Raise IndexError if completed work has written to an index that is out of range."""
        if self._indexing.has_missed():
            raise IndexError(f"an index on {self.device} names a position that does not exist, in something that was "
                             f"written to (x[index] = ..., scatter, index_add and their like) since values were last "
                             f"looked at; what was to go there was left out")

    def received(self, array: Any, source: Backend, non_blocking: bool = False) -> Array:
        if not isinstance(source, CuPyBackend):
            with self.here():
                return self._uploaded(source.to_numpy(array), non_blocking)
        return self._from_another_device(array)

    def _from_another_device(self, array: Array) -> Array:
        with array.device:
            array = array if array.flags.c_contiguous else array.copy(order="C")
            there = self.cupy.cuda.get_current_stream()
            made = there.record()
        with self.here():  # after the array was computed, and before its memory is reused
            stream = self.cupy.cuda.get_current_stream()
            stream.wait_event(made)
            copied = array.copy()
            done = stream.record()
        with array.device:
            there.wait_event(done)
        return copied

    def to_numpy_later(self, array: Array) -> np.ndarray:
        self._refuse_in_recording(_NO_VALUES)
        with self.here():
            values = self.cupy.asnumpy(array, out=self._pinned(array.shape, array.dtype), blocking=False)
            self.keep(values, self.cupy.cuda.get_current_stream().record())  # else it is given out again too early
        return values

    def pinned(self, host: np.ndarray) -> np.ndarray:
        copied = self._pinned(host.shape, host.dtype)
        np.copyto(copied, host)
        return copied

    def owns(self, array: Any) -> bool:
        return isinstance(array, self.cupy.ndarray) and array.device.id == self.device.index

    # -- sharing memory with other libraries ------------------------------------------------------------------
    def dlpack(self, array: Array, **options: Any) -> Any:
        with self.here():
            return array.__dlpack__(**options)

    def dlpack_device(self, array: Array) -> tuple[int, int]:
        return array.__dlpack_device__()

    def from_dlpack(self, source: Any) -> Array:
        with self.here():
            return self.cupy.from_dlpack(source)

    def cuda_array_interface(self, array: Array) -> dict[str, Any]:
        return array.__cuda_array_interface__

    # -- making arrays ----------------------------------------------------------------------------------------
    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        with self.here():
            return self.cupy.empty(shape, dtype)

    def full(self, shape: tuple[int, ...], value: float, dtype: np.dtype) -> Array:
        with self.here():
            array = self.cupy.full(shape, _on_host(value, dtype)[()], dtype)
            if _is_minus_zero(value) and array.dtype.kind == "f":  # CuPy would fill with zero bytes
                self.cupy.negative(array, out=array)
            return array

    def positions(self, n: int) -> Array:
        with self.here():
            return self.cupy.arange(n, dtype=np.int64)

    def copy(self, array: Array) -> Array:
        with self.here():
            return array.copy(order="C")

    def address(self, array: Array) -> int:
        return array.data.ptr

    def shares_memory(self, a: Array, b: Array) -> bool:
        return self.cupy.may_share_memory(a, b)

    def astype(self, array: Array, dtype: np.dtype) -> Array:
        with self.here():
            return array.astype(dtype, copy=False)

    # -- changing arrays in place -----------------------------------------------------------------------------
    def assign(self, array: Array, index: Any, value: Any) -> None:
        if not isinstance(value, self.cupy.ndarray):
            value = self.full((), value, array.dtype) if _is_minus_zero(value) else _on_host(value, array.dtype)[()]
        with self.here():
            if self._indexing.is_for(index):
                self._indexing.put(array, index, value)
                return
            if isinstance(value, self.cupy.ndarray) and meets(array, value):
                value = value.copy()  # CuPy copies bytes at once, in whatever order
            array[index] = value

    def take(self, array: Array, index: Any) -> Array:
        with self.here():
            return self._indexing.take(array, index) if self._indexing.is_for(index) else array[index]

    def add_at(self, array: Array, index: Any, value: Array) -> None:
        with self.here():
            if _names_elements_once(index):
                self._add(array[index], value)
            elif self._indexing.is_for(index):
                self._indexing.put(array, index, value, adds=True)
            else:
                self._scatter_add(array, index, value)

    def _add(self, view: Array, value: Array) -> None:
        if view.dtype.kind == "f" and view.dtype == value.dtype and view.flags.c_contiguous:
            self.elementwise_into(_ADD, (view, value), (), (view,))
        else:
            self.cupy.add(view, value, out=view)

    def windows(self, array: Array, windows: Windows) -> Array:
        with self.here():
            return windows.view(self.cupy.lib.stride_tricks.as_strided, array)

    # -- arithmetic -------------------------------------------------------------------------------------------
    def elementwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float] = ()) -> list[Array]:
        launcher = kernel.compiled.get(self._name) or self._launcher(kernel)
        if self._current() == self._index:
            return launcher.run(inputs, constants)
        with self.here():
            return launcher.run(inputs, constants)

    def elementwise_into(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float],
                         outputs: Sequence[Array]) -> None:
        arrays = [value for value in inputs if isinstance(value, self.cupy.ndarray)]
        if not is_apart(arrays, outputs):
            super().elementwise_into(kernel, inputs, constants, outputs)
            return
        with self.here():  # each thread reads its elements before it writes them
            (kernel.compiled.get(self._name) or self._launcher(kernel)).run(inputs, constants, list(outputs))

    def elementwise_into_each(self, kernel: Kernel, calls: Sequence[Call], constants: Sequence[float]) -> None:
        def fits(call: Call) -> bool:
            arrays = [value for value in call[0] if isinstance(value, self.cupy.ndarray)]
            return is_plain(kernel, call, self.cupy.ndarray) and is_apart(arrays, call[1])

        together = [call for call in calls if fits(call)]
        with self.here():
            SeveralLauncher(kernel.compiled.get(self._name) or self._launcher(kernel)).run(together, constants)
        super().elementwise_into_each(kernel, [call for call in calls if not fits(call)], constants)

    def rowwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float], dims: tuple[int, ...],
                shape: tuple[int, ...], sums: tuple[bool, ...] = ()) -> list[Array]:
        if not math.prod(shape):
            return super().rowwise(kernel, inputs, constants, dims, shape, sums)
        launcher = kernel.compiled.get(("rows", self._name))
        if launcher is None:
            launcher = kernel.compiled["rows", self._name] = RowLauncher(kernel, self.cupy, self._compile)
        with self.here():
            outputs = launcher.run(inputs, constants, dims, shape)
        return self._with_sums(outputs, dims, sums)

    def _launcher(self, kernel: Kernel) -> Launcher:
        launcher = kernel.compiled[self._name] = Launcher(kernel, self.cupy, self._compile)
        return launcher

    def compile(self, kernel: Kernel, dtype: np.dtype) -> str:
        return source.source(kernel, dtype)

    def sum(self, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        return self._reduced("sum", array, axis, keepdims)

    def extremum(self, which: str, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        return self._reduced(which, array, axis, keepdims)

    def _reduced(self, name: str, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        with self.here():
            if array.dtype.kind != "f" or not array.size:
                return getattr(self.cupy, name)(array, axis=axis, keepdims=keepdims)
            return self._reductions.reduce(name, array, tuple(range(array.ndim)) if axis is None else axis, keepdims)

    def matmul(self, a: Array, b: Array) -> Array:
        with self.here():
            if getattr(self._recording, "has_products", False) and a.dtype.kind == "f":
                return self._products.matmul(a, b)
            if a.dtype == FLOAT16 == b.dtype and max(a.ndim, b.ndim) <= 2 and a.shape[:-1] in ((), (1,)) \
                    and b.shape[1:] in ((), (1,)):  # CuPy multiplies these elementwise in float16
                return self.cupy.matmul(a.astype(FLOAT32), b.astype(FLOAT32)).astype(FLOAT16)
            return self.cupy.matmul(a, b)

    # -- random numbers ---------------------------------------------------------------------------------------
    def random(self, place: Place, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        recorded, moved = getattr(self._recording, "draws", None) or (place, None)
        if recorded[:2] != place[:2]:
            self._refuse_in_recording("random numbers must come from the default generator: those of another one would "
                                      "be the same in each replay")
        with self.here():
            return self.draws.draw(place, shape, dtype, moved)

    # -- other processes --------------------------------------------------------------------------------------
    def communicator(self, rank: int, size: int, exchange: Callable[[Any], list[Any]]) -> Communicator:
        return nccl.joined(self.cupy, self._index, rank, size, exchange)

    def staged(self, array: Array) -> np.ndarray:
        with self.here():
            return self.cupy.asnumpy(array, out=self._pinned(array.shape, array.dtype))

    def unstage(self, array: Array, host: np.ndarray) -> None:
        super().unstage(array, host)
        with self.here():  # pinned memory may be reused once it is released
            self.cupy.cuda.get_current_stream().synchronize()

    def device_count(self) -> int:
        return device_count()

    # -- the device itself ------------------------------------------------------------------------------------
    def synchronize(self) -> None:
        self.cupy.cuda.Device(self._index).synchronize()
        self.check_positions()

    def memory_stats(self) -> dict[str, int]:
        """The statistics of CuPy's memory pool."""
        with self.here():
            return self._memory.stats()

    def peak_memory(self) -> int:
        """Exact for allocations of the thread that called `reset_peak_memory`, since that call; else the highest value
        seen."""
        with self.here():
            return self._memory.peak()

    def reset_peak_memory(self) -> None:
        with self.here():
            self._memory.begin_peak()

    def empty_cache(self) -> None:
        with self.here():
            self.cupy.get_default_memory_pool().free_all_blocks()

    def description(self) -> str:
        return self.cupy.cuda.runtime.getDeviceProperties(self.device.index)["name"].decode()


def _on_host(data: Any, dtype: Optional[np.dtype]) -> np.ndarray:
    """`data` as a NumPy array; overflow in float32 or float16 gives infinity, as on every device."""
    return quietly(np.asarray, data, dtype)


def _is_minus_zero(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and value == 0 and bool(np.signbit(value))


def _names_elements_once(index: Any) -> bool:
    """Whether an index has no index arrays, so that it gives a view, which can be added to in place."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer))
               and not isinstance(part, bool) for part in parts)
