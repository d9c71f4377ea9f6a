"""Argument checking of public functions: errors name the function, what it expects, and what it received.

The annotations of a function say what it expects.  `checked` wraps a function that trusts its arguments: it checks them
before the call, and rewords exceptions that come from inside.  The library itself calls the unwrapped functions.
"""

from __future__ import annotations

import dis
import functools
import importlib
import inspect
import itertools
import math
import operator
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional, TypeVar, Union


from ..backends.formulas.quiet import quietly
from .dimensions import renamed
from .expectations import DTYPE, SIMPLE, Expectation, described, expectation
from .synonyms import translated
from .tensor import Tensor

_PACKAGE = __name__.partition(".")[0]
_OURS = {_PACKAGE, "numpy", "cupy", *sys.stdlib_module_names}  # what this library calls
_RAISE = dis.opmap["RAISE_VARARGS"]
Result = TypeVar("Result")


def checked(function: Callable[..., Result], name: str = "") -> Callable[..., Result]:
    """The public form of `function`, which checks its arguments and rewords internal errors."""
    name = name or function.__name__
    if function.__qualname__.endswith(f".checked.{name}"):
        return function
    made: dict[str, Callable[..., Result]] = vars(vars(function).setdefault("checked", _Checked(function)))
    if name in made:
        return made[name]
    public = made[name] = checking(function, name)
    public.__qualname__ = f"{function.__qualname__}.checked.{name}"  # the name under which pickle finds it
    return public


class _Checked(types.SimpleNamespace):
    """The checked forms of a function, by name; pickle finds them by the function's own name."""

    def __init__(self, function: Callable[..., Any]):
        self._place = function.__module__, function.__qualname__

    def __reduce__(self) -> tuple[Any, ...]:
        return _checked_of, self._place


def _checked_of(module: str, name: str) -> Any:
    return operator.attrgetter(f"{name}.checked")(importlib.import_module(module))


def checking(function: Callable[..., Result], name: str, named: Optional[Callable[[Any, str], str]] = None,
             ) -> Callable[..., Result]:
    """A function that checks its arguments, calls `function`, and puts errors in words.

    `named` is for methods: it makes the name that users read of the first argument and `name`.
    """
    signature = inspect.signature(function)
    expected = _expectations(function, signature)
    positional = [parameter.name for parameter in itertools.takewhile(
        lambda parameter: parameter.kind <= parameter.POSITIONAL_OR_KEYWORD, signature.parameters.values())]
    names = tuple(signature.parameters)
    rest = next((i for i, parameter in enumerate(signature.parameters.values())
                 if parameter.kind is parameter.VAR_POSITIONAL), None)
    known = {name for i, name in enumerate(names) if i != rest}
    many = None if rest is None or names[rest] not in expected else names[rest]
    is_of_tensor = many is None and bool(positional) and expected.get(positional[0]) is SIMPLE[Tensor]
    calls_back = named is not None or any("a function" in hint[1] for hint in expected.values())
    hints = [expected.get(parameter) for parameter in positional]
    is_free = many is None and not any(hints)  # no positional argument is checked
    passed: set[tuple[Union[type, str], ...]] = set()  # combinations of argument classes that are known to pass
    start = 0 if named is None else 1  # where the arguments begin that users give

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Result:
        classes: tuple[Union[type, str], ...] = ()
        if kwargs:
            classes = *map(type, args), *kwargs, *map(type, kwargs.values())
            if classes not in passed and not known.issuperset(kwargs):
                args, kwargs = translated(args, kwargs, names, rest)
                classes = *map(type, args), *kwargs, *map(type, kwargs.values())
        try:
            if not kwargs and (is_free or len(args) == start or len(args) == 1 and is_of_tensor
                               and isinstance(args[0], Tensor)):
                return function(*args)  # most calls, and faster than passing empty keywords
            if not kwargs:
                classes = *map(type, args),
            if classes not in passed:
                check_types(name, positional, expected, args, kwargs)
                if len(passed) < 64 and all(map(_is_by_class, hints, map(type, args))) and all(
                        _is_by_class(expected.get(option), type(value)) for option, value in kwargs.items()):
                    passed.add(classes)
            if many is not None:
                check_types(name, [many] * (len(args) - len(positional)), expected, args[len(positional):], {})
            return function(*args, **kwargs)
        except Exception as error:
            if calls_back and is_of_caller(error):
                raise  # raised in a function that the caller passed
            called = name if named is None else named(args[0], name)
            check_count(called, signature, args, kwargs, start)
            raise in_words(error, called, args[start:], kwargs)

    return public


def refused(error: Exception, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
            start: int) -> Exception:
    """`error`, which calling an unchecked `function` has raised, in words; arguments before `start` are not the
    caller's."""
    signature = inspect.signature(function)
    check_count(name, signature, args, kwargs, start)
    check_types(name, list(signature.parameters), _expectations(function, signature), args, kwargs)
    return in_words(error, name, args[start:], kwargs)


