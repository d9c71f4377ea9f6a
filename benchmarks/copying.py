"""The roof: how fast this device copies memory, measured in the same run as the kernels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from gradcore.backends import Backend, get_backend

from .cases import Case, TO_DEVICE, TO_HOST
from .machine import cores
from .timing import Work

ONE_THREAD, ALL_THREADS = "one thread", "all threads"


def copy_works(group: Case) -> dict[str, Work]:
    """A copy within the device; on the CPU by one core and by all of them."""
    backend = get_backend(group.device)
    source = backend.asarray(np.ones(group.size, group.dtype))
    if group.device != "cpu":
        target = backend.copy(source)
        return {"copy": Work(lambda: backend.xp.copyto(target, source), backend.synchronize, lambda: None)}
    target = np.empty_like(source)
    works = {ONE_THREAD: Work(lambda: np.copyto(target, source), backend.synchronize, lambda: None)}
    if cores() > 1 and group.size >= 10**5:  # below, a hand-over to another thread costs more than the copy
        works[ALL_THREADS] = Work(_Shared(target, source).run, backend.synchronize, lambda: None)
    return works


class _Shared:
    """One copy, shared by all cores."""

    def __init__(self, target: np.ndarray, source: np.ndarray):
        parts = cores()
        self.parts = list(zip(np.array_split(target, parts), np.array_split(source, parts)))
        self.pool = ThreadPoolExecutor(parts - 1)

    def run(self) -> None:
        others = [self.pool.submit(np.copyto, *part) for part in self.parts[1:]]
        np.copyto(*self.parts[0])
        wait(others)


def transfer_works(group: Case) -> dict[str, Work]:
    """Between ordinary (pageable) host memory and the device."""
    backend = get_backend(group.device)
    host = np.ones(group.size, group.dtype)
    work = {TO_DEVICE: _to_device, TO_HOST: _to_host}[group.direction](backend, host)
    return {"transfer": work}


def _to_device(backend: Backend, host: np.ndarray) -> Work:
    return Work(lambda: backend.asarray(host), backend.synchronize, lambda: None)


def _to_host(backend: Backend, host: np.ndarray) -> Work:
    array = backend.asarray(host)
    return Work(lambda: backend.to_numpy(array), backend.synchronize, lambda: None)


def bytes_moved(group: Case) -> int:
    """A copy reads and writes; a transfer crosses the bus once."""
    itemsize = np.dtype(group.dtype).itemsize
    return group.size * itemsize * (2 if group.direction == "copy" else 1)


def machine_works(group: Case) -> dict[str, Work]:
    return copy_works(group) if group.direction == "copy" else transfer_works(group)

