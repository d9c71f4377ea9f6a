"""Runs NumPy programs over whole arrays: tile by tile, and on several cores if that is faster."""

from __future__ import annotations

import functools
import math
import threading
from typing import Any, Callable, Literal, Sequence

import numpy as np

from ..formulas.dtypes import BOOL
from ..formulas.quiet import quiet_context, quietly
from ..native import CORES as CORES  # the backend assigns to it here
from .program import NumPyProgram
from .workers import Job, workers

# Bytes of one register.  Smaller ones would fit in the first-level cache, but each NumPy call has an overhead.
TILE_BYTES = 1 << 20
# Starting work on another thread takes tens of microseconds: the number of additions in that time.
HAND_OVER = 800_000
# The least number of additions for each thread.  Threads wait for the interpreter lock between NumPy calls, so short
# parts do not gain.
WORK_PER_THREAD = 600_000


def tile_of(dtype: np.dtype) -> int:
    """The number of elements of a tile."""
    return TILE_BYTES // dtype.itemsize


class Views(dict[tuple[int, ...], list[np.ndarray]]):
    """Cached views of memory by their shape."""

    def __init__(self, cut: Callable[[tuple[int, ...]], list[np.ndarray]]):
        super().__init__()
        self.cut = cut

    def __missing__(self, shape: tuple[int, ...]) -> list[np.ndarray]:
        if len(self) > 64:  # shapes keep changing; views are cheap to make
            self.clear()
        views = self[shape] = self.cut(shape)
        return views


def _cut(memory: Sequence[np.ndarray], shape: tuple[int, ...]) -> list[np.ndarray]:
    n = math.prod(shape)
    return [part[:n].reshape(shape) for part in memory]


class _Registers(threading.local):
    """The scratch memory of one thread, shared by all programs.  A run during another one, in a signal handler or a
    finalizer, has memory of its own."""

    def __init__(self) -> None:
        self.depth = 0  # of runs within runs
        self.buffers: dict[tuple[int, np.dtype], list[np.ndarray]] = {}

    def of(self, dtype: np.dtype, count: int) -> list[np.ndarray]:
        buffers = self.buffers.setdefault((self.depth, dtype), [])
        while len(buffers) < count:
            buffers.append(np.empty(tile_of(dtype), dtype))
        return buffers[:count]


_registers = _Registers()


def with_registers(run: Callable[..., None]) -> Callable[..., None]:
    """`run`, a function that uses the scratch memory (a decorator)."""

    @functools.wraps(run)
    def alone(*args: Any) -> None:
        _registers.depth += 1
        try:
            run(*args)
        finally:
            _registers.depth -= 1

    return alone


_filled: dict[tuple[Any, ...], np.ndarray] = {}


def _constant_tiles(program: NumPyProgram, dtype: np.dtype) -> list[np.ndarray]:
    """The constant tiles of a program; all threads share them."""
    return [_filled_tile(value, dtype) for value in program.tiles]


def _filled_tile(value: float, dtype: np.dtype) -> np.ndarray:
    key = repr(value), dtype  # 0.0 equals -0.0
    if key not in _filled:
        _filled[key] = quietly(np.full, tile_of(dtype), value, dtype)  # which may be infinite or 0 in float32
    return _filled[key]


def constant_views(program: NumPyProgram, dtype: np.dtype) -> Views:
    """The constant tiles of a program in any shape."""
    return Views(lambda shape: _cut(_constant_tiles(program, dtype), shape))


class Scratch(threading.local):
    """The scratch arguments of one program in one thread; `views` has them by the shape of the tile."""

    def __init__(self, program: NumPyProgram, dtype: np.dtype):
        self.program, self.dtype = program, dtype
        self._views: dict[int, Views] = {}  # by the depth of the run

    @property
    def views(self) -> Views:
        depth = _registers.depth
        return self._views.get(depth) or self._views.setdefault(depth, Views(self._cut))

    def _cut(self, shape: tuple[int, ...]) -> list[np.ndarray]:
        program, dtype = self.program, self.dtype
        registers = _cut(_registers.of(dtype, program.registers), shape)
        bits = [register.view(program.lowering.integer) for register in registers]
        rest = [*_registers.of(BOOL, program.masks), *_constant_tiles(program, dtype)]
        return [*registers, *bits, *_cut(rest, shape)]


