"""Asynchronous operations, and the memory that they use."""

from __future__ import annotations

from typing import Any, Callable, Optional

from ..core.tensor import Tensor


class Work:
    """An operation that was started; its tensors must not be used until `wait` returns.

    >>> from gradcore import distributed
    >>> x = Tensor([1.0, 2.0])
    >>> work = distributed.all_reduce(x, async_op=True)  # goes on beside what follows
    >>> work.wait()
    True
    """

    def __init__(self, wait: Callable[[], Any], finish: Callable[[], None], keeps: Any = None):
        self._wait: Optional[Callable[[], Any]] = wait
        self._finish = finish
        self._keeps = keeps  # memory that must not be freed before
        self._result: Any = None

    def wait(self) -> bool:
        """Wait until the tensors hold the result; on asynchronous devices, work queued later waits instead.

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
        """The result of the wait: for `irecv`, the sender's rank."""
        self.wait()
        return self._result


class Buffer:
    """The memory that a communicator uses for a tensor: the tensor's own if possible, else a copy.

    If it `writes`, the tensor counts as changed in place from now on.
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
        """Copy the result to the tensor."""
        if self._copy is not None:
            self.tensor._backend.unstage(self.tensor._array, self._copy)


def nothing() -> None:
    """A wait that returns immediately."""
