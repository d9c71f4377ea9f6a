"""`DataLoader`: iterates over a data set in batches."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Union

from ...backends import get_backend
from ...core.public import checks_calls
from ...core.dimensions import is_integer
from ...core.tensor import DeviceLike
from ...operations.conversion import pin_memory
from ...operations.generator import Generator
from ..progress import progress
from .collate import for_each_tensor
from .dataset import IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, drawn_seed
from .workers import Fetcher, Workers, fetched_here


@checks_calls
class DataLoader:
    """A data set in batches; each ``for batch in loader`` is one pass.

    Parameters are PyTorch's, and two more, `device` and `progress`.

    Parameters
    ----------
    dataset : a `Dataset`, an `IterableDataset`, or anything with ``len(...)`` and ``[i]``.
    batch_size : samples in a batch; None gives single samples, not collated.
    shuffle : a new random order in each pass, from `generator` or the default generator.
    sampler, batch_sampler : the order of samples, or of lists of them, instead of `batch_size` and `shuffle`.
    num_workers : the number of workers that prefetch batches: threads, or with ``multiprocessing_context="spawn"``
        processes (the program must then be a file with ``if __name__ == "__main__":``).
    collate_fn : turns a list of samples into a batch; by default `default_collate`.
    drop_last : drop a smaller last batch.
    pin_memory : put batches in page-locked memory for asynchronous copies to `pin_memory_device`, by default the
        accelerator (``batch.to(device, non_blocking=True)``); no effect without one, or with `device`.
    device : the device to which tensors of a batch are moved.
    progress : True or a label, for a progress bar over the batches (needs tqdm).

    An interrupted pass can be resumed in another process: see `state_dict`.

    >>> loader = DataLoader(range(5), batch_size=2, drop_last=True)
    >>> len(loader), [batch.tolist() for batch in loader]
    (2, [[0, 1], [2, 3]])
    """

    def __init__(self, dataset: Any, batch_size: Optional[int] = 1, shuffle: Optional[bool] = None,
                 sampler: Optional[Iterable[int]] = None, batch_sampler: Optional[Iterable[list[int]]] = None,
                 num_workers: int = 0, collate_fn: Optional[Callable[[Any], Any]] = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0, worker_init_fn: Optional[Callable[[int], Any]] = None,
                 multiprocessing_context: Optional[str] = None, generator: Optional[Generator] = None, *,
                 prefetch_factor: Optional[int] = None, persistent_workers: bool = False,
                 pin_memory_device: str = "", in_order: bool = True, device: DeviceLike = None,
                 progress: Union[bool, str] = False):
        self.dataset, self.generator, self.collate_fn = dataset, generator, collate_fn
        _check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        _check_workers(num_workers, timeout, multiprocessing_context, prefetch_factor, persistent_workers)
        self.num_workers, self.timeout, self.worker_init_fn = num_workers, timeout, worker_init_fn
        self.multiprocessing_context, self.persistent_workers = multiprocessing_context, persistent_workers
        self.prefetch_factor: int = prefetch_factor or 2
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.device, self.progress = device, progress
        self.batch_size: Optional[int] = None if batch_sampler is not None else batch_size
        self.drop_last = drop_last
        if sampler is None and not isinstance(dataset, IterableDataset):
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.sampler = sampler
        if batch_sampler is None and sampler is not None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        self._workers: Optional[Workers] = None
        self._done, self._skipped, self._is_in_pass = 0, 0, False

    @property
    def _order(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            dataset: Any = self.dataset
            count, size = len(dataset), self.batch_size or 1
            return count // size if self.drop_last else -(-count // size)
        return len(self._order)

    # -- a pass -----------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Any]:
        indices = iter(()) if self._order is None else iter(self._order)  # a seed is drawn here
        self._done, self._skipped, self._is_in_pass = self._skipped, 0, True
        batches = self._counted(self._fetched(indices))
        if not self.progress:
            return batches
        total = len(self) if hasattr(self.dataset, "__len__") else None
        return iter(progress(batches, self.progress if isinstance(self.progress, str) else "", total=total,
                             initial=self._done))

    def _counted(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            self._done += 1
            yield batch
        self._done, self._is_in_pass = 0, False

    def _fetched(self, indices: Iterator[Any]) -> Iterator[Any]:
        is_iterable = isinstance(self.dataset, IterableDataset)
        if not is_iterable:
            _skip(indices, self._done)
        fetcher = Fetcher(self.dataset, self.collate_fn, self.batch_size if self.batch_sampler is None else 0,
                          self.drop_last)
        workers = self._started(fetcher) if self.num_workers else None
        try:
            batches = fetched_here(fetcher, indices) if workers is None else workers.fetched(indices)
            if is_iterable:
                _skip(batches, self._done)
            yield from map(self._placed, batches)
        except GeneratorExit:  # the loop over the batches was left
            raise
        except BaseException:  # Ctrl-C may leave a lock of concurrent.futures held for ever
            self._workers = None
            raise
        finally:
            if workers is not None and workers is not self._workers:
                workers.shutdown()

    def _started(self, fetcher: Fetcher) -> Workers:
        if self._workers is not None:
            return self._workers
        workers = Workers(fetcher, self.num_workers, self.prefetch_factor, drawn_seed(self.generator),
                          self.multiprocessing_context, self.worker_init_fn, self.timeout)
        if self.persistent_workers:
            self._workers = workers
        return workers

    def _placed(self, batch: Any) -> Any:
        if self.device is not None:
            return for_each_tensor(batch, lambda tensor: tensor.to(device=self.device))
        host = get_backend("cpu")
        if not self.pin_memory or get_backend(self.pin_memory_device or "auto") is host:
            return batch
        place = self.pin_memory_device or "auto"
        return for_each_tensor(batch, lambda tensor: pin_memory(tensor, place) if tensor._backend is host else tensor)

    # -- state ----------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """The number of batches taken in this pass, and what reproduces its order.

        Loaded into a loader of the same data, the next pass is the rest of this one.

        >>> loader = DataLoader(range(4), shuffle=True)
        >>> first = [next(batches).item() for batches in [iter(loader)] for _ in range(2)]
        >>> again = DataLoader(range(4), shuffle=True)
        >>> again.load_state_dict(loader.state_dict())
        >>> sorted([*first, *[batch.item() for batch in again]])
        [0, 1, 2, 3]
        """
        order = self._order.state_dict() if self._is_in_pass and isinstance(self._order, Sampler) else {}
        return {"batches": self._done, "is_in_pass": self._is_in_pass, "order": order}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Let the next pass be the rest of the pass of a `state_dict`."""
        if not isinstance(state_dict, Mapping) or set(state_dict) != {"batches", "is_in_pass", "order"}:
            raise ValueError(f"DataLoader.load_state_dict takes what state_dict() gives; got {state_dict!r:.80}")
        count, is_in_pass, order = state_dict["batches"], state_dict["is_in_pass"], state_dict["order"]
        if not is_integer(count) or count < 0 or not isinstance(is_in_pass, bool) or not isinstance(order, Mapping):
            raise ValueError(f"DataLoader.load_state_dict: `batches` must be an integer of at least 0, `is_in_pass` "
                             f"True or False and `order` a dict; got {state_dict!r:.120}")
        if state_dict["is_in_pass"] and isinstance(self._order, Sampler):
            self._order.load_state_dict(state_dict["order"])
        self._skipped = self._done = state_dict["batches"] if state_dict["is_in_pass"] else 0
        self._is_in_pass = state_dict["is_in_pass"]


