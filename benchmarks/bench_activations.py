"""Every activation, direction, size, dtype, device and implementation, beside copies of arrays of the same size."""

from __future__ import annotations

import functools
from typing import Any, Callable

from .activations import activations
from .cases import COPY, Case
from .copying import bytes_moved as bytes_copied
from .copying import copy_works, machine_works
from .data import Data
from .implementations import PEERS
from .machine import description, facts
from .session import bytes_moved, check_work
from .summary import Summary
from .timing import Work, in_turn

_IMPLEMENTATIONS = {implementation.name: implementation for implementation in PEERS}


def test_activation(case: Case, benchmark: Any, require: Callable) -> None:
    implementation, activation = _IMPLEMENTATIONS[case.implementation], activations()[case.activation]
    require(case.device, case, implementation)
    data = Data.of(case, activation)
    work = implementation.work(case, activation, data)
    check_work(case.key, work, data.expected(case, activation), case.dtype)
    _time(benchmark, case, work, bytes_moved(case, activation))


def test_machine(machine_case: Case, benchmark: Any, require: Callable) -> None:
    """Copies within a device, and transfers between it and the host."""
    require(machine_case.device)
    for work in machine_works(machine_case).values():
        _time(benchmark, machine_case, work, bytes_copied(machine_case))
        break


def _time(benchmark: Any, case: Case, work: Work, moved: int) -> None:
    benchmark.group = f"{case.activation} {case.direction} {case.size:,} {case.dtype}"

    def call_and_wait() -> None:
        work.call()
        work.wait()

    with work.mode():
        benchmark(call_and_wait)
    if benchmark.stats is None:  # --benchmark-disable
        return
    speed = moved / benchmark.stats.stats.median / 1e9
    benchmark.extra_info.update(
        device=description(case.device), bytes_moved=moved, gb_per_s=speed,
        fraction_of_copy=speed / _copy_speed(case.size, case.dtype, case.device), versions=_versions())


@functools.lru_cache(None)
def _copy_speed(size: int, dtype: str, device: str) -> float:
    """GB/s of the quickest copy of so many elements, measured in this run."""
    group = Case(COPY, "copy", size, dtype, device, "*")
    times = in_turn(list(copy_works(group).values()), budget=0.05)
    return bytes_copied(group) / min(Summary.of(one.seconds).median for one in times) / 1e9


@functools.lru_cache(None)
def _versions() -> dict[str, str]:
    return facts([])["versions"]