# NumPy copies operands that broadcast to buffers of 8192 elements, which takes as long as the loop itself.  If a buffer
# is shorter than a row, the loop goes row by row without copies.
_unbuffered = quiet_context()
_unbuffered.run(np.setbufsize, 16)


def unbuffered(function: Callable[..., Any], *args: Any) -> Any:
    """As `quietly`, for broadcasting loops over long rows."""
    return _unbuffered.copy().run(function, *args)


def run_flat(scratch: Scratch, arrays: Sequence[np.ndarray], scalars: tuple[Any, ...]) -> None:
    """Run on contiguous one-dimensional arrays (inputs, then outputs) of equal length, or of one element."""
    program, n = scratch.program, arrays[-1].size
    if n <= tile_of(scratch.dtype):
        quietly(_run_tile, scratch, arrays, scalars, n)
    else:
        share(n, n * program.cost, lambda start, stop: _run_range(scratch, arrays, scalars, start, stop))


@with_registers
def _run_tile(scratch: Scratch, arrays: Sequence[np.ndarray], scalars: tuple[Any, ...], n: int) -> None:
    scratch.program.run(*arrays, *scalars, *scratch.views[n,])


@with_registers
def _run_range(scratch: Scratch, arrays: Sequence[np.ndarray], scalars: tuple[Any, ...], start: int, stop: int) -> None:
    run, tile = scratch.program.run, tile_of(scratch.dtype)
    for low in range(start, stop, tile):
        high = min(low + tile, stop)
        run(*[array if array.size == 1 else array[low:high] for array in arrays], *scalars, *scratch.views[high - low,])


def run_strided(scratch: Scratch, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray],
                scalars: tuple[Any, ...]) -> None:
    """Run on arrays of any strides and dtypes that broadcast, each tile gathered and cast by numpy.nditer."""
    ndim, rows, size = outputs[0].ndim, len(outputs[0]), outputs[0].size

    def run_rows(start: int, stop: int) -> None:
        parts = [array[start:stop] if array.ndim == ndim and len(array) > 1 else array for array in (*inputs, *outputs)]
        _run_iterated(scratch, parts[:len(inputs)], parts[len(inputs):], scalars)

    share(rows, size * scratch.program.cost, run_rows)


@with_registers
def _run_iterated(scratch: Scratch, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray],
                  scalars: tuple[Any, ...]) -> None:
    program, dtype = scratch.program, scratch.dtype
    types = [dtype] * len(inputs) + [BOOL if boolean else dtype for boolean in program.is_boolean]
    reads: list[Literal["readonly", "writeonly"]] = ["readonly"]
    writes: list[Literal["readonly", "writeonly"]] = ["writeonly"]
    flags = [reads] * len(inputs) + [writes] * len(outputs)
    iterator = np.nditer([*inputs, *outputs], ["buffered", "external_loop", "delay_bufalloc"], flags, types, order="K",
                         casting="unsafe", buffersize=tile_of(dtype) // 8)  # iterators do not share buffers
    with iterator:
        iterator.reset()
        for tile in iterator:
            program.run(*tile, *scalars, *scratch.views[tile[0].shape])


def share(n: int, work: int, run: Callable[[int, int], None], within: Callable[..., Any] = quietly) -> None:
    """run(0, n) within `quietly` or `unbuffered`, on several threads if `work`, in additions, is large enough."""
    parts = min(CORES, n, 1 + (work - HAND_OVER) // WORK_PER_THREAD)
    if parts <= 1:
        within(run, 0, n)
        return
    # The other threads begin later, so they get less work than this one.
    step = max(1, n * (work - HAND_OVER) // (work * parts))
    step = step // 16 * 16 or step  # whole cache lines, so that no two threads write to the same one
    first = n - step * (parts - 1)
    jobs = [Job(within, run, start, start + step) for start in range(first, n, step)]
    try:
        for job in jobs:
            workers.take(job)
        within(run, 0, first)
        for job in jobs:
            job.wait()
    except BaseException:  # an error, or Ctrl-C: whoever catches it finds arrays that nobody writes to any more
        for job in jobs:
            job.end()
        raise
