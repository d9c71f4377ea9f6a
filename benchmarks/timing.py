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
class Batches:
    """The seconds of one call, a figure for each round."""

    work: Work
    calls: int = 1  # in a batch
    seconds: list[float] = field(default_factory=list)

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
        self.run()
        once = self.run()
        while self.calls * once < SMALLEST_BATCH:
            self.calls = math.ceil(1.2 * SMALLEST_BATCH / max(once, 1e-8))
            once = self.run()


def in_turn(works: Sequence[Work], budget: float, least: int = 5, most: int = 60) -> list[list[float]]:
    """The seconds of one call of each of `works`, a list of equal length for each.

    Rounds go on for `budget` seconds, but `least` of them at least and `most` of them at most.  Each round begins
    with another implementation, since what runs first finds the caches as the last one left them.
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
                batch.seconds.append(batch.run())
    return [batch.seconds for batch in batches]


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
