"""`scatter_reduce`: reductions of values that an index sends to the same element.

Values are sorted by their target.  Then pairs of neighbours with the same target are combined over distances of 1, 2,
4, ..., so that the last value of each target is the reduction of all.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Optional

import numpy as np

from ..backends import Array, Backend
from ..backends.formulas.dtypes import BOOL, kind_of
from ..core.broadcasting import cast
from ..core.dimensions import accepts_numpy_names, one_dim
from ..core.operation import Operation
from ..core.tensor import Tensor
from . import arithmetic
from .creation import full, full_like, ones
from .indexing import along, getitem, takes_numbers
from .rearranging import narrow
from .scattering import placed, scatter, scatter_add
from .selection import where
from .shaping import cat, reshape
from .sorting import argsort

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


@accepts_numpy_names
@takes_numbers
def scatter_reduce(input: Tensor, dim: int, index: Any, src: Tensor, reduce: str, *,
                   include_self: bool = True) -> Tensor:
    """`input` with the values of `src` reduced at the elements where `index` points along `dim`.

    `reduce` is "sum", "prod", "mean", "amax" or "amin".  The element itself is included unless `include_self` is
    False.  Equal extrema share the gradient.

    >>> scatter_reduce(Tensor([1, 5]), 0, [0, 0, 1], Tensor([3, 2, 4]), "amax")
    tensor([3., 5.])
    """
    if reduce not in _REDUCTIONS:
        raise ValueError(f"scatter_reduce: `reduce` must be one of {', '.join(_REDUCTIONS)}; got {reduce!r}")
    dim = one_dim(dim, input.ndim)
    places, values = placed("scatter_reduce", input, dim, index, src)
    index = places[dim]

    def without_hit(rest: Any, hit: Any) -> Tensor:
        """`hit` where a value is scattered, else `rest`."""
        is_hit = scatter(full_like(input, False, dtype=BOOL), dim, index, value=True)
        return cast(where(is_hit, hit, rest), input.dtype)

    if reduce in ("sum", "mean"):
        total = scatter_add(input if include_self else without_hit(input, 0), dim, index, values)
        return total if reduce == "sum" else _mean(total, dim, index, include_self)
    if reduce == "prod":
        flat = _flat_places(input, places)
        product = _reduced(reshape(values, -1), flat, input.numel(), arithmetic.multiply, 1)
        start = input if include_self else without_hit(input, 1)
        return start * reshape(product, input.shape)
    best = Extreme.apply(input, values, dim=dim, index=index, which=reduce, includes=include_self)
    return best if include_self else without_hit(input, best)


def _mean(total: Tensor, dim: int, index: Tensor, include_self: bool) -> Tensor:
    blank = full_like(total.detach(), 1 if include_self else 0)
    counts = scatter_add(blank, dim, index, full(index.shape, 1, dtype=total.dtype, device=total.device)).clamp(min=1)
    return arithmetic.floor_divide(total, counts) if kind_of(total.dtype) < 2 else total / counts


def _flat_places(x: Tensor, places: tuple[Any, ...]) -> Tensor:
    """The flat indices of the targets of all values."""
    flat: Any = 0
    for dim, part in enumerate(places):
        flat = flat * x.shape[dim] + part
    return reshape(flat, -1)


def _reduced(values: Tensor, places: Tensor, count: int, combine: Callable[..., Any], empty: float) -> Tensor:
    """The reduction of the values for each of `count` targets; `empty` where there is none."""
    n, reach = values.shape[0], 1
    order = argsort(places)
    values, places = getitem(values, order), getitem(places, order)
    while reach < n:
        older, newer = narrow(values, 0, 0, n - reach), narrow(values, 0, reach, n - reach)
        are_one = narrow(places, 0, 0, n - reach) == narrow(places, 0, reach, n - reach)
        values = cat([narrow(values, 0, 0, reach), where(are_one, combine(older, newer), newer)])
        reach *= 2
    ends = ones(min(n, 1), dtype=BOOL, device=values.device)
    is_last = cat([narrow(places, 0, 0, n - 1) != narrow(places, 0, 1, n - 1), ends]) if n else ends
    blank = full(count + 1, empty, dtype=values.dtype, device=values.device)
    return narrow(scatter(blank, 0, where(is_last, places, count), values), 0, 0, count)  # the last is a dummy target


class Extreme(Operation):
    """The maximum or minimum of the values of each target, and of its element if that is included."""

    saves = (0, 1)
    saves_outputs = True

    def forward(self, backend: Backend, x: Array, values: Array) -> Array:
        x, values = Tensor._wrap(x, backend), Tensor._wrap(values, backend)
        combine = arithmetic.maximum if self.which == "amax" else arithmetic.minimum
        places = _flat_places(x, along(self.index, self.dim))
        found = reshape(_reduced(reshape(values, -1), places, x.numel(), combine, self._least(x)), x.shape)
        return (combine(x, found) if self.includes else found)._array

    def backward(self, gradient: Tensor) -> list[Optional[Tensor]]:
        x, values = self.saved(0).detach(), self.saved(1).detach()
        best = self.outputs()[0].detach()
        own = cast(best == x, gradient.dtype) if self.includes else None
        chosen = cast(values == getitem(best, along(self.index, self.dim)), gradient.dtype)
        counts = scatter_add(full_like(x, 0) if own is None else own, self.dim, self.index, chosen)
        share = gradient / where(counts == 0, 1, counts)
        return [None if own is None else share * own, getitem(share, along(self.index, self.dim)) * chosen]

    def _least(self, x: Tensor) -> Any:
        """The identity of the maximum or minimum."""
        sign = -1 if self.which == "amax" else 1
        if kind_of(x.dtype) == 2:
            return sign * math.inf
        if x.dtype == BOOL:
            return sign > 0
        limits = np.iinfo(x.dtype)
        return int(limits.min if sign < 0 else limits.max)
