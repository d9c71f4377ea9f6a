"""Parametrizations: parameters of a module that are functions of others, computed at each access.

>>> import gradcore
>>> from gradcore import nn
>>> class Symmetric(nn.Module):
...     def forward(self, X):
...         return X.triu() + X.triu(1).T
>>> layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
>>> bool((layer.weight == layer.weight.T).all())
True
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Optional

from ...core.public import publish_own
from ...core.grad_mode import no_grad
from ...core.tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
           "type_before_parametrizations"]

_cache: Optional[dict[tuple[int, str], Tensor]] = None  # values within `cached`


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """A context in which each parametrized tensor is computed once.

    >>> with cached():
    ...     pass
    """
    global _cache
    before, _cache = _cache, {} if _cache is None else _cache
    try:
        yield
    finally:
        _cache = before


class ParametrizationList(ModuleList):
    """The functions that compute a tensor from its `original`, or from several: `original0`, `original1`, ….

    Each is a module; a method `right_inverse` allows assignment to the tensor.

    >>> from gradcore import nn
    >>> layer = register_parametrization(nn.Linear(2, 2), "weight", nn.Tanh())
    >>> layer.parametrizations.weight
    ParametrizationList(
      (0): Tanh()
    )
    """

    def __init__(self, modules: Any, original: Tensor, unsafe: bool = False):
        super().__init__(modules)
        self.unsafe = unsafe
        given = original
        with no_grad():
            for parametrization in reversed([*self]):
                inverse = getattr(parametrization, "right_inverse", None)
                given = given if inverse is None else inverse(given)
        self.is_tensor = isinstance(given, Tensor)
        self.ntensors = 1 if self.is_tensor else len(given)
        for name, value in zip(self._names(), [given] if self.is_tensor else given):
            if not isinstance(value, Tensor):
                raise TypeError(f"register_parametrization: right_inverse must return a Tensor or a tuple of them; got "
                                f"{type(value).__name__}")
            if isinstance(original, Parameter):
                made = original if self.is_tensor else Parameter(value.detach().clone(), original.requires_grad)
                if self.is_tensor and value is not original:
                    made.data = value.detach().clone()
                setattr(self, name, made)
            else:
                self.register_buffer(name, value.detach().clone())

    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def originals(self) -> list[Tensor]:
        """The tensors from which the value is computed."""
        return [getattr(self, name) for name in self._names()]

    def forward(self) -> Tensor:
        first, *rest = self
        value = first(*self.originals())
        for parametrization in rest:
            value = parametrization(value)
        result: Tensor = value
        return result

    @no_grad()
    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the tensor has a given value, if the parametrizations define this."""
        given: Any = value
        for parametrization in reversed([*self]):
            inverse = getattr(parametrization, "right_inverse", None)
            if inverse is None:
                raise RuntimeError(f"the tensor cannot be assigned to: {type(parametrization).__name__} has no "
                                   f"right_inverse")
            given = inverse(given)
        for own, new in zip(self.originals(), [given] if self.is_tensor else given):
            own.detach().copy_(new)


def _value(module: Any, name: str) -> Any:
    """The tensor that the parametrizations of an attribute compute."""
    parametrization = module.parametrizations[name]
    if _cache is None:
        return parametrization()
    key = (id(module), name)
    if key not in _cache:
        _cache[key] = parametrization()
    return _cache[key]


class _Parametrized:
    """The mixin of classes of modules with parametrized tensors."""

    parametrizations: Any

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        names = tuple(self.parametrizations)
        return _restored, (type_before_parametrizations(self), names), self.__dict__


def _restored(cls: Any, names: tuple[str, ...]) -> Any:
    module: Any = cls.__new__(cls)
    for name in names:
        _let_compute(module, name)
    return module


def _let_compute(module: Any, name: str) -> None:
    """Make an attribute a property of the module's class, which is a class of its own."""
    if not isinstance(module, _Parametrized):
        cls: Any = type(module)
        object.__setattr__(module, "__class__", type(f"Parametrized{cls.__name__}", (_Parametrized, cls), {}))
    setattr(type(module), name, property(
        lambda self: _value(self, name), lambda self, value: self.parametrizations[name].right_inverse(value)))


