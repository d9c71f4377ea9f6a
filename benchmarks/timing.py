"""Measuring in turn: one batch of calls of every implementation, round after round, in one process.

What disturbs the machine for a while then disturbs all of them, and a ratio is taken from the batches of one round.
"""

from __future__ import annotations

import contextlib
import gc
import math
import time
from dataclasses import dataclass, field
from typing import Any, Callable, ContextManager, Iterator, Sequence

try:
    import resource
except ImportError:  # Windows
    resource = None

_TRIES = 3
_LONG_CALL = 0.05  # seconds; one such call is warm-up enough
SMALLEST_BATCH = 1e-3  # seconds; shorter ones are lost in the clock and in the loop around the calls


@dataclass
class Work:
    """One piece of work that is ready to be timed.

    `call` runs it once, `wait` until the device is done with all that was asked of it, `result` is what is compared
    with the reference, `mode` a context in which the work belongs (the choice of the CPU's kernels), and `rest` the
    seconds that the machine is left alone after a batch.
    """

    call: Callable[[], Any]
    wait: Callable[[], None]
    result: Callable[[], Any]
    mode: Callable[[], ContextManager] = contextlib.nullcontext
    rest: float = 0.0


@dataclass
class Times:
    """The seconds of one call, a figure for each round, and in how many of them the system took a core away."""

    seconds: list[float] = field(default_factory=list)
    disturbed: int = 0


class Batches:
    """One work's batches."""

    def __init__(self, work: Work):
        self.work = work
        self.calls = 1  # in a batch
        self.times = Times()

    def run(self) -> float:
        """The seconds of one call, from one batch."""
        call, wait, calls = self.work.call, self.work.wait, range(self.calls)
        with self.work.mode():
            wait()
            begin = time.perf_counter()
            for _ in calls:
                call()
            wait()
            end = time.perf_counter()
        time.sleep(self.work.rest)
        return (end - begin) / self.calls

    def warm_up(self) -> None:
        """Compile, fault pages in, and find how many calls make a batch."""
        once = self.run()
        if once < _LONG_CALL:
            once = self.run()
        while self.calls * once < SMALLEST_BATCH:
            self.calls = math.ceil(1.2 * SMALLEST_BATCH / max(once, 1e-8))
            once = self.run()

    def measure(self, tries: int) -> None:
        """Add a figure; a batch during which the system gave a core of this process to another is repeated."""
        for _ in range(tries):
            before = preemptions()
            seconds = self.run()
            if preemptions() == before:
                break
        else:
            self.times.disturbed += 1
        self.times.seconds.append(seconds)


def in_turn(works: Sequence[Work], budget: float, least: int = 5, most: int = 60,
            tries: int = _TRIES) -> list[Times]:
    """The times of one call of each of `works`, of equally many rounds.

    Rounds go on for `budget` seconds, but `least` of them at least and `most` of them at most.  Each round begins
    with another implementation, since what runs first finds the caches as the last one left them.  A disturbed batch is
    tried `tries` times.
    """
    batches = [Batches(work) for work in works]
    with collector_paused():
        deadline = time.perf_counter() + budget
        for batch in batches:
            batch.warm_up()
        for turn in range(most):
            if turn >= least and time.perf_counter() > deadline:
                break
            first = turn % len(batches)
            for batch in batches[first:] + batches[:first]:
                batch.measure(tries)
    return [batch.times for batch in batches]


def preemptions() -> int:
    """How often the system has stopped a thread of this process to run another; 0 where it does not tell."""
    return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Python's collector stays out of the figures of all alike."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
