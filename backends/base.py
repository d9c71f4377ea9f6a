"""What a device must be able to do: the interface that everything above it is written against."""

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
    """The arrays of one device and the operations on them that devices do differently.

    All else is spelled with `xp`, an array namespace in NumPy's names.  Dtypes are NumPy's on every device.

    >>> from gradcore.backends import get_backend
    >>> backend = get_backend("cpu")
    >>> isinstance(backend, Backend), backend.xp.add(backend.asarray([1.0]), backend.asarray([2.0]))
    (True, array([3.]))
    """

    device: Device
    xp: Any
    is_synchronous = True  # whether values can be looked at without a wait for queued work
    scratch_bytes = 1 << 28  # how large a temporary array is best, where work can be done in parts

    # -- moving data ------------------------------------------------------------------------------------------
    @abstractmethod
    def asarray(self, data: Any, dtype: Optional[np.dtype] = None, copy: bool = False) -> Array:
        """`data` (numbers, lists, a NumPy array, or an array of this device) as an array on this device."""

    @abstractmethod
    def to_numpy(self, array: Array) -> np.ndarray:
        """The only way back: `array` as a NumPy array on the host (shared memory where that is possible)."""

    def to_numpy_later(self, array: Array) -> np.ndarray:
        """As `to_numpy`, without a wait: the values are there when the device has done its work."""
        return self.to_numpy(array)

    def received(self, array: Any, source: "Backend", non_blocking: bool = False) -> Array:
        """An array of the backend `source` as one of this device; with `non_blocking` memory that `pinned` gave is read
        later, and must not be changed before."""
        return self.asarray(source.to_numpy_later(array) if non_blocking else source.to_numpy(array))

    def pinned(self, host: np.ndarray) -> np.ndarray:
        """A copy of an array of the host in memory that the device copies from by itself."""
        return host.copy()

    @abstractmethod
    def owns(self, array: Any) -> bool:
        """Whether `array` is an array that lives on this device."""

    # -- sharing memory with other libraries ------------------------------------------------------------------
    def dlpack(self, array: Array, **options: Any) -> Any:
        """`array` as a DLPack capsule, with the options of `__dlpack__`; a BufferError where it cannot be shared."""
        raise self._not_shared()

    def dlpack_device(self, array: Array) -> tuple[int, int]:
        """The device of `array` as DLPack numbers it."""
        raise self._not_shared()

    def from_dlpack(self, source: Any) -> Array:
        """An array in the memory of `source`, an object of another library on this device, by its `__dlpack__`."""
        raise self._not_shared()

    def _not_shared(self) -> BufferError:
        return BufferError(f"arrays on {self.device} are not shared with other libraries; .cpu() makes a copy that is")

    def cuda_array_interface(self, array: Array) -> dict[str, Any]:
        """The attribute `__cuda_array_interface__` of `array`; an AttributeError on devices without CUDA arrays."""
        raise AttributeError(f"a tensor on {self.device} has no __cuda_array_interface__")

    # -- making arrays ----------------------------------------------------------------------------------------
    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """An array with arbitrary contents."""

    @abstractmethod
    def full(self, shape: tuple[int, ...], value: float, dtype: np.dtype) -> Array:
        """An array that holds `value` everywhere."""

    def positions(self, n: int) -> Array:
        """0 to n - 1 as int64, made without a copy from the host where that can be; nobody writes to it."""
        return self.asarray(np.arange(n))

    @abstractmethod
    def copy(self, array: Array) -> Array:
        """A contiguous copy with memory of its own."""

    def shares_memory(self, a: Array, b: Array) -> bool:
        """Whether a write to one of two arrays of this device can be seen in the other; a device that cannot tell
        says yes, and then a copy counts as a view."""
        return True

    def is_expanded(self, array: Array) -> bool:
        """Whether several elements of `array` are one place in memory."""
        return 0 in array.strides and array.size > 0 and any(
            step == 0 and n > 1 for step, n in zip(array.strides, array.shape))

    def is_read_only(self, array: Array) -> bool:
        """Whether `array` refuses to be written to."""
        return not getattr(array.flags, "writeable", True)

    def is_writable(self, array: Array) -> bool:
        """Whether each element of `array` can be written to, and is a place of its own in memory."""
        return not (self.is_expanded(array) or self.is_read_only(array))

    def strides(self, array: Array) -> tuple[int, ...]:
        """How many elements lie between two neighbours along each dimension; a device that cannot tell says what there
        would be of a contiguous array."""
        if hasattr(array, "strides"):
            return tuple([step // array.dtype.itemsize for step in array.strides])
        return tuple([math.prod(array.shape[dim + 1:]) for dim in range(array.ndim)])

    def address(self, array: Array) -> int:
        """Where the first element of `array` is in the device's memory; a BufferError where it cannot be told."""
        raise self._not_shared()

    @abstractmethod
    def astype(self, array: Array, dtype: np.dtype) -> Array:
        """`array` in another dtype (itself where it has that dtype)."""

    # -- changing arrays in place -----------------------------------------------------------------------------
    @abstractmethod
    def assign(self, array: Array, index: Any, value: Any) -> None:
        """``array[index] = value``; `value` is an array of this device or a number."""

    @abstractmethod
    def take(self, array: Array, index: Any) -> Array:
        """``array[index]`` for slices, integers, None, Ellipsis, masks and index arrays of this device."""

    @abstractmethod
    def add_at(self, array: Array, index: Any, value: Array) -> None:
        """The adjoint of `take`: add `value` to ``array[index]``, once for each time that an element is named."""

    def windows(self, array: Array, windows: Windows) -> Array:
        """The windows of `array`, which has their padded sizes, as (..., *kernel, *positions): a view where the device
        has such views.  This is a copy."""
        taps = self.xp.stack([self.take(array, tap) for tap in windows.taps()], axis=array.ndim - len(windows.kernel))
        return self.xp.reshape(taps, (*array.shape[:-len(windows.kernel)], *windows.kernel, *windows.positions))

    # -- arithmetic -------------------------------------------------------------------------------------------
    @abstractmethod
    def elementwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float] = ()) -> list[Array]:
        """Run `kernel` on arrays of this device (or plain numbers) that broadcast; one array for each output."""

    def elementwise_into(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float],
                         outputs: Sequence[Array]) -> None:
        """Write the results of `kernel` to `outputs`, arrays of their shape, which may be among the inputs.

        A device may have something better than this way over new arrays.
        """
        for output, result in zip(outputs, self.elementwise(kernel, inputs, constants)):
            self.assign(output, ..., result)

    def elementwise_into_each(self, kernel: Kernel, calls: Sequence[tuple[Sequence[Any], Sequence[Array]]],
                              constants: Sequence[float]) -> None:
        """As `elementwise_into` for several calls, (inputs, outputs), none of which reads what another writes."""
        for inputs, outputs in calls:
            self.elementwise_into(kernel, inputs, constants, outputs)

    def rowwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float], dims: tuple[int, ...],
                shape: tuple[int, ...], sums: tuple[bool, ...] = ()) -> list[Array]:
        """Run a row kernel along `dims` of arrays that broadcast to `shape`; one array for each output.

        Outputs that have one number for each row keep `dims` with length one.  Outputs at `sums` are summed over the
        rows, which are kept with length one.  This is the plan of stages on whole arrays; a device may have something
        better.
        """
        return self._with_sums(RowRun(self, kernel, inputs, constants, dims, shape).outputs(), dims, sums)

    def _with_sums(self, outputs: list[Array], dims: tuple[int, ...], sums: tuple[bool, ...]) -> list[Array]:
        """The outputs of a row kernel, those at `sums` summed over the rows."""
        for i, is_summed in enumerate(sums):
            if is_summed:
                output = outputs[i]
                rows = tuple([dim for dim in range(output.ndim) if dim not in dims])
                total = self.sum(self.astype(output, accumulator(output.dtype)), rows, True)
                outputs[i] = self.astype(total, output.dtype)
        return outputs

    @abstractmethod
    def compile(self, kernel: Kernel, dtype: np.dtype) -> Any:
        """This device's program for `kernel` computed in `dtype`; str() of it is the program's source text."""

    def erf(self, array: Array) -> Array:
        """The error function."""
        return self.elementwise(_ERF, (array,))[0]

    @abstractmethod
    def sum(self, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        """The sum over `axis` (None: all) of a float32, float64 or int64 array in its dtype.

        The error of float sums is no larger than that of pairwise summation.
        """

    def extremum(self, which: str, array: Array, axis: Optional[tuple[int, ...]], keepdims: bool) -> Array:
        """The "max" or the "min" over `axis` (None: all) of an array that is not empty; NaN where an element is."""
        return getattr(self.xp, which)(array, axis=axis, keepdims=keepdims)

    def argsort(self, array: Array, axis: int) -> Array:
        """The positions that sort `array` along `axis`; equal elements keep their order, NaN comes last."""
        return self.xp.argsort(array, axis=axis)

    def transposed(self, array: Array) -> Array:
        """Matrices with their rows as columns, stacked over leading dimensions."""
        return self.xp.permute_dims(array, (*range(array.ndim - 2), array.ndim - 1, array.ndim - 2))

    @abstractmethod
    def matmul(self, a: Array, b: Array) -> Array:
        """The matrix product, stacked over leading dimensions."""

    def matmul_into(self, array: Array, index: Any, a: Array, b: Array) -> None:
        """``array[index] = a @ b``, where the index names a part that is a view."""
        self.assign(array, index, self.matmul(a, b))

    # -- random numbers ---------------------------------------------------------------------------------------
    def random(self, place: Place, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """The numbers of a stream from `place` on, as `philox` defines them: float32 or float64 in [0, 1), or int64.

        They are the same on every device.  This draws them on the host; a device may have something better.
        """
        numbers = np.empty(math.prod(shape), dtype)
        philox.fill(numbers, place)
        return self.asarray(numbers.reshape(shape))

    # -- other processes --------------------------------------------------------------------------------------
    memory_is_on_host = False  # whether an array is memory that the host reads and writes, as NumPy's

    def communicator(self, rank: int, size: int, exchange: Callable[[Any], list[Any]]) -> Communicator:
        """The device's own engine for communication between `size` processes, of which this is number `rank`.

        `exchange` gives every process a list of what each has passed to it, in the order of their ranks.  Where one
        process has no engine, all of them raise `BackendUnavailable`, and arrays go by way of the host.
        """
        raise BackendUnavailable(f"{self.device} has no engine of its own for communication between processes")

    def staged(self, array: Array) -> np.ndarray:
        """A contiguous copy of `array` on the host, in memory that the device copies to and from quickly."""
        return np.array(self.to_numpy(array), order="C")

    def unstage(self, array: Array, host: np.ndarray) -> None:
        """Copy what is in such memory back into `array`; the memory may be used for something else afterwards."""
        self.assign(array, ..., self.asarray(host))

    def device_count(self) -> int:
        """How many devices of this type the machine has."""
        return 1

    def cores(self) -> int:
        """How many of the host's cores the device's work may take."""
        return 1

    def use_cores(self, count: Optional[int]) -> None:
        """Compute on so many of the host's cores (None: on all that the process may use)."""

    # -- the device itself ------------------------------------------------------------------------------------
    @abstractmethod
    def synchronize(self) -> None:
        """Wait until all work that was given to the device is done."""

    def here(self) -> ContextManager[None]:
        """A context in which the array library itself makes its arrays on this device and works there."""
        return contextlib.nullcontext()

    @abstractmethod
    def memory_stats(self) -> dict[str, int]:
        """Bytes "allocated" (in use by arrays) and "reserved" (held, cached blocks included)."""

    @abstractmethod
    def peak_memory(self) -> int:
        """The most bytes in use by arrays at once since `reset_peak_memory`; where counting costs time, it ends."""

    @abstractmethod
    def reset_peak_memory(self) -> None:
        """Let `peak_memory` begin anew at what is allocated now."""

    @abstractmethod
    def empty_cache(self) -> None:
        """Give cached blocks back to the system."""

    @abstractmethod
    def description(self) -> str:
        """The device's name for people, as "NVIDIA H100 80GB HBM3"."""
