"""What users see of the library: functions, and classes with their methods, that check what they are given.

`publish` puts the checked forms of functions into a module (see `arguments`); inside of the library they call each
other as they are.  A class that is marked with `checks_calls`, or published, has its constructor and public methods
checked, by whomever they are called.
"""

from __future__ import annotations

import functools
import types
from typing import Any, Callable, TypeVar

from ..backends import Device
from .arguments import checked, checking, codes, is_of_caller, refused
from .tensor import Tensor

_PACKAGE = __name__.partition(".")[0]
# What Python calls for brackets and operators; an error there has the name of the class alone.
_PROTOCOLS = {"__init__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__add__", "__iadd__",
              "__call__"}
_MARK = "_checks_its_calls"
Class = TypeVar("Class", bound=type)


def checks_calls(cls: Class) -> Class:
    """Let the constructor and the public methods of a class of the library refuse wrong arguments in words.

    A class of a user's is left alone, and so are the methods that `cls._unchecked` names: those that the library calls
    often, and that check what they are given.
    """
    if cls.__module__.partition(".")[0] == _PACKAGE:
        left = getattr(cls, "_unchecked", ())
        for owner in [owner for owner in cls.__mro__ if owner.__module__.partition(".")[0] == _PACKAGE]:
            for name, member in list(vars(owner).items()):
                if (name in _PROTOCOLS or not name.startswith("_")) and name not in left:
                    _check_member(owner, name, member)
    return cls


class Unstated:
    """What a base class leaves to its subclasses to state: reading it there is refused in words."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise NotImplementedError(
            f"{owner.__name__} does not state `{self.name}`, which its base class leaves to it")


def _check_member(cls: type, name: str, member: Any) -> None:
    if isinstance(member, classmethod) and not hasattr(member.__func__, _MARK):
        setattr(cls, name, classmethod(_checked_later(cls, name, member.__func__, classmethod)))
    elif isinstance(member, types.FunctionType) and not hasattr(member, _MARK):
        setattr(cls, name, _checked_later(cls, name, member, lambda method: method))


def _checked_later(cls: type, name: str, method: Callable[..., Any], kind: Callable[[Any], Any]) -> Callable[..., Any]:
    """The method, which is replaced by its checked form when it is called first: annotations may name what comes
    later in the module."""

    @functools.cache
    def made() -> Callable[..., Any]:
        replacement = checking(method, name, called_name)
        setattr(replacement, _MARK, True)
        setattr(cls, name, kind(replacement))
        return replacement

    @functools.wraps(method)
    def first(self: Any, *args: Any, **kwargs: Any) -> Any:
        return made()(self, *args, **kwargs)

    setattr(first, _MARK, True)
    return first


def called_name(owner: Any, name: str) -> str:
    """A method as users read of it: "SGD.step"; the class alone for what is called without a name."""
    of = owner.__name__ if isinstance(owner, type) else type(owner).__name__
    return of if name.startswith("__") else f"{of}.{name}"


def call_in_words(error: Exception, module: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Exception:
    """`error`, which calling a module has raised, with the module's name and in words of this library.

    What a user's function has raised is the user's, and a module inside of this one has said what was wrong.
    """
    forward = getattr(module.forward, "__func__", None)
    if forward is None or forward.__module__.partition(".")[0] != _PACKAGE or is_of_caller(error):
        return error
    call, *inner = codes(error)
    if call in inner:
        return error
    return refused(error, type(module).__name__, forward, (module, *inputs), options, 1)


def published(value: Any) -> Any:
    """What users see of a member of a module: the library's functions and classes checked, all else as it is."""
    if isinstance(value, type) and not issubclass(value, (Tensor, Exception, Device)):
        return checks_calls(value)
    is_own_function = isinstance(value, types.FunctionType) and value.__module__.startswith(_PACKAGE)
    return checked(value) if is_own_function else value


def publish(namespace: dict[str, Any]) -> None:
    """Put the checked forms of the library's functions into `namespace`, which is a module's; of its classes those are
    checked that its `__all__` names."""
    shown = namespace.get("__all__", ())
    namespace.update({name: published(value) for name, value in namespace.items()
                      if not name.startswith("_") and (name in shown or not isinstance(value, type))})


def publish_own(namespace: dict[str, Any]) -> None:
    """As `publish`, for the functions that the module itself defines."""
    publish_these = {name: value for name, value in namespace.items()
                     if getattr(value, "__module__", None) == namespace["__name__"]}
    publish(publish_these)
    namespace.update(publish_these)
