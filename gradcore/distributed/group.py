"""The process group: the processes that were started together."""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from typing import Any, Optional, Union

from . import mpi
from .agreement import Agreement
from .cores import SharedCores
from .failure import Guard
from .line import Line
from ..backends import Backend, BackendUnavailable, Device, get_backend, set_default_device
from ..backends.communicator import Communicator
from ..backends.registry import DeviceLike
from ..operations.generator import use_stream

_BACKENDS = ("auto", "mpi", "nccl")


class ProcessGroup:
    """All processes, with their communicators and failure detection."""

    def __init__(self, kind: str, debug: bool, timeout: Optional[float]):
        MPI = mpi.load()
        world = MPI.COMM_WORLD
        self.kind = kind
        self._comms: list[Any] = []
        self.comm = self._own(world)  # its messages do not mix with the program's own
        self.rank: int = self.comm.rank
        self.size: int = self.comm.size
        machine = self.comm.Split_type(MPI.COMM_TYPE_SHARED)
        self.local_rank: int = machine.rank
        self.local_size: int = machine.size
        self.cores = SharedCores(machine)
        machine.Free()
        has_threads = MPI.Query_thread() == MPI.THREAD_MULTIPLE
        self.line = Line(has_threads and self._wants_thread())
        self.host = mpi.HostCommunicator(self.comm)
        self._engines: dict[Device, Communicator] = {}
        self._agreement = Agreement(self._own(self.comm)) if debug else None
        if self.size > 1:
            use_stream(self.rank)
        self._guard = Guard(MPI, self._own(self.comm), self.line, has_threads, timeout)

    def _own(self, comm: Any) -> Any:
        """A separate communicator of the same processes, freed when they leave."""
        self._comms.append(comm.Dup())
        return self._comms[-1]

    def _wants_thread(self) -> bool:
        """Whether communication should run beside computations: between machines, or if a core is idle.

        Between processes that share memory it consists of copies, which would slow down computations on the same core.
        """
        asked = os.environ.get("GRADCORE_DISTRIBUTED_THREAD", "")
        return asked != "0" if asked else self.cores.count > 1 or self.local_size < self.size

    def engine_of(self, backend: Backend) -> Communicator:
        """The communicator for arrays of a device: the device's own, or MPI through the host.

        It is created at the first collective call for the device, which all processes make together.
        """
        if backend.memory_is_on_host or self.kind == "mpi":
            return self.host
        engine = self._engines.get(backend.device)
        if engine is None:
            try:
                engine = backend.communicator(self.rank, self.size, self.comm.allgather)
            except BackendUnavailable:
                if self.kind != "auto":
                    raise
                engine = self.host
            self._engines[backend.device] = engine
        return engine

    @property
    def is_compared(self) -> bool:
        """Whether calls are compared with those of the other processes: the debug mode."""
        return self._agreement is not None

    def check(self, call: str, *details: Any) -> None:
        """In debug mode, raise an error if the other processes do not make this call with these details."""
        assert self._agreement is not None
        with self.line.waiting(call):
            self._agreement.check(f"{call}({', '.join(map(str, details))})")

    def leave(self) -> None:
        """Leave when all others do, after pending operations."""
        self.line.run("destroy_process_group", lambda: None)
        self.line.count -= 1  # the others do not count this call
        if self._agreement is not None:
            self._agreement.leave()
        self._guard.leave()  # nothing is sent from here on
        for engine in {self.host, *self._engines.values()}:
            engine.close()
        for comm in self._comms:  # MPI implementations are limited to some hundreds
            comm.Free()
        self.cores.give_back()
        use_stream(None)


_group: Optional[ProcessGroup] = None


def init_process_group(backend: str = "auto", *, device: DeviceLike = None, debug: Optional[bool] = None,
                       timeout: Union[float, timedelta, None] = timedelta(minutes=30)) -> None:
    """Join the processes started by `mpiexec`; rank and size are MPI's.

    Kernels and matrix products then use this process' part of the machine's cores, and an error in one process ends
    all of them.  Random numbers differ from process to process after the same `manual_seed`, but for initial weights,
    which are equal.

    Parameters
    ----------
    backend : "mpi" moves the arrays of every device by MPI; "nccl" those of CUDA devices by NCCL, which must be there;
        "auto" by NCCL where all processes have it and a device each, else by MPI.  Arrays on the host go by MPI always.
    device : where tensors are made from now on when no device is named, as `set_default_device`; of several devices
        of the type, "cuda" and "auto" take the one with the number of this process on its machine.
    debug : compare every collective call with those of the other processes before it is made, and name the difference;
        by default whether GRADCORE_DISTRIBUTED_DEBUG is set, to something other than 0.
    timeout : how long a collective call may wait for other processes, in seconds or as a timedelta; then all processes
        are ended with a message, as when one of them hangs.  None sets no limit.

    Asynchronous operations on the host go on in a thread where this process has a second core or there is another
    machine, else when they are waited for; GRADCORE_DISTRIBUTED_THREAD=1 or 0 decides otherwise.

    Raises
    ------
    ImportError : there is no mpi4py or no MPI.
    RuntimeError : this was called already; or the processes were started by the mpiexec of another MPI.
    BackendUnavailable : the device cannot be used.

    >>> init_process_group()  # a group of one process, where no `mpiexec` has started more
    >>> get_rank(), get_world_size()
    (0, 1)
    >>> destroy_process_group()
    """
    global _group
    if backend not in _BACKENDS:
        raise ValueError(f'init_process_group: the backend is one of {", ".join(_BACKENDS)}; got {backend!r}')
    if _group is not None:
        raise RuntimeError("init_process_group was called before; destroy_process_group() ends what it began")
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if seconds is not None and not seconds > 0:
        raise ValueError(f"init_process_group: timeout must be positive, or None for no limit; got {timeout!r}")
    if debug is None:
        debug = os.environ.get("GRADCORE_DISTRIBUTED_DEBUG", "0") not in ("", "0")
    _group = ProcessGroup(backend, debug, seconds)
    atexit.register(destroy_process_group)
    if device is not None:
        set_default_device(local_device(device))


def destroy_process_group() -> None:
    """Leave the group, when all processes do; does nothing without a group.  The end of the program calls it.

    >>> init_process_group()
    >>> destroy_process_group()
    >>> is_initialized()
    False
    """
    global _group
    if _group is not None:
        _group.leave()
        _group = None
        atexit.unregister(destroy_process_group)


def current_group() -> ProcessGroup:
    """The group; raises RuntimeError before `init_process_group`."""
    if _group is None:
        raise RuntimeError("there is no process group: call gradcore.distributed.init_process_group() first")
    return _group


def is_initialized() -> bool:
    """Whether this process is in a group.

    >>> is_initialized()
    True
    """
    return _group is not None


def get_rank() -> int:
    """The rank of this process, from 0.

    >>> get_rank()
    0
    """
    return current_group().rank


def get_world_size() -> int:
    """The number of processes.

    >>> get_world_size()
    1
    """
    return current_group().size


def get_node_local_rank() -> int:
    """The rank of this process on its machine.

    >>> get_node_local_rank()
    0
    """
    return current_group().local_rank


def local_device(device: DeviceLike = None) -> Device:
    """The device for this process: of several of the type of `device`, that with the process' number on its machine.

    A device with a number, as "cuda:1", is taken as it is.

    >>> local_device("cpu")
    Device('cpu')
    """
    found = get_backend(device)
    is_numbered = isinstance(device, Device) or ":" in str(device)
    if is_numbered or found.device_count() == 1:
        return found.device
    return get_backend(Device(found.device.type, get_node_local_rank() % found.device_count())).device
