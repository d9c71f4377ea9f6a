"""Something that happens at every place of a call where Python handles signals, one after the other, and forks."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import Any, Callable, Iterator, Sequence


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


def child_ends(locks: Sequence[Any], action: Callable[[], bool]) -> bool:
    """Whether `action` is true in the child of a fork that is made while another thread holds `locks`."""
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            held.set()
            leave.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(0 if action() else 1)
    leave.set()
    thread.join()
    return os.waitpid(child, 0)[1] == 0
