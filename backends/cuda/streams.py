"""Streams and events of a CUDA device, with PyTorch's names over CuPy's.

A stream is a queue of work that runs in order, concurrently with other streams.  A thread's work goes to the current
stream of the array's device.  An event is a point in a stream, for which the host or another stream can wait.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Optional

from ..base import Array
from .backend import CuPyBackend


class Event:
    """A point in a stream, set by `record`; with `enable_timing`, the time between two events can be measured."""

    def __init__(self, backend: CuPyBackend, enable_timing: bool = False, blocking: bool = False):
        self._backend = backend
        with backend.here():
            self._event = backend.cupy.cuda.Event(block=blocking, disable_timing=not enable_timing)

    def record(self, stream: Optional["Stream"] = None) -> None:
        """Record the work queued so far on `stream`, by default the current one."""
        with self._backend.here():
            self._event.record(_raw(self._backend, stream))

    def wait(self, stream: Optional["Stream"] = None) -> None:
        """Make later work on `stream`, by default the current one, wait for the event."""
        with self._backend.here():
            _raw(self._backend, stream).wait_event(self._event)

    def query(self) -> bool:
        """Whether the recorded work has completed."""
        return bool(self._event.done)

    def synchronize(self) -> None:
        """Block the host until the recorded work has completed."""
        self._event.synchronize()
        self._backend.check_positions()

    def elapsed_time(self, end_event: "Event") -> float:
        """The time in milliseconds from this event to a later one."""
        return self._backend.cupy.cuda.get_elapsed_time(self._event, end_event._event)


class Stream:
    """A queue of work of one device; `gradcore.cuda.stream` makes it the current one."""

    def __init__(self, backend: CuPyBackend, raw: Any = None):
        self.backend, self.device = backend, backend.device
        with backend.here():
            self.raw = backend.cupy.cuda.Stream(non_blocking=True) if raw is None else raw

    def wait_event(self, event: Event) -> None:
        """Make later work on this stream wait for `event`."""
        event.wait(self)

    def wait_stream(self, stream: "Stream") -> None:
        """Make later work on this stream wait for the work queued so far on another one."""
        stream.record_event().wait(self)

    def record_event(self, event: Optional[Event] = None) -> Event:
        """Record an event after the work queued so far on this stream."""
        event = Event(self.backend) if event is None else event
        event.record(self)
        return event

    def query(self) -> bool:
        """Whether all queued work has completed."""
        return bool(self.raw.done)

    def synchronize(self) -> None:
        """Block the host until all queued work has completed."""
        self.raw.synchronize()
        self.backend.check_positions()

    def keep(self, array: Array) -> None:
        """Keep an array's memory alive until the work queued so far on this stream has completed."""
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
    """This thread's current stream on the device."""
    with backend.here():
        return Stream(backend, backend.cupy.cuda.get_current_stream())


@contextlib.contextmanager
def as_current(stream: Optional[Stream]) -> Iterator[Optional[Stream]]:
    """A context in which `stream` is this thread's current stream on its device."""
    if stream is None:
        yield None
        return
    with stream.backend.here():  # CuPy requires the stream's device to be the current one
        stream.raw.__enter__()
    try:
        yield stream
    finally:
        with stream.backend.here():  # and leaves it there: what comes back is the current device's default stream
            stream.raw.__exit__(None, None, None)
