"""Sums and maxima over windows, by a slice for each element of a window."""

from __future__ import annotations

import math
from typing import Any

from ..backends import Array, Backend, Expression, FormulaNamespace
from ..backends.windows import Windows
from ..core.elementwise import elementwise
from ..core.operation import Operation
from ..core.tensor import Tensor
from .columns import padded


class WindowSum(Operation):
    """The sum of each window; padding counts as 0."""

    windows: Windows

    def forward(self, backend: Backend, x: Array) -> Array:
        array, (first, *others) = padded(backend, x, self.windows), self.windows.taps()
        total = backend.copy(backend.take(array, first))
        for tap in others:
            backend.add_at(total, (...,), backend.take(array, tap))
        return total

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [WindowSpread.apply(gradient, windows=self.windows)]


class WindowSpread(Operation):
    """The adjoint of `WindowSum`: adds each number to all elements of its window."""

    windows: Windows

    def forward(self, backend: Backend, y: Array) -> Array:
        lead = y.shape[:y.ndim - len(self.windows.sizes)]
        total = backend.full((*lead, *self.windows.padded), 0, y.dtype)
        for tap in self.windows.taps():
            backend.add_at(total, tap, y)
        return backend.copy(backend.take(total, self.windows.inside)) if self.windows.is_padded else total

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [WindowSum.apply(gradient, windows=self.windows)]


@elementwise
def larger(xp: FormulaNamespace, best: Expression, place: Expression, candidate: Expression,
           tap: float = 0.0) -> tuple[Expression, ...]:
    """The maximum of two numbers, with NaN as the largest, and its index: `place`, or `tap` for the candidate."""
    is_larger = xp.logical_or(candidate > best, xp.isnan(candidate))
    return xp.where(is_larger, candidate, best), xp.where(is_larger, tap, place)


@elementwise
def at_place(xp: FormulaNamespace, value: Expression, place: Expression, tap: float = 0.0) -> Expression:
    """The value where `place` equals `tap`, else 0."""
    return xp.where(place == tap, value, 0.0)


class MaxPool(Operation):
    """The maximum of each window; the first maximum gets the gradient.

    `places` are the indices of the maxima within their windows.
    """

    windows: Windows
    places: Any

    def forward(self, backend: Backend, x: Array) -> Array:
        array, (first, *others) = padded(backend, x, self.windows, -math.inf), self.windows.taps()
        best = backend.copy(backend.take(array, first))
        places = backend.full(best.shape, 0, x.dtype)
        if self.windows.is_padded:  # what is around the input is never chosen, not even before -inf
            inside = backend.asarray(self.windows.first_inside, x.dtype)
            backend.assign(places, (...,), backend.xp.broadcast_to(inside, best.shape))
        for tap, index in enumerate(others, 1):
            best, places = backend.elementwise(larger.kernel, (best, places, backend.take(array, index)), (tap,))
        self.places = places
        return best

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [PlaceSpread.apply(gradient, windows=self.windows, places=self.places)]


class PlaceSpread(Operation):
    """The adjoint of `PlaceTaken`: adds each number to the element at `places` of its window."""

    windows: Windows
    places: Any

    def forward(self, backend: Backend, y: Array) -> Array:
        lead = y.shape[:y.ndim - len(self.windows.sizes)]
        total = backend.full((*lead, *self.windows.padded), 0, y.dtype)
        for tap, index in enumerate(self.windows.taps()):
            backend.add_at(total, index, backend.elementwise(at_place.kernel, (y, self.places), (tap,))[0])
        return backend.copy(backend.take(total, self.windows.inside)) if self.windows.is_padded else total

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [PlaceTaken.apply(gradient, windows=self.windows, places=self.places)]


class PlaceTaken(Operation):
    """The element at `places` of each window."""

    windows: Windows
    places: Any

    def forward(self, backend: Backend, x: Array) -> Array:
        array = padded(backend, x, self.windows)
        total = backend.full(self.places.shape, 0, x.dtype)
        for tap, index in enumerate(self.windows.taps()):
            part = backend.take(array, index)
            backend.add_at(total, (...,), backend.elementwise(at_place.kernel, (part, self.places), (tap,))[0])
        return total

    def backward(self, gradient: Tensor) -> list[Tensor]:
        return [PlaceSpread.apply(gradient, windows=self.windows, places=self.places)]


