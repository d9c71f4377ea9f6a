"""A line search for the strong Wolfe conditions.

Source: Nocedal and Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 3.5 and 3.6, with the limits and
tolerances of PyTorch, so that both take the same steps.
"""

from __future__ import annotations

import math
from typing import Callable, NamedTuple, Optional

from ..core.tensor import Tensor

_DECREASE, _CURVATURE = 1e-4, 0.9  # c1 and c2 of the conditions


class Point(NamedTuple):
    """A step along the direction, with the loss, its gradient and its slope there."""

    step: float
    loss: float
    gradient: Tensor
    slope: float


def strong_wolfe(evaluate: Callable[[float], Point], start: Point, step: float, reach: float,
                 tolerance: float, most: int) -> tuple[Point, int]:
    """A point that satisfies the strong Wolfe conditions, and the number of evaluations.

    Parameters
    ----------
    evaluate : returns the point of a step.
    start : the point of step 0.
    step : the first step to try.
    reach : the largest change of a parameter by step 1; a bracket smaller than `tolerance` ends the search.
    most : the maximum number of evaluations after the first.
    """
    last, point = start, evaluate(step)
    for i in range(most):
        if _is_too_high(point, start) or (i > 1 and point.loss >= last.loss):
            return _zoomed(evaluate, start, [last, point], i, reach, tolerance, most)
        if _is_flat(point, start):
            return point, i + 1
        if point.slope >= 0:
            return _zoomed(evaluate, start, [last, point], i, reach, tolerance, most)
        bounds = point.step + 0.01 * (point.step - last.step), point.step * 10
        last, point = point, evaluate(_minimum_of_cubic(last, point, bounds))
    return min((start, point), key=lambda end: end.loss), most + 1


def _is_too_high(point: Point, start: Point) -> bool:
    return point.loss > start.loss + _DECREASE * point.step * start.slope


def _is_flat(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -_CURVATURE * start.slope


def _zoomed(evaluate: Callable[[float], Point], start: Point, ends: list[Point], i: int, reach: float,
            tolerance: float, most: int) -> tuple[Point, int]:
    """Search within a bracket; returns its better end if evaluations run out."""
    is_slow = False  # whether the last step was too close to an end
    low, high = (0, 1) if ends[0].loss <= ends[1].loss else (1, 0)
    while i < most:
        left, right = sorted(end.step for end in ends)
        if (right - left) * reach < tolerance:
            break
        step = _minimum_of_cubic(ends[0], ends[1])
        margin = 0.1 * (right - left)
        if min(right - step, step - left) >= margin:
            is_slow = False
        elif is_slow or not left < step < right:
            step = right - margin if abs(step - right) < abs(step - left) else left + margin
            is_slow = False
        else:
            is_slow = True
        point = evaluate(step)
        i += 1
        if _is_too_high(point, start) or point.loss >= ends[low].loss:
            ends[high] = point
            low, high = (0, 1) if ends[0].loss <= ends[1].loss else (1, 0)
            continue
        if _is_flat(point, start):
            return point, i + 1
        if point.slope * (ends[high].step - ends[low].step) >= 0:
            ends[high] = ends[low]
        ends[low] = point
    return ends[low], i + 1


def _minimum_of_cubic(a: Point, b: Point, bounds: Optional[tuple[float, float]] = None) -> float:
    """The minimum, within `bounds` or between the points, of the cubic through two points with their slopes."""
    if a.step > b.step:
        a, b = b, a
    least, most = bounds or (a.step, b.step)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    d2 = math.sqrt(square)
    step = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(step, least), most)
