"""Softmax, its logarithm and their kin: row formulas along a dimension of scores.

The largest score is taken off first: the result is the same and no exponential overflows.
"""

from __future__ import annotations

from typing import Any

from ..core.dimensions import accepts_numpy_names
from ..core.rowwise import rowwise
from ..core.tensor import Tensor
from ..operations.arithmetic import negative


@rowwise
def softmax_rows(xp, x):
    """The kernel of `softmax`."""
    e = xp.exp(x - xp.stop_gradient(xp.max(x)))
    return e / xp.sum(e)


@softmax_rows.derivative
def _(xp, output, upstream):
    return output * (upstream - xp.sum(output * upstream))


@rowwise
def log_softmax_rows(xp, x):
    """The kernel of `log_softmax`."""
    shifted = x - xp.stop_gradient(xp.max(x))
    return shifted - xp.log(xp.sum(xp.exp(shifted)))


@log_softmax_rows.derivative
def _(xp, output, upstream):
    return upstream - xp.exp(output) * xp.sum(upstream)


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
    return softmax_rows(x, dim=dim)


@accepts_numpy_names
def log_softmax(x: Any, dim: int = -1) -> Tensor:
    """The logarithm of `softmax`, finite for all finite scores.

    log_softmax(x)_i = x_i - log(sum_j e^(x_j));  derivative of the i-th along x_j: (1 if i = j else 0) - s_j.
    Source: as `softmax`.  Good: log-likelihoods.

    >>> log_softmax(Tensor([0.0, -1000.0]))
    tensor([    0., -1000.])
    """
    return log_softmax_rows(x, dim=dim)


@accepts_numpy_names
def softmin(x: Any, dim: int = -1) -> Tensor:
    """The softmax of the negative scores: the smallest score gets the largest probability.

    >>> softmin(Tensor([0.0, 1000.0]))
    tensor([1., 0.])
    """
    return softmax_rows(negative(x), dim=dim)
