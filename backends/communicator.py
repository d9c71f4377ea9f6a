"""What an engine for communication between processes does with the arrays of one device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Optional

Array = Any  # a flat, contiguous array of the device's own library
Wait = Callable[[], None]


class Communicator(ABC):
    """Collective operations between `size` processes; all of them make the same calls in the same order.

    Reductions are "sum", "mean", "max" or "min", for every dtype that a tensor can have; what makes no sense (a mean of
    integers) has been refused before.
    """

    is_queued = False  # whether calls return before their work is done: `mark` then tells when it is

    @abstractmethod
    def all_reduce(self, array: Array, op: str) -> None:
        """Reduce `array` over all processes, in place, on each of them."""

    @abstractmethod
    def reduce(self, array: Array, op: str, root: int) -> None:
        """Reduce `array` over all processes, in place on `root`; elsewhere its contents are arbitrary afterwards."""

    @abstractmethod
    def broadcast(self, array: Array, root: int) -> None:
        """Copy `array` of the process `root` into that of all others."""

    @abstractmethod
    def all_gather(self, output: Array, array: Array) -> None:
        """Put the `array` of every process, in the order of their ranks, into `output`."""

    @abstractmethod
    def reduce_scatter(self, output: Array, array: Array, op: str) -> None:
        """Reduce `array` over all processes and put the part of this process into `output`."""

    @abstractmethod
    def send(self, array: Array, peer: int, tag: int) -> Wait:
        """Send `array`; what is returned waits until its memory may be used again."""

    @abstractmethod
    def receive(self, array: Array, peer: Optional[int], tag: int) -> Callable[[], int]:
        """Receive into `array` from `peer` (None: from any); what is returned waits for it and gives the sender."""

    def mark(self) -> Wait:
        """What lets the device wait for the work that was queued so far."""
        raise NotImplementedError(f"{type(self).__name__} queues no work")

    def close(self) -> None:
        """Give back what the engine holds."""
