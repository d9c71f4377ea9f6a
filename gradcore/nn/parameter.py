"""The tensors of modules: parameters, which are learned, and buffers, which are not."""

from __future__ import annotations

from typing import Any

from ..core.tensor import DeviceLike, Tensor
from ..operations.creation import empty
from . import init


class Parameter(Tensor):
    """A tensor that a module learns: it requires a gradient, and `Module.parameters` includes it.

    As in PyTorch, it shares the memory of a tensor; other data are copied.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    def __init__(self, data: Any = (), requires_grad: bool = True, dtype: Any = None, device: DeviceLike = None):
        _share(self, data, requires_grad, dtype, device)


class Buffer(Tensor):
    """A tensor of a module's state that is not learned, such as a running mean; it shares the memory of `data`.

    Unless it is `persistent`, it is not part of `Module.state_dict`.

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
    """A parameter of a shape, to be initialized."""
    return Parameter(empty(shape, dtype=dtype, device=device))


def draw_uniform(module: Any, bound: float) -> None:
    """Initialize a module's own parameters uniformly in ±bound."""
    for parameter in module._parameters.values():
        if parameter is not None:
            init.uniform_(parameter, -bound, bound)


def _share(made: Tensor, data: Any, requires_grad: bool, dtype: Any, device: DeviceLike) -> None:
    """Let the new tensor `made` share the memory of `data`, if that is a matching tensor."""
    if not isinstance(data, Tensor):
        Tensor.__init__(made, data, requires_grad, dtype, device)
        return
    source = data.detach().to(device=device, dtype=dtype)
    made._set(source._array, source._backend)
    made._versions = source._versions
    made.requires_grad = requires_grad
