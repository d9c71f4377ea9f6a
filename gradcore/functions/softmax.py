"""Softmax and its logarithm: scores along a dimension become probabilities that add up to 1."""

from __future__ import annotations

from typing import Any

from ..operations.arithmetic import exp, log
from ..core.dimensions import accepts_numpy_names
from ..operations.reduction import amax, sum
from ..core.tensor import Tensor, as_tensor


@accepts_numpy_names
def softmax(x: Any, dim: int = -1) -> Tensor:
    """Probabilities that are proportional to the exponentials of the scores.

    softmax(x)_i = e^(x_i) / sum_j e^(x_j);  derivative of the i-th along x_j: s_i (1 - s_i) for j = i, else -s_i s_j.
    Source: Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs", 1990, eq. 3.
    Good: one of several classes, attention.  Bad: for a loss take `cross_entropy` of the scores, which is stabler.

    >>> softmax(Tensor([[1000.0, 1000.0], [0.0, -1000.0]]))
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    powers = exp(_below_zero(x, dim))
    return powers / sum(powers, dim, keepdim=True)


@accepts_numpy_names
def log_softmax(x: Any, dim: int = -1) -> Tensor:
    """The logarithm of `softmax`, finite for all finite scores.

    log_softmax(x)_i = x_i - log(sum_j e^(x_j));  derivative of the i-th along x_j: (1 if i = j else 0) - s_j.
    Source: as `softmax`.  Good: log-likelihoods.

    >>> log_softmax(Tensor([0.0, -1000.0]))
    tensor([    0., -1000.])
    """
    shifted = _below_zero(x, dim)
    return shifted - log(sum(exp(shifted), dim, keepdim=True))


def _below_zero(x: Any, dim: int) -> Tensor:
    """The scores less the largest of them: the result is the same and no exponential overflows."""
    x = as_tensor(x)
    return x - amax(x.detach(), dim, keepdim=True)
