"""The tensors of modules: parameters, which are learned, and buffers, which are not."""

from __future__ import annotations

from typing import Any

from ..core.tensor import DeviceLike, Tensor
from ..operations.creation import empty
from . import init


class Parameter(Tensor):
    """A tensor that a module learns: its gradient is wanted, and `Module.parameters` finds it.

    It shares the memory of a tensor, as PyTorch's does; all else is copied.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    def __init__(self, data: Any = (), requires_grad: bool = True, dtype: Any = None, device: DeviceLike = None):
        _share(self, data, requires_grad, dtype, device)


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learned, as a running mean; it shares the memory of `data`.

    One that is not `persistent` is no part of `Module.state_dict`.

    >>> from gradcore.nn import Module
    >>> class Centred(Module):
    ...     def __init__(self):
    ...         self.mean = Buffer([1.0, 2.0])
    ...
    >>> list(Centred().state_dict())
    ['mean']
    """

    def __init__(self, data: Any, dtype: Any = None, device: DeviceLike = None, *, persistent: bool = True):
        _share(self, data, False, dtype, device)
        self.persistent = persistent


def unfilled(shape: tuple[int, ...], device: DeviceLike = None, dtype: Any = None) -> Parameter:
    """A parameter of a shape, whose values are yet to be drawn."""
    return Parameter(empty(shape, dtype=dtype, device=device))


def draw_uniform(module: Any, bound: float) -> None:
    """Draw the parameters of a module itself uniformly between ±bound."""
    for parameter in module._parameters.values():
        if parameter is not None:
            init.uniform_(parameter, -bound, bound)


def _share(made: Tensor, data: Any, requires_grad: bool, dtype: Any, device: DeviceLike) -> None:
    """Give `made`, a new tensor, the memory of `data` where that is a tensor that fits."""
    if not isinstance(data, Tensor):
        Tensor.__init__(made, data, requires_grad, dtype, device)
        return
    source = data.detach().to(device=device, dtype=dtype)
    made._set(source._array, source._backend)
    made._versions = source._versions
    made.requires_grad = requires_grad
