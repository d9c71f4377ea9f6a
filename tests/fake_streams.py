"""Streams, events and graphs for the stand-in for CuPy.

All work is done at once, in the order of the calls; what it would be ordered by is written into the log.  While a graph
is recorded the work is kept instead, and done again, into the same arrays, at each launch of the graph.

Which stream is the current one is kept as CuPy keeps it: a stream is entered on its own device alone, and the default
stream, which a context may leave behind, is taken for that of the device which is the current one then.
"""

from __future__ import annotations

import contextlib
import itertools
from types import SimpleNamespace
from typing import Any, Callable, Optional

import numpy as np


class Streams:
    """The streams of a stand-in, with the current one of each device."""

    def __init__(self, log: list, current_device: Callable[[], int]):
        self.log, self.device = log, current_device
        self.numbers = itertools.count(1)
        self.stacks: dict[int, list[Any]] = {}  # of each device
        self.entered: list[int] = []  # the devices whose stacks have grown
        self.now: dict[int, Any] = {}
        self.recording: Optional[list[Callable[[], None]]] = None
        self.recorder: Any = None
        streams = self

        class Event:
            def __init__(self, block=False, disable_timing=False, interprocess=False):
                self.is_done, self.place, self.device, self.is_captured = True, None, current_device(), False

            @property
            def done(self):
                if self.is_captured:
                    raise RuntimeError("cudaErrorCapturedEvent: operation not permitted on an event last recorded in a "
                                       "capturing stream")
                return self.is_done

            def record(self, stream=None):
                stream = streams.current() if stream is None else stream
                at = current_device() if stream.device_id == -1 else stream.device_id
                assert at == self.device, "cudaErrorInvalidResourceHandle: an event of another device"
                self.place, self.is_captured = stream.ptr, streams.recording is not None and stream is streams.recorder
                log.append(("record", self.place))

            def synchronize(self):
                log.append(("wait", "Event.synchronize"))

        class Stream:
            def __init__(self, null=False, non_blocking=False, ptds=False, priority=None):
                self.ptr, self.device_id, self.done = 0 if null else next(streams.numbers), current_device(), True
                self.device_id = -1 if null else self.device_id

            def __enter__(self):
                device = current_device()
                assert self.device_id in (-1, device), "CuPy refuses a stream of another device"
                streams.stacks.setdefault(device, [streams.null]).append(self)
                streams.entered.append(device)
                streams.make_current(self)
                return self

            def __exit__(self, *_):
                stack = streams.stacks[streams.entered.pop()]
                stack.pop()
                streams.make_current(stack[-1])

            def record(self, event=None):
                event = Event() if event is None else event
                event.record(self)
                return event

            def wait_event(self, event):
                log.append(("wait event", self.ptr, event.place))

            def synchronize(self):
                log.append(("wait", "Stream.synchronize"))

            def begin_capture(self, mode=None):
                assert self.ptr and streams.current() is self and streams.recording is None
                streams.recording, streams.recorder = [], self

            def end_capture(self):
                work, streams.recording = streams.recording, None
                return SimpleNamespace(launch=lambda stream=None: streams.launch(work, stream))

        null = Stream(null=True)
        self.null, self.Event, self.Stream = null, Event, Stream

    def current(self, device_id: int = -1) -> Any:
        return self.now.get(self.device() if device_id == -1 else device_id, self.null)

    def make_current(self, stream: Any) -> None:
        self.now[self.device() if stream.device_id == -1 else stream.device_id] = stream

    def launch(self, work: list[Callable[[], None]], stream: Any) -> None:
        self.log.append(("graph", len(work)))
        for part in work:
            part()

    def perform(self, compute: Callable[[], Any], into: Optional[np.ndarray] = None) -> Any:
        """Do some work, whose result is an array; while a graph is recorded, later."""
        if self.recording is None:
            return compute()
        with np.errstate(all="ignore"):  # a card does not warn, and what a capture meets may never have been written
            result = compute() if into is None else into  # its shape is known by doing it
        self.recording.append(lambda: np.copyto(result, compute()) if into is None else compute())
        return result

    def refuse(self, what: str) -> None:
        """What ends a capture in CUDA."""
        if self.recording is not None:
            raise RuntimeError(f"cudaErrorStreamCaptureUnsupported: {what}")

    @contextlib.contextmanager
    def using_allocator(self, allocator=None):
        self.log.append(("allocator", allocator))
        yield
        self.log.append(("allocator", None))
