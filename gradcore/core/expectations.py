"""What an annotation expects of an argument: a test, and words for it."""

from __future__ import annotations

import numbers
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
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
}


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
    if origin is tuple and ... not in inner:
        return _each_of([expectation(part) for part in inner])
    if origin is Iterable:
        return _one_by_one(expectation(inner[0]))
    if origin in (Sequence, tuple, list):
        return _many_of(expectation(inner[0]) if inner else None)
    return SIMPLE.get(origin)


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
            f"a tuple or list of {re.sub('^an? ', '', words)}s")


def _one_by_one(part: Optional[Expectation]) -> Expectation:
    """As `_many_of`, or any iterable, whose elements are not checked since it may be exhausted."""
    test, words = _many_of(part)
    return (lambda value: test(value) if isinstance(value, (tuple, list, str)) else hasattr(value, "__iter__"),
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
    try:
        return f"{kind} {value!r:.80}"
    except Exception:  # an object under construction
        return kind
