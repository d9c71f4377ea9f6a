"""Containers of modules and parameters."""

from __future__ import annotations

import operator
from collections import OrderedDict
from typing import Any, Iterable, Iterator, Mapping, Optional, Union

from ..core.expectations import described
from .module import Module
from .parameter import Parameter


class _Numbered(Module):
    """Base class of lists, whose items are attributes named by their indices."""

    what = "module"
    kind: type = Module

    def __init__(self, parts: Optional[Iterable[Any]] = None):
        self.extend(() if parts is None else parts)

    def _checked(self, part: Any) -> Any:
        if not isinstance(part, self.kind):
            advice = ". For an activation function take its module, as nn.ReLU() for relu" if callable(part) else ""
            raise TypeError(f"{type(self).__name__} holds {self.what}s; got {part!r:.80}{advice}")
        return part

    def _parts(self) -> dict[str, Any]:
        return dict(self._modules)

    def _set_parts(self, parts: Mapping[str, Any]) -> None:
        """Replace all items."""
        for name in self._parts():
            delattr(self, name)
        for name, part in parts.items():
            setattr(self, name, part)

    def _number(self, parts: Iterable[Any]) -> None:
        self._set_parts({str(i): self._checked(part) for i, part in enumerate(parts)})

    def _name(self, i: int) -> str:
        names = list(self._parts())
        if not -len(names) <= operator.index(i) < len(names):
            raise IndexError(f"{type(self).__name__} has {len(names)} part(s); there is no number {i}")
        return names[i]

    def append(self, part: Any) -> Any:
        """Append an item."""
        setattr(self, str(len(self)), self._checked(part))
        return self

    def extend(self, parts: Iterable[Any]) -> Any:
        """Append items."""
        for part in [self._checked(part) for part in parts]:
            self.append(part)
        return self

    def insert(self, index: int, part: Any) -> Any:
        """Insert an item before an index."""
        parts = list(self)
        parts.insert(index, self._checked(part))
        self._number(parts)
        return self

    def pop(self, i: int = -1) -> Any:
        """Remove and return an item."""
        part = self[i]
        del self[i]
        return part

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parts().values())

    def __len__(self) -> int:
        return len(self._parts())

    def __contains__(self, part: Any) -> bool:
        return any(part is own for own in self)

    def __getitem__(self, i: Union[int, slice]) -> Any:
        if isinstance(i, slice):
            return self._slice(i)
        return getattr(self, self._name(i))

    def _slice(self, part: slice) -> Any:
        return type(self)(list(self)[part])

    def __setitem__(self, i: int, part: Any) -> None:
        setattr(self, self._name(i), self._checked(part))

    def __delitem__(self, i: Union[int, slice]) -> None:
        parts = list(self)
        del parts[i if isinstance(i, slice) else list(self._parts()).index(self._name(i))]
        self._number(parts)

    def __iadd__(self, parts: Iterable[Any]) -> Any:
        return self.extend(parts)

    def __add__(self, parts: Iterable[Any]) -> Any:
        return type(self)([*self, *parts])


class ModuleList(_Numbered):
    """A list of modules, registered as submodules.

    >>> len(ModuleList([Module(), Module()])[:1])
    1
    """

    prints_repeated_once = True

    def __init__(self, modules: Optional[Iterable[Module]] = None):
        super().__init__(modules)


class Sequential(_Numbered):
    """Modules applied in sequence, named by index or by the keys of an ordered dictionary.

    >>> from .layers import Flatten, Linear
    >>> Sequential(Linear(2, 3), Flatten())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Flatten(start_dim=1, end_dim=-1)
    )
    """

    def __init__(self, *modules: Any):
        if len(modules) == 1 and isinstance(modules[0], (OrderedDict, dict)):
            for part in modules[0].values():
                self._checked(part)
            for name, module in modules[0].items():
                self.register_module(name, module)
        else:
            super().__init__(modules)

    def _slice(self, part: slice) -> "Sequential":
        return type(self)(OrderedDict(list(self._parts().items())[part]))

    def __add__(self, parts: Iterable[Module]) -> "Sequential":
        return type(self)(*self, *parts)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input


