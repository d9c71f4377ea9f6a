"""Conversion of tensors to other devices and dtypes."""

from __future__ import annotations

from typing import Any, Sequence, Union

import numpy as np

from ..core.graph import Node, parent_of
from ..backends import Array, Backend, Device, get_backend
from ..backends.formulas.dtypes import BOOL, FLOAT16, FLOAT32, FLOAT64, INT64, as_dtype
from ..core.broadcasting import cast
from ..core.grad_mode import is_grad_enabled
from ..core.operation import Operation
from ..core.dimensions import is_integer
from ..core.tensor import DeviceLike, Tensor

INT32 = np.dtype("int32")


class Move(Node):
    """A recorded copy between devices, whose gradient is copied back."""

    __slots__ = ("source",)

    def __init__(self, x: Tensor):
        super().__init__([parent_of(x)])
        self.source: Backend = x._backend

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [move(gradient, self.source)]


def move(x: Tensor, backend: Backend, non_blocking: bool = False) -> Tensor:
    """`x` on the device of `backend`."""
    if x._backend is backend:
        return x
    array = backend.received(x._array, x._backend, non_blocking)
    return Tensor._wrap(array, backend, Move(x) if x._requires_grad and is_grad_enabled() else None)


def to(x: Tensor, *places: Any, device: DeviceLike = None, dtype: Any = None, non_blocking: bool = False,
       copy: bool = False) -> Tensor:
    """`x` on a device, in a dtype, or like another tensor; `x` itself if nothing changes, unless `copy`.

    With `non_blocking` the copy is asynchronous: pinned memory copied to a CUDA device must not change, and memory
    copied from one must not be read, before `gradcore.cuda.synchronize()`.

    >>> to(Tensor([1.5]), "cpu", "float64").dtype
    dtype('float64')
    """
    device, dtype = place_named(places, device, dtype)
    moved = x
    if dtype is not None:
        moved = cast(moved, as_dtype(dtype))
    if device is not None:
        moved = move(moved, get_backend(device), non_blocking)
    return clone(moved) if copy and moved is x else moved


def pin_memory(x: Tensor, device: DeviceLike = "cuda") -> Tensor:
    """A copy of a CPU tensor in page-locked memory, which `to(non_blocking=True)` copies asynchronously.

    >>> batch = pin_memory(Tensor([1.0, 2.0]))
    >>> batch.device, batch.to("cuda", non_blocking=True).device
    (Device('cpu'), Device('cuda:0'))
    """
    return Tensor._wrap(get_backend(device).pinned(x.numpy()), get_backend("cpu"))


def record_stream(x: Tensor, stream: Any) -> None:
    """Keep the memory of a tensor until `stream`, a `gradcore.cuda.Stream`, has finished the work queued so far.

    Freed memory is reused by the stream that allocated it, which does not wait for other streams.

    >>> from gradcore.cuda import Stream, current_stream, stream
    >>> other, x = Stream(), Tensor([1.0, 2.0]).cuda()
    >>> other.wait_stream(current_stream())
    >>> with stream(other):
    ...     y = x * 2
    >>> record_stream(x, other)  # its memory is kept until `other` has read it
    """
    if not hasattr(stream, "keep"):
        raise TypeError(f"record_stream takes a gradcore.cuda.Stream; got {type(stream).__name__} {stream!r:.60}")
    stream.keep(x._array)


def place_named(places: Sequence[Any], device: DeviceLike, dtype: Any) -> tuple[DeviceLike, Any]:
    """The device and the dtype given by position (devices, dtypes or tensors) or by keyword."""
    for place in places:
        if isinstance(place, Tensor):
            device, dtype = place.device, place.dtype
        elif place is None:
            continue
        elif isinstance(place, Device) or isinstance(place, str) and not _names_a_dtype(place):
            device = place
        else:
            dtype = as_dtype(place)
    return device, dtype


