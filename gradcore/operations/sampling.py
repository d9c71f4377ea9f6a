"""Random sampling that depends on a tensor: in-place sampling, and categories by weight."""

from __future__ import annotations

from typing import Any, Optional, Union

import numpy as np

from ..backends.formulas.dtypes import FLOAT64, kind_of
from ..core.arguments import at_least_zero, between
from ..core.broadcasting import cast
from ..core.tensor import DeviceLike, Tensor
from . import arithmetic
from .generator import Generator
from .inplace import write
from .random import rand, randint, randn
from .reduction import cumsum, sum
from .sorting import searchsorted, topk

_TINY = 1e-300  # the smallest waiting time: 0 would give 0 / 0 for a category with weight 0


def _check_floats(x: Tensor, name: str) -> None:
    if kind_of(x.dtype) < 2:
        raise TypeError(f"{name} draws floats; the tensor holds {x.dtype}")


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Optional[Generator] = None) -> Tensor:
    """Fill with samples of a normal distribution.

    >>> normal_(Tensor([0.0] * 1000), mean=5.0).mean().round()
    tensor(5.)
    """
    _check_floats(x, "normal_")
    if not std >= 0:
        raise ValueError(f"normal_ needs a standard deviation of at least 0; got {std}")
    drawn = randn(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    return write(x, ..., drawn * std + mean, "normal_")


def normal(mean: Union[float, Tensor], std: Union[float, Tensor] = 1.0, size: Any = None, *, dtype: Any = None,
           device: DeviceLike = None, requires_grad: bool = False, generator: Optional[Generator] = None) -> Tensor:
    """Samples of normal distributions: one for each element of `mean` or `std`, or `size` samples of one.

    >>> normal(Tensor([1.0, 2.0]), 0.0)
    tensor([1., 2.])
    """
    if not isinstance(std, Tensor):
        at_least_zero("normal", std=std)
    tensors = [value.detach() for value in (mean, std) if isinstance(value, Tensor)]
    if (size is None) != bool(tensors):
        raise TypeError("normal takes `size` where mean and std are numbers, and no size where one of them is a tensor")
    if tensors:
        size, device = np.broadcast_shapes(*[value.shape for value in tensors]), tensors[0].device
        dtype = dtype or tensors[0].dtype
    mean, std = (value.detach() if isinstance(value, Tensor) else value for value in (mean, std))
    drawn = randn(*size if isinstance(size, tuple) else (size,), dtype=dtype, device=device, generator=generator)
    return (drawn * std + mean).requires_grad_(requires_grad)


def uniform_(x: Tensor, start: float = 0.0, to: float = 1.0, *, generator: Optional[Generator] = None) -> Tensor:
    """Fill with samples of the uniform distribution on [start, to).

    >>> x = uniform_(Tensor([0.0] * 100), 2.0, 3.0)
    >>> ((x >= 2) & (x <= 3)).all()
    tensor(True)
    """
    _check_floats(x, "uniform_")
    if not start <= to:
        raise ValueError(f"uniform_ needs bounds in order; got {start} and {to}")
    drawn = rand(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    return write(x, ..., drawn * (to - start) + start, "uniform_")


def bernoulli_(x: Tensor, p: Union[float, Tensor] = 0.5, *, generator: Optional[Generator] = None) -> Tensor:
    """Fill with ones with probability `p` (a number or a tensor that broadcasts), otherwise zeros.

    >>> bernoulli_(Tensor([5.0, 5.0]), p=1.0)
    tensor([1., 1.])
    """
    if isinstance(p, Tensor):
        between("bernoulli_", "p", p, 0, 1)
    elif not 0 <= p <= 1:
        raise ValueError(f"bernoulli_ needs a probability from 0 to 1; got {p}")
    drawn = rand(x.shape, device=x.device, generator=generator) < (p.detach() if isinstance(p, Tensor) else p)
    return write(x, ..., cast(drawn, x.dtype), "bernoulli_")


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Optional[Generator] = None) -> Tensor:
    """Fill with samples of the exponential distribution with rate `lambd`: -log(1 - u) / lambd.

    >>> (exponential_(Tensor([0.0] * 100), lambd=2.0) >= 0).all()
    tensor(True)
    """
    _check_floats(x, "exponential_")
    if not lambd > 0:
        raise ValueError(f"exponential_ needs a rate above 0; got {lambd}")
    return write(x, ..., cast(_waiting(x.shape, x.device, generator) / lambd, x.dtype), "exponential_")


def random_(x: Tensor, start: Optional[int] = None, to: Optional[int] = None, *,
            generator: Optional[Generator] = None) -> Tensor:
    """Fill with integers from `start` (by default 0) to `to`, exclusive.

    As in PyTorch, a single bound is `to`; without bounds the range is that of the dtype, for floats all consecutive
    integers.

    >>> x = random_(Tensor([0.0] * 100), 3, 5)
    >>> sorted(set(x.tolist()))
    [3.0, 4.0]
    """
    if start is not None and to is None:
        start, to = None, start
    if to is None:
        kind = kind_of(x.dtype)
        # For int64 it is one less, so that the integers are fewer than 2^63.
        to = min(int(np.iinfo(x.dtype).max) + 1, 2 ** 63 - 1) if kind == 1 else 2 ** (np.finfo(x.dtype).nmant + 1) \
            if kind == 2 else 2
    return write(x, ..., cast(randint(start or 0, to, x.shape, device=x.device, generator=generator), x.dtype),
                 "random_")


def _waiting(shape: tuple[int, ...], device: DeviceLike, generator: Optional[Generator]) -> Tensor:
    """Samples of the exponential distribution with rate 1, in float64."""
    return -arithmetic.log1p(-rand(shape, dtype=FLOAT64, device=device, generator=generator))


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: Optional[Generator] = None) -> Tensor:
    """Categories (int64) sampled by weight, for a vector or each row of a matrix; weights need not sum to 1.

    Without replacement, each category is sampled at most once.

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
        draws = rand(*input.shape[:-1], num_samples, dtype=FLOAT64, device=input.device, generator=generator)
        return searchsorted(steps / steps[..., -1:], draws, right=True)
    if num_samples > input.shape[-1]:
        raise ValueError(f"multinomial: {num_samples} draws without replacement from {input.shape[-1]} categories")
    # Of events at these rates, the first is sampled by weight, and so is the second among the others.
    waiting = arithmetic.maximum(_waiting(input.shape, input.device, generator), _TINY)
    return topk(weights / waiting, num_samples, -1).indices


def _check_weights(weights: Tensor, num_samples: int, replacement: bool) -> None:
    if not bool(arithmetic.logical_and(weights >= 0, arithmetic.isfinite(weights)).all()):
        raise ValueError("multinomial: weights must be finite and at least 0")
    needed = 1 if replacement else num_samples
    if not bool((sum(weights > 0, -1) >= needed).all()):
        raise ValueError(f"multinomial: {needed} category(ies) with a weight above 0 are needed in each row")
