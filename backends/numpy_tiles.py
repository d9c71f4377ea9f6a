"""Running NumPy programs over whole arrays: tile by tile, on several cores where that pays."""

from __future__ import annotations

import contextvars
import functools
import os
import threading
from typing import Any, Callable, Sequence

import numpy as np

from .numpy_program import NumPyProgram

# Bytes of one register.  Smaller ones would stay in the first-level cache, but every NumPy call has its price.
TILE_BYTES = 1 << 20
# A hand-over to another thread costs tens of microseconds, and threads wait for each other between NumPy calls
# (the interpreter lock is free inside of them): a thread needs this much work, in additions.
WORK_PER_THREAD = 500_000


def tile_of(dtype: np.dtype) -> int:
    """How many elements of `dtype` make a tile."""
    return TILE_BYTES // dtype.itemsize


class Tiles(threading.local):
    """The scratch memory of one thread, shared by all programs."""

    def __init__(self) -> None:
        self.buffers: dict[tuple, list[np.ndarray]] = {}
        self.views: dict[tuple[NumPyProgram, int], list[np.ndarray]] = {}

    def of(self, program: NumPyProgram, dtype: np.dtype, n: int) -> list[np.ndarray]:
        """The scratch arguments of `program` for tiles of `n` elements."""
        views = self.views.get((program, n))
        if views is None:
            if len(self.views) > 256:  # sizes change all the time: forget, views are quickly made again
                self.views.clear()
            registers = [buffer[:n] for buffer in self._buffers(dtype, program.registers)]
            masks = [buffer[:n] for buffer in self._buffers(np.dtype(bool), program.masks)]
            integer = np.dtype(f"int{8 * dtype.itemsize}")
            views = registers + [register.view(integer) for register in registers] + masks
            views += [_filled(value, dtype)[:n] for value in program.tiles]
            self.views[program, n] = views
        return views

    def _buffers(self, dtype: np.dtype, count: int) -> list[np.ndarray]:
        buffers = self.buffers.setdefault(dtype, [])
        while len(buffers) < count:
            buffers.append(np.empty(tile_of(dtype), dtype))
        return buffers[:count]


_tiles = Tiles()
scratch = _tiles.of
_constant_tiles: dict[tuple, np.ndarray] = {}


def _filled(value: float, dtype: np.dtype) -> np.ndarray:
    key = (repr(value), dtype)
    if key not in _constant_tiles:
        with np.errstate(over="ignore"):  # a float64 literal may be infinite in float32
            _constant_tiles[key] = np.full(tile_of(dtype), value, dtype)
    return _constant_tiles[key]


# Overflow to infinity and the like are meant: the formulas take them to their limits.  Entering a copied context is
# five times quicker than `with numpy.errstate`.
_quiet = contextvars.copy_context()
_quiet.run(np.seterr, all="ignore")
quiet_context = _quiet.copy  # a context cannot be entered twice at once: each run enters a copy


def quietly(function: Callable, *args: Any) -> Any:
    """function(*args) without floating-point warnings."""
    return quiet_context().run(function, *args)


def run_flat(program: NumPyProgram, dtype: np.dtype, arrays: Sequence[np.ndarray], scalars: tuple) -> None:
    """Run on contiguous one-dimensional arrays (inputs, then outputs) of equal length, or of one element."""
    n = arrays[-1].size
    if n <= tile_of(dtype):
        quietly(program.run, *arrays, *scalars, *scratch(program, dtype, n))
    else:
        _share(n, n * program.cost, lambda start, stop: _run_range(program, dtype, arrays, scalars, start, stop))


def _run_range(program: NumPyProgram, dtype: np.dtype, arrays: Sequence[np.ndarray], scalars: tuple,
               start: int, stop: int) -> None:
    run, tile = program.run, tile_of(dtype)
    for low in range(start, stop, tile):
        high = min(low + tile, stop)
        run(*[array if array.size == 1 else array[low:high] for array in arrays], *scalars,
            *scratch(program, dtype, high - low))


def run_strided(program: NumPyProgram, dtype: np.dtype, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray],
                scalars: tuple) -> None:
    """Run on arrays of any strides and dtypes that broadcast, each tile gathered and cast by numpy.nditer."""
    ndim, rows, size = outputs[0].ndim, len(outputs[0]), outputs[0].size

    def run_rows(start: int, stop: int) -> None:
        parts = [array[start:stop] if array.ndim == ndim and len(array) > 1 else array for array in (*inputs, *outputs)]
        _run_iterated(program, dtype, parts[:len(inputs)], parts[len(inputs):], scalars)

    _share(rows, size * program.cost, run_rows)


def _run_iterated(program: NumPyProgram, dtype: np.dtype, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray],
                  scalars: tuple) -> None:
    types = [dtype] * len(inputs) + [np.dtype(bool) if boolean else dtype for boolean in program.is_boolean]
    flags = [["readonly"]] * len(inputs) + [["writeonly"]] * len(outputs)
    iterator = np.nditer([*inputs, *outputs], ["buffered", "external_loop", "delay_bufalloc"], flags, types, order="K",
                         casting="unsafe", buffersize=tile_of(dtype) // 8)  # an iterator's buffers are not reused
    with iterator:
        iterator.reset()
        for tile in iterator:
            program.run(*tile, *scalars, *scratch(program, dtype, tile[0].size))


_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_executor: list = []


def _workers() -> Any:
    if not _executor:
        from concurrent.futures import ThreadPoolExecutor  # with the first large array: it takes a while to import

        _executor.append(ThreadPoolExecutor(_cores - 1, thread_name_prefix="gradcore"))
    return _executor[0]


def _share(n: int, work: int, run: Callable[[int, int], None]) -> None:
    """run(0, n), in parts on several threads where `work` is worth it."""
    parts = min(_cores, work // WORK_PER_THREAD, n)
    if parts <= 1:
        quietly(run, 0, n)
        return
    step = -(-n // (parts * 16)) * 16  # elements of a cache line, so that no two threads write to one
    bounds = [(start, min(n, start + step)) for start in range(0, n, step)]
    waits = [_started(run, *bound) for bound in bounds[1:]]
    quietly(run, *bounds[0])
    for wait in waits:
        wait()


def _started(run: Callable[[int, int], None], start: int, stop: int) -> Callable[[], None]:
    """Let another thread do run(start, stop); what is returned waits until it is done."""
    try:
        return _workers().submit(quietly, run, start, stop).result
    except RuntimeError as error:
        if "shutdown" not in str(error):
            raise
        # The main thread has ended, and Python takes no more work for others: this thread, which lives on, does it.
        return functools.partial(quietly, run, start, stop)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_executor.clear)  # threads do not survive a fork
