"""A queue of collective calls, run in the order in which they were submitted.

All processes must start the same collective operations in the same order.  A thread runs pending calls while the
program computes; a caller that waits for one runs it itself if the thread has not started it.  Without a thread, every
call is run by the caller that waits for it or for a later one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import Callable, Iterator, NamedTuple, Optional


class Call:
    """A call in the queue, and its state."""

    __slots__ = ("name", "function", "is_done", "error")

    def __init__(self, name: str, function: Callable[[], None]):
        self.name, self.function = name, function
        self.is_done: bool = False
        self.error: Optional[BaseException] = None


class Current(NamedTuple):
    """The call that is running: its number, and its start by `time.monotonic`."""

    name: str
    number: int
    begin: float


def _nothing() -> None:
    """The function of a completed call."""


class Line:
    """The queue of one process."""

    def __init__(self, has_thread: bool = True):
        self.has_thread = has_thread
        self._waiting: deque[Call] = deque()
        self._turn = threading.Lock()  # held while a call runs
        self._news = threading.Semaphore(0)
        self._thread: Optional[threading.Thread] = None
        self.count = 0  # the number of calls started
        self.now: Optional[Current] = None

    def catch_up(self) -> None:
        """Run the calls submitted so far if there is no thread, since other processes may wait for them."""
        while self._waiting and not self.has_thread:
            self._make_next()

    def run(self, name: str, function: Callable[[], None]) -> None:
        """Run the call now, after all that were submitted before."""
        with self._turn:
            while self._waiting:
                self._make(self._waiting.popleft())
            self._begin(name)
            try:
                function()
            finally:
                self.now = None

    @contextlib.contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        """For what waits for all processes and is no call of its own."""
        self.now = Current(name, self.count, time.monotonic())
        try:
            yield
        finally:
            self.now = None

    def submit(self, name: str, function: Callable[[], None]) -> Callable[[], None]:
        """Submit the call; the returned function waits for it and raises its error."""
        call = Call(name, function)
        self._waiting.append(call)
        if self.has_thread:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="gradcore_communication", daemon=True)
                self._thread.start()
            self._news.release()
        return lambda: self._wait(call)

    def _wait(self, call: Call) -> None:
        while not call.is_done:
            self._make_next()
        if call.error is not None:
            raise call.error

    def _work(self) -> None:
        while True:
            self._news.acquire()
            self._make_next()

    def _make_next(self) -> None:
        with self._turn:
            if self._waiting:
                self._make(self._waiting.popleft())

    def _make(self, call: Call) -> None:
        self._begin(call.name)
        try:
            call.function()
        except BaseException as error:  # raised again in the caller that waits
            call.error = error
        finally:
            self.now = None
            call.function, call.is_done = _nothing, True  # so that its arrays can be freed

    def _begin(self, name: str) -> None:
        self.count += 1
        self.now = Current(name, self.count, time.monotonic())
