"""Buckets of gradients: each is averaged over all processes as one message as soon as it is full."""

from __future__ import annotations

from typing import Optional, Sequence

from ...core.tensor import Tensor
from ...distributed import ReduceOp, Work, all_reduce
from ...distributed.flat import Flat, of_one_kind
from ...operations.creation import zeros_like


class Bucket:
    """The gradients of some parameters, of one dtype and device, in one backward pass."""

    def __init__(self, parameters: Sequence[Tensor]):
        self.parameters: list[Tensor] = list(parameters)
        self._index = {id(parameter): i for i, parameter in enumerate(parameters)}
        self.empty()

    def empty(self) -> None:
        """Remove the gradients of the last pass."""
        self._missing = dict(self._index)
        self._flat: Optional[Flat] = None  # if there are several
        self._whole: Optional[Tensor] = None
        self._work: Optional[Work] = None

    @property
    def is_full(self) -> bool:
        return not self._missing

    @property
    def missing(self) -> list[Tensor]:
        """The parameters without a gradient so far."""
        return [self.parameters[i] for i in self._missing.values()]

    def put(self, parameter: Tensor) -> None:
        """Add a parameter's gradient, or zeros if it has none."""
        i = self._missing.pop(id(parameter))
        if len(self.parameters) == 1:  # averaged in place
            self._whole = zeros_like(parameter) if parameter.grad is None else parameter.grad
            return
        if self._flat is None:
            self._flat = Flat(self.parameters)
            self._whole = self._flat.tensor
        self._flat.put(i, 0 if parameter.grad is None else parameter.grad._array)

    def start(self) -> None:
        """Start averaging over all processes."""
        assert self._whole is not None
        self._work = all_reduce(self._whole, ReduceOp.AVG, async_op=True)

    def finish(self, unused: Sequence[Tensor] = ()) -> None:
        """Wait for the averages and assign them, except to parameters that no process has used."""
        assert self._work is not None
        self._work.wait()
        for i, parameter in enumerate(self.parameters):
            if not any(parameter is other for other in unused):
                parameter.grad = self._whole if self._flat is None else self._flat.tensor_at(i)
        self.empty()


def in_buckets(parameters: Sequence[Tensor], alone_from: int, most_bytes: int) -> list[Bucket]:
    """Buckets of parameters, which are given in the expected order of their gradients.

    A gradient of at least `alone_from` bytes is averaged in place as a message of its own; smaller ones are copied
    together into messages of up to `most_bytes`.
    """
    place = {id(parameter): i for i, parameter in enumerate(parameters)}
    buckets: list[Bucket] = []
    for group in of_one_kind(parameters):
        size = 0
        filling: list[Tensor] = []
        for parameter in group:
            of_it = parameter.numel() * parameter.dtype.itemsize
            if of_it >= alone_from:
                buckets.append(Bucket([parameter]))
                continue
            if filling and size + of_it > most_bytes:
                buckets.append(Bucket(filling))
                size, filling = 0, []
            filling.append(parameter)
            size += of_it
        if filling:
            buckets.append(Bucket(filling))
    return sorted(buckets, key=lambda bucket: place[id(bucket.parameters[-1])])  # in the order of their last gradients
