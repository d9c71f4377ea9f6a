"""The interface of a device. Everything above `backends/` is written against it."""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from typing import Any, Callable, ContextManager, Optional, Sequence

import numpy as np

from . import philox
from .communicator import Communicator
from .device import Device
from .errors import BackendUnavailable
from .formulas.dtypes import accumulator
from .formulas.kernel import Kernel
from .formulas.row_run import RowRun
from .windows import Windows
from .philox import Place

Array = Any  # an array of the device's own library

_ERF = Kernel.of_primitive("erf")


class Backend(ABC):
    """The arrays of one device and the operations on them that differ between devices.

    All other operations use `xp`, an array namespace with NumPy's names.  Dtypes are NumPy's on every device.

    >>> from gradcore.backends import get_backend
    >>> backend = get_backend("cpu")
    >>> isinstance(backend, Backend), backend.xp.add(backend.asarray([1.0]), backend.asarray([2.0]))
    (True, array([3.]))
    """

    device: Device
    xp: Any
    is_synchronous = True  # whether values can be read without waiting for queued work
    scratch_bytes = 1 << 28  # the best size of a temporary array, if work can be split

    # -- moving data ------------------------------------------------------------------------------------------
    @abstractmethod
    def asarray(self, data: Any, dtype: Optional[np.dtype] = None, copy: bool = False) -> Array:
        """`data` (numbers, lists, a NumPy array, or an array of this device) as an array on this device."""

    @abstractmethod
    def to_numpy(self, array: Array) -> np.ndarray:
        """`array` as a NumPy array on the host, without a copy where possible."""

    def to_numpy_later(self, array: Array) -> np.ndarray:
        """As `to_numpy`, without waiting: the values are valid once the device has finished its queued work."""
        return self.to_numpy(array)

    def received(self, array: Any, source: "Backend", non_blocking: bool = False) -> Array:
        """An array of the backend `source`, moved to this device.

        With `non_blocking`, pinned memory is read later and must not change until then.
        """
        return self.asarray(source.to_numpy_later(array) if non_blocking else source.to_numpy(array))

    def pinned(self, host: np.ndarray) -> np.ndarray:
        """A copy of a host array in page-locked memory, from which the device copies asynchronously."""
        return host.copy()

    @abstractmethod
    def owns(self, array: Any) -> bool:
        """Whether `array` is an array that lives on this device."""

    # -- sharing memory with other libraries ------------------------------------------------------------------
    def dlpack(self, array: Array, **options: Any) -> Any:
        """`array` as a DLPack capsule, with the options of `__dlpack__`; or raises BufferError."""
        raise self._not_shared()

    def dlpack_device(self, array: Array) -> tuple[int, int]:
        """The pair (device type, index) of DLPack for `array`."""
        raise self._not_shared()

    def from_dlpack(self, source: Any) -> Array:
        """An array that shares the memory of `source`, an object on this device that has `__dlpack__`."""
        raise self._not_shared()

    def _not_shared(self) -> BufferError:
        return BufferError(f"arrays on {self.device} cannot be shared with other libraries; copy them with .cpu()")

    def cuda_array_interface(self, array: Array) -> dict[str, Any]:
        """The attribute `__cuda_array_interface__` of `array`; raises AttributeError on devices other than CUDA."""
        raise AttributeError(f"a tensor on {self.device} has no __cuda_array_interface__")

    # -- making arrays ----------------------------------------------------------------------------------------
    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """An array with arbitrary contents."""

    @abstractmethod
    def full(self, shape: tuple[int, ...], value: float, dtype: np.dtype) -> Array:
        """An array that holds `value` everywhere."""

    def positions(self, n: int) -> Array:
        """0 to n - 1 as int64, made on the device where possible; must not be written to."""
        return self.asarray(np.arange(n))

    @abstractmethod
    def copy(self, array: Array) -> Array:
        """A contiguous copy with memory of its own."""

    def shares_memory(self, a: Array, b: Array) -> bool:
        """Whether two arrays of this device share memory.

        A device that cannot tell returns True; a copy then counts as a view.
        """
        return True

    def is_expanded(self, array: Array) -> bool:
        """Whether several elements of `array` share one memory location, as after broadcasting."""
        return 0 in array.strides and array.size > 0 and any(
            step == 0 and n > 1 for step, n in zip(array.strides, array.shape))

    def is_read_only(self, array: Array) -> bool:
        """Whether `array` cannot be written to."""
        return not getattr(array.flags, "writeable", True)

    def is_writable(self, array: Array) -> bool:
        """Whether each element of `array` can be written to and has a memory location of its own."""
        return not (self.is_expanded(array) or self.is_read_only(array))

    def strides(self, array: Array) -> tuple[int, ...]:
        """The strides in elements; those of a contiguous array if the device cannot tell."""
        if hasattr(array, "strides"):
            return tuple([step // array.dtype.itemsize for step in array.strides])
        return tuple([math.prod(array.shape[dim + 1:]) for dim in range(array.ndim)])

    def address(self, array: Array) -> int:
        """The memory address of the first element of `array`; raises BufferError if the device cannot tell."""
        raise self._not_shared()

    @abstractmethod
    def astype(self, array: Array, dtype: np.dtype) -> Array:
        """`array` in another dtype; `array` itself if it has that dtype."""

    # -- changing arrays in place -----------------------------------------------------------------------------
    @abstractmethod
    def assign(self, array: Array, index: Any, value: Any) -> None:
        """``array[index] = value``; `value` is an array of this device or a number."""

    @abstractmethod
    def take(self, array: Array, index: Any) -> Array:
        """``array[index]`` for slices, integers, None, Ellipsis, masks and index arrays of this device."""

    @abstractmethod
    def add_at(self, array: Array, index: Any, value: Array) -> None:
        """The adjoint of `take`: add `value` to ``array[index]``; repeated indices accumulate."""

    def windows(self, array: Array, windows: Windows) -> Array:
        """The windows of the padded `array`, of shape (..., *kernel, *positions).

        This default makes a copy; a device with strided views returns a view.
        """
        taps = self.xp.stack([self.take(array, tap) for tap in windows.taps()], axis=array.ndim - len(windows.kernel))
        return self.xp.reshape(taps, (*array.shape[:-len(windows.kernel)], *windows.kernel, *windows.positions))

    # -- arithmetic -------------------------------------------------------------------------------------------
    @abstractmethod
    def elementwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float] = ()) -> list[Array]:
        """Run `kernel` on arrays of this device or Python numbers that broadcast; one array for each output."""

    def elementwise_into(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float],
                         outputs: Sequence[Array]) -> None:
        """Write the results of `kernel` to `outputs`, arrays of their shape, which may be among the inputs.

        This default computes new arrays and copies them; a device may override it.
        """
        for output, result in zip(outputs, self.elementwise(kernel, inputs, constants)):
            self.assign(output, ..., result)

    def elementwise_into_each(self, kernel: Kernel, calls: Sequence[tuple[Sequence[Any], Sequence[Array]]],
                              constants: Sequence[float]) -> None:
        """As `elementwise_into` for several calls (inputs, outputs).  No call reads what another writes."""
        for inputs, outputs in calls:
            self.elementwise_into(kernel, inputs, constants, outputs)

    def rowwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float], dims: tuple[int, ...],
                shape: tuple[int, ...], sums: tuple[bool, ...] = ()) -> list[Array]:
        """Run a row kernel along `dims` of arrays that broadcast to `shape`; one array for each output.

        Outputs with one number for each row keep `dims` with length one.  Outputs flagged in `sums` are summed over
        the rows, whose dimensions are kept with length one.  This default runs the plan of stages on whole arrays; a
        device may override it.
        """
        return self._with_sums(RowRun(self, kernel, inputs, constants, dims, shape).outputs(), dims, sums)

    def _with_sums(self, outputs: list[Array], dims: tuple[int, ...], sums: tuple[bool, ...]) -> list[Array]:
        """The outputs of a row kernel; those flagged in `sums` are summed over the rows."""
        for i, is_summed in enumerate(sums):
            if is_summed:
                output = outputs[i]
                rows = tuple([dim for dim in range(output.ndim) if dim not in dims])
                total = self.sum(self.astype(output, accumulator(output.dtype)), rows, True)
                outputs[i] = self.astype(total, output.dtype)
        return outputs

    @abstractmethod
    def compile(self, kernel: Kernel, dtype: np.dtype) -> Any:
        """This device's program for `kernel` computed in `dtype`; str() of it gives its source."""

    def erf(self, array: Array) -> Array:
        """The error function."""
        return self.elementwise(_ERF, (array,))[0]

    @abstractmethod
    def sum(self, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        """The sum over `axis` (None: all) of a float32, float64 or int64 array in its dtype.

        The error of float sums is no larger than that of pairwise summation.
        """

    def extremum(self, which: str, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        """The "max" or "min" over `axis` (None: all) of a non-empty array; NaN propagates."""
        return getattr(self.xp, which)(array, axis=axis, keepdims=keepdims)

    def argsort(self, array: Array, axis: int) -> Array:
        """The indices that sort `array` along `axis`: a stable sort, with NaN last."""
        return self.xp.argsort(array, axis=axis)

    def transposed(self, array: Array) -> Array:
        """The transpose of the last two dimensions."""
        return self.xp.permute_dims(array, (*range(array.ndim - 2), array.ndim - 1, array.ndim - 2))

    @abstractmethod
    def matmul(self, a: Array, b: Array) -> Array:
        """The matrix product, batched over leading dimensions."""

    def matmul_into(self, array: Array, index: Any, a: Array, b: Array) -> None:
        """``array[index] = a @ b``, where ``array[index]`` is a view."""
        self.assign(array, index, self.matmul(a, b))

    # -- random numbers ---------------------------------------------------------------------------------------
    def random(self, place: Place, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """The random numbers of a stream from `place` on, as `philox` defines them: floats in [0, 1), or int64.

        They are the same on every device.  This default draws them on the host; a device may override it.
        """
        numbers = np.empty(math.prod(shape), dtype)
        philox.fill(numbers, place)
        return self.asarray(numbers.reshape(shape))

    # -- other processes --------------------------------------------------------------------------------------
    memory_is_on_host = False  # whether the host can read and write an array's memory, as that of NumPy arrays

    def communicator(self, rank: int, size: int, exchange: Callable[[Any], list[Any]]) -> Communicator:
        """The device's own communicator for `size` processes, of which this one is number `rank`.

        `exchange(x)` is an all-gather of Python objects: it returns the list of every process's x, ordered by rank.
        If one process has no communicator, all raise `BackendUnavailable`, and arrays are sent through the host.
        """
        raise BackendUnavailable(f"{self.device} has no communicator of its own")

    def staged(self, array: Array) -> np.ndarray:
        """A contiguous copy of `array` on the host, in memory that is fast to transfer to and from the device."""
        return np.array(self.to_numpy(array), order="C")

    def unstage(self, array: Array, host: np.ndarray) -> None:
        """Copy `host`, memory of `staged`, back into `array`; the memory may be reused afterwards."""
        self.assign(array, ..., self.asarray(host))

    def device_count(self) -> int:
        """The number of devices of this type."""
        return 1

    def cores(self) -> int:
        """The number of the host's cores that computations may use."""
        return 1

    def use_cores(self, count: Optional[int]) -> None:
        """Set the number of the host's cores (None: all that the process may use)."""

    # -- the device itself ------------------------------------------------------------------------------------
    @abstractmethod
    def synchronize(self) -> None:
        """Wait until the device has finished all queued work."""

    def here(self) -> ContextManager[None]:
        """A context in which this is the array library's current device."""
        return contextlib.nullcontext()

    @abstractmethod
    def memory_stats(self) -> dict[str, int]:
        """Bytes "allocated" (in use by arrays) and "reserved" (with cached blocks)."""

    @abstractmethod
    def peak_memory(self) -> int:
        """The peak of allocated bytes since `reset_peak_memory`; counting stops if it costs time."""

    @abstractmethod
    def reset_peak_memory(self) -> None:
        """Reset `peak_memory` to the bytes allocated now."""

    @abstractmethod
    def empty_cache(self) -> None:
        """Return cached blocks to the system."""

    @abstractmethod
    def description(self) -> str:
        """The human-readable name of the device, such as "NVIDIA H100 80GB HBM3"."""
