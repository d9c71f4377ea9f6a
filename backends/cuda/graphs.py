"""CUDA graphs: the launches of a function, recorded once and given to the device as a whole.

A launch costs the host microseconds, and a network of small layers waits for the host.  A graph of a hundred launches
costs about one.
"""

from __future__ import annotations

from typing import Any, Callable, Generic, TypeVar

from .backend import CuPyBackend
from .streams import Stream, as_current, current

T = TypeVar("T")


class Graph(Generic[T]):
    """The work that a function gives to a device, recorded; `replay` does it again.

    The memory of all that was made while it was recorded is the graph's own, and stays: a replay reads and writes the
    very arrays of the recording.
    """

    def __init__(self, backend: CuPyBackend, function: Callable[[], T], warmup: int):
        self.backend, self._stream = backend, Stream(backend)
        self._pool = backend.cupy.cuda.MemoryPool()
        self._stream.wait_stream(current(backend))
        with as_current(self._stream):
            for _ in range(warmup):
                function()
            self._graph, self.result = self._recorded(function)
        current(backend).wait_stream(self._stream)

    def _recorded(self, function: Callable[[], T]) -> tuple[Any, T]:
        backend, raw = self.backend, self._stream.raw
        with backend.here(), backend.cupy.cuda.using_allocator(self._pool.malloc), backend.recording():
            raw.begin_capture()
            try:
                result = function()
            except BaseException:
                _drop_capture(raw)
                raise
            return raw.end_capture(), result

    def replay(self) -> T:
        """Do the recorded work again, in the current stream; the result is what the function returned, anew."""
        with self.backend.here():
            self._graph.launch(self.backend.cupy.cuda.get_current_stream())
        return self.result


def _drop_capture(raw: Any) -> None:
    try:
        raw.end_capture()
    except Exception:  # what was forbidden has ended it already
        pass
