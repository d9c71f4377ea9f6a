"""Several tensors as one vector, since each message has a fixed cost."""

from __future__ import annotations

import itertools
from typing import Any, Iterable, Sequence

from .collectives import broadcast
from ..core.tensor import Tensor


class Flat:
    """Memory for tensors of one dtype and device, concatenated in the vector `tensor`."""

    def __init__(self, tensors: Sequence[Tensor]):
        self._backend = tensors[0]._backend
        self._shapes = [tensor.shape for tensor in tensors]
        self._ends = list(itertools.accumulate(tensor.numel() for tensor in tensors))
        self.tensor: Tensor = Tensor._wrap(self._backend.empty((self._ends[-1],), tensors[0].dtype), self._backend)

    def _place(self, i: int) -> slice:
        return slice(self._ends[i - 1] if i else 0, self._ends[i])

    def put(self, i: int, array: Any) -> None:
        """Copy an array of the device (or a number) to the position of tensor `i`."""
        if hasattr(array, "shape"):
            array = self._backend.xp.reshape(array, (-1,))
        self._backend.assign(self.tensor._array, self._place(i), array)

    def tensor_at(self, i: int) -> Tensor:
        """The elements at the position of tensor `i`, in its shape, sharing memory if possible."""
        array = self._backend.xp.reshape(self._backend.take(self.tensor._array, self._place(i)), self._shapes[i])
        return Tensor._wrap(array, self._backend)


def of_one_kind(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """The tensors grouped by dtype and device."""
    groups: dict[Any, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault((tensor.dtype, tensor._backend), []).append(tensor)
    return list(groups.values())


def broadcast_all(tensors: Iterable[Tensor], src: int, is_source: bool) -> None:
    """Broadcast these tensors from rank `src`, in one message for each dtype and device."""
    groups = of_one_kind(tensors)
    flats = []
    for group in groups:
        flat = Flat(group)
        for i, tensor in enumerate(group if is_source else ()):
            flat.put(i, tensor._array)
        flats.append((flat, broadcast(flat.tensor, src, async_op=True)))
    for group, (flat, work) in zip(groups, flats):
        assert work is not None
        work.wait()
        for i, tensor in enumerate(() if is_source else group):
            tensor._backend.assign(tensor._array, ..., flat.tensor_at(i)._array)
            tensor._versions[0] += 1