def _skip(iterator: Iterator[Any], count: int) -> None:
    for _ in range(count):
        next(iterator, None)


def _check_order(dataset: Any, batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any,
                 drop_last: bool) -> None:
    if isinstance(dataset, IterableDataset) and (shuffle or sampler is not None or batch_sampler is not None):
        raise ValueError("DataLoader: an IterableDataset comes in its own order; `shuffle`, `sampler` and "
                         "`batch_sampler` are for data sets with samples by their numbers")
    if sampler is not None and shuffle:
        raise ValueError("DataLoader: `sampler` and `shuffle` exclude each other")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError("DataLoader: `batch_sampler` says what is in a batch already; leave out `batch_size`, "
                         "`shuffle`, `sampler` and `drop_last`")
    if batch_size is None and drop_last:
        raise ValueError("DataLoader: `drop_last` is about batches; there are none with batch_size=None")
    if batch_size is not None and (not is_integer(batch_size) or batch_size < 1):
        raise ValueError(f"DataLoader: a batch holds at least one sample; got batch_size={batch_size!r}")
    if not isinstance(dataset, IterableDataset) and not hasattr(dataset, "__getitem__"):
        raise TypeError(f"DataLoader takes a Dataset, or anything with len(...) and [i]; got {type(dataset).__name__}")


def _check_workers(num_workers: Any, timeout: Any, context: Any, prefetch_factor: Any, persistent: bool) -> None:
    if not is_integer(num_workers) or num_workers < 0:
        raise ValueError(f"DataLoader: `num_workers` is the number of workers, at least 0; got {num_workers!r}")
    if timeout < 0:
        raise ValueError(f"DataLoader: `timeout` must be at least 0; got {timeout}")
    if context not in (None, "spawn"):
        raise ValueError(f"DataLoader: workers are threads, or processes with multiprocessing_context=\"spawn\"; got "
                         f"{context!r}. A forked process could not use the threads and devices of its parent")
    if num_workers == 0 and (prefetch_factor is not None or persistent or context is not None):
        raise ValueError("DataLoader: `prefetch_factor`, `persistent_workers` and `multiprocessing_context` are about "
                         "workers; there are none with num_workers=0")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"DataLoader: `prefetch_factor` must be at least 1; got {prefetch_factor}")