def _names_a_dtype(name: str) -> bool:
    try:
        np.dtype(name)
    except Exception:  # NumPy raises several exceptions, and warnings that may be errors
        return False
    return True


def cpu(x: Tensor) -> Tensor:
    """`x` on the CPU.

    >>> cpu(Tensor([1.0, 2.0])).device
    Device('cpu')
    """
    return to(x, device="cpu")


def cuda(x: Tensor, device: Union[int, str, Device, None] = None, non_blocking: bool = False) -> Tensor:
    """`x` on a CUDA device, given by index or name; the first one by default.

    >>> x = cuda(Tensor([1.0, 2.0]))
    >>> x.device, cuda(x, 0) is x
    (Device('cuda:0'), True)
    """
    place: Any = "cuda" if device is None else f"cuda:{device}" if is_integer(device) else device
    return to(x, device=place, non_blocking=non_blocking)


def type_as(x: Tensor, other: Tensor) -> Tensor:
    """`x` with the dtype and the device of `other`.

    >>> type_as(Tensor([1.7, -1.7]), Tensor([0], dtype="int64"))
    tensor([ 1, -1])
    """
    return to(x, other)


def type_(x: Tensor, dtype: Any, non_blocking: bool = False) -> Tensor:
    """`x` in a dtype; see `to`.

    >>> type_(Tensor([1.7, -1.7]), "int64")
    tensor([ 1, -1])
    """
    return to(x, dtype=dtype, non_blocking=non_blocking)


def half(x: Tensor) -> Tensor:
    """`x` in float16.

    >>> half(Tensor([1.0])).dtype
    dtype('float16')
    """
    return cast(x, FLOAT16)


def float_(x: Tensor) -> Tensor:
    """`x` in float32.

    >>> float_(Tensor([1.0], dtype="float64")).dtype
    dtype('float32')
    """
    return cast(x, FLOAT32)


def double(x: Tensor) -> Tensor:
    """`x` in float64.

    >>> double(Tensor([1.0])).dtype
    dtype('float64')
    """
    return cast(x, FLOAT64)


def short(x: Tensor) -> Tensor:
    """`x` in int16.

    >>> short(Tensor([1.7, -1.7]))
    tensor([ 1, -1], dtype=int16)
    """
    return to(x, dtype="int16")


def int8_(x: Tensor) -> Tensor:
    """`x` in int8.

    >>> int8_(Tensor([1.7, -1.7]))
    tensor([ 1, -1], dtype=int8)
    """
    return to(x, dtype="int8")


def uint8_(x: Tensor) -> Tensor:
    """`x` in uint8.

    >>> uint8_(Tensor([1.7, 255.0]))
    tensor([  1, 255], dtype=uint8)
    """
    return to(x, dtype="uint8")


def int_(x: Tensor) -> Tensor:
    """`x` in int32.

    >>> int_(Tensor([1.7, -1.7]))
    tensor([ 1, -1], dtype=int32)
    """
    return cast(x, INT32)


def long(x: Tensor) -> Tensor:
    """`x` in int64.

    >>> long(Tensor([1.7, -1.7]))
    tensor([ 1, -1])
    """
    return cast(x, INT64)


def bool_(x: Tensor) -> Tensor:
    """`x` as booleans: whether elements are nonzero.

    >>> bool_(Tensor([0.0, 0.5]))
    tensor([False,  True])
    """
    return cast(x, BOOL)


class Clone(Operation):
    """A copy."""

    def forward(self, backend: Backend, x: Array) -> Array:
        return backend.copy(x)

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [gradient]


def clone(x: Tensor) -> Tensor:
    """A copy, through which gradients flow.

    >>> x = Tensor([1.0, 2.0])
    >>> y = clone(x)
    >>> y[0] = 5.0
    >>> x
    tensor([1., 2.])
    """
    return Clone.apply(x)


def contiguous(x: Tensor) -> Tensor:
    """A tensor with the same elements, contiguous in memory.

    >>> contiguous(Tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    return clone(x)
