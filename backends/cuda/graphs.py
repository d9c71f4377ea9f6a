"""CUDA graphs: the launches of a function, recorded once and given to the device as a whole.

A launch costs the host microseconds, and a network of small layers waits for the host.  A graph of a hundred launches
costs about one.
"""

from __future__ import annotations

from typing import Any, Callable, Generic, Protocol, TypeVar

from ..philox import Place
from .backend import CuPyBackend
from .streams import Stream, as_current, current

T = TypeVar("T")


class Source(Protocol):
    """A generator of random numbers: the place in its stream where it goes on."""

    @property
    def place(self) -> Place: ...

    def set_offset(self, offset: int) -> None: ...

    def skip(self, count: int) -> Place: ...


class Graph(Generic[T]):
    """The work that a function gives to a device, recorded; `replay` does it again.

    The memory of all that was made while it was recorded is the graph's own, and stays: a replay reads and writes the
    very arrays of the recording.  Random numbers are drawn anew in each: `generator` is what the function draws from.
    """

    def __init__(self, backend: CuPyBackend, function: Callable[[], T], warmup: int, generator: Source):
        self.backend, self._stream, self._generator = backend, Stream(backend), generator
        self._function = function  # with the model and the optimizer in it: the recording knows only where they are
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
                generator.set_offset(place.offset)  # nothing has been computed so far
            return raw.end_capture(), result

    def replay(self) -> T:
        """Do the recorded work again, in the current stream; the result is what the function returned, anew."""
        with self.backend.here():
            if self._drawn:
                self.backend.draws.moved_to(self._generator.skip(self._drawn), self._since, self._moved)
            self._graph.launch(self.backend.cupy.cuda.get_current_stream())
        return self.result


def _kept_in(kept: list[Any], cuda: Any) -> Callable[[int], Any]:
    """What allocates memory and keeps it: a pool that finds no more gives back what is free, though a recorded kernel
    writes there."""
    def allocate(size: int) -> Any:
        memory = cuda.Memory(size)
        kept.append(memory)
        return cuda.MemoryPointer(memory, 0)

    return allocate


def _drop_capture(raw: Any) -> None:
    try:
        raw.end_capture()
    except Exception:  # what was forbidden has ended it already
        pass
