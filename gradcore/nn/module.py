"""`Module`: a function with parameters, made of other modules like a tree."""

from __future__ import annotations

import textwrap
from typing import Any, Iterator, Mapping

import numpy as np

from ..backends.formulas.dtypes import FLOAT16, FLOAT32, FLOAT64, kind_of
from ..operations.conversion import place_named
from ..core.tensor import DeviceLike, Tensor


class Parameter(Tensor):
    """A tensor that a module learns: its gradient is wanted, and `Module.parameters` finds it.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, dtype: Any = None, device: DeviceLike = None):
        super().__init__(data, requires_grad, dtype, device)


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learned, as a running mean."""

    __slots__ = ()


class Module:
    """Base class of layers and models.

    A subclass assigns parameters, buffers and other modules to attributes and states `forward`:

    >>> class Scale(Module):
    ...     def __init__(self, factor):
    ...         self.factor = Parameter(factor)
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> scale = Scale(3.0)
    >>> scale(Tensor([1.0, 2.0])).tolist()
    [3.0, 6.0]
    >>> [name for name, parameter in scale.named_parameters()]
    ['factor']
    """

    training = True  # whether modules that differ between training and evaluation are in training

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what it computes: define forward(self, x)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    # -- the tree ---------------------------------------------------------------------------------------------
    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules that are attributes of this one, with their names."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """This module and all below it, each once, with their paths ("" for this one)."""
        seen: set[Module] = set()
        waiting: list[tuple[str, Module]] = [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            if module not in seen:
                seen.add(module)
                yield path, module
                waiting += [(_joined(path, name), child) for name, child in reversed([*module.named_children()])]

    def modules(self) -> Iterator["Module"]:
        return (module for _, module in self.named_modules())

    def _named_tensors(self, kind: type | tuple[type, ...]) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, kind) and id(value) not in seen:
                    seen.add(id(value))
                    yield _joined(path, name), value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with their paths, as "0.weight"."""
        return self._named_tensors(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        return self._named_tensors(Buffer)

    # -- modes, gradients, devices ----------------------------------------------------------------------------
    def train(self, mode: bool = True) -> "Module":
        """Put this module and all below it into training, or into evaluation with ``train(False)``."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self) -> "Module":
        """Put this module and all below it into evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> "Module":
        """Let all parameters be learned, or keep them as they are."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, *places: Any, device: DeviceLike = None, dtype: Any = None) -> "Module":
        """Move parameters and buffers to a device, those of floats into a dtype too; they stay the same objects.

        Devices and dtypes may also be given by position, as in `Tensor.to`.
        """
        device, dtype = place_named(places, device, dtype)
        if dtype is not None and kind_of(np.dtype(dtype)) < 2:
            raise TypeError(f"{type(self).__name__}.to: parameters hold floats; got dtype {np.dtype(dtype)}")
        for _, tensor in self._named_tensors((Parameter, Buffer)):
            moved = tensor.detach().to(device=device, dtype=dtype if kind_of(tensor.dtype) == 2 else None)
            tensor._array, tensor._backend, tensor._versions = moved._array, moved._backend, moved._versions
            if tensor.grad is not None:
                tensor.grad = tensor.grad.detach().to(device=device, dtype=dtype)
        return self

    def cpu(self) -> "Module":
        return self.to("cpu")

    def cuda(self, index: int = 0) -> "Module":
        return self.to(f"cuda:{index}")

    def half(self) -> "Module":
        return self.to(FLOAT16)

    def float(self) -> "Module":
        return self.to(FLOAT32)

    def double(self) -> "Module":
        return self.to(FLOAT64)

    # -- state ------------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers as NumPy arrays, by their paths.

        They can be kept with numpy.savez or safetensors.numpy.save_file.
        """
        return {name: np.array(tensor.numpy(), order="C") for name, tensor in self._named_tensors((Parameter, Buffer))}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Take over the values of a `state_dict`; `strict` refuses one that has other names than this module."""
        own = dict(self._named_tensors((Parameter, Buffer)))
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        problems = [f"missing: {', '.join(missing)}"] * bool(strict and missing)
        problems += [f"unknown: {', '.join(unknown)}"] * bool(strict and unknown)
        values = {name: np.asarray(state[name]) for name in own.keys() & state.keys()}
        problems += [f"{name} has shape {values[name].shape}, not {tensor.shape}" for name, tensor in own.items()
                     if name in values and values[name].shape != tensor.shape]
        if problems:
            raise ValueError(f"the state does not fit {type(self).__name__}: {'; '.join(problems)}")
        for name, value in values.items():
            own[name].detach().copy_(value)

    # -- how it prints ----------------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """What stands in the brackets of the printed module."""
        return ""

    def __repr__(self) -> str:
        name, options = type(self).__name__, self.extra_repr()
        lines = [f"({child_name}): {child!r}" for child_name, child in self.named_children()]
        if not lines:
            return f"{name}({options})"
        return "\n".join([f"{name}({options}", textwrap.indent("\n".join(lines), "  "), ")"])


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