class ParameterList(_Numbered):
    """A list of registered parameters; tensors become parameters.

    >>> from gradcore import ones
    >>> slopes = ParameterList([ones(2), ones(3)])
    >>> [tuple(slope.shape) for slope in slopes]
    [(2,), (3,)]
    """

    what, kind = "parameter", Parameter

    def __init__(self, values: Optional[Iterable[Any]] = None):
        super().__init__(values)

    def _checked(self, part: Any) -> Parameter:
        if not isinstance(part, Parameter) and hasattr(part, "requires_grad"):
            part = Parameter(part)
        checked: Parameter = super()._checked(part)
        return checked

    def _parts(self) -> dict[str, Any]:
        return dict(self._parameters)

    def extra_repr(self) -> str:
        return ", ".join(f"({name}): {tuple(part.shape)}" for name, part in self._parts().items())


class _Named(Module):
    """Base class of dictionaries, whose items are attributes in insertion order."""

    kind: str

    def __init__(self, parts: Any = None):
        self.update({} if parts is None else parts)

    def _parts(self) -> Mapping[str, Any]:
        parts: Mapping[str, Any] = self._modules
        return parts

    def __setitem__(self, name: str, part: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not say what it holds")

    def update(self, parts: Any) -> None:
        """Add the items of a mapping, or of pairs (name, value)."""
        is_named = isinstance(parts, Mapping) or hasattr(parts, "keys")
        pairs: list[Any] = [(name, parts[name]) for name in parts.keys()] if is_named else list(parts) if isinstance(
            parts, Iterable) and getattr(parts, "ndim", True) else [None]
        if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
            raise TypeError(f"{type(self).__name__} takes a dict, or pairs of a name and a part; got "
                            f"{described(parts)}")
        for name, part in pairs:
            self[name] = part

    def _known(self, name: Any) -> Any:
        """The name of a part, refused where there is none of it."""
        if name not in list(self._parts()):
            raise KeyError(f"{type(self).__name__} has no part {name!r:.80}, only {', '.join(self._parts()) or 'none'}")
        return name

    def keys(self) -> Any:
        return self._parts().keys()

    def values(self) -> Any:
        return self._parts().values()

    def items(self) -> Any:
        return self._parts().items()

    def get(self, name: str, default: Any = None) -> Any:
        return self._parts().get(name, default)

    def pop(self, name: str) -> Any:
        """Remove and return an item."""
        part = self[name]
        delattr(self, name)
        return part

    def clear(self) -> None:
        """Remove all items."""
        for name in list(self):
            delattr(self, name)

    def __getitem__(self, name: str) -> Any:
        return self._parts()[self._known(name)]

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts())

    def __len__(self) -> int:
        return len(self._parts())

    def __contains__(self, name: Any) -> bool:
        return isinstance(name, str) and name in self._parts()


class ModuleDict(_Named):
    """A dictionary of modules, registered as submodules.

    >>> list(ModuleDict({"a": Module(), "b": Module()}))
    ['a', 'b']
    """

    def __init__(self, modules: Any = None):
        super().__init__(modules)

    def __setitem__(self, name: str, module: Module) -> None:
        self.register_module(name, module)


class ParameterDict(_Named):
    """A dictionary of registered parameters; tensors become parameters.

    >>> from gradcore import ones
    >>> named = ParameterDict({"slope": ones(2)})
    >>> named["slope"].requires_grad
    True
    """

    def __init__(self, parameters: Any = None):
        super().__init__(parameters)

    def _parts(self) -> Mapping[str, Any]:
        parts: Mapping[str, Any] = self._parameters
        return parts

    def __setitem__(self, name: str, part: Any) -> None:
        self.register_parameter(name, part if isinstance(part, Parameter) else Parameter(part))

    def extra_repr(self) -> str:
        return ", ".join(f"({name}): {tuple(part.shape)}" for name, part in self.items())
