"""CUDA graphs: the launches of a function, captured once and launched as a whole.

A launch costs the host microseconds, which limits networks of small layers.  A graph of a hundred launches costs the
host about as much as one launch.
"""

from __future__ import annotations

from typing import Any, Callable, Generic, Protocol, TypeVar

from ..philox import Place
from .backend import CuPyBackend
from .streams import Stream, as_current, current

T = TypeVar("T")


class Source(Protocol):
    """The interface of a random number generator that a graph needs."""

    @property
    def place(self) -> Place: ...

    def set_offset(self, offset: int) -> None: ...

    def skip(self, count: int) -> Place: ...


class Graph(Generic[T]):
    """The device work of a function, captured; `replay` launches it again.

    Arrays created during the capture belong to the graph: each replay reads and writes the same memory.  Each replay
    draws new random numbers from `generator`.
    """

    def __init__(self, backend: CuPyBackend, function: Callable[[], T], warmup: int, generator: Source):
        self.backend, self._stream, self._generator = backend, Stream(backend), generator
        self._function = function  # keeps the model and the optimizer alive, since the graph has only addresses
        self._memory: list[Any] = []
        self._pool = backend.cupy.cuda.MemoryPool(_kept_in(self._memory, backend.cupy.cuda))
        self._stream.wait_stream(current(backend))
        with as_current(self._stream), backend.as_recorded():
            for _ in range(warmup):
                function()
            self._graph, self.result = self._recorded(function)
        current(backend).wait_stream(self._stream)

    def _recorded(self, function: Callable[[], T]) -> tuple[Any, T]:
        backend, raw, generator = self.backend, self._stream.raw, self._generator
        place = generator.place
        with backend.here():
            self._moved = backend.draws.nowhere()
        with backend.here(), backend.cupy.cuda.using_allocator(self._pool.malloc), \
                backend.recording(place, self._moved):
            raw.begin_capture()
            try:
                result = function()
            except BaseException:
                _drop_capture(raw)
                raise
            finally:
                self._since, self._drawn = place.offset, generator.place.offset - place.offset
                generator.set_offset(place.offset)  # capturing computes nothing
            return raw.end_capture(), result

    def replay(self) -> T:
        """Launch the captured work on the current stream; returns the function's result, with new values."""
        with self.backend.here():
            if self._drawn:
                self.backend.draws.moved_to(self._generator.skip(self._drawn), self._since, self._moved)
            self._graph.launch(self.backend.cupy.cuda.get_current_stream())
        return self.result


def _kept_in(kept: list[Any], cuda: Any) -> Callable[[int], Any]:
    """An allocator that never returns memory to the system: a full pool would free blocks that a captured kernel
    writes.
    """
    def allocate(size: int) -> Any:
        memory = cuda.Memory(size)
        kept.append(memory)
        return cuda.MemoryPointer(memory, 0)

    return allocate


def _drop_capture(raw: Any) -> None:
    try:
        raw.end_capture()
    except Exception:  # a forbidden call has already ended the capture
        pass
