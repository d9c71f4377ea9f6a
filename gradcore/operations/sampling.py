"""Draws that depend on a tensor: draws in place, and categories by their weights."""

from __future__ import annotations

from typing import Any

from ..backends.formulas.dtypes import FLOAT64, kind_of
from ..core.broadcasting import cast
from ..core.tensor import Tensor
from . import arithmetic
from .inplace import write
from .random import rand, randn
from .reduction import cumsum, sum
from .sorting import searchsorted, topk

_TINY = 1e-300  # in place of a waiting time of 0, which would be 0 / 0 for a category without weight


def _check_floats(x: Tensor, name: str) -> None:
    if kind_of(x.dtype) < 2:
        raise TypeError(f"{name} draws floats; the tensor holds {x.dtype}")


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Draws from a normal distribution to every element."""
    _check_floats(x, "normal_")
    if not std >= 0:
        raise ValueError(f"normal_ needs a standard deviation of at least 0; got {std}")
    return write(x, ..., randn(x.shape, dtype=x.dtype, device=x.device) * std + mean, "normal_")


def uniform_(x: Tensor, start: float = 0.0, to: float = 1.0) -> Tensor:
    """Draws from the uniform distribution on [start, to) to every element."""
    _check_floats(x, "uniform_")
    if not start <= to:
        raise ValueError(f"uniform_ needs bounds in order; got {start} and {to}")
    return write(x, ..., rand(x.shape, dtype=x.dtype, device=x.device) * (to - start) + start, "uniform_")


def bernoulli_(x: Tensor, p: Any = 0.5) -> Tensor:
    """Ones with probability `p` (a number or a tensor that broadcasts) and zeros otherwise to every element."""
    if not isinstance(p, Tensor) and not 0 <= p <= 1:
        raise ValueError(f"bernoulli_ needs a probability from 0 to 1; got {p}")
    drawn = rand(x.shape, device=x.device) < (p.detach() if isinstance(p, Tensor) else p)
    return write(x, ..., cast(drawn, x.dtype), "bernoulli_")


def multinomial(input: Tensor, num_samples: int, replacement: bool = False) -> Tensor:
    """Categories (int64) drawn by their weights, which need not add up to 1: of a vector, or of each row of a matrix.

    Without replacement each is drawn once at most.

    >>> multinomial(Tensor([0.0, 3.0]), 2, replacement=True)
    tensor([1, 1])
    """
    weights = cast(input.detach(), FLOAT64)
    if input.ndim not in (1, 2) or kind_of(input.dtype) < 2 or num_samples < 1 or not input.size:
        raise ValueError(f"multinomial draws at least one category by a vector or a matrix of float weights; got "
                         f"num_samples={num_samples} and {input.dtype} of shape {input.shape}")
    if input._backend.is_synchronous:
        _check_weights(weights, num_samples, replacement)
    if replacement:
        steps = cumsum(weights, -1)
        draws = rand(*input.shape[:-1], num_samples, dtype=FLOAT64, device=input.device)
        return searchsorted(steps / steps[..., -1:], draws, right=True)
    if num_samples > input.shape[-1]:
        raise ValueError(f"multinomial: {num_samples} draws without replacement from {input.shape[-1]} categories")
    # Events that come at these rates: who is first is drawn by weight, and so is the second among the others.
    waiting = arithmetic.maximum(-arithmetic.log1p(-rand(input.shape, dtype=FLOAT64, device=input.device)), _TINY)
    return topk(weights / waiting, num_samples, -1).indices


def _check_weights(weights: Tensor, num_samples: int, replacement: bool) -> None:
    if not bool(arithmetic.logical_and(weights >= 0, arithmetic.isfinite(weights)).all()):
        raise ValueError("multinomial: weights must be finite and at least 0")
    needed = 1 if replacement else num_samples
    if not bool((sum(weights > 0, -1) >= needed).all()):
        raise ValueError(f"multinomial: {needed} category(ies) with a weight above 0 are needed in each row")
