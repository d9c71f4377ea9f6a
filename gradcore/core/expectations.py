"""What an annotation expects of an argument: a test, and words for it."""

from __future__ import annotations

import numbers
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import Any, Optional, Union

import numpy as np

from ..backends import Device
from ..backends.formulas.dtypes import as_dtype
from .dimensions import is_integer
from .tensor import Tensor

Expectation = tuple[Callable[[Any], bool], str]  # a test of a value, and a description of what passes it

SIMPLE: dict[Any, Expectation] = {
    Tensor: (lambda value: isinstance(value, Tensor), "a Tensor"),
    bool: (lambda value: isinstance(value, bool), "True or False"),
    int: (lambda value: is_integer(value), "an integer"),
    float: (lambda value: isinstance(value, numbers.Real), "a number"),
    str: (lambda value: isinstance(value, str), "a string"),
    type(None): (lambda value: value is None, "None"),
    Device: (lambda value: isinstance(value, Device), "a device"),
    Callable: (callable, "a function"),
    np.ndarray: (lambda value: isinstance(value, np.ndarray), "a NumPy array"),
    set: (lambda value: isinstance(value, set), "a set"),
    slice: (lambda value: isinstance(value, slice), "a slice"),
    Sized: (lambda value: isinstance(value, Sized) and getattr(value, "ndim", 1) > 0, "something that has a length"),
    Mapping: (lambda value: isinstance(value, Mapping) or hasattr(value, "keys"), "a dict"),
    range: (lambda value: isinstance(value, range), "a range"),
}
# Iterables whose elements may be looked at more than once.
_CONTAINERS = (tuple, list, str, bytes, set, frozenset, Mapping, range, np.ndarray, Tensor)
_PACKAGE = __name__.partition(".")[0]


def _is_dtype(value: Any) -> bool:
    try:
        return value is None or bool(as_dtype(value).name)
    except TypeError:
        return False


DTYPE: Expectation = (_is_dtype, "a dtype of booleans, integers or floats, or None")


def expectation(hint: Any) -> Optional[Expectation]:
    """The expectation of an annotation, or None if it is not checked."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _any_of([expectation(part) for part in inner])
    if origin is typing.Literal:  # which of its values is there is said by the function
        return _any_of([SIMPLE[kind] for kind in dict.fromkeys(map(type, inner))])
    if origin is tuple and ... not in inner:
        return _each_of([expectation(part) for part in inner])
    if origin is Iterable:
        return _one_by_one(expectation(inner[0]))
    if origin in (Sequence, tuple, list):
        return _many_of(expectation(inner[0]) if inner else None)
    if isinstance(hint, type) and hint.__module__.partition(".")[0] == _PACKAGE and not getattr(
            hint, "_is_protocol", False):
        return getattr(hint, "_stand_ins", None) or _instance_of(hint)
    return SIMPLE.get(origin)


def _instance_of(kind: type) -> Expectation:
    return lambda value: isinstance(value, kind), f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"


def _any_of(parts: list[Optional[Expectation]]) -> Optional[Expectation]:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    tests = [test for test, _ in known]
    words = list(dict.fromkeys(text for _, text in known))
    if "a number" in words:
        words = [text for text in words if text not in ("an integer", "True or False")]
    return (lambda value: any(test(value) for test in tests),
            " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words))


def _many_of(part: Optional[Expectation]) -> Expectation:
    if part is None:
        return (lambda value: isinstance(value, (tuple, list)), "a tuple or list")
    test, words = part
    return (lambda value: isinstance(value, (tuple, list)) and all(map(test, value)),
            f"a tuple or list of {_plural(words)}")


def _plural(words: str) -> str:
    if words.startswith("a tuple or list of "):
        return words.replace("a tuple or list", "tuples or lists", 1)
    return " or ".join(re.sub("^an? ", "", part) + "s" for part in words.split(" or "))


def _one_by_one(part: Optional[Expectation]) -> Expectation:
    """As `_many_of`, or any iterable; the elements of iterators are not checked, since that would exhaust them."""
    _, words = _many_of(part)
    test = part[0] if part else lambda value: True
    return (lambda value: isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0 and (
        not isinstance(value, _CONTAINERS) or all(map(test, value))),
            words.replace("tuple or list", "tuple, list or iterator"))


def _each_of(parts: list[Optional[Expectation]]) -> Expectation:
    tests = [part[0] if part else lambda value: True for part in parts]
    return (lambda value: isinstance(value, (tuple, list)) and len(value) == len(tests) and all(
        test(part) for test, part in zip(tests, value)), f"{len(tests)} values: "
            + " and ".join(part[1] if part else "anything" for part in parts))


def described(value: Any) -> str:
    """A description of an argument for error messages."""
    kind = type(value).__name__
    if isinstance(value, Tensor) and not hasattr(value, "_array"):  # one under construction
        return "a new tensor"
    if isinstance(value, (Tensor, np.ndarray)):
        return f"{kind} of {value.dtype} and shape {value.shape}" + (
            f" on {value.device}" if isinstance(value, Tensor) else "")
    if value is None:
        return "None"
    if kind == "Tensor":  # of another library
        kind = f"{type(value).__module__}.Tensor"
    try:
        text = f"{value!r:.80}"
        return text if text.startswith(kind) else f"{kind} {text}"
    except Exception:  # an object under construction
        return kind
