"""A stand-in for NCCL as CuPy binds it, over MPI between the processes of a test, and for the streams it needs.

What is called at once on the stand-in happens at once; the log of `fake_cupy` tells whether one stream waited for the
other where a real device would have to.
"""

from __future__ import annotations

import ctypes
from types import ModuleType, SimpleNamespace

import numpy as np

import fake_cupy

_DTYPES = {name: number for number, name in enumerate(("int8", "uint8", "int32", "uint32", "int64", "uint64", "float16",
                                                       "float32", "float64"))}
_IDENTITY = bytes(range(128))


class Stream:
    current: list["Stream"] = []

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False):
        self.ptr, self.device_id = id(self), -1 if null else fake_cupy.Device.current[-1]

    def __enter__(self):
        Stream.current.append(self)

    def __exit__(self, *_):
        Stream.current.pop()

    def record(self, event=None):
        """The event is of the current device, and a stream records those of its own alone."""
        assert self.device_id in (-1, fake_cupy.Device.current[-1])
        return SimpleNamespace(of=self)

    def wait_event(self, event):
        fake_cupy.log.append(("stream waits", self, event.of))

    def synchronize(self):
        fake_cupy.log.append(("wait", "Stream.synchronize"))


class NcclCommunicator:
    def __init__(self, ndev: int, commId: bytes, rank: int):
        from mpi4py import MPI

        assert type(commId) is bytes and len(commId) == 128

        self.mpi, self.comm = MPI, MPI.COMM_WORLD.Dup()
        assert (ndev, rank, commId) == (self.comm.size, self.comm.rank, _IDENTITY)
        self.ops = MPI.SUM, MPI.PROD, MPI.MAX, MPI.MIN

    def _array(self, pointer: int, count: int, datatype: int, stream: int) -> np.ndarray:
        assert Stream.current[-1].ptr == stream, "the stream must be the current one, for the memory's sake"
        assert fake_cupy.logged("stream waits")[-1][0] is Stream.current[-1], "what was computed was not waited for"
        dtype = np.dtype([name for name, number in _DTYPES.items() if number == datatype][0])
        if not count:
            return np.empty(0, dtype)
        return np.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(pointer), dtype)

    def allReduce(self, sendbuf, recvbuf, count, datatype, op, stream):
        assert sendbuf == recvbuf
        self.comm.Allreduce(self.mpi.IN_PLACE, self._array(sendbuf, count, datatype, stream), self.ops[op])

    def reduce(self, sendbuf, recvbuf, count, datatype, op, root, stream):
        given = self._array(sendbuf, count, datatype, stream).copy()
        self.comm.Reduce(given, self._array(recvbuf, count, datatype, stream), self.ops[op], root)

    def broadcast(self, sendbuff, recvbuff, count, datatype, root, stream):
        self.comm.Bcast(self._array(recvbuff, count, datatype, stream), root)

    def allGather(self, sendbuf, recvbuf, count, datatype, stream):
        whole = self._array(recvbuf, count * self.comm.size, datatype, stream)
        self.comm.Allgather(self._array(sendbuf, count, datatype, stream), whole)

    def reduceScatter(self, sendbuf, recvbuf, recvcount, datatype, op, stream):
        given = self._array(sendbuf, recvcount * self.comm.size, datatype, stream)
        self.comm.Reduce_scatter_block(given, self._array(recvbuf, recvcount, datatype, stream), self.ops[op])

    def send(self, sendbuf, count, datatype, peer, stream):
        NCCL.group.append(self.comm.Isend(self._array(sendbuf, count, datatype, stream), peer))

    def recv(self, recvbuf, count, datatype, peer, stream):
        NCCL.group.append(self.comm.Irecv(self._array(recvbuf, count, datatype, stream), peer))

    def destroy(self):
        fake_cupy.log.append(("destroyed", "NcclCommunicator"))


class NCCL:
    group: list = []

    NcclCommunicator = NcclCommunicator
    NCCL_SUM, NCCL_PROD, NCCL_MAX, NCCL_MIN = range(4)

    def get_version(self):
        return 22803

    def get_unique_id(self):
        return _IDENTITY

    def groupStart(self):
        assert not NCCL.group

    def groupEnd(self):
        for request in NCCL.group:
            request.Wait()
        NCCL.group.clear()


for _name, _number in _DTYPES.items():
    setattr(NCCL, f"NCCL_{_name.upper()}", _number)


def modules(devices: int) -> dict[str, ModuleType]:
    """`fake_cupy`'s modules, with NCCL, which is no attribute of `cupy.cuda` before it is imported, and streams."""
    found, default = fake_cupy.modules(devices), Stream(null=True)
    fake_cupy.Device.pci_bus_id = property(lambda device: f"0000:0{device.id}:00.0")
    cuda = found["cupy"].cuda
    cuda.Stream, found["cupy.cuda.nccl"] = Stream, NCCL()
    cuda.get_current_stream = lambda: Stream.current[-1] if Stream.current else default
    return found
