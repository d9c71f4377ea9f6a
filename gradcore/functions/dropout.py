"""Dropout: noise that keeps units from relying on each other."""

from __future__ import annotations

from typing import Any

from ..backends.formulas.dtypes import kind_of
from ..operations import random
from ..core.broadcasting import cast
from ..core.elementwise import elementwise
from ..core.tensor import Tensor, as_tensor


@elementwise
def dropped(xp, x, noise, p=0.5):
    """0 where the noise is below p, else x / (1 - p), which keeps the mean: the kernel of `dropout`."""
    return xp.where(noise < p, 0.0, x / (1.0 - p))


@dropped.derivative
def _(xp, noise, p=0.5):
    return xp.where(noise < p, 0.0, 1.0 / (1.0 - p)), 0.0


def check_probability(p: float, name: str) -> None:
    """Refuse what is no probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: `p` must be between 0 and 1, a probability; got {p}")


def dropout(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """In training, elements become 0 with probability p and are divided by 1 - p otherwise.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014.

    >>> dropout(Tensor([1.0, 2.0]), p=0.5, training=False)
    tensor([1., 2.])
    """
    check_probability(p, "dropout")
    x = as_tensor(x)
    if not training or p == 0:
        return x
    result = dropped(x, random.rand(x.shape, device=x.device), p=p)
    return cast(result, x.dtype) if kind_of(x.dtype) == 2 else result  # the noise is float32 beside float16 too
