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

    __slots__ = ("function", "args", "_turns", "_is_done", "_error")

    def __init__(self, function: Callable[..., Any], *args: Any):
        self.function: Optional[Callable[..., Any]] = function
        self.args: Optional[tuple[Any, ...]] = args
        self._turns = [1]  # emptied by the thread that begins; a lock could be acquired just before Ctrl-C, and stay
        self._is_done = threading.Lock()
        self._is_done.acquire()
        self._error: Optional[BaseException] = None

    def run(self) -> None:
        """Make the call, unless another thread has begun to."""
        try:
            del self._turns[0]
        except IndexError:
            return
        try:
            function, args = self.function, self.args or ()
            self.function = self.args = None  # so that the queue does not keep arrays of finished jobs alive
            if function is not None:
                function(*args)
        except BaseException as error:  # raised again in the thread that waits
            self._error = error
        finally:
            function = args = None  # type: ignore[assignment]
            self._is_done.release()

    def wait(self) -> None:
        """Wait until the call has been made; its exception is raised here."""
        self.run()  # all workers may be busy, or may have ended
        with self._is_done:
            pass
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Cancel the call, or wait for it if it has begun."""
        try:
            del self._turns[0]
            self.function = self.args = None
        except IndexError:
            with self._is_done:
                pass


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
        job = Job(function, *args)
        self.take(job)
        return job

    def take(self, job: Job) -> None:
        """Queue a job for a worker."""
        if not self._has_started:
            self._start()
        if self._count:  # without workers nobody would take it out
            self._jobs.put(job)

    def _start(self) -> None:
        with self._lock:
            if self._has_started:
                return
            try:
                while self._count < (CORES - 1 if self._wanted is None else self._wanted):
                    # Daemon threads, so that the program can exit while they wait for jobs.
                    threading.Thread(target=_work, args=(self._jobs,), name=f"gradcore_{self._count}",
                                     daemon=True).start()
                    self._count += 1
            except RuntimeError:
                pass  # no more threads are available: the waiting threads run their jobs
            self._has_started = True


def _work(jobs: SimpleQueue[Job]) -> None:
    while True:
        jobs.get().run()


workers = Workers()
builder = Workers(1)  # builds native code in the background, so that it does not occupy the other workers
if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=workers._begin)
    os.register_at_fork(after_in_child=builder._begin)
