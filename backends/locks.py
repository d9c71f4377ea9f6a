"""Locks that are released in the child of a fork, where the threads that held them do not exist."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any


class Guard:
    """A lock, used as ``with guard.lock:``, that is released in the child of a fork.

    It is reentrant: the garbage collector or a signal handler may run the same code while the lock is held.  Code that
    reads a value under the lock must therefore check that it has not changed before writing it.
    """

    __slots__ = ("lock", "__weakref__")

    def __init__(self) -> None:
        self.lock: Any = threading.RLock()
        _guards.add(self)


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _renew() -> None:
    for guard in _guards:
        guard.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
