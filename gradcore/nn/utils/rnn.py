"""Sequences of different lengths: padded to one length, or packed without padding."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from ...backends.formulas.dtypes import kind_of
from ...core.public import publish_own
from ...core.tensor import Tensor, as_tensor
from ...operations.creation import full
from ...operations.indexing import getitem, index_select
from ...operations.shaping import cat, reshape, stack, transpose

__all__ = ["PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
           "unpack_sequence", "unpad_sequence"]


class PackedSequence(NamedTuple):
    """Sequences without padding: the elements of all at the first time step, then at the second, and so on.

    `batch_sizes` (int64, on the CPU) has the number of sequences at each time step.  `sorted_indices` sorted them by
    length; `unsorted_indices` restores their order.

    >>> PackedSequence(Tensor([1.0, 3.0, 2.0]), Tensor([2, 1], dtype="int64")).batch_sizes
    tensor([2, 1])
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Optional[Tensor] = None
    unsorted_indices: Optional[Tensor] = None

    def to(self, *places: Any, **options: Any) -> "PackedSequence":
        """The packed sequence on another device or in another dtype."""
        data = self.data.to(*places, **options)
        indices = [None if i is None else i.to(device=data.device) for i in self[2:]]
        return PackedSequence(data, self.batch_sizes, *indices)


def widths_of(packed: PackedSequence) -> tuple[int, ...]:
    """The number of sequences at each time step."""
    return tuple(packed.batch_sizes.tolist())


def places_of(widths: Sequence[int]) -> np.ndarray:
    """The index of each element of a packed sequence in the padded one: time · sequences + sequence."""
    return np.concatenate([t * widths[0] + np.arange(width) for t, width in enumerate(widths)])


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Pack padded sequences of shape (T, N, ...), or with `batch_first` (N, T, ...).

    With `enforce_sorted` they must be sorted by decreasing length.

    >>> pack_padded_sequence(Tensor([[1.0, 3.0], [2.0, 0.0]]), [2, 1]).data
    tensor([1., 3., 2.])
    """
    name = "pack_padded_sequence"
    if input.ndim < 2:
        raise ValueError(f"{name}: sequences have a dimension of time and one of batch; got shape {input.shape}")
    x = transpose(input, 0, 1) if batch_first else input
    given = as_tensor(lengths).detach().numpy()
    if given.shape != x.shape[1:2] or given.dtype.kind not in "iu" or given.min(initial=1) < 1 \
            or given.max(initial=0) > x.shape[0]:
        raise ValueError(f"{name}: {x.shape[1]} lengths from 1 to {x.shape[0]} are needed; got {given.tolist()!r:.80}")
    indices: tuple[Any, ...] = ()
    if enforce_sorted:
        if (np.diff(given) > 0).any():
            raise RuntimeError(f"{name}: with enforce_sorted=True lengths must fall; got {given.tolist()!r:.80}. Pass "
                               f"enforce_sorted=False to have the sequences sorted")
    else:
        order = np.argsort(-given, kind="stable")
        indices = tuple([as_tensor(i, device=x.device) for i in (order, np.argsort(order))])
        given, x = given[order], index_select(x, 1, indices[0])
    widths = [int((given > t).sum()) for t in range(given.max(initial=0))]
    flat = reshape(x, x.shape[0] * x.shape[1], *x.shape[2:])
    data = index_select(flat, 0, as_tensor(places_of(widths), device=x.device))
    return PackedSequence(data, as_tensor(np.array(widths), device="cpu"), *indices)


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: Optional[int] = None) -> tuple[Tensor, Tensor]:
    """Unpack to sequences padded to one length (`total_length`, or that of the longest), with their lengths.

    >>> pad_packed_sequence(pack_sequence([Tensor([1.0, 2.0]), Tensor([3.0])]), batch_first=True)
    (tensor([[1., 2.],
            [3., 0.]]), tensor([2, 1]))
    """
    widths = widths_of(sequence)
    steps = len(widths) if total_length is None else total_length
    if steps < len(widths):
        raise ValueError(f"pad_packed_sequence: total_length must be at least the longest length, {len(widths)}; got "
                         f"{total_length}")
    padded = padded_of(sequence.data, widths, steps, padding_value)
    lengths = np.array([sum(width > i for width in widths) for i in range(widths[0])])
    if sequence.unsorted_indices is not None:
        padded = index_select(padded, 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.numpy()]
    return transpose(padded, 0, 1) if batch_first else padded, as_tensor(lengths, device="cpu")


def padded_of(data: Tensor, widths: Sequence[int], steps: int, value: float = 0.0) -> Tensor:
    """Packed elements as (steps, sequences, ...), padded with `value`."""
    sources = np.full(steps * widths[0], len(data))  # the index of the padding value, which follows the elements
    sources[places_of(widths)] = np.arange(len(data))
    if not (sources == len(data)).any():
        return reshape(data, steps, widths[0], *data.shape[1:])
    padding = full((1, *data.shape[1:]), value, dtype=data.dtype, device=data.device)
    flat = index_select(cat([data, padding]), 0, as_tensor(sources, device=data.device))
    return reshape(flat, steps, widths[0], *data.shape[1:])


def pad_sequence(sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Pad sequences (L, ...) to the longest and stack them: (T, N, ...), or with `batch_first` (N, T, ...).

    >>> pad_sequence([Tensor([1, 2]), Tensor([3])], batch_first=True)
    tensor([[1., 2.],
            [3., 0.]])
    """
    listed = list(sequences)
    if not listed or not all(isinstance(part, Tensor) and part.ndim for part in listed):
        raise ValueError("pad_sequence: it takes tensors with a dimension of time, one at least")
    if padding_side not in ("left", "right"):
        raise ValueError(f'pad_sequence: `padding_side` must be "left" or "right"; got {padding_side!r}')
    longest = max(len(part) for part in listed)
    rows = []
    for part in listed:
        padding = full((longest - len(part), *part.shape[1:]), padding_value, dtype=part.dtype, device=part.device)
        rows.append(cat([part, padding] if padding_side == "right" else [padding, part]) if len(padding) else part)
    return stack(rows, 0 if batch_first else 1)


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L, ...).

    >>> pack_sequence([Tensor([1.0, 2.0]), Tensor([3.0])]).batch_sizes
    tensor([2, 1])
    """
    lengths = [len(part) for part in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor, without padding.

    >>> unpad_sequence(Tensor([[1.0, 2.0], [3.0, 0.0]]), [2, 1], batch_first=True)
    [tensor([1., 2.]), tensor([3.])]
    """
    rows = padded_sequences if batch_first else transpose(padded_sequences, 0, 1)
    counts = as_tensor(lengths)
    if counts.shape != (len(rows),) or kind_of(counts.dtype) != 1:
        raise ValueError(f"unpad_sequence: {len(rows)} integer lengths are needed, one for each sequence; got "
                         f"{counts.dtype} of shape {counts.shape}")
    return [getitem(row, slice(length)) for row, length in zip(rows, counts.tolist())]


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed one.

    >>> unpack_sequence(pack_sequence([Tensor([1.0, 2.0]), Tensor([3.0])]))
    [tensor([1., 2.]), tensor([3.])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


publish_own(globals())
