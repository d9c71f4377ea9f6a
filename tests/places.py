"""Something that happens at every place of a call where Python handles signals, one place after the other."""

from __future__ import annotations

import sys
from typing import Any, Callable, Iterator


def at_place(number: int, action: Callable[[], Any], call: Callable[[], Any]) -> bool:
    """Make `call`, with `action` at the place of this number; whether there was such a place.

    Places are the beginnings of Python functions and the ends of others, as the profiler is told of them.
    """
    count, is_met = 0, False

    def see(frame: Any, event: str, what: Any) -> None:
        nonlocal count, is_met
        if event not in ("call", "c_return") or is_met:
            return
        count += 1
        if count == number:
            is_met = True
            sys.setprofile(None)
            action()

    sys.setprofile(see)
    try:
        call()
    finally:
        sys.setprofile(None)
    return is_met


def interrupt() -> None:
    raise KeyboardInterrupt


def interrupted_everywhere(call: Callable[[], Any], step: int = 1) -> Iterator[int]:
    """The numbers of the places, after `call` was interrupted at each (or at each of so many).

    Where Python ends a generator that interrupt is lost, as that of a user would be.
    """
    call()  # what is done once
    number, is_met = 1, True
    while is_met:
        try:
            is_met = at_place(number, interrupt, call)
        except KeyboardInterrupt:
            pass
        yield number
        number += step


def met_everywhere(call: Callable[[], Any], action: Callable[[], Any], step: int = 1) -> Iterator[int]:
    """The numbers of the places, after `call` was made with `action` at each."""
    call()
    number = 1
    while at_place(number, action, call):
        yield number
        number += step
