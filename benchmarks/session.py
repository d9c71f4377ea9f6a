"""A run: every group checked, then measured in turn, in several passes over all of them."""

from __future__ import annotations

import time
from typing import Any, Callable, Sequence

import numpy as np

from .activations import Activation, activations
from .cases import Case
from .copying import bytes_moved as bytes_copied
from .copying import machine_works
from .data import Data
from .implementations import YARDSTICK, Implementation
from .reference import WrongResult, check, sample
from .results import MACHINE, Results
from .row_operations import is_row_operation, row_bytes, row_works
from .timing import Work, in_turn

PASSES = 3
_LONG, _VERY_LONG = 10**6, 10**7  # elements from which a group takes more time than others
_USUAL, _LEAST = 4, 2  # rounds in a pass


def measure(groups: Sequence[Case], implementations: Sequence[Implementation], results: Results, seconds: float,
            progress: Callable[[float, str], None] = lambda part, what: None, passes: int = PASSES) -> None:
    """Measure `groups` with every implementation that can, and add the figures to `results`.

    About `seconds` are spent: each group gets its part, but no fewer than a few rounds.  The first pass always goes
    over all groups, with the fewest rounds once the time is up; a later one stops there.  `progress(part, what)` is
    told how much of the whole each group was.
    """
    weights = {group: 1.0 if group.size < _LONG else 2.0 if group.size < _VERY_LONG else 6.0 for group in groups}
    whole = passes * sum(weights.values())
    deadline, left = time.perf_counter() + seconds, 1.0
    for turn in range(passes):
        for group in groups:
            late = time.perf_counter() > deadline
            if turn and late:
                progress(left, "time is up")
                return
            part = weights[group] / whole
            progress(0.0, _title(group, turn, passes))
            least = _LEAST if late or group.size >= _VERY_LONG else _USUAL
            _measure_group(group, implementations, results, seconds * part, least, first=turn == 0)
            left -= part
            progress(part, _title(group, turn, passes))


def _title(group: Case, turn: int, passes: int) -> str:
    whole = "" if passes == 1 else f"pass {turn + 1}/{passes} "
    return f"{whole}{group.activation} {group.direction}"


def _measure_group(group: Case, implementations: Sequence[Implementation], results: Results, budget: float,
                   least: int, first: bool) -> None:
    if group.activation in MACHINE:
        works, moved = machine_works(group), bytes_copied(group)
    elif is_row_operation(group.activation):
        works, moved = row_works(group, implementations, results, first), row_bytes(group)
    else:
        activation = activations()[group.activation]
        works, moved = prepared(group, activation, implementations, results, first), bytes_moved(group, activation)
    if not works:
        return
    for name, times in zip(works, in_turn(list(works.values()), budget, least)):
        results.add(Case(*_place(group), name), moved, times)


def prepared(group: Case, activation: Activation, implementations: Sequence[Implementation], results: Results,
             first: bool = True) -> dict[str, Work]:
    """The work of each implementation that can compute the group and does so rightly."""
    data = Data.of(group, activation)
    expected = data.expected(group, activation) if first else None
    works = {}
    for implementation in implementations:
        case = Case(*_place(group), implementation.name)
        if case in results.refused or not implementation.is_for(group) or implementation.why_not(group):
            continue
        work = implementation.work(group, activation, data)
        try:
            if first and implementation.name != YARDSTICK:
                check_work(case.key, work, expected, group.dtype)
        except WrongResult as error:
            results.refused[case] = str(error)
            continue
        works[implementation.name] = work
    return works


def check_work(what: str, work: Work, expected: np.ndarray, dtype: str) -> None:
    """Raise `WrongResult` where the work does not compute what it should."""
    with work.mode():
        found = work.result()
    check(what, found[sample(found.size)], expected, dtype)


def _place(group: Case) -> tuple:
    return group.activation, group.direction, group.size, group.dtype, group.device


def bytes_moved(group: Case, activation: Activation) -> int:
    """The least traffic of the case: full-size inputs read once, outputs written once, in each of its kernels."""
    operation, passes = activation.operation, 0
    if group.direction in ("forward", "both"):
        passes += 2  # x and y
    gradient = operation.gradient((0,)).kernel
    if group.direction in ("backward", "both") and gradient is not None:
        weights = operation.kernel.inputs[1:]
        passes += sum(all(symbol is not weight for weight in weights) for symbol in gradient.inputs)
        passes += len(gradient.outputs)
    return passes * group.size * np.dtype(group.dtype).itemsize


def skipped_rows(groups: Sequence[Case], implementations: Sequence[Implementation]) -> dict[str, str]:
    """What is left out of `groups` and why: each reason once."""
    found: dict[str, Any] = {}
    for implementation in implementations:
        for group in groups:
            if group.activation in MACHINE or is_row_operation(group.activation) or not implementation.is_for(group):
                continue
            if reason := implementation.why_not(group):
                found.setdefault((implementation.name, reason), []).append(group)
    return {f"{name}: {len(cases)} of {len(groups)} groups": reason for (name, reason), cases in found.items()}
