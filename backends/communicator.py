"""The interface for communication between processes, for arrays of one device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Optional

Array = Any  # a flat, contiguous array of the device's own library
Wait = Callable[[], None]


class Communicator(ABC):
    """Collective operations between processes, which all make the same calls in the same order.

    Reductions are "sum", "mean", "max" or "min" for every dtype of tensors.  Callers have already rejected invalid
    combinations, such as the mean of integers.
    """

    is_queued = False  # whether calls return before their work is done; `mark` then waits for it

    @abstractmethod
    def all_reduce(self, array: Array, op: str) -> None:
        """Reduce `array` over all processes, in place, on each of them."""

    @abstractmethod
    def reduce(self, array: Array, op: str, root: int) -> None:
        """Reduce `array` over all processes, in place on `root`; its contents on other ranks become undefined."""

    @abstractmethod
    def broadcast(self, array: Array, root: int) -> None:
        """Copy `array` of the process `root` to all other processes."""

    @abstractmethod
    def all_gather(self, output: Array, array: Array) -> None:
        """Concatenate the `array` of every process, ordered by rank, in `output`."""

    @abstractmethod
    def reduce_scatter(self, output: Array, array: Array, op: str) -> None:
        """Reduce `array` over all processes and put the part of this process into `output`."""

    @abstractmethod
    def send(self, array: Array, peer: int, tag: int) -> Wait:
        """Send `array`; the returned function waits until its memory may be reused."""

    @abstractmethod
    def receive(self, array: Array, peer: Optional[int], tag: int) -> Callable[[], int]:
        """Receive into `array` from `peer` (None: any); the returned function waits for it and returns the sender."""

    def mark(self) -> Wait:
        """A function that makes the device wait for the work queued so far."""
        raise NotImplementedError(f"{type(self).__name__} queues no work")

    def close(self) -> None:
        """Release the resources of the communicator."""
