"""The gradient mode: whether operations are recorded for the backward pass.  Each thread has its own."""

from __future__ import annotations

import functools
import inspect
import io
import itertools
import operator
import threading
import types
from typing import Any, Callable, Generator, Optional


class _GradMode(threading.local):
    enabled = True

    def __init__(self) -> None:
        self.outer: list[bool] = []  # the modes around the blocks that this thread is in


mode = _GradMode()  # hot paths read its attribute, since a call would be slow


class _End(io.IOBase):
    """The end of a block, run in C as a whole: at the first line of an `__exit__` in Python Ctrl-C may come, and the
    block's mode would stay.  `IOBase.__exit__` takes any arguments and calls `close`."""

    closed: bool = True  # nothing is left to do when it dies
    close: Any = map(setattr, itertools.repeat(mode), itertools.repeat("enabled"),
                     map(list.pop, map(operator.attrgetter("outer"), itertools.repeat(mode)))).__next__


def is_grad_enabled() -> bool:
    """Whether this thread records operations.

    >>> is_grad_enabled()
    True
    """
    return mode.enabled


class _Switch:
    """A mode for a `with` block, or for every call of a decorated function."""

    _unchecked = ("__init__",)

    def __init__(self, enabled: bool):
        self.enabled = enabled

    def __enter__(self) -> "_Switch":
        mode.outer += [mode.enabled]  # no call, after which Ctrl-C might come
        mode.enabled = self.enabled
        return self

    __exit__: Callable[..., None] = _End().__exit__

    def __call__(self, function: Any) -> Callable[..., Any]:
        _check_decorated(type(self), function)
        enabled = self.enabled

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            before = mode.enabled
            try:  # not a context, which Ctrl-C can interrupt before its exit
                mode.enabled = enabled
                result = function(*args, **kwargs)
            finally:
                mode.enabled = before
            if inspect.iscoroutine(result) and inspect.iscoroutinefunction(function):
                return _awaited(result, enabled)
            return _stepped(result, enabled) if inspect.isgeneratorfunction(function) else result

        mark = getattr(inspect, "markcoroutinefunction", None)  # from Python 3.12 on
        return mark(decorated) if mark is not None and inspect.iscoroutinefunction(function) else decorated


def _check_decorated(switch: type, function: Any) -> None:
    if not callable(function) or isinstance(function, type) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{switch.__name__} decorates functions, including generators and coroutines; got "
                        f"{function!r:.80}. Write `with {switch.__name__}():` in its body")


def _stepped(steps: Any, enabled: bool) -> Generator[Any, Any, Any]:
    """The generator `steps` with each step run in the mode; the caller's mode is restored between steps."""
    resume, value = steps.send, None
    try:
        while True:
            with _Switch(enabled):
                yielded = resume(value)
            try:
                resume, value = steps.send, (yield yielded)
            except GeneratorExit:
                with _Switch(enabled):
                    steps.close()
                raise
            except BaseException as error:
                resume, value = steps.throw, error
    except StopIteration as stop:
        return stop.value


_awaited = types.coroutine(_stepped)


class _Fixed(_Switch):
    """A mode fixed by the class, which can decorate a function without parentheses."""

    def __new__(cls, *function: Callable[..., Any]) -> Any:
        if not function:
            return super().__new__(cls)
        if len(function) > 1 or not callable(function[0]):
            raise TypeError(f"{cls.__name__} takes no arguments; got {', '.join(map(repr, function))}. "
                            f"set_grad_enabled(True) and set_grad_enabled(False) take a truth value")
        return cls()(function[0])


class no_grad(_Fixed):
    """Disable recording of operations, for evaluation and for the update of parameters.

    It is a context manager, or a decorator of functions, generators and coroutines, with or without parentheses.

    >>> @no_grad
    ... def evaluate():
    ...     return is_grad_enabled()
    >>> evaluate(), is_grad_enabled()
    (False, True)
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_Fixed):
    """Enable recording of operations, also within `no_grad`; a context manager or a decorator.

    >>> import gradcore
    >>> x = gradcore.ones(2, requires_grad=True)
    >>> with no_grad(), enable_grad():
    ...     y = 2 * x
    >>> y.requires_grad
    True
    """

    def __init__(self) -> None:
        super().__init__(True)


def _record(enabled: bool) -> None:
    mode.enabled = enabled


class set_grad_enabled(_Switch):
    """Enable or disable recording from here on, or for a `with` block or a decorated function.

    >>> before = set_grad_enabled(False)
    >>> is_grad_enabled()
    False
    >>> with set_grad_enabled(True):
    ...     is_grad_enabled()
    True
    >>> _ = set_grad_enabled(True)
    """

    def __init__(self, mode: bool):
        super().__init__(_truth(mode, "set_grad_enabled"))
        self.before: Optional[bool] = is_grad_enabled()
        _record(self.enabled)

    def __enter__(self) -> "set_grad_enabled":
        # The block that this statement opens ends in the mode from before it.
        mode.outer += [mode.enabled if self.before is None else self.before]
        mode.enabled, self.before = self.enabled, None
        return self

    def __call__(self, function: Any) -> Callable[..., Any]:
        _check_decorated(type(self), function)
        if self.before is not None:
            mode.enabled, self.before = self.before, None
        return super().__call__(function)


class inference_mode(_Switch):
    """As `no_grad`, under PyTorch's name; ``inference_mode(False)`` enables recording.

    Unlike in PyTorch, tensors created in it are ordinary tensors, which can be used in recorded operations later.

    >>> import gradcore
    >>> with inference_mode():
    ...     y = 2 * gradcore.ones(2, requires_grad=True)
    >>> y.requires_grad
    False
    """

    def __new__(cls, mode: Any = True) -> Any:
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True):
        super().__init__(not _truth(mode, "inference_mode"))


def _truth(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} takes True or False; got {value!r:.80}")
    return value
