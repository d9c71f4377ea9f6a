"""Reductions under PyTorch's rarer names.

>>> nanmean(Tensor([1.0, float("nan"), 3.0]))
tensor(2.)
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

from ..backends.formulas.dtypes import kind_of
from ..core.dimensions import Dims, accepts_numpy_names, one_dim
from ..core.tensor import Tensor
from .arithmetic import floor, isnan
from .creation import arange
from .indexing import gather
from .linear_algebra import matmul
from .rearranging import movedim, narrow
from .extrema import ValuesAndIndices, amax, amin, argmax
from .reduction import mean, sum
from .selection import clip, masked_fill, where
from .shaping import cat, reshape, squeeze, unsqueeze
from .sorting import bincount, sort


class MinAndMax(NamedTuple):
    """The minimum and the maximum."""

    min: Tensor
    max: Tensor


@accepts_numpy_names
def aminmax(input: Tensor, *, dim: Optional[int] = None, keepdim: bool = False) -> MinAndMax:
    """The minimum and the maximum.

    >>> aminmax(Tensor([3.0, 1.0, 2.0]))
    MinAndMax(min=tensor(1.), max=tensor(3.))
    """
    return MinAndMax(amin(input, dim, keepdim), amax(input, dim, keepdim))


@accepts_numpy_names
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of all elements but NaN.

    >>> nansum(Tensor([1.0, float("nan"), 3.0]))
    tensor(4.)
    """
    return sum(masked_fill(input, isnan(input), 0), dim, keepdim, dtype)


@accepts_numpy_names
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of all elements but NaN.

    >>> nanmean(Tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    count = sum(isnan(input).logical_not(), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


def _running(input: Tensor, dim: int, is_better: Callable[[Tensor, Tensor], Tensor]) -> ValuesAndIndices:
    """The extremum of all elements up to each one, and the index of its last occurrence."""
    dim = one_dim(dim, input.ndim or 1)
    if not input.ndim:
        return ValuesAndIndices(input.clone(), arange(1, device=input.device).reshape(()))
    n, reach = input.shape[dim], 1
    values = input.detach()
    shape = [1] * input.ndim
    shape[dim] = n
    places = reshape(arange(n, device=input.device), shape).expand(input.shape)
    while reach < n:  # the best of 1, 2, 4, ... elements
        rest = n - reach
        older, newer = narrow(values, dim, 0, rest), narrow(values, dim, reach, rest)
        keeps = is_better(newer, older)
        if kind_of(input.dtype) == 2:  # once there was NaN it stays
            keeps = keeps | isnan(newer)
        earlier, later = narrow(places, dim, 0, rest), narrow(places, dim, reach, rest)
        values = cat([narrow(values, dim, 0, reach), where(keeps, newer, older)], dim)
        places = cat([narrow(places, dim, 0, reach), where(keeps, later, earlier)], dim)
        reach *= 2
    return ValuesAndIndices(gather(input, dim, places), places)


@accepts_numpy_names
def cummax(input: Tensor, dim: int) -> ValuesAndIndices:
    """The cumulative maximum along `dim`, and its indices.

    >>> cummax(Tensor([1.0, 3.0, 2.0]), dim=0)
    ValuesAndIndices(values=tensor([1., 3., 3.]), indices=tensor([0, 1, 1]))
    """
    return _running(input, dim, lambda newer, older: newer >= older)


@accepts_numpy_names
def cummin(input: Tensor, dim: int) -> ValuesAndIndices:
    """The cumulative minimum along `dim`, and its indices.

    >>> cummin(Tensor([3.0, 1.0, 2.0]), dim=0).values
    tensor([3., 1., 1.])
    """
    return _running(input, dim, lambda newer, older: newer <= older)


@accepts_numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """The most frequent element along `dim`, the smallest of several, and one of its indices.

    >>> mode(Tensor([3.0, 1.0, 3.0, 2.0])).values
    tensor(3.)
    """
    dim = one_dim(dim, input.ndim or 1)
    x = movedim(input, dim, -1) if input.ndim else reshape(input, 1)
    ordered, places = sort(x, -1)
    counts = sum(unsqueeze(ordered.detach(), -1) == unsqueeze(ordered.detach(), -2), -1)
    counts = clip(counts, min=1)  # NaN, which equals nothing
    # The last of equal elements, as PyTorch has it.
    first = argmax(counts, -1, True)
    last = first + gather(counts, -1, first) - 1
    values, indices = gather(ordered, -1, last), gather(places, -1, last)
    values, indices = (movedim(part, -1, dim) if input.ndim else reshape(part, ()) for part in (values, indices))
    keeps = keepdim or not input.ndim
    return ValuesAndIndices(*(part if keeps else squeeze(part, dim) for part in (values, indices)))


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """The counts of elements in `bins` equal intervals of [min, max], or of the range of the elements if both are 0.

    >>> histc(Tensor([0.0, 1.0, 1.0, 3.0]), bins=3)
    tensor([1., 2., 1.])
    """
    x = reshape(input.detach(), -1)
    low, high = (amin(x).item(), amax(x).item()) if min == max == 0 and x.numel() else (min, max)
    if bins < 1 or not low <= high:
        raise ValueError(f"histc needs at least one bin, and `min` not above `max`; got {bins}, {low} and {high}")
    low, high = (low - 1, high + 1) if low == high else (low, high)
    part = floor((x - low) * (bins / (high - low))).clamp(max=bins - 1)
    is_inside = (x >= low) & (x <= high)
    return bincount(part[is_inside].long(), minlength=bins).to(dtype=input.dtype)


@accepts_numpy_names
def cov(input: Tensor, *, correction: int = 1) -> Tensor:
    """The covariance matrix of variables (rows) from observations (columns); for one variable a number.

    >>> cov(Tensor([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]]))
    tensor([[ 1., -2.],
            [-2.,  4.]])
    """
    x = reshape(input, 1, -1) if input.ndim < 2 else input
    centred = x - mean(x, 1, True)
    count = x.shape[1] - correction
    found = matmul(centred, centred.transpose(0, 1)) / (count if count > 0 else 0)  # 0 / 0 of too few observations
    return reshape(found, ()) if x.shape[0] == 1 else found


def corrcoef(input: Tensor) -> Tensor:
    """The correlation matrix of variables (rows) from observations (columns).

    >>> corrcoef(Tensor([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    found = cov(input)
    if found.ndim < 2:
        return found / found
    deviations = found.diagonal().sqrt()
    return (found / reshape(deviations, -1, 1) / deviations).clamp(-1, 1)

