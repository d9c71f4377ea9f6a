"""Accumulation of gradients in leaves.

As in PyTorch, gradients are added to the existing tensor in place, so that ``g = x.grad`` sees the next backward pass.
Backward passes of several threads may share a leaf; none of their gradients is lost.
"""

from __future__ import annotations

from typing import Any

from ..backends.locks import Guard
from .grad_mode import mode

_adding = Guard()  # the collector may run a backward pass of its own in the middle of another


def accumulate(tensor: Any, gradient: Any, is_new: bool) -> None:
    """Add `gradient` to ``tensor.grad``; `is_new` says that nothing else refers to its memory."""
    with _adding.lock:
        while True:
            kept = tensor._grad
            if kept is None:
                result = gradient if is_new else gradient.clone()
            elif _must_be_replaced(kept):
                result = kept + gradient
            else:
                kept._versions[0] += 1  # before the values: what Ctrl-C ends in between is refused, and not wrong
                kept._backend.add_at(kept._array, ..., gradient._array)
                return
            if tensor._grad is kept:  # else another pass has come between: see `Guard`
                tensor._grad = result
                return


def _must_be_replaced(kept: Any) -> bool:
    backend = kept._backend
    return bool(mode.enabled or kept._requires_grad or backend.is_expanded(kept._array)
                or backend.is_read_only(kept._array))


def refuse_gradient(owner: Any, gradient: Any, name: str) -> None:
    """Raise ValueError unless `gradient` is None or a tensor of the shape, dtype and device of `owner`."""
    is_tensor = hasattr(gradient, "_versions")
    if gradient is not None and not (is_tensor and gradient._array.shape == owner._array.shape
                                     and gradient._array.dtype == owner._array.dtype
                                     and gradient._backend is owner._backend):
        expected = owner.shape, str(owner.dtype), str(owner.device)
        got = (gradient.shape, str(gradient.dtype), str(gradient.device)) if is_tensor else type(gradient).__name__
        raise ValueError(f"{name} must be a tensor of {expected}, as its tensor is; got {got}")
