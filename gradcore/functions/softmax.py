"""Softmax, log-softmax and related functions: row formulas along a dimension of scores.

The maximum is subtracted first, which prevents overflow and does not change the result.
"""

from __future__ import annotations

import warnings
from typing import Any, Optional

from ..backends import Expression, FormulaNamespace, RowNamespace
from ..core.broadcasting import cast
from ..core.dimensions import accepts_numpy_names, one_dim
from ..core.elementwise import elementwise
from ..core.rowwise import rowwise
from ..core.tensor import Tensor, as_tensor
from ..operations import random
from ..operations.arithmetic import log, log1p, negative
from ..operations.shaping import chunk


@rowwise
def softmax_rows(xp: RowNamespace, x: Expression) -> Expression:
    """The kernel of `softmax`."""
    e = xp.exp(x - xp.stop_gradient(xp.max(x)))
    return e / xp.sum(e)


@softmax_rows.derivative
def _(xp: RowNamespace, output: Expression, upstream: Expression) -> Expression:
    return output * (upstream - xp.sum(output * upstream))


@rowwise
def log_softmax_rows(xp: RowNamespace, x: Expression) -> Expression:
    """The kernel of `log_softmax`."""
    shifted = x - xp.stop_gradient(xp.max(x))
    return shifted - xp.log(xp.sum(xp.exp(shifted)))


@log_softmax_rows.derivative
def _(xp: RowNamespace, output: Expression, upstream: Expression) -> Expression:
    return upstream - xp.exp(output) * xp.sum(upstream)


def implied_dim(dim: Optional[int], ndim: int, name: str) -> int:
    """PyTorch's dimension if none is given: the first of 0, 1 or 3 dimensions, else the second."""
    if dim is not None:
        return dim
    chosen = 0 if ndim in (0, 1, 3) else 1
    if ndim > 2:
        warnings.warn(f"{name}: name the dimension, as dim=-1; without it dimension {chosen} of {ndim} is taken, as "
                      f"PyTorch does", stacklevel=3)
    return chosen


@accepts_numpy_names
def softmax(x: Any, dim: int = -1, dtype: Any = None) -> Tensor:
    """Probabilities proportional to the exponentials of the scores, which are first cast to `dtype`.

    softmax(x)_i = e^(x_i) / sum_j e^(x_j);  derivative of the i-th in x_j: s_i (1 - s_i) for j = i, else -s_i s_j.
    Source: Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs", 1990, eq. 3.
    Good: one of several classes, attention.  Bad: as a loss, `cross_entropy` of the scores is more stable.

    >>> softmax(Tensor([[1000.0, 1000.0], [0.0, -1000.0]]))
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    return softmax_rows(_in(x, dtype), dim=dim)


@accepts_numpy_names
def log_softmax(x: Any, dim: int = -1, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`, finite for all finite scores.

    log_softmax(x)_i = x_i - log(sum_j e^(x_j));  derivative of the i-th in x_j: (1 if i = j else 0) - s_j.
    Source: as `softmax`.  Good: log-likelihoods.

    >>> log_softmax(Tensor([0.0, -1000.0]))
    tensor([    0., -1000.])
    """
    return log_softmax_rows(_in(x, dtype), dim=dim)


@accepts_numpy_names
def softmin(x: Any, dim: int = -1, dtype: Any = None) -> Tensor:
    """The softmax of the negated scores.

    >>> softmin(Tensor([0.0, 1000.0]))
    tensor([1., 0.])
    """
    return softmax_rows(negative(_in(x, dtype)), dim=dim)


def _in(x: Any, dtype: Any) -> Any:
    return x if dtype is None else as_tensor(x, dtype=dtype)


@accepts_numpy_names
def glu(input: Any, dim: int = -1) -> Tensor:
    """The gated linear unit: one half of the input along `dim`, gated by the other half.

    glu(a, b) = a sigmoid(b).
    Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", ICML 2017, eq. 1.
    Good: a linear path for the gradient.  Bad: half of the width is used for gates.

    >>> glu(Tensor([3.0, 0.0]))
    tensor([1.5])
    """
    x = as_tensor(input)
    if not x.ndim or x.shape[one_dim(dim, x.ndim)] % 2:
        raise ValueError(f"glu: dimension {dim} of the input must have an even length, to be halved; got shape "
                         f"{x.shape}")
    return gated(*chunk(x, 2, dim))


@elementwise
def gated(xp: FormulaNamespace, x: Expression, gate: Expression) -> Expression:
    """x sigmoid(gate): the kernel of `glu`."""
    return x * xp.sigmoid(gate)


@accepts_numpy_names
def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A differentiable sample of categories; with `hard`, a one-hot vector with the gradient of the soft sample.

    softmax((logits + g) / tau) with g drawn from the Gumbel distribution.
    Source: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017, eq. 2.

    >>> gumbel_softmax(Tensor([0.0, 100.0]), hard=True)
    tensor([0., 1.])
    """
    logits = as_tensor(logits)
    if not tau > 0:
        raise ValueError(f"gumbel_softmax: `tau` must be above 0; got {tau}")
    gumbel = negative(log(negative(log1p(negative(random.rand(logits.shape, device=logits.device)))) + 1e-38))
    soft = softmax((logits + cast(gumbel, logits.dtype)) / tau, dim)
    if not hard:
        return soft
    one = cast(as_tensor(soft.detach() == soft.detach().amax(dim, keepdim=True)), soft.dtype)
    return one - soft.detach() + soft
