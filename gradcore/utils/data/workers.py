"""Fetching of batches: in the calling thread, or ahead of it by worker threads or spawned processes.

A worker is an executor of one thread or one process, so its state stays in one place.  Batch k is fetched by worker k
modulo the number of workers, and batches are returned in order.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import Any, Callable, Iterator, NamedTuple, Optional

from .collate import default_collate
from .dataset import IterableDataset

_END = "no further samples"  # sent by a worker at the end of its data set; equal in every process
_here = threading.local()  # the state of the calling worker


class WorkerInfo(NamedTuple):
    """The worker's index, and the number of workers.

    >>> info = WorkerInfo(id=1, num_workers=2, seed=0, dataset=["a", "b", "c"])
    >>> info.dataset[info.id::info.num_workers]
    ['b']
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


def get_worker_info() -> Optional[WorkerInfo]:
    """Information about the calling worker; None outside workers.

    >>> get_worker_info() is None  # in the main program
    True
    """
    return getattr(_here, "info", None)


class Fetcher(NamedTuple):
    """Makes batches of a data set; single samples if `batch_size` is None."""

    dataset: Any
    collate_fn: Optional[Callable[[Any], Any]]
    batch_size: Optional[int]
    drop_last: bool

    def of(self, indices: Any) -> Any:
        """The batch at these indices; a single index gives a sample."""
        if not isinstance(indices, list):
            return self._collated(self.dataset[indices])
        if self.collate_fn is None and hasattr(self.dataset, "collated"):
            return self.dataset.collated(indices)
        if hasattr(self.dataset, "__getitems__"):
            return self._collated(self.dataset.__getitems__(indices))
        return self._collated([self.dataset[i] for i in indices])

    def _collated(self, samples: Any) -> Any:
        if self.collate_fn is not None:
            return self.collate_fn(samples)
        return samples if self.batch_size is None else default_collate(samples)

    def in_order(self) -> Iterator[Any]:
        """The batches of an iterable data set."""
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self._collated, samples)
            return
        while True:
            batch = list(itertools.islice(samples, self.batch_size))
            if not batch or (self.drop_last and len(batch) < self.batch_size):
                return
            yield self._collated(batch)


def fetched_here(fetcher: Fetcher, indices: Iterator[Any]) -> Iterator[Any]:
    """All batches, fetched on demand."""
    return fetcher.in_order() if isinstance(fetcher.dataset, IterableDataset) else map(fetcher.of, indices)


# -- inside of a worker ---------------------------------------------------------------------------------------
def _start(fetcher: Fetcher, info: WorkerInfo, init: Optional[Callable[[int], Any]]) -> None:
    _here.info, _here.fetcher = info, fetcher
    _here.batches = None
    if init is not None:
        init(info.id)


def _fetch(indices: Any) -> Any:
    return _here.fetcher.of(indices)


def _next(is_first: bool) -> Any:
    if is_first:
        _here.batches = _here.fetcher.in_order()
    return next(_here.batches, _END)


# -- outside --------------------------------------------------------------------------------------------------
class Workers:
    """Workers, each of which prefetches at most `ahead` batches."""

    def __init__(self, fetcher: Fetcher, count: int, ahead: int, seed: int, context: Optional[str] = None,
                 init: Optional[Callable[[int], Any]] = None, timeout: float = 0):
        self.fetcher, self.count, self.ahead, self.timeout = fetcher, count, ahead, timeout or None
        self.executors = [_executor(context, (fetcher, WorkerInfo(i, count, seed + i, fetcher.dataset), init))
                          for i in range(count)]

    def fetched(self, indices: Iterator[Any]) -> Iterator[Any]:
        """All batches of a pass, in order."""
        calls = self._calls_of_iterable() if isinstance(self.fetcher.dataset, IterableDataset) else (
            (number % self.count, _fetch, index) for number, index in enumerate(indices))
        waiting: deque[Any] = deque()
        self._ended: set[int] = set()
        try:
            for worker, function, argument in calls:
                waiting.append((worker, self._submitted(worker, function, argument)))
                if len(waiting) >= self.ahead * self.count:
                    yield from self._result(*waiting.popleft())
            while waiting:
                yield from self._result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _calls_of_iterable(self) -> Iterator[tuple[Any, ...]]:
        for number in itertools.count():
            if len(self._ended) == self.count:
                return
            if number % self.count not in self._ended:
                yield number % self.count, _next, number < self.count

    def _submitted(self, worker: int, function: Callable[..., Any], argument: Any) -> Any:
        with _in_words(worker):
            return self.executors[worker].submit(function, argument)

    def _result(self, worker: int, future: Any) -> Iterator[Any]:
        with _in_words(worker, self.timeout):
            batch = future.result(self.timeout)
        if isinstance(batch, str) and batch == _END:
            self._ended.add(worker)
        else:
            yield batch

    def shutdown(self) -> None:
        """Shut the workers down without waiting."""
        for executor in self.executors:
            executor.shutdown(wait=False, cancel_futures=True)


class _in_words:
    """The exception for a worker that died or timed out."""

    def __init__(self, worker: int, timeout: Optional[float] = None):
        self.worker, self.timeout = worker, timeout

    def __enter__(self) -> None:
        """Nothing is prepared."""

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if error is None:
            return
        from concurrent import futures

        if isinstance(error, futures.BrokenExecutor):
            raise RuntimeError(f"DataLoader: worker {self.worker} ended before it had fetched its batch; what it "
                               f"printed says why") from error
        if isinstance(error, futures.TimeoutError) and self.timeout is not None:
            raise RuntimeError(f"DataLoader: worker {self.worker} fetched no batch in {self.timeout} s") from error


def _executor(context: Optional[str], arguments: tuple[Any, ...]) -> Any:
    # Imported here, since the import takes time and most programs use no workers.
    if context is None:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1, "gradcore-data", _start, arguments)
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(1, multiprocessing.get_context(context), _start, arguments)
