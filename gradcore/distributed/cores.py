"""The cores of one machine, shared by its processes."""

from __future__ import annotations

import os
from typing import Any, Optional, Sequence

from ..backends import get_backend


def part_of(own: set[int], everyone: Sequence[set[int]]) -> int:
    """The number of cores for a process that may use `own`, when `everyone` on the machine does the same.

    A core that two processes may use counts half for each; a process gets at least one.

    >>> part_of({0, 1}, [{0, 1}, {0, 1}]), part_of({0, 1}, [{0, 1}, {2, 3}])
    (1, 2)
    """
    shares = sum(1 / sum(core in cores for cores in everyone) for core in own)
    return max(1, int(shares + 1e-9))


class SharedCores:
    """Limits kernels and matrix products to this process' share of the cores, until `give_back`.

    The threads of matrix products are not changed if OMP_NUM_THREADS is set, or without threadpoolctl.
    """

    def __init__(self, machine: Any):
        own = set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
        self.count: int = part_of(own, machine.allgather(own))
        self._limits: Optional[Any] = None
        get_backend("cpu").use_cores(self.count)
        if "OMP_NUM_THREADS" not in os.environ:
            self._limits = _limited(self.count)

    def give_back(self) -> None:
        get_backend("cpu").use_cores(None)
        if self._limits is not None:
            self._limits.restore_original_limits()


def _limited(count: int) -> Optional[Any]:
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    return threadpool_limits(count)
