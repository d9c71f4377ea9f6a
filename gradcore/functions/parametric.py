"""Rectifiers whose slope for negative inputs is an array, learned or random."""

from __future__ import annotations

import math
from typing import Any

from ..backends import Expression, FormulaNamespace
from ..operations import random
from ..backends.formulas.dtypes import kind_of
from ..core.broadcasting import cast
from ..core.elementwise import elementwise
from ..operations.shaping import reshape
from ..core.tensor import Tensor, as_tensor
from .rectifiers import leaky_relu


@elementwise
def parametric_relu(xp: FormulaNamespace, x: Expression, slope: Expression) -> Expression:
    """A rectifier with a slope for each element of `x`: the kernel of `prelu` and `rrelu`.

    parametric_relu(x, a) = x for x > 0, else a x;  derivative in x: 1 for x > 0, else a;  in a: 0 for x > 0,
    else x.

    >>> parametric_relu(Tensor([-2.0, -2.0, 3.0]), Tensor([0.25, 0.5, 0.5]))
    tensor([-0.5, -1. ,  3. ])
    """
    is_flat = xp.logical_and(slope == 0, x < 0)  # 0 times minus infinity would be NaN
    return xp.where(x > 0, x, xp.where(is_flat, 0.0, slope * x))


@parametric_relu.derivative
def _(xp: FormulaNamespace, x: Expression, slope: Expression) -> tuple[Expression, ...]:
    return xp.where(x > 0, 1.0, slope), xp.where(x > 0, 0.0, x)


def prelu(x: Any, weight: Any) -> Tensor:
    """A leaky rectifier with a learned slope, one for all or one for each channel (dimension 1 of `x`).

    prelu(x, a) = max(0, x) + a min(0, x);  derivative in x: 1 for x > 0, else a;  in a: the sum of min(0, x).
    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015, eq. 1.
    Good: a learned slope with few parameters.  Bad: may overfit small data; use no weight decay for `weight`, since
    that pulls it toward relu.

    >>> prelu(Tensor([[-2.0, -2.0]]), Tensor([0.25, 0.5]))
    tensor([[-0.5, -1. ]])
    """
    x = as_tensor(x)
    weight = as_tensor(weight, device=x.device if not isinstance(weight, Tensor) else None)
    if weight.size != 1:
        channels = x.shape[1] if x.ndim > 1 else 1
        if weight.ndim != 1 or weight.size != channels:
            raise ValueError(f"prelu: `weight` must hold one slope, or one for each of the {channels} channel(s) of an "
                             f"input of shape {x.shape}; it has shape {weight.shape}")
        weight = reshape(weight, (channels,) + (1,) * (x.ndim - 2))
    elif weight.ndim > x.ndim or weight.dtype != x.dtype:  # zero-dimensional, so that it does not affect shape or dtype
        weight = reshape(weight, ())
    return parametric_relu(x, weight)


def check_slopes(lower: float, upper: float, name: str) -> None:
    """Raise an error for invalid bounds of random slopes."""
    if not (-math.inf < lower <= upper < math.inf):
        raise ValueError(f"{name}: `lower` must be at most `upper`, both finite; got {lower} and {upper}")


def rrelu(x: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """A leaky rectifier whose slope is random for each element in training.

    rrelu(x) = x for x > 0, else a x, with a drawn uniformly from [lower, upper) in training, and their mean
    otherwise;  derivative 1 for x > 0, else a.
    Source: Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network", 2015, section 2.4.
    Good: the noise regularizes small data sets.  Bad: random results.

    >>> rrelu(Tensor([-2.0, 3.0]), lower=0.25, upper=0.75)
    tensor([-1.,  3.])
    """
    check_slopes(lower, upper, "rrelu")
    if not training:
        return leaky_relu(x, negative_slope=(lower + upper) / 2)
    x = as_tensor(x)
    slopes = random.rand(x.shape, device=x.device) * (upper - lower) + lower
    return parametric_relu(x, cast(slopes, x.dtype) if kind_of(x.dtype) == 2 else slopes)
