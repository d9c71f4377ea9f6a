"""Worker threads for parts of a computation.

Parts of a large array take a fraction of a millisecond each; the overhead of `concurrent.futures` would consume much of
the gain of a second core.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Any, Callable, Optional

from ..native import CORES


class Job:
    """A call that a worker makes, or the waiting thread if no worker has begun."""

    __slots__ = ("function", "args", "_is_taken", "_is_done", "_error")

    def __init__(self, function: Callable[..., Any], *args: Any):
        self.function: Optional[Callable[..., Any]] = function
        self.args: Optional[tuple[Any, ...]] = args
        self._is_taken, self._is_done = threading.Lock(), threading.Lock()
        self._is_done.acquire()
        self._error: Optional[BaseException] = None

    def run(self) -> None:
        """Make the call, unless another thread has begun to."""
        if self._is_taken.acquire(blocking=False):
            function, args = self.function, self.args or ()
            self.function = self.args = None  # so that the queue does not keep arrays of finished jobs alive
            try:
                if function is not None:
                    function(*args)
            except BaseException as error:  # raised again in the thread that waits
                self._error = error
            finally:
                del function, args
                self._is_done.release()

    def wait(self) -> None:
        """Wait until the call has been made; its exception is raised here."""
        self.run()  # all workers may be busy, or may have ended
        with self._is_done:
            pass
        if self._error is not None:
            raise self._error


class Workers:
    """A thread for each other core (or `count` threads), started with the first job."""

    def __init__(self, count: Optional[int] = None) -> None:
        self._wanted = count
        self._begin()

    def _begin(self) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._has_started = False
        self._count = 0

    def submit(self, function: Callable[..., Any], *args: Any) -> Job:
        """Queue function(*args) for a worker."""
        if not self._has_started:
            self._start()
        job = Job(function, *args)
        if self._count:  # without workers nobody would take it out
            self._jobs.put(job)
        return job

    def _start(self) -> None:
        with self._lock:
            if self._has_started:
                return
            self._has_started = True
            try:
                for i in range(CORES - 1 if self._wanted is None else self._wanted):
                    # Daemon threads, so that the program can exit while they wait for jobs.
                    threading.Thread(target=_work, args=(self._jobs,), name=f"gradcore_{i}", daemon=True).start()
                    self._count += 1
            except RuntimeError:
                pass  # no more threads are available: the waiting threads run their jobs


def _work(jobs: SimpleQueue[Job]) -> None:
    while True:
        jobs.get().run()


workers = Workers()
builder = Workers(1)  # builds native code in the background, so that it does not occupy the other workers
if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=workers._begin)
    os.register_at_fork(after_in_child=builder._begin)
