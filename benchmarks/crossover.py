"""From what size on a GPU is quicker than the CPU, with and without the way there and back."""

from __future__ import annotations

import math
from typing import Sequence

from .cases import TO_DEVICE, TO_HOST, Case
from .results import Results, Row


def round_trip_times(results: Results, line: Sequence[Row]) -> dict[int, float]:
    """By size, the seconds of a call on the device together with moving its arrays there and the result back.

    Forward moves x there and y back; backward moves the upstream gradient there and that of x back; both together
    move two arrays in each direction.
    """
    times = {}
    for row in line:
        case = row.case
        moves = [results.rows.get(Case("transfer", way, case.size, case.dtype, case.device, "transfer"))
                 for way in (TO_DEVICE, TO_HOST)]
        if None not in moves:
            trips = 2 if case.direction == "both" else 1
            times[case.size] = row.summary.median + trips * sum(move.summary.median for move in moves)
    return times


def crossover(results: Results, line: Sequence[Row], with_transfer: bool) -> float | None:
    """The size at which the device's time falls below that of gradcore on the CPU; None where it does not.

    Between two measured sizes both times are taken as straight lines on logarithmic axes.
    """
    on_device = (round_trip_times(results, line) if with_transfer
                 else {row.case.size: row.summary.median for row in line})
    points = []
    for row in line:
        case = row.case
        on_cpu = results.rows.get(Case(case.activation, case.direction, case.size, case.dtype, "cpu", "gradcore"))
        if on_cpu is not None and case.size in on_device:
            points.append((math.log(case.size), math.log(on_device[case.size] / on_cpu.summary.median)))
    points.sort()
    if points and points[0][1] <= 0:
        return math.exp(points[0][0])
    for (size, slower), (next_size, next_slower) in zip(points, points[1:]):
        if slower > 0 >= next_slower:
            return math.exp(size + (next_size - size) * slower / (slower - next_slower))
    return None