def register_parametrization(module: Any, tensor_name: str, parametrization: Module, *,
                             unsafe: bool = False) -> Any:
    """Compute the parameter or buffer `tensor_name` of `module` by `parametrization` from a new `original`.

    Several parametrizations of one tensor are composed.  A method `right_inverse` receives the current value and
    returns the tensor or tensors to be learned.

    Parameters
    ----------
    unsafe : whether the value may differ from the tensor in shape or dtype.

    >>> from gradcore import nn
    >>> layer = register_parametrization(nn.Linear(2, 2), "weight", nn.Softplus())
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'parametrizations.weight.original']
    """
    if is_parametrized(module, tensor_name):
        _append(module, tensor_name, parametrization, unsafe)
        return module
    original = {**module._parameters, **module._buffers}.get(tensor_name)
    if not isinstance(original, Tensor):
        raise ValueError(f"register_parametrization: {type(module).__name__} has no parameter or buffer "
                         f"{tensor_name!r}")
    parametrization.train(module.training)
    made = ParametrizationList([parametrization], original, unsafe)
    _check_fit(made(), original, unsafe)  # before anything has changed
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = made
    _let_compute(module, tensor_name)
    return module


def _check_fit(value: Any, original: Tensor, unsafe: bool) -> None:
    facts = original.dtype, original.shape
    if not unsafe and not (isinstance(value, Tensor) and (value.dtype, value.shape) == facts):
        got = f"{value.dtype} of shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"a parametrization must keep the dtype and shape of its tensor, {facts[0]} of shape "
                         f"{facts[1]}; it made {got}. unsafe=True allows it")


def _append(module: Any, name: str, parametrization: Module, unsafe: bool) -> None:
    known = module.parametrizations[name]
    with no_grad():
        value = known().clone()
        inverse = getattr(parametrization, "right_inverse", None)
        inner = value if inverse is None else inverse(value)
        _check_fit(parametrization(inner), value, known.unsafe or unsafe)
    known.append(parametrization)
    known.unsafe = known.unsafe or unsafe
    if inverse is not None:
        known.right_inverse(value)


def is_parametrized(module: Any, tensor_name: Optional[str] = None) -> bool:
    """Whether a module has parametrized tensors, or one of this name.

    >>> from gradcore import nn
    >>> is_parametrized(nn.Linear(2, 2))
    False
    """
    if not isinstance(module, _Parametrized):
        return False
    return tensor_name is None or tensor_name in module.parametrizations


def type_before_parametrizations(module: Any) -> type:
    """The class of a module before its tensors were parametrized.

    >>> from gradcore import nn
    >>> type_before_parametrizations(nn.Linear(2, 2)).__name__
    'Linear'
    """
    cls = type(module)
    return cls.__mro__[2] if isinstance(module, _Parametrized) else cls


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make `tensor_name` a parameter or buffer again, with its current value or that of its `original`.

    >>> from gradcore import nn
    >>> layer = register_parametrization(nn.Linear(2, 2), "weight", nn.Softplus())
    >>> [name for name, _ in remove_parametrizations(layer, "weight").named_parameters()]
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {type(module).__name__} has no parametrized {tensor_name!r}")
    known = module.parametrizations[tensor_name]
    originals = known.originals()
    if not leave_parametrized and len(originals) > 1:
        raise ValueError(f"remove_parametrizations: {tensor_name!r} is made of {len(originals)} tensors; "
                         f"leave_parametrized=False takes one")
    kept = originals[0]
    if leave_parametrized:
        with no_grad():
            value = known().detach().clone()
        if len(originals) > 1:
            is_learned = isinstance(kept, Parameter)
            kept = Parameter(value, any(one.requires_grad for one in originals)) if is_learned else value
        else:
            kept.data = value
    cls, names = type_before_parametrizations(module), [name for name in module.parametrizations
                                                        if name != tensor_name]
    del module.parametrizations[tensor_name]
    object.__setattr__(module, "__class__", cls)
    for name in names:
        _let_compute(module, name)
    if not names:
        del module.parametrizations
    if isinstance(kept, Parameter):
        module.register_parameter(tensor_name, kept)
    else:
        module.register_buffer(tensor_name, kept)
    return module


publish_own(globals())
