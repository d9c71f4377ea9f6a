"""Each pass over the cases in a process of its own.

Where a process happens to have its arrays and code in memory makes some kernels a third slower or quicker, and stays
so while it lives.  Two runs can be told from two such accidents only if a run holds several of them.
"""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Callable, Sequence

from .cases import Case
from .implementations import Implementation
from .results import Results
from .session import PASSES, measure

Progress = Callable[[float, str], None]


def measure_in_processes(groups: Sequence[Case], implementations: Sequence[Implementation], results: Results,
                         seconds: float, progress: Progress = lambda part, what: None, passes: int = PASSES) -> None:
    """As `measure`, for about `seconds`: a pass is not begun when the time would not do for it."""
    began, left = time.perf_counter(), 1.0
    for turn in range(passes):
        spent = time.perf_counter() - began
        if turn and spent * (turn + 1) / turn > 1.5 * seconds:
            break
        title = f"pass {turn + 1}/{passes}"
        found = _pass_of(groups, implementations, seconds / passes,
                         lambda part, what: progress(part / passes, f"{title} {what}"))
        left -= 1 / passes
        results.absorb(found)
    progress(left, "measured")


def _pass_of(groups: Sequence[Case], implementations: Sequence[Implementation], seconds: float,
             progress: Progress) -> Results:
    context = multiprocessing.get_context("spawn")  # a fork would inherit the parent's place in memory
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(sender, list(groups), list(implementations), seconds))
    process.start()
    sender.close()
    try:
        while isinstance(message := receiver.recv(), tuple):
            progress(*message)
    except EOFError:
        process.join()
        raise RuntimeError(f"the process of a pass ended without results, exit code {process.exitcode}") from None
    process.join()
    return message


def _run(sender: Connection, groups: Sequence[Case], implementations: Sequence[Implementation], seconds: float) -> None:
    results = Results({})
    measure(groups, implementations, results, seconds, lambda part, what: sender.send((part, what)), passes=1)
    sender.send(results)
