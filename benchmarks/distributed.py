"""Several processes: all_reduce beside bare mpi4py, how much of it backward hides, and the speed-up of training.

`mpiexec -n 2 python -m benchmarks --only distributed`.  Every figure is that of the slowest process,
and the quickest tenth of all rounds ends with it: where other programs use the machine, processes that wait for each
other wait for these too, in most rounds.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Iterator

import numpy as np

import gradcore
from gradcore import Tensor, distributed, nn, optim
from gradcore.distributed.group import current_group
from gradcore.functions import mse_loss
from gradcore.nn.parallel import DistributedDataParallel

from .summary import median, quantiles

SIZES = (4, 1024, 2**16, 2**20, 2**24)  # bytes; the last is 16 MB
SECONDS = 25.0  # so long it takes
_FEWEST, _MOST = 2, 100  # rounds
_LAYERS, _WIDTH, _BATCH = 8, 1024, 128  # 34 MB of gradients

Report = Callable[[float, str], None]


def measure(report: Report, seconds: float = SECONDS) -> dict[str, Any]:
    """All figures of these processes, the same on each of them."""
    from mpi4py import MPI

    comm = current_group().comm  # where a communicator has its memory makes a difference too
    found = {"processes": comm.size, "all_reduce": [], "library": MPI.Get_library_version().splitlines()[0]}
    for size in SIZES:
        report(0.0, f"all_reduce of {size:,} bytes")
        found["all_reduce"].append(_all_reduce(MPI, comm, size, 0.1 * seconds))
        report(0.1, "training, alone and together")
    found["training"] = _training(comm, 0.5 * seconds)
    report(0.5, "done")
    return found


def _all_reduce(MPI: Any, comm: Any, size: int, budget: float) -> dict[str, Any]:
    """Seconds of one call, of bare mpi4py and through a tensor, in turn and in the same memory."""
    tensor = gradcore.ones(size // 4)
    array = tensor.numpy()
    works = {"mpi4py": lambda: comm.Allreduce(MPI.IN_PLACE, array), "gradcore": lambda: distributed.all_reduce(tensor)}
    calls = max(1, min(100, 2**20 // size))
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in _rounds(comm, budget):
        for name in (list(works) if turn % 2 else reversed(works)):
            array[...] = 0  # sums of sums must not overflow
            seconds[name].append(_slowest(comm, works[name], calls))
    bare, ours = (seconds[name][1:] for name in works)  # the first warms up
    return {"bytes": size, "mpi4py_s": _quick(bare), "gradcore_s": _quick(ours), "mpi4py_median_s": median(bare),
            "gradcore_median_s": median(ours), "rounds": len(bare)}


def _rounds(comm: Any, budget: float) -> Iterator[int]:
    """Numbers of rounds until rank 0 finds the time up; all processes make equally many, the first to warm up."""
    deadline = time.perf_counter() + budget
    for turn in range(_MOST + 1):
        yield turn
        if comm.bcast(turn >= _FEWEST and time.perf_counter() > deadline):
            return


def _quick(seconds: Any) -> float:
    """The tenth part of the rounds that is quickest ends here."""
    return quantiles(list(seconds), 0.1)[0]


def _slowest(comm: Any, work: Callable[[], Any], calls: int) -> float:
    """Seconds of one call on the process that took longest."""
    comm.Barrier()
    begin = time.perf_counter()
    for _ in range(calls):
        work()
    return comm.allreduce((time.perf_counter() - begin) / calls, op=_largest())


def _largest() -> Any:
    from mpi4py import MPI

    return MPI.MAX


class _Training:
    """A network of wide layers, and a step of it in its parts."""

    def __init__(self):
        gradcore.manual_seed(0)
        layers = [layer for _ in range(_LAYERS) for layer in (nn.Linear(_WIDTH, _WIDTH), nn.Tanh())]
        self.model = DistributedDataParallel(nn.Sequential(*layers))
        self.optimizer = optim.SGD(self.model.parameters(), lr=1e-3)
        self.x, self.y = gradcore.randn(_BATCH, _WIDTH), gradcore.randn(_BATCH, _WIDTH)

    def parts(self) -> Iterator[float]:
        """The times at the begin and behind forward, backward and update."""
        yield time.perf_counter()
        loss = mse_loss(self.model(self.x), self.y)
        yield time.perf_counter()
        loss.backward()
        yield time.perf_counter()
        self.optimizer.step()
        self.optimizer.zero_grad()
        yield time.perf_counter()

    def seconds(self, averages: bool) -> np.ndarray:
        """Of forward, backward and update."""
        if averages:
            return np.diff(list(self.parts()))
        with self.model.no_sync():
            return np.diff(list(self.parts()))

    @property
    def buckets(self) -> list[int]:
        return [sum(4 * parameter.numel() for parameter in bucket.parameters) for bucket in self.model._buckets]


def _training(comm: Any, budget: float) -> dict[str, Any]:
    training = _Training()
    messages = [Tensor(np.zeros(size // 4, np.float32)) for size in training.buckets]
    kinds: dict[str, list] = {"together": [], "without communication": [], "communication": [], "alone": []}
    for _ in _rounds(comm, budget):
        for averages, kind in ((True, "together"), (False, "without communication")):
            comm.Barrier()
            kinds[kind].append(_largest_of(comm, training.seconds(averages)))
        kinds["communication"].append(_slowest(comm, lambda: [distributed.all_reduce(m) for m in messages], 1))
        kinds["alone"].append(_by_rank_0(comm, lambda: training.seconds(False)))
    rounds = {kind: np.array(times[1:]) for kind, times in kinds.items()}  # the first compiles kernels
    together, silent, alone = (_quick(rounds[kind].sum(1)) for kind in ("together", "without communication", "alone"))
    communication = _quick(rounds["communication"])
    forward, backward, update = (_quick(part) for part in rounds["without communication"].T)
    return {"has_thread": current_group().line.has_thread, "step_s": together, "silent_s": silent,
            "forward_s": forward, "backward_s": backward, "update_s": update,
            "communication_s": communication, "hidden": 1 - (together - silent) / communication, "alone_s": alone,
            "buckets": training.buckets, "batch": _BATCH, "speed_up": comm.size * alone / together}


def _largest_of(comm: Any, seconds: np.ndarray) -> np.ndarray:
    return np.max(comm.allgather(seconds), axis=0)


def _by_rank_0(comm: Any, work: Callable[[], np.ndarray]) -> np.ndarray:
    """What rank 0 measures while the others sleep; waiting for a message they would keep a core busy."""
    seconds = work() if comm.rank == 0 else None
    done = comm.Ibarrier()
    while not done.Test():
        time.sleep(1e-3)
    return comm.bcast(seconds)
