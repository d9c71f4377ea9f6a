"""MPI through mpi4py, on NumPy arrays without pickling or copies."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Optional

import numpy as np

from ..backends.communicator import Communicator, Wait
from ..backends.formulas.dtypes import BOOL, FLOAT16, FLOAT32
from ..backends.formulas.quiet import quietly

_ADVICE = 'pip install "gradcore[mpi]" installs mpi4py with an MPI, and its starter as .venv/bin/mpiexec'
# The variables by which launchers of MPI programs give the number of processes.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")


def is_available() -> bool:
    """Whether mpi4py is installed; does not start MPI.

    >>> is_available()
    True
    """
    import importlib.util

    return importlib.util.find_spec("mpi4py") is not None


def load() -> Any:
    """The module mpi4py.MPI; importing it initializes MPI.

    Raises
    ------
    ImportError : mpi4py is not installed, or cannot load an MPI library.
    RuntimeError : the processes were started by the `mpiexec` of another MPI.
    """
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(f"init_process_group needs MPI, which cannot be loaded ({error}); {_ADVICE}") from error
    started = max([int(os.environ[name]) for name in _SIZES if os.environ.get(name, "").isdigit()], default=1)
    if MPI.COMM_WORLD.size == 1 < started:
        raise RuntimeError(f"init_process_group: {started} processes were started, but each is alone in its MPI "
                           f"({MPI.Get_library_version().splitlines()[0]}): they were started by another MPI's "
                           f"mpiexec. Use the one beside this Python; {_ADVICE}")
    return MPI


_SPIN = 50e-6  # seconds of busy waiting for other processes
_SLEEP = 50e-6


class HostCommunicator(Communicator):
    """MPI's operations on flat NumPy arrays."""

    def __init__(self, comm: Any):
        self._mpi, self._comm, self._meeting = load(), comm, comm.Dup()
        mpi = self._mpi
        self._ops = {"sum": mpi.SUM, "mean": mpi.SUM, "max": mpi.MAX, "min": mpi.MIN}
        self._in_place = mpi.IN_PLACE

    def meet(self) -> None:
        """Wait until all processes have called it, without using a core; MPI's own wait would take one."""
        arrived = self._meeting.Ibarrier()
        begin = time.perf_counter()
        while not arrived.Test():
            if time.perf_counter() - begin > _SPIN:
                time.sleep(_SLEEP)

    def all_reduce(self, array: np.ndarray, op: str) -> None:
        wide = _reducible(array)
        self._comm.Allreduce(self._in_place, wide, self._ops[op])
        self._finish(array, wide, op)

    def reduce(self, array: np.ndarray, op: str, root: int) -> None:
        wide = _reducible(array)
        if self._comm.rank == root:
            self._comm.Reduce(self._in_place, wide, self._ops[op], root)
            self._finish(array, wide, op)
        else:
            self._comm.Reduce(wide, None, self._ops[op], root)

    def broadcast(self, array: np.ndarray, root: int) -> None:
        self._comm.Bcast(_transferable(array), root)

    def all_gather(self, output: np.ndarray, array: np.ndarray) -> None:
        self._comm.Allgather(_transferable(array), _transferable(output))

    def reduce_scatter(self, output: np.ndarray, array: np.ndarray, op: str) -> None:
        wide = _reducible(output)
        self._comm.Reduce_scatter_block(_reducible(array), wide, self._ops[op])
        self._finish(output, wide, op)

    def send(self, array: np.ndarray, peer: int, tag: int) -> Wait:
        wait: Wait = self._comm.Isend(_transferable(array), peer, tag).Wait
        return wait

    def receive(self, array: np.ndarray, peer: Optional[int], tag: int) -> Callable[[], int]:
        status = self._mpi.Status()
        request = self._comm.Irecv(_transferable(array), self._mpi.ANY_SOURCE if peer is None else peer, tag)

        def wait() -> int:
            request.Wait(status)
            source: int = status.Get_source()
            return source

        return wait

    def close(self) -> None:
        self._meeting.Free()

    def _finish(self, array: np.ndarray, wide: np.ndarray, op: str) -> None:
        if op == "mean":
            np.divide(wide, self._comm.size, out=wide)
        if array.dtype == FLOAT16:
            quietly(np.copyto, array, wide, "same_kind")  # it may overflow


def _reducible(array: np.ndarray) -> np.ndarray:
    """The array in a dtype that MPI can reduce: float16 as float32, bool as integers."""
    return array.astype(FLOAT32) if array.dtype == FLOAT16 else _transferable(array)


def _transferable(array: np.ndarray) -> np.ndarray:
    """The same memory in a dtype that MPI supports."""
    if array.dtype == FLOAT16:
        return array.view(np.uint16)
    return array.view(np.uint8) if array.dtype == BOOL else array
