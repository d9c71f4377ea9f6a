"""Streams and events of a CUDA device, in PyTorch's words over CuPy's.

A stream is a queue: what is given to it is done in its order, beside what is in other queues.  The work of a thread
goes to the current stream of the array's device; an event is a place in a stream, which the host or another stream can
wait for.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Optional

from ..base import Array
from .backend import CuPyBackend


class Event:
    """A place in a stream, marked by `record`; times are measured between two that were made with `enable_timing`."""

    def __init__(self, backend: CuPyBackend, enable_timing: bool = False, blocking: bool = False):
        self._backend = backend
        with backend.here():
            self._event = backend.cupy.cuda.Event(block=blocking, disable_timing=not enable_timing)

    def record(self, stream: Optional["Stream"] = None) -> None:
        """Mark what has been given to `stream`, or to the current one, so far."""
        with self._backend.here():
            self._event.record(_raw(self._backend, stream))

    def wait(self, stream: Optional["Stream"] = None) -> None:
        """Let what is given to `stream`, or to the current one, from now on begin after the mark."""
        with self._backend.here():
            _raw(self._backend, stream).wait_event(self._event)

    def query(self) -> bool:
        """Whether all that was marked is done."""
        return bool(self._event.done)

    def synchronize(self) -> None:
        """Wait on the host until all that was marked is done."""
        self._event.synchronize()
        self._backend.check_positions()

    def elapsed_time(self, end_event: "Event") -> float:
        """Milliseconds on the device from this mark to a later one."""
        return self._backend.cupy.cuda.get_elapsed_time(self._event, end_event._event)


class Stream:
    """A queue of one device; `gradcore.cuda.stream` makes it the current one."""

    def __init__(self, backend: CuPyBackend, raw: Any = None):
        self.backend, self.device = backend, backend.device
        with backend.here():
            self.raw = backend.cupy.cuda.Stream(non_blocking=True) if raw is None else raw

    def wait_event(self, event: Event) -> None:
        """As `event.wait` for this stream."""
        event.wait(self)

    def wait_stream(self, stream: "Stream") -> None:
        """Begin what is given from now on after all that has been given to another stream."""
        stream.record_event().wait(self)

    def record_event(self, event: Optional[Event] = None) -> Event:
        """Mark what has been given to this stream so far."""
        event = Event(self.backend) if event is None else event
        event.record(self)
        return event

    def query(self) -> bool:
        """Whether all that was given to it is done."""
        return bool(self.raw.done)

    def synchronize(self) -> None:
        """Wait on the host until all that was given to it is done."""
        self.raw.synchronize()
        self.backend.check_positions()

    def keep(self, array: Array) -> None:
        """Keep an array's memory until this stream is done with what it was given so far."""
        self.backend.keep(array, self.record_event()._event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.device == other.device and self.raw == other.raw

    def __hash__(self) -> int:
        return hash((self.device, self.raw))

    def __repr__(self) -> str:
        return f"<stream {self.raw.ptr:#x} of {self.device}>"


def _raw(backend: CuPyBackend, stream: Optional[Stream]) -> Any:
    return backend.cupy.cuda.get_current_stream() if stream is None else stream.raw


def current(backend: CuPyBackend) -> Stream:
    """The stream to which this thread's work on the device goes."""
    with backend.here():
        return Stream(backend, backend.cupy.cuda.get_current_stream())


@contextlib.contextmanager
def as_current(stream: Optional[Stream]) -> Iterator[Optional[Stream]]:
    """The work of this thread on the stream's device goes to `stream` inside of the context."""
    if stream is None:
        yield None
        return
    with stream.backend.here():  # CuPy enters a stream where its device is the current one
        stream.raw.__enter__()
    try:
        yield stream
    finally:
        with stream.backend.here():  # and leaves it there: what comes back is the current device's default stream
            stream.raw.__exit__(None, None, None)
