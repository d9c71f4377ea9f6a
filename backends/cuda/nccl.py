"""NCCL through CuPy: communication between CUDA devices on a stream of its own."""

from __future__ import annotations

import contextlib
import importlib
import platform
from typing import Any, Callable, Iterator, Optional

import numpy as np

from ..communicator import Array, Communicator, Wait
from ..errors import BackendUnavailable

# The dtypes that NCCL supports.  Others are widened first, float16 too, since its sums are float32 on every device.
_NAMES = {"uint8": "NCCL_UINT8", "int8": "NCCL_INT8", "int32": "NCCL_INT32", "uint32": "NCCL_UINT32",
          "int64": "NCCL_INT64", "uint64": "NCCL_UINT64", "float32": "NCCL_FLOAT32", "float64": "NCCL_FLOAT64"}
_WIDER = {"bool": "uint8", "int16": "int32", "uint16": "uint32", "float16": "float32"}
_OPS = {"sum": "NCCL_SUM", "mean": "NCCL_SUM", "max": "NCCL_MAX", "min": "NCCL_MIN"}


def joined(cupy: Any, index: int, rank: int, size: int, exchange: Callable[[Any], list[Any]]) -> "NcclCommunicator":
    """The NCCL communicator of this process, between `size` processes with a device each.

    Raises
    ------
    BackendUnavailable : on all processes, if one has no NCCL or two share a device.
    """
    reason, identity = None, None
    try:
        nccl = importlib.import_module("cupy.cuda.nccl")  # CuPy does not do so by itself
        nccl.get_version()
        identity = nccl.get_unique_id() if rank == 0 else None
        place = (platform.node(), cupy.cuda.Device(index).pci_bus_id)
    except Exception as error:  # CuPy was built without NCCL, or the library is missing
        reason, place = f"rank {rank} has none ({type(error).__name__}: {error})", None
    everyone = exchange((reason, place, identity))
    reasons = [reason for reason, _, _ in everyone if reason is not None]
    places = [place for _, place, _ in everyone]
    if not reasons and len(set(places)) < size:
        twice = [rank for rank, place in enumerate(places) if places.count(place) > 1]
        reasons = [f"it wants a device for each process, and ranks {', '.join(map(str, twice))} share one"]
    if reasons:
        raise BackendUnavailable(f"NCCL cannot be used between {size} processes: {'; '.join(reasons)}. It comes with "
                                 f"nvidia-nccl-cu13 or nvidia-nccl-cu12")
    return NcclCommunicator(cupy, nccl, index, rank, size, everyone[0][2])


class NcclCommunicator(Communicator):
    """NCCL's operations, in the order of the calls; each starts after the work queued on the device before it."""

    is_queued = True

    def __init__(self, cupy: Any, nccl: Any, index: int, rank: int, size: int, identity: bytes):
        self._cupy, self._nccl, self._index, self._size = cupy, nccl, index, size
        with cupy.cuda.Device(index):
            self._comm = self._nccl.NcclCommunicator(size, identity, rank)
            self._stream = cupy.cuda.Stream(non_blocking=True)
        self._pairs: list[tuple[str, Array, int]] = []  # point-to-point messages that nobody has waited for yet

    def all_reduce(self, array: Array, op: str) -> None:
        with self._on_stream():
            wide = self._wide(array)
            self._comm.allReduce(_at(wide), _at(wide), wide.size, self._type(wide), self._op(op), self._stream.ptr)
            self._finish(array, wide, op)

    def reduce(self, array: Array, op: str, root: int) -> None:
        with self._on_stream():
            wide = self._wide(array)
            self._comm.reduce(_at(wide), _at(wide), wide.size, self._type(wide), self._op(op), root, self._stream.ptr)
            self._finish(array, wide, op)

    def broadcast(self, array: Array, root: int) -> None:
        with self._on_stream():
            self._comm.broadcast(_at(array), _at(array), array.nbytes, self._nccl.NCCL_UINT8, root, self._stream.ptr)

    def all_gather(self, output: Array, array: Array) -> None:
        with self._on_stream():
            self._comm.allGather(_at(array), _at(output), array.nbytes, self._nccl.NCCL_UINT8, self._stream.ptr)

    def reduce_scatter(self, output: Array, array: Array, op: str) -> None:
        with self._on_stream():
            parts, wide = self._wide(array), self._wide(output)
            self._comm.reduceScatter(_at(parts), _at(wide), wide.size, self._type(wide), self._op(op),
                                     self._stream.ptr)
            self._finish(output, wide, op)

    # -- between two processes --------------------------------------------------------------------------------
    def send(self, array: Array, peer: int, tag: int) -> Wait:
        """Send `array`; messages between two processes arrive in order, since NCCL has no tags."""
        return self._later("send", array, peer)

    def receive(self, array: Array, peer: Optional[int], tag: int) -> Callable[[], int]:
        if peer is None:
            raise ValueError("recv: NCCL needs the source; pass src, or use the backend \"mpi\"")
        wait = self._later("recv", array, peer)

        def wait_for_peer() -> int:
            wait()
            return peer

        return wait_for_peer

    def _later(self, kind: str, array: Array, peer: int) -> Wait:
        """Queue a message; the first wait submits all of them as a group.

        A single message would block all later work until the other process has reached its part.
        """
        message = (kind, array, peer)
        self._pairs.append(message)

        def wait() -> None:
            if any(other is message for other in self._pairs):
                self._exchange()
            self.mark()()

        return wait

    def _exchange(self) -> None:
        messages, self._pairs = self._pairs, []
        with self._on_stream():
            self._nccl.groupStart()
            for kind, array, peer in messages:
                getattr(self._comm, kind)(_at(array), array.nbytes, self._nccl.NCCL_UINT8, peer, self._stream.ptr)
            self._nccl.groupEnd()

    # -- how it is queued -------------------------------------------------------------------------------------
    def mark(self) -> Wait:
        with self._cupy.cuda.Device(self._index):  # of which the event is
            event = self._stream.record()

        def wait() -> None:
            with self._cupy.cuda.Device(self._index):
                self._cupy.cuda.get_current_stream().wait_event(event)

        return wait

    @contextlib.contextmanager
    def _on_stream(self) -> Iterator[None]:
        """A context with NCCL's stream as the current one, which first waits for the work queued so far."""
        with self._cupy.cuda.Device(self._index):
            self._stream.wait_event(self._cupy.cuda.get_current_stream().record())
            with self._stream:
                yield

    def _wide(self, array: Array) -> Array:
        """`array` in a dtype that NCCL supports."""
        wider = _WIDER.get(array.dtype.name)
        if wider is None:
            return array
        return array.view(wider) if array.dtype.itemsize == np.dtype(wider).itemsize else array.astype(wider)

    def _finish(self, array: Array, wide: Array, op: str) -> None:
        if op == "mean":
            wide /= self._size
        if wide.dtype.itemsize != array.dtype.itemsize:
            array[...] = wide

    def _type(self, array: Array) -> int:
        return getattr(self._nccl, _NAMES[array.dtype.name])

    def _op(self, op: str) -> int:
        return getattr(self._nccl, _OPS[op])

    def close(self) -> None:
        self._stream.synchronize()
        self._comm.destroy()


def _at(array: Array) -> int:
    return array.data.ptr

