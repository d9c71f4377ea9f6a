"""Activations that are linear for positive inputs and exponential for negative ones."""

from __future__ import annotations

from typing import Any

from ..backends import Expression, FormulaNamespace
from ..core.elementwise import elementwise
from ..core.tensor import Tensor, as_tensor
from ..operations.selection import where

# The fixed point of mean 0 and variance 1: Klambauer et al., eq. 14.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_GAMMA = 1.0507009873554804934193349852946


@elementwise
def elu(xp: FormulaNamespace, x: Expression, alpha: float = 1.0) -> Expression:
    """The exponential linear unit: it saturates smoothly at -alpha for negative inputs.

    elu(x) = max(0, x) + min(0, alpha (e^x - 1));  derivative 1 for x > 0, else alpha e^x = elu(x) + alpha.
    Source: Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear
    Units (ELUs)", ICLR 2016, eq. 15.
    Good: mean activations near zero, robust to noise when saturated.  Bad: an exponential; large networks may not gain.

    >>> from gradcore import Tensor
    >>> elu(Tensor([-100.0, 0.0, 3.0]))
    tensor([-1.,  0.,  3.])
    """
    negative_part = alpha * xp.expm1(xp.minimum(x, 0.0))
    # For usual alphas the negative part is 0 for x > 0 and at least x for x < 0: the sum is a maximum.
    is_usual = xp.logical_and(alpha >= 0, alpha <= 1)
    return xp.where(is_usual, xp.maximum(x, negative_part), xp.maximum(x, 0.0) + negative_part)


@elu.derivative
def _(xp: FormulaNamespace, x: Expression, output: Expression, alpha: float = 1.0) -> Expression:
    # With the usual alpha = 1 the slope is min(output + 1, 1), without a choice.
    return xp.where(alpha == 1, xp.minimum(output, 0.0) + 1.0, xp.where(x > 0, 1.0, output + alpha))


@elementwise
def selu(xp: FormulaNamespace, x: Expression, alpha: float = _SELU_ALPHA, gamma: float = _SELU_GAMMA) -> Expression:
    """The scaled exponential linear unit, whose constants keep activations at mean 0 and variance 1.

    selu(x) = g (max(0, x) + min(0, a (e^x - 1))), a = 1.6733, g = 1.0507;  derivative g for x > 0, else g a e^x.
    Other values of a and g (alpha and gamma in ONNX) lose the fixed point.
    Source: Klambauer et al., "Self-Normalizing Neural Networks", NIPS 2017, eq. 2.
    Good: deep plain networks without normalization layers.  Bad: needs its own initialization and dropout.

    >>> from gradcore import Tensor
    >>> selu(Tensor([-100.0, 0.0, 1.0]))
    tensor([-1.7581,  0.    ,  1.0507])
    """
    return gamma * xp.maximum(x, 0.0) + gamma * alpha * xp.expm1(xp.minimum(x, 0.0))


@selu.derivative
def _(xp: FormulaNamespace, x: Expression, output: Expression, alpha: float = _SELU_ALPHA,
      gamma: float = _SELU_GAMMA) -> Expression:
    return xp.where(x > 0, gamma, output + gamma * alpha)


@elementwise
def celu(xp: FormulaNamespace, x: Expression, alpha: float = 1.0) -> Expression:
    """The exponential linear unit with slope 1 at zero for every alpha.

    celu(x) = max(0, x) + min(0, alpha (e^(x/alpha) - 1));  derivative 1 for x > 0, else e^(x/alpha).
    Source: Barron, "Continuously Differentiable Exponential Linear Units", 2017, eq. 2.
    Good: smooth, so alpha can be tuned freely (0 gives relu).  Bad: an exponential.

    >>> from gradcore import Tensor
    >>> celu(Tensor([-100.0, 0.0, 3.0]), alpha=2.0)
    tensor([-2.,  0.,  3.])
    """
    negative_part = alpha * xp.expm1(xp.minimum(x, 0.0) / alpha)
    return xp.maximum(x, 0.0) + xp.where(alpha == 0, 0.0, negative_part)


@celu.derivative
def _(xp: FormulaNamespace, x: Expression, output: Expression, alpha: float = 1.0) -> Expression:
    return xp.where(x > 0, 1.0, xp.where(alpha == 0, 0.0, output / alpha + 1.0))


@elementwise
def softplus(xp: FormulaNamespace, x: Expression, beta: float = 1.0) -> Expression:
    """A smooth rectifier: always positive; it approaches relu for large beta.

    softplus(x) = log(1 + e^(beta x)) / beta;  derivative sigmoid(beta x).
    Source: Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", NIPS 2000.
    Good: keeps variances and rates positive.  Bad: never zero, slower than relu, rarely better.

    >>> from gradcore import Tensor
    >>> softplus(Tensor([-1.0, 0.0, 100.0]))
    tensor([  0.3133,   0.6931, 100.    ])
    """
    z = beta * x
    # For z >= 37 the result is z in double precision; the cap prevents overflow of exp.
    return xp.maximum(xp.log1p(xp.exp(xp.minimum(z, 88.0))), z) / beta


@softplus.demands("`beta` must not be 0")
def _(beta: float) -> bool:
    return beta != 0


@softplus.derivative
def _(xp: FormulaNamespace, x: Expression, beta: float = 1.0) -> Expression:
    return xp.sigmoid(beta * x)


def softplus_up_to(input: Any, beta: float, threshold: float) -> Tensor:
    """`softplus`, and the input itself where beta · input exceeds a threshold, as in PyTorch."""
    smooth = softplus(input, beta=beta)
    # From 20 on the difference is below the precision of float32.
    return smooth if threshold >= 20 else where(as_tensor(input).detach() * beta > threshold, input, smooth)
