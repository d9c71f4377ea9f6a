"""What a process gives to an engine for communication, and how it waits for that."""

from __future__ import annotations

from typing import Any, Callable, Optional

from ..core.tensor import Tensor


class Work:
    """An operation that was begun; until `wait` returns, its tensors must not be used.

    >>> from gradcore import distributed
    >>> x = Tensor([1.0, 2.0])
    >>> work = distributed.all_reduce(x, async_op=True)  # goes on beside what follows
    >>> work.wait()
    True
    """

    def __init__(self, wait: Callable[[], Any], finish: Callable[[], None], keeps: Any = None):
        self._wait: Optional[Callable[[], Any]] = wait
        self._finish = finish
        self._keeps = keeps  # what must not be freed before
        self._result: Any = None

    def wait(self) -> bool:
        """Return when the tensors hold the result (on devices that queue their work: for all that is queued later).

        An error of the operation is raised here.
        """
        if self._wait is not None:
            wait, self._wait = self._wait, None
            self._result = wait()
            self._finish()
            self._keeps = None
        return True

    @property
    def result(self) -> Any:
        """What the wait gave: the sender's rank, of a `irecv`."""
        self.wait()
        return self._result


class Buffer:
    """What an engine reads and writes in place of a tensor: its own memory where it can be used, else a copy.

    The tensor counts as changed from now on where the engine `writes`.
    """

    __slots__ = ("tensor", "flat", "_copy")

    def __init__(self, tensor: Tensor, is_host_engine: bool, writes: bool, name: str):
        backend, array = tensor._backend, tensor._array
        if writes:
            if backend.is_expanded(array) or backend.is_read_only(array):
                raise ValueError(f"{name}: the tensor of shape {tensor.shape} cannot be written to: it was expanded, "
                                 f"or its memory is read-only; pass a .clone() of it")
            tensor._versions[0] += 1
        self.tensor: Tensor = tensor
        is_direct = backend.memory_is_on_host or not is_host_engine
        self._copy = None
        if not is_direct:
            array = self._copy = backend.staged(array)
        elif not array.flags.c_contiguous:
            array = self._copy = backend.copy(array)
        self.flat = array.reshape(-1)

    def write_back(self) -> None:
        """Put what the engine wrote into the tensor."""
        if self._copy is not None:
            self.tensor._backend.unstage(self.tensor._array, self._copy)


def nothing() -> None:
    """What has been waited for already."""