def _expectations(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, Expectation]:
    hints = typing.get_type_hints(inspect.unwrap(function))
    # Parameters annotated None are no longer supported; the function says what to use instead.
    found = {name: DTYPE if name == "dtype" else expectation(hints[name]) for name in signature.parameters
             if hints.get(name, type(None)) is not type(None)}
    return {name: hint for name, hint in found.items() if hint is not None}


def _is_by_class(hint: Optional[Expectation], kind: type) -> bool:
    """Whether a test depends on the class of a value only."""
    return hint is None or kind in (bool, int, float, type(None)) or kind is str and hint is SIMPLE[str] or issubclass(
        kind, Tensor) and hint[0](_no_number())


@functools.cache
def _no_number() -> Tensor:
    """A tensor that passes only tests for tensors."""
    return Tensor(math.nan, device="cpu")


def check_types(name: str, positional: Sequence[str], expected: dict[str, Expectation], args: tuple[Any, ...],
                kwargs: dict[str, Any]) -> None:
    """Refuse arguments that are not what the annotations say."""
    for parameter, value in (*zip(positional, args), *kwargs.items()):
        hint = expected.get(parameter)
        if hint is not None and not hint[0](value):
            raise TypeError(f"{name}: `{parameter}` must be {hint[1]}; got {described(value)}")


def check_count(name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any],
                start: int = 0) -> None:
    """Raise TypeError for missing, excess or unknown arguments; those before `start` are not the caller's."""
    if not kwargs.keys() <= signature.parameters.keys():
        kwargs = renamed(dict(kwargs), name)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}({', '.join(map(str, _bare(signature)[start:]))}): {error}; got "
                        f"{_listed(args[start:], kwargs)}") from None


def _bare(signature: inspect.Signature) -> list[inspect.Parameter]:
    return [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]


def _listed(args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    return ", ".join([*map(described, args), *(f"{name}={described(value)}" for name, value in kwargs.items())]) or (
        "nothing")


def in_words(error: Exception, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Exception:
    """`error` with the name of the function that the user called, and in words of this library."""
    if isinstance(error, OSError):  # the system's words name the file
        return error
    if not is_own(error):
        given = _listed(args, kwargs)
        if isinstance(error, OverflowError):  # which Python and NumPy put in words of their own, each for its integers
            return OverflowError(f"{name}: a number is out of range; got {given}")
        return _foreign(error, name, given)
    text = str(error.args[0]) if error.args else ""
    if len(error.args) == 1 and not re.search(rf"(?<!\w)_*{re.escape(name.strip('_'))}_*(?!\w)", text):
        error.args = (f"{name}: {re.sub('^[A-Za-z_0-9.]+: ', '', text)}",)
    return error


def is_own(error: Exception) -> bool:
    """Whether the exception was raised by a `raise` statement of this library."""
    *_, place = _places(error)
    frame = place.tb_frame
    return (frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE
            and frame.f_code.co_code[place.tb_lasti] == _RAISE)


def is_of_caller(error: Exception) -> bool:
    """Whether a function of the caller's was running when the error came."""
    return any(place.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _OURS
               for place in _places(error))


def codes(error: Exception) -> list[types.CodeType]:
    """The code objects of the traceback, innermost last."""
    return [place.tb_frame.f_code for place in _places(error)]


def _places(error: Exception) -> Iterator[types.TracebackType]:
    place = error.__traceback__
    while place is not None:
        yield place
        place = place.tb_next


def _foreign(error: Exception, name: str, given: str) -> Exception:
    if isinstance(error, (MemoryError, RecursionError)):
        return error
    kind = next((kind for kind in (TypeError, IndexError, OverflowError, ZeroDivisionError, ValueError, RuntimeError,
                                   BufferError) if isinstance(error, kind)), TypeError)
    made = kind(f"{name}: {error}; got {given}")
    made.__cause__ = error
    return made


def at_least_zero(name: str, **options: float) -> None:
    """Raise ValueError for options that are negative or NaN."""
    for option, value in options.items():
        if not value >= 0:
            raise ValueError(f"{name}: `{option}` must be at least 0; got {value}")


def between(name: str, option: str, x: Tensor, low: float, high: float, nan: bool = False) -> None:
    """Raise ValueError if `x` has elements outside [low, high]; `nan` says whether NaN passes.

    Only values that the host can read without waiting are checked.
    """
    backend = x._backend
    if not backend.is_synchronous or not x._array.size:
        return
    values = backend.to_numpy(x._array)
    least, most = quietly(values.min).item(), quietly(values.max).item()
    if not (least >= low and most <= high) and not (nan and most != most):
        raise ValueError(f"{name}: `{option}` must be from {low} to {high}; got {least} to {most}")
