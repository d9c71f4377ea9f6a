"""Whether operations are recorded for the backward pass: a switch of its own in every thread."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator


class _GradMode(threading.local):
    enabled = True


mode = _GradMode()  # its attribute is read where a call would count


def is_grad_enabled() -> bool:
    """Whether operations of this thread are recorded."""
    return mode.enabled


class set_grad_enabled(ContextDecorator):
    """Record operations, or do not, inside of a `with` block or a decorated function.

    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, enabled: bool):
        self.enabled = bool(enabled)
        self.outer: list[bool] = []  # a stack: one object may be entered again before it is left

    def __enter__(self) -> "set_grad_enabled":
        self.outer.append(mode.enabled)
        mode.enabled = self.enabled
        return self

    def __exit__(self, *exception) -> None:
        mode.enabled = self.outer.pop()

    def _recreate_cm(self) -> "set_grad_enabled":
        return type(self)(self.enabled)  # a decorated function may run in several threads at once


class no_grad(set_grad_enabled):
    """Do not record operations: for evaluation, and for the update of parameters."""

    def __init__(self, enabled: bool = False):
        super().__init__(enabled)


class enable_grad(set_grad_enabled):
    """Record operations inside of a block that does not."""

    def __init__(self, enabled: bool = True):
        super().__init__(enabled)
