"""Something that happens at every place of a call where Python handles signals, one place after the other."""

from __future__ import annotations

import sys
from typing import Any, Callable, Iterator


def at_place(number: int, action: Callable[[], Any], call: Callable[[], Any]) -> bool:
    """Make `call`, with `action` at the place of this number; whether there was such a place.

    Places are where Python functions begin and others end, as the profiler reports them, and the lines of NumPy
    programs, whose calls it does not report.
    """
    count, is_met = 0, False

    def meet() -> None:
        nonlocal count, is_met
        count += 1
        if count == number:
            is_met = True
            stop()
            action()

    def see(frame: Any, event: str, what: Any) -> None:
        if event in ("call", "c_return") and not is_met:
            meet()

    def follow(frame: Any, event: str, what: Any) -> Any:
        if event == "line" and not is_met:
            meet()
        return None if is_met or not frame.f_code.co_filename.startswith("<NumPy program") else follow

    def stop() -> None:
        sys.setprofile(None)
        sys.settrace(before)

    before = sys.gettrace()
    sys.settrace(follow)
    sys.setprofile(see)
    try:
        call()
    finally:
        stop()
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
