"""Collation of samples to batches, and moving batches to devices."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np

from ...backends.formulas.dtypes import FLOAT64
from ...core.python_data import of_kind
from ...core.tensor import Tensor, tensor
from ...operations.shaping import stack


def default_collate(batch: Sequence[Any]) -> Any:
    """Collate samples: tensors, arrays and numbers become tensors with a new first dimension.

    Tuples, lists and dicts are collated recursively; strings become a list.  As in PyTorch, Python floats become
    float64 and integers int64.

    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ['a', 'b']]
    """
    if not batch:
        raise ValueError("default_collate: a batch holds at least one sample; got none")
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind in "biuf":
        _check_alike("shapes", [np.shape(sample) for sample in batch])
        return tensor(np.stack(batch))
    if isinstance(first, (bool, int)):
        return tensor(list(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=FLOAT64)
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        _check_alike("keys", [set(sample) if isinstance(sample, Mapping) else type(sample) for sample in batch])
        return {name: default_collate([sample[name] for sample in batch]) for name in first}
    if isinstance(first, (tuple, list)):
        _check_alike("lengths", [len(sample) if isinstance(sample, (tuple, list)) else type(sample)
                                 for sample in batch])
        parts = [default_collate(part) for part in zip(*batch)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(f"default_collate puts together tensors, arrays, numbers, strings, tuples, lists and dicts; got "
                    f"{type(first).__name__}. Pass a `collate_fn` for others")


def _check_alike(what: str, of_samples: list[Any]) -> None:
    different = next((other for other in of_samples if other != of_samples[0]), None)
    if different is not None:
        raise ValueError(f"default_collate: samples have different {what}, {of_samples[0]} and {different}; pass a "
                         f"`collate_fn` that makes them equal")


def for_each_tensor(batch: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """The batch with `function` applied to each tensor."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {name: for_each_tensor(part, function) for name, part in batch.items()}
    if isinstance(batch, (tuple, list)):
        return of_kind(type(batch), [for_each_tensor(part, function) for part in batch])
    return batch
