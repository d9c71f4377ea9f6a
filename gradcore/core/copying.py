"""Copying and pickling of tensors.  As in PyTorch, the results are leaves, without a history."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..backends import get_backend
from ..backends.formulas.dtypes import as_dtype


def deep_copy_of(tensor: Any, memo: dict[Any, Any]) -> Any:
    """A leaf that copies the values and the gradient: `copy.deepcopy`."""
    if tensor._node is not None:
        raise RuntimeError("only leaves can be deep-copied; call .detach() first")
    copied = _new_like(tensor)
    memo[id(tensor)] = copied
    copied._set(tensor._backend.copy(tensor._array), tensor._backend)
    copied._requires_grad = tensor._requires_grad
    copied._grad = None if tensor._grad is None else deep_copy_of(tensor._grad, memo)
    if hasattr(tensor, "__dict__"):  # the attributes of a subclass
        copied.__dict__.update(copy.deepcopy(tensor.__dict__, memo))
    return copied


def copy_of(tensor: Any) -> Any:
    """A leaf that shares memory with `tensor`: `copy.copy`."""
    copied = _new_like(tensor)
    copied._set(tensor._array, tensor._backend)
    copied._versions, copied._requires_grad = tensor._versions, tensor._requires_grad
    if hasattr(tensor, "__dict__"):
        copied.__dict__.update(tensor.__dict__)
    return copied


def _new_like(tensor: Any) -> Any:
    cls: Any = type(tensor)
    return cls.__new__(cls)


def pickled(tensor: Any) -> tuple[Any, ...]:
    """The pickled form of a tensor: its values, device and attributes."""
    attributes = getattr(tensor, "__dict__", None) or None
    return _unpickled, (type(tensor), tensor.numpy(), str(tensor.device), tensor._requires_grad), attributes


def _unpickled(cls: Any, array: np.ndarray, device: str, requires_grad: bool) -> Any:
    backend, loaded = get_backend(device), cls.__new__(cls)
    loaded._set(backend.asarray(array, as_dtype(array.dtype), copy=True), backend)
    loaded._requires_grad = requires_grad
    return loaded
